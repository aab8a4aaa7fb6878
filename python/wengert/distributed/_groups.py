"""Groups: joining the processes that were started, parts of them, and leaving."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import _address, _launch, _mpi, _shared, _state
from ._errors import DistBackendError, DistNetworkError
from ._work import Call, run, seconds_of

if TYPE_CHECKING:
    from mpi4py import MPI

    from .._native import Tensor
    from ._shared import Shared

_HALF_AN_HOUR = 1800.0
#: How long processes wait for each other at an address.
_MEET = 300.0
_BACKENDS = ("mpi", "gloo", "cpu:gloo", "cpu:mpi", "undefined")

_wire: _mpi.Wire | None = None
_groups: list[Group] = []


class Group(_state.ProcessGroup):
    """A communicator, the ranks of all processes that are in it, and the calls under way."""

    def __init__(
        self, wire: _mpi.Wire, comm: MPI.Comm, ranks: Sequence[int], seconds: float, label: str
    ) -> None:
        self.wire, self.comm, self.ranks = wire, comm, tuple(ranks)
        self.seconds, self.label = seconds, label
        self.here: int = comm.Get_rank()
        self.count: int = comm.Get_size()
        self.calls = 0
        self.bytes_sent = 0  # by this rank, to others, in exchanges
        self.under_way: list[Call] = []
        self.lock = _LOCK
        self.scratch: dict[object, Tensor] = {}
        self.shared: Shared | None = None

    def rank(self) -> int:
        return self.here

    def size(self) -> int:
        return self.count

    def finish_calls(self) -> None:
        """Waits for the calls under way."""
        for call in list(self.under_way):
            call.wait()

    def member(self, rank: int, call: str, what: str) -> int:
        """The number in this group of a rank of all processes. ValueError if it is not in it."""
        if rank not in self.ranks:
            raise ValueError(f"{call}: {what} {rank} is not in the group of ranks {self.ranks}")
        return self.ranks.index(rank)


_LOCK = threading.RLock()


def default_group() -> Group:
    """The group of all. ValueError, as PyTorch's, where there is none."""
    found = _state.group.WORLD
    if not isinstance(found, Group):
        raise ValueError(
            "Default process group has not been initialized, please make sure to call "
            "init_process_group."
        )
    return found


def group_of(given: object) -> Group | None:
    """The group that is meant; None if this process is not in it. TypeError for other things."""
    if given is None:
        return default_group()
    if given is _state.GroupMember.NON_GROUP_MEMBER:
        return None
    if not isinstance(given, Group):
        raise TypeError(f"group: a process group expected, got {type(given).__name__}")
    if given not in _groups:
        raise ValueError("group: Invalid process group specified, it was destroyed")
    return given


def _check_backend(backend: object) -> None:
    if backend is not None and str(backend).lower() not in _BACKENDS:
        raise ValueError(
            f"init_process_group: backend {backend!r} is not there; MPI is: None or 'mpi' "
            "('gloo', its rival on CPUs in PyTorch, is taken for it)"
        )


def _check_numbers(wire: _mpi.Wire, world_size: int, rank: int) -> None:
    """That the caller, and the variables of launchers, see the processes that MPI sees."""
    for name, wanted, found in (("world_size", world_size, wire.size), ("rank", rank, wire.rank)):
        if wanted not in (-1, found):
            hint = " Start the script by `mpirun -n N python ...`" if wire.size == 1 else ""
            raise ValueError(f"init_process_group: {name} is {wanted}, and MPI's {found}.{hint}")
    told = _state.launched()
    if wire.size == 1 and told.size > 1:
        library = " ".join(wire.mpi.Get_library_version().split()[:3]).strip("\0,")
        raise DistBackendError(
            f"init_process_group: {told.by} has started {told.size} processes, of which MPI sees "
            f"one. Start the script by `mpirun -n N python ...` or `srun --mpi=...`, with the MPI "
            f"that mpi4py has loaded, {library}. Processes of other launchers are joined at "
            "MASTER_ADDR and MASTER_PORT by MPICH alone (pip install mpich)"
        )


