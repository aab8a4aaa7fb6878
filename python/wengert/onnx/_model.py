"""The messages of an ONNX model, numbered as in onnx.proto, and a graph that is being built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from .. import _native
from .._native import Tensor
from .._protobuf import integer, integers, message, single, singles
from .._types import bits

Attribute: TypeAlias = "int | float | str | Sequence[int] | Sequence[float] | Sequence[str]"
#: A size: a number, or the name of one that changes from call to call.
Dim: TypeAlias = "int | str"

#: TensorProto.DataType by NumPy's name.
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
         "float16": 10, "float64": 11, "bfloat16": 16}  # fmt: skip
_FLOAT, _INT, _STRING, _FLOATS, _INTS, _STRINGS = 1, 2, 3, 6, 7, 8  # AttributeProto.AttributeType


#: How bfloat16, which NumPy lacks, lies in the arrays of this package: its bits, under its name.
BFLOAT16 = np.dtype([("bfloat16", "<i2")])


def array_of(value: object, dtype: str) -> np.ndarray:
    """Numbers as an array of a dtype by its name."""
    if dtype != "bfloat16":
        return np.asarray(value, dtype)
    return array_in(_native.tensor(np.asarray(value, np.float32)).bfloat16())


def array_in(tensor: Tensor) -> np.ndarray:
    """A tensor's memory."""
    return bits(tensor).view(BFLOAT16) if tensor.dtype == _native.bfloat16 else tensor.numpy()


def _attribute(name: str, value: Attribute) -> bytes:
    head = message(1, name)
    if isinstance(value, float):
        return head + single(2, value) + integer(20, _FLOAT)
    if isinstance(value, int):
        return head + integer(3, value) + integer(20, _INT)
    if isinstance(value, str):
        return head + message(4, value) + integer(20, _STRING)
    if any(isinstance(item, float) for item in value):
        return head + singles(7, map(float, value)) + integer(20, _FLOATS)
    if any(isinstance(item, str) for item in value):
        return head + b"".join(message(9, str(item)) for item in value) + integer(20, _STRINGS)
    return head + integers(8, [int(item) for item in value]) + integer(20, _INTS)


def _tensor(name: str, array: np.ndarray) -> bytes:
    array = np.asarray(array)
    kind = "bfloat16" if array.dtype == BFLOAT16 else array.dtype.name
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    dims = integers(1, array.shape) if array.ndim else b""
    return dims + integer(2, TYPES[kind]) + message(8, name) + message(9, data)


def _value(name: str, dtype: str, shape: Iterable[Dim]) -> bytes:
    dims = b"".join(
        message(1, message(2, dim) if isinstance(dim, str) else integer(1, dim)) for dim in shape
    )
    kind = message(1, integer(1, TYPES[dtype]) + message(2, dims))
    return message(1, name) + message(2, kind)


class Graph:
    """Nodes in the order in which they run, the constants that they read, inputs and outputs."""

    def __init__(self, opset: int = 17) -> None:
        self.opset = opset
        self._nodes: list[bytes] = []
        self._constants: dict[str, np.ndarray] = {}
        self._by_value: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._taken: set[str] = set()
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._counts: dict[str, int] = {}

    def reserve(self, name: str) -> str:
        """Takes the name, which no value made here will have. ValueError if it is taken."""
        if name in self._taken:
            raise ValueError(f"onnx.export: two values have the name {name!r}")
        self._taken.add(name)
        return name

    def fresh(self, start: str) -> str:
        """A name that no other value has."""
        while True:
            count = self._counts[start] = self._counts.get(start, -1) + 1
            name = f"{start}_{count}"
            if name not in self._taken:
                return self.reserve(name)

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        outputs: int | Sequence[str] = 1,
        **attributes: Attribute | None,
    ) -> list[str]:
        """Appends a node; the names of its outputs. Attributes that are None are left out."""
        names = outputs if not isinstance(outputs, int) else [
            self.fresh(kind) for _ in range(outputs)
        ]  # fmt: skip
        parts = [message(1, name) for name in inputs]
        parts += [message(2, name) for name in names]
        parts += [message(3, self.fresh("node")), message(4, kind)]
        given = {name: value for name, value in attributes.items() if value is not None}
        parts += [message(5, _attribute(name, value)) for name, value in given.items()]
        self._nodes.append(b"".join(parts))
        return list(names)

    def op(self, kind: str, *inputs: str, **attributes: Attribute | None) -> str:
        """Appends a node of one output, whose name it returns."""
        return self.node(kind, inputs, 1, **attributes)[0]

    def reduce(self, kind: str, x: str, axes: Sequence[int], keep: int = 1) -> str:
        """A reduction, whose axes are an attribute or, from opset 18 on, an input."""
        if self.opset >= 18 or kind == "Sum":
            return self.op("Reduce" + kind, x, self.constant(list(axes)), keepdims=keep)
        return self.op("Reduce" + kind, x, axes=list(axes), keepdims=keep)

    def constant(self, value: np.ndarray | Sequence[int] | float, dtype: str | None = None) -> str:
        """A constant, once for each value. Lists of numbers are int64."""
        given = isinstance(value, np.ndarray) and dtype is None
        array = np.asarray(value) if given else array_of(value, dtype or "int64")
        key = (array.dtype.name, array.shape, array.tobytes()) if array.size <= 1024 else None
        if key is not None and key in self._by_value:
            return self._by_value[key]
        name = self.fresh("constant")
        self._constants[name] = array
        if key is not None:
            self._by_value[key] = name
        return name

    def weight(self, name: str, array: np.ndarray) -> str:
        """A constant of this name."""
        self._constants[self.reserve(name)] = array
        return name

    def add_input(self, name: str, dtype: str, shape: Iterable[Dim]) -> None:
        """The next argument."""
        self._inputs.append(_value(name, dtype, shape))

    def add_output(self, name: str, dtype: str, shape: Iterable[Dim]) -> None:
        """The next result."""
        self._outputs.append(_value(name, dtype, shape))

    def model(self, producer: str, version: str) -> bytes:
        """The file."""
        parts = [message(1, node) for node in self._nodes]
        parts.append(message(2, "main_graph"))
        parts += [message(5, _tensor(name, array)) for name, array in self._constants.items()]
        parts += [message(11, value) for value in self._inputs]
        parts += [message(12, value) for value in self._outputs]
        operators = message(1, "") + integer(2, self.opset)
        # Version 8 of the format is that of opset 17 and 18, 9 and 10 of those after them.
        head = integer(1, 8 if self.opset < 19 else 9 if self.opset < 21 else 10)
        head += message(2, producer) + message(3, version)
        return head + message(7, b"".join(parts)) + message(8, operators)


__all__ = ["TYPES", "Attribute", "Dim", "Graph", "array_in", "array_of"]
