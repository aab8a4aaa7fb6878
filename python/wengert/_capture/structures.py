"""Structures of tensors: the arguments and results of captured functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

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


class Slot:
    """Where in a structure a tensor belongs."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


def is_namedtuple(obj: object) -> bool:
    """Whether it is made from its items one by one, other than a tuple."""
    return isinstance(obj, tuple) and hasattr(obj, "_fields")


def _like(obj: Any, items: list[object]) -> Any:
    """A list or tuple of the kind of `obj`."""
    kind = type(obj)
    if kind is tuple or not is_namedtuple(obj):
        return kind(items)
    return kind(*items)


def flatten_argument(obj: object, tensors: list[Tensor], key: list[object]) -> object:
    """The structure of an argument with slots in place of tensors; `key` gets what identifies it.

    Tensors that are parameters (leaves that ask for gradients) are used where they lie.
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
    if isinstance(obj, (list, tuple)):
        key.append((type(obj), len(obj)))
        return _like(obj, [flatten_argument(item, tensors, key) for item in obj])
    if isinstance(obj, dict):
        key.append((type(obj), tuple(obj)))
        return {name: flatten_argument(item, tensors, key) for name, item in obj.items()}
    if isinstance(obj, (set, frozenset)):
        key.append((type(obj), frozenset(obj)))
        return obj
    key.append(_plain_key(obj) if isinstance(obj, PLAIN) else Same(obj))
    return obj


def _plain_key(obj: object) -> object:
    """-0.0 is another argument than 0.0, and a NaN the same as itself."""
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
        return {name: flatten_result(item, tensors, strict) for name, item in obj.items()}
    if not strict or isinstance(obj, (*PLAIN, _native.dtype, _native.device)):
        return obj
    raise CaptureError(
        f"capture: the function returns an object of type {type(obj).__name__}; tensors, Python "
        "values, and lists, tuples and dicts of them can be returned"
    )


def fill(obj: object, tensors: Sequence[Tensor]) -> Any:
    """The structure with tensors in its slots."""
    if type(obj) is Slot:
        return tensors[obj.index]
    if isinstance(obj, (list, tuple)):
        return _like(obj, [fill(item, tensors) for item in obj])
    if isinstance(obj, dict):
        return {name: fill(item, tensors) for name, item in obj.items()}
    return obj
