"""What a captured program takes for granted: variables, modules, objects. See Note [capture]."""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from . import _native
from .nn.modules import _hooks
from .nn.modules.module import Module

PLAIN = (int, float, str, bool, bytes, complex, type(None))

_PACKAGE = os.path.dirname(__file__) + os.sep
_LIBRARIES = frozenset((__package__, "numpy", "builtins", "collections"))
#: Methods that an expression calls without naming them.
_CALLED_UNNAMED = {
    "__call__",
    "__getitem__",
    "__getattr__",
    "__iter__",
    "__len__",
    "__add__",
    "__mul__",
}
_CALLABLES = (types.FunctionType, types.MethodType, functools.partial)
_Tensor = _native.Tensor
#: The types of values that hold no others.
_LEAVES = frozenset((*PLAIN, _Tensor))
#: Lists, dicts and objects are looked into when they are no larger, and no deeper than this.
_LARGEST = 64
_DEEPEST = 3


def is_own_code(filename: str) -> bool:
    """Whether a file is part of this package."""
    return filename.startswith(_PACKAGE)


class Conditions:
    """Collects what a function could read beside its arguments, and makes a program depend on it.

    Entries are (where, key, value): a cell (key None), a dict or list and a key, an object and the
    name of an attribute. Ellipsis as a key is the length, as a value that there is none.
    """

    def __init__(self, modules: dict[int, Any]) -> None:
        self.modules = modules  # by id
        self._entries: list[tuple[Any, Any, Any]] = []
        self._seen: set[int] = set()  # containers and objects, by id
        self._functions: dict[int, set[str]] = {}  # by id: the names in their code

    def look_at(self, fn: Any, arguments: Any) -> None:
        """The variables of the function, and the objects among its arguments, before it runs."""
        names = self._function(fn, 0)
        if not isinstance(fn, _CALLABLES):
            self._value(fn, names, 0)
        for value in arguments:  # what lists and dicts hold is part of the key
            if not isinstance(value, (list, tuple, dict)):
                self._value(value, names, 0)

    def hand_over(self) -> None:
        """Gives the entries to the recording under way, which reads their values anew.

        A tensor that is another one by then makes the program provisional: the function may put a
        new one there at every call.
        """
        for module in [m for m in self.modules.values() if not _is_librarys(type(m))]:
            self._module(module)
        _native._capture_names(self._entries)
        _guard_modules(self.modules)

    def _function(self, fn: Any, depth: int) -> set[str]:
        while isinstance(fn, functools.partial):
            for value in (*fn.args, *fn.keywords.values()):
                self._value(value, set(), depth)
            fn = fn.func
        owner = None
        if type(fn) is types.MethodType:
            owner, fn = fn.__self__, fn.__func__
        if type(fn) is not types.FunctionType or is_own_code(fn.__code__.co_filename):
            return set()
        names = self._functions.get(id(fn))
        entries: list[Any] = []
        if names is None:
            names, entries = _native._variables_of(fn)
            self._functions[id(fn)] = names
            self._entries += entries
        if owner is not None and id(owner) not in self.modules:
            self._value(owner, names, depth)
        for _, _, value in entries:
            self._value(value, names, depth)
        return names

    def _value(self, value: Any, names: set[str], depth: int) -> None:
        kind = type(value)
        if kind in _LEAVES or isinstance(value, _Tensor):
            return
        if isinstance(value, type):
            if not _is_librarys(value):
                self._attributes_of(value, names)
            return
        if kind in _CALLABLES:
            self._function(value, depth)
        elif kind is types.ModuleType:
            self._namespace(value, names)
        elif isinstance(value, Module):
            self.modules[id(value)] = value
        elif "param_groups" in names and isinstance(getattr(value, "param_groups", None), list):
            for group in value.param_groups:  # else they are read at every replay
                self._entries += [(group, k, v) for k, v in group.items() if type(v) in PLAIN]
        elif depth < _DEEPEST and id(value) not in self._seen:
            self._seen.add(id(value))
            self._container(value, names, depth + 1)

    def _module(self, module: Any) -> None:
        """What a change of does not go through the module: its lists and dicts, its class."""
        names = self._function(module.forward, 0) or self._function(type(module).forward, 0)
        self._class_attributes(module, names)
        for value in vars(module).values():
            kind = type(value)
            if kind in (list, dict) or (hasattr(value, "__dict__") and not _is_librarys(kind)):
                self._value(value, names, 0)

    def _container(self, value: Any, names: set[str], depth: int) -> None:
        items: list[tuple[Any, Any]]
        where = value
        if isinstance(value, list):
            items = list(enumerate(value)) if len(value) <= _LARGEST else []
        elif isinstance(value, tuple):
            for item in value[:_LARGEST]:
                self._value(item, names, depth)
            return
        elif isinstance(value, dict):
            items = list(value.items()) if len(value) <= _LARGEST else []
        else:
            where = getattr(value, "__dict__", None)
            if type(where) is not dict or _is_librarys(type(value)):
                return
            names = names | self._methods(type(value), names, depth)
            items = [(name, where[name]) for name in names & where.keys()]
            self._class_attributes(value, names)
        if items and len(items) == len(where) and where is value:
            self._entries.append((where, ..., len(where)))
        for key, item in items:
            self._entries.append((where, key, item))
            self._value(item, names, depth)

    def _namespace(self, module: types.ModuleType, names: set[str]) -> None:
        """What the function may read of a module of the user's."""
        top = module.__name__.partition(".")[0]
        if top in _LIBRARIES or top in sys.stdlib_module_names:
            return
        space = vars(module)
        for key in names & space.keys():
            if not isinstance(space[key], (types.ModuleType, type)):
                self._entries.append((space, key, space[key]))

    def _methods(self, cls: type, names: set[str], depth: int) -> set[str]:
        """The names in the methods of the user's class that these names reach."""
        found: set[str] = set()
        wanted = names | _CALLED_UNNAMED
        while wanted:
            more: set[str] = set()
            for base in cls.__mro__[:-1]:
                if _is_librarys(base):
                    continue
                for name in wanted & vars(base).keys():
                    if type(vars(base)[name]) is types.FunctionType:
                        more |= self._function(vars(base)[name], depth)
            wanted = more - found - names
            found |= more
        return found

    def _class_attributes(self, value: Any, names: set[str]) -> None:
        """What the object has from its class, and that it has nothing of its own in its place."""
        own = vars(value)
        for cls in type(value).__mro__[:-1]:
            for name in names & vars(cls).keys():
                attribute = vars(cls)[name]
                if callable(attribute) or hasattr(attribute, "__get__"):
                    if name not in own:
                        self._entries.append((own, name, ...))
                elif name not in own:
                    self._entries.append((value, name, attribute))

    def _attributes_of(self, cls: type, names: set[str]) -> None:
        for name in names & vars(cls).keys():
            attribute = vars(cls)[name]
            if not callable(attribute) and not hasattr(attribute, "__get__"):
                self._entries.append((cls, name, attribute))


