"""`draw` and `tape`: from a loss, a function or a captured program to a picture."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

from .._capture.captured import Captured
from .._capture.program import LoadedProgram, Program
from .._native import Tensor
from .._typing import UserFunction
from ..nn.modules.module import Module
from .folding import grouped
from .observing import Recorder, callers_frame
from .page import fragment, page, standalone
from .program import program_tape
from .svg import Drawing
from .table import text
from .tape import Names, Reader, Recorded, Tape


class Picture:
    """A tape as a picture; what `draw` returns.

    Shown by itself at the end of a notebook's cell. `save("x.html")` writes one page that needs no
    network, `save("x.svg")` the picture alone; `print` gives the table. `tape` has the numbers:
    `tape.nodes`, `tape.forward` and `tape.backward`, the order in which they were read.
    """

    def __init__(self, tape: Tape, depth: int | None = None) -> None:
        self.tape = tape
        self.depth = depth
        self._drawing: Drawing | None = None

    def _drawn(self) -> Drawing:
        if self._drawing is None:
            self._drawing = Drawing(self.tape, grouped(self.tape, self.depth))
        return self._drawing

    def svg(self) -> str:
        """The picture alone, with colours for light and dark."""
        return standalone(self._drawn())

    def html(self) -> str:
        """One page: the picture, a slider forward and backward, and what a click tells."""
        return page(self._drawn())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the page, or, where the name ends in ".svg", the picture alone."""
        name = os.fspath(path)
        with open(name, "w", encoding="utf-8") as file:
            file.write(self.svg() if name.lower().endswith(".svg") else self.html())

    def _repr_html_(self) -> str:
        return fragment(self._drawn())

    def __str__(self) -> str:
        return text(self.tape)

    __repr__ = __str__


def draw(what: object, *args: object, depth: int | None = None, model: object = None,
         title: str = "", **kwargs: object) -> Picture:  # fmt: skip
    """The tape as a picture: entries, what they keep, and the gradients of a real backward.

        wengert.draw(loss)                  # the tape behind a tensor
        wengert.draw(fn, x, y)              # calls fn(x, y) and draws what it recorded
        wengert.draw(model, x)              # or model.draw(x): its modules are frames
        wengert.draw(step.program)          # a captured program, with times after profile()

    The gradients shown are those of one backward over the tape, started with ones, which changes
    `.grad` of no tensor (hooks on tensors are called). Of a function that calls `backward()` itself
    the tape is drawn as that backward finds it. Where nothing is left that was saved, after a
    `backward()`, the picture has no gradients but those of leaves.

    Args:
      what: a tensor with a history, or several; a function or module, called with `args` and
        `kwargs`; what `capture` returns, called so if there are arguments, else its program; a
        program.
      depth: how deep frames of modules are opened; by default as deep as leaves about 60 boxes.
      model: a module whose parameters the tape has, for their names, where the caller's variables
        do not have one.
      title: what stands above the picture.

    Returns a `Picture`. Raises TypeError for what is none of these, RuntimeError for a tensor
    without history.
    """
    return Picture(_tape(callers_frame(), what, args, kwargs, model, title), depth)


def tape(what: object, *args: object, model: object = None, title: str = "",
         **kwargs: object) -> Tape:  # fmt: skip
    """What `draw` draws, as a table: `print(wengert.tape(loss))`. Arguments as for `draw`.

    (`wengert.trace` is PyTorch's: the sum of a matrix's diagonal.)
    """
    return _tape(callers_frame(), what, args, kwargs, model, title)


