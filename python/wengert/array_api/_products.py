"""The linear algebra functions in the main namespace of the array API standard."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _einsum, _native
from .._native import Tensor
from ._kinds import expect, promoted

__all__ = ["matmul", "tensordot", "vecdot"]


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The matrix product; a vector is a row on the left, a column on the right."""
    expect("matmul", x1, x2)
    a, b = promoted("matmul", x1, x2)
    return _native.matmul(a, b)


def tensordot(
    x1: Tensor,
    x2: Tensor,
    /,
    *,
    axes: int | tuple[Sequence[int], Sequence[int]] = 2,
) -> Tensor:
    """The sum of products over the last axes of `x1` and the first of `x2`, or over given ones.

    ValueError if their sizes differ.
    """
    expect("tensordot", x1, x2)
    a, b = promoted("tensordot", x1, x2)
    if isinstance(axes, int):
        left = list(range(a.dim() - axes, a.dim()))
        right = list(range(axes))
    else:
        left, right = (list(sequence) for sequence in axes)
    if len(left) != len(right) or [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ValueError(
            f"tensordot: axes {left} of {tuple(a.shape)} and {right} of {tuple(b.shape)} differ"
        )
    return _einsum.tensordot(a, b, dims=(left, right))


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The sums of products along an axis, which is of one size in both; the others broadcast."""
    expect("vecdot", x1, x2)
    a, b = promoted("vecdot", x1, x2)
    for x in (a, b):
        if not -x.dim() <= axis < x.dim():
            raise IndexError(f"vecdot: axis {axis} is out of range for {tuple(x.shape)}")
    if a.shape[axis] != b.shape[axis]:
        raise ValueError(f"vecdot: {a.shape[axis]} and {b.shape[axis]} elements along the axis")
    a, b = a.movedim(axis, -1), b.movedim(axis, -1)
    return _native.matmul(a.unsqueeze(-2), b.unsqueeze(-1)).squeeze(-1).squeeze(-1)
