"""The reading half of `.pt` files: archives, storages, and pickles that are not trusted."""

from __future__ import annotations

import pickle
import sys
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import IO, Any, Literal, NamedTuple, Protocol

import numpy as np

from . import _native
from ._native import Tensor
from ._safetensors import LONGEST_HEADER
from ._types import from_bits

# The pure Python class: it alone lets a subclass decide how a global or an opcode is handled.
_PythonUnpickler: Any = pickle._Unpickler

# storage class in the pickle -> dtype of its elements; of bfloat16, which NumPy lacks, of its bits.
STORAGES: dict[str, str] = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ByteStorage": "u1",
    "BoolStorage": "?",
    "HalfStorage": "f2",
    "BFloat16Storage": "i2",
    "ShortStorage": "i2",
    "CharStorage": "i1",
}
STORAGE_OF_DTYPE = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
}


#: What is in a safetensors file that is no dict of tensors, and what reads it.
_OTHERS = [
    (b'"wengert":', "a model of `wengert train`", "wengert.load_model"),
    (b'"wengert.program":', "a captured program", "wengert.load_program"),
]


_LOCAL_HEADER = 30  # bytes, before the name


class Storage:
    """The elements of one storage, as a flat NumPy array."""

    __slots__ = ("array", "kind")

    def __init__(self, array: np.ndarray, kind: str) -> None:
        self.array, self.kind = array, kind


class Reads(Protocol):
    """What a pickle is read from."""

    def read(self, size: int = ..., /) -> bytes: ...
    def readline(self) -> bytes: ...


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


class StorageKind(NamedTuple):
    name: str


def refuse(what: str) -> pickle.UnpicklingError:
    return pickle.UnpicklingError(f"load: {what}")


def _rebuild_tensor(
    storage: object, offset: Any, size: Any, stride: Any, requires_grad: object = False, *_: object
) -> Tensor:
    if not isinstance(storage, Storage):
        raise refuse("a tensor without a storage")
    numbers = [offset, *size, *stride]
    if not all(type(n) is int and 0 <= n < 1 << 62 for n in numbers) or len(size) != len(stride):
        raise refuse(f"a tensor of offset {offset!r}, shape {size!r} and strides {stride!r}")
    array = storage.array
    count = 0 if 0 in size else 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if offset + count > array.size and count:
        raise refuse(
            f"a tensor that reaches to element {offset + count} of a storage of {array.size}"
        )
    # An expanded tensor stays one: a file of a few bytes may not ask for gigabytes.
    if count == 0:
        view = np.zeros(size, array.dtype)
    else:
        view = np.lib.stride_tricks.as_strided(
            array[offset:], size, [s * array.itemsize for s in stride]
        )
    tensor = from_bits(view, "bfloat16" if storage.kind == "BFloat16Storage" else "")
    return tensor.requires_grad_() if requires_grad else tensor


def _rebuild_parameter(data: object, requires_grad: object = True, *_: object) -> Tensor:
    from .nn.parameter import Parameter

    if not isinstance(data, _native.Tensor):
        raise refuse("a parameter that is no tensor")
    return Parameter(data, bool(requires_grad))


def _make_uninitialized(name: str) -> Callable:
    def make(
        requires_grad: object = None, device: object = None, dtype: object = None, *_: object
    ) -> object:
        from .nn import parameter

        if not isinstance(dtype, (_native.dtype, type(None))):
            raise refuse("a parameter without a shape, of no dtype")
        made = getattr(parameter, name)(dtype=dtype)
        made.requires_grad = made.requires_grad if requires_grad is None else bool(requires_grad)
        return made

    return make


def _encode(text: object, encoding: object = "latin1") -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise refuse("bytes in an unknown encoding")
    return text.encode("latin1")


def _make_bytearray(data: object = b"", encoding: object = "latin-1") -> bytearray:
    if isinstance(data, str) and encoding == "latin-1":
        return bytearray(data, "latin-1")
    if not isinstance(data, bytes):  # a number would be a size
        raise refuse(f"a bytearray made of a {type(data).__name__}")
    return bytearray(data)


