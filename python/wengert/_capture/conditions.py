"""What a captured program takes for granted beside what its function read itself.

Note [conditions]
What a function reads is watched, see Note [reads] in csrc/bind/capture/reads.cpp, but for what this
package reads for it. So an object that knows what a program that used it depends on has a method

    def __capture_conditions__(self, conditions): ...

and is asked once the function has run: if the function read one of its attributes, called it, got
it as an argument, or if the object told `uses.note_use` in the meantime. The method calls the
methods of `conditions`, of class `Conditions`. Modules, optimizers and schedules are such objects.
Users' may be; nothing else of these is watched then. A None in its place says that there are none.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .. import _native
from .structures import PLAIN

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep

#: What is given to them are the objects with a condition, as they are known where it is made.
State: TypeAlias = "Callable[[list[Any]], Callable[[], Sequence[object]]]"
Effect: TypeAlias = "Callable[[list[Any]], str]"


def is_own_code(filename: str) -> bool:
    """Whether a file is part of this package."""
    return filename.startswith(_PACKAGE)


def tells_conditions(cls: type) -> bool:
    """Whether instances of the class have conditions of their own."""
    return getattr(cls, "__capture_conditions__", None) is not None


class Conditions:
    """What a program depends on. Given to `__capture_conditions__`, see Note [conditions].

    `names` are the attributes that the function has read of the object.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._asked: Any = None  # the object whose conditions these are
        # (where, key, value): a dict or list and a key, an object and the name of an attribute. An
        # ellipsis as the value says that there is none.
        self._entries: list[tuple[object, object, object]] = []
        self._wholes: list[object] = []
        self._checks: list[Callable[[], object]] = []
        self._unchanged: dict[State, tuple[dict[int, object], Effect | None]] = {}  # objects by id
        self._let_go: list[object] = []
        self._told: dict[int, tuple[Any, set[str]]] = {}  # who is to be asked, by id: and names
        self._open: list[int] = []  # those not asked yet

    # For `__capture_conditions__` --------------------------------------------------------------

    def attribute(self, obj: object, name: str) -> None:
        """`obj.name` is the same object, or an equal number or text; or there is none."""
        space = obj if not isinstance(obj, (dict, list)) else vars(obj)
        self._entries.append((space, name, getattr(obj, name, ...)))

    def item(self, container: dict[Any, Any] | list[Any], key: Any) -> None:
        """`container[key]`, of a dict or list, is the same, or an equal number or text.

        That a dict has no such key may be a condition as well. IndexError if a list is shorter,
        TypeError for other containers.
        """
        if isinstance(container, dict):
            self._entries.append((container, key, container.get(key, ...)))
        elif isinstance(container, list):
            if not -len(container) <= key < len(container):
                raise IndexError(f"capture: a list of {len(container)} items has none at {key}")
            self._entries.append((container, key % len(container), container[key]))
        else:
            raise TypeError(f"capture: a dict or list is expected, got {type(container).__name__}")

    def check(self, holds: Callable[[], object]) -> None:
        """`holds()` is true: called before every replay, so it should be quick."""
        if not callable(holds):
            raise TypeError(f"capture: a function is expected, got {type(holds).__name__}")
        self._checks.append(holds)

    def look_at(self, value: object) -> None:
        """What a container holds, and what the attributes of an object are, is as it is now.

        An object with conditions of its own is asked for these instead.
        """
        if tells_conditions(type(value)):
            self._note(value, set())
        else:
            self._wholes.append(value)

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

    def let_go(self, tensor: object) -> None:
        """The object had a tensor of the call, and holds it no more.

        It dies with the conditions, within the recording, which so sees that nothing keeps it.
        """
        self._let_go.append(tensor)

    # For a recording ---------------------------------------------------------------------------

    def hand_over(
        self, used: dict[int, object], read: list[tuple[object, str]]
    ) -> list[Callable[[], str]]:
        """Asks all and gives what they tell to the recording under way; returns the effects.

        `used` are the objects that have told of their use, by id; `read` those of which the
        function read an attribute, and its name.
        """
        for obj in used.values():
            self._note(obj, set())
        for obj, name in read:
            self._note(obj, {name})
        if self._open:
            _native._outside_capture(self._ask)
        if self._entries:
            _native._capture_names(self._entries)
        for value in self._wholes:
            _native._capture_look_at(value)
        effects: list[Callable[[], str]] = []
        for state, (objects, effect) in self._unchanged.items():
            alike = list(objects.values())
            _native._capture_check(functools.partial(_prepare, state, alike), False)
            if effect is not None:
                effects.append(functools.partial(effect, alike))
        for holds in self._checks:
            _native._capture_check(functools.partial(_is_true, holds), True)
        return effects

    def _ask(self) -> None:
        """Asks every object once."""
        while self._open:
            self._asked, self.names = self._told[self._open.pop()]
            self._asked.__capture_conditions__(self)
        self._asked, self.names = None, set()

    def _note(self, obj: object, names: set[str]) -> None:
        """The object is to be asked."""
        told = self._told.get(id(obj))
        if told is None:
            self._told[id(obj)] = obj, names
            self._open.append(id(obj))
        else:
            told[1].update(names)


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
