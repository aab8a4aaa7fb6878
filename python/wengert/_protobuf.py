"""Protocol buffers, written field by field: what `utils.tensorboard` and `onnx` write.

A field is its number and wire type, then a varint, 8 or 4 bytes, or a length and so many bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers as their complement
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field: int, value: int) -> bytes:
    """An int64, a bool or a member of an enum."""
    return _varint(field << 3) + _varint(int(value))


def double(field: int, value: float) -> bytes:
    """A number of 8 bytes."""
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def single(field: int, value: float) -> bytes:
    """A number of 4 bytes; infinity beyond its range."""
    try:
        packed = struct.pack("<f", value)
    except OverflowError:
        packed = struct.pack("<f", float("inf") if value > 0 else float("-inf"))
    return _varint(field << 3 | 5) + packed


def message(field: int, data: bytes | str) -> bytes:
    """A message, a text or bytes."""
    data = data.encode() if isinstance(data, str) else data
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def doubles(field: int, values: Iterable[float]) -> bytes:
    """Packed numbers of 8 bytes."""
    return message(field, b"".join(struct.pack("<d", value) for value in values))


def integers(field: int, values: Iterable[int]) -> bytes:
    """Packed int64s."""
    return message(field, b"".join(map(_varint, values)))


def singles(field: int, values: Iterable[float]) -> bytes:
    """Packed numbers of 4 bytes."""
    return message(field, b"".join(struct.pack("<f", value) for value in values))
