"""Causal masks by their corner, for `functional.scaled_dot_product_attention`.

PyTorch has a subclass of Tensor for them; here they are what that stands for, masks of bools.
"""

from __future__ import annotations

import enum

from ..._native import Tensor, ones

__all__ = ["CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(enum.IntEnum):
    """The corner from which the diagonal of a mask begins."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


def _sizes(size: tuple[int, ...]) -> tuple[int, int]:
    if len(size) != 2:
        raise RuntimeError(f"causal masks have two sizes, queries and keys, got {size}")
    return size[0], size[1]


def causal_upper_left(*size: int) -> Tensor:
    """A mask (queries, keys) of bools: query i sees keys up to i. RuntimeError unless `size` are
    two numbers."""
    return ones(*_sizes(size)).tril().bool()


def causal_lower_right(*size: int) -> Tensor:
    """A mask (queries, keys) of bools: the last query sees all keys, each one before it a key less,
    as queries do that continue a sequence of cached keys. With more queries than keys the first
    ones see none. RuntimeError unless `size` are two numbers."""
    queries, keys = _sizes(size)
    return ones(queries, keys).tril(keys - queries).bool()
