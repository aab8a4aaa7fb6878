"""What scripts ask of CUDA: there is none, and no device but the CPU.

Questions are answered (`is_available()` is False, `device_count()` 0), seeds and other settings
are accepted, and what needs a device is a RuntimeError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from .. import _native
from .._common import no_device
from . import amp as amp

_NEEDS_A_DEVICE = frozenset(
    {
        "CUDAGraph",
        "Event",
        "Stream",
        "can_device_access_peer",
        "current_blas_handle",
        "current_device",
        "current_stream",
        "default_stream",
        "device",
        "device_of",
        "get_device_capability",
        "get_device_name",
        "get_device_properties",
        "get_rng_state",
        "graph",
        "init",
        "initial_seed",
        "list_gpu_processes",
        "make_graphed_callables",
        "mem_get_info",
        "memory_summary",
        "set_device",
        "set_per_process_memory_fraction",
        "set_rng_state",
        "set_stream",
        "stream",
        "synchronize",
        "utilization",
    }
)


def __getattr__(name: str) -> Callable[..., NoReturn]:
    if name in _NEEDS_A_DEVICE:
        return no_device("cuda", name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def get_arch_list() -> list[str]:
    """Empty."""
    return []


def manual_seed(seed: int) -> None:
    """Accepts an integer; the CPU's generator is left alone."""
    int(seed)


manual_seed_all = manual_seed


def seed() -> None:
    """Does nothing."""


seed_all = seed


def get_rng_state_all() -> list[_native.Tensor]:
    """Empty: there is no device's generator."""
    return []


def set_rng_state_all(new_states: list[_native.Tensor]) -> None:
    """Accepts an empty list. RuntimeError for states, as there is no device to set them on."""
    if len(new_states):
        no_device("cuda", "set_rng_state_all")()


def empty_cache() -> None:
    """Does nothing: `wengert.empty_cache` is the CPU's."""


def ipc_collect() -> None:
    """Does nothing."""


def _no_bytes(device: object = None) -> int:
    """0: nothing is on a device."""
    return 0


memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _no_bytes
memory_cached = max_memory_cached = _no_bytes


def memory_stats(device: object = None) -> dict[str, int]:
    """Empty."""
    return {}


def _nothing(device: object = None) -> None:
    """Does nothing."""


reset_peak_memory_stats = reset_accumulated_memory_stats = _nothing
reset_max_memory_allocated = reset_max_memory_cached = _nothing
