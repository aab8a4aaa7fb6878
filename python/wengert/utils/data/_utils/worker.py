"""Workers that make batches ahead of their use.

Note [workers]
A loader with `num_workers` = n gives batch i of a pass to worker i mod n, and worker w has random
numbers of its own, seeded with base_seed + w: PyTorch's order and seeds, hence its batches. There
the workers are processes. Here they take turns on one thread of this process, which makes the next
batches while the caller uses the last: one thread, so that a dataset need not stand being used by
several at a time (an open file has one position), and reading and decoding do not hold Python's
lock for long. Each worker gets a shallow copy of the dataset, as a forked process has a copy: what
`worker_init_fn` sets there is its own. Python's `random` and NumPy's global generator are the
process's and are not seeded for a worker.

The caller iterates over the sampler, so that its draws come where they come in PyTorch, and sends
the indices; the thread knows the two queues of a `_Line` and not the pass that waits at its end, so
that a pass that is dropped half-way ends its thread.
"""

from __future__ import annotations

import copy
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from .... import _native
from ..dataset import Dataset

Fetch = Callable[..., object]  # indices of a batch -> the batch, or END
Fetcher = Callable[..., Fetch]  # of a dataset
_T = TypeVar("_T")
END = object()  # what is fetched where there is no more
_local = threading.local()


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
    the worker's own shallow copy.
    """
    return getattr(_local, "info", None)


class Worker:
    """One worker of a pass (with `persistent_workers`, of all passes)."""

    def __init__(
        self,
        info: WorkerInfo,
        fetcher: Fetcher,
        init: Callable[[int], None] | None,
    ) -> None:
        self._info = info
        self._generator = _native.Generator()
        self._generator.manual_seed(info.seed)
        self._fetcher, self._init = fetcher, init
        self._fetch: Fetch | None = None

    def restart(self) -> None:
        """Another pass begins: an iterable dataset from its beginning."""
        self._fetch = None

    def batch(self, index: object) -> object:
        """The batch of these indices; `END` if there are no more."""
        _local.info = self._info
        _native._set_thread_generator(self._generator)
        try:
            if self._init is not None:
                init, self._init = self._init, None
                init(self._info.id)
            if self._fetch is None:
                self._fetch = self._fetcher(self._info.dataset)
            return self._fetch(index)
        finally:
            _native._set_thread_generator(None)
            _local.info = None


def own_copy(dataset: _T) -> _T:
    """A shallow copy, or the dataset itself where it cannot be copied or is no `Dataset`."""
    if not isinstance(dataset, Dataset):
        return dataset
    try:
        return copy.copy(dataset)
    except Exception:  # whatever an attribute's __copy__ or __reduce__ raises
        return dataset


class _Line:
    """Indices go in, batches come out in the same order."""

    def __init__(self) -> None:
        self.asked: queue.SimpleQueue = queue.SimpleQueue()
        self.made: queue.SimpleQueue = queue.SimpleQueue()
        self.closed = False

    def close(self) -> None:
        self.closed = True
        self.asked.put(None)


def _work(line: _Line) -> None:
    _native._compute_alone()
    while (task := line.asked.get()) is not None and not line.closed:
        worker, index = task
        try:
            line.made.put((worker, worker.batch(index), None))
        except BaseException as error:  # SystemExit too belongs to who iterates
            line.made.put((worker, None, error))
        del task, worker, index  # nothing is kept while waiting


class ReadAhead:
    """The batches of one pass over `indices`, made by `workers`, `ahead` of them at a time."""

    def __init__(
        self, indices: Iterator[object], workers: list[Worker], ahead: int, timeout: float
    ) -> None:
        self._indices = indices
        self._workers = list(workers)
        self._turn = 0
        self._timeout = timeout
        self._waiting = 0
        self._line = _Line()
        for worker in workers:
            worker.restart()
        for _ in range(ahead):
            self._ask()
        self._thread = threading.Thread(
            target=_work, args=(self._line,), name="wengert DataLoader", daemon=True
        )
        self._thread.start()
        weakref.finalize(self, self._line.close)

    def __iter__(self) -> ReadAhead:
        return self

    def __next__(self) -> object:
        while self._waiting:
            worker, batch, error = self._received()
            self._waiting -= 1
            if batch is END and worker in self._workers:
                at = self._workers.index(worker)
                del self._workers[at]
                self._turn -= at < self._turn
            self._ask()
            if isinstance(error, StopIteration):  # it would end the pass without a word
                raise RuntimeError("DataLoader: the dataset raised StopIteration") from error
            if error is not None:
                raise error
            if batch is not END:
                return batch
        self.close()
        raise StopIteration

    def close(self) -> None:
        """Ends the thread, which finishes the batch it is at."""
        self._line.close()
        if self._thread.is_alive():
            self._thread.join()

    def _ask(self) -> None:
        if not self._workers:
            return
        index = next(self._indices, END)
        if index is END:
            return
        self._turn %= len(self._workers)
        self._line.asked.put((self._workers[self._turn], index))
        self._turn += 1
        self._waiting += 1

    def _received(self) -> tuple:
        while True:
            try:
                return self._line.made.get(timeout=self._timeout or 1)
            except queue.Empty:
                if not self._thread.is_alive():
                    raise RuntimeError(
                        "DataLoader: the thread that makes the batches is gone, as another pass of "
                        "persistent workers has begun or this is a forked process"
                    ) from None
                if self._timeout > 0:
                    raise RuntimeError(
                        f"DataLoader timed out after {self._timeout} seconds"
                    ) from None


__all__ = [
    "END",
    "Fetch",
    "Fetcher",
    "ReadAhead",
    "Worker",
    "WorkerInfo",
    "get_worker_info",
    "own_copy",
]
