"""Saving and loading: the zip format of `.pt` files, and safetensors.

A `.pt` file is a zip archive of `data.pkl`, a pickle whose tensors are references to
storages, and of one member `data/<key>` per storage with its raw bytes. Pickles can run
code when they are read. `load` therefore reads them, unless told otherwise, through an
unpickler that builds tensors and plain containers and refuses everything else.
"""

from __future__ import annotations

import ctypes
import importlib
import io
import os
import pickle
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias, cast

import numpy as np

from . import _native
from ._files import atomic_write
from ._legacy import is_legacy, load_legacy
from ._native import Tensor
from ._safetensors import load_safetensors, read_open, save_safetensors
from ._types import dtype_name
from ._unpickling import (
    ALLOWED,
    STORAGE_OF_DTYPE,
    STORAGES,
    Archive,
    Restricted,
    Trusting,
    is_safetensors,
    refuse,
)

if TYPE_CHECKING:
    from .tabular import Model

# The pure Python class: only it lets a subclass decide how a global or an opcode is handled.
_PythonPickler: Any = pickle._Pickler

_PADDING = b"FB"
_ALIGNED = 64

#: A class or function, or one and what files call it.
SafeGlobal: TypeAlias = "object | tuple[object, str]"
FileLike: TypeAlias = "str | os.PathLike[str] | IO[bytes]"


# ---------------------------------------------------------------------------- writing


