"""Taking saved programs apart and putting others together, for the tests of hostile files."""

import json
import struct

_M = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _rotl(x, r):
    return ((x << r) | (x >> (64 - r))) & _M


def _round(acc, x):
    return _rotl((acc + x * _P2) & _M, 31) * _P1 & _M


def xxh64(data: bytes, seed: int = 0) -> int:
    """XXH64, written from its specification."""
    n, at = len(data), 0
    h = (seed + _P5) & _M
    if n >= 32:
        v = [(seed + _P1 + _P2) & _M, (seed + _P2) & _M, seed, (seed - _P1) & _M]
        while n - at >= 32:
            v = [_round(a, w) for a, w in zip(v, struct.unpack_from("<4Q", data, at), strict=True)]
            at += 32
        h = sum(map(_rotl, v, (1, 7, 12, 18))) & _M
        for a in v:
            h = ((h ^ _round(0, a)) * _P1 + _P4) & _M
    h = (h + n) & _M
    while n - at >= 8:
        h ^= _round(0, struct.unpack_from("<Q", data, at)[0])
        h, at = (_rotl(h, 27) * _P1 + _P4) & _M, at + 8
    if n - at >= 4:
        h ^= struct.unpack_from("<I", data, at)[0] * _P1 & _M
        h, at = (_rotl(h, 23) * _P2 + _P3) & _M, at + 4
    for byte in data[at:]:
        h = _rotl(h ^ byte * _P5 & _M, 11) * _P1 & _M
    h = (h ^ h >> 33) * _P2 & _M
    h = (h ^ h >> 29) * _P3 & _M
    return h ^ h >> 32


class Parts:
    """A saved program: its header, its text and the bytes of its tensors."""

    def __init__(self, blob: bytes) -> None:
        (n,) = struct.unpack("<Q", blob[:8])
        self.header = json.loads(blob[8 : 8 + n])
        self.data = blob[8 + n :]

    @property
    def text(self) -> str:
        return self.header["__metadata__"]["wengert.program"]

    @property
    def other(self) -> str:
        """The text for another batch size; empty where there is none."""
        return self.header["__metadata__"].get("wengert.program.other", "")

    def checksum(self, text: str, other: str | None = None) -> str:
        h = xxh64((text + (self.other if other is None else other)).encode())
        for line in text.split("\n"):
            words = line.split(" ")
            if words[:2] == ["slot", "tensor"] and words[2] in self.header:
                begin, end = self.header[words[2]]["data_offsets"]
                h = xxh64(self.data[begin:end], h)
        return f"{h:016x}"

    def with_text(self, text: str, other: str | None = None) -> bytes:
        """The file with another text (or two), and a checksum that fits."""
        metadata = {
            **self.header["__metadata__"],
            "wengert.program": text,
            "wengert.checksum": self.checksum(text, other),
        }
        if other is not None:
            metadata["wengert.program.other"] = other
        return self.join({**self.header, "__metadata__": metadata})

    def join(self, header) -> bytes:
        raw = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(raw)) + raw + self.data
