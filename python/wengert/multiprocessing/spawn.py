"""`spawn`: one function in several processes, and what one of them raised, with its traceback."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import cast

from .._typing import Args

__all__ = [
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "spawn",
    "start_processes",
]


class ProcessException(Exception):
    """A process failed: which one, and its number in the system."""

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, pid

    def __reduce__(self) -> Args:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """A process raised; the message has its traceback."""


class ProcessExitedException(ProcessException):
    """A process ended by a signal or with an exit code that is not 0."""

    def __init__(
        self, msg: str, error_index: int, error_pid: int, exit_code: int,
        signal_name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self) -> Args:
        return type(self), (
            self.msg, self.error_index, self.pid, self.exit_code, self.signal_name,
        )  # fmt: skip


def _run(fn: Callable[..., object], i: int, args: Args, errors: Connection) -> None:
    try:
        fn(i, *args)
    except KeyboardInterrupt:
        pass  # the parent has it too
    except Exception:
        with contextlib.suppress(OSError):  # who started it is gone
            errors.send_bytes(pickle.dumps(traceback.format_exc()))
            errors.close()
        sys.exit(1)


class ProcessContext:
    """Processes that were started; made by `start_processes`."""

    def __init__(self, processes: list[BaseProcess], errors: list[Connection]) -> None:
        self.processes, self._errors = processes, errors
        self._left = {process.sentinel: i for i, process in enumerate(processes)}

    def pids(self) -> list[int | None]:
        """Their numbers in the system."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Waits until one has ended. True if all have, False if some still run.

        If one failed, all others are terminated, after `grace_period` seconds killed, and
        ProcessRaisedException or ProcessExitedException says what happened.
        """
        ready = cast("list[int]", wait(list(self._left), timeout=timeout))
        failed = None
        for sentinel in ready:
            index = self._left.pop(sentinel)
            self.processes[index].join()
            if self.processes[index].exitcode != 0:
                failed = index
                break
        if failed is None:
            return not self._left
        self._end_others(grace_period)
        self._raise(failed)
        return False

    def _end_others(self, grace_period: float | None) -> None:
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        end = time.monotonic() + (30.0 if grace_period is None else grace_period)
        for process in self.processes:
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _raise(self, index: int) -> None:
        process = self.processes[index]
        code, pid = process.exitcode or 0, process.pid or 0
        try:
            text = pickle.loads(self._errors[index].recv_bytes())
        except EOFError:  # it has ended without a word
            pass
        else:
            raise ProcessRaisedException(
                f"\n\n-- Process {index} terminated with the following error:\n{text}", index, pid
            )
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"<Unknown signal {-code}>"
            raise ProcessExitedException(
                f"process {index} terminated with signal {name}", index, pid, code, name
            )
        raise ProcessExitedException(
            f"process {index} terminated with exit code {code}", index, pid, code
        )


SpawnContext = ProcessContext


def start_processes(
    fn: Callable[..., object],
    args: Args = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Calls `fn(i, *args)` in process i of `nprocs`.

    With `join` it waits for all and returns None; what one of them raises ends the others and is
    raised here, see `ProcessContext.join`. Otherwise it returns the context. TypeError unless `fn`
    can be called and `args` is a tuple.
    """
    if not callable(fn):
        raise TypeError(f"spawn: a function is expected, got {type(fn).__name__}")
    if not isinstance(args, tuple) or not isinstance(nprocs, int):
        raise TypeError("spawn: args must be a tuple, and nprocs a number")
    context = multiprocessing.get_context(start_method)
    processes, errors = [], []
    for i in range(nprocs):
        receives, sends = context.Pipe(duplex=False)
        process = context.Process(  # type: ignore[attr-defined]
            target=_run, args=(fn, i, args, sends), daemon=daemon
        )
        process.start()
        sends.close()
        processes.append(process)
        errors.append(receives)
    started = ProcessContext(processes, errors)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable[..., object],
    args: Args = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """`start_processes` in processes that begin anew, so `fn` is a function of a module."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)