class _Global:
    """Stands in a pickle for the name of a class or function that need not exist here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, *args: object) -> NoReturn:  # the pickler asks that it be callable
        raise TypeError(f"{self.module}.{self.name} is only a name")


_REBUILD_TENSOR = _Global("torch._utils", "_rebuild_tensor_v2")
_REBUILD_PARAMETER = _Global("torch._utils", "_rebuild_parameter")
_SIZE = _Global("torch", "Size")
_DEVICE = _Global("torch", "device")
_STORAGE_GLOBALS = {name: _Global("torch", name) for name in STORAGES}


class _Span(NamedTuple):
    """The stretch of one storage, in elements, that a set of tensors touches."""

    start: int
    stop: int


class _StorageRef(NamedTuple):
    key: tuple[int, str]


def _base_and_span(tensor: Tensor) -> tuple[tuple[int, str], _Span]:
    offset = int(tensor.storage_offset())
    base = tensor.data_ptr() - offset * tensor.element_size() if tensor.numel() else 0
    reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    span = _Span(offset, offset + reach + 1) if tensor.numel() else _Span(0, 0)
    return (base, dtype_name(tensor.dtype)), span


class _Storages:
    """The storages met while pickling. Tensors that share memory share a storage."""

    def __init__(self) -> None:
        self.spans: dict[tuple[int, str], _Span] = {}
        self.owners: list[Tensor] = []  # keeps the memory alive

    def add(self, tensor: Tensor) -> None:
        key, span = _base_and_span(tensor)
        known = self.spans.get(key, span)
        self.spans[key] = _Span(min(known.start, span.start), max(known.stop, span.stop))
        self.owners.append(tensor)

    def blobs(self) -> Iterator[tuple[str, memoryview | bytes]]:
        for position, (key, span) in enumerate(self.spans.items()):
            size = np.dtype(STORAGES[STORAGE_OF_DTYPE[key[1]]]).itemsize
            count = (span.stop - span.start) * size
            if count:
                address = key[0] + span.start * size
                yield str(position), memoryview((ctypes.c_ubyte * count).from_address(address))
            else:
                yield str(position), b""


class _Pickler(_PythonPickler):
    """Writes tensors as references to storages, and names for classes of other packages."""

    def __init__(self, file: IO[bytes], storages: _Storages, final: bool) -> None:
        super().__init__(file, protocol=2)
        self.storages, self.final = storages, final
        self.positions = {key: str(i) for i, key in enumerate(storages.spans)}

    def persistent_id(self, obj: object) -> tuple[object, ...] | None:
        if type(obj) is not _StorageRef:
            return None
        span = self.storages.spans[obj.key]
        name = _STORAGE_GLOBALS[STORAGE_OF_DTYPE[obj.key[1]]]
        position = self.positions.get(obj.key, "0")
        return ("storage", name, position, "cpu", span.stop - span.start)

    def reducer_override(self, obj: object) -> object:
        if isinstance(obj, _native.Tensor):
            return _reduce_uninitialized(obj) or self._reduce_tensor(obj)
        if isinstance(obj, _native.Size):
            return _SIZE, (tuple(obj),)
        if isinstance(obj, _native.dtype):
            return dtype_name(obj)
        if isinstance(obj, _native.device):
            return _DEVICE, (str(obj),)
        if type(obj) is _Global:
            return obj.name
        return NotImplemented

    def save_global(self, obj: object, name: str | None = None) -> None:
        if not isinstance(obj, (_native.dtype, _Global)):
            super().save_global(obj, name)
            return
        module = obj.module if type(obj) is _Global else "torch"
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(obj)

    def save_reduce(
        self, func: object, args: object, *rest: object, obj: object = None, **more: object
    ) -> None:
        if func is dict and not args and isinstance(obj, dict):
            self.save_dict(obj)  # an optimizer's state says it is a dict; readers know dicts only
        else:
            super().save_reduce(func, args, *rest, obj=obj, **more)

    def _reduce_tensor(self, tensor: Tensor) -> tuple[object, ...]:
        if not self.final:
            self.storages.add(tensor)
        key, span = _base_and_span(tensor)
        offset = span.start - self.storages.spans[key].start
        is_parameter = _is_parameter(tensor)
        requires_grad = bool(tensor.requires_grad)  # of a result too, which is a leaf when loaded
        core: tuple = (
            _REBUILD_TENSOR,
            (
                _StorageRef(key),
                offset,
                tuple(tensor.shape),
                tuple(tensor.stride()),
                requires_grad and not is_parameter,
                OrderedDict(),
            ),
        )
        if not is_parameter:
            return core
        return _REBUILD_PARAMETER, (_Reduced(core), requires_grad, OrderedDict())


def _is_parameter(tensor: Tensor) -> bool:
    from .nn.parameter import Parameter  # here, as nn is built on top of this package

    return isinstance(tensor, Parameter)


def _reduce_uninitialized(tensor: Tensor) -> tuple[object, ...] | None:
    """How one without a shape is rebuilt; None for others."""
    from .nn.parameter import is_lazy

    if not is_lazy(tensor):
        return None
    name = "UninitializedParameter" if _is_parameter(tensor) else "UninitializedBuffer"
    return _Global("torch.nn.parameter", name), (tensor.requires_grad, None, tensor.dtype)


class _Reduced(NamedTuple):
    """A value given by the call that rebuilds it."""

    core: tuple[object, ...]

    def __reduce__(self) -> tuple[object, ...]:
        return self.core


def save(
    obj: object,
    f: FileLike,
    pickle_module: object = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Writes `obj` to a path (atomically) or a binary file object.

    `obj` is a tensor, or nested dicts, lists and tuples of tensors, numbers, strings and the
    like: a `state_dict`. Objects of other classes are pickled by reference to their class;
    reading them needs `weights_only=False`. Tensors that share memory still share it after
    loading; of a large storage only the stretch in use is written.

    A path that ends in ".safetensors" gets that format, which holds a flat dict of tensors and
    nothing else: TypeError for other objects.
    """
    _native._capture_refuse("save()")
    if isinstance(f, (str, os.PathLike)) and os.fspath(f).endswith(".safetensors"):
        if not isinstance(obj, Mapping):
            raise TypeError(f"save: .safetensors holds a dict of tensors, not {type(obj).__name__}")
        save_safetensors(obj, f)
        return
    storages = _Storages()
    _Pickler(io.BytesIO(), storages, final=False).dump(obj)  # finds what each storage spans
    stream = io.BytesIO()
    _Pickler(stream, storages, final=True).dump(obj)
    if hasattr(f, "write"):
        _write_to_object(cast("IO[bytes]", f), stream.getvalue(), storages)
        return
    with atomic_write(cast("str", f)) as file:
        _write_archive(file, stream.getvalue(), storages)


def _write_to_object(file: IO[bytes], pickled: bytes, storages: _Storages) -> None:
    gzip = sys.modules.get("gzip")
    if gzip is None or not isinstance(file, gzip.GzipFile):
        _write_archive(file, pickled, storages)
        return
    # It says that it can seek, and cannot go back, as zipfile would.
    whole = io.BytesIO()
    _write_archive(whole, pickled, storages)
    file.write(whole.getbuffer())


