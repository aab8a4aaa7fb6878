"""What scripts set of the machinery behind `torch.compile`: accepted, and without influence."""

from __future__ import annotations

from ..compiler import allow_in_graph as allow_in_graph
from ..compiler import assume_constant_result as assume_constant_result
from ..compiler import disable as disable
from ..compiler import is_compiling as is_compiling
from ..compiler import list_backends as list_backends
from ..compiler import reset as reset
from . import config as config
from . import eval_frame as eval_frame
from .eval_frame import OptimizedModule as OptimizedModule

__all__ = ["OptimizedModule", "allow_in_graph", "assume_constant_result", "config", "disable",
           "graph_break", "is_compiling", "list_backends", "mark_dynamic", "mark_static",
           "mark_static_address", "maybe_mark_dynamic", "reset"]  # fmt: skip


def graph_break(msg: str = "") -> None:
    """Does nothing."""


def mark_dynamic(t: object, index: object, **options: object) -> None:
    """Does nothing: another size is another program."""


maybe_mark_dynamic = mark_static = mark_static_address = mark_dynamic
