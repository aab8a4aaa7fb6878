"""Who is told when a backward pass is over: data-parallel modules, which then add up gradients."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ._native import Tensor


class Watcher(Protocol):
    """Who is told."""

    def backward_is_over(self) -> None:
        """The outermost backward pass of a thread is over."""

    def total_norm(self, params: Sequence[Tensor], kind: float) -> Tensor | None:
        """The norm of gradients that lie on several ranks; None for others."""


#: They are told in this order, as long as they live. Empty where there is one process, which is
#: all that `backward` looks at.
watchers: list[weakref.ref[Watcher]] = []


class _Depth(threading.local):
    passes = 0


_depth = _Depth()


def tell(watcher: Watcher) -> None:
    """The object is told from now on."""
    watchers.append(weakref.ref(watcher, watchers.remove))


def run(backward: Callable[[], None]) -> None:
    """`backward()`, then the watchers; not after a pass within a pass, as of a checkpoint."""
    _depth.passes += 1
    try:
        backward()
    finally:
        _depth.passes -= 1
    if not _depth.passes:
        for reference in list(watchers):
            watcher = reference()
            if watcher is not None:
                watcher.backward_is_over()
