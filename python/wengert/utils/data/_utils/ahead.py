"""Batches of tensors in memory, gathered ahead of their use on a thread of this process.

No code of a user takes part in it, so that nothing could tell the thread from PyTorch's worker
processes, and no batch crosses from one process into another.
"""

from __future__ import annotations

import os
import queue
import threading
import weakref
from collections.abc import Callable, Iterator

from .... import _native

Gather = Callable[..., object]


class _Line:
    """Indices go in, batches come out in the same order."""

    def __init__(self) -> None:
        self.asked: queue.SimpleQueue = queue.SimpleQueue()
        self.made: queue.SimpleQueue = queue.SimpleQueue()
        self.closed = False

    def close(self) -> None:
        self.closed = True
        self.asked.put(None)


def _work(line: _Line, gather: Gather) -> None:
    """Knows the line and not the pass at its end: a pass that is dropped ends its thread."""
    _native._compute_alone()
    while (index := line.asked.get()) is not None and not line.closed:
        try:
            line.made.put((gather(index), None))
        except BaseException as error:
            line.made.put((None, error))
        del index  # nothing is kept while waiting


class ReadAhead:
    """The batches of one pass over `indices`, made by `gather`, `ahead` of them at a time."""

    def __init__(self, indices: Iterator[object], gather: Gather, ahead: int) -> None:
        self._indices = indices
        self._waiting = 0
        self._pid = os.getpid()
        self._line = _Line()
        for _ in range(ahead):
            self._ask()
        self._thread = threading.Thread(
            target=_work, args=(self._line, gather), name="wengert DataLoader", daemon=True
        )
        self._thread.start()
        weakref.finalize(self, self._line.close)

    def __iter__(self) -> ReadAhead:
        return self

    def __next__(self) -> object:
        if os.getpid() != self._pid:
            raise RuntimeError("DataLoader: this is a forked process, the thread is its parent's")
        if not self._waiting:
            self._line.close()
            raise StopIteration
        batch, error = self._line.made.get()
        self._waiting -= 1
        self._ask()
        if error is not None:
            raise error
        return batch

    def _ask(self) -> None:
        index = next(self._indices, None)
        if index is not None:
            self._line.asked.put(index)
            self._waiting += 1


__all__ = ["ReadAhead"]
