"""Python's `multiprocessing`, with tensors sent in shared memory.

A tensor that is sent to another process, by a queue, a pipe or as an argument, is moved into shared
memory, and both processes see what either writes to it; see `Tensor.share_memory_`.
"""

from __future__ import annotations

import multiprocessing as _multiprocessing
from multiprocessing import *  # noqa: F403

from .reductions import init_reductions as _init_reductions
from .spawn import (
    ProcessContext,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)

__all__ = [
    *_multiprocessing.__all__,
    "ProcessContext",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]

_STRATEGIES = frozenset({"file_descriptor", "file_system"})
_strategy = "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """The names that `set_sharing_strategy` takes."""
    return set(_STRATEGIES)


def get_sharing_strategy() -> str:
    """What `set_sharing_strategy` was last given, "file_descriptor" before."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Remembers the name. Memory is sent by its descriptor whatever it is."""
    global _strategy
    if new_strategy not in _STRATEGIES:
        raise ValueError(f"a strategy of {sorted(_STRATEGIES)} expected, got {new_strategy!r}")
    _strategy = new_strategy


_init_reductions()
