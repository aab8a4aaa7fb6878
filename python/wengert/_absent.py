"""What scripts ask of every device that is not there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NoReturn

_PACKAGE = __package__.partition(".")[0]

#: Functions of any device that need one.
BASIC = frozenset({"current_device", "get_rng_state", "set_device", "synchronize"})


@functools.cache
def no_device(device: str, name: str) -> Callable[..., NoReturn]:
    """The function `name` of a device that is not there: RuntimeError whatever it is given. A class
    of that name if it begins with a capital, for annotations and `isinstance`."""

    def function(*args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError(
            f"{device}.{name}: wengert computes on the CPU only, there is no other device"
        )

    if name[0].isupper():
        return type(name, (), {"__new__": function, "__module__": f"{_PACKAGE}.{device}"})
    function.__name__ = function.__qualname__ = name
    return function


def getter(
    module: str, device: str, needs: frozenset[str]
) -> Callable[[str], Callable[..., NoReturn]]:
    """The `__getattr__` of a device's module: the functions `needs` are there, to refuse."""

    def __getattr__(name: str) -> Callable[..., NoReturn]:
        if name in needs:
            return no_device(device, name)
        raise AttributeError(f"module '{module}' has no attribute '{name}'")

    return __getattr__


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Accepts an integer; the CPU's generator is left alone."""
    int(seed)


def empty_cache() -> None:
    """Does nothing: `wengert.empty_cache` is the CPU's."""
