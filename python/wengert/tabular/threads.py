"""How many threads a training of a table uses. Its results do not depend on it.

Below some size of step a second thread costs more than it gives; far above it always gives. Between
the two it depends on the machine: a network of 34,000 weights and batches of 256 takes 0.65 of the
time with two threads on two idle cores, and 1.8 times as much where another process keeps one busy.
So a few epochs are timed with one thread and with all, again and again, and the faster is used.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import wengert as wg

from .. import nn

#: Multiplications of weights by rows: a step of fewer than the first uses one thread, of the second
#: and more all; what is no training uses one up to the second.
FEW, MANY = 1 << 21, 1 << 24
_EVERY = 32  # epochs from one comparison to the next
_TIMED = 3  # epochs with one thread, and as many with all


def multiplications(network: nn.Module, rows: int) -> int:
    """How often a pass over so many rows uses a weight; at least `MANY` if it has convolutions."""
    used = rows * sum(value.numel() for value in network.parameters())
    convolves = any(isinstance(layer, nn.Conv2d) for layer in network.modules())
    return max(used, MANY) if convolves else used


@contextmanager
def threads_for(work: int, few: int = MANY) -> Iterator[None]:
    """One thread within for fewer multiplications than `few`, else as many as are set."""
    before = wg.get_num_threads()
    if work < few:
        wg.set_num_threads(1)
    try:
        yield
    finally:
        wg.set_num_threads(before)


class Threads:
    """Chooses among one thread and all that are set, epoch by epoch; the only place that does."""

    def __init__(self, work: int) -> None:
        self._all = wg.get_num_threads()
        self._in_doubt = self._all > 1 and FEW <= work < MANY
        self._chosen = 1 if work < FEW else self._all
        self._times: dict[int, list[float]] = {}
        self._epoch = 0

    @contextmanager
    def epoch(self) -> Iterator[None]:
        """The next epoch, with the threads that are best for it."""
        place = self._epoch % _EVERY - 1  # the very first epoch does more than the others
        self._epoch += 1
        if place == 0:
            self._times = {1: [], self._all: []}
        timed = self._in_doubt and 0 <= place < 2 * _TIMED
        count = (1 if place < _TIMED else self._all) if timed else self._chosen
        wg.set_num_threads(count)
        begun = time.perf_counter()
        try:
            yield
        finally:
            wg.set_num_threads(self._all)
        if timed:
            self._times[count].append(time.perf_counter() - begun)
            if place == 2 * _TIMED - 1:
                self._chosen = min(self._times, key=lambda threads: min(self._times[threads]))
