"""Rules of x[index] and x[index] = value.

An index is taken apart as PyTorch does it: numbers, slices, None and dots give a view of the
tensor; what is left are tensors of numbers, each at a dimension of the view. Those that are other
for each slice, or stand before a tensor that is, are joined by the number of the slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from .. import _native
from .._functions import broadcast_shapes
from ._batched import (
    ORIGINALS,
    RULES,
    Batched,
    Call,
    Tensor,
    Unruled,
    call,
    method,
    slice_of,
    tell,
)
from ._rules import aligned

_ALL = slice(None)


def _basic(index: object) -> bool:
    return index is None or index is Ellipsis or type(index) in (int, slice)


def _get(x: Tensor, index: object) -> Tensor:
    return cast("Tensor", call(ORIGINALS["__getitem__"], (x, index), {}))


def _set(x: Tensor, index: object, value: object) -> None:
    call(ORIGINALS["__setitem__"], (x, index, value), {})


# ---- taking an index apart ---------------------------------------------------------------------


class _Parts(NamedTuple):
    """A view of the tensor and the tensors of numbers that index it, by dimension."""

    view: Tensor
    rows: dict[int, Tensor]

    @property
    def rank(self) -> int:
        """How many dimensions the tensors of numbers have together."""
        return max(x.dim() for x in self.rows.values())

    @property
    def together(self) -> bool:
        """Whether they are side by side."""
        return max(self.rows) - min(self.rows) == len(self.rows) - 1

    @property
    def before(self) -> int:
        """Where their dimensions go in the result: to their place, or to the front."""
        return min(self.rows) if self.together else 0


def _tensors(x: object) -> list[Tensor]:
    """The tensors of numbers that an item of an index is. Unruled where the values decide."""
    if isinstance(x, bool):
        return [_native.arange(int(x))]
    if isinstance(x, (list, range)) and all(type(n) is int for n in x):
        return [_native.tensor(list(x), dtype=_native.int64)]
    if not isinstance(x, Tensor) or x.dtype.is_floating_point:
        raise Unruled
    if x.dtype not in (_native.bool, _native.uint8):
        return [x]
    if type(x) is Batched or x.dim() == 0:
        raise Unruled
    return list(method("nonzero", x).unbind(1))


def _consumed(x: object) -> int:
    """How many dimensions an item of an index is for."""
    if x is None or x is Ellipsis or isinstance(x, bool):
        return 0
    masks = (_native.bool, _native.uint8)
    return x.dim() if isinstance(x, Tensor) and x.dtype in masks else 1


def _parts(input: Tensor, index: object) -> _Parts:
    items: tuple[object, ...] = index if isinstance(index, tuple) else (index,)
    view, dim, rows = input, 0, {}
    left = input.dim() - sum(map(_consumed, items))
    if left < 0:
        raise IndexError(f"too many indices for tensor of dimension {input.dim()}")
    for x in items:
        if x is Ellipsis:
            dim += left
        elif x is None:
            view, dim = method("unsqueeze", view, dim), dim + 1
        elif type(x) is int:
            view = method("select", view, dim, x)
        elif type(x) is slice:
            view, dim = _get(view, (*(_ALL,) * dim, x)), dim + 1
        else:
            if isinstance(x, bool):
                view = method("unsqueeze", view, dim)
            for row in _tensors(x):
                rows[dim] = row
                dim += 1
    parts = _Parts(view, rows)
    known = any(type(x) is not Batched and x.dim() == 0 for x in rows.values())
    if known and parts.rank and not parts.together:
        raise Unruled  # a number that is the same for all has no place of its own
    return parts


def _joined(c: Call, parts: _Parts) -> tuple[object, ...]:
    """The index of values, in front of all the number of the slice where the view has one."""
    own = {dim: aligned(c, x, parts.rank) for dim, x in parts.rows.items()}
    index = tuple(own.get(dim, _ALL) for dim in range(max(own) + 1))
    if not c.is_mine(parts.view):
        return index
    if not _numbered(c, parts):
        return (_ALL, *index)
    ones = (1,) * parts.rank
    return (method("reshape", _native.arange(c.level.size), (c.level.size, *ones)), *index)


def _numbered(c: Call, parts: _Parts) -> bool:
    return not parts.together or any(map(c.is_mine, parts.rows.values()))


def _moves(c: Call, parts: _Parts) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Where the numbers' dimensions are in values, and where in the function's result, if that is
    elsewhere: apart from the number of the slice they move to the front."""
    if not parts.before or not parts.rank or not _numbered(c, parts):
        return None
    now = tuple(range(1, parts.rank + 1))
    return now, tuple(parts.before + k for k in now)


