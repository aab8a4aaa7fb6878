"""What scripts ask before they use several processes: there is one.

`is_available()` and `is_initialized()` are False; the functions of a process group can be imported,
and refuse to be called.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NoReturn

_NEED_A_GROUP = frozenset(
    (
        "all_gather", "all_gather_into_tensor", "all_gather_object", "all_reduce", "all_to_all",
        "all_to_all_single", "barrier", "broadcast", "broadcast_object_list",
        "destroy_process_group", "gather", "gather_object", "get_backend", "get_node_local_rank",
        "get_process_group_ranks", "get_rank", "get_world_size", "init_device_mesh",
        "init_process_group", "irecv", "isend", "monitored_barrier", "new_group", "new_subgroups",
        "recv", "recv_object_list", "reduce", "reduce_scatter", "reduce_scatter_tensor", "scatter",
        "scatter_object_list", "send", "send_object_list", "FileStore", "HashStore", "PrefixStore",
        "TCPStore",
    )
)  # fmt: skip


def __getattr__(name: str) -> Callable[..., NoReturn]:
    if name not in _NEED_A_GROUP:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError(
            f"distributed.{name}: training is in one process here, there is no process group; "
            "guard it by torch.distributed.is_available()"
        )

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


class ReduceOp(enum.Enum):
    """How the tensors of a group become one, where there is a group."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7


class ProcessGroup:
    """A group of processes, for annotations: there is none."""


class group:
    """The group of all processes: none."""

    WORLD: ProcessGroup | None = None


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_nccl_available() -> bool:
    """False."""
    return False


is_gloo_available = is_mpi_available = is_ucc_available = is_xccl_available = is_nccl_available


def is_backend_available(backend: str) -> bool:
    """False, of every name."""
    return False


def is_torchelastic_launched() -> bool:
    """False."""
    return False
