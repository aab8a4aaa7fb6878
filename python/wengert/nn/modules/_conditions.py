"""What a captured program that called a module depends on; see Note [conditions]."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..._capture.conditions import Conditions, is_librarys
from . import _hooks

if TYPE_CHECKING:
    from .module import Module

#: Lists among the attributes are compared up to this many items.
_LARGEST = 64


def tell(module: Module, conditions: Conditions) -> None:
    """The attributes of the module and of those below it; of a user's also what its code names."""
    if not is_librarys(type(module)):
        _tell_of_code(module, conditions)
    conditions.unchanged(_attributes, _effect)


def _tell_of_code(module: Module, conditions: Conditions) -> None:
    """What a change of does not go through the module: its lists and dicts, its class."""
    names = conditions.code(module.forward) or conditions.code(type(module).forward)
    names = names | conditions.methods(type(module), names)
    conditions.class_attributes(module, names)
    for value in vars(module).values():
        kind = type(value)
        if kind in (list, dict) or (hasattr(value, "__dict__") and not is_librarys(kind)):
            conditions.look_at(value, names)


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
