"""Padding: more positions around the last dimensions."""

from __future__ import annotations

from ..._native import Tensor
from .. import functional as F
from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]

Padding = int | tuple[int, ...]


def _all(padding: Padding, n: int) -> tuple[int, ...]:
    """One number for all n sides."""
    return (padding,) * n if isinstance(padding, int) else tuple(padding)


class _PadNd(Module):
    __constants__ = ["padding"]
    _dims = 0

    def __init__(self, padding: Padding) -> None:
        super().__init__()
        self.padding = _all(padding, 2 * self._dims)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _CircularPadNd(_PadNd):
    def forward(self, input: Tensor) -> Tensor:
        """(..., n) -> (..., before + n + behind) of the padded dimensions"""
        n = self._dims
        if input.ndim not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.ndim}D input)")
        return F.pad(input, self.padding, "circular")


class _ReflectionPadNd(_PadNd):
    def forward(self, input: Tensor) -> Tensor:
        """(..., n) -> (..., before + n + behind) of the padded dimensions"""
        return F.pad(input, self.padding, "reflect")


class _ReplicationPadNd(_PadNd):
    def forward(self, input: Tensor) -> Tensor:
        """(..., n) -> (..., before + n + behind) of the padded dimensions"""
        return F.pad(input, self.padding, "replicate")


class _ConstantPadNd(_PadNd):
    __constants__ = ["padding", "value"]

    def __init__(self, padding: Padding, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """(..., n) -> (..., before + n + behind) of the padded dimensions"""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class CircularPad1d(_CircularPadNd):
    """Puts the elements of the other end around the last dimension."""

    _dims = 1


class CircularPad2d(_CircularPadNd):
    """Puts the elements of the other end around the last two dimensions."""

    _dims = 2


class CircularPad3d(_CircularPadNd):
    """Puts the elements of the other end around the last three dimensions."""

    _dims = 3


class ConstantPad1d(_ConstantPadNd):
    """Puts a number around the last dimension."""

    _dims = 1


class ConstantPad2d(_ConstantPadNd):
    """Puts a number around the last two dimensions."""

    _dims = 2


class ConstantPad3d(_ConstantPadNd):
    """Puts a number around the last three dimensions."""

    _dims = 3


class ReflectionPad1d(_ReflectionPadNd):
    """Puts the elements mirrored at the ends around the last dimension."""

    _dims = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Puts the elements mirrored at the ends around the last two dimensions."""

    _dims = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Puts the elements mirrored at the ends around the last three dimensions."""

    _dims = 3


class ReplicationPad1d(_ReplicationPadNd):
    """Puts those at the ends around the last dimension."""

    _dims = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Puts those at the ends around the last two dimensions."""

    _dims = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Puts those at the ends around the last three dimensions."""

    _dims = 3


class ZeroPad1d(ConstantPad1d):
    """Puts zeros around the last dimension."""

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Puts zeros around the last two dimensions."""

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Puts zeros around the last three dimensions."""

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"
