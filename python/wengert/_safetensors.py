"""Safetensors files: a length, a JSON header, and the bytes of the tensors behind it."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping
from typing import IO, NamedTuple

import numpy as np

from . import _native
from ._files import atomic_write
from ._native import Tensor
from ._types import bits, dtype_name, from_bits

#: The longest header that a file may have; JSON of more would take many times its size.
LONGEST_HEADER = 100_000_000
_ALIGNED = 8
# dtype in the file -> (dtype of its bytes, dtype of the array that the tensor is made of)
_KINDS = {
    "BOOL": ("u1", "?"),
    "U8": ("u1", "u1"),
    "I32": ("<i4", "i4"),
    "I64": ("<i8", "i8"),
    "F32": ("<f4", "f4"),
    "F64": ("<f8", "f8"),
    "F16": ("<f2", "f2"),
    "BF16": ("<i2", "i2"),
    "I8": ("i1", "i1"),
    "I16": ("<i2", "i2"),
    "U16": ("<u2", "i4"),
    "U32": ("<u4", "i8"),
}
_NAMES = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "int32": "I32",
          "int64": "I64", "float16": "F16", "bfloat16": "BF16", "float32": "F32",
          "float64": "F64"}  # fmt: skip


class _Entry(NamedTuple):
    """One tensor of a file: where its bytes are, behind the header."""

    name: str
    kind: str
    shape: list[int]
    start: int
    stop: int


# ---- writing -----------------------------------------------------------------------------------


def save_safetensors(
    state: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a flat dict of tensors as a safetensors file, atomically.

    `metadata` maps strings to strings. Tensors are made contiguous; memory that two share is
    written twice. Raises TypeError for a value that is no tensor, a name or metadata that is no
    string.
    """
    with atomic_write(path) as file:
        for block in blocks(state, metadata):
            file.write(block)


def blocks(
    state: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> Iterator[bytes | memoryview]:
    """What a file of these tensors consists of, piece by piece. Errors come with the first."""
    import json  # here, as importing the package should not pay for it

    for name, value in state.items():
        if not isinstance(name, str):
            raise TypeError(f"save_safetensors: names must be strings, found {name!r}")
        if not isinstance(value, _native.Tensor):
            raise TypeError(f"save_safetensors: {name!r} is a {type(value).__name__}, not a tensor")
    for key, text in (metadata or {}).items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise TypeError(f"save_safetensors: metadata must be strings, found {key!r}: {text!r}")
    # Wide kinds first, so that every tensor is aligned; then by name: the same makes the same file.
    order = sorted(state, key=lambda name: (-state[name].itemsize, name))
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    start = 0
    for name in order:
        tensor = state[name]
        stop = start + tensor.numel() * tensor.itemsize
        header[name] = {
            "dtype": _NAMES[dtype_name(tensor.dtype)],
            "shape": list(tensor.shape),
            "data_offsets": [start, stop],
        }
        start = stop
    written = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
    head = written.encode("utf-8")
    head += b" " * (-len(head) % _ALIGNED)
    yield len(head).to_bytes(8, "little") + head
    for name in order:
        array = np.ascontiguousarray(bits(state[name].detach()))
        if sys.byteorder == "big":
            array = array.astype(array.dtype.newbyteorder("<"))
        yield array.reshape(-1).view(np.uint8).data


# ---- reading -----------------------------------------------------------------------------------


def _count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _entry(name: str, found: object) -> _Entry:
    if not isinstance(found, dict) or set(found) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"tensor {name!r} is not described by a dtype, a shape and offsets")
    kind, shape, offsets = found["dtype"], found["shape"], found["data_offsets"]
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"tensor {name!r} is of dtype {kind!r:.40}, which there is no dtype for")
    if not isinstance(shape, list) or len(shape) > 64 or not all(map(_count, shape)):
        raise ValueError(f"tensor {name!r} has the shape {shape!r:.100}")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_count, offsets)):
        raise ValueError(f"tensor {name!r} has the offsets {offsets!r:.100}")
    start, stop = offsets
    size = math.prod(shape) * np.dtype(_KINDS[kind][0]).itemsize
    if stop - start != size:
        raise ValueError(f"tensor {name!r} of {kind} {shape} has {stop - start} bytes, not {size}")
    return _Entry(name, kind, shape, start, stop)


def parse_header(start: bytes, size: int, text: bytes) -> tuple[list[_Entry], dict[str, str]]:
    """What a header says of a file of `size` bytes, the first 8 of which are `start`; ValueError
    unless the tensors fill the file without gaps."""
    import json

    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > min(LONGEST_HEADER, size - 8) or len(text) < length:
        raise ValueError("not a safetensors file, or cut short")
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the header is no JSON: {error}") from None
    if not isinstance(header, dict):
        raise ValueError("the header is no JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("the metadata are not strings")
    entries = [_entry(name, found) for name, found in header.items()]
    at = 0
    for entry in sorted(entries, key=lambda e: (e.start, e.stop)):
        if entry.start != at:
            raise ValueError(f"tensor {entry.name!r} begins at byte {entry.start}, needed {at}")
        at = entry.stop
    if at != size - 8 - length:
        raise ValueError(f"the tensors have {at} bytes, the file has {size - 8 - length}")
    return entries, metadata


def _tensor_of(stored: np.ndarray, entry: _Entry) -> Tensor:
    kind = np.dtype(_KINDS[entry.kind][1])
    if entry.kind == "BOOL":
        array = stored != 0  # a byte other than 0 and 1 is no valid bool
    elif stored.dtype != kind or not stored.flags.aligned:
        array = stored.astype(kind)
    else:
        array = stored
    return from_bits(array.reshape(entry.shape), "bfloat16" if entry.kind == "BF16" else "")


def read_open(
    file: IO[bytes], size: int, mapped: np.ndarray | None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and metadata of a file of `size` bytes, out of its memory where that is given.

    ValueError for a file that is not in the format.
    """
    file.seek(0)
    start = file.read(8)
    length = int.from_bytes(start, "little")
    text = file.read(length) if length <= min(LONGEST_HEADER, size - 8) else b""
    entries, metadata = parse_header(start, size, text)
    tensors, widened = {}, set()
    for entry in entries:
        stored = np.dtype(_KINDS[entry.kind][0])
        begin, count = 8 + length + entry.start, entry.stop - entry.start
        if mapped is not None:
            data = mapped[begin : begin + count]
        else:
            data = np.empty(count, np.uint8)
            file.seek(begin)
            if count and file.readinto(data) != count:  # type: ignore[attr-defined]
                raise ValueError("the file is cut short")
        tensors[entry.name] = _tensor_of(data.view(stored), entry)
        if np.dtype(_KINDS[entry.kind][1]).itemsize != stored.itemsize:
            widened.add(entry.kind)
    if widened:
        _native._warn(f"load_safetensors: tensors of {', '.join(sorted(widened))} were widened")
    return tensors, metadata


def load_safetensors(
    path: str | os.PathLike[str], mmap: bool = False
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Reads a safetensors file: (tensors by name, metadata).

    U16 becomes int32 and U32 int64, with one warning. With `mmap` the tensors lie in the file,
    mapped: what is written to them stays in this process; the file must not be cut short while they
    live. Raises FileNotFoundError, or ValueError for a file that is not in the format.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            memory = np.memmap(file, np.uint8, "c") if mmap and size else None
            return read_open(file, size, memory)
        except ValueError as error:
            raise ValueError(f"load_safetensors: {os.fspath(path)}: {error}") from None
