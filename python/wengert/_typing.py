"""Names for the types of arguments that several files take. Nothing here is needed at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from . import _native
from ._native import Tensor

#: The CPU, in one of the ways in which PyTorch names a device.
Device: TypeAlias = "_native.device | str | None"
Dtype: TypeAlias = "_native.dtype | None"
Generator: TypeAlias = "_native.Generator | None"
#: What becomes the shape of a tensor.
Shape: TypeAlias = "Sequence[int] | _native.Size"
#: One tensor, or several.
TensorOrTensors: TypeAlias = "Tensor | Iterable[Tensor]"
#: Its arguments are said where it is registered.
Hook: TypeAlias = Callable[..., Any]
#: Arguments for a function of which nothing is known.
Args: TypeAlias = tuple[Any, ...]
Kwargs: TypeAlias = dict[str, Any]
