"""Functions of the elements that a mask leaves: `torch.masked` for dense tensors.

A mask is a bool tensor that broadcasts with the input, True for what counts; None counts all. What
it leaves out has no influence and no gradient. Where it leaves out everything, sums are 0,
products 1, extrema the least or largest number of their dtype, means NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from . import _native, _types, linalg
from ._native import Tensor
from ._typing import Dtype
from .nn import functional

__all__ = [
    "amax",
    "amin",
    "argmax",
    "argmin",
    "cumprod",
    "cumsum",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "mean",
    "median",
    "norm",
    "normalize",
    "prod",
    "softmax",
    "softmin",
    "std",
    "sum",
    "var",
]

Dims: TypeAlias = "int | Sequence[int] | None"
Mask: TypeAlias = Tensor | None


# ---- dimensions, dtypes and what stands for what is left out -------------------------------------


def _dims(dim: Dims, rank: int) -> list[int]:
    """The dimensions, counted from the front, in order; all for None."""
    if dim is None:
        return list(range(rank))
    rank = max(rank, 1)
    given = [dim] if isinstance(dim, int) else list(dim)
    found: list[int] = []
    for d in given:
        if not -rank <= d < rank:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but "
                f"got {d})"
            )
        if d % rank in found:
            raise RuntimeError(f"dim={d % rank} appears multiple times in the list of dims")
        found.append(d % rank)
    return sorted(found)


def _one_dim(dim: int, x: Tensor) -> int:
    return _dims(dim, x.dim())[0]


def _result(x: Tensor, dtype: Dtype) -> _native.dtype:
    """The dtype of sums: int64 of integers unless one is given."""
    if dtype is not None:
        return dtype
    return x.dtype if x.is_floating_point() else _native.int64


def _full(x: Tensor, mask: Tensor) -> Tensor:
    """The mask in the input's shape. RuntimeError if it does not broadcast to it."""
    if mask.dim() > x.dim():
        raise IndexError(
            f"_input_mask expected broadcastable mask (got mask dimensionality {mask.dim()}, input "
            f"dimensionality {x.dim()})"
        )
    return mask.bool().expand(x.shape)


def _filled(x: Tensor, mask: Mask, value: float) -> Tensor:
    if mask is None:
        return x
    return _native.where(_full(x, mask), x, _native.full((), value, dtype=x.dtype))


def _least(x: Tensor, sign: int) -> float:
    """The least number of the dtype; with `sign` -1 the largest."""
    if x.is_floating_point():
        return -math.inf * sign
    if x.dtype == _native.bool:
        return 0 if sign > 0 else 1
    info = _types.iinfo(x.dtype)
    return info.min if sign > 0 else info.max


def _counted(x: Tensor, dim: Dims, keepdim: bool, mask: Mask) -> Tensor:
    ones = _native.ones(x.shape, dtype=_native.int64)
    return sum(ones, dim, keepdim=keepdim, mask=mask)


# ---- reductions ----------------------------------------------------------------------------------


