"""Names for annotations, as PyTorch has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TypeAlias

from . import _native
from ._native import Tensor

Number: TypeAlias = "int | float | bool"
Device: TypeAlias = "_native.device | str | None"
FileLike: TypeAlias = "str | IO[bytes]"
_int = int
_float = float
_bool = bool
_dtype = _native.dtype
_device = _native.device
_size: TypeAlias = "_native.Size | list[int] | tuple[int, ...]"
_TensorOrTensors: TypeAlias = "Tensor | Sequence[Tensor]"

__all__ = ["Device", "FileLike", "Number"]
