"""What scripts ask of CUDA: there is none, and no device but the CPU.

Questions are answered (`is_available()` is False, `device_count()` 0), seeds and other settings
are accepted, and what needs a device is a RuntimeError.
"""

from __future__ import annotations

from .. import _native
from .._absent import device_count as device_count
from .._absent import empty_cache as empty_cache
from .._absent import getter as _getter
from .._absent import is_available as is_available
from .._absent import manual_seed as manual_seed
from .._absent import no_device as _no_device
from . import amp as amp

_NEEDS_A_DEVICE = frozenset(
    {
        "CUDAGraph",
        "Event",
        "Stream",
        "StreamContext",
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


__getattr__ = _getter(__name__, "cuda", _NEEDS_A_DEVICE)


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def is_current_stream_capturing() -> bool:
    """False."""
    return False


def get_arch_list() -> list[str]:
    """Empty."""
    return []


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
        _no_device("cuda", "set_rng_state_all")()


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
