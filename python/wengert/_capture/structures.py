"""Structures of tensors: the arguments and results of captured functions."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from .. import _native
from .._native import CaptureError, Tensor

#: One tensor, or several with equal first sizes.
Data: TypeAlias = "Tensor | np.ndarray | Sequence[Tensor | np.ndarray]"
PLAIN = (int, float, str, bool, bytes, complex, type(None))


class Same:
    """A key that stands for one object."""

    __slots__ = ("object",)

    def __init__(self, obj: object) -> None:
        self.object = obj

    def __hash__(self) -> int:
        return id(self.object)

    def __eq__(self, other: object) -> bool:
        return type(other) is Same and other.object is self.object


class Containers:
    """The lists and dicts in a structure, and what is in them."""

    def __init__(self, structure: object) -> None:
        self._before: list[tuple[Any, list[object]]] = []
        self._note(structure)

    def _note(self, obj: object) -> None:
        if isinstance(obj, (list, dict)):
            self._before.append((obj, _contents(obj)))
        if isinstance(obj, (list, tuple, dict)):
            for item in obj.values() if isinstance(obj, dict) else obj:
                self._note(item)

    def change(self) -> str:
        """What has changed since; "" if nothing has."""
        for container, before in self._before:
            if not _identical(_contents(container), before):
                return (
                    f"the function changes an argument, a {type(container).__name__}, which a "
                    "replay would not; return what it puts there"
                )
        return ""

    def write_to(self, others: Containers, same: dict[int, object]) -> None:
        """Changes another structure as this one, a copy of it, has changed.

        `same` has by id what stands in the other one for objects of this one.
        """
        pairs = list(zip(self._before, others._before, strict=True))
        same = {**same, **{id(mine): theirs for (mine, _), (theirs, _) in pairs}}
        for (mine, before), (theirs, _) in pairs:
            if _identical(_contents(mine), before):
                continue
            if isinstance(mine, list):
                theirs[:] = [same.get(id(item), item) for item in mine]
            else:
                theirs.clear()
                theirs.update((key, same.get(id(item), item)) for key, item in mine.items())


def _contents(container: list[object] | dict[object, object]) -> list[object]:
    if isinstance(container, dict):
        return [*container, *container.values()]
    return list(container)


def _identical(a: list[object], b: list[object]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


class Slot:
    """Where in a structure a tensor belongs."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


def is_namedtuple(obj: object) -> bool:
    """Whether it is made from its items one by one, other than a tuple."""
    return isinstance(obj, tuple) and hasattr(obj, "_fields")


def _like(obj: Any, items: list[object]) -> object:
    """A list or tuple of the kind of `obj`."""
    kind = type(obj)
    if kind is tuple or not is_namedtuple(obj):
        return kind(items)
    return kind(*items)


def _like_dict(obj: dict[Any, Any], items: dict[Any, Any]) -> object:
    """A dict of the kind of `obj`, with what it has besides its items."""
    kind = type(obj)
    if kind is dict:
        return items
    new = copy.copy(obj) if kind.__module__ == "collections" else kind.__new__(kind)
    dict.clear(new)
    dict.update(new, items)
    own = getattr(obj, "__dict__", None)
    if own is obj:  # its items are its attributes
        new.__dict__ = new
    elif own:
        vars(new).update(own)
    return new


def flatten_call(
    args: tuple[object, ...], kwargs: dict[str, object], tensors: list[Tensor], key: list[object]
) -> object:
    """As `flatten_argument` of `(args, kwargs)`, quickly if they are a few plain tensors."""
    plain = not kwargs and all(type(arg) is Tensor and not arg.requires_grad for arg in args)
    if not plain or len(set(map(id, args))) < len(args):
        return flatten_argument((args, kwargs), tensors, key)
    given = cast("tuple[Tensor, ...]", args)
    tensors += given
    key.append(len(args))
    key.extend(map(_native._tensor_key, given))
    return _slots(len(args))


@functools.cache
def _slots(count: int) -> tuple[tuple[Slot, ...], dict[str, object]]:
    return tuple(map(Slot, range(count))), {}