def _make_defaultdict(factory: type | None = None) -> defaultdict[object, object]:
    if factory not in (None, dict, set):
        raise refuse("a defaultdict of an unknown kind")
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
    **{
        ("torch.nn.parameter", name): _make_uninitialized(name)
        for name in ("UninitializedParameter", "UninitializedBuffer")
    },
    ("torch", "Size"): _make_size,
    ("torch", "device"): _make_device,
    ("_codecs", "encode"): _encode,
    ("builtins", "bytearray"): _make_bytearray,
    ("__builtin__", "bytearray"): _make_bytearray,
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


def is_safetensors(file: IO[bytes]) -> bool:
    """Whether a file begins as safetensors do; an error if it is one that another function reads.

    It is left at its beginning.
    """
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    start = file.read(min(length, 1 << 20))
    file.seek(0)
    if not start.startswith(b"{") or length > LONGEST_HEADER:
        return False
    for key, kind, reader in _OTHERS:
        if key in start:
            raise refuse(f"a safetensors file with {kind}: {reader} reads it")
    return True


def own_storage(kind: str, stored: np.ndarray) -> np.ndarray:
    """A writable copy of what is stored."""
    if kind == "BoolStorage":
        return stored.view(np.uint8) != 0  # a byte other than 0 and 1 is no valid bool
    # A copy: writable, aligned, native order.
    return stored.astype(stored.dtype.newbyteorder("="), order="C")


class Archive:
    """An open `.pt` file: its members and its storages, each read once.

    With `mapped`, the memory of the whole file, storages lie in it where they are aligned.
    """

    def __init__(self, file: IO[bytes], mapped: np.ndarray | None = None) -> None:
        import zipfile  # here, as importing the package should not pay for it

        # What zipfile raises, depending on which byte of an archive is wrong.
        self.damaged = (zipfile.BadZipFile, EOFError, OSError, ValueError, RuntimeError)
        try:
            self.zip = zipfile.ZipFile(file)
        except self.damaged:
            raise refuse("not a zip archive, or cut short") from None
        self.mapped = mapped
        roots = [n[: -len("data.pkl")] for n in self.zip.namelist() if n.endswith("/data.pkl")]
        if len(roots) != 1:
            raise refuse("a zip archive without a data.pkl: not a file of saved tensors")
        self.root = roots[0]
        big = self.has("byteorder") and self.read("byteorder").strip() == b"big"
        self.order: Literal[">", "<"] = ">" if big else "<"
        self.storages: dict[str, Storage] = {}

    def has(self, name: str) -> bool:
        return self.root + name in self.zip.NameToInfo

    def read(self, name: str) -> bytes:
        try:
            info = self.zip.getinfo(self.root + name)
        except KeyError:
            raise refuse(f"the archive lacks its member {name!r}") from None
        if info.compress_type != 0:
            raise refuse(f"the archive's member {name!r} is compressed")
        try:
            return self.zip.read(info)
        except self.damaged as error:
            raise refuse(f"the archive's member {name!r} is damaged: {error}") from None

    def storage(self, reference: object) -> Storage:
        if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
            raise refuse(f"a reference of unknown form: {reference!r:.100}")
        _, kind, key, _, count = reference[:5]
        if not isinstance(kind, StorageKind) or type(key) is not str or type(count) is not int:
            raise refuse(f"a reference of unknown form: {reference!r:.100}")
        if key not in self.storages:
            self.storages[key] = Storage(self._array(kind.name, key, count), kind.name)
        return self.storages[key]

    def _array(self, kind: str, key: str, count: int) -> np.ndarray:
        stored = np.dtype(STORAGES[kind])
        data = self._member(key) if self.mapped is None else self._mapped_member(key)
        if count < 0 or len(data) < count * stored.itemsize:
            raise refuse(f"storage {key!r} has {len(data)} bytes, needed {count} {stored} values")
        array = np.frombuffer(data, stored.newbyteorder(self.order), count)
        direct = array.dtype.isnative and array.flags.aligned
        if self.mapped is not None and direct and kind != "BoolStorage":
            return array
        return own_storage(kind, array)

    def _member(self, key: str) -> bytes:
        return self.read("data/" + key)

    def _mapped_member(self, key: str) -> memoryview:
        """A member's bytes in the file; their checksum, which would read all, is not looked at."""
        assert self.mapped is not None
        info = self.zip.NameToInfo.get(f"{self.root}data/{key}")
        if info is None or info.compress_type != 0:
            raise refuse(f"the archive lacks its member 'data/{key}', or it is compressed")
        head = bytes(self.mapped[info.header_offset : info.header_offset + _LOCAL_HEADER])
        if len(head) < _LOCAL_HEADER or head[:4] != b"PK\3\4":
            raise refuse(f"the archive's member 'data/{key}' is damaged")
        names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        start = info.header_offset + _LOCAL_HEADER + names
        if start + info.file_size > self.mapped.size:
            raise refuse(f"the archive's member 'data/{key}' is damaged")
        return self.mapped.data[start : start + info.file_size]


