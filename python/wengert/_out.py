"""`out=` of functions that are written in Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from . import _native
from ._common import typename
from ._native import Tensor

__all__ = ["with_out", "written"]

P = ParamSpec("P")
R = TypeVar("R")


def _write(name: str, result: Tensor, out: object) -> None:
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}: argument 'out' must be Tensor, not {typename(out)}")
    _native.clone(result, out=out)


def written(name: str, result: R, out: object) -> R:
    """The result of the function of that name, written to `out` unless that is None.

    `out` is a tensor, or a tuple or list of as many as the result has; each takes its part's shape,
    with a warning if it had another one and elements. RuntimeError for a dtype that the result's
    does not convert to and where a gradient would be needed, TypeError for what is no tensor.
    """
    if out is None:
        return result
    if isinstance(result, Tensor):
        _write(name, result, out)
        return cast("R", out)
    values: tuple[Tensor, ...] = tuple(result)  # type: ignore[arg-type]
    if not isinstance(out, (tuple, list)) or len(out) != len(values):
        found = len(out) if isinstance(out, (tuple, list)) else typename(out)
        raise TypeError(f"{name}: out must be a tuple of {len(values)} Tensors, got {found}")
    for value, target in zip(values, out, strict=True):
        _write(name, value, target)
    kind: Callable[..., R] = type(result)
    return kind(*out) if hasattr(kind, "_fields") else kind(out)


def with_out(function: Callable[P, R]) -> Callable[P, R]:
    """The function with a keyword more, `out`: see written()."""

    @wraps(function)
    def into(*args: P.args, **kwargs: P.kwargs) -> R:
        out = kwargs.pop("out", None)
        return written(function.__name__, function(*args, **kwargs), out)

    return into