def _loaded(init_method: str | None, rank: int, size: int, seconds: float) -> _mpi.Wire:
    """MPI, of the processes of its launcher, or of those that meet at an address."""
    address = None
    if _state.launched().by in ("", "torchrun"):
        address = _address.told(init_method, rank, size)
    if address is None:
        return _mpi.Wire(_mpi.load("init_process_group"))
    if "mpi4py.MPI" in sys.modules:
        raise DistBackendError(
            "init_process_group: mpi4py.MPI was imported before, so MPI knows this process alone; "
            "call it before anything imports that"
        )
    _mpi.require("init_process_group")
    try:
        line = _address.Line(address, min(seconds, _MEET))
    except OSError as error:
        raise DistNetworkError(f"init_process_group: {error}") from None
    told = _address.variables(address)
    os.environ.update(told)
    try:
        wire = _mpi.Wire(_mpi.load("init_process_group"))
    finally:
        for name in told:
            del os.environ[name]
    wire.line = line
    return wire


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: object = None,
    world_size: int = -1,
    rank: int = -1,
    store: object = None,
    group_name: str = "",
    pg_options: object = None,
    device_id: object = None,
) -> None:
    """Joins the processes that `mpirun` or `srun` has started, or that meet at an address.

    `backend` is None, "mpi" or "gloo", which all mean MPI. `world_size` and `rank` are MPI's, and
    checked if given. Where no launcher of MPI has started the process, `init_method`
    "tcp://HOST:PORT" with `rank` and `world_size`, or the variables MASTER_ADDR, MASTER_PORT, RANK
    and WORLD_SIZE, say where rank 0 is, and MPICH joins them. `store` and the rest are accepted.
    `timeout`, a timedelta or seconds, is what a call may take: half an hour, or what the variable
    WENGERT_DISTRIBUTED_TIMEOUT says in seconds. From here on a rank that fails prints its traceback
    and ends all. The threads of the node are divided among its ranks; rank 0 says how.

    Raises DistNetworkError if there is no mpi4py or no MPI, or if processes do not meet within five
    minutes, ValueError for other backends, for
    numbers that are not MPI's and if there is a group already, DistBackendError where a launcher
    has started several processes of which MPI sees one.
    """
    global _wire
    if _state.is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    _check_backend(backend)
    told = os.environ.get("WENGERT_DISTRIBUTED_TIMEOUT")
    seconds = seconds_of(timeout, seconds_of(float(told) if told else None, _HALF_AN_HOUR))
    if _wire is None:
        _wire = _loaded(init_method, rank, world_size, seconds)
    _check_numbers(_wire, world_size, rank)
    _state.asked = True
    comm = _wire.world.Dup()
    world = Group(_wire, comm, range(_wire.size), seconds, "all ranks")
    if world.count > 1:
        world.shared = _shared.made(_wire, comm)
    _groups.append(world)
    _state._GroupMeta.WORLD = world
    _launch.begin(_wire)


def destroy_process_group(group: object = None) -> None:
    """Ends a group, or all of them: no more calls, but another `init_process_group` may follow."""
    found = group_of(group)
    if found is None:
        return
    ends = list(_groups) if found is _state.group.WORLD else [found]
    for one in ends:
        one.finish_calls()
        one.scratch.clear()
        _groups.remove(one)
    if found is _state.group.WORLD:
        for call in _state.at_destroy:
            call()
        _state._GroupMeta.WORLD = None


