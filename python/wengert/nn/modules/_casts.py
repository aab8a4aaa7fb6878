"""Casting and moving all tensors of a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ... import _native
from ..._common import parse_to
from ..._native import Tensor
from ..._typing import Device

if TYPE_CHECKING:
    from typing_extensions import Self


class Casts:
    """The part of `Module` that changes the dtype, and would change the place, of its tensors."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        raise NotImplementedError

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """`to(device)`, `to(dtype)` or `to(tensor)`: moves and casts in place.

        A dtype applies to floating-point parameters and buffers only, and must be floating point
        itself (TypeError otherwise). The only device is the CPU. A `memory_format` is that of
        the parameters and buffers of 4 and 5 dimensions.
        """
        dtype, rest = parse_to(args, kwargs)
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )
        if rest is not None and str(rest).partition(":")[0] != "cpu":
            raise RuntimeError(f"Module.to: wengert computes on the CPU only, got device '{rest}'")

        format = kwargs.get("memory_format")

        def convert(tensor: Tensor) -> Tensor:
            if dtype is not None and tensor.is_floating_point():
                tensor = tensor.to(dtype)
            return tensor if format is None or tensor.ndim < 4 else tensor._laid_out(format)

        return self._apply(convert)

    def type(self, dst_type: _native.dtype | str) -> Self:
        """Casts all parameters and buffers."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def float(self) -> Self:
        """Casts floating-point parameters and buffers to float32."""
        return self.to(_native.float32)

    def double(self) -> Self:
        """Casts floating-point parameters and buffers to float64."""
        return self.to(_native.float64)

    def half(self) -> Self:
        """Casts floating-point parameters and buffers to float16."""
        return self.to(_native.float16)

    def bfloat16(self) -> Self:
        """Casts floating-point parameters and buffers to bfloat16."""
        return self.to(_native.bfloat16)

    def cpu(self) -> Self:
        """Returns the module: everything is on the CPU."""
        return self

    def cuda(self, device: Device = None) -> NoReturn:
        """Not available: wengert computes on CPUs."""
        raise RuntimeError("Module.cuda: no CUDA device is available; wengert computes on CPUs")

    def to_empty(self, *, device: Device, recurse: bool = True) -> Self:
        """Replaces all storage by uninitialised storage."""
        return self._apply(_native.empty_like, recurse=recurse)

    def share_memory(self) -> Self:
        """Moves parameters and buffers into memory that processes share; see `share_memory_`."""
        return self._apply(lambda tensor: tensor.share_memory_())