#: What `serialization.add_safe_globals` allows besides, by its name in files.
ALLOWED: dict[str, object] = {}


def _set_state(target: object, state: object) -> None:
    """What a pickle's BUILD does to an object of a type that the user has allowed."""
    setter: Callable[[object], object] | None = getattr(target, "__setstate__", None)
    if setter is not None:
        setter(state)
        return
    plain, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    for part in (plain, slots):
        for name, value in (part if isinstance(part, dict) else {}).items():
            setattr(target, name, value)


class Restricted(_PythonUnpickler):
    """Builds tensors and plain containers. Pure Python, to be able to refuse opcodes."""

    dispatch = dict(_PythonUnpickler.dispatch)

    def __init__(self, file: Reads, storage: Callable[[object], object]) -> None:
        super().__init__(file, encoding="utf-8")
        self.persistent_load = storage

    def find_class(self, module: str, name: str) -> object:
        found = _find_known(module, name)
        if found is None:
            found = ALLOWED.get(f"{module}.{name}")
        if found is None:
            raise refuse(
                f"the file refers to {module}.{name}, which weights_only=True does not allow "
                "(tensors and plain containers only); weights_only=False runs whatever code the "
                "file names: use it only for a file you trust"
            )
        return found

    def _build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if any(type(target) is kind for kind in ALLOWED.values()):
            _set_state(target, state)
            return
        if type(target) is not OrderedDict or not isinstance(state, dict):
            raise refuse(f"the file sets the state of a {type(target).__name__}")
        vars(target).update(state)

    dispatch[pickle.BUILD[0]] = _build

    def _bytearray(self) -> None:
        """The base makes room for as many bytes as the file claims before it looks for them."""
        claimed = int.from_bytes(self.read(8), "little")
        found = self.read(min(claimed, sys.maxsize))
        if len(found) < claimed:
            raise refuse(f"{claimed} bytes wanted where {len(found)} are left")
        self.append(bytearray(found))

    dispatch[pickle.BYTEARRAY8[0]] = _bytearray


def _find_known(module: str, name: str) -> object:
    function = _FUNCTIONS.get((module, name))
    if function is not None:
        return _Named(function)
    if module in ("torch", "torch.storage") and name in STORAGES:
        return StorageKind(name)
    if module == "torch" and name in STORAGE_OF_DTYPE:
        return getattr(_native, name)
    return _TYPES.get((module, name))


class Trusting(pickle.Unpickler):
    """Reads any pickle. Names under `torch` are looked up here first."""

    def __init__(self, file: Reads, storage: Callable[[object], object]) -> None:
        super().__init__(file, encoding="utf-8")
        self._storage = storage

    def persistent_load(self, pid: object) -> object:
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
