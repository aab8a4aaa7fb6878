"""What is known without MPI: types for annotations, the groups that there are, the launcher."""

from __future__ import annotations

import enum
import importlib.util
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..futures import Future


class ReduceOp(enum.Enum):
    """How the tensors of a group become one, rank by rank in their order.

    AVG is the sum divided by the number of ranks, for floating-point tensors. On bool tensors SUM
    and MAX are "or", PRODUCT and MIN "and". BAND, BOR and BXOR are for integers and bools.
    """

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7


class ProcessGroup:
    """A group of processes, made by `init_process_group` and `new_group`."""

    def rank(self) -> int:
        """This process's number in the group, from 0."""
        raise NotImplementedError

    def size(self) -> int:
        """How many processes are in the group."""
        raise NotImplementedError

    def name(self) -> str:
        """Its backend."""
        return "mpi"


class Work:
    """A call under way, what a call with `async_op=True` returns."""

    def is_completed(self) -> bool:
        """Whether it is done, or has failed. Asking moves it on."""
        raise NotImplementedError

    def is_success(self) -> bool:
        """Whether it is done without an error."""
        raise NotImplementedError

    def exception(self) -> BaseException | None:
        """What it has failed with."""
        raise NotImplementedError

    def wait(self, timeout: object = None) -> bool:
        """Returns True when it is done; raises what it has failed with.

        `timeout`, a timedelta or seconds, defaults to the group's.
        """
        raise NotImplementedError

    def get_future(self) -> Future:
        """A future of the tensors that it fills; its `wait` waits for the call."""
        raise NotImplementedError

    def result(self) -> list[object]:
        """The tensors that it fills, when it is done."""
        raise NotImplementedError


class _GroupMeta(type):
    WORLD: ProcessGroup | None = None


class group(metaclass=_GroupMeta):
    """`group.WORLD` is the group of all processes, None before `init_process_group`."""


class GroupMember(group):
    """`NON_GROUP_MEMBER` is what `new_group` returns to processes that are not in the group."""

    NON_GROUP_MEMBER = object()


#: Whether a group was asked for in this process.
asked = False


def is_initialized() -> bool:
    """Whether `init_process_group` was called, and `destroy_process_group` not since."""
    return group.WORLD is not None


def has_mpi4py() -> bool:
    """Whether mpi4py could be imported; does not import it."""
    try:
        return importlib.util.find_spec("mpi4py") is not None
    except (ImportError, ValueError):
        return False


def is_available() -> bool:
    """See `distributed.is_available`."""
    told = os.environ.get("WENGERT_DISTRIBUTED")
    if told is not None:
        return told not in ("", "0")
    return asked or launched().size > 1


class Launched(NamedTuple):
    """What a launcher says of this process, 0 of 1 if there is none."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    by: str


#: The variables of launchers: rank, size, rank and size on this node.
_LAUNCHERS = (
    ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE"),
    ("a launcher of PMI", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    ("Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"),
    ("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
)  # fmt: skip


def _number(name: str, otherwise: int) -> int:
    digits = os.environ.get(name, "").partition("(")[0].partition(",")[0]
    return int(digits) if digits.isdecimal() else otherwise


def launched() -> Launched:
    """What the variables of `mpirun`, `srun` or a launcher like torchrun say."""
    for by, rank, size, local_rank, local_size in _LAUNCHERS:
        if rank in os.environ and _number(size, 0) > 0:
            here = _number(rank, 0)
            return Launched(
                here, _number(size, 1), _number(local_rank, here), _number(local_size, 1), by
            )
    return Launched(0, 1, 0, 1, "")


def tell_scripts() -> None:
    """Gives scripts the variables that torchrun would, where MPI's launcher has started several."""
    here = launched()
    if here.size == 1 or here.by == "torchrun":
        return
    for name, value in (
        ("RANK", here.rank),
        ("WORLD_SIZE", here.size),
        ("LOCAL_RANK", here.local_rank),
        ("LOCAL_WORLD_SIZE", here.local_size),
    ):
        os.environ.setdefault(name, str(value))
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29500")


#: Called when the last group is gone.
at_destroy: list[Callable[[], None]] = []
