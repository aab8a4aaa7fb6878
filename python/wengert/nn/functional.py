"""The functions behind the layers: those of the core, and some composed of them.

A function that the core has is the core's own, under the same name and with the same arguments; the
compositions of `_composed` fill the gaps.
"""

from __future__ import annotations

from typing import Any

from .. import _native
from . import _composed

__all__: list[str] = []


def _collect() -> None:
    for source in (_composed, _native.functional):
        names = getattr(source, "__all__", None) or dir(source)
        for name in names:
            if not name.startswith("_"):
                globals()[name] = getattr(source, name)
                __all__.append(name)


_collect()


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"nn.functional.{name} is not available in this version; see wengert.nn.functional.__all__"
    )
