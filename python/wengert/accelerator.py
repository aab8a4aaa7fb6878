"""What scripts ask of an accelerator beside the CPU: there is none."""

from __future__ import annotations

from . import _native
from ._absent import device_count as device_count
from ._absent import empty_cache as empty_cache
from ._absent import getter as _getter
from ._absent import is_available as is_available

_NEEDS_A_DEVICE = frozenset(
    {
        "current_device_idx",
        "current_device_index",
        "current_stream",
        "device_index",
        "set_device_idx",
        "set_device_index",
        "set_stream",
        "synchronize",
    }
)


__getattr__ = _getter(__name__, "accelerator", _NEEDS_A_DEVICE)


def current_accelerator(check_available: bool = False) -> _native.device | None:
    """None."""
    return None
