"""The parent's side of workers that are processes.

Note [workers]
A loader with `num_workers` = n gives batch i of a pass to worker i mod n, and worker w has random
numbers of its own, seeded with base_seed + w: PyTorch's order and seeds, hence its batches. The
caller iterates over the sampler, so that its draws come where they come in PyTorch, and sends the
indices. Each worker has a socket of its own: it answers in the order in which it was asked, and
who waits for it sees its answer, or that it is gone, and waits for nobody else. The parent never
waits until something is sent, so that it cannot wait for a worker that waits for it.

A worker ends when the parent's end of its socket is closed: when a pass is over or dropped, when
the interpreter ends, and by the system when the parent is killed. Forked processes close the ends
that they inherit; a worker that is stuck is terminated, then killed.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import select
import signal
import socket
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterator
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import cast

from .... import _native
from .states import RandomState
from .transport import pack, receive
from .worker import END, Failure, Task, close_inherited, ours, run

_SLICE = 1.0  # seconds of waiting after which a worker is looked at
_GRACE = 5.0  # seconds that workers have for the batch they are at
_registered = False


def _context(given: object) -> BaseContext:
    # By name: it stands on modules, whose parameters it sends. Datasets' tensors become shared.
    importlib.import_module(f"{_native.__package__}.multiprocessing")
    if given is None or isinstance(given, str):
        return multiprocessing.get_context(given)
    return cast("BaseContext", given)


class Link:
    """One worker, as its parent sees it."""

    def __init__(self, context: BaseContext, task: Task) -> None:
        self.socket, theirs = socket.socketpair()
        ours.add(self.socket)
        self._unsent: deque[memoryview] = deque()
        try:
            self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
                target=run, args=(theirs, task), daemon=True, name=f"DataLoader worker {task.id}"
            )
            self.process.start()
        except BaseException:
            self.socket.close()
            raise
        finally:
            theirs.close()

    def ask(self, number: int, index: object) -> None:
        """Asks for the batch of these indices, in pass `number`; returns at once."""
        parts, _ = pack((number, index), inline=True)
        self._unsent.append(memoryview(b"".join(parts)))
        self.flush()

    def flush(self) -> bool:
        """Sends what can be sent; whether something is left."""
        try:
            while self._unsent:
                sent = self.socket.send(self._unsent[0], socket.MSG_DONTWAIT)
                self._unsent[0] = self._unsent[0][sent:]
                if not self._unsent[0]:
                    self._unsent.popleft()
        except BlockingIOError:
            return True
        except OSError:  # it is gone, as who waits for it will see
            self._unsent.clear()
        return False

    def answer(self) -> tuple:
        """The next answer; RuntimeError if there will be none, as the process is gone."""
        try:
            return cast("tuple", receive(self.socket))
        except (EOFError, ConnectionError):
            raise RuntimeError(self.end()) from None

    def end(self) -> str:
        """How it ended, in words."""
        self.process.join(_GRACE)
        code, pid = self.process.exitcode, self.process.pid
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                name = signal.strsignal(-code) or signal.Signals(-code).name
                return f"DataLoader worker (pid {pid}) is killed by signal: {name}. "
        return f"DataLoader worker (pid(s) {pid}) exited unexpectedly, with exit code {code}"


class Crew:
    """The worker processes of a pass (with `persistent_workers`, of all passes)."""

    def __init__(self, context: object, tasks: list[Task]) -> None:
        global _registered
        if not _registered:
            os.register_at_fork(after_in_child=close_inherited)
            _registered = True
        self.pid = os.getpid()
        self.passes, self.base_seed = 0, tasks[0].base_seed
        self.states: list[RandomState | None] = [
            None if task.resume is None else task.resume.random for task in tasks
        ]
        self.links: list[Link] = []
        self.end = weakref.finalize(self, _end, self.links, self.pid)
        chosen = _context(context)
        try:
            for task in tasks:
                self.links.append(Link(chosen, task))
        except BaseException:
            self.end()
            raise

    def receive(self, workers: Collection[int], timeout: float) -> tuple[int, tuple]:
        """Which of these workers answers first, and its answer; see `worker._Worker.answer`."""
        if os.getpid() != self.pid:
            raise RuntimeError("DataLoader: this is a forked process, the workers are its parent's")
        deadline = time.monotonic() + timeout if timeout > 0 else None
        while (worker := self._ready(workers, deadline)) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
        answer = self.links[worker].answer()
        if answer[2] is not None:
            self.states[worker] = answer[2]
        return worker, answer

    def _ready(self, workers: Collection[int], deadline: float | None) -> int | None:
        """Waits, not for ever, until one of these has said something, or is gone."""
        waits = select.poll()
        for worker, link in enumerate(self.links):
            heard = select.POLLIN if worker in workers else 0
            if heard:
                with contextlib.suppress(ValueError):  # of a process that was joined
                    waits.register(link.process.sentinel, select.POLLIN)
            if link.flush():
                heard |= select.POLLOUT
            if heard:
                waits.register(link.socket, heard)
        seconds = _SLICE if deadline is None else min(_SLICE, deadline - time.monotonic())
        events = dict(waits.poll(max(0, seconds) * 1000))
        for worker in workers:
            if events.get(self.links[worker].socket.fileno(), 0) & ~select.POLLOUT:
                return worker
        for worker in workers:
            link = self.links[worker]
            if link.process.is_alive():
                continue
            said, _, _ = select.select([link.socket], [], [], 0)
            if not said:  # a descendant of it holds the socket
                raise RuntimeError(link.end())
            return worker
        return None


def _end(links: list[Link], pid: int) -> None:
    if os.getpid() != pid:  # the workers of a parent
        return
    for link in links:
        link.socket.close()
    deadline = time.monotonic() + _GRACE
    for stop in (None, BaseProcess.terminate, BaseProcess.kill):
        for link in links:
            if stop is not None and link.process.is_alive():
                stop(link.process)
        for link in links:
            link.process.join(max(0.0, deadline - time.monotonic()))
        deadline = time.monotonic() + 1
    links.clear()


class Turns:
    """Whose turn it is.

    Attributes:
      asked: the workers whose answers are awaited, first one first.
      active: the workers that have more.
      turn: where in `active` the next to be asked is.
    """

    def __init__(self, workers: int) -> None:
        self.asked: deque[int] = deque()
        self.active = list(range(workers))
        self.turn = 0

    def next(self) -> int:
        """Who is to be asked now."""
        self.turn %= len(self.active)
        return self.active[self.turn]

    def answered(self, worker: int) -> None:
        """The first of its answers that were awaited has come."""
        self.asked.remove(worker)

    def drop(self, worker: int) -> None:
        """It has no more."""
        if worker in self.active:
            at = self.active.index(worker)
            del self.active[at]
            self.turn -= at < self.turn


class Pass:
    """The batches of one pass over `indices`, made by a crew, which `keeps` on after it or not.

    `remember` is called with the worker of a batch and the state of its dataset. Unless `in_order`,
    batches come as they are ready, and who has made one is asked for the next.
    """

    def __init__(
        self,
        crew: Crew,
        indices: Iterator[object],
        timeout: float,
        keeps: bool,
        remember: Callable[[int, object], None],
        in_order: bool = True,
    ) -> None:
        self._in_order = in_order
        self._crew, self._indices, self._timeout = crew, indices, timeout
        self._keeps, self._remember = keeps, remember
        crew.passes += 1
        self._number = crew.passes
        self.turns = Turns(len(crew.links))

    def begin(self, ahead: int) -> None:
        """Asks for the first batches."""
        for _ in range(ahead):
            self._ask()

    def go_on(self, asked: list[int], active: list[int], turn: int) -> None:
        """Asks as had been asked at a break."""
        self.turns.active, self.turns.turn = list(active), turn
        for worker in asked:
            self._send(worker)

    def __iter__(self) -> Pass:
        return self

    def __next__(self) -> object:
        turns = self.turns
        while turns.asked:
            awaited = turns.asked if not self._in_order else (turns.asked[0],)
            worker, (_, batch, _, dataset) = self._answer(awaited)
            turns.answered(worker)
            if batch is END:
                turns.drop(worker)
            if self._in_order or batch is END:
                self._ask()
            else:
                self._send(worker)
            if batch is END:
                continue
            self._remember(worker, dataset)
            if isinstance(batch, Failure):
                batch.reraise()
            return batch
        if not self._keeps:
            self._crew.end()
        raise StopIteration

    def _answer(self, workers: Collection[int]) -> tuple[int, tuple]:
        if self._number != self._crew.passes:
            raise RuntimeError("DataLoader: another pass of persistent workers has begun")
        while True:  # answers for a pass that was dropped come first
            worker, answer = self._crew.receive(workers, self._timeout)
            if answer[0] == self._number:
                return worker, answer

    def _ask(self) -> None:
        if self.turns.active and self._send(self.turns.next()):
            self.turns.turn += 1

    def _send(self, worker: int) -> bool:
        index: object = next(self._indices, END)
        if index is END:
            return False
        self._crew.links[worker].ask(self._number, index)
        self.turns.asked.append(worker)
        return True


__all__ = ["Crew", "Pass", "Turns"]
