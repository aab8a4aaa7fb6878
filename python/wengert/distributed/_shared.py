"""Sums of ranks that are all on one node, read by each straight from the memory of the others.

Note [shared memory]
MPI copies what ranks of a node send each other into memory that both see, and out again, message by
message. Here each rank has a piece of a file in memory, which all have mapped, and writes into it
what the others need; each rank adds its chunk where it lies, in rank order as always, and leaves
the sums for the others to copy. Counters in the same memory say how far each is: on x86 what a
processor writes is seen in that order by all. Where ranks are on several nodes, on other
processors, or where there is no room, messages do the same.
"""

from __future__ import annotations

import array
import contextlib
import mmap
import os
import platform
import tempfile
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from .. import _native
from .._composed import frombuffer
from .._native import Tensor
from ..autograd.grad_mode import no_grad
from ._state import ReduceOp
from ._sums import combine, rounds, shares, slices

if TYPE_CHECKING:
    from mpi4py import MPI

    from ._groups import Group
    from ._mpi import Wire
    from ._work import Parts

#: Bytes of one round that each rank has for the others, and of its counter with room around it.
AREA, _HEAD = 1 << 20, 128
_BYTES = _HEAD + 2 * AREA
_PLACE, _NAME = "/dev/shm", 256  # of files that are memory; the longest name of one


def made(wire: Wire, comm: MPI.Comm) -> Shared | None:
    """The memory, made by all ranks together; None on all where it cannot be."""
    node = comm.Split_type(wire.mpi.COMM_TYPE_SHARED, comm.Get_rank())
    able = node.Get_size() == comm.Get_size() and platform.machine() in ("x86_64", "AMD64")
    node.Free()
    if os.environ.get("WENGERT_DISTRIBUTED_SHARED") == "0":
        able = False
    if not _all(wire, comm, able):
        return None
    size, name = comm.Get_size() * _BYTES, bytearray(_NAME)
    memory: mmap.mmap | None = None
    with contextlib.ExitStack() as stack:
        if comm.Get_rank() == 0:
            with contextlib.suppress(OSError):
                file = stack.enter_context(
                    tempfile.NamedTemporaryFile(prefix="wengert", dir=_PLACE)
                )
                os.posix_fallocate(file.fileno(), 0, size)  # an error where there is no room
                name[: len(file.name)] = file.name.encode()
        comm.Bcast([name, wire.mpi.BYTE], 0)
        path = name.rstrip(b"\0").decode()
        with contextlib.suppress(OSError):
            if path:
                with open(path, "r+b") as opened:
                    memory = mmap.mmap(opened.fileno(), size)
        fits = _all(wire, comm, memory is not None)  # the file has no name from here on
    return Shared(comm, memory) if fits and memory is not None else None


def _all(wire: Wire, comm: MPI.Comm, here: bool) -> bool:
    flag = array.array("i", [here])
    comm.Allreduce(wire.mpi.IN_PLACE, [flag, wire.mpi.INT], wire.mpi.MIN)
    return bool(flag[0])


class Shared:
    """A piece of memory for each rank: its counter, and its part of a round, for two rounds.

    What one rank alone reads of a piece, its chunk, it also writes: the sums take the place of what
    rank 0 has given. Rounds take turns with two areas, so that the sums of one may be copied while
    the next is given.
    """

    def __init__(self, comm: MPI.Comm, memory: mmap.mmap) -> None:
        self.here, self.count = comm.Get_rank(), comm.Get_size()
        starts = [rank * _BYTES for rank in range(self.count)]
        self._words = memoryview(memory).cast("q")
        self._counters = [start // 8 for start in starts]
        self._areas = [
            [
                frombuffer(memory, dtype=_native.uint8, count=AREA, offset=start + _HEAD + area)
                for start in starts
            ]
            for area in (0, AREA)
        ]
        self._turn = self._rounds = 0

    def _meet(self) -> Parts:
        """Goes on when all ranks are here, and what they have written can be read."""
        self._turn += 1
        self._words[self._counters[self.here]] = self._turn
        while any(self._words[place] < self._turn for place in self._counters):
            yield ()

    def everywhere(self, group: Group, flat: Tensor, op: ReduceOp, tree: bool) -> Parts:
        """An all-reduce of a contiguous 1-d tensor in place."""
        n = AREA // flat.element_size()
        for start in range(0, flat.numel(), n):
            part = flat[start : start + n]
            places = slices(*shares(part.numel(), self.count))
            given = yield from self._summed(group, part, places, places, op, tree)
            own = places[self.here]
            if self.here == 0:
                _copy(given[0], part, [own], [own])
            yield from self._meet()
            others = [*places[: self.here], *places[self.here + 1 :]]
            _copy(part, given[0], others, others)
            self._count(group, part, (self.count - 1) * (own.stop - own.start))

    def to_owners(
        self, group: Group, flat: Tensor, parts: Sequence[slice], op: ReduceOp, tree: bool
    ) -> Parts:
        """Leaves in the part of each rank, on that rank, what all ranks' give together."""
        n = AREA // flat.element_size() // self.count
        for now in rounds(parts, n):
            slots = [slice(i * n, i * n + p.stop - p.start) for i, p in enumerate(now)]
            yield from self._summed(group, flat, now, slots, op, tree)

    def from_owners(self, group: Group, flat: Tensor, parts: Sequence[slice]) -> Parts:
        """Brings the part of each rank to all."""
        n = AREA // flat.element_size()
        for now in rounds(parts, n):
            given, own = self._area(flat), now[self.here]
            slots = [slice(0, p.stop - p.start) for p in now]
            _copy(given[self.here], flat, [slots[self.here]], [own])
            yield from self._meet()
            for rank, (place, slot) in enumerate(zip(now, slots, strict=True)):
                if rank != self.here:
                    _copy(flat, given[rank], [place], [slot])
            self._count(group, flat, (self.count - 1) * (own.stop - own.start))

    def _area(self, like: Tensor) -> list[Tensor]:
        """The memory of the next round, of each rank."""
        self._rounds += 1
        return [memory.view(like.dtype) for memory in self._areas[self._rounds % 2]]

    def _summed(
        self,
        group: Group,
        flat: Tensor,
        places: Sequence[slice],
        slots: Sequence[slice],
        op: ReduceOp,
        tree: bool,
    ) -> Generator[Sequence[object], None, list[Tensor]]:
        """Leaves the sum of this rank's place in it; the others' are in slots of rank 0's memory.

        Those of rank 0's own place are not. Returns the memory of the round.
        """
        given, here = self._area(flat), self.here
        others = [i for i in range(self.count) if i != here]
        _copy(given[here], flat, [slots[i] for i in others], [places[i] for i in others])
        yield from self._meet()
        rows = [memory[slots[here]] for memory in given]
        rows[here] = flat[places[here]]
        combine(rows, op, tree)
        if here != 0:
            _copy(flat, rows[0], [places[here]], [slice(0, rows[0].numel())])
        self._count(group, flat, sum(places[i].stop - places[i].start for i in others))
        return given

    def _count(self, group: Group, like: Tensor, elements: int) -> None:
        """Adds to what the others get from this rank."""
        group.bytes_sent += elements * like.element_size()


def _copy(into: Tensor, source: Tensor, to: Sequence[slice], places: Sequence[slice]) -> None:
    with no_grad():
        for a, b in zip(to, places, strict=True):
            if a.start < a.stop:
                into[a].copy_(source[b])