def sum(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The sum over `dim`, of all elements if None."""
    filled = _filled(input.to(_result(input, dtype)), mask, 0)
    return _native.sum(filled, _dims(dim, input.dim()), keepdim)


def prod(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The product over `dim`, of all elements if None."""
    result = _filled(input.to(_result(input, dtype)), mask, 1)
    for d in reversed(_dims(dim, input.dim())):
        result = _native.prod(result, d, keepdim)
    return result


def cumsum(input: Tensor, dim: int, *, dtype: Dtype = None, mask: Mask = None) -> Tensor:
    """The running sum along `dim`."""
    filled = _filled(input.to(_result(input, dtype)), mask, 0)
    return _native.cumsum(filled, _one_dim(dim, input))


def cumprod(input: Tensor, dim: int, *, dtype: Dtype = None, mask: Mask = None) -> Tensor:
    """The running product along `dim`."""
    filled = _filled(input.to(_result(input, dtype)), mask, 1)
    return _native.cumprod(filled, _one_dim(dim, input))


def amax(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The largest element over `dim`, of all if None; equal ones share the gradient."""
    filled = _filled(input, mask, _least(input, 1))
    result = _native.amax(filled, _dims(dim, input.dim()), keepdim)
    return result if dtype is None else result.to(dtype)


def amin(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The least element over `dim`, of all if None; equal ones share the gradient."""
    filled = _filled(input, mask, _least(input, -1))
    result = _native.amin(filled, _dims(dim, input.dim()), keepdim)
    return result if dtype is None else result.to(dtype)


def argmax(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The index of the largest element, of the flat tensor if `dim` is None; in the input's dtype
    unless one is given."""
    filled = _filled(input, mask, _least(input, 1))
    result = _native.argmax(filled, dim, keepdim)
    return result.to(input.dtype if dtype is None else dtype)


def argmin(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The index of the least element, as argmax()."""
    filled = _filled(input, mask, _least(input, -1))
    result = _native.argmin(filled, dim, keepdim)
    return result.to(input.dtype if dtype is None else dtype)


def mean(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The mean over `dim`, of all elements if None; NaN where nothing is left."""
    total = sum(input, dim, keepdim=keepdim, dtype=dtype, mask=mask)
    return total / _counted(input, dim, keepdim, mask)


def median(
    input: Tensor,
    dim: int = -1,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The median along `dim`, the lower of two; NaN where nothing is left, which integers do not
    have: ValueError."""
    x = input if input.is_floating_point() else input.to(_native.float32)
    values = _native.nanmedian(_filled(x, mask, math.nan), _one_dim(dim, input), keepdim)[0]
    if input.is_floating_point():
        return values if dtype is None else values.to(dtype)
    if bool(values.isnan().any()):
        raise ValueError(
            "masked median expected no fully masked out rows if dtype is not floating point"
        )
    return values.to(input.dtype if dtype is None else dtype)


def logsumexp(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """log(sum(exp(x))) over `dim`, of all elements if None; -inf where nothing is left."""
    x = input if dtype is None else input.to(dtype)
    x = x if x.is_floating_point() else x.to(_native.float32)
    result = _native.logsumexp(_filled(x, mask, -math.inf), _dims(dim, input.dim()), keepdim)
    return result.to(_result(input, dtype))


def logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: Dtype = None,
    input_mask: Mask = None,
    other_mask: Mask = None,
) -> Tensor:
    """log(exp(input) + exp(other)), in which what is left out of one is as 0."""
    x, y = _filled(input, input_mask, -math.inf), _filled(other, other_mask, -math.inf)
    result = _native.logaddexp(x, y)
    return result.to(input.dtype if dtype is None else dtype)


def norm(
    input: Tensor,
    ord: float | None = 2.0,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The vector norm over `dim`, of all elements if None, of order `ord`."""
    order = 2.0 if ord is None else ord
    filled = _filled(input, mask, 0 if order >= 0 else math.inf)
    return linalg.vector_norm(filled, order, _dims(dim, input.dim()), keepdim, dtype=dtype)


def _variance(
    input: Tensor,
    dim: Dims,
    unbiased: bool | None,
    correction: float | None,
    keepdim: bool,
    dtype: Dtype,
    mask: Mask,
) -> Tensor:
    if unbiased is not None and correction is not None:
        raise RuntimeError(f"var: unbiased={unbiased} and correction={correction} are one too many")
    if correction is None:
        correction = 1.0 if unbiased is None or unbiased else 0.0
    kind = _result(input, dtype)
    kind = kind if kind.is_floating_point else _native.float32
    x = input.to(kind)
    count = _counted(input, dim, True, mask)
    away = x - sum(x, dim, keepdim=True, mask=mask) / count
    total = sum(away * away, dim, keepdim=keepdim, mask=mask)
    left = (count.reshape(total.shape).to(kind) - correction).clamp(min=0)
    return total / left


def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The variance over `dim`, of all elements if None: squares divided by their number less
    `correction`, which is 1, or 0 with `unbiased=False`."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask)


def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """The root of var()."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()


# ---- of the same shape ---------------------------------------------------------------------------


def softmax(input: Tensor, dim: int, *, dtype: Dtype = None, mask: Mask = None) -> Tensor:
    """Softmax along `dim`, 0 where left out; NaN where nothing is left."""
    x = input if dtype is None else input.to(dtype)
    return functional.softmax(_filled(x, mask, -math.inf), _one_dim(dim, input))


def log_softmax(input: Tensor, dim: int, *, dtype: Dtype = None, mask: Mask = None) -> Tensor:
    """The logarithm of softmax(), -inf where left out."""
    x = input if dtype is None else input.to(dtype)
    return functional.log_softmax(_filled(x, mask, -math.inf), _one_dim(dim, input))


def softmin(input: Tensor, dim: int, *, dtype: Dtype = None, mask: Mask = None) -> Tensor:
    """softmax() of -x."""
    x = input if dtype is None else input.to(dtype)
    return functional.softmin(_filled(x, mask, math.inf), _one_dim(dim, input))


def normalize(
    input: Tensor,
    ord: float,
    dim: int,
    *,
    eps: float = 1e-12,
    dtype: Dtype = None,
    mask: Mask = None,
) -> Tensor:
    """x / max(norm, eps) along `dim`, 0 where left out."""
    x = input if dtype is None else input.to(dtype)
    size = norm(x, ord, _one_dim(dim, input), keepdim=True, mask=mask)
    return _filled(x, mask, 0) / size.clamp(min=eps)
