"""The messages of an ONNX file, read; numbered as in onnx.proto.

Note [hostile ONNX files]
Every length is checked against the bytes there are before anything is made from it, and what is
made takes no more than some times the file: arrays are not copied before they are checked, and
of small objects there are at most `_MOST`. Nesting is that of the classes here: graphs within
attributes are not followed. Whatever is wrong is a ValueError.
"""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Iterable, Sized
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from .. import _native
from .._native import Tensor
from .._protobuf import fields, read_integers, signed
from .._types import from_bits
from ._model import TYPES

_NAMES = {number: name for name, number in TYPES.items()}
#: Those that lie among the ints of a tensor that has no raw bytes.
_NARROW = ("uint8", "int8", "int16", "int32", "bool", "float16", "bfloat16")
_MOST_DIMS = 64
_MOST = 1 << 18  # nodes, inputs, outputs; the elements of an attribute
_EXTERNAL = 1  # TensorProto.DataLocation


@dataclass
class Array:
    """A tensor of a file; bfloat16 is its bits, as int16."""

    name: str
    dtype: str
    array: np.ndarray

    def tensor(self) -> Tensor:
        """A copy."""
        if self.dtype == "bfloat16":
            return from_bits(self.array.copy(), "bfloat16")
        return _native.tensor(self.array)


def dtype_of(number: int) -> _native.dtype:
    """The dtype of a TensorProto.DataType. ValueError for one that there is not."""
    if number not in _NAMES:
        raise ValueError(f"the type {number} is not supported")
    return cast("_native.dtype", getattr(_native, _NAMES[number]))


@dataclass
class _Graph:
    """A graph within an attribute, which is not read."""


@dataclass
class Node:
    """A call of an operator."""

    op: str = ""
    name: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"{self.domain + '.' if self.domain else ''}{self.op}{name}"


@dataclass
class Value:
    """An input or output: its name, dtype and sizes; a size that changes is a name or None."""

    name: str
    dtype: str | None = None
    shape: list[int | str | None] | None = None


@dataclass
class Model:
    """A model of one graph."""

    producer: str = ""
    opset: int = 0
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    constants: set[str] = field(default_factory=set)


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where bytes are needed")
    return value


def _text(value: int | memoryview) -> str:
    try:
        return str(_bytes(value), "utf-8")
    except UnicodeDecodeError:
        raise ValueError("a name is no text") from None


