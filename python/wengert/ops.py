"""The operations of `wengert.library.custom_op` by name: `ops.space.name(...)`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NoReturn


class _Space(SimpleNamespace):
    """The operations `space::...`."""

    def __init__(self, name: str) -> None:
        self._space = name

    def __getattr__(self, name: str) -> object:
        from . import library

        if name.startswith("__") or f"{self._space}::{name}" not in library._ops:
            raise AttributeError(
                f"'_OpNamespace' '{self._space}' object has no attribute '{name}'; "
                "wengert.library.custom_op defines operations"
            )
        return library._ops[f"{self._space}::{name}"]


def load_library(path: object) -> NoReturn:
    """RuntimeError: libraries that were built for PyTorch cannot be loaded."""
    raise RuntimeError("ops.load_library: libraries that were built for PyTorch cannot be loaded")


def __getattr__(name: str) -> _Space:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _Space(name)
