"""Saving and loading: the zip format of `.pt` files, and safetensors.

A `.pt` file is a zip archive of `data.pkl`, a pickle whose tensors are references to
storages, and of one member `data/<key>` per storage with its raw bytes. Pickles can run
code when they are read. `load` therefore reads them, unless told otherwise, through an
unpickler that builds tensors and plain containers and refuses everything else.
"""

from __future__ import annotations

import ctypes
import io
import os
import pickle
import sys
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, Literal, NamedTuple, NoReturn, TypeAlias, cast

import numpy as np

from . import _native
from ._files import atomic_write
from ._native import Tensor
from ._safetensors import load_safetensors, save_safetensors

# The pure Python classes: only they let a subclass decide how a global or an opcode is handled.
_PythonPickler: Any = pickle._Pickler
_PythonUnpickler: Any = pickle._Unpickler

FileLike: TypeAlias = "str | os.PathLike[str] | IO[bytes]"

# storage class in the pickle -> (dtype of the stored bytes, dtype of the tensor made of it).
# Kinds that tensors do not have here are widened, which loses nothing.
_STORAGES: dict[str, tuple[str, str]] = {
    "FloatStorage": ("f4", "f4"),
    "DoubleStorage": ("f8", "f8"),
    "LongStorage": ("i8", "i8"),
    "IntStorage": ("i4", "i4"),
    "ByteStorage": ("u1", "u1"),
    "BoolStorage": ("?", "?"),
    "HalfStorage": ("f2", "f4"),
    "BFloat16Storage": ("u2", "f4"),
    "ShortStorage": ("i2", "i4"),
    "CharStorage": ("i1", "i4"),
}
_STORAGE_OF_DTYPE = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


def _dtype_name(dtype: _native.dtype) -> str:
    return str(dtype).rpartition(".")[2]


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
_STORAGE_GLOBALS = {name: _Global("torch", name) for name in _STORAGES}


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
    return (base, _dtype_name(tensor.dtype)), span


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
            size = np.dtype(_STORAGES[_STORAGE_OF_DTYPE[key[1]]][0]).itemsize
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
        name = _STORAGE_GLOBALS[_STORAGE_OF_DTYPE[obj.key[1]]]
        position = self.positions.get(obj.key, "0")
        return ("storage", name, position, "cpu", span.stop - span.start)

    def reducer_override(self, obj: object) -> object:
        if isinstance(obj, _native.Tensor):
            return self._reduce_tensor(obj)
        if isinstance(obj, _native.Size):
            return _SIZE, (tuple(obj),)
        if isinstance(obj, _native.dtype):
            return _dtype_name(obj)
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
    """
    _native._capture_refuse("save()")
    storages = _Storages()
    _Pickler(io.BytesIO(), storages, final=False).dump(obj)  # finds what each storage spans
    stream = io.BytesIO()
    _Pickler(stream, storages, final=True).dump(obj)
    if hasattr(f, "write"):
        _write_archive(cast("IO[bytes]", f), stream.getvalue(), storages)
        return
    with atomic_write(cast("str", f)) as file:
        _write_archive(file, stream.getvalue(), storages)


def _write_archive(file: IO[bytes], pickled: bytes, storages: _Storages) -> None:
    import zipfile  # here, as importing the package should not pay for it

    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

        def put(name: str, data: bytes | memoryview) -> None:
            # A fixed date: the same weights make the same file.
            info = zipfile.ZipInfo("archive/" + name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o600 << 16
            with archive.open(info, "w", force_zip64=len(data) >= 1 << 31) as member:
                member.write(data)

        put("data.pkl", pickled)
        put("byteorder", sys.byteorder.encode())
        for name, data in storages.blobs():
            put("data/" + name, data)
        put("version", b"3\n")


# ---------------------------------------------------------------------------- reading


class _Storage:
    """The elements of one storage, as a flat NumPy array."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray) -> None:
        self.array = array


class _Named:
    """A callable that a pickle may name. Without attributes, so that none can be set."""

    __slots__ = ("_call",)
    _call: Callable

    def __init__(self, call: Callable) -> None:
        object.__setattr__(self, "_call", call)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError("load: the file sets an attribute of a function")

    def __call__(self, *args: object) -> object:
        return self._call(*args)


class _StorageKind(NamedTuple):
    name: str


def _refuse(what: str) -> pickle.UnpicklingError:
    return pickle.UnpicklingError(f"load: {what}")


