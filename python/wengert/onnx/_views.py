"""Pieces of memory as ONNX's views: what is read with strides and an offset, in a few nodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._script import Piece


@dataclass
class View:
    """How a piece is made of its slot's elements in the order of memory.

    They are reshaped to `factors`; of each dimension the elements from `starts` on are kept, so
    that `sizes` are left; dimensions are put into the order `order`; the result is reshaped to
    `shape` and, where it repeats, expanded.
    """

    factors: list[int]
    starts: list[int]
    sizes: list[int]
    order: list[int]
    shape: list[int]
    repeats: bool


def view_of(piece: Piece, count: int) -> View | None:
    """The view of a slot of `count` elements that a piece is; None for one that is none, such as a
    diagonal."""
    dims = [
        (stride, size, d)
        for d, (stride, size) in enumerate(zip(piece.strides, piece.shape, strict=True))
        if stride > 0 and size > 1
    ]
    dims.sort(key=lambda dim: -dim[0])
    factors, starts, sizes = [], [], []
    left, offset = count, piece.offset
    for stride, size, _ in dims:
        factor, rest = divmod(left, stride)
        start, offset = divmod(offset, stride)
        if rest or start + size > factor:
            return None
        factors.append(factor)
        starts.append(start)
        sizes.append(size)
        left = stride
    if left > 1 or not dims:  # what lies between two elements
        factors.append(left)
        starts.append(offset)
        sizes.append(1)
        offset = 0
    if offset:
        return None
    by_dim = sorted(range(len(dims)), key=lambda i: dims[i][2])
    order = [*by_dim, *range(len(dims), len(factors))]
    repeated = [
        stride == 0 and size > 1 for stride, size in zip(piece.strides, piece.shape, strict=True)
    ]
    shape = [1 if again else size for again, size in zip(repeated, piece.shape, strict=True)]
    return View(factors, starts, sizes, order, shape, any(repeated))


def indices_of(piece: Piece) -> np.ndarray:
    """Which elements of the slot a piece has, in its shape."""
    found = np.full(piece.shape, piece.offset, np.int64)
    for d, (stride, size) in enumerate(zip(piece.strides, piece.shape, strict=True)):
        along = [size if k == d else 1 for k in range(len(piece.shape))]
        found = found + (np.arange(size, dtype=np.int64) * stride).reshape(along)
    return found


def memory_order(piece: Piece, count: int) -> list[int] | None:
    """The order of dimensions in which a piece lies in memory, if it is the whole slot."""
    if piece.offset or math.prod(piece.shape) != count:
        return None
    order = sorted(range(len(piece.shape)), key=lambda d: (-piece.strides[d], d))
    order.sort(key=lambda d: -piece.strides[d] if piece.shape[d] > 1 else -math.inf)
    step = 1
    for d in reversed(order):
        if piece.shape[d] > 1 and piece.strides[d] != step:
            return None
        step *= piece.shape[d]
    return order


def is_identity(order: Sequence[int]) -> bool:
    """Whether it changes nothing."""
    return list(order) == list(range(len(order)))


__all__ = ["View", "indices_of", "is_identity", "memory_order", "view_of"]
