"""What scripts ask of the device 'xpu': there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from ._common import no_device

_NEEDS_A_DEVICE = frozenset({"current_device", "get_rng_state", "set_device", "synchronize"})


def __getattr__(name: str) -> Callable[..., NoReturn]:
    if name in _NEEDS_A_DEVICE:
        return no_device("xpu", name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Accepts an integer; the CPU's generator is left alone."""
    int(seed)


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Does nothing."""
