"""One context, which libraries enter around `vmap`."""

from __future__ import annotations

import contextlib

__all__ = ["TransformGetItemToIndex"]


class TransformGetItemToIndex(contextlib.AbstractContextManager["TransformGetItemToIndex"]):
    """In PyTorch it lets `vmap` index by a tensor of no dimensions, without asking for its number.
    Here `vmap` always does, so that the context changes nothing."""

    def __exit__(self, *exc: object) -> None:
        """Nothing was changed."""
