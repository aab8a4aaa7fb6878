"""What a captured program that called a module depends on; see Note [conditions]."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..._capture.conditions import Conditions
from . import _hooks

if TYPE_CHECKING:
    from .module import Module

#: Lists among the attributes are compared up to this many items.
_LARGEST = 64


def tell(module: Module, conditions: Conditions) -> None:
    """The attributes of the module and of those below it."""
    conditions.unchanged(_attributes, _effect)
    for cls in {type(below) for below in module.modules()}:
        conditions.attribute(cls, "forward")  # a function put there later


def _with_below(modules: list[Module]) -> list[Module]:
    return list({id(below): below for module in modules for below in module.modules()}.values())


def _attributes(modules: list[Module]) -> Callable[[], list[object]]:
    """All that a change of an attribute of the modules, and of those below them, changes."""
    every = _with_below(modules)

    def attributes() -> list[object]:
        values = _hooks.global_hooks()
        for module in every:
            for value in vars(module).values():
                values.append(value)
                if isinstance(value, dict):
                    values.extend(value.values())
                elif isinstance(value, (list, tuple)):
                    values.extend(value[:_LARGEST])
                    values.append(len(value))
        return values

    return attributes


def _effect(modules: list[Module]) -> str:
    return "a module has hooks" if any(map(_hooks.has_hooks, _with_below(modules))) else ""
