"""The steps of a captured forward program, as its file says them; see Note [program files].

A piece is where a step reads or writes: so many elements of a slot of memory, from an offset on,
with strides. Views leave no steps behind, only pieces.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from .._capture.program import Program
from .._safetensors import load_safetensors
from ._model import array_in

#: An attribute of a step, or a number among its inputs.
Plain: TypeAlias = "bool | int | float | str | tuple[int, ...] | None"

_PIECE = re.compile(r"%(\d+)\(([\d,]*)\)(?:\(([\d,-]*)\)\+(\d+))?")


@dataclass(frozen=True)
class Piece:
    """A tensor in a slot; `strides` and `offset` count elements."""

    slot: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


Operand: TypeAlias = "Piece | Plain"


@dataclass
class Slot:
    """Memory: of a tensor from outside, of an argument, or made by steps."""

    kind: str
    dtype: str
    count: int
    array: np.ndarray | None = None


@dataclass
class Step:
    """A call of a row. Attributes are its arguments that are no tensors, in order."""

    op: str
    writes: str
    dtype: str
    attributes: list[Plain] = field(default_factory=list)
    inputs: list[Operand] = field(default_factory=list)
    outputs: list[Piece] = field(default_factory=list)


@dataclass
class Script:
    """A program."""

    slots: dict[int, Slot]
    inputs: list[Piece]
    resets: dict[int, int]
    steps: list[Step]
    results: list[Operand]


def _ints(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split(",") if n)


def contiguous(shape: Iterable[int]) -> tuple[int, ...]:
    """The strides of a tensor without gaps."""
    strides, step = [], 1
    for size in reversed(list(shape)):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def _piece(text: str) -> Piece:
    found = _PIECE.fullmatch(text)
    if found is None:
        raise RuntimeError(f"onnx.export: a place that is none: {text!r}")
    shape = _ints(found[2])
    if found[3] is None:
        return Piece(int(found[1]), shape, contiguous(shape), 0)
    return Piece(int(found[1]), shape, _ints(found[3]), int(found[4]))


def _plain(word: str) -> Plain:
    if word in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[word]
    if word.startswith("f:"):
        return float(word[2:])
    if word.startswith("i:"):
        return int(word[2:])
    if word.startswith("("):
        return _ints(word[1:-1])
    return word


def _operand(word: str) -> Operand:
    return _piece(word) if word.startswith("%") else _plain(word)


def _step(text: str) -> Step:
    left, _, right = text.partition(" -> ")
    call, _, inputs = left.partition(" |")
    form, writes, dtype, *values = call.split(" ")
    name = form.partition("(")[0]
    return Step(
        name, writes, dtype,
        [_plain(value) for value in values],
        [_operand(word) for word in inputs.split(" ") if word],
        [_piece(word) for word in right.split(" ") if word],
    )  # fmt: skip


def read(program: Program) -> Script:
    """The steps of a program, with the tensors that it takes from outside.

    RuntimeError for a program that is no forward program, naming the step.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "program")
        program.save(path)
        tensors, metadata = load_safetensors(path)
    return parse(metadata["wengert.program"], {k: array_in(t) for k, t in tensors.items()})


def parse(text: str, tensors: dict[str, np.ndarray]) -> Script:
    """A program out of its text."""
    script = Script({}, [], {}, [], [])
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "slot":
            origin, *words = rest.split(" ")
            array = tensors[words.pop(0)] if origin == "tensor" else None
            count = int(words[1]) if array is None else array.size
            script.slots[len(script.slots) + 1] = Slot(origin, words[0], count, array)
        elif kind == "input":
            script.inputs.append(_piece(rest))
        elif kind == "reset":
            to, source = rest.split(" ")
            script.resets[int(to)] = int(source)
        elif kind == "step":
            script.steps.append(_step(rest))
        elif kind == "result":
            script.results.append(_operand(rest))
    return script


__all__ = ["Operand", "Piece", "Plain", "Script", "Slot", "Step", "contiguous", "read"]
