"""Products of several matrices."""

from __future__ import annotations

from collections.abc import Sequence

from . import _native
from ._linalg import inv
from ._native import Tensor
from ._out import with_out


@with_out
def matrix_power(A: Tensor, n: int) -> Tensor:
    """The product of n matrices A (*, k, k): the identity for n = 0, the inverse for n = -1."""
    if not isinstance(A, Tensor):
        raise TypeError(f"matrix_power(): argument 'A' must be Tensor, not {type(A).__name__}")
    if A.dim() < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, got shape {list(A.shape)}"
        )
    if n == 0:
        unit = _native.eye(A.shape[-1], dtype=A.dtype)
        return _native.where(_native.zeros((), dtype=_native.bool), A, unit)  # of A's graph
    if n < 0:
        A, n = inv(A), -n
    if n == 1:
        return A.clone()
    result: Tensor | None = None
    while True:
        if n & 1:
            result = A if result is None else result @ A
        n >>= 1
        if n == 0 and result is not None:
            return result
        A = A @ A


@with_out
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of two or more matrices, in the order that takes the fewest multiplications.

    The first and the last may be vectors. T. Cormen and others, "Introduction to Algorithms".
    """
    if not isinstance(tensors, (list, tuple)):
        raise TypeError("multi_dot(): argument 'tensors' must be tuple of Tensors")
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    parts = list(tensors)
    first, last = parts[0].dim() == 1, parts[-1].dim() == 1
    if first:
        parts[0] = parts[0].unsqueeze(0)
    if last:
        parts[-1] = parts[-1].unsqueeze(-1)
    for i, x in enumerate(parts):
        if x.dim() != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {tensors[i].dim()}D")
    sizes = [x.shape[0] for x in parts] + [parts[-1].shape[1]]
    for i in range(1, len(parts)):
        if parts[i - 1].shape[1] != parts[i].shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i - 1} and {i} with shapes {list(parts[i - 1].shape)} and "
                f"{list(parts[i].shape)} cannot be multiplied"
            )
    result = _chain(parts, _cheapest(sizes), 0, len(parts) - 1)
    if first:
        result = result.squeeze(0)
    return result.squeeze(-1) if last else result


def _cheapest(sizes: Sequence[int]) -> list[list[int]]:
    """Where to divide the product of matrices i to j, by the sizes between them."""
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            choices = [
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            ]
            cost[i][j], split[i][j] = min(choices)
    return split


def _chain(parts: Sequence[Tensor], split: Sequence[Sequence[int]], i: int, j: int) -> Tensor:
    if i == j:
        return parts[i]
    k = split[i][j]
    return _chain(parts, split, i, k) @ _chain(parts, split, k + 1, j)
