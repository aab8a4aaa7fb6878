"""Comparing whole tensors, counting and looking up values. No result has a gradient."""

from __future__ import annotations

from typing import Literal

import numpy as np

from . import _native
from ._native import Tensor
from ._out import written
from ._types import numbers

__all__ = [
    "allclose",
    "bincount",
    "bucketize",
    "equal",
    "isin",
    "searchsorted",
    "unique",
]


def _values(name: str, what: str, x: object) -> np.ndarray:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: {what} must be a Tensor, got {type(x).__name__}")
    return numbers(x.detach())


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and equal elements; NaN equals nothing."""
    for what, x in (("input", input), ("other", other)):
        if not isinstance(x, Tensor):
            raise TypeError(f"equal: {what} must be a Tensor, got {type(x).__name__}")
    return bool(_native.ops.all_equal(input, other))


def allclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> bool:
    """Whether ``|input - other| <= atol + rtol * |other|`` for all elements, which broadcast.

    RuntimeError if the dtypes differ.
    """
    for what, x in (("input", input), ("other", other)):
        _values("allclose", what, x)
    if input.dtype != other.dtype:
        raise RuntimeError(f"allclose: {input.dtype} did not match {other.dtype}")
    return bool(_native.isclose(input, other, rtol, atol, equal_nan).all())


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, ... occurs in a vector of integers that are not negative.

    With `weights`, of the same length, their sums: float32 as the weights are, otherwise float64.
    The result has ``max(input) + 1`` elements, and `minlength` at least.
    """
    x = _values("bincount", "input", input)
    if x.dtype.kind not in "iu":
        raise NotImplementedError(f"bincount: not implemented for dtype {input.dtype}")
    if x.ndim != 1 or (x.size and x.min() < 0):
        raise RuntimeError("bincount: only 1-d tensors of integers that are not negative")
    if minlength < 0:
        raise RuntimeError(f"bincount: minlength must not be negative, got {minlength}")
    if weights is None:
        return _native.tensor(np.bincount(x.astype(np.int64), minlength=minlength))
    w = _values("bincount", "weights", weights)
    if w.shape != x.shape:
        raise RuntimeError(
            f"bincount: weights should be 1-d and have the same length as input, {x.size}, "
            f"got shape {list(w.shape)}"
        )
    sums = np.bincount(x.astype(np.int64), w, minlength)
    return _native.tensor(sums.astype(w.dtype if w.dtype == np.float32 else np.float64))


def _runs(x: Tensor, inverse: bool, counts: bool) -> tuple[np.ndarray, ...]:
    """The different elements; if asked for, where each went and their counts."""
    ordered, order = (numbers(t) for t in _native.sort(x.detach().flatten()))
    first = np.ones(ordered.size, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    results = [ordered[first]]
    if inverse:
        places = np.empty(ordered.size, np.int64)
        places[order] = np.cumsum(first) - 1
        results.append(places.reshape(tuple(x.shape)))
    if counts:
        results.append(np.diff(np.append(np.flatnonzero(first), ordered.size)))
    return tuple(results)


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """The different elements in ascending order, or the different slices along `dim`.

    Also, as a tuple, if asked for: where in the result each element of the input is
    (`return_inverse`, of the input's shape, or one index per slice), and how often each occurs
    (`return_counts`). Each NaN is different. The result is always sorted.
    """
    x = _values("unique", "input", input)
    if dim is not None and not -x.ndim <= dim < x.ndim:
        raise IndexError(
            f"unique: Dimension out of range (expected to be in range of "
            f"[{-x.ndim}, {x.ndim - 1}], but got {dim})"
        )
    if dim is None:
        results = _runs(input, return_inverse, return_counts)
    else:
        found, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=dim)
        wanted = ((found, True), (inverse.reshape(-1), return_inverse), (counts, return_counts))
        results = tuple(r for r, asked in wanted if asked)
    different, *rest = (_native.tensor(np.ascontiguousarray(r).reshape(r.shape)) for r in results)
    tensors = (different.to(input.dtype), *rest)
    return tensors if len(tensors) > 1 else tensors[0]


def isin(
    elements: Tensor | float,
    test_elements: Tensor | float,
    *,
    assume_unique: bool = False,
    invert: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """True for each of `elements` that is among `test_elements`; with `invert`, that is not.

    One of them may be a number. `assume_unique` is accepted.
    """
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin: elements or test_elements must be a Tensor, got two numbers")
    x, y = (
        np.asarray(numbers(t.detach()) if isinstance(t, Tensor) else t)
        for t in (elements, test_elements)
    )
    return written("isin", _native.tensor(np.asarray(np.isin(x, y, invert=invert))), out)


def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor | float,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Where to insert each element of `input` to keep the innermost dimension in order.

    `sorted_sequence` is a vector, or has the leading dimensions of `input`, which may be a number
    for a vector. The index is before equal elements, or behind them if `right` or `side` is
    "right". `sorter` holds the indices that sort the sequence. RuntimeError if dtypes differ.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted: side can only be 'left' or 'right', got '{side}'")
    if side == "left" and right:
        raise RuntimeError("searchsorted: side 'left' and right=True contradict each other")
    order = _values("searchsorted", "sorted_sequence", sorted_sequence)
    number = np.isscalar(input) and not isinstance(input, (str, bytes))
    x = np.asarray(input) if number else _values("searchsorted", "input", input)
    if isinstance(input, Tensor) and input.dtype != sorted_sequence.dtype:
        raise RuntimeError(
            f"searchsorted: the dtypes of sorted_sequence, {sorted_sequence.dtype}, and input, "
            f"{input.dtype}, must be equal"
        )
    if order.ndim == 0 or (order.ndim > 1 and order.shape[:-1] != x.shape[:-1]):
        raise RuntimeError(
            "searchsorted: sorted_sequence must be 1-d or have the leading dimensions of input, "
            f"got shapes {list(order.shape)} and {list(x.shape)}"
        )
    if sorter is not None:
        order = np.take_along_axis(order, _values("searchsorted", "sorter", sorter), -1)
    how: Literal["left", "right"] = "right" if right or side == "right" else "left"
    found = np.empty(x.shape, np.int32 if out_int32 else np.int64)
    if order.ndim == 1:
        found[...] = np.searchsorted(order, x, how)
    else:
        for at in np.ndindex(*x.shape[:-1]):
            found[at] = np.searchsorted(order[at], x[at], how)
    return written("searchsorted", _native.tensor(found), out)


def bucketize(
    input: Tensor | float,
    boundaries: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """The interval between `boundaries`, a vector in order, that each element of `input` is in.

    An element equal to a boundary belongs below it, or above if `right`.
    """
    if _values("bucketize", "boundaries", boundaries).ndim != 1:
        raise RuntimeError(f"bucketize: boundaries must be 1-d, got {boundaries.dim()} dimensions")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)
