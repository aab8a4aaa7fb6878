"""CSV files as tables, read block by block into columns.

Note [blocks]
~~~~~~~~~~~~~
A block is some whole lines. One without quotes whose cells are all numbers (or empty) is read by
NumPy's own reader, several times as fast as cells become Python's strings; any other, one by one,
by the module `csv`. From the first quote on the module reads all that is left, as a quoted cell may
hold line breaks. Numbers go straight into columns, and cells are kept as they are written only
where that is asked for, or where they are no numbers. A column that turns out to need its texts
after some of them are gone is the reason for a second pass; for files of one block there is none.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO

import numpy as np

from .arrow import ARROW, PARQUET, arrow_blocks, read_arrow
from .errors import TabularError, quoted
from .npz import read_npz
from .source import Source, refuse_kind
from .table import Column, Table
from .written import Written, read_written, take_written

_BLOCK = 1 << 20  # bytes
_ROWS = 1 << 14  # of a batch of the module csv

Record = tuple[int, list[str]]  # the line on which it starts, its cells


def read_table(
    path: str, texts: Collection[str] | None = None, encoding: str | None = None
) -> Table:
    """Reads a CSV file or an NPZ archive. TabularError for anything else.

    Cells are separated by commas, semicolons (whose numbers may have decimal commas), tabs, bars or
    blanks, as the header shows, or as a first line `sep=;` says; the file may be packed by gzip;
    `-` is standard input. A first column without a name is an index, which is left out. Texts are
    in UTF-8, or as `encoding` says. Parquet and Arrow files are read where pyarrow is installed.

    `texts` names the columns of numbers whose cells are to be kept as they are written, such as a
    target; None keeps those of all columns. Large tables then take several times the memory.
    """
    source = Source(path, encoding)
    other = _no_csv(source)
    if other is not None:
        return other
    keep = None if texts is None else set(texts)
    while True:
        reader = _Reader(source, keep)
        with _errors_of(source):
            reader.read()
        wanting = reader.wanting_texts()
        if not wanting:
            return reader.table()
        assert keep is not None
        keep |= wanting


def read_blocks(
    path: str, texts: Collection[str], encoding: str | None = None, rows: int = 8192
) -> Iterator[Table]:
    """The table that `read_table` reads, as tables of `rows` rows, the last of which may have less.

    What a column is depends on all of its rows. Therefore a CSV file of more than one block is read
    once before the first table is given; what cannot be read is an error then. Parquet and Arrow
    files are read as it goes. An archive is one table. Texts in other encodings are kept in memory.
    """
    source = Source(path, encoding)
    if source.head.startswith((PARQUET, ARROW)):
        data = None if source.is_plain else source.read()
        yield from arrow_blocks(path, source.head, data, rows)
        return
    other = _no_csv(source)
    if other is not None:
        yield other
        return
    keep = set(texts)
    written, only = _look(source, keep, rows)
    tables = [only] if only is not None else _Reader(source, keep, rows).tables()
    with _errors_of(source):
        for table in tables:
            for column in table.columns.values():
                seen = written.get(column.name)
                if seen is not None and seen.found:
                    take_written(column, seen.decimal_comma)
            yield table


def _look(source: Source, keep: set[str], rows: int) -> tuple[dict[str, Written], Table | None]:
    """What the columns of a CSV file are, and the table if one block is all.

    `keep` is told of the columns that are not of numbers, whose texts are needed.
    """
    while True:
        reader = _Reader(source, keep, rows)
        written: dict[str, Written] = {}
        only: Table | None = None
        count = 0
        with _errors_of(source):
            for table in reader.tables():
                count += 1
                only = table if count == 1 else None
                for name, column in table.columns.items():
                    seen = written.setdefault(name, Written(reader.decimal_comma))
                    seen.look(column)
        if not reader.wanting:
            return written, only


def _no_csv(source: Source) -> Table | None:
    """The table of a file of another kind; None for a text. TabularError for what is no table."""
    path = source.path
    if not source.head:
        raise TabularError(f"{path}: the file is empty")
    if path.lower().endswith(".npz") or source.head.startswith(b"PK\x03\x04"):
        return read_npz(path, source.read())
    if source.head.startswith((PARQUET, ARROW)):
        return read_arrow(path, source.head, source.read())
    refuse_kind(path, source.head)
    return None


@contextmanager
def _errors_of(source: Source) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise _not_utf8(source) from None
    except (OSError, EOFError, zlib.error) as error:
        raise source.error(error) from None


def _not_utf8(source: Source) -> TabularError:
    with source.open() as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                return TabularError(
                    f"{source.path}, line {number}, column {error.start + 1}: byte "
                    f"0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8, or "
                    "name its encoding, such as cp1252",
                    "encoding",
                    "NAME",
                )
    return TabularError(f"{source.path}: not UTF-8")


class _Dialect:
    """How the cells of a file are separated."""

    def __init__(self, text: str) -> None:
        """From the first lines of a file."""
        lines = [line for line in re.split(r"[\r\n]+", text[: 1 << 16]) if line.strip()]
        self.skipped = 0  # lines before the header
        if lines and lines[0].lower().startswith("sep=") and len(lines[0]) == 5:
            self.delimiter = lines[0][4]
            self.skipped = 1
        else:
            # What lies between quotes separates nothing.
            outside = ["".join(line.split('"')[::2]) for line in lines[:2]]
            header = outside[0] if outside else ""
            self.delimiter = max(",;\t|", key=header.count)
            counts = [len(line.split()) for line in outside]
            if self.delimiter not in header and len(counts) == 2 and counts[0] == counts[1] > 1:
                self.delimiter = " "
        self.decimal_comma = self.delimiter == ";"

    def records(self, lines: Iterable[str], path: str, first: int) -> Iterator[Record]:
        """The records of `lines`, without blank ones; `first` is the number of the first line."""
        blanks = self.delimiter == " "
        stripped = (line.strip(" \t\r\n").replace("\t", " ") for line in lines) if blanks else lines
        reader = csv.reader(
            stripped, delimiter=self.delimiter, strict=True, skipinitialspace=blanks
        )
        line = first
        try:
            for cells in reader:
                if len(cells) > 1 or (cells and cells[0].strip()):
                    yield line, [cell.strip() for cell in cells]
                line = first + reader.line_num
        except csv.Error as error:
            raise TabularError(f"{path}, line {line}: {error}") from None


class _Reader:
    """One pass over a file.

    With `most` it gives tables of so many rows (`tables`) and forgets them. Columns that turn out
    not to be of numbers are added to `keep`; `wanting` are those whose texts are lost by then.
    """

    def __init__(self, source: Source, keep: set[str] | None, most: int | None = None) -> None:
        self._source, self._keep, self._path = source, keep, source.path
        self._most = most
        self._given = 0  # rows of tables
        self.wanting: set[str] = set()
        self._columns: list[Column] = []
        self._numbers = np.empty((0, 0))
        self._lines: list[np.ndarray] = []
        self._rows = 0
        self._index = 0  # 1: the first column is left out
        self._notes: list[str] = []

    # ---- the file, block by block

    def read(self) -> None:
        for _ in self._steps():
            pass

    def tables(self) -> Iterator[Table]:
        """All rows, `most` in each table but the last, as they are read."""
        assert self._most is not None
        for _ in self._steps():
            while self._rows > self._most:
                yield self._take(self._most)
        yield self._take(self._rows)

    def _steps(self) -> Iterator[None]:
        """Reads on, with a stop after each lot of rows."""
        with self._source.open() as file:
            block = self._block(file)
            text = block.decode("utf-8-sig")
            self._dialect = _Dialect(text)
            if not _is_plain(text):
                yield from self._read_rest(0, 1)
                return
            records = self._records(text, 1)
            self._header(records, self._source.size / max(1, len(block)) * text.count("\n"))
            for _ in self._add_all(records):
                yield
            self._drop_texts()
            line, at = 1, 0
            while True:
                line += text.count("\n")
                at += len(block)
                block = self._block(file)
                if not block:
                    break
                text = block.decode("utf-8")
                if not _is_plain(text):
                    yield from self._read_rest(at, line)
                    return
                if not self._add_numbers(text, block, line):
                    yield from self._add_all(self._records(text, line))
                yield
        self._check_rows()

    def _block(self, file: IO[bytes]) -> bytes:
        """Whole lines, about a block of them."""
        return b"".join(file.readlines(_BLOCK))

    def _records(self, text: str, line: int) -> Iterator[Record]:
        return self._dialect.records(io.StringIO(text, newline=""), self._path, line)

    def _add_all(self, records: Iterator[Record]) -> Iterator[None]:
        while batch := list(islice(records, _ROWS)):
            self._add_records(batch)
            yield

    def _read_rest(self, at: int, line: int) -> Iterator[None]:
        """What stands from byte `at` on, by the module csv."""
        with self._source.open() as file:
            file.seek(at)
            text = io.TextIOWrapper(file, "utf-8" if at else "utf-8-sig", newline="")
            records = self._dialect.records(iter(text), self._path, line)
            if not self._columns:
                self._header(records, _ROWS)
            while batch := list(islice(records, _ROWS)):
                self._add_records(batch)
                self._drop_texts()
                yield
        self._check_rows()

    # ---- what is found in it

    def _header(self, records: Iterator[Record], rows: float) -> None:
        """The names of the columns, and room for about so many rows."""
        for _ in range(self._dialect.skipped):
            next(records, None)
        line, names = next(records, (0, []))
        if not names:
            raise TabularError(f"{self._path}: the file is empty")
        if len(names) > 1 and not names[0]:
            self._index = 1
            self._notes.append("the first column has no name: an index, left out")
        seen: dict[str, int] = {}
        for position, name in enumerate(names[self._index :], self._index + 1):
            if not name:
                raise TabularError(
                    f"{self._path}, line {line}, column {position}: the column has no name"
                )
            if name in seen:
                raise TabularError(
                    f"{self._path}, line {line}: columns {seen[name]} and {position} "
                    f"have the same name {quoted(name)}"
                )
            seen[name] = position
        self._columns = [Column(name, np.empty(0), []) for name in seen]
        self._reserve(int((rows if self._most is None else min(rows, self._most)) * 1.05) + 16)

    def _reserve(self, rows: int) -> None:
        """Room for so many rows; memory that is never written costs nothing."""
        room = np.empty((len(self._columns), rows))
        if self._rows:
            room[:, : self._rows] = self._numbers[:, : self._rows]
        self._numbers = room
        for column, numbers in zip(self._columns, room, strict=True):
            column.numbers = numbers

    def _make_room(self, count: int) -> None:
        needed = self._rows + count
        if needed > self._numbers.shape[1]:
            self._reserve(max(needed, 2 * self._rows))

    def _add_records(self, batch: Sequence[Record]) -> None:
        wanted = len(self._columns) + self._index
        for line, cells in batch:
            if len(cells) != wanted:
                raise self._wrong_count(line, cells)
        self._make_room(len(batch))
        cells_of = list(zip(*(cells for _, cells in batch), strict=True))[self._index :]
        for column, texts in zip(self._columns, cells_of, strict=True):
            column.add(texts, self._rows, self._keeps(column), self._dialect.decimal_comma)
        self._lines.append(np.array([line for line, _ in batch]))
        self._rows += len(batch)

    def _wrong_count(self, line: int, cells: list[str]) -> TabularError:
        names = [""] * self._index + [column.name for column in self._columns]
        if len(cells) < len(names):
            what = f"none for column {quoted(names[len(cells)])}"
        else:
            what = f"{quoted(cells[len(names)])} after column {quoted(names[-1])}"
        return TabularError(
            f"{self._path}, line {line}: {len(cells)} cells, needed {len(names)}: {what}"
        )

    def _keeps(self, column: Column) -> bool:
        return column.texts is not None

    def _drop_texts(self) -> None:
        """Columns of numbers give up their texts, unless these are wanted."""
        if self._keep is None:
            return
        for column in self._columns:
            if column.is_numeric and column.name not in self._keep:
                column.texts = None

    def _add_numbers(self, text: str, block: bytes, line: int) -> bool:
        """A block of numbers, apart from columns whose texts are kept. False: it is none.

        Blank lines, cells with leading zeros, words for missing values: all that is for the module
        csv.
        """
        delimiter = self._dialect.delimiter
        kept = [i for i, column in enumerate(self._columns) if column.texts is not None]
        if delimiter == " " or 2 * len(kept) > len(self._columns) or not text.strip():
            return False
        codes, empties = _found(block, delimiter)
        if codes:
            return False
        if "\r" in text:
            text = text.replace("\r", "")
        lines = text.rstrip("\n").split("\n")
        width = len(self._columns) + self._index
        usecols = [i + self._index for i, c in enumerate(self._columns) if c.texts is None]
        numbers = text.replace(",", ".") if self._dialect.decimal_comma else text
        try:
            values = np.loadtxt(
                _filled(numbers, delimiter) if empties or numbers is not text else lines,
                delimiter=delimiter, comments=None, ndmin=2,
                usecols=usecols if len(usecols) < width else None,
            )  # fmt: skip
        except ValueError:
            return False
        # With `usecols` it does not mind cells beyond the last of them.
        if values.shape != (len(lines), len(usecols)) or (
            len(usecols) < width and any(line.count(delimiter) != width - 1 for line in lines)
        ):
            return False
        self._make_room(len(lines))
        for i, of in zip(usecols, values.T, strict=True):
            column = self._columns[i - self._index]
            column.numbers[self._rows : self._rows + len(lines)] = of
            column.missing_rows.extend((np.flatnonzero(np.isnan(of)) + self._rows).tolist())
        for i in kept:
            cells = _cells(lines, delimiter, i + self._index, width)
            self._columns[i].add(cells, self._rows, True, self._dialect.decimal_comma)
        self._lines.append(np.arange(line, line + len(lines)))
        self._rows += len(lines)
        return True

    def _check_rows(self) -> None:
        if not self._rows and not self._given:
            raise TabularError(f"{self._path}: a header but no rows")

    # ---- what becomes of it

    def wanting_texts(self) -> set[str]:
        """The columns that are not of numbers and whose texts were not kept from the beginning."""
        return {c.name for c in self._columns if c.texts is None and not c.is_numeric}

    @property
    def decimal_comma(self) -> bool:
        return self._dialect.decimal_comma

    def _take(self, count: int) -> Table:
        """The first `count` rows, which the reader forgets. Written numbers are texts still."""
        lines = np.concatenate(self._lines)
        columns = {column.name: column.cut(count, self._rows) for column in self._columns}
        for name, column in columns.items():
            if not column.is_numeric:
                if column.texts is None:
                    self.wanting.add(name)
                if self._keep is not None:
                    self._keep.add(name)
        self._lines = [lines[count:]]
        self._rows -= count
        self._given += count
        return Table(self._path, columns, lines[:count], self._notes)

    def table(self) -> Table:
        for column in self._columns:
            column.numbers = column.numbers[: self._rows]
            read_written(column, self._dialect.decimal_comma)
        columns = {column.name: column for column in self._columns}
        return Table(self._path, columns, np.concatenate(self._lines), self._notes)


def _is_plain(text: str) -> bool:
    """Whether lines end where records do."""
    return '"' not in text and ("\r" not in text or text.count("\r") == text.count("\r\n"))


def _found(block: bytes, delimiter: str) -> tuple[bool, bool]:
    """Whether a cell may begin with a zero and another digit, and whether one may be empty."""
    cells = np.frombuffer(b"\n" + block, np.uint8)
    ends = (cells == ord(delimiter)) | (cells == ord("\n")) | (cells == ord("\r"))
    empties = bool((ends[1:] & ends[:-1]).any())
    zero = np.flatnonzero(cells[1:-1] == ord("0"))
    behind = cells[zero + 2]
    zero = zero[(behind >= ord("0")) & (behind <= ord("9"))]
    return bool((ends[zero] | (cells[zero] == ord(" "))).any()), empties


def _filled(text: str, delimiter: str) -> list[str]:
    """The lines of `text`, with "nan" in cells that are empty."""
    text = "\n" + text.rstrip("\n") + "\n"
    for empty in (delimiter * 2, delimiter * 2, "\n" + delimiter, delimiter + "\n"):
        text = text.replace(empty, empty[0] + "nan" + empty[1])
    return text[1:-1].split("\n")


def _cells(lines: list[str], delimiter: str, position: int, width: int) -> list[str]:
    """One cell of each line, without a look at those beyond it from the nearer end."""
    behind = width - position  # the cell is the `behind`th from the end
    if behind <= position:
        return [line.rsplit(delimiter, behind)[-behind].strip() for line in lines]
    return [line.split(delimiter, position + 1)[position].strip() for line in lines]
