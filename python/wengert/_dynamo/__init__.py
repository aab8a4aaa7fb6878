"""What scripts set of the machinery behind `torch.compile`: accepted, and without influence."""

from __future__ import annotations

from ..compiler import disable as disable
from ..compiler import is_compiling as is_compiling
from ..compiler import list_backends as list_backends
from ..compiler import reset as reset
from . import config as config

__all__ = ["config", "disable", "graph_break", "is_compiling", "list_backends", "mark_dynamic",
           "mark_static", "maybe_mark_dynamic", "reset"]  # fmt: skip


def graph_break(msg: str = "") -> None:
    """Does nothing."""


def mark_dynamic(t: object, index: object, **options: object) -> None:
    """Does nothing: another size is another program."""


maybe_mark_dynamic = mark_static = mark_dynamic