def new_group(
    ranks: Sequence[int] | None = None,
    timeout: object = None,
    backend: str | None = None,
    pg_options: object = None,
    use_local_synchronization: bool = False,
    group_desc: str | None = None,
    device_id: object = None,
) -> object:
    """A group of some ranks; all processes must call it, with the same ranks, in one order.

    Returns `GroupMember.NON_GROUP_MEMBER` to those that are not in it. `ranks` defaults to all; the
    others are accepted, as by `init_process_group`. Raises ValueError for ranks that there are not,
    or twice.
    """
    world = default_group()
    _check_backend(backend)
    wanted = list(world.ranks) if ranks is None else sorted(int(r) for r in ranks)
    if len(set(wanted)) != len(wanted):
        raise ValueError(f"new_group: a rank is named twice in {wanted}")
    if wanted and not 0 <= wanted[0] <= wanted[-1] < world.count:
        raise ValueError(f"new_group: ranks {wanted}, of {world.count} from 0")
    world.finish_calls()
    seconds = seconds_of(timeout, world.seconds)
    mine = world.here in wanted
    color = 0 if mine else world.wire.mpi.UNDEFINED
    run("new_group", world, lambda: iter([[world.comm.Ibarrier()]]), False)  # Split would hang
    comm = world.comm.Split(color, world.here)
    if not mine:
        return _state.GroupMember.NON_GROUP_MEMBER
    made = Group(world.wire, comm, wanted, seconds, f"ranks {wanted}")
    _groups.append(made)
    return made


def new_subgroups_by_enumeration(
    ranks_per_subgroup_list: Sequence[Sequence[int]],
    timeout: object = None,
    backend: str | None = None,
    pg_options: object = None,
    group_desc: str | None = None,
) -> tuple[object, list[object]]:
    """Groups of the given ranks, which must not overlap: this process's, and all of them."""
    every = [rank for ranks in ranks_per_subgroup_list for rank in ranks]
    if len(set(every)) != len(every):
        raise ValueError("new_subgroups_by_enumeration: a rank is in two subgroups")
    made = [new_group(ranks, timeout, backend) for ranks in ranks_per_subgroup_list]
    mine = [g for g in made if isinstance(g, Group)]
    return (mine[0] if mine else None), made


def new_subgroups(
    group_size: int | None = None,
    group: object = None,
    timeout: object = None,
    backend: str | None = None,
    pg_options: object = None,
    group_desc: str | None = None,
) -> tuple[object, list[object]]:
    """Groups of neighbouring ranks, `group_size` of them in each (default: those of a node)."""
    size = _state.launched().local_size if group_size is None else group_size
    world = default_group()
    if size < 1 or world.count % size:
        raise ValueError(f"new_subgroups: {world.count} ranks cannot be divided by {size}")
    return new_subgroups_by_enumeration(
        [range(start, start + size) for start in range(0, world.count, size)], timeout, backend
    )


def get_rank(group: object = None) -> int:
    """This process's number in the group, from 0; -1 if it is not in it."""
    found = group_of(group)
    return -1 if found is None else found.here


def get_world_size(group: object = None) -> int:
    """How many processes are in the group; -1 if this one is not in it."""
    found = group_of(group)
    return -1 if found is None else found.count


def get_backend(group: object = None) -> str:
    """ "mpi"."""
    if group_of(group) is None:
        raise ValueError("Invalid process group specified")
    return "mpi"


def get_default_backend_for_device(device: object) -> str:
    """ "mpi"."""
    return "mpi"


def get_process_group_ranks(group: object) -> list[int]:
    """The ranks, of all processes, that are in the group."""
    found = group_of(group)
    return [] if found is None else list(found.ranks)


def get_group_rank(group: object, global_rank: int) -> int:
    """The number in the group of a rank of all processes. ValueError if it is not in it."""
    found = group_of(group)
    if found is None:
        raise ValueError("get_group_rank: this process is not in the group")
    return found.member(global_rank, "get_group_rank", "global_rank")


def get_global_rank(group: object, group_rank: int) -> int:
    """The rank of all processes that has this number in the group. ValueError if none has."""
    found = group_of(group)
    if found is None or not 0 <= group_rank < found.count:
        raise ValueError(f"get_global_rank: Group rank {group_rank} is not part of group {group}")
    return found.ranks[group_rank]


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """This process's number among those of its node."""
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    raise RuntimeError(
        "LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow "
        "`get_node_local_rank` to work."
    )
