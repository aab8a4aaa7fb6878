"""The global random number generator.

Each worker of a `DataLoader` is a process, and has its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from . import _native
from ._native import Tensor

default_generator = _native.default_generator


def manual_seed(seed: int) -> _native.Generator:
    """Seeds the global generator and returns it.

    `seed` is any integer from -2**63 to 2**64 - 1; a negative one counts from 2**64.
    Raises ValueError outside of that range.
    """
    return _native._thread_generator().manual_seed(int(seed))


def seed() -> int:
    """Seeds the global generator from the system's entropy and returns that seed."""
    return int(_native._thread_generator().seed())


def initial_seed() -> int:
    """The seed that the global generator was last given."""
    return int(_native._thread_generator().initial_seed())


def get_rng_state() -> Tensor:
    """The global generator's state, a uint8 tensor for `set_rng_state`."""
    return _native._thread_generator().get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Sets the global generator to a state that `get_rng_state` gave."""
    _native._thread_generator().set_state(new_state)


@contextlib.contextmanager
def fork_rng(
    devices: Iterable | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cpu",
) -> Iterator[None]:
    """On leaving the block the global generator is as it was on entering.

    With `enabled=False` nothing is restored. `devices` and `device_type` are accepted; there
    is one generator, the CPU's.
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


__all__ = [
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]
