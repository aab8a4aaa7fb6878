"""A forward program as an ONNX graph: slots of memory become values, steps become nodes.

Note [ONNX of memory]
A program's steps read and write pieces of memory, and views are pieces and no steps. A slot's value
here is that of the piece that was written last, which is the whole slot; another piece of it is
read by the nodes of its `View`, or gathered. A step that writes a part of a slot is a scatter into
its value. What is never written is a constant, as it is read.

Sizes that change from call to call are told from others by a second program, of the same function
with other sizes: a number that differs is a product of such sizes, or one of them and a number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._model import Graph, array_of
from ._script import Operand, Piece, Plain, Script, Step, contiguous
from ._views import View, indices_of, is_identity, memory_order, view_of


class OnnxExporterError(RuntimeError):
    """A model cannot be exported; the message names the operation."""


@dataclass
class Symbol:
    """A size that changes: its name, its value in both programs, where it is read."""

    name: str
    values: tuple[int, int]
    source: str
    axis: int


@dataclass
class _Held:
    """The value of a slot: a node's output, and the piece, in both programs, that it is."""

    name: str
    pieces: tuple[Piece, Piece]


def _same(one: Piece, other: Piece) -> bool:
    """Whether two pieces are the same elements in the same shape."""
    return (
        one.shape == other.shape
        and one.offset == other.offset
        and all(
            a == b or size < 2
            for a, b, size in zip(one.strides, other.strides, one.shape, strict=True)
        )
    )