# ---- the rules ---------------------------------------------------------------------------------


def _behind(c: Call, input: object, index: object) -> tuple[object, ...]:
    """The index for values, of an index that is the same for all slices. Unruled for indices that
    would be in another place behind the dimension of the slices."""
    items = index if isinstance(index, tuple) else (index,)
    if not all(_basic(x) for x in items):
        raise Unruled
    if sum(x is not None and x is not Ellipsis for x in items) > c.rank(input):
        raise IndexError(f"too many indices for tensor of dimension {c.rank(input)}")
    return (_ALL, *items)


def getitem(c: Call, input: object, index: object) -> object:
    """Behind the hidden dimension."""
    if c.is_mine(input):
        try:
            return c.batched(_get(c.value(input), _behind(c, input, index)))
        except Unruled:
            pass
    parts = _parts(cast("Tensor", input), index)
    view = cast("Batched", parts.view).value if c.is_mine(parts.view) else parts.view
    if not parts.rows:
        return c.batched(view)
    result = _get(view, _joined(c, parts))
    if view is parts.view:  # the same for all slices, whose dimension stands before the numbers'
        return c.batched(method("movedim", result, parts.before, 0) if parts.before else result)
    moves = _moves(c, parts)
    return c.batched(method("movedim", result, *moves) if moves else result)


def _fitting(c: Call, value: Tensor, shape: Sequence[int]) -> Tensor:
    """A value for each slice, of a shape that broadcasts with this one."""
    while value.dim() > len(shape) and value.shape[0] == 1:
        value = method("squeeze", value, 0)
    if value.dim() > len(shape):
        raise RuntimeError(
            f"vmap: cannot assign a value of shape {tuple(value.shape)} to one of {tuple(shape)}"
        )
    return cast("Tensor", aligned(c, value, len(shape)))


def _into_rows(c: Call, parts: _Parts, value: object) -> None:
    if isinstance(value, Tensor):
        sizes = [x.shape for x in parts.rows.values()]
        numbers = broadcast_shapes(*sizes)
        rest = [n for dim, n in enumerate(parts.view.shape) if dim not in parts.rows]
        shape = (*rest[: parts.before], *numbers, *rest[parts.before :])
        own, moves = _fitting(c, value, shape), _moves(c, parts)
        if moves:
            own = own if c.is_mine(value) else method("unsqueeze", own, 0)
            own = method("expand", own, (own.shape[0], *shape))
            own = method("movedim", own, *moves[::-1])
        value = own
    _set(c.value(parts.view), _joined(c, parts), value)


def _each(c: Call, input: Tensor, index: object, value: object) -> None:
    """Slice by slice, into views."""
    tell("__setitem__")
    for b in range(c.level.size):
        own = slice_of(index, c.level, b)
        _set(cast("Tensor", slice_of(input, c.level, b)), own, slice_of(value, c.level, b))


def setitem(c: Call, input: object, index: object, value: object) -> None:
    """Into each slice. RuntimeError if the tensor is the same for all of them."""
    if not c.is_mine(input):
        raise RuntimeError(
            "vmap: x[index] = value would write a value for each slice into a tensor that is the "
            "same for all"
        )
    try:
        parts = _parts(cast("Tensor", input), index)
    except Unruled:
        _each(c, cast("Tensor", input), index, value)
        return
    if parts.rows:
        _into_rows(c, parts, value)
        return
    target = c.value(parts.view)
    if isinstance(value, Tensor):
        value = _fitting(c, value, parts.view.shape)
    _set(target, Ellipsis, value)


RULES.update(__getitem__=getitem, __setitem__=setitem)
