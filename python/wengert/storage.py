"""The memory of tensors as objects: `x.untyped_storage()`, bytes, and `x.storage()`, elements.

Libraries ask them where memory begins and how large it is, to tell tensors that share it. They hold
the memory, so that it lives as long as they do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NoReturn, cast

import numpy as np

from . import _native
from ._native import Tensor
from ._types import on_cpu
from ._typing import Device, Memo

__all__ = ["TypedStorage", "UntypedStorage"]


def _whole(tensor: Tensor) -> Tensor:
    """All elements of the memory on which a tensor lies, as far as they are whole ones."""
    plain = tensor.detach()
    reach = sum((n - 1) * s for n, s in zip(plain.shape, plain.stride(), strict=True))
    low = int(plain.storage_offset()) + (reach + 1 if plain.numel() else 0)  # that many there are
    step = 1
    while _reaches(plain, low + step):
        low, step = low + step, 2 * step
    while step > 1:
        step //= 2
        low += step if _reaches(plain, low + step) else 0
    return plain.as_strided((low,), (1,), 0)


def _reaches(tensor: Tensor, count: int) -> bool:
    """Whether there are `count` elements."""
    try:
        tensor.as_strided((count,), (1,), 0)
    except RuntimeError:
        return False
    return True


class UntypedStorage:
    """A piece of memory: of a tensor, of `size` bytes, or with the given bytes."""

    is_cuda = is_sparse = is_hpu = False

    def __init__(self, size: int | Sequence[int] = 0, *, device: Device = None) -> None:
        on_cpu(device or "cpu")
        self._bytes = (
            _native.empty(size, dtype=_native.uint8)
            if isinstance(size, int)
            else _native.tensor(size, dtype=_native.uint8)
        )

    @classmethod
    def _on(cls, flat: Tensor) -> UntypedStorage:
        """Of a tensor of one dimension that is all of it."""
        self = cls.__new__(cls)
        self._bytes = flat.view(_native.uint8)
        return self

    @classmethod
    def from_file(
        cls, filename: str | os.PathLike[str], shared: bool = False, nbytes: int = 0
    ) -> UntypedStorage:
        """The beginning of a file, mapped; with `shared` what is written there is written to it,
        and the file is made that long."""
        if not nbytes:
            return cls()
        if shared:
            with open(filename, "ab") as file:
                file.truncate(max(nbytes, file.tell()))
        mapped = np.memmap(filename, np.uint8, "r+" if shared else "c", 0, (nbytes,))
        return cls._on(_native.from_numpy(mapped))

    @property
    def device(self) -> _native.device:
        return _native.device("cpu")

    @property
    def _cdata(self) -> int:
        return self.data_ptr()

    def data_ptr(self) -> int:
        """Where it begins; 0 if it is empty."""
        return self._bytes.data_ptr() if self.nbytes() else 0

    def nbytes(self) -> int:
        """How many bytes it has."""
        return self._bytes.numel()

    size = __len__ = nbytes

    def element_size(self) -> int:
        """1."""
        return 1

    def untyped(self) -> UntypedStorage:
        """Itself."""
        return self

    def is_shared(self) -> bool:
        """Whether other processes may see it."""
        return self._bytes.is_shared()

    def is_pinned(self, device: Device = None) -> bool:
        """False."""
        return False

    def cpu(self) -> UntypedStorage:
        """Itself."""
        return self

    def tolist(self) -> list[int]:
        """Its bytes."""
        return cast("list[int]", self._bytes.tolist())

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, index: int | slice) -> int | UntypedStorage:
        if isinstance(index, slice):
            return UntypedStorage._on(self._bytes[index])
        return int(self._bytes[index])

    def __setitem__(self, index: int | slice, value: int) -> None:
        self._bytes[index] = value

    def fill_(self, value: int) -> UntypedStorage:
        """Sets every byte; itself."""
        self._bytes.fill_(value)
        return self

    def copy_(self, source: UntypedStorage, non_blocking: bool | None = None) -> UntypedStorage:
        """Copies the bytes of another of the same size; itself."""
        self._bytes.copy_(source._bytes)
        return self

    def clone(self) -> UntypedStorage:
        """A copy."""
        return UntypedStorage._on(self._bytes.clone())

    def __deepcopy__(self, memo: Memo) -> UntypedStorage:
        return cast("UntypedStorage", memo.setdefault(id(self), self.clone()))

    def resize_(self, size: int) -> NoReturn:
        """RuntimeError: memory stays as large as it was made."""
        raise RuntimeError("UntypedStorage.resize_: memory stays as large as it was made")

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return self._bytes.__array__(dtype, copy)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"[wengert.UntypedStorage(device=cpu) of size {self.nbytes()}]"


class TypedStorage:
    """A piece of memory as elements of one dtype."""

    is_cuda = is_sparse = False

    def __init__(
        self,
        size: int | Sequence[float] = 0,
        *,
        wrap_storage: UntypedStorage | None = None,
        dtype: _native.dtype | None = None,
        device: Device = None,
        _internal: bool = False,
    ) -> None:
        on_cpu(device or "cpu")
        dtype = dtype or _native.get_default_dtype()
        if wrap_storage is not None:
            self._flat = wrap_storage._bytes.view(dtype)
        elif isinstance(size, int):
            self._flat = _native.empty(size, dtype=dtype)
        else:
            self._flat = _native.tensor(size, dtype=dtype)

    @classmethod
    def _on(cls, flat: Tensor) -> TypedStorage:
        self = cls.__new__(cls)
        self._flat = flat
        return self

    @property
    def dtype(self) -> _native.dtype:
        return self._flat.dtype

    @property
    def device(self) -> _native.device:
        return _native.device("cpu")

    @property
    def _untyped_storage(self) -> UntypedStorage:
        return UntypedStorage._on(self._flat)

    def _typed_storage(self) -> TypedStorage:
        return self

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return self._untyped_storage

    def data_ptr(self) -> int:
        """Where it begins; 0 if it is empty."""
        return self.untyped().data_ptr()

    _data_ptr = data_ptr

    def size(self) -> int:
        """How many elements it has."""
        return self._flat.numel()

    __len__ = _size = size

    def nbytes(self) -> int:
        """How many bytes it has."""
        return self.size() * self.element_size()

    def element_size(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    def is_shared(self) -> bool:
        """Whether other processes may see it."""
        return self._flat.is_shared()

    def tolist(self) -> list[float]:
        """Its elements."""
        return cast("list[float]", self._flat.tolist())

    def __iter__(self) -> Iterator[float]:
        return iter(self.tolist())

    def __getitem__(self, index: int) -> float:
        if isinstance(index, slice):
            raise RuntimeError("slices of a TypedStorage are those of its tensor")
        return self._flat[index].item()

    def __setitem__(self, index: int | slice, value: float) -> None:
        self._flat[index] = value

    def __repr__(self) -> str:
        return f"[wengert.TypedStorage(dtype={self.dtype}, device=cpu) of size {self.size()}]"


def untyped(tensor: Tensor) -> UntypedStorage:
    """What `Tensor.untyped_storage` gives."""
    return UntypedStorage._on(_whole(tensor))


def typed(tensor: Tensor) -> TypedStorage:
    """What `Tensor.storage` gives."""
    return TypedStorage._on(_whole(tensor))
