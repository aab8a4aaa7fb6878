"""Helpers around training: `wengert.utils.data`, `wengert.utils.checkpoint`."""

import importlib
from types import ModuleType

from . import data

__all__ = ["data"]


def __getattr__(name: str) -> ModuleType:
    if name == "checkpoint":  # it needs modules, which need what is here
        return importlib.import_module(".checkpoint", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
