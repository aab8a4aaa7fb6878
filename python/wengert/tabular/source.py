"""What a file is by its first bytes, and its bytes as often as they are asked for."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from typing import IO, cast

from .errors import TabularError, file_error

STDIN = "-"
_IN_MEMORY = 1 << 26  # bytes of a pipe
_COPIED = 1 << 20

_CSV = 'to_csv("table.csv", index=False)'
# (first bytes, what it is, what to do)
_KINDS: list[tuple[bytes, str, str]] = [
    (b"\x89HDF\r\n", "an HDF5 file", f"pandas.read_hdf(...).{_CSV}"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet of old Excel", "save it as CSV (UTF-8)"),
    (b"SQLite format 3\0", "an SQLite database", f"pandas.read_sql(...).{_CSV}"),
    (b"\x80\x02", "a pickle", f"pandas.read_pickle(...).{_CSV}, if you trust it"),
    (b"\x80\x03", "a pickle", f"pandas.read_pickle(...).{_CSV}, if you trust it"),
    (b"\x80\x04", "a pickle", f"pandas.read_pickle(...).{_CSV}, if you trust it"),
    (b"\x80\x05", "a pickle", f"pandas.read_pickle(...).{_CSV}, if you trust it"),
    (b"%PDF-", "a PDF document", "save the table as CSV (UTF-8)"),
    (b"BZh", "compressed by bzip2", "unpack it, or use gzip"),
    (b"\xfd7zXZ\0", "compressed by xz", "unpack it, or use gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it, or use gzip"),
    (b"\x93NUMPY", "a single array", "needed an NPZ archive of named arrays: numpy.savez"),
    (b"\x89PNG", "a picture", "needed a table"),
]
# (a member's name, what the zip archive is, what to do)
_ZIPS = [
    ("xl/workbook.xml", "an Excel workbook", "save the sheet as CSV (UTF-8)"),
    ("xl/workbook.bin", "an Excel workbook", "save the sheet as CSV (UTF-8)"),
    ("content.xml", "an OpenDocument file", "save the sheet as CSV (UTF-8)"),
    ("data.pkl", "a file of saved tensors", "numpy.savez writes a table's columns"),
]


_MARKS = [
    (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
]  # fmt: skip


def refuse_kind(path: str, head: bytes) -> None:
    """TabularError for a file that is known to be something else."""
    for start, what, help in _KINDS:
        if head.startswith(start):
            raise TabularError(f"{path}: {what}, not a table that can be read; {help}")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise TabularError(f"{path}: a web page, not a table that can be read")
    if text.startswith((b'{"', b'[{"')):
        raise TabularError(
            f"{path}: JSON, not a table that can be read; pandas.read_json(...).{_CSV}"
        )


def refuse_zip(path: str, names: list[str]) -> None:
    """TabularError for a zip archive that is known to be no NPZ archive."""
    for member, what, help in _ZIPS:
        if any(name == member or name.endswith("/" + member) for name in names):
            raise TabularError(f"{path}: {what}, not a table that can be read; {help}")
    if names and not any(name.endswith(".npy") for name in names):
        raise TabularError(f"{path}: a zip archive, not a table that can be read; unpack it first")


class _View(io.RawIOBase):
    """A file that is read from a place of its own, as often as it is opened."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        self._at = self._file.seek(offset, whence) if start is None else start + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._file.seek(self._at)
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


class Source:
    """A file, which may be packed by gzip; or what a pipe or standard input gives, kept.

    Of that no more than 64 MB are kept in memory, and else all of it in a temporary file.
    A text in another encoding than UTF-8 is kept as UTF-8: one that is named, or UTF-16 and UTF-32
    with their first bytes.
    """

    def __init__(self, path: str, encoding: str | None = None) -> None:
        self.path = path
        self._kept: bytes | None = None
        self._spooled: IO[bytes] | None = None
        try:
            if path == STDIN:
                if sys.stdin is None:
                    raise TabularError(f"{path}: standard input is closed")
                self._keep(sys.stdin.buffer)
            elif not stat.S_ISREG(os.stat(path).st_mode):
                with open(path, "rb") as file:
                    self._keep(file)
            with self._raw() as file:
                self._packed = file.read(2) == b"\x1f\x8b"
            with self.open() as file:
                self.head = file.read(4096)
            self._decode(encoding)
            with self._raw() as file:
                self.size = file.seek(0, io.SEEK_END)  # packed or not
        except (OSError, EOFError, zlib.error) as error:
            raise self.error(error) from None

    def _keep(self, file: IO[bytes]) -> None:
        """What can be read only once."""
        found, more = file.read(_IN_MEMORY), file.read(_COPIED)
        if not more:
            self._kept = found
            return
        import tempfile

        self._spooled = cast("IO[bytes]", tempfile.TemporaryFile())  # noqa: SIM115
        while found:
            self._spooled.write(found)
            found, more = more, file.read(_COPIED)

    def _decode(self, encoding: str | None) -> None:
        if encoding is None:
            encoding = next((name for mark, name in _MARKS if self.head.startswith(mark)), None)
        if encoding is None:
            return
        try:
            text = self.read().decode(encoding)
        except LookupError:
            raise TabularError(
                f"{self.path}: no encoding {encoding!r}; such as utf-8, cp1252, latin-1, utf-16",
                "encoding",
            ) from None
        except UnicodeError as error:
            raise TabularError(f"{self.path}: not a text in {encoding}: {error}") from None
        self._kept, self._packed = text.lstrip("\ufeff").encode("utf-8", "surrogatepass"), False
        self._spooled = None
        self.head = self._kept[:4096]

    @property
    def is_plain(self) -> bool:
        """Whether it is a file whose bytes are as they stand there."""
        return self._kept is None and self._spooled is None and not self._packed

    def _raw(self) -> IO[bytes]:
        if self._spooled is not None:
            return cast("IO[bytes]", io.BufferedReader(_View(self._spooled)))
        return open(self.path, "rb") if self._kept is None else io.BytesIO(self._kept)

    def open(self) -> IO[bytes]:
        """Its bytes, unpacked, from the beginning."""
        return (
            cast("IO[bytes]", gzip.GzipFile(fileobj=self._raw())) if self._packed else self._raw()
        )

    def read(self) -> bytes:
        """All of it."""
        try:
            with self.open() as file:
                return file.read()
        except (OSError, EOFError, zlib.error) as error:
            raise self.error(error) from None

    def error(self, error: Exception) -> TabularError:
        """What a user is told of an error of reading."""
        if isinstance(error, OSError) and error.errno is not None:
            return file_error(self.path, error)
        return TabularError(f"{self.path}: the gzip file is damaged or cut short")
