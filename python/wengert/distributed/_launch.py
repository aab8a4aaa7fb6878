"""What goes with several processes: threads divided, failures that end all, leaving in order."""

from __future__ import annotations

import atexit
import os
import sys
import time
import traceback
import types
from collections.abc import Callable

from .. import _native
from . import _state
from ._mpi import Wire

_begun = False
#: Seconds that one who leaves gives those in a call, who can say which, to say it first.
_LATER = 10.0


def begin(wire: Wire) -> None:
    """Once in a process, by the first `init_process_group`."""
    global _begun
    if _begun:
        return
    _begun = True
    _divide_threads(wire)
    if wire.size == 1:
        return
    sys.excepthook = _ends_all(wire, sys.excepthook)
    atexit.register(_leave, wire)


def _cpus() -> int:
    """Those of this node."""
    return os.cpu_count() or 1


def _divide_threads(wire: Wire) -> None:
    """As many threads as the node has cores for each of its ranks, unless it is bound to fewer.

    OMP_NUM_THREADS is not asked: launchers set it to 1.
    """
    if wire.size == 1:
        return
    node = wire.world.Split_type(wire.mpi.COMM_TYPE_SHARED, wire.rank)
    local, place = node.Get_size(), node.Get_rank()
    leaders = wire.world.Split(0 if place == 0 else 1, wire.rank)
    nodes = leaders.Get_size()
    leaders.Free()
    node.Free()
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _cpus()
    share = max(1, _cpus() // local)
    wire.crowded = local > _cpus()
    threads = min(share, bound)
    _native.set_num_threads(threads)
    os.environ.setdefault("LOCAL_RANK", str(place))
    os.environ.setdefault("LOCAL_WORLD_SIZE", str(local))
    if wire.rank != 0:
        return
    library = wire.mpi.Get_library_version().partition(",")[0].split("\n")[0].strip("\0 ")
    text = (
        f"wengert.distributed: {wire.size} ranks on {nodes} node{'s' * (nodes > 1)}, "
        f"{threads} thread{'s' * (threads > 1)} each ({' '.join(library.split())})"
    )
    if threads < share:
        text += f"; ranks are bound to {bound} of {share} cores: mpirun --bind-to none frees them"
    print(text, file=sys.stderr, flush=True)


def _ends_all(wire: Wire, before: Callable[..., object]) -> Callable[..., None]:
    """A `sys.excepthook` that shows the traceback and ends all ranks."""

    def hook(
        kind: type[BaseException], error: BaseException, trace: types.TracebackType | None
    ) -> None:
        try:
            sys.stdout.flush()
            if issubclass(kind, KeyboardInterrupt):
                print(f"wengert.distributed: rank {wire.rank} was interrupted", file=sys.stderr)
            else:
                lines = "".join(traceback.format_exception(kind, error, trace)).rstrip("\n")
                print(f"[rank {wire.rank} of {wire.size}] {lines}", file=sys.stderr)
            sys.stderr.flush()
        finally:
            end_all(wire, 130 if issubclass(kind, KeyboardInterrupt) else 1)

    return hook


def end_all(wire: Wire, status: int) -> None:
    """Ends all ranks; does not return.

    Processes that have met at an address have no launcher of MPI to end them: when this one is
    gone the others are told so, and end with an error.
    """
    if wire.line is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    wire.world.Abort(status)
    raise SystemExit(status)


def _leave(wire: Wire) -> None:
    """At the end of a process: waits until all are there, so that nobody waits for one gone.

    A rank that leaves while others wait for it in a call tells them so.
    """
    if wire.mpi.Is_finalized():
        return
    world = _state.group.WORLD
    seconds = getattr(world, "seconds", 60.0)
    wire.tell_leaving("has left: its script is over")
    request = wire.world.Ibarrier()
    end = time.monotonic() + seconds + _LATER
    while not request.Test():
        if wire.gone or time.monotonic() > end:
            found = f"others were not there after {seconds:g} s"
            if wire.gone:
                found = f"rank {min(wire.gone)} is gone"
            print(
                f"wengert.distributed: rank {wire.rank} of {wire.size}: the script is over, and "
                + found,
                file=sys.stderr,
                flush=True,
            )
            end_all(wire, 1)
        wire.listen()
        time.sleep(0.001)
    if wire.line is not None:
        wire.line.leave()
