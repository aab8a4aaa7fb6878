"""Captured programs: looking at them, saving them, running those that were saved."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import _native
from .._native import Tensor

__all__ = ["LoadedProgram", "Program", "load_program"]


class Program:
    """The steps of a captured function; `print` shows them.

    Made by `Captured.program` and `LoadedProgram.program`.
    """

    def __init__(self, native: _native._Program) -> None:
        self._native = native

    def __len__(self) -> int:
        return len(self._native.listing())

    def profile(self, runs: int = 10) -> Program:
        """Runs the program `runs` times, timing every step. State changes as in any other run."""
        if isinstance(runs, bool) or not isinstance(runs, int):
            raise TypeError(f"profile: runs must be int, not {type(runs).__name__}")
        self._native.profile(runs)
        return self

    def lines(self) -> list[dict[str, Any]]:
        """One dict a step: op, way, operands, bytes, seconds, group, reads, writes.

        `way` names the implementation that runs, where an operation has several, and is empty
        where not. Steps of one group are independent of each other. `seconds` is 0 before
        `profile()`.
        """
        return self._native.listing()

    def save(self, path: str | os.PathLike[str], *others: Program) -> None:
        """Writes the program with the weights it uses to one safetensors file.

        `load_program` reads it, and so does `wengert::Program::load` in C++, without Python.
        Only forward programs can be saved: a RuntimeError names the step that makes it another
        kind, such as one of an optimizer, one that changes a parameter or buffer, or one that
        draws from a generator other than the default.

        The file takes arguments of the shapes that the program was captured with. With `others`,
        the programs of the same function for batches of two other sizes, it takes batches of every
        size; a RuntimeError names the step that does not grow in proportion to the batch. See
        `Captured.save`.
        """
        natives = [other._native for other in others]
        _native._program_save(self._native, os.fsencode(os.path.abspath(path)), natives)

    def __repr__(self) -> str:
        lines = self.lines()
        timed = any(line["seconds"] for line in lines)
        rows = []
        for i, line in enumerate(lines):
            time = f"{line['seconds'] * 1e6:10.2f} us" if timed else ""
            rows.append(
                f"{i:5d} {line['group']:5d} {_bytes(line['bytes']):>9}{time}  "
                f"{_name(line)}   {_short(line['operands'])}"
            )
        head = f"{'step':>5} {'group':>5} {'bytes':>9}{'time' if timed else '':>{13 * timed}}  op"
        total = f"{len(lines)} steps, {_bytes(self._native.arena_bytes)} of shared memory"
        if timed:
            total += f", {sum(line['seconds'] for line in lines) * 1e6:.2f} us"
        return "\n".join([head, *rows, total])

    def to_dot(self) -> str:
        """The program as a graph in Graphviz's language: steps, and what they hand on."""
        out = ["digraph program {", "  rankdir=TB; node [shape=box, fontname=monospace];"]
        writer: dict[int, int] = {}
        edges: dict[tuple[int, int], int] = {}
        for i, line in enumerate(self.lines()):
            time = f"\\n{line['seconds'] * 1e6:.2f} us" if line["seconds"] else ""
            name = _short(_name(line), 60).replace('"', "'")
            out.append(f'  s{i} [label="{i}: {name}\\n{_bytes(line["bytes"])}{time}"];')
            for slot in line["reads"]:
                if slot in writer and writer[slot] != i:
                    edges[writer[slot], i] = slot
            for slot in line["writes"]:
                writer[slot] = i
        out += [f'  s{a} -> s{b} [label="%{slot}"];' for (a, b), slot in edges.items()]
        return "\n".join([*out, "}"]) + "\n"

    def to_svg(self) -> str:
        """The graph of `to_dot` as an SVG picture, drawn by Graphviz.

        ImportError without the package `graphviz` (`pip install wengert[graph]`), RuntimeError
        without Graphviz's program `dot`, which it runs.
        """
        try:
            import graphviz
        except ImportError as error:
            raise ImportError(
                "Program.to_svg needs the package graphviz: pip install 'wengert[graph]'"
            ) from error
        try:
            return graphviz.Source(self.to_dot()).pipe(format="svg", encoding="utf-8")
        except graphviz.ExecutableNotFound:
            raise RuntimeError(
                "Program.to_svg needs Graphviz's program dot: install the system's package "
                "graphviz (apt install graphviz), or draw what Program.to_dot returns elsewhere"
            ) from None


