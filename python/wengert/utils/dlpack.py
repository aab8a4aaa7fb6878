"""Memory shared with other libraries by DLPack."""

from __future__ import annotations

from .._functions import from_dlpack as _from_dlpack
from .._native import Tensor

__all__ = ["from_dlpack", "to_dlpack"]


class _Capsule:
    """A capsule as an object of the protocol. It can be taken once."""

    def __init__(self, capsule: object) -> None:
        self._capsule = capsule

    def __dlpack__(self, **options: object) -> object:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


def to_dlpack(tensor: Tensor) -> object:
    """A DLPack capsule on the tensor's memory, for one consumer."""
    return tensor.__dlpack__()


def from_dlpack(ext_tensor: object) -> Tensor:
    """A tensor on the memory of a capsule, or of an object with `__dlpack__`."""
    return _from_dlpack(ext_tensor if hasattr(ext_tensor, "__dlpack__") else _Capsule(ext_tensor))