def flatten_argument(
    obj: object,
    tensors: list[Tensor],
    key: list[object],
    seen: dict[int, tuple[int, object]] | None = None,
) -> object:
    """The structure of an argument with slots in place of tensors; `key` gets what identifies it.

    Tensors that are parameters (leaves that ask for gradients) are used where they lie. `seen` are
    the lists and dicts before it: one that is there twice is so in the structure.
    """
    if isinstance(obj, np.ndarray):
        obj = _native.from_numpy(obj)
    if isinstance(obj, _native.Tensor):
        if obj.requires_grad and obj.is_leaf:
            key.append(Same(obj))
            return obj
        if obj.requires_grad and _native.is_grad_enabled():
            raise CaptureError(
                "capture: an argument has a history (requires_grad), which a captured function "
                "could not reach into; detach() it, or capture the whole step"
            )
        for i, other in enumerate(tensors):
            if other is obj:
                key.append(i)
                return Slot(i)
        key.append(_native._tensor_key(obj))
        tensors.append(obj)
        return Slot(len(tensors) - 1)
    if isinstance(obj, tuple):
        key.append((type(obj), len(obj)))
        seen = {} if seen is None else seen
        return _like(obj, [flatten_argument(item, tensors, key, seen) for item in obj])
    if isinstance(obj, (list, dict)):
        if seen is None:
            seen = {}
        elif id(obj) in seen:
            key.append(seen[id(obj)][0])
            return seen[id(obj)][1]
        if isinstance(obj, list):
            key.append((type(obj), len(obj)))
            new = _like(obj, [flatten_argument(item, tensors, key, seen) for item in obj])
        else:
            key.append((type(obj), tuple(obj)))
            new = _like_dict(
                obj, {k: flatten_argument(item, tensors, key, seen) for k, item in obj.items()}
            )
        seen[id(obj)] = len(key), new
        return new
    if isinstance(obj, (set, frozenset)):
        key.append((type(obj), frozenset(obj)))
        return obj
    key.append(_plain_key(obj) if isinstance(obj, (*PLAIN, np.generic)) else Same(obj))
    return obj


def _plain_key(obj: object) -> object:
    """-0.0 is another argument than 0.0, and a NaN the same as itself."""
    if isinstance(obj, np.generic):
        return type(obj), obj.tobytes()
    return (type(obj), obj.hex() if isinstance(obj, float) else obj)


def flatten_result(obj: object, tensors: list[Tensor], strict: bool = True) -> object:
    """The structure of a result with slots in place of its tensors, which are added to `tensors`.

    CaptureError, if `strict`, for anything but tensors and Python values.
    """
    if isinstance(obj, _native.Tensor):
        tensors.append(obj)
        return Slot(len(tensors) - 1)
    if isinstance(obj, (list, tuple)):
        return _like(obj, [flatten_result(item, tensors, strict) for item in obj])
    if isinstance(obj, dict):
        items = {name: flatten_result(item, tensors, strict) for name, item in obj.items()}
        return _like_dict(obj, items)
    if not strict or isinstance(obj, (*PLAIN, _native.dtype, _native.device)):
        return obj
    raise CaptureError(
        f"capture: the function returns an object of type {type(obj).__name__}; tensors, Python "
        "values, and lists, tuples and dicts of them can be returned"
    )


def fill_arguments(obj: object, tensors: Sequence[Tensor], made: dict[int, object]) -> Any:
    """As `fill`, but a list or dict that is twice in the structure is so in what is made of it."""
    if not isinstance(obj, (list, tuple, dict)):
        return tensors[obj.index] if type(obj) is Slot else obj
    if id(obj) not in made:
        if isinstance(obj, dict):
            items = {name: fill_arguments(item, tensors, made) for name, item in obj.items()}
            made[id(obj)] = _like_dict(obj, items)
        else:
            made[id(obj)] = _like(obj, [fill_arguments(item, tensors, made) for item in obj])
    return made[id(obj)]


def fill(obj: object, tensors: Sequence[Tensor]) -> Any:
    """The structure with tensors in its slots."""
    if type(obj) is Slot:
        return tensors[obj.index]
    if isinstance(obj, (list, tuple)):
        return _like(obj, [fill(item, tensors) for item in obj])
    if isinstance(obj, dict):
        return _like_dict(obj, {name: fill(item, tensors) for name, item in obj.items()})
    return obj
