"""Tables: named columns of equal length, each cell traceable to its place in a file."""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .errors import TabularError, quoted

# What stands for "no value" in a column of numbers. In a column of texts these are texts.
MISSING = frozenset(
    ("na", "n/a", "#n/a", "nan", "null", "none", "?", "-", "--", ".", "\\n", "<na>", "nat", "n.a.",
     "(null)")
)  # fmt: skip
DIGITS = "digits"

_CODE = re.compile(r"0[0-9]+")  # a leading zero: no number is written like that
_CODES = re.compile(r"^0[0-9]+$", re.MULTILINE)
_LISTS = (list, tuple, dict, set, np.ndarray)
_EXACT = 2.0**53  # beyond it floats do not hold every whole number


def number_of(text: str, decimal_comma: bool = False) -> float | None:
    """The number that a cell holds; None for a text, such as `1_2`, which `float` would take."""
    if decimal_comma:
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if text.isascii() and "_" not in text else None


def written(number: float) -> str:
    """A number in the fewest digits that read back the same; whole ones without a point."""
    return str(int(number)) if number == np.floor(number) and abs(number) < 1e15 else repr(number)


@dataclass
class Column:
    """One column: `numbers` (NaN where the cell is no number), and the cells as they are written.

    `texts` is None for a numeric array, and where the reader was not asked to keep them.
    `empty_rows` hold nothing, `missing_rows` nothing or a word for it, `text_rows` what is neither
    that nor a number. `code_row` is the first with a leading zero (007), `wide_row` the first with
    a whole number that a float does not hold: as labels both are texts.
    """

    name: str
    numbers: np.ndarray
    texts: list[str] | None = None
    text_rows: list[int] = field(default_factory=list)
    missing_rows: list[int] = field(default_factory=list)
    empty_rows: list[int] = field(default_factory=list)
    code_row: int | None = None
    wide_row: int | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether every cell is a number or missing, and none is a code."""
        return not self.text_rows and self.code_row is None

    def cell(self, row: int) -> str:
        return self.texts[row] if self.texts is not None else written(float(self.numbers[row]))

    def cells(self) -> list[str]:
        """Every cell as a text."""
        return self.texts if self.texts is not None else [written(float(v)) for v in self.numbers]

    def add(self, texts: Sequence[str], at: int, keep: bool, decimal_comma: bool) -> None:
        """Reads the cells of the rows from `at` on into `numbers`."""
        if keep and self.texts is not None:
            self.texts.extend(texts)
        joined = "\n".join(texts)
        try:
            plain = joined.replace(",", ".").split("\n") if decimal_comma else texts
            found = list(map(float, plain))
        except ValueError:
            found = []
        if len(found) != len(texts) or not joined.isascii() or "_" in joined:
            self._add_each(texts, at, decimal_comma)
            return
        values = self.numbers[at : at + len(texts)]
        values[:] = found
        self.missing_rows.extend((np.flatnonzero(np.isnan(values)) + at).tolist())
        if self.code_row is None and _CODES.search(joined):
            self.code_row = at + next(i for i, text in enumerate(texts) if _CODE.fullmatch(text))
        if self.wide_row is None and np.nanmax(np.abs(values), initial=0) >= _EXACT:
            self._find_wide(texts, at)

    def _add_each(self, texts: Sequence[str], at: int, decimal_comma: bool) -> None:
        for row, text in enumerate(texts, at):
            value = number_of(text, decimal_comma) if text else None
            if value is not None and value == value:
                self.numbers[row] = value
                if self.code_row is None and _CODE.fullmatch(text):
                    self.code_row = row
                continue
            self.numbers[row] = np.nan
            if value is not None or not text or text.lower() in MISSING:
                self.missing_rows.append(row)
                if not text:
                    self.empty_rows.append(row)
            else:
                self.text_rows.append(row)
        if self.wide_row is None:
            self._find_wide(texts, at)

    def _find_wide(self, texts: Sequence[str], at: int) -> None:
        for row, text in enumerate(texts, at):
            value = float(self.numbers[row])
            whole = abs(value) >= _EXACT and text.lstrip("+-").isdigit()
            if whole and (len(text) > 300 or int(text) != int(value)):
                self.wide_row = row
                return

    def cut(self, count: int, rows: int) -> Column:
        """Takes the first `count` of its `rows` rows away, as a column of their own.

        What is left knows of codes and wide numbers only if there were none before.
        """
        first = Column(self.name, self.numbers[:count].copy())
        self.numbers[: rows - count] = self.numbers[count:rows].copy()
        if self.texts is not None:
            first.texts, self.texts = self.texts[:count], self.texts[count:]
        for kind in ("text_rows", "missing_rows", "empty_rows"):
            found = getattr(self, kind)
            at = bisect_left(found, count)
            setattr(first, kind, found[:at])
            setattr(self, kind, [row - count for row in found[at:]])
        for kind in ("code_row", "wide_row"):
            row = getattr(self, kind)
            if row is not None:
                setattr(first, kind, row if row < count else None)
                setattr(self, kind, None if row < count else row - count)
        return first

    @classmethod
    def of_texts(cls, name: str, texts: list[str], decimal_comma: bool = False) -> Column:
        column = cls(name, np.empty(len(texts)), [])
        column.add(texts, 0, True, decimal_comma)
        return column

    @classmethod
    def of_numbers(cls, name: str, numbers: np.ndarray) -> Column:
        whole = numbers.dtype.kind in "iu"
        if whole and np.abs(numbers.astype(np.float64)).max(initial=0) >= _EXACT:
            return cls.of_texts(name, [str(value) for value in numbers.tolist()])
        numbers = numbers.astype(np.float64)
        return cls(name, numbers, missing_rows=np.flatnonzero(np.isnan(numbers)).tolist())


@dataclass
class Table:
    """Columns of equal length. `lines` gives each row's line in a CSV file.

    `notes` are what a user should know of how the file was read.
    """

    path: str
    columns: dict[str, Column]
    lines: Sequence[int] | np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    first: int = 0  # the number of its first row in a larger table

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())).numbers)

    def where(self, row: int, column: Column) -> str:
        place = f"row {self.first + row}" if self.lines is None else f"line {self.lines[row]}"
        return f"{self.path}, {place}, column {quoted(column.name)}"

    def column(self, name: str) -> Column:
        found = self.columns.get(name)
        if found is not None:
            return found
        close = difflib.get_close_matches(name, self.columns, 1)
        hint = f" (did you mean {quoted(close[0])}?)" if close else ""
        names = list(self.columns)
        more = ", ..." if len(names) > 12 else ""
        listed = ", ".join(quoted(known) for known in names[:12])
        raise TabularError(f"{self.path}: no column {quoted(name)}{hint}; it has {listed}{more}")

    def check_present(self, column: Column, rows: Sequence[int]) -> None:
        """Raises for the first of `rows`, which hold nothing."""
        if rows:
            more = len(rows) - 1
            others = f" (and {more} more in this column)" if more else ""
            raise TabularError(
                f"{self.where(rows[0], column)}: missing value{others}; "
                "fill it in, remove the row, or leave the column out",
                "drop",
            )

    def check_finite(self, column: Column) -> None:
        """Raises for a number that is infinite."""
        infinite = np.flatnonzero(np.isinf(column.numbers))
        if len(infinite):
            row = int(infinite[0])
            raise TabularError(
                f"{self.where(row, column)}: {quoted(column.cell(row))} is not finite"
            )

    def no_number(self, row: int, column: Column) -> TabularError:
        return TabularError(
            f"{self.where(row, column)}: {quoted(column.cell(row))} is not a number"
        )


def table_of(columns: object) -> Table:
    """Columns by name as a table: a dict of sequences, or a frame of pandas or polars.

    Numbers are numbers, durations days; in a column with anything else every value is the text that
    `str` gives, and None and NaN are empty cells. TypeError for what has no columns, TabularError
    for columns of different lengths and for those that hold lists.
    """
    found: dict[str, Column] = {}
    for name, values in _by_name(columns):
        array = np.asarray(values)
        lists = array.dtype.kind == "O" and any(isinstance(v, _LISTS) for v in array.flat)
        if array.ndim != 1 or lists:
            raise TabularError(f"column {quoted(name)}: one value a row needed")
        if array.dtype.kind == "m":
            array = array / np.timedelta64(1, "D")
        if array.dtype.kind in "fiub":
            found[str(name)] = Column.of_numbers(str(name), array)
        else:
            cells = ["" if _is_nothing(v) else str(v).strip() for v in values_of(array)]
            found[str(name)] = Column.of_texts(str(name), cells)
    lengths = {len(column.numbers) for column in found.values()}
    if len(lengths) != 1:
        raise TabularError(f"columns of one length needed, found {sorted(lengths)}")
    return Table("columns", found)


def _by_name(columns: object) -> Iterable[tuple[object, object]]:
    """Names and values; a frame of polars has no `items`."""
    if hasattr(columns, "items"):
        return columns.items()
    if hasattr(columns, "get_column") and hasattr(columns, "__len__"):
        names = columns.columns  # type: ignore[attr-defined]
        return [(name, columns.get_column(name)) for name in names]
    hint = "; collect() it first" if hasattr(columns, "collect") else ""
    raise TypeError(
        f"a table, a path or columns by name expected, got {type(columns).__name__}{hint}"
    )


def values_of(array: np.ndarray) -> list[object]:
    """What an array holds; dates as texts, as NumPy writes them."""
    if array.dtype.kind == "M":
        days = array.astype("datetime64[s]")
        whole = (days == days.astype("datetime64[D]")) | np.isnat(days)
        return np.datetime_as_string(days, "D" if whole.all() else "s").tolist()
    return array.tolist()


def _is_nothing(value: object) -> bool:
    """None, NaN, NaT or pandas.NA, which says of nothing whether it differs from itself."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        return True


def digits_table(split: str) -> Table:
    """The digits as a table: columns pixel_0_0 to pixel_7_7 (0..1), and digit."""
    from ..datasets import digits

    images, labels = digits(split)
    pixels = images.numpy()
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    columns = {name: Column.of_numbers(name, pixels[:, i]) for i, name in enumerate(names)}
    columns["digit"] = Column.of_numbers("digit", labels.numpy())
    return Table(DIGITS, columns)
