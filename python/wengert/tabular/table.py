"""Tables: a CSV or NPZ file as named columns, each cell traceable to its place."""

from __future__ import annotations

import csv
import difflib
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .errors import TabularError, file_error, quoted

# What stands for "no value" in a column of numbers. In a column of texts these are texts.
_MISSING = frozenset(("na", "n/a", "#n/a", "nan", "null", "none", "?", "-"))
DIGITS = "digits"


@dataclass
class Column:
    """One column: `numbers` (NaN where the cell is no number), or else only texts.

    `texts` is None for a column that came as a numeric array. `text_rows` and `missing_rows`
    are the rows whose cells hold something that is no number, or nothing.
    """

    name: str
    numbers: np.ndarray
    texts: list[str] | None = None
    text_rows: list[int] = field(default_factory=list)
    missing_rows: list[int] = field(default_factory=list)

    @property
    def is_numeric(self) -> bool:
        return not self.text_rows

    def cell(self, row: int) -> str:
        return self.texts[row] if self.texts is not None else f"{self.numbers[row]:g}"

    @classmethod
    def of_texts(cls, name: str, texts: list[str], decimal_comma: bool = False) -> Column:
        column = cls(name, np.full(len(texts), np.nan), texts)
        for row, text in enumerate(texts):
            if not text:
                column.missing_rows.append(row)
                continue
            try:
                column.numbers[row] = float(text.replace(",", ".") if decimal_comma else text)
            except ValueError:
                if text.lower() not in _MISSING:
                    column.text_rows.append(row)
        if not column.text_rows:
            column.missing_rows = np.flatnonzero(np.isnan(column.numbers)).tolist()
        return column

    @classmethod
    def of_numbers(cls, name: str, numbers: np.ndarray) -> Column:
        numbers = numbers.astype(np.float64)
        return cls(name, numbers, missing_rows=np.flatnonzero(np.isnan(numbers)).tolist())


@dataclass
class Table:
    """Columns of equal length. `lines` gives each row's line in a CSV file."""

    path: str
    columns: dict[str, Column]
    lines: list[int] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())).numbers)

    def where(self, row: int, column: Column) -> str:
        place = f"row {row}" if self.lines is None else f"line {self.lines[row]}"
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

    def check_complete(self, column: Column) -> None:
        """Raises for a cell that is empty or not finite."""
        if column.missing_rows:
            more = len(column.missing_rows) - 1
            others = f" (and {more} more in this column)" if more else ""
            raise TabularError(
                f"{self.where(column.missing_rows[0], column)}: missing value{others}; "
                "fill it in, remove the row, or leave the column out",
                "drop",
            )
        if column.is_numeric and not np.isfinite(column.numbers).all():
            row = int(np.flatnonzero(~np.isfinite(column.numbers))[0])
            raise TabularError(
                f"{self.where(row, column)}: {quoted(column.cell(row))} is not finite"
            )


def read_table(path: str) -> Table:
    """Reads a CSV file (also separated by semicolons or tabs) or an NPZ archive."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise file_error(path, error) from None
    if not data:
        raise TabularError(f"{path}: the file is empty")
    if Path(path).suffix.lower() == ".npz" or data.startswith(b"PK\x03\x04"):
        return _read_npz(path, data)
    return _read_csv(path, data)


# -------------------------------------------------------------------------------- csv


def _decode(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_start = data.rfind(b"\n", 0, error.start) + 1
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - line_start + 1
        raise TabularError(
            f"{path}, line {line}, column {column}: byte 0x{data[error.start]:02x} is not UTF-8; "
            "save the file as UTF-8"
        ) from None


def _delimiter(text: str) -> str:
    header = next((line for line in text.splitlines() if line.strip()), "")
    outside = "".join(header.split('"')[::2])  # what lies between quotes separates nothing
    return max(",;\t", key=outside.count)


def _records(path: str, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """(line on which the record starts, cells), without blank lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records, line = [], 1
    try:
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                records.append((line, [cell.strip() for cell in cells]))
            line = reader.line_num + 1
    except csv.Error as error:
        raise TabularError(f"{path}, line {line}: {error}") from None
    return records


