"""Parquet and Arrow (Feather) files as tables, where pyarrow is installed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from .errors import TabularError, quoted
from .table import Column, Table, table_of

if TYPE_CHECKING:
    import pyarrow

PARQUET, ARROW = b"PAR1", b"ARROW1"


def read_arrow(path: str, head: bytes, data: bytes) -> Table:
    """TabularError without pyarrow, for a damaged file, and for a column that has no cells."""
    with _reading(path, head):
        from pyarrow import ipc, parquet

        found = (
            parquet.read_table(io.BytesIO(data))
            if head.startswith(PARQUET)
            else ipc.open_file(io.BytesIO(data)).read_all()
        )
    return _table(path, found)


def arrow_blocks(path: str, head: bytes, data: bytes | None, rows: int) -> Iterator[Table]:
    """The same in tables of `rows` rows, the last of which may have less.

    Of a file (`data` is None) no more than a few batches are in memory. What is damaged further on
    is an error when it is come to.
    """
    batches = _batches(path if data is None else io.BytesIO(data), head, rows)
    with _reading(path, head):
        import pyarrow

        waiting: list[pyarrow.Table] = []
        count = given = 0
        for batch in batches:
            waiting.append(pyarrow.Table.from_batches([batch]))
            count += batch.num_rows
            while count > rows:  # the last block is not empty
                together = pyarrow.concat_tables(waiting)
                yield _table(path, together.slice(0, rows), given)
                waiting, count, given = [together.slice(rows)], count - rows, given + rows
        if not waiting:
            raise TabularError(f"{path}: the table has no rows")
        yield _table(path, pyarrow.concat_tables(waiting), given)


def _batches(file: str | io.BytesIO, head: bytes, rows: int) -> Iterator[pyarrow.RecordBatch]:
    from pyarrow import ipc, memory_map, parquet

    if head.startswith(PARQUET):
        with parquet.ParquetFile(file) as opened:
            yield from opened.iter_batches(batch_size=rows)
        return
    with ipc.open_file(memory_map(file) if isinstance(file, str) else file) as opened:
        for index in range(opened.num_record_batches):
            batch = opened.get_batch(index)
            for at in range(0, batch.num_rows, rows):
                yield batch.slice(at, rows)


@contextmanager
def _reading(path: str, head: bytes) -> Iterator[None]:
    kind = "Parquet" if head.startswith(PARQUET) else "Arrow"
    try:
        import pyarrow
    except ImportError:
        raise TabularError(
            f"{path}: a {kind} file, which needs the package pyarrow: pip install pyarrow"
        ) from None
    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TabularError(f"{path}: the {kind} file is damaged: {reason:.120}") from None


def _table(path: str, found: pyarrow.Table, before: int = 0) -> Table:
    """`before` rows have been given already."""
    if not found.num_columns or not found.num_rows:
        raise TabularError(f"{path}: the table has no rows")
    columns: dict[str, Column] = {}
    for name, values in zip(found.column_names, found.columns, strict=True):
        if name in columns:
            raise TabularError(f"{path}: two columns have the same name {quoted(name)}")
        columns.update(table_of({name: _cells(path, name, values)}).columns)
    return Table(path, columns, first=before)


def _cells(path: str, name: str, values: pyarrow.ChunkedArray) -> np.ndarray:
    from pyarrow import types as kinds

    of = values.type
    if kinds.is_nested(of) or kinds.is_binary(of) or kinds.is_large_binary(of):
        raise TabularError(f"{path}, column {quoted(name)}: holds {of}, needed numbers or texts")
    plain = values.to_pylist()
    if kinds.is_integer(of) or kinds.is_floating(of) or kinds.is_decimal(of):
        if kinds.is_integer(of) and None not in plain:
            return np.array(plain)
        return np.array([np.nan if v is None else float(v) for v in plain])
    return np.array([None if v is None else str(v) for v in plain], object)
