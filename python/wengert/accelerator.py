"""What scripts ask of an accelerator beside the CPU: there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from . import _native
from ._common import no_device

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


def __getattr__(name: str) -> Callable[..., NoReturn]:
    if name in _NEEDS_A_DEVICE:
        return no_device("accelerator", name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> _native.device | None:
    """None."""
    return None


def empty_cache() -> None:
    """Does nothing."""