def _number(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ValueError("bytes where a number is needed")
    return signed(value)


def _few(items: Sized, what: str) -> None:
    if len(items) >= _MOST:
        raise ValueError(f"more than {_MOST} {what}")


def _floats(value: int | memoryview, dtype: str = "<f4") -> np.ndarray:
    data = _bytes(value)
    if len(data) % np.dtype(dtype).itemsize:
        raise ValueError("a list of numbers has a part of one")
    return np.frombuffer(data, dtype)


class Reader:
    """Reads the messages of one file, which lies in `folder` if its tensors may lie beside it."""

    def __init__(self, folder: str | None) -> None:
        self.folder = folder

    # ---- tensors -------------------------------------------------------------------------------

    def array(self, data: memoryview) -> Array:
        """A TensorProto."""
        dims = array("q")
        kind, name, external, raw = 0, "", False, None
        lists: dict[str, list[np.ndarray]] = {}
        where: dict[str, str] = {}
        for number, value in fields(data):
            if number == 1:
                dims += read_integers(value, _MOST_DIMS)
            elif number == 2:
                kind = _number(value)
            elif number == 4:
                lists.setdefault("float32", []).append(_floats(value))
            elif number in (5, 7):
                numbers = np.asarray(read_integers(value), np.int64)
                lists.setdefault("int", []).append(numbers)
            elif number == 8:
                name = _text(value)
            elif number == 9:
                raw = _bytes(value)
            elif number == 10:
                lists.setdefault("float64", []).append(_floats(value, "<f8"))
            elif number == 13:
                self._entry(_bytes(value), where)
            elif number == 14:
                external = _number(value) == _EXTERNAL
        if kind not in _NAMES:
            raise ValueError(f"tensor {name!r} is of the type {kind}, which is not read")
        if len(dims) > _MOST_DIMS or any(not 0 <= dim < 2**62 for dim in dims):
            raise ValueError(f"tensor {name!r} has the sizes {dims[:8].tolist()}")
        dtype, count = _NAMES[kind], math.prod(dims)
        stored = np.dtype("int16" if dtype == "bfloat16" else dtype)
        if external:
            raw = memoryview(self._beside(name, where, count * stored.itemsize))
        if raw is not None:
            found = self._raw(name, raw, stored, count)
        else:
            key = "int" if dtype == "int64" or dtype in _NARROW else dtype
            found = self._listed(name, lists.get(key, []), dtype, stored, count)
        return Array(name, dtype, found.reshape(dims))

    @staticmethod
    def _entry(data: memoryview, into: dict[str, str]) -> None:
        pair = {number: _text(value) for number, value in fields(data)}
        into[pair.get(1, "")] = pair.get(2, "")

    @staticmethod
    def _raw(name: str, raw: memoryview, stored: np.dtype, count: int) -> np.ndarray:
        if len(raw) != count * stored.itemsize:
            raise ValueError(
                f"tensor {name!r} has {len(raw)} bytes, needed {count * stored.itemsize}"
            )
        return np.frombuffer(raw, stored.newbyteorder("<")).astype(stored)

    @staticmethod
    def _listed(
        name: str, parts: Iterable[np.ndarray], dtype: str, stored: np.dtype, count: int
    ) -> np.ndarray:
        found = np.concatenate([np.empty(0, stored), *parts]) if parts else np.empty(0, stored)
        if found.size != count:
            raise ValueError(f"tensor {name!r} has {found.size} numbers, needed {count}")
        if dtype in ("float16", "bfloat16"):  # their bits
            bits = found.astype(np.uint16)
            return bits.view(stored)
        return found.astype(stored)

    def _beside(self, name: str, where: dict[str, str], size: int) -> bytes:
        """The bytes of a tensor in a file beside the model, in its folder or below it."""
        place = where.get("location", "")
        if self.folder is None:
            raise ValueError(f"tensor {name!r} lies in the file {place!r}: load a path")
        root = os.path.realpath(self.folder)
        path = os.path.realpath(os.path.join(root, place))
        if not place or os.path.isabs(place) or os.path.commonpath([root, path]) != root:
            raise ValueError(f"tensor {name!r} lies in {place!r}, outside of the model's folder")
        try:
            offset, length = int(where.get("offset", 0)), int(where.get("length", size))
        except ValueError:
            raise ValueError(f"tensor {name!r} lies at no number of {place!r}") from None
        if length != size or offset < 0:
            raise ValueError(f"tensor {name!r} has {length} bytes in {place!r}, needed {size}")
        if not os.path.isfile(path) or os.path.getsize(path) - offset < size:
            raise ValueError(f"tensor {name!r} is not in the file {place!r}, or not wholly")
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    # ---- nodes ---------------------------------------------------------------------------------

    def _attribute(self, data: memoryview) -> tuple[str, object]:
        name, kind = "", 0
        one: dict[int, object] = {}
        ints: list[int] = []
        floats: list[float] = []
        texts: list[str] = []
        for number, value in fields(data):
            for items in (floats, ints, texts):
                _few(items, "elements of an attribute")
            if number == 1:
                name = _text(value)
            elif number == 2:
                one[1] = float(_floats(value).sum())
            elif number == 3:
                one[2] = _number(value)
            elif number == 4:
                one[3] = str(_bytes(value), "utf-8", "replace")
            elif number == 5:
                one[4] = self.array(_bytes(value))
            elif number == 7:
                found = _floats(value)
                _few(found, "elements of an attribute")
                floats += found.tolist()
            elif number == 8:
                ints += read_integers(value, _MOST)
            elif number == 9:
                texts.append(str(_bytes(value), "utf-8", "replace"))
            elif number == 20:
                kind = _number(value)
        defaults = {1: 0.0, 2: 0, 3: ""}
        lists: dict[int, object] = {6: floats, 7: ints, 8: texts}
        return name, lists.get(kind, one.get(kind, defaults.get(kind, _Graph())))

    def node(self, data: memoryview) -> Node:
        """A NodeProto."""
        node = Node()
        for number, value in fields(data):
            if number == 1:
                node.inputs.append(_text(value))
            elif number == 2:
                node.outputs.append(_text(value))
            elif number == 3:
                node.name = _text(value)
            elif number == 4:
                node.op = _text(value)
            elif number == 5:
                name, found = self._attribute(_bytes(value))
                node.attributes[name] = found
            elif number == 7:
                domain = _text(value)
                node.domain = "" if domain == "ai.onnx" else domain
        if not node.op:
            raise ValueError("a node without an operator")
        return node

    # ---- graphs --------------------------------------------------------------------------------

    def _size(self, data: memoryview) -> int | str | None:
        found: int | str | None = None
        for number, value in fields(data):
            if number == 1:
                found = _number(value)
            elif number == 2:
                found = _text(value)
        return found

    def value(self, data: memoryview) -> Value:
        """A ValueInfoProto, of a tensor."""
        found = Value("")
        for number, part in fields(data):
            if number == 1:
                found.name = _text(part)
            elif number == 2:
                for kind, tensor in fields(_bytes(part)):
                    if kind == 1:
                        self._type(_bytes(tensor), found)
        return found

    def _type(self, data: memoryview, into: Value) -> None:
        for number, value in fields(data):
            if number == 1:
                into.dtype = _NAMES.get(_number(value))
            elif number == 2:
                into.shape = [
                    self._size(_bytes(dim)) for kind, dim in fields(_bytes(value)) if kind == 1
                ]

    def _graph(self, data: memoryview, model: Model) -> None:
        for number, value in fields(data):
            for items in (model.nodes, model.inputs, model.outputs):
                _few(items, "nodes or values")
            if number == 1:
                model.nodes.append(self.node(_bytes(value)))
            elif number == 5:
                array = self.array(_bytes(value))
                model.arrays[array.name] = array
            elif number == 11:
                model.inputs.append(self.value(_bytes(value)))
            elif number == 12:
                model.outputs.append(self.value(_bytes(value)))
            elif number == 15:
                raise ValueError("sparse initializers are not read")

    def model(self, data: bytes) -> Model:
        """A ModelProto."""
        model, graphs = Model(), 0
        for number, value in fields(data):
            if number == 2:
                model.producer = _text(value)
            elif number == 7:
                graphs += 1
                self._graph(_bytes(value), model)
            elif number == 8:
                found = dict(fields(_bytes(value)))
                if not found.get(1) or _text(found[1]) in ("", "ai.onnx"):
                    model.opset = _number(found.get(2, 0))
        if graphs != 1 or not model.opset:
            raise ValueError("there is no graph, or no version of its operators")
        return model


__all__ = ["Array", "Model", "Node", "Reader", "Value", "dtype_of"]
