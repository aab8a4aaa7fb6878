"""The functions behind the layers: the core's own, under the names that PyTorch gives them."""

from __future__ import annotations

from typing import NoReturn

from .. import _native
from . import _functional

__all__: list[str] = []


def _collect() -> None:
    for name in dir(_native.functional):
        if not name.startswith("_"):
            globals()[name] = getattr(_native.functional, name)
            __all__.append(name)
    for name in _functional.__all__:
        globals()[name] = getattr(_functional, name)
        __all__.append(name)


_collect()


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"nn.functional.{name} is not available in this version; see wengert.nn.functional.__all__"
    )
