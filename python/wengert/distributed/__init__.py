"""Several processes over MPI, with PyTorch's names: groups, collectives, messages.

`init_process_group()` joins the processes that `mpirun` or `srun` has started. It needs mpi4py, the
extra `wengert[mpi]`, which nothing here imports before. The sums of `all_reduce`, `reduce` and
`reduce_scatter` are taken in the order of the ranks, whatever MPI is used: equal bits on all ranks
and in every run. See docs/distributed.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NoReturn

from . import _state
from ._state import GroupMember, ProcessGroup, ReduceOp, Work, group, is_initialized

if TYPE_CHECKING:
    from ._collectives import (
        all_gather,
        all_gather_into_tensor,
        all_reduce,
        all_to_all,
        all_to_all_single,
        barrier,
        broadcast,
        gather,
        monitored_barrier,
        reduce,
        reduce_scatter,
        reduce_scatter_tensor,
        scatter,
    )
    from ._errors import DistBackendError, DistError, DistNetworkError
    from ._groups import (
        destroy_process_group,
        get_backend,
        get_default_backend_for_device,
        get_global_rank,
        get_group_rank,
        get_node_local_rank,
        get_process_group_ranks,
        get_rank,
        get_world_size,
        init_process_group,
        new_group,
        new_subgroups,
        new_subgroups_by_enumeration,
    )
    from ._messages import (
        P2POp,
        all_gather_object,
        batch_isend_irecv,
        broadcast_object_list,
        gather_object,
        irecv,
        isend,
        recv,
        recv_object_list,
        scatter_object_list,
        send,
        send_object_list,
    )

#: What is loaded when it is first asked for, by the file that has it.
_LATE = {
    "_collectives": (
        "all_gather", "all_gather_into_tensor", "all_reduce", "all_to_all", "all_to_all_single",
        "barrier", "broadcast", "gather", "monitored_barrier", "reduce", "reduce_scatter",
        "reduce_scatter_tensor", "scatter",
    ),
    "_errors": ("DistBackendError", "DistError", "DistNetworkError"),
    "_groups": (
        "destroy_process_group", "get_backend", "get_default_backend_for_device",
        "get_global_rank", "get_group_rank", "get_node_local_rank", "get_process_group_ranks",
        "get_rank", "get_world_size", "init_process_group", "new_group", "new_subgroups",
        "new_subgroups_by_enumeration",
    ),
    "_messages": (
        "P2POp", "all_gather_object", "batch_isend_irecv", "broadcast_object_list",
        "gather_object", "irecv", "isend", "recv", "recv_object_list", "scatter_object_list",
        "send", "send_object_list",
    ),
}  # fmt: skip
_HOMES = {name: home for home, names in _LATE.items() for name in names}
_MODULES = frozenset(("algorithms", "optim"))
_ABSENT = {
    "init_device_mesh": "data-parallel groups are made by new_group",
    "FileStore": "MPI needs no store",
    "HashStore": "MPI needs no store",
    "PrefixStore": "MPI needs no store",
    "TCPStore": "MPI needs no store",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _ABSENT:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError(f"distributed.{name} is not there: {_ABSENT[name]}")

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


def is_available() -> bool:
    """True once a group was asked for, or where a launcher has started several processes.

    False otherwise, so that libraries which ask do not look for parts of PyTorch that one process
    does not need. The environment variable WENGERT_DISTRIBUTED, 0 or 1, says it in its place.
    """
    return _state.is_available()


def is_mpi_available() -> bool:
    """Whether mpi4py is installed."""
    return _state.has_mpi4py()


def is_nccl_available() -> bool:
    """False."""
    return False


is_gloo_available = is_ucc_available = is_xccl_available = is_nccl_available


def is_backend_available(backend: str) -> bool:
    """Whether it is "mpi", and mpi4py is installed."""
    return backend.lower() == "mpi" and _state.has_mpi4py()


def is_torchelastic_launched() -> bool:
    """False."""
    return False


__all__ = [
    "DistBackendError",
    "DistError",
    "DistNetworkError",
    "GroupMember",
    "P2POp",
    "ProcessGroup",
    "ReduceOp",
    "Work",
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "batch_isend_irecv",
    "broadcast",
    "broadcast_object_list",
    "destroy_process_group",
    "gather",
    "gather_object",
    "get_backend",
    "get_default_backend_for_device",
    "get_global_rank",
    "get_group_rank",
    "get_node_local_rank",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_process_group",
    "irecv",
    "is_available",
    "is_backend_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "is_ucc_available",
    "is_xccl_available",
    "isend",
    "monitored_barrier",
    "new_group",
    "new_subgroups",
    "new_subgroups_by_enumeration",
    "recv",
    "recv_object_list",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "scatter_object_list",
    "send",
    "send_object_list",
]

_state.tell_scripts()
