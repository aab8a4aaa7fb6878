"""Helpers around training: `wengert.utils.data`, `wengert.utils.checkpoint`."""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import data as data

__all__ = ["data"]


def __getattr__(name: str) -> ModuleType:
    # Data loading needs a good part of the standard library; checkpoint needs modules, which need
    # what is here.
    if name in ("_pytree", "checkpoint", "data"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