def _rebuild_tensor(
    storage: object, offset: Any, size: Any, stride: Any, requires_grad: object = False, *_: object
) -> Tensor:
    if not isinstance(storage, _Storage):
        raise _refuse("a tensor without a storage")
    numbers = [offset, *size, *stride]
    if not all(type(n) is int and 0 <= n < 1 << 62 for n in numbers) or len(size) != len(stride):
        raise _refuse(f"a tensor of offset {offset!r}, shape {size!r} and strides {stride!r}")
    array = storage.array
    count = 0 if 0 in size else 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if offset + count > array.size and count:
        raise _refuse(
            f"a tensor that reaches to element {offset + count} of a storage of {array.size}"
        )
    if count == 0:
        view = np.zeros(size, array.dtype)
    else:
        view = np.lib.stride_tricks.as_strided(
            array[offset:], size, [s * array.itemsize for s in stride]
        )
        if any(s == 0 and n > 1 for n, s in zip(size, stride, strict=True)):
            view = view.copy()  # an expanded tensor: its elements become its own
    tensor = _native.from_numpy(view)
    return tensor.requires_grad_() if requires_grad else tensor


def _rebuild_parameter(data: object, requires_grad: object = True, *_: object) -> Tensor:
    from .nn.parameter import Parameter

    if not isinstance(data, _native.Tensor):
        raise _refuse("a parameter that is no tensor")
    return Parameter(data, bool(requires_grad))


def _encode(text: object, encoding: object = "latin1") -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise _refuse("bytes in an unknown encoding")
    return text.encode("latin1")


def _make_defaultdict(factory: type | None = None) -> defaultdict[object, object]:
    if factory not in (None, dict, set):
        raise _refuse("a defaultdict of an unknown kind")
    return defaultdict(factory)


def _make_size(values: Iterable[int] = ()) -> _native.Size:
    return _native.Size(tuple(values))


def _make_device(*_: object) -> _native.device:
    """What was on another device is on this one now, as tensors are."""
    return _native.device("cpu")


_FUNCTIONS: dict[tuple[str, str], Callable] = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch", "Size"): _make_size,
    ("torch", "device"): _make_device,
    ("_codecs", "encode"): _encode,
    ("collections", "defaultdict"): _make_defaultdict,
}
_TYPES: dict[tuple[str, str], type] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "Counter"): Counter,
    ("builtins", "dict"): dict,
    ("__builtin__", "dict"): dict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("__builtin__", "frozenset"): frozenset,
    ("builtins", "complex"): complex,
    ("__builtin__", "complex"): complex,
}


class _Archive:
    """An open `.pt` file: its members and its storages, each read once."""

    def __init__(self, file: IO[bytes]) -> None:
        import zipfile  # here, as importing the package should not pay for it

        # What zipfile raises, depending on which byte of an archive is wrong.
        self.damaged = (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError)
        try:
            self.zip = zipfile.ZipFile(file)
        except self.damaged:
            raise _refuse(
                "not a zip archive, or cut short; files in the older, plain pickle format must be "
                "saved anew by the program that wrote them"
            ) from None
        roots = [n[: -len("data.pkl")] for n in self.zip.namelist() if n.endswith("/data.pkl")]
        if len(roots) != 1:
            raise _refuse("a zip archive without a data.pkl: not a file of saved tensors")
        self.root = roots[0]
        big = self.has("byteorder") and self.read("byteorder").strip() == b"big"
        self.order: Literal[">", "<"] = ">" if big else "<"
        self.storages: dict[str, _Storage] = {}
        self.widened: set[str] = set()

    def has(self, name: str) -> bool:
        return self.root + name in self.zip.NameToInfo

    def read(self, name: str) -> bytes:
        try:
            info = self.zip.getinfo(self.root + name)
        except KeyError:
            raise _refuse(f"the archive lacks its member {name!r}") from None
        if info.compress_type != 0:
            raise _refuse(f"the archive's member {name!r} is compressed")
        try:
            return self.zip.read(info)
        except self.damaged as error:
            raise _refuse(f"the archive's member {name!r} is damaged: {error}") from None

    def storage(self, reference: object) -> _Storage:
        if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
            raise _refuse(f"a reference of unknown form: {reference!r:.100}")
        _, kind, key, _, count = reference[:5]
        if not isinstance(kind, _StorageKind) or type(key) is not str or type(count) is not int:
            raise _refuse(f"a reference of unknown form: {reference!r:.100}")
        if key not in self.storages:
            self.storages[key] = _Storage(self._array(kind.name, key, count))
        return self.storages[key]

    def _array(self, kind: str, key: str, count: int) -> np.ndarray:
        stored, wanted = (np.dtype(code) for code in _STORAGES[kind])
        data = self.read("data/" + key)
        if count < 0 or len(data) < count * stored.itemsize:
            raise _refuse(f"storage {key!r} has {len(data)} bytes, needed {count} {stored} values")
        array = np.frombuffer(data, stored.newbyteorder(self.order), count)
        if kind == "BFloat16Storage":
            self.widened.add("bfloat16")
            return (array.astype(np.uint32) << 16).view(np.float32)
        if stored != wanted:
            self.widened.add(stored.name)
        if kind == "BoolStorage":
            return array.view(np.uint8) != 0  # a byte other than 0 and 1 is no valid bool
        return array.astype(wanted, order="C")  # a copy: writable, aligned, native order


