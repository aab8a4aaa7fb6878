"""The statistical functions of the array API standard, `all`, `any`, `diff`, `count_nonzero`."""

from __future__ import annotations

import math

from .. import _native
from .._native import Tensor
from .._typing import Dtype
from ._kinds import Axis, axes_of, expect

__all__ = [
    "all",
    "any",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "max",
    "mean",
    "min",
    "prod",
    "std",
    "sum",
    "var",
]


def sum_dtype(x: Tensor, dtype: Dtype) -> _native.dtype:
    """That of a sum or product: int64 of integers, for uint8 too, as no uint64 exists."""
    return dtype or (x.dtype if x.is_floating_point() else _native.int64)


def floating(x: Tensor) -> Tensor:
    """`x`; integers in the default dtype."""
    return x if x.is_floating_point() else x._to_dtype(_native.get_default_dtype())


def sum(x: Tensor, /, *, axis: Axis = None, dtype: Dtype = None, keepdims: bool = False) -> Tensor:
    """The sum over axes, all by default: int64 of integers, unless `dtype` is given."""
    expect("sum", x)
    axes, dtype = axes_of("sum", x.dim(), axis), sum_dtype(x, dtype)
    return _native.sum(x, axes, keepdims, dtype=dtype) if axes else x.to(dtype, copy=True)


def prod(x: Tensor, /, *, axis: Axis = None, dtype: Dtype = None, keepdims: bool = False) -> Tensor:
    """The product over axes, all by default: int64 of integers, unless `dtype` is given."""
    expect("prod", x)
    axes, dtype = axes_of("prod", x.dim(), axis), sum_dtype(x, dtype)
    result = x._to_dtype(dtype) if axes else x.to(dtype, copy=True)
    for a in sorted(axes, reverse=True):
        result = _native.prod(result, a, keepdims, dtype=dtype)
    return result


def mean(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over axes, all by default; of integers in the default dtype."""
    expect("mean", x)
    axes, x = axes_of("mean", x.dim(), axis), floating(x)
    return _native.mean(x, axes, keepdims) if axes else x.clone()


def _spread(name: str, x: Tensor, axis: Axis, correction: float, keepdims: bool) -> Tensor:
    expect(name, x)
    axes, x = axes_of(name, x.dim(), axis), floating(x)
    if not axes:
        x, axes, keepdims = x.unsqueeze(0), (0,), False
    if math.prod(x.shape[a] for a in axes) <= correction:
        return _native.sum(x, axes, keepdims) * math.nan
    return (_native.var if name == "var" else _native.std)(
        x, axes, correction=correction, keepdim=keepdims
    )


def var(
    x: Tensor, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The variance over axes, all by default: squared distances to the mean by n - correction.

    NaN where `correction` is n or more.
    """
    return _spread("var", x, axis, correction, keepdims)


def std(
    x: Tensor, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The square root of the variance over axes, all by default.

    NaN where `correction` is n or more.
    """
    return _spread("std", x, axis, correction, keepdims)


def _extremum(name: str, x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    expect(name, x)
    axes = axes_of(name, x.dim(), axis)
    if any_empty(x, axes):
        raise ValueError(f"{name}: an axis of size 0 has no {name}imum, got {tuple(x.shape)}")
    return (_native.amax if name == "max" else _native.amin)(x, axes, keepdims) if axes else x


def any_empty(x: Tensor, axes: tuple[int, ...]) -> bool:
    """Whether one of the axes has no elements."""
    return 0 in [x.shape[a] for a in axes]


def max(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The greatest element over axes, all by default, or NaN. ValueError if there is none."""
    return _extremum("max", x, axis, keepdims)


def min(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The least element over axes, all by default, or NaN. ValueError if there is none."""
    return _extremum("min", x, axis, keepdims)


def all(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether no element over axes, all by default, is zero."""
    expect("all", x)
    axes, x = axes_of("all", x.dim(), axis), x.bool()
    return _native.all(x, axes, keepdims) if axes else x


def any(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether an element over axes, all by default, is not zero."""
    expect("any", x)
    axes, x = axes_of("any", x.dim(), axis), x.bool()
    return _native.any(x, axes, keepdims) if axes else x


def count_nonzero(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """How many elements over axes, all by default, are not zero, as int64."""
    expect("count_nonzero", x)
    return sum(x.bool(), axis=axis, keepdims=keepdims)


def _cumulative(
    name: str, x: Tensor, axis: int | None, dtype: Dtype, include_initial: bool
) -> Tensor:
    expect(name, x)
    if axis is None:
        if x.dim() > 1:
            raise ValueError(f"{name}: axis is required for an array of {x.dim()} dimensions")
        axis, x = 0, x.reshape(-1) if include_initial else x
    if x.dim():
        (axis,) = axes_of(name, x.dim(), axis)
    summed = name == "cumulative_sum"
    target = sum_dtype(x, dtype)
    result = (_native.cumsum if summed else _native.cumprod)(x, axis, dtype=target)
    if not include_initial:
        return result
    shape = [1 if a == axis else n for a, n in enumerate(x.shape)]
    return _native.cat([_native.full(shape, 0 if summed else 1, dtype=target), result], axis)


def cumulative_sum(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: Dtype = None,
    include_initial: bool = False,
) -> Tensor:
    """The sums of the first elements of an axis, which may be left out for a vector.

    With `include_initial` a zero stands in front. int64 of integers, unless `dtype` is given.
    """
    return _cumulative("cumulative_sum", x, axis, dtype, include_initial)


def cumulative_prod(
    x: Tensor,
    /,
    *,
    axis: int | None = None,
    dtype: Dtype = None,
    include_initial: bool = False,
) -> Tensor:
    """The products of the first elements of an axis, which may be left out for a vector.

    With `include_initial` a one stands in front. int64 of integers, unless `dtype` is given.
    """
    return _cumulative("cumulative_prod", x, axis, dtype, include_initial)


def diff(
    x: Tensor,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The differences of neighbours along an axis, n times over."""
    expect("diff", x)
    (axis,) = axes_of("diff", x.dim(), axis)
    return _native.diff(x, n, axis, prepend, append)