def _tape(
    frame: FrameType | None, what: object, args: tuple[object, ...], kwargs: dict[str, object],
    model: object, title: str,
) -> Tape:  # fmt: skip
    if isinstance(what, (Program, LoadedProgram)) or (isinstance(what, Captured) and not args):
        program = what if isinstance(what, Program) else what.program
        return program_tape(program, title)
    roots = _tensors(what)
    names = _names(frame, model)
    if roots:
        found = _read(roots, names, None, frame)
    elif callable(what):
        found = _called(what, args, kwargs, names, frame)
    else:
        raise TypeError(
            f"draw: a tensor, a function, a module or a program is expected, got "
            f"{type(what).__name__}"
        )
    found.title = title or found.title or "tape"
    return found


def _tensors(what: object) -> list[Tensor]:
    if isinstance(what, Tensor):
        return [what]
    if isinstance(what, dict):
        what = list(what.values())
    if isinstance(what, (list, tuple)):
        return [t for part in what for t in _tensors(part)]
    return []


def _names(frame: FrameType | None, model: object) -> Names:
    names = Names()
    if isinstance(model, Module):
        names.module(model)
    if frame is None:
        return names
    for name, value in _variables(frame):
        if isinstance(value, Tensor):
            names.tensor(name, value)
        elif isinstance(value, Module):
            names.module(value, f"{name}." if name != "self" else "")
    return names


def _variables(frame: FrameType) -> Iterator[tuple[str, object]]:
    for table in (frame.f_locals, frame.f_globals):
        yield from ((k, v) for k, v in list(table.items()) if not k.startswith("_"))
        if frame.f_locals is frame.f_globals:
            return


def _read(
    roots: list[Tensor], names: Names, recorded: Recorded | None, frame: FrameType | None
) -> Tape:
    if not any(t.grad_fn is not None for t in roots):
        raise RuntimeError(
            "draw: the tensor has no history: nothing that asks for a gradient led to it"
        )
    named = [(n, t) for n, t in _variables(frame) if isinstance(t, Tensor)] if frame else []
    reader = Reader(roots, names, recorded, [(n, t) for n, t in named if t.grad_fn is None])
    found = reader.read()
    reader.run()
    return found


@contextmanager
def _backward_seen(see: UserFunction) -> Iterator[None]:
    """A block in which `see(tensors)` is called before the first `backward()`."""
    original = Tensor.backward

    def backward(self: Tensor, *args: object, **kwargs: object) -> None:
        see([self])
        original(self, *args, **kwargs)  # type: ignore[arg-type]

    Tensor.backward = backward  # type: ignore[method-assign]
    try:
        yield
    finally:
        Tensor.backward = original  # type: ignore[method-assign]


def _called(
    fn: UserFunction, args: tuple[object, ...], kwargs: dict[str, object], names: Names,
    frame: FrameType | None,
) -> Tape:  # fmt: skip
    called = fn.__wrapped__ if isinstance(fn, Captured) else fn  # type: ignore[attr-defined]
    if isinstance(called, Module):
        names.parameters.clear()
        names.module(called)
    for name, value in _arguments(called, args, kwargs):
        for t in _tensors(value):
            names.by_id[id(t)] = name
    recorder = Recorder()
    first: list[Tape] = []

    def see(roots: list[Tensor]) -> None:
        if not first and roots[0].grad_fn is not None:
            with recorder.paused():
                first.append(_read(roots, names, recorder.recorded, frame))

    with recorder.recording(), _backward_seen(see):
        result = called(*args, **kwargs)
    title = getattr(called, "__name__", type(called).__name__)
    roots = [t for t in _tensors(result) if t.grad_fn is not None]
    if roots and not first:
        first.append(_read(roots, names, recorder.recorded, frame))
    if not first:
        raise RuntimeError(
            f"draw: {title} returned no tensor with a history and called no backward()"
        )
    first[0].title = title
    return first[0]


def _arguments(
    fn: UserFunction, args: tuple[object, ...], kwargs: dict[str, object]
) -> Iterable[tuple[str, object]]:
    try:
        target = fn.forward if isinstance(fn, Module) else fn
        bound = inspect.signature(target).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return [(f"argument {i}", x) for i, x in enumerate(args)]
    return bound.arguments.items()
