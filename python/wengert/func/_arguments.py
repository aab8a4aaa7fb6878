"""Which arguments a transform differentiates by."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from .. import _pytree
from .._native import Tensor
from .._typing import Args
from ._levels import Level

#: One position or several.
Argnums: TypeAlias = "int | tuple[int, ...]"
_F = TypeVar("_F", bound=Callable[..., object])


def wraps(func: object) -> Callable[[_F], _F]:
    """`functools.wraps`, in the package, so that a capture does not see it write.

    What a captured function writes is compared afterwards; what the package writes is not.
    """

    def named(wrapper: _F) -> _F:
        for name in functools.WRAPPER_ASSIGNMENTS:
            if hasattr(func, name):
                setattr(wrapper, name, getattr(func, name))
        vars(wrapper).update(getattr(func, "__dict__", {}))
        wrapper.__wrapped__ = func  # type: ignore[attr-defined]
        return wrapper

    return named


def _position(argnum: object, count: int) -> int:
    if not isinstance(argnum, int) or isinstance(argnum, bool):
        raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum % count


def positions(argnums: object, count: int) -> tuple[int, ...]:
    """The positions, counted from the front. RuntimeError for what is none."""
    if isinstance(argnums, int) and not isinstance(argnums, bool):
        return (_position(argnums, count),)
    if not isinstance(argnums, tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if not argnums:
        raise RuntimeError("argnums must be non-empty")
    found = tuple(_position(n, count) for n in argnums)
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return found


def prepared(level: Level, args: Args, argnums: object) -> tuple[Args, _pytree.TreeSpec]:
    """The arguments, those of `argnums` with inputs of the level, and the containers of these."""
    where = positions(argnums, len(args))
    chosen = [_pytree.tree_map(level.fresh, args[i]) for i in where]
    mine = list(args)
    for i, value in zip(where, chosen, strict=True):
        mine[i] = value
    tree: object = tuple(chosen) if isinstance(argnums, tuple) else chosen[0]
    return tuple(mine), _pytree.tree_flatten(tree)[1]


def with_aux(result: object, has_aux: bool, where: str) -> tuple[object, object]:
    """(output, aux) of what the function gave."""
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(
            f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return result


def only_tensors(output: object, where: str) -> tuple[list[Tensor], _pytree.TreeSpec]:
    """The tensors of an output, at least one, and the containers around them."""
    ends, spec = _pytree.tree_flatten(output)
    if not ends or (len(ends) == 1 and ends[0] is None):
        raise RuntimeError(
            f"{where}: Expected f to be a function that has non-empty output (got output = {ends})"
        )
    tensors = [end for end in ends if isinstance(end, Tensor)]
    if len(tensors) < len(ends):
        odd = next(end for end in ends if not isinstance(end, Tensor))
        raise RuntimeError(
            f"{where}: expected f(*primals) to return only tensors, got unsupported type "
            f"{type(odd)}"
        )
    return tensors, spec


def fitted(tree: object, spec: _pytree.TreeSpec) -> list[object] | None:
    """The leaves of a tree in the order of `spec`, None unless it has the same containers; the
    order of a dict's keys does not count."""
    try:
        leaves = spec.flatten_up_to(tree)
    except ValueError:
        return None
    return leaves if all(map(_pytree.tree_is_leaf, leaves)) else None


def shape_of(tree: object) -> str:
    """A tree's containers for messages: `(*, {'a': *})`."""
    return _pytree.treespec_pprint(_pytree.tree_structure(tree))


def named_after(function: Callable[..., object]) -> str:
    """The function's name for messages."""
    return getattr(function, "__name__", repr(function))
