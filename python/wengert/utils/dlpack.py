"""Memory shared with other libraries by DLPack."""

from __future__ import annotations

from .._interchange import from_dlpack as from_dlpack
from .._native import Tensor

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor: Tensor) -> object:
    """A DLPack capsule on the tensor's memory, for one consumer."""
    return tensor.__dlpack__()
