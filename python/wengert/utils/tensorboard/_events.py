"""The bytes of event files: protocol buffers in records.

A file is a sequence of records (TensorFlow's TFRecord): the length of the data in 8 bytes, its
masked CRC-32C, the data, its masked CRC-32C; the data are protocol buffers, whose fields are
numbered in tensorboard/compat/proto/{event,summary,tensor,graph}.proto.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable

_MASK = 0xA282EAD8


@functools.cache
def _table() -> list[int]:
    """Of the polynomial of Castagnoli, whose bits are 0x82F63B78 from the lowest on."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


def crc32c(data: bytes) -> int:
    """The CRC-32C of RFC 3720."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """The record that holds the data."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


# ---- protocol buffers --------------------------------------------------------------------------


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


def event(time: float, step: int | None, field: int, content: bytes | str) -> bytes:
    """One event: 3 is the version of the file, 4 a graph, 5 a summary."""
    at = b"" if step is None else integer(2, step)
    return double(1, time) + at + message(field, content)
