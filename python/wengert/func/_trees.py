"""Nested containers of tensors: what stands at the ends, and the same containers around new ends.

Tuples, also those with names, lists and dicts are containers; everything else, None too, is an end.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import TypeAlias, cast

from .._typing import UserFunction

#: How containers stand around ends: None for an end, else (type, keys or a factory, parts).
Spec: TypeAlias = "tuple[type, object, tuple[Spec, ...]] | None"

_DICTS = (dict, OrderedDict, defaultdict)


def _parts(tree: object) -> tuple[object, list[object]] | None:
    """(keys, parts) of a container, None of an end."""
    kind = type(tree)
    if kind in _DICTS:
        items = cast("dict[object, object]", tree)
        factory = getattr(tree, "default_factory", None)
        return (factory, tuple(items)), list(items.values())
    if kind in (tuple, list) or (
        isinstance(tree, tuple) and (hasattr(tree, "_fields") or hasattr(tree, "n_fields"))
    ):
        return None, list(cast("tuple[object, ...]", tree))
    return None


def flatten(tree: object) -> tuple[list[object], Spec]:
    """The ends of a tree, in order, and the containers around them."""
    found = _parts(tree)
    if found is None:
        return [tree], None
    ends: list[object] = []
    specs = []
    for part in found[1]:
        below, spec = flatten(part)
        ends += below
        specs.append(spec)
    return ends, (type(tree), found[0], tuple(specs))


def unflatten(ends: Iterable[object], spec: Spec) -> object:
    """The containers of `spec` around these ends."""
    source = iter(ends)
    if spec is None:
        return next(source)
    kind: UserFunction = spec[0]
    parts = [unflatten(source, below) for below in spec[2]]
    if spec[0] in _DICTS:
        factory, keys = cast("tuple[object, tuple[object, ...]]", spec[1])
        items = zip(keys, parts, strict=True)
        return kind(factory, items) if spec[0] is defaultdict else kind(items)
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def mapped(function: Callable[[object], object], tree: object) -> object:
    """The tree with `function` of each end."""
    ends, spec = flatten(tree)
    return unflatten([function(end) for end in ends], spec)


def same(a: Spec, b: Spec) -> bool:
    """Whether two trees have the same containers; the order of a dict's keys does not count."""
    if a is None or b is None:
        return a is b
    if a[0] is not b[0] or len(a[2]) != len(b[2]):
        return False
    if a[0] in _DICTS:
        ours, theirs = (cast("tuple[object, tuple[object, ...]]", s[1])[1] for s in (a, b))
        if set(ours) != set(theirs):
            return False
        below = dict(zip(theirs, b[2], strict=True))
        return all(same(s, below[key]) for key, s in zip(ours, a[2], strict=True))
    return all(same(s, t) for s, t in zip(a[2], b[2], strict=True))


def arranged(tree: object, spec: Spec) -> object:
    """A tree of the same containers as `spec`, its dicts in the order of those of `spec`."""
    if spec is None:
        return tree
    keys = range(len(spec[2]))
    if spec[0] in _DICTS:
        keys = cast("tuple[object, range]", spec[1])[1]
    table = cast("dict[object, object]", tree)
    return tuple(arranged(table[key], s) for key, s in zip(keys, spec[2], strict=True))


def shown(spec: Spec) -> str:
    """A tree for error messages: `(*, {'a': *})`."""
    if spec is None:
        return "*"
    parts = [shown(below) for below in spec[2]]
    if spec[0] in _DICTS:
        keys = cast("tuple[object, tuple[object, ...]]", spec[1])[1]
        return "{" + ", ".join(f"{k!r}: {p}" for k, p in zip(keys, parts, strict=True)) + "}"
    if spec[0] is list:
        return f"[{', '.join(parts)}]"
    name = "" if spec[0] is tuple else spec[0].__name__
    return f"{name}({', '.join(parts)}{',' if len(parts) == 1 and not name else ''})"


def spread(values: object, spec: Spec) -> list[object] | None:
    """The ends of `values`, whose containers may stop above those of `spec`: each stands for all
    the ends below it. None if the two do not fit."""
    if spec is None:
        return [values] if _parts(values) is None else None
    found = _parts(values)
    if found is None:
        return [values] * _count(spec)
    if type(values) is not spec[0] or len(found[1]) != len(spec[2]):
        return None
    parts = found[1]
    if spec[0] in _DICTS:
        keys = cast("tuple[object, tuple[object, ...]]", spec[1])[1]
        table = cast("dict[object, object]", values)
        if set(table) != set(keys):
            return None
        parts = [table[key] for key in keys]
    ends: list[object] = []
    for part, below in zip(parts, spec[2], strict=True):
        more = spread(part, below)
        if more is None:
            return None
        ends += more
    return ends


def _count(spec: Spec) -> int:
    return 1 if spec is None else sum(_count(below) for below in spec[2])
