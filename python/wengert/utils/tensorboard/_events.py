"""The bytes of event files: protocol buffers in records.

A file is a sequence of records (TensorFlow's TFRecord): the length of the data in 8 bytes, its
masked CRC-32C, the data, its masked CRC-32C; the data are protocol buffers, whose fields are
numbered in tensorboard/compat/proto/{event,summary,tensor,graph}.proto.
"""

from __future__ import annotations

import functools
import struct

from ..._protobuf import double, integer, message

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


def event(time: float, step: int | None, field: int, content: bytes | str) -> bytes:
    """One event: 3 is the version of the file, 4 a graph, 5 a summary."""
    at = b"" if step is None else integer(2, step)
    return double(1, time) + at + message(field, content)