def _write_archive(file: IO[bytes], pickled: bytes, storages: _Storages) -> None:
    import zipfile  # here, as importing the package should not pay for it

    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

        def put(name: str, data: bytes | memoryview) -> None:
            # A fixed date: the same weights make the same file.
            info = zipfile.ZipInfo("archive/" + name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o600 << 16
            large = len(data) >= 1 << 31
            # Aligned in the file, to be used where it lies there: a field of padding, as PyTorch's.
            head = 30 + len(info.filename) + (20 if large else 0) + len(_PADDING) + 2
            pad = -(cast("IO[bytes]", archive.fp).tell() + head) % _ALIGNED
            info.extra = _PADDING + pad.to_bytes(2, "little") + b"Z" * pad
            with archive.open(info, "w", force_zip64=large) as member:
                member.write(data)

        put("data.pkl", pickled)
        put("byteorder", sys.byteorder.encode())
        for name, data in storages.blobs():
            put("data/" + name, data)
        put("version", b"3\n")


# ---------------------------------------------------------------------------- reading


def _check_location(map_location: object) -> None:
    if map_location is None or callable(map_location) or isinstance(map_location, Mapping):
        return
    if str(map_location).partition(":")[0] != "cpu":
        raise RuntimeError(f"load: map_location is {str(map_location)!r}, needed 'cpu'")


def load(
    f: FileLike,
    map_location: object = None,
    pickle_module: object = None,
    *,
    weights_only: bool | None = True,
    mmap: bool | None = None,
    **pickle_load_args: object,
) -> Any:
    """Reads what `save` wrote to a path or a binary, seekable file object.

    The formats are told by what is in the file: the zip archives of `save` and PyTorch, the plain
    pickles that PyTorch wrote before them, and safetensors, which give a dict of tensors.

    With `weights_only` (the default) only tensors, dicts, lists, tuples, sets, numbers,
    strings, bytes, bytearrays, sizes, devices and dtypes are built; a file that names anything
    else raises `pickle.UnpicklingError`, as does one that is damaged. `weights_only=False` runs
    whatever code the file names. Everything lands on the CPU; `map_location` may only say so.

    With `mmap` tensors lie in the file, mapped, where their dtype and alignment allow: nothing is
    read before it is used, what is written to them stays in this process, and the file must not be
    cut short while they live. It needs a path, and a zip archive or safetensors.
    """
    _check_location(map_location)
    restricted = weights_only is not False
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            memory = np.memmap(file, np.uint8, "c") if mmap and size else None
            return _load_open(file, size, restricted, memory)
    if mmap:
        raise ValueError("load: mmap=True needs the path of a file, not a file object")
    try:
        size = f.seek(0, os.SEEK_END)
    except (OSError, ValueError):  # of a compressed file, say, which knows no end
        f = io.BytesIO(f.read())
        size = f.getbuffer().nbytes
    return _load_open(f, size, restricted, None)


def _load_open(file: IO[bytes], size: int, weights_only: bool, memory: np.ndarray | None) -> object:
    if is_safetensors(file):
        try:
            return read_open(file, size, memory)[0]
        except ValueError as error:
            raise refuse(f"a safetensors file: {error}") from None
    if is_legacy(file):
        if memory is not None:
            raise RuntimeError("load: mmap=True needs a zip archive, this file is older: save anew")
        return load_legacy(file, size, weights_only)
    return _load_archive(Archive(file, memory), weights_only)


def _load_archive(archive: Archive, weights_only: bool) -> object:
    stream = io.BytesIO(archive.read("data.pkl"))
    if not weights_only:
        return Trusting(stream, archive.storage).load()
    try:
        return Restricted(stream, archive.storage).load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise refuse(f"damaged data.pkl: {type(error).__name__}: {error}") from error


def load_model(path: str | os.PathLike[str]) -> Model:
    """A model that `wengert train --save` wrote, with what its inputs and outputs mean.

    `model.predict("new.csv")` gives the predictions for a table (also a dict of columns, or a frame
    of pandas), `model.encode(...)` the inputs and `model.network` the module that reads them.
    `wengert.tabular.TabularError` for any other file.
    """
    # By name: tables stand on this package, which is not to know them when it is imported.
    tabular = importlib.import_module(f"{__package__}.tabular")
    return tabular.load_model(path)


def add_safe_globals(safe_globals: list[SafeGlobal]) -> None:
    """Lets `load` with `weights_only` build these classes, and call these functions, of which a
    file may then have what it likes; (object, "module.name") for one that files name otherwise."""
    for item in safe_globals:
        obj, name = item if isinstance(item, tuple) else (item, _name_in_files(item))
        ALLOWED[name] = obj


def get_safe_globals() -> list[SafeGlobal]:
    """What `add_safe_globals` has been given."""
    return [obj if _name_in_files(obj) == name else (obj, name) for name, obj in ALLOWED.items()]


def clear_safe_globals() -> None:
    """Allows nothing besides tensors and plain containers again."""
    ALLOWED.clear()


@contextmanager
def safe_globals(safe_globals: list[SafeGlobal]) -> Iterator[None]:
    """`add_safe_globals` for a block."""
    before = dict(ALLOWED)
    try:
        add_safe_globals(safe_globals)
        yield
    finally:
        ALLOWED.clear()
        ALLOWED.update(before)


def _name_in_files(obj: object) -> str:
    name: str = getattr(obj, "__qualname__", "") or getattr(obj, "__name__", "")
    return f"{getattr(obj, '__module__', '')}.{name}"


__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "load",
    "load_model",
    "load_safetensors",
    "safe_globals",
    "save",
    "save_safetensors",
]
