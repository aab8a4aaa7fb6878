"""What the distributions share: broadcasting of parameters, log odds, lazy properties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Generic, TypeAlias, TypeVar, overload

from .. import _native
from .._native import Tensor
from .._native import functional as F
from .._types import finfo
from ..autograd.grad_mode import enable_grad

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

#: Euler's and Mascheroni's.
euler_constant = 0.57721566490153286060

NUMBERS = (int, float, bool)
#: A parameter as it is given.
Param: TypeAlias = "Tensor | float"
#: What becomes the shape of a sample or a batch.
Shape: TypeAlias = "Sequence[int] | _native.Size"

R = TypeVar("R")


def broadcast_all(*values: Param) -> tuple[Tensor, ...]:
    """The tensors broadcast to one shape; numbers become tensors of the first tensor's dtype.

    If all are numbers they have the default dtype. ValueError for what is neither.
    """
    if not all(isinstance(v, (_native.Tensor, *NUMBERS)) for v in values):
        raise ValueError("Input arguments must all be instances of Number or wengert.Tensor.")
    first = next((v for v in values if isinstance(v, _native.Tensor)), None)
    dtype = _native.get_default_dtype() if first is None else first.dtype
    return tuple(
        _native.broadcast_tensors(
            *(
                v if isinstance(v, _native.Tensor) else _native.tensor(v, dtype=dtype)
                for v in values
            )
        )
    )


def standard_normal(shape: Shape, dtype: _native.dtype) -> Tensor:
    """N(0, 1)"""
    return _native.empty(shape, dtype=dtype).normal_()


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """The sum over the last `dims` dimensions."""
    if dims == 0:
        return value
    return value.reshape((*value.shape[:-dims], -1)).sum(-1)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """The sigmoid of log odds, or the softmax along the last dimension."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities within [eps, 1 - eps] of their dtype."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The log odds, or the logarithms, of probabilities clamped by `clamp_probs`."""
    p = clamp_probs(probs)
    return p.log() - (-p).log1p() if is_binary else p.log()


def both_or_neither(probs: object, logits: object) -> None:
    """A ValueError unless exactly one is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


def binary_entropy(logits: Tensor, probs: Tensor) -> Tensor:
    """-p log p - (1 - p) log(1 - p)"""
    return F.binary_cross_entropy_with_logits(logits, probs, reduction="none")


class lazy_property(Generic[R]):
    """A property that is computed, with gradients, when it is first read, and is then kept."""

    def __init__(self, wrapped: Callable[..., R]) -> None:
        self.wrapped = wrapped
        update_wrapper(self, wrapped)  # type: ignore[arg-type]

    @overload
    def __get__(self, instance: None, owner: object = None) -> lazy_property[R]: ...
    @overload
    def __get__(self, instance: object, owner: object = None) -> R: ...
    def __get__(self, instance: object, owner: object = None) -> R | lazy_property[R]:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def _below(n: int, diag: int) -> Tensor:
    row = _native.arange(n)
    return row < row.view(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """(..., n, n) -> (..., k): the elements on and below diagonal `diag`, row by row."""
    n = mat.shape[-1]
    if diag < -n or diag >= n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _below(n, diag)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """(..., k) -> (..., n, n): the inverse of `tril_matrix_to_vec`, zeros elsewhere."""
    b = 1 + 2 * diag
    # n is the positive root of n^2 + (1 + 2 diag) n - |diag| (diag + 1) - 2 k
    n = (-b + (b * b + 8 * vec.shape[-1] + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if round(n) - n > finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {vec.shape[-1]} which cannot be expressed as the lower "
            "triangular part of a square D x D matrix."
        )
    size = round(n)
    mat = vec.new_zeros((*vec.shape[:-1], size, size))
    mat[..., _below(size, diag)] = vec
    return mat
