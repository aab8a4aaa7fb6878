"""The searching, sorting and set functions of the array API standard."""

from __future__ import annotations

from typing import NamedTuple

from .. import _native, _search
from .._native import Tensor
from ._kinds import Operand, axes_of, expect, promoted

__all__ = [
    "argmax",
    "argmin",
    "argsort",
    "isin",
    "nonzero",
    "searchsorted",
    "sort",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "where",
]


def _position(name: str, x: Tensor, axis: int | None, keepdims: bool) -> Tensor:
    expect(name, x)
    axes = axes_of(name, x.dim(), axis)
    if 0 in [x.shape[a] for a in axes]:
        raise ValueError(f"{name}: an axis of size 0 has no such element, got {tuple(x.shape)}")
    number = None if axis is None or not x.dim() else axes[0]
    x = x._to_dtype(_native.uint8) if x.dtype is _native.bool else x
    return (_native.argmax if name == "argmax" else _native.argmin)(x, number, keepdims)


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first greatest element of an axis, or of the flat array."""
    return _position("argmax", x, axis, keepdims)


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first least element of an axis, or of the flat array."""
    return _position("argmin", x, axis, keepdims)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero, an array for each axis."""
    expect("nonzero", x)
    if not x.dim():
        raise ValueError("nonzero: an array of 0 dimensions has no indices")
    return x.nonzero(as_tuple=True)


def searchsorted(
    x1: Tensor, x2: Operand, /, *, side: str = "left", sorter: Tensor | None = None
) -> Tensor:
    """Where the elements of `x2` belong in `x1`, which is sorted, or is in the order of `sorter`.

    Before equal elements for the side "left", after them for "right". ValueError for another side
    and for an `x1` with more dimensions than one.
    """
    expect("searchsorted", x1)
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    if x1.dim() != 1:
        raise ValueError(f"searchsorted: x1 must have 1 dimension, got {x1.dim()}")
    if sorter is not None:
        x1 = x1.index_select(0, sorter.long())
    a, b = promoted("searchsorted", x1, x2)
    return _search.searchsorted(a, b, side=side)


def where(condition: Tensor, x1: Operand, x2: Operand, /) -> Tensor:
    """The elements of `x1` where the condition is true, else those of `x2`."""
    expect("where", condition)
    if not isinstance(x1, Tensor) and not isinstance(x2, Tensor):
        x1 = _native.full((), x1)
    a, b = promoted("where", x1, x2)
    return _native.where(condition.bool(), a, b)


def isin(x1: Operand, x2: Operand, /, *, invert: bool = False) -> Tensor:
    """Whether each element of `x1` is one of `x2`; with `invert` whether it is none."""
    a, b = promoted("isin", x1, x2)
    return _search.isin(a, b, invert=invert)


def _sorted(
    name: str, x: Tensor, axis: int, descending: bool, stable: bool
) -> tuple[Tensor, Tensor]:
    expect(name, x)
    if x.dim():
        (axis,) = axes_of(name, x.dim(), axis)
    return _native.sort(x, axis, descending, stable=stable)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements of an axis in order, NaN taken for the greatest."""
    return _sorted("sort", x, axis, descending, stable)[0]


def argsort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """The indices that sort an axis; equal elements keep their order."""
    return _sorted("argsort", x, axis, descending, stable)[1]


class unique_all_result(NamedTuple):
    """Of the different elements: values, first indices, where they came from, how often."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class unique_counts_result(NamedTuple):
    """The different elements and how often each comes."""

    values: Tensor
    counts: Tensor


class unique_inverse_result(NamedTuple):
    """The different elements and which of them each element is."""

    values: Tensor
    inverse_indices: Tensor


def _runs(name: str, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The flat array in order, the order, and whether each element differs from the one before.

    NaNs differ from each other.
    """
    expect(name, x)
    values, order = _native.sort(x.detach().reshape(-1), 0, False, stable=True)
    first = _native.ones(values.shape[0], dtype=_native.bool)
    first[1:] = values[1:] != values[:-1]
    return values, order, first


def unique_all(x: Tensor, /) -> unique_all_result:
    """The different elements in order, the index of each one's first in the flat array, which of
    them each element of `x` is, and how often they come. Every NaN is different.
    """
    values, order, first = _runs("unique_all", x)
    starts = first.nonzero().reshape(-1)
    end = _native.full((1,), values.shape[0], dtype=_native.int64)
    counts = _native.diff(_native.cat([starts, end], 0))
    inverse = _native.empty(values.shape[0], dtype=_native.int64)
    inverse[order] = _native.cumsum(first, 0) - 1
    return unique_all_result(values[starts], order[starts], inverse.reshape(x.shape), counts)


def unique_counts(x: Tensor, /) -> unique_counts_result:
    """The different elements in order, and how often each comes."""
    found = unique_all(x)
    return unique_counts_result(found.values, found.counts)


def unique_inverse(x: Tensor, /) -> unique_inverse_result:
    """The different elements in order, and which of them each element of `x` is."""
    found = unique_all(x)
    return unique_inverse_result(found.values, found.inverse_indices)


def unique_values(x: Tensor, /) -> Tensor:
    """The different elements in order. Every NaN is different."""
    values, _, first = _runs("unique_values", x)
    return values[first]