def _is_librarys(cls: type) -> bool:
    """Objects of this package and of NumPy look after themselves or never change."""
    return cls.__module__.partition(".")[0] in _LIBRARIES


def _fingerprint(modules: list[Any]) -> list[Any]:
    """All that a change of a module's attributes changes: compared one by one, by identity."""
    values: list[Any] = [hook for table in _hooks._global.values() for hook in table.values()]
    for module in modules:
        for value in vars(module).values():
            values.append(value)
            if isinstance(value, dict):
                values.extend(value.values())
            elif isinstance(value, (list, tuple)):
                values.extend(value[:_LARGEST])
                values.append(len(value))
    return values


def _alike(a: Any, b: Any) -> bool:
    if a is b:
        return True
    return type(a) is type(b) and isinstance(a, PLAIN) and a == b and str(a) == str(b)


def _guard_modules(called: dict[int, Any]) -> None:
    """Makes the program depend on how the modules are now.

    What they are is only written down when a replay is first asked for: the core knows whether any
    module has changed by then.
    """
    if not called:
        return

    def prepare() -> Callable[[], bool]:
        every = {id(below): below for module in called.values() for below in module.modules()}
        modules = list(every.values())
        before = _fingerprint(modules)

        def unchanged() -> bool:
            now = _fingerprint(modules)
            return len(now) == len(before) and all(map(_alike, now, before))

        return unchanged

    _native._capture_check(prepare, False)
