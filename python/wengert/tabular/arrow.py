"""Parquet and Arrow (Feather) files as tables, where pyarrow is installed."""

from __future__ import annotations

import io

import numpy as np

from .errors import TabularError, quoted
from .table import Column, Table, table_of

PARQUET, ARROW = b"PAR1", b"ARROW1"


def read_arrow(path: str, head: bytes, data: bytes) -> Table:
    """TabularError without pyarrow, for a damaged file, and for a column that has no cells."""
    kind = "Parquet" if head.startswith(PARQUET) else "Arrow"
    try:
        import pyarrow
        from pyarrow import ipc, parquet
    except ImportError:
        raise TabularError(
            f"{path}: a {kind} file, which needs the package pyarrow: pip install pyarrow"
        ) from None
    try:
        found = (
            parquet.read_table(io.BytesIO(data))
            if kind == "Parquet"
            else ipc.open_file(io.BytesIO(data)).read_all()
        )
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TabularError(f"{path}: the {kind} file is damaged: {reason:.120}") from None
    if not found.num_columns or not found.num_rows:
        raise TabularError(f"{path}: the table has no rows")
    columns: dict[str, Column] = {}
    for name, values in zip(found.column_names, found.columns, strict=True):
        if name in columns:
            raise TabularError(f"{path}: two columns have the same name {quoted(name)}")
        columns.update(table_of({name: _cells(path, name, values, pyarrow)}).columns)
    return Table(path, columns)


def _cells(path: str, name: str, values: object, pyarrow: object) -> np.ndarray:
    kinds = pyarrow.types  # type: ignore[attr-defined]
    of = values.type  # type: ignore[attr-defined]
    if kinds.is_nested(of) or kinds.is_binary(of) or kinds.is_large_binary(of):
        raise TabularError(f"{path}, column {quoted(name)}: holds {of}, needed numbers or texts")
    plain = values.to_pylist()  # type: ignore[attr-defined]
    if kinds.is_integer(of) or kinds.is_floating(of) or kinds.is_decimal(of):
        if kinds.is_integer(of) and None not in plain:
            return np.array(plain)
        return np.array([np.nan if v is None else float(v) for v in plain])
    return np.array([None if v is None else str(v) for v in plain], object)
