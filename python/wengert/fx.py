"""Names of `torch.fx`, for annotations and `isinstance`: nothing here traces a module."""

from __future__ import annotations

from typing import NoReturn, TypeVar

from .nn import Module

__all__ = ["Graph", "GraphModule", "Interpreter", "Node", "Proxy", "Tracer", "symbolic_trace",
           "wrap"]  # fmt: skip

_T = TypeVar("_T")


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(
        f"fx.{name}: modules are not traced; wengert.capture replays a function and "
        "wengert.explain(fn, *args) lists its steps"
    )


class Graph:
    """NotImplementedError when it is made, as are the others."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        _refuse(type(self).__name__)


class Node(Graph):
    """A step of a graph."""


class Proxy(Graph):
    """What stands for a value while a function is traced."""


class Tracer(Graph):
    """What traces."""


class Interpreter(Graph):
    """What runs a graph step by step."""


class GraphModule(Module):
    """A module that runs a graph."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        _refuse("GraphModule")


def symbolic_trace(root: object, concrete_args: object = None) -> NoReturn:
    """NotImplementedError."""
    _refuse("symbolic_trace")


def wrap(fn_or_name: _T) -> _T:
    """`fn_or_name` itself: it is for functions that are not to be traced."""
    return fn_or_name