class Exporter:
    """Builds the graph of one program, or of two of other sizes."""

    def __init__(
        self,
        scripts: tuple[Script, Script],
        names: dict[bytes, list[str]],
        symbols: list[Symbol],
        opset: int,
    ) -> None:
        self.graph = Graph(opset)
        self.scripts, self.symbols = scripts, symbols
        self._names = names
        self._held: dict[int, _Held] = {}
        self._constants: dict[Piece, str] = {}
        self._sizes: dict[str, str] = {}
        self._memory: dict[str, str] = {}
        one, other = scripts
        if [s.op for s in one.steps] != [s.op for s in other.steps]:
            raise OnnxExporterError(
                "onnx.export: with other sizes along dynamic_axes the model does other operations"
            )
        self._written = set(one.resets)
        for step in one.steps:
            self._written.update(piece.slot for piece in targets(step))

    # ---- sizes ---------------------------------------------------------------------------------

    def _size(self, symbol: Symbol) -> str:
        """The node with a changing size, one element."""
        if symbol.name not in self._sizes:
            shape = self.graph.op("Shape", symbol.source)
            index = self.graph.constant([symbol.axis])
            self._sizes[symbol.name] = self.graph.op("Gather", shape, index, axis=0)
        return self._sizes[symbol.name]

    def _formula(self, one: int, other: int) -> tuple[tuple[Symbol, ...], int, int]:
        """(symbols, factor, summand) that give a number in both programs, the simplest there is."""
        found = []
        for count in range(1, len(self.symbols) + 1):
            for chosen in itertools.combinations(self.symbols, count):
                a = math.prod(symbol.values[0] for symbol in chosen)
                b = math.prod(symbol.values[1] for symbol in chosen)
                factor, rest = divmod(one - other, a - b)
                summand = one - factor * a
                if rest == 0 and (count == 1 or not summand):
                    found.append(((summand != 0, count, factor != 1), (chosen, factor, summand)))
        if found:
            return min(found, key=lambda formula: formula[0])[1]
        raise OnnxExporterError(
            f"onnx.export: a size is {one} in one program and {other} in another, which is no "
            "product of the dynamic_axes"
        )

    def name_of(self, one: int, other: int) -> int | str:
        """A size of an argument or result: a number, or a name."""
        if one == other:
            return one
        chosen, factor, summand = self._formula(one, other)
        text = "*".join([*([str(factor)] if factor != 1 else []), *(s.name for s in chosen)])
        return text if not summand else f"{text}{summand:+d}"

    def numbers(self, one: Sequence[int], other: Sequence[int], reshapes: bool = False) -> str:
        """The node of a list of sizes; as the shape that `reshapes`, one may be left to it."""
        differ = [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        if not differ:
            return self.graph.constant(list(one))
        if reshapes and len(differ) == 1 and 0 not in one:
            return self.graph.constant([-1 if i in differ else n for i, n in enumerate(one)])
        parts = []
        for a, b in zip(one, other, strict=True):
            if a == b:
                parts.append(self.graph.constant([a]))
                continue
            chosen, factor, summand = self._formula(a, b)
            value = self._size(chosen[0])
            for symbol in chosen[1:]:
                value = self.graph.op("Mul", value, self._size(symbol))
            if factor != 1:
                value = self.graph.op("Mul", value, self.graph.constant([factor]))
            if summand:
                value = self.graph.op("Add", value, self.graph.constant([summand]))
            parts.append(value)
        return parts[0] if len(parts) == 1 else self.graph.op("Concat", *parts, axis=0)

    # ---- reading -------------------------------------------------------------------------------

    def dtype_of(self, slot: int) -> str:
        """The dtype of a slot's elements."""
        return self.scripts[0].slots[slot].dtype

    def _counts(self, slot: int) -> tuple[int, int]:
        return self.scripts[0].slots[slot].count, self.scripts[1].slots[slot].count

    def read(self, one: Piece, other: Piece) -> str:
        """The value with the elements of a piece."""
        slot = self.scripts[0].slots[one.slot]
        if slot.array is not None and one.slot not in self._written:
            return self._constant(one, slot.array)
        held = self._value(one.slot)
        if _same(one, held.pieces[0]) and _same(other, held.pieces[1]):
            return held.name
        counts = self._counts(one.slot)
        memory = self._in_memory(held, counts)
        views = view_of(one, counts[0]), view_of(other, counts[1])
        if views[0] is None or views[1] is None:
            if one != other:
                raise OnnxExporterError(
                    "onnx.export: a view whose strides change with dynamic_axes"
                )
            flat = self.graph.op("Reshape", memory, self.graph.constant([-1]))
            return self.graph.op("Gather", flat, self.graph.constant(indices_of(one)), axis=0)
        return self._viewed(memory, (views[0], views[1]), (one, other))

    def _value(self, slot: int) -> _Held:
        held = self._held.get(slot)
        if held is not None:
            return held
        script = self.scripts[0]
        source = script.slots[script.resets.get(slot, slot)]
        if source.array is None:
            raise OnnxExporterError("onnx.export: the program reads memory before it is written")
        piece = Piece(slot, (source.array.size,), (1,), 0)
        name = self.graph.weight(self.graph.fresh("weight") + "_", source.array.reshape(-1))
        self._held[slot] = _Held(name, (piece, piece))
        return self._held[slot]

    def _constant(self, piece: Piece, memory: np.ndarray) -> str:
        name = self._constants.get(piece)
        if name is None:
            flat = memory.reshape(-1)[piece.offset :]
            steps = [step * flat.itemsize for step in piece.strides]
            if 0 in piece.shape:
                array = np.zeros(piece.shape, memory.dtype)
            else:
                array = np.lib.stride_tricks.as_strided(flat, piece.shape, steps)
            array = np.ascontiguousarray(array).reshape(piece.shape)
            named = self._names.get(key_of(array))
            known = named.pop(0) if named else None
            name = self._constants[piece] = (
                self.graph.constant(array) if known is None else self.graph.weight(known, array)
            )
        return name

    def _in_memory(self, held: _Held, counts: tuple[int, int]) -> str:
        """The value with its dimensions in the order of memory."""
        if held.name not in self._memory:
            order = memory_order(held.pieces[0], counts[0]) or []
            self._memory[held.name] = (
                held.name
                if is_identity(order)
                else self.graph.op("Transpose", held.name, perm=order)
            )
        return self._memory[held.name]

    def _viewed(self, value: str, views: tuple[View, View], pieces: tuple[Piece, Piece]) -> str:
        one, other = views
        if one.order != other.order or len(one.factors) != len(other.factors):
            raise OnnxExporterError("onnx.export: a view whose order changes with dynamic_axes")
        graph = self.graph
        value = graph.op("Reshape", value, self.numbers(one.factors, other.factors, True))
        cut = [
            i for i in range(len(one.factors))
            if one.sizes[i] != one.factors[i] or other.sizes[i] != other.factors[i]
        ]  # fmt: skip
        if cut:
            ends = [[v.starts[i] + v.sizes[i] for i in cut] for v in views]
            value = graph.op(
                "Slice", value,
                self.numbers([one.starts[i] for i in cut], [other.starts[i] for i in cut]),
                self.numbers(ends[0], ends[1]), graph.constant(cut),
            )  # fmt: skip
        if not is_identity(one.order):
            value = graph.op("Transpose", value, perm=one.order)
        now = [[v.sizes[i] for i in v.order] for v in views]
        if now != [one.shape, other.shape]:
            value = graph.op("Reshape", value, self.numbers(one.shape, other.shape, True))
        if one.repeats:
            value = graph.op("Expand", value, self.numbers(pieces[0].shape, pieces[1].shape))
        return value

    # ---- writing -------------------------------------------------------------------------------

    def write(self, one: Piece, other: Piece, name: str) -> None:
        """A piece has this value from now on."""
        counts = self._counts(one.slot)
        orders = memory_order(one, counts[0]), memory_order(other, counts[1])
        if orders[0] is not None and orders[1] is not None:
            self._held[one.slot] = _Held(name, (one, other))
            return
        if one != other or counts[0] != counts[1]:
            raise OnnxExporterError(
                "onnx.export: a part of a tensor is changed whose size is one of dynamic_axes"
            )
        graph, whole = self.graph, Piece(one.slot, (counts[0],), (1,), 0)
        script = self.scripts[0]
        if one.slot in self._held or script.slots[one.slot].array is not None:
            base = self._in_memory(self._value(one.slot), counts)
            base = graph.op("Reshape", base, graph.constant([-1]))
        else:
            base = graph.constant(array_of(np.zeros(counts[0]), self.dtype_of(one.slot)))
        indices = graph.constant(indices_of(one).reshape(-1))
        values = graph.op("Reshape", name, graph.constant([-1]))
        base = graph.op("ScatterElements", base, indices, values, axis=0)
        self._held[one.slot] = _Held(base, (whole, whole))

    def add_input(self, index: int, name: str, pieces: tuple[Piece, Piece]) -> None:
        """Argument `index` of the program."""
        shape = [self.name_of(a, b) for a, b in zip(pieces[0].shape, pieces[1].shape, strict=True)]
        self.graph.add_input(name, self.dtype_of(pieces[0].slot), shape)
        self._held[pieces[0].slot] = _Held(name, pieces)

    def add_output(self, name: str, one: Operand, other: Operand) -> None:
        """A result of the program."""
        if not isinstance(one, Piece) or not isinstance(other, Piece):
            raise OnnxExporterError("onnx.export: a result is no tensor")
        value = self.read(one, other)
        self.graph.node("Identity", [value], [name])
        shape = [self.name_of(a, b) for a, b in zip(one.shape, other.shape, strict=True)]
        self.graph.add_output(name, self.dtype_of(one.slot), shape)


def key_of(array: np.ndarray) -> bytes:
    """What tells arrays apart."""
    return repr((array.dtype.str, array.shape)).encode() + array.tobytes()


def targets(step: Step) -> list[Piece]:
    """The pieces that a step writes: its outputs, or what it changes, its first input."""
    if step.outputs or step.writes == "outputs":
        return step.outputs
    return [x for x in step.inputs[:1] if isinstance(x, Piece)]


class Call:
    """A step as a rule sees it: values of its inputs, its attributes, and the graph."""

    def __init__(self, exporter: Exporter, one: Step, other: Step) -> None:
        self.exporter, self.step, self._other = exporter, one, other
        self.graph = exporter.graph

    def __len__(self) -> int:
        return len(self.step.inputs)

    def refuse(self, why: str) -> OnnxExporterError:
        """The error that says why this step has no nodes."""
        return OnnxExporterError(f"onnx.export: {self.step.op}: {why}")

    def has(self, index: int) -> bool:
        """Whether an optional input is given."""
        return index < len(self.step.inputs) and self.step.inputs[index] is not None

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of an input; () for a number."""
        operand = self.step.inputs[index]
        return operand.shape if isinstance(operand, Piece) else ()

    def dtype(self, index: int) -> str:
        """The dtype of an input, of a number that of the step."""
        operand = self.step.inputs[index]
        if isinstance(operand, Piece):
            return self.exporter.dtype_of(operand.slot)
        return self.step.dtype

    def input(self, index: int, dtype: str | None = None) -> str:
        """The value of an input, in a dtype."""
        one, other = self.step.inputs[index], self._other.inputs[index]
        if isinstance(one, Piece):
            assert isinstance(other, Piece)
            value = self.exporter.read(one, other)
            return self.cast(value, self.dtype(index), dtype or self.dtype(index))
        if one is None or isinstance(one, (str, tuple)) or one != other:
            raise self.refuse(f"input {index} is no tensor and no number that stays")
        return self.number(one, dtype)

    def number(self, value: float, dtype: str | None = None) -> str:
        """A constant of the step's dtype."""
        return self.graph.constant(array_of(value, dtype or self.step.dtype))

    def cast(self, value: str, now: str, wanted: str) -> str:
        """The value in another dtype."""
        from ._model import TYPES

        return value if now == wanted else self.graph.op("Cast", value, to=TYPES[wanted])

    def attribute(self, index: int) -> Plain:
        """An attribute, which must not depend on dynamic axes."""
        one, other = self.step.attributes[index], self._other.attributes[index]
        if one != other:
            raise self.refuse(f"an argument depends on dynamic_axes: {one} and {other}")
        return one

    def static(self, dims: Sequence[int]) -> None:
        """Refuses if sizes of the first input along these dimensions are dynamic."""
        one, other = self.step.inputs[0], self._other.inputs[0]
        assert isinstance(one, Piece) and isinstance(other, Piece)
        if any(one.shape[d] != other.shape[d] for d in dims):
            raise self.refuse("it divides by a size that is one of dynamic_axes")

    def output_sizes(self, index: int = 0) -> str:
        """The node of an output's shape."""
        pieces = targets(self.step)[index], targets(self._other)[index]
        return self.exporter.numbers(pieces[0].shape, pieces[1].shape)

    def output(self, index: int = 0) -> Piece:
        """Where a result goes."""
        return targets(self.step)[index]

    def output_dtype(self, index: int = 0) -> str:
        """Its dtype."""
        return self.exporter.dtype_of(self.output(index).slot)

    def write(self, values: Sequence[str | None]) -> None:
        """The results; those that are None are not read by anybody."""
        for one, other, value in zip(
            targets(self.step), targets(self._other), values, strict=False
        ):
            if value is not None:
                self.exporter.write(one, other, value)


__all__ = [
    "Call",
    "Exporter",
    "OnnxExporterError",
    "Symbol",
    "contiguous",
    "key_of",
    "targets",
]
