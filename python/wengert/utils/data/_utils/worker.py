"""What a worker of a loader does, in its process; see Note [workers]."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import sys
import traceback
import weakref
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import parent_process
from typing import Any, NamedTuple, NoReturn, cast

from .... import _native
from ..dataset import Dataset
from .states import RandomState, random_state, seed_worker, set_random_state
from .transport import pack, receive, send

Fetch = Callable[..., object]  # indices of a batch -> the batch, or END
_PATIENCE = 5.0  # seconds after which a worker that waits looks for its parent

#: The ends of sockets that a process which was forked from this one must not hold.
ours: weakref.WeakSet[socket.socket] = weakref.WeakSet()


class _End:
    """What is fetched where there is no more; there is one."""

    def __reduce__(self) -> str:
        return "END"


END = _End()
_info: WorkerInfo | None = None


class WorkerInfo(NamedTuple):
    """What `get_worker_info` says: which worker of how many, its seed and its dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


def get_worker_info() -> WorkerInfo | None:
    """The worker that calls, None elsewhere.

    Within `worker_init_fn`, the dataset and `collate_fn` of a loader with `num_workers` above 0 it
    has `id` (from 0), `num_workers`, `seed` (the base seed of the pass plus `id`) and `dataset`,
    the worker's own copy.
    """
    return _info


class Recipe(NamedTuple):
    """How batches are made out of a dataset; it can be sent to another process."""

    collate: Callable
    iterable: bool
    batched: bool
    batch_size: int | None
    drop_last: bool

    def fetcher(self, dataset: Dataset, skipped: int = 0) -> Fetch:
        """A function of indices; of an iterable dataset without its first `skipped` batches."""
        if self.iterable:
            samples = iter(cast("Iterable", dataset))
            for _ in range(skipped * (self.batch_size or 1)):
                next(samples, None)
            batches = self._stream(samples)
            return lambda _: next(batches, END)
        collate = self.collate
        if not self.batched:
            return lambda index: collate(dataset[index])
        many = getattr(dataset, "__getitems__", None)
        if many:
            return lambda indices: collate(many(indices))
        return lambda indices: collate([dataset[index] for index in indices])

    def _stream(self, samples: Iterator) -> Iterator[object]:
        if self.batch_size is None:
            for sample in samples:
                yield self.collate(sample)
            return
        batch: list = []
        for sample in samples:
            batch.append(sample)
            if len(batch) == self.batch_size:
                yield self.collate(batch)
                batch = []
        if batch and not self.drop_last:
            yield self.collate(batch)


class Resume(NamedTuple):
    """Where a worker of an earlier process was: its random numbers, and in an iterable dataset the
    batches it had made, or what the dataset's own `state_dict` gave."""

    random: RandomState | None
    skipped: int
    dataset: object


class Task(NamedTuple):
    """All that a process needs to be a worker."""

    dataset: Dataset
    recipe: Recipe
    init: Callable[[int], None] | None
    base_seed: int
    id: int
    num_workers: int
    resume: Resume | None


class _Plain(str):
    """A KeyError's message is shown as `repr` has it."""

    def __repr__(self) -> str:
        return str(self)


class Failure(NamedTuple):
    """An exception on its way to the parent: its class, if that can be sent, and its traceback."""

    kind: type[BaseException] | None
    name: str
    text: str
    where: str

    @classmethod
    def of(cls, error: Exception, where: str) -> Failure:
        kind: type[BaseException] | None = type(error)
        try:
            pickle.loads(pickle.dumps(kind))
        except Exception:  # of a function, say
            kind = None
        name = type(error).__name__
        return cls(kind, name, "".join(traceback.format_exception(error)), where)

    def reraise(self) -> NoReturn:
        """Raises the same class of exception, RuntimeError where none can be made of a message."""
        message = f"Caught {self.name} {self.where}.\nOriginal {self.text}"
        if self.kind is None or issubclass(self.kind, StopIteration):
            raise RuntimeError(message)  # that would end the pass without a word
        if self.kind is KeyError:
            raise KeyError(_Plain(message))
        try:
            if getattr(self.kind, "message", None):
                error = self.kind(message=message)  # type: ignore[call-arg]
            else:
                error = self.kind(message)
        except Exception:  # its constructor takes something else
            raise RuntimeError(message) from None
        raise error


