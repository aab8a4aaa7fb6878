"""The names around `torch.compile`: `compile` itself, and switches that change nothing here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

from .._capture import compile as compile
from .._typing import UserFunction

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "nested_compile_region",
    "reset",
    "set_enable_guard_collectives",
    "set_stance",
    "substitute_in_graph",
    "wrap_numpy",
]

_T = TypeVar("_T")


def reset() -> None:
    """Accepted: `wengert.compile(fn).cache_clear()` forgets the programs of one function."""


def allow_in_graph(fn: _T) -> _T:
    """`fn` itself."""
    return fn


def assume_constant_result(fn: _T) -> _T:
    """`fn` itself: what it reads is a condition of a program."""
    return fn


def nested_compile_region(fn: _T) -> _T:
    """`fn` itself."""
    return fn


def wrap_numpy(fn: _T) -> _T:
    """`fn` itself."""
    return fn


def substitute_in_graph(original_fn: object, **options: object) -> UserFunction:
    """A decorator that gives its function back."""
    return lambda fn: fn


def disable(
    fn: UserFunction | None = None, recursive: bool = True, *, reason: str | None = None
) -> UserFunction:
    """`fn` itself, or a decorator: what cannot be replayed is called as it is anyway."""
    return (lambda f: f) if fn is None else fn


@contextlib.contextmanager
def _stance() -> Iterator[None]:
    yield


def set_stance(stance: str = "default", **options: object) -> AbstractContextManager[None]:
    """Accepted, also as a context and as a decorator."""
    return _stance()


def set_enable_guard_collectives(enabled: bool) -> bool:
    """Accepted; there are no collectives. False."""
    return False


def cudagraph_mark_step_begin() -> None:
    """Does nothing."""


def list_backends(exclude_tags: object = ()) -> list[str]:
    """The one there is: every name is accepted for it."""
    return ["inductor"]


def is_compiling() -> bool:
    """False: a function that is recorded runs as it always does."""
    return False


is_dynamo_compiling = is_exporting = is_compiling
