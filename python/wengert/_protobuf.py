"""Protocol buffers, written and read field by field, for `utils.tensorboard` and `onnx`.

A field is its number and wire type, then a varint, 8 or 4 bytes, or a length and so many bytes.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator


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


# ---- reading -----------------------------------------------------------------------------------


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """(a number of at most 64 bits, where the next byte is)."""
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
    raise ValueError("a number does not end")


def fields(data: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of each field of a message: an int, or bytes that are not copied.

    Numbers of 4 and 8 bytes are bytes too. ValueError for what is no message, or ends early.
    """
    data, at = memoryview(data), 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _read_varint(data, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _read_varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        if size > len(data) - at:
            raise ValueError(f"a field of {size} bytes where {len(data) - at} are left")
        yield key >> 3, data[at : at + size]
        at += size


def signed(value: int) -> int:
    """The int64 that a varint stands for."""
    return value - (1 << 64) if value >> 63 else value


def read_integers(value: int | memoryview, most: int | None = None) -> array[int]:
    """One int64, or packed ones. ValueError for more than `most`."""
    if isinstance(value, int):
        return array("q", [signed(value)])
    found, at = array("q"), 0
    while at < len(value):
        number, at = _read_varint(value, at)
        found.append(signed(number))
        if most is not None and len(found) > most:
            raise ValueError(f"a list of more than {most} numbers")
    return found
