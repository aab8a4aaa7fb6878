"""Training loops over a captured step: see `Captured.run`.

Python draws the order of the rows, calls the step on batches that no program fits yet, and
reports; everything between runs in native code, which returns when the order ends, a program no
longer fits, or a report is due.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterator

import numpy as np

from .. import _native, _order
from .._native import CaptureError, Tensor
from .._typing import UserFunction
from .cache import ProgramCache
from .structures import Data, flatten_call, flatten_result

_SECONDS = 0.5  # between reports within an epoch


def _tensors_of(data: Data) -> tuple[Tensor, ...]:
    if isinstance(data, (Tensor, np.ndarray)):
        data = (data,)
    if not isinstance(data, (tuple, list)):
        raise TypeError(
            "run: data must be a tensor, a NumPy array, or a tuple of them, "
            f"got {type(data).__name__}"
        )
    tensors = []
    for i, item in enumerate(data):
        if isinstance(item, np.ndarray):
            item = _native.from_numpy(item)
        if not isinstance(item, Tensor):
            raise TypeError(
                f"run: data[{i}] must be a tensor or a NumPy array, got {type(item).__name__}"
            )
        if item.ndim == 0:
            raise RuntimeError(f"run: data[{i}] has no dimensions, so no rows to take batches of")
        tensors.append(item.detach())
    if not tensors:
        raise ValueError("run: data is empty; at least one tensor is needed")
    sizes = [t.shape[0] for t in tensors]
    if len(set(sizes)) > 1:
        raise RuntimeError(f"run: the tensors must have equal first sizes, got {sizes}")
    return tuple(tensors)


class Loop:
    """One call of `Captured.run`; with `by_call` every batch is a call of the step."""

    def __init__(
        self,
        step: UserFunction,
        cache: ProgramCache,
        by_call: bool,
        instance: tuple[object, ...],
        data: Data,
        batch_size: int,
        epochs: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: _native.Generator | None = None,
        progress: Callable[[int, int, float], object] | None = None,
    ) -> None:
        if _native._is_capturing():
            raise CaptureError("run: a loop cannot be part of a captured function")
        self._step, self._cache, self._instance = step, cache, instance
        self._by_call = by_call
        self._tensors = _tensors_of(data)
        self._epochs = operator.index(epochs)
        if self._epochs < 0:
            raise ValueError(f"run: epochs must not be negative, got {epochs}")
        if progress is not None and not callable(progress):
            raise TypeError(f"run: progress must be callable, got {type(progress).__name__}")
        if shuffle:
            _order.check_count(self._tensors[0].shape[0])
        _order.check_batches(batch_size, drop_last)
        self._batch_size, self._drop_last = batch_size, drop_last
        self._shuffle, self._generator, self._progress = shuffle, generator, progress
        self._native = _native._Loop(self._tensors)
        self._kinds: dict[int, tuple[object, ...]] = {}  # by rows: the key of a batch but for modes
        self._reported, self._due = 0, time.perf_counter() + _SECONDS

    def run(self) -> Tensor:
        size = self._batch_size
        for epoch in range(self._epochs):
            _order.draw_seed(self._generator)  # a loader's base seed
            for order in _order.batches(self._chunks(), size, self._drop_last):
                start, end = 0, order.shape[0]
                while start < end:
                    rows = min(size, end - start)
                    start += rows * self._advance(order, start, rows)
                    if self._progress is not None and time.perf_counter() >= self._due:
                        self._report(epoch)
            self._report(epoch)
        return self._native.losses(0)

    def _chunks(self) -> Iterator[Tensor]:
        """The rows of one epoch, as a loader's samplers visit them."""
        rows: int = self._tensors[0].shape[0]
        return _order.shuffled(rows, rows, self._generator) if self._shuffle else _order.whole(rows)

    def _advance(self, order: Tensor, start: int, rows: int) -> int:
        """Does at least one batch of so many rows, in order from `start` on; how many it did."""
        native, cache = self._native, self._cache
        seconds = -1.0 if self._progress is None else max(0.0, self._due - time.perf_counter())
        ready = () if self._by_call else cache.ready(self._key(rows))
        for cached in ready:
            before = native.count
            try:
                native.run(cached.program, order, start, rows, seconds)
            finally:
                cache.hits += native.count - before
            if native.count > before:
                cache.last = cached
                return native.count - before
        index = order.narrow(0, start, rows)
        result = self._step(*self._instance, *(t.index_select(0, index) for t in self._tensors))
        found: list[Tensor] = []
        flatten_result(result, found)
        if not found:
            raise TypeError(
                "run: the function must return the loss, a tensor, first; "
                f"it returned {type(result).__name__}"
            )
        native.add(found[0])
        return 1

    def _key(self, rows: int) -> tuple[object, ...]:
        """What the step files the programs for batches of so many rows under."""
        kind = self._kinds.get(rows)
        if kind is None:
            parts: list[object] = []
            batch = [_native.empty((rows, *t.shape[1:]), dtype=t.dtype) for t in self._tensors]
            flatten_call((*self._instance, *batch), {}, [], parts)
            kind = self._kinds[rows] = tuple(parts)
        return (_native._capture_modes(), *kind)

    def _report(self, epoch: int) -> None:
        native = self._native
        if self._progress is None or native.count == self._reported:
            return
        loss = native.losses(self._reported).double().mean().item()
        self._reported = native.count
        self._progress(epoch, native.count, loss)
        self._due = time.perf_counter() + _SECONDS
