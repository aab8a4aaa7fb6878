"""FloatTensor, LongTensor and so on: constructors, dtypes of `type`, and what isinstance asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from . import _native
from ._native import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence


class TensorType(type):
    """The type of the legacy types: their instances are the tensors of a dtype."""

    dtype: _native.dtype
    is_cuda = False
    is_sparse = False

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype

    def __call__(cls, *args: object) -> Tensor:
        """A tensor with the elements of a sequence, or of given sizes and any values."""
        if args and all(isinstance(a, int) for a in args):
            return _native.empty(*cast("tuple[int, ...]", args), dtype=cls.dtype)
        if not args:
            return _native.empty(0, dtype=cls.dtype)
        if isinstance(args[0], _native.Size):
            return _native.empty(args[0], dtype=cls.dtype)
        if args[0] is None or isinstance(args[0], (int, float)):
            raise TypeError(f"new(): data must be a sequence (got {type(args[0]).__name__})")
        data: Sequence = args[0]  # type: ignore[assignment]
        return _native.tensor(data, dtype=cls.dtype)


def legacy(name: str, dtype: _native.dtype) -> TensorType:
    """The type that PyTorch calls FloatTensor, LongTensor and so on."""
    doc = f"Tensors of {dtype}: a constructor from sequences or sizes, and their legacy type."
    return TensorType(name, (), {"dtype": dtype, "__module__": "wengert", "__doc__": doc})


__all__ = ["TensorType", "legacy"]
