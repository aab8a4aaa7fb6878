"""What a captured program takes for granted: variables, objects.

Note [conditions]
Before a captured function runs, the variables that its code names are looked at, and what they
hold: functions, of which the same is asked, lists, dicts, and the attributes of objects that the
code names. All are conditions of the program, by identity or, for numbers and text, by value; the
values are those after the function has run.

An object that knows better what a program that used it depends on has a method

    def __capture_conditions__(self, conditions): ...

and is asked instead, once the function has run: if the function named it, got it as an argument, or
if the object told `uses.note_use` in the meantime. The method calls the methods of `conditions`, of
class `Conditions`. Modules, optimizers and schedules are such objects, and users' may be.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .. import _native
from .._typing import UserFunction
from .structures import PLAIN

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_LIBRARIES = frozenset((__name__.partition(".")[0], "numpy", "builtins", "collections"))
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

#: What is given to them are the objects with a condition, as they are known where it is made.
State: TypeAlias = "Callable[[list[Any]], Callable[[], Sequence[object]]]"
Effect: TypeAlias = "Callable[[list[Any]], str]"


def is_own_code(filename: str) -> bool:
    """Whether a file is part of this package."""
    return filename.startswith(_PACKAGE)


def is_librarys(cls: type) -> bool:
    """Objects of this package and of NumPy look after themselves or never change."""
    return cls.__module__.partition(".")[0] in _LIBRARIES


def tells_conditions(cls: type) -> bool:
    """Whether instances of the class have conditions of their own."""
    return hasattr(cls, "__capture_conditions__")


class Conditions:
    """What a program depends on. Given to `__capture_conditions__`, see Note [conditions].

    `names` are the names in the code that uses the object, as far as it was looked at.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._asked: Any = None  # the object whose conditions these are
        # What a program depends on: (where, key, value) is a cell (key None), a dict or list and a
        # key, an object and the name of an attribute. Ellipsis as a key is the length, as a value
        # that there is none.
        self._entries: list[tuple[object, object, object]] = []
        self._entered: set[tuple[int, object]] = set()  # their places, by id and key
        self._checks: dict[int, list[Callable[[], object]]] = {}  # by id of who wants them
        self._unchanged: dict[State, tuple[dict[int, object], Effect | None]] = {}  # objects by id
        # Where they come from.
        self._told: dict[int, tuple[object, set[str]]] = {}  # who is to be asked, by id: and names
        self._open: dict[int, object] = {}  # those not asked yet
        self._seen: dict[int, set[str]] = {}  # containers and objects, by id: for which names
        self._functions: dict[int, set[str]] = {}  # by id: the names in their code

    # For `__capture_conditions__` --------------------------------------------------------------

    def attribute(self, obj: object, name: str) -> None:
        """`obj.name` is the same object, or an equal number or text; or there is none."""
        space = obj if not isinstance(obj, (dict, list)) else vars(obj)
        self._enter(space, name, getattr(obj, name, ...))

    def item(self, container: dict[Any, Any] | list[Any], key: Any) -> None:
        """`container[key]`, of a dict or list, is the same, or an equal number or text.

        That a dict has no such key may be a condition as well. IndexError if a list is shorter,
        TypeError for other containers.
        """
        if isinstance(container, dict):
            self._enter(container, key, container.get(key, ...))
        elif isinstance(container, list):
            if not -len(container) <= key < len(container):
                raise IndexError(f"capture: a list of {len(container)} items has none at {key}")
            self._enter(container, key % len(container), container[key])
        else:
            raise TypeError(f"capture: a dict or list is expected, got {type(container).__name__}")

    def check(self, holds: Callable[[], object]) -> None:
        """`holds()` is true: called before every replay, so it should be quick."""
        if not callable(holds):
            raise TypeError(f"capture: a function is expected, got {type(holds).__name__}")
        self._checks.setdefault(id(self._asked), []).append(holds)

    def look_at(self, value: object, names: set[str] | None = None) -> None:
        """What the value holds is as it is, as if a variable of the function had this value.

        Of objects the attributes in `names` are looked at, by default those in `self.names`.
        """
        self._value(value, self.names if names is None else names, 0)

    def look_into(self, obj: object) -> None:
        """The attributes of the object that `self.names` reach are as they are.

        That is what an object without `__capture_conditions__` is asked for. Nothing for those of
        this package.
        """
        self._container(obj, self.names, 1)

    def unchanged(self, state: State, effect: Effect | None = None) -> None:
        """A list of things is as it was: the same, or equal numbers or text.

        `state(objects)` returns a function that gives the list; `objects` are all that have this
        condition. It is asked for only when something has changed since the last replay: whatever
        changes the state calls `_native._changed` before.

        `effect(objects)` says what calls of them do in Python that a replay would not do; "" if
        nothing. A captured function does it when it is captured; a compiled one is not replayed.
        """
        told = self._unchanged.get(state)
        if told is None:
            told = self._unchanged[state] = {}, effect
        told[0][id(self._asked)] = self._asked

    # For a recording ---------------------------------------------------------------------------

    def start(self, fn: UserFunction, arguments: tuple[object, ...]) -> None:
        """The variables of the function, and the objects among its arguments, before it runs."""
        names = self.code(fn)
        if not isinstance(fn, _CALLABLES):
            self._value(fn, names, 0)
        for value in arguments:  # what lists and dicts hold is part of the key
            if not isinstance(value, (list, tuple, dict)):
                self._value(value, names, 0)

    def hand_over(self, used: dict[int, object]) -> list[Callable[[], str]]:
        """Gives all to the recording under way, which reads the values anew; returns the effects.

        `used` are the objects that have told of their use, by id. A tensor that is another one by
        now makes the program provisional: the function may put a new one there at every call.
        """
        for key, obj in used.items():
            if key not in self._told:
                self._told[key] = obj, set()
                self._open[key] = obj
        if self._open:
            _native._outside_capture(self._ask)
        _native._capture_names(self._entries)
        effects: list[Callable[[], str]] = []
        for state, (objects, effect) in self._unchanged.items():
            alike = list(objects.values())
            _native._capture_check(functools.partial(_prepare, state, alike), False)
            if effect is not None:
                effects.append(functools.partial(effect, alike))
        for checks in self._checks.values():
            for holds in checks:
                _native._capture_check(functools.partial(_is_true, holds), True)
        return effects

    def _ask(self) -> None:
        """Asks every object once, and again if it turns out that other code uses it too."""
        while self._open:
            key = next(iter(self._open))
            self._asked = self._open.pop(key)
            self.names = self._told[key][1]
            self._checks.pop(key, None)
            self._asked.__capture_conditions__(self)
        self._asked, self.names = None, set()

    def _note(self, obj: object, names: set[str]) -> None:
        """The object is to be asked."""
        key = id(obj)
        told = self._told.get(key)
        if told is None:
            self._told[key] = obj, names
            self._open[key] = obj
        elif not names <= told[1] and obj is not self._asked:
            self._told[key] = obj, names | told[1]
            self._open[key] = obj

    def _enter(self, where: object, key: object, value: object) -> None:
        place = (id(where), key)
        if place not in self._entered:
            self._entered.add(place)
            self._entries.append((where, key, value))

    # Looking at variables ----------------------------------------------------------------------

    def code(self, fn: object, depth: int = 0) -> set[str]:
        """Looks at the variables of a function; returns the names in its code.

        None are returned, and nothing is looked at, if it is this package's or no Python function.
        """
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
        entries: list[tuple[object, object, object]] = []
        if names is None:
            names, entries = _native._variables_of(fn)
            self._functions[id(fn)] = names
            self._entries += entries
        if owner is not None and owner is not self._asked:
            self._value(owner, names, depth)
        for _, _, value in entries:
            self._value(value, names, depth)
        return names

    def _value(self, value: Any, names: set[str], depth: int) -> None:
        kind = type(value)
        if kind in _LEAVES or isinstance(value, _Tensor):
            return
        if isinstance(value, type):
            if not is_librarys(value):
                self._attributes_of(value, names)
            return
        if kind in _CALLABLES:
            self.code(value, depth)
        elif kind is types.ModuleType:
            self._namespace(value, names)
        elif tells_conditions(kind):
            self._note(value, names)
        elif depth < _DEEPEST:
            seen = self._seen.get(id(value))
            if seen is None or not names <= seen:  # what other code names of it comes in addition
                self._seen[id(value)] = names if seen is None else names | seen
                self._container(value, names, depth + 1)

    def _container(self, value: Any, names: set[str], depth: int) -> None:
        items: list[tuple[object, object]]
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
            if type(where) is not dict or is_librarys(type(value)):
                return
            names = names | self.methods(type(value), names, depth)
            items = [(name, where[name]) for name in names & where.keys()]
            self.class_attributes(value, names, depth)
        if items and len(items) == len(where) and where is value:
            self._enter(where, ..., len(where))
        for key, item in items:
            self._enter(where, key, item)
            self._value(item, names, depth)

    def _namespace(self, module: types.ModuleType, names: set[str]) -> None:
        """What the function may read of a module of the user's."""
        top = module.__name__.partition(".")[0]
        if top in _LIBRARIES or top in sys.stdlib_module_names:
            return
        space = vars(module)
        for key in names & space.keys():
            if not isinstance(space[key], (types.ModuleType, type)):
                self._enter(space, key, space[key])

    def methods(self, cls: type, names: set[str], depth: int = 0) -> set[str]:
        """The names in the methods of the user's class that these names reach."""
        found: set[str] = set()
        wanted = names | _CALLED_UNNAMED
        while wanted:
            more: set[str] = set()
            for base in cls.__mro__[:-1]:
                if is_librarys(base):
                    continue
                for name in wanted & vars(base).keys():
                    more |= self.code(_getter(vars(base)[name]), depth)
            wanted = more - found - names
            found |= more
        return found

    def class_attributes(self, value: Any, names: set[str], depth: int = 0) -> None:
        """What the object has from its class, and that it has nothing of its own in its place."""
        own = vars(value)
        for cls in type(value).__mro__[:-1]:
            for name in names & vars(cls).keys():
                attribute = vars(cls)[name]
                if callable(attribute) or hasattr(attribute, "__get__"):
                    if name not in own:
                        self._enter(own, name, ...)
                elif name not in own:
                    self._enter(value, name, attribute)
                    self._value(attribute, names, depth)

    def _attributes_of(self, cls: type, names: set[str]) -> None:
        for name in names & vars(cls).keys():
            attribute = vars(cls)[name]
            if not callable(attribute) and not hasattr(attribute, "__get__"):
                self._enter(cls, name, attribute)


def _getter(attribute: object) -> object:
    """The function that an attribute of a class calls, if it is a method or a property."""
    if isinstance(attribute, (staticmethod, classmethod)):
        return attribute.__func__
    if isinstance(attribute, functools.cached_property):
        return attribute.func
    return attribute.fget if isinstance(attribute, property) else attribute


def _is_true(holds: Callable[[], object]) -> bool:
    return bool(holds())


def _prepare(state: State, objects: list[object]) -> Callable[[], bool]:
    """Writes down the state; only when a replay is first asked for after a change, as the core
    knows whether anything has changed by then."""
    read = state(objects)
    before = read()

    def unchanged() -> bool:
        now = read()
        return len(now) == len(before) and all(map(_alike, now, before))

    return unchanged


def _alike(a: object, b: object) -> bool:
    if a is b:
        return True
    return type(a) is type(b) and isinstance(a, PLAIN) and a == b and str(a) == str(b)
