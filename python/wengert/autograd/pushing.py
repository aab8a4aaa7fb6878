"""What transforms of `func` and forward mode tell the rest of the tape.

J v is found by two backward passes (`func`, `forward_ad`). In the first, a user's function gives
its own `jvp`, if it has one, in place of its backward, and what is to stop or to let through
tangents alone looks here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeAlias

from .._native import Tensor

_Grads: TypeAlias = tuple[Tensor | None, ...]


class Dual(Protocol):
    """The level of `forward_ad` that stands open."""

    def without_recording(self) -> None:
        """Somebody has switched recording off, so that tangents are lost."""

    def followed(self, gradients: Callable[[bool], _Grads], given: tuple[Tensor, ...]) -> _Grads:
        """`gradients(record)`, which depend on the given tensors, with their tangents."""


class _Here(threading.local):
    #: Whose product J v is at its first pass.
    pushing: object = None
    level: Dual | None = None


here = _Here()
#: Once there is a `vmap`: what calls a user's function, of a class and arguments, if these are
#: batched, and gives its result in a tuple.
of_batched: list[Callable[..., tuple[object] | None]] = []
#: Once there is a `vmap`: what calls a function of vectors for each slice of these, if they are
#: batched.
of_slices: list[Callable[[Callable[..., object], tuple[object, ...]], object | None]] = []
#: How many levels stand open in all threads; most code needs to look at this only.
open_levels: list[Dual] = []


def over_slices(function: Callable[..., object], vectors: tuple[object, ...]) -> object | None:
    """The function of all slices of the vectors; None unless one is batched."""
    for called in of_slices:
        found = called(function, vectors)
        if found is not None:
            return found
    return None


@contextmanager
def forward(owner: object) -> Iterator[None]:
    """The first backward pass of a product J v."""
    before, here.pushing = here.pushing, owner
    try:
        yield
    finally:
        here.pushing = before


def recording_ends() -> None:
    """Called where recording is switched off; the package's own code knows what it does."""
    frame = sys._getframe(2)
    while frame.f_globals.get("__name__") == f"{__package__}.grad_mode" and frame.f_back:
        frame = frame.f_back
    name = str(frame.f_globals.get("__name__"))
    if here.level is not None and name.partition(".")[0] != __name__.partition(".")[0]:
        here.level.without_recording()
