"""A row of the table of bad inputs: what is done, the exception, what its message contains.

`T` is the library, wengert or torch. Rows whose behaviour torch does not share (or whose type
differs for a reason) are marked so.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Row(NamedTuple):
    name: str
    do: Any  # called with the library
    error: type
    contains: str  # a pattern found in our message
    torch: bool = True  # whether torch raises this type too


ROWS: list[Row] = []


def bad(name: str, error: type, contains: str, do: Any, torch: bool = True) -> None:
    ROWS.append(Row(name, do, error, contains, torch))


def leaf(T, *shape):
    return T.ones(*shape, requires_grad=True)