class LoadedProgram:
    """A program read from a file: a function of tensors.

    Called with tensors or NumPy arrays of the shapes and dtypes in `inputs`, or, if
    `takes_any_batch`, with batches of any size, it returns the tensor that the captured function
    returned, or a tuple of all of them if there were several. An argument that the function changed
    in place is changed. The program for another size is made at its first call; 16 are kept.
    """

    def __init__(self, native: _native._Program) -> None:
        self._native = native
        self._inputs = tuple(_native._program_arguments(native))

    @property
    def inputs(self) -> tuple[tuple[_native.Size, _native.dtype], ...]:
        """Shape and dtype of each argument."""
        return self._inputs

    @property
    def takes_any_batch(self) -> bool:
        """Whether it was saved for batches of every size."""
        return _native._program_takes_any_batch(self._native)

    @property
    def program(self) -> Program:
        """Its steps, for the shapes in `inputs`."""
        return Program(self._native)

    def __call__(self, *args: Tensor | np.ndarray) -> Tensor | tuple[Tensor, ...]:
        if len(args) != len(self._inputs):
            raise TypeError(f"program: takes {len(self._inputs)} arguments, got {len(args)}")
        tensors = []
        native, fits = self._native, True
        for i, (arg, (shape, dtype)) in enumerate(zip(args, self._inputs, strict=True)):
            tensor = _native.from_numpy(arg) if isinstance(arg, np.ndarray) else arg
            if not isinstance(tensor, _native.Tensor):
                raise TypeError(
                    f"program: argument {i} must be a tensor or NumPy array, "
                    f"not {type(arg).__name__}"
                )
            fits &= tensor.shape == shape
            if tensor.dtype != dtype or not (fits or self.takes_any_batch):
                raise RuntimeError(
                    f"program: argument {i} must be {dtype} of shape {tuple(shape)}, "
                    f"got {tensor.dtype} of shape {tuple(tensor.shape)}"
                )
            tensors.append(tensor)
        if not fits:
            native = _native._program_fitting(native, tensors)
        results = native.replay(tensors)
        assert results is not None  # it has no conditions
        return results[0] if len(results) == 1 else results

    def __repr__(self) -> str:
        inputs = ", ".join(f"{dtype} {tuple(shape)}" for shape, dtype in self._inputs)
        return f"LoadedProgram({inputs}{', any batch size' * self.takes_any_batch})"


def three_batches(
    args: tuple[object, ...], kwargs: dict[str, object]
) -> Iterator[tuple[list[object], dict[str, object]]]:
    """The call with three numbers of rows in its batches, which begin with the rows given."""
    given = [arg for arg in (*args, *kwargs.values()) if isinstance(arg, Tensor) and arg.dim()]
    if not given or given[0].size(0) == 0:
        raise ValueError("save: a batch is expected among the arguments, a tensor with rows")
    rows = given[0].size(0)
    first = max(rows, 2)  # where one row is broadcast, less is done than with many
    for count in range(first, first + 3):
        order = _native.arange(count) % rows

        def batch(arg: object, order: Tensor = order) -> object:
            is_batch = isinstance(arg, Tensor) and arg.dim() and arg.size(0) == rows
            return arg.index_select(0, order) if is_batch else arg  # type: ignore[attr-defined]

        yield [batch(arg) for arg in args], {name: batch(arg) for name, arg in kwargs.items()}


def load_program(path: str | os.PathLike[str]) -> LoadedProgram:
    """Reads a program that `Program.save` wrote.

    Raises FileNotFoundError, or RuntimeError for a file that is damaged, of another version, or no
    program. A file can do no more than call the operations of this package on its own memory.
    """
    os.stat(path)  # an error of the file system, in its own words
    return LoadedProgram(_native._program_load(os.fsencode(path)))


def _name(line: dict[str, Any]) -> str:
    return f"{line['op']} [{line['way']}]" if line["way"] else line["op"]


def _bytes(n: int) -> str:
    size = float(n)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _short(text: str, limit: int = 110) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