def _check_header(path: str, line: int, names: list[str]) -> None:
    seen: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        if not name:
            raise TabularError(f"{path}, line {line}, column {position}: the column has no name")
        if name in seen:
            raise TabularError(
                f"{path}, line {line}: columns {seen[name]} and {position} "
                f"have the same name {quoted(name)}"
            )
        seen[name] = position


def _read_csv(path: str, data: bytes) -> Table:
    text = _decode(path, data)
    delimiter = _delimiter(text)
    records = _records(path, text, delimiter)
    if not records:
        raise TabularError(f"{path}: the file is empty")
    (header_line, names), rows = records[0], records[1:]
    _check_header(path, header_line, names)
    if not rows:
        raise TabularError(f"{path}: a header but no rows")
    for line, cells in rows:
        if len(cells) < len(names):
            raise TabularError(
                f"{path}, line {line}: {len(cells)} cells, needed {len(names)}: "
                f"none for column {quoted(names[len(cells)])}"
            )
        if len(cells) > len(names):
            raise TabularError(
                f"{path}, line {line}: {len(cells)} cells, needed {len(names)}: "
                f"{quoted(cells[len(names)])} after column {quoted(names[-1])}"
            )
    by_column = zip(*(cells for _, cells in rows), strict=True)
    columns = {
        name: Column.of_texts(name, list(cells), delimiter == ";")
        for name, cells in zip(names, by_column, strict=True)
    }
    return Table(path, columns, [line for line, _ in rows])


# -------------------------------------------------------------------------------- npz


def _read_npz(path: str, data: bytes) -> Table:
    arrays: dict[str, np.ndarray] = {}
    name = ""
    try:
        archive = np.load(io.BytesIO(data), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise TabularError(f"{path}: a single array, needed an NPZ archive of named arrays")
        for name in archive.files:
            arrays[name] = archive[name]
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        if "allow_pickle" in str(error) and name:
            raise TabularError(f"{path}, array {quoted(name)}: holds Python objects") from None
        place = f", array {quoted(name)}" if name else ""
        raise TabularError(f"{path}{place}: not an NPZ archive that can be read") from None
    if not arrays:
        raise TabularError(f"{path}: the archive is empty")
    columns: dict[str, Column] = {}
    length: int | None = None
    for name, array in arrays.items():
        if array.ndim == 0:
            raise TabularError(f"{path}, array {quoted(name)}: a single value, needed one per row")
        if length is not None and len(array) != length:
            raise TabularError(
                f"{path}, array {quoted(name)}: {len(array)} rows, others have {length}"
            )
        length = len(array)
        columns.update(_npz_columns(path, name, array))
    if not length or not columns:
        raise TabularError(f"{path}: the arrays have no rows")
    return Table(path, columns)


def _npz_columns(path: str, name: str, array: np.ndarray) -> dict[str, Column]:
    if array.dtype.kind not in "fiubUS":
        raise TabularError(
            f"{path}, array {quoted(name)}: dtype {array.dtype}, needed numbers or text"
        )
    if array.ndim == 1:
        return {name: _npz_column(name, array)}
    flat = array.reshape(len(array), -1) if len(array) else array.reshape(0, 1)
    return {f"{name}[{i}]": _npz_column(f"{name}[{i}]", flat[:, i]) for i in range(flat.shape[1])}


def _npz_column(name: str, values: np.ndarray) -> Column:
    if values.dtype.kind == "U":
        return Column.of_texts(name, [str(value).strip() for value in values])
    if values.dtype.kind == "S":
        return Column.of_texts(name, [value.decode("utf-8", "replace").strip() for value in values])
    return Column.of_numbers(name, values)


# ----------------------------------------------------------------------------- digits


def digits_table(split: str) -> Table:
    """The digits as a table: columns pixel_0_0 to pixel_7_7 (0..1), and digit."""
    from ..datasets import digits

    images, labels = digits(split)
    pixels = images.numpy()
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    columns = {name: Column.of_numbers(name, pixels[:, i]) for i, name in enumerate(names)}
    columns["digit"] = Column.of_numbers("digit", labels.numpy())
    return Table(DIGITS, columns)