class _Worker:
    """The state of a worker between its batches."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.where = f"in DataLoader worker process {task.id}"
        self.number: int | None = None  # of the pass
        self.fetch: Fetch | None = None
        self.failure: Failure | None = None
        self.resume = task.resume
        self.sent: RandomState | None = None

    def begin(self) -> None:
        global _info
        task = self.task
        _native.set_num_threads(1)
        seed_worker(task.base_seed, task.id)
        _info = WorkerInfo(task.id, task.num_workers, task.base_seed + task.id, task.dataset)
        if task.init is None:
            return
        try:
            task.init(task.id)
        except Exception as error:
            self.failure = Failure.of(error, self.where)

    def answer(self, number: int, index: object) -> tuple:
        """(number of the pass, batch or END or Failure, state of random numbers, of dataset)"""
        if self.failure is not None:
            return number, self.failure, None, None
        try:
            if self.number != number or self.fetch is None:
                self.number, self.fetch = number, None
                self.fetch = self._fetcher()
            batch = self.fetch(index)
        except Exception as error:
            return number, Failure.of(error, self.where), None, None
        return number, batch, self._random(), self._dataset()

    def _fetcher(self) -> Fetch:
        resume, self.resume = self.resume, None
        dataset, recipe = self.task.dataset, self.task.recipe
        if resume is None:
            return recipe.fetcher(dataset)
        if resume.dataset is not None:
            getattr(dataset, "load_state_dict")(resume.dataset)  # noqa: B009
        fetch = recipe.fetcher(dataset, 0 if resume.dataset is not None else resume.skipped)
        if resume.random is not None:
            set_random_state(resume.random)
        return fetch

    def _random(self) -> RandomState | None:
        now = random_state()
        if now == self.sent:
            return None  # as before
        self.sent = now
        return now

    def _dataset(self) -> object:
        state = getattr(self.task.dataset, "state_dict", None)
        return state() if state is not None and self.task.recipe.iterable else None


def close_inherited() -> None:
    """In a forked process: lets go of the ends that are its parent's alone."""
    for end in list(ours):
        end.close()
    ours.clear()


class _Parent:
    """Whether the process that started this one is there: sockets may be held by others too."""

    def __init__(self) -> None:
        self.pid = os.getppid()
        self.process = parent_process()

    def check(self) -> None:
        if os.getppid() != self.pid or not (self.process is None or self.process.is_alive()):
            raise EOFError


def run(link: socket.socket, task: Task) -> None:
    """The life of a worker: batches for indices, until the other end of `link` is closed."""
    with contextlib.suppress(KeyboardInterrupt, EOFError, BrokenPipeError, ConnectionError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the program, which ends this
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a handler of the program's is not for here
        _serve(link, task, _Parent())
    sys.stdout.flush()


def _serve(link: socket.socket, task: Task, parent: _Parent) -> None:
    link.settimeout(_PATIENCE)
    worker = _Worker(task)
    worker.begin()
    while True:
        number, index = cast("tuple", receive(link, parent.check))
        answer = worker.answer(number, index)
        try:
            parts, descriptor = pack(answer)
        except Exception as error:  # what cannot be sent
            failure = Failure.of(error, worker.where)
            parts, descriptor = pack((number, failure, None, None))
        del answer
        send(link, parts, descriptor, parent.check)


__all__ = [
    "END",
    "Failure",
    "Fetch",
    "Recipe",
    "Resume",
    "Task",
    "WorkerInfo",
    "close_inherited",
    "get_worker_info",
    "ours",
    "run",
]