class _Restricted(_PythonUnpickler):
    """Builds tensors and plain containers. Pure Python, to be able to refuse opcodes."""

    dispatch = dict(_PythonUnpickler.dispatch)

    def __init__(self, data: bytes, archive: _Archive) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self.persistent_load = archive.storage

    def find_class(self, module: str, name: str) -> object:
        found = _find_known(module, name)
        if found is None:
            raise _refuse(
                f"the file refers to {module}.{name}, which weights_only=True does not allow "
                "(tensors and plain containers only); weights_only=False runs whatever code the "
                "file names: use it only for a file you trust"
            )
        return found

    def _build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) is not OrderedDict or not isinstance(state, dict):
            raise _refuse(f"the file sets the state of a {type(target).__name__}")
        vars(target).update(state)

    dispatch[pickle.BUILD[0]] = _build


def _find_known(module: str, name: str) -> object:
    function = _FUNCTIONS.get((module, name))
    if function is not None:
        return _Named(function)
    if module in ("torch", "torch.storage") and name in _STORAGES:
        return _StorageKind(name)
    if module == "torch" and name in _STORAGE_OF_DTYPE:
        return getattr(_native, name)
    return _TYPES.get((module, name))


class _Trusting(pickle.Unpickler):
    """Reads any pickle. Names under `torch` are looked up here first."""

    def __init__(self, data: bytes, archive: _Archive) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self._storage = archive.storage

    def persistent_load(self, pid: object) -> _Storage:
        return self._storage(pid)

    def find_class(self, module: str, name: str) -> object:
        known = _find_known(module, name)
        if known is not None:
            return known
        if module == "torch" or module.startswith("torch."):
            try:
                return super().find_class(__package__ + module[len("torch") :], name)
            except (ImportError, AttributeError):
                pass
        return super().find_class(module, name)


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

    With `weights_only` (the default) only tensors, dicts, lists, tuples, sets, numbers,
    strings, bytes, sizes and dtypes are built; a file that names anything else raises
    `pickle.UnpicklingError`, as does one that is damaged. `weights_only=False` runs whatever
    code the file names. float16 and bfloat16 tensors become float32, int8 and int16 become
    int32, with one warning. Everything lands on the CPU; `map_location` may only say so.
    """
    _check_location(map_location)
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _load_archive(file, weights_only is not False)
    return _load_archive(f, weights_only is not False)


def _load_archive(file: IO[bytes], weights_only: bool) -> Any:
    archive = _Archive(file)
    data = archive.read("data.pkl")
    if weights_only:
        try:
            result = _Restricted(data, archive).load()
        except pickle.UnpicklingError:
            raise
        except Exception as error:  # a damaged pickle can fail in any way
            raise _refuse(f"damaged data.pkl: {type(error).__name__}: {error}") from error
    else:
        result = _Trusting(data, archive).load()
    if archive.widened:
        kinds = ", ".join(sorted(archive.widened))
        _native._warn(f"load: tensors of {kinds} were widened")
    return result


def add_safe_globals(safe_globals: list) -> None:
    """Accepted; the restricted reader builds tensors and plain containers only."""


@contextmanager
def safe_globals(safe_globals: list) -> Iterator[None]:
    """Accepted; see `add_safe_globals`."""
    yield


__all__ = [
    "add_safe_globals",
    "load",
    "load_safetensors",
    "safe_globals",
    "save",
    "save_safetensors",
]
