"""Files of tensors in the format before zip archives: pickles, then the storages' bytes.

Four pickles: a magic number, the version of the protocol, a dict that says which bytes come first
and the object, whose tensors are references to storages ("storage", class, key, device, count,
view). Then a pickle of the keys of all storages; for each its count in 8 bytes and its elements.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import IO, Literal

import numpy as np

from ._unpickling import STORAGES, Restricted, Storage, StorageKind, Trusting, own_storage, refuse

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


class _Bounded:
    """A file that is never asked for more than it has: room is made for what is asked."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self.size = file, size

    def read(self, size: int = -1) -> bytes:
        left = max(self.size - self._file.tell(), 0)
        return self._file.read(left if size < 0 else min(size, left))

    def readline(self) -> bytes:
        return self._file.readline()


def is_legacy(file: IO[bytes]) -> bool:
    """Whether a file begins with the magic number, pickled; it is left at its beginning."""
    file.seek(0)
    start = file.read(32)
    file.seek(0)
    return start[:1] == b"\x80" and _MAGIC.to_bytes(10, "little") in start


def _no_storage(reference: object) -> object:
    raise refuse(f"a storage where there is none: {reference!r:.100}")


class _Storages:
    """The storages met in the pickle: room for them, which is filled once it has been read."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.order: Literal["<", ">"] = "<"
        self._found: dict[str, tuple[str, Storage]] = {}

    def __call__(self, reference: object) -> Storage:
        if not isinstance(reference, tuple) or len(reference) not in (5, 6):
            raise refuse(f"a reference of unknown form: {reference!r:.100}")
        name, kind, key, _, count = reference[:5]
        view = reference[5] if len(reference) == 6 else None
        if name != "storage":
            raise refuse(f"a reference of unknown form: {reference!r:.100}")
        if not isinstance(kind, StorageKind) or type(key) is not str or type(count) is not int:
            raise refuse(f"a reference of unknown form: {reference!r:.100}")
        if key not in self._found:
            self._found[key] = (kind.name, Storage(self._room(kind.name, count), kind.name))
        known, whole = self._found[key]
        if known != kind.name:
            raise refuse(f"storage {key!r} is of {known} and of {kind.name}")
        return whole if view is None else _part(whole, view)

    def _room(self, kind: str, count: int) -> np.ndarray:
        stored = np.dtype(STORAGES[kind])
        self.left -= count * stored.itemsize
        if count < 0 or self.left < 0:
            raise refuse(f"a storage of {count} elements, which is more than the file has")
        return np.zeros(count, stored)

    def fill(self, keys: object, file: _Bounded) -> None:
        """Reads the elements of the storages in the order of `keys`."""
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise refuse("a list of storages that is none")
        if set(keys) != set(self._found) or len(keys) != len(self._found):
            raise refuse("the storages are not those that the tensors refer to")
        for key in keys:
            kind, storage = self._found[key]
            stored = np.dtype(STORAGES[kind]).newbyteorder(self.order)
            count = int(np.frombuffer(_exactly(file, 8), f"{self.order}i8")[0])
            if count != storage.array.size:
                raise refuse(f"storage {key!r} has {count} elements, not {storage.array.size}")
            data = np.frombuffer(_exactly(file, count * stored.itemsize), stored)
            storage.array[:] = own_storage(kind, data)


def _exactly(file: _Bounded, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise refuse("the file is cut short")
    return data


def _part(whole: Storage, view: object) -> Storage:
    """A storage that lies in another: (key, first element, elements)."""
    if not isinstance(view, tuple) or len(view) != 3 or not all(type(n) is int for n in view[1:]):
        raise refuse(f"a part of a storage of unknown form: {view!r:.100}")
    start, count = view[1:]
    if not 0 <= start <= start + count <= whole.array.size:
        raise refuse(f"elements {start} to {start + count} of a storage of {whole.array.size}")
    return Storage(whole.array[start : start + count], whole.kind)


def load_legacy(file: IO[bytes], size: int, weights_only: bool) -> object:
    """The object of a file of `size` bytes.

    `pickle.UnpicklingError` for a damaged file, or one that names what the reader does not build.
    """
    source, storages = _Bounded(file, size), _Storages(size)

    def read(load: Callable[[object], object] = _no_storage) -> object:
        return Restricted(source, load).load()

    try:
        if read() != _MAGIC or read() != _PROTOCOL:
            raise refuse("the plain pickle format, of an unknown version")
        about = read()
        if not isinstance(about, dict):
            raise refuse("the plain pickle format, without its description")
        storages.order = "<" if about.get("little_endian", True) else ">"
        result = read(storages) if weights_only else Trusting(source, storages).load()
        storages.fill(read(), source)
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        if not weights_only:
            raise
        raise refuse(f"damaged: {type(error).__name__}: {error}") from error
    return result
