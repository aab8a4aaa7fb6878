"""How tensors pass to other libraries and back without a copy: DLPack and NumPy's protocol.

Both go over NumPy's arrays, which share the tensor's memory and speak every version of DLPack that
the installed NumPy knows: from 2.1 on the versioned capsule with its flags. NumPy has no bfloat16:
such memory travels as int16, and the capsule is told the true name.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from . import _native
from ._common import typename
from ._types import bits, dtype_name, from_bits, on_cpu
from ._typing import Device

_CPU, _PINNED = 1, 3  # DLPack's kinds of devices whose memory a CPU reads
_INT, _BFLOAT = 0, 4  # DLPack's kinds of dtypes
_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
_Version = tuple[int, int]


class Exporter(Protocol):
    """What has numbers to share by DLPack."""

    __dlpack__: Callable[..., object]
    __dlpack_device__: Callable[[], tuple[int, int]]


# ---- capsules ----------------------------------------------------------------------------------


def _address_of(capsule: object) -> tuple[int, bool]:
    """Where what a capsule points to lies, and whether it is of the versioned kind."""
    api = ctypes.pythonapi
    kinds = (ctypes.py_object, ctypes.c_char_p)
    is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, *kinds)(("PyCapsule_IsValid", api))
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, *kinds)(("PyCapsule_GetPointer", api))
    for name in (b"dltensor", b"dltensor_versioned"):
        if is_valid(capsule, name):
            return pointer(capsule, name), name == b"dltensor_versioned"
    raise TypeError(f"from_dlpack: a DLPack capsule that is not used up is expected, got {capsule}")


class _Header:
    """What a capsule says of its memory.

    `DLManagedTensor` begins with the tensor: data (8 bytes), device (8), ndim (4), dtype. In
    `DLManagedTensorVersioned` version, context, deleter and flags (8 each) stand before it.
    """

    def __init__(self, capsule: object) -> None:
        address, versioned = _address_of(capsule)
        tensor = address + 32 * versioned
        self.device = ctypes.c_int32.from_address(tensor + 8).value
        self.kind = ctypes.c_uint8.from_address(tensor + 20)
        self.bits = ctypes.c_uint8.from_address(tensor + 21).value
        flags = ctypes.c_uint64.from_address(address + 24).value if versioned else 0
        self.read_only = bool(flags & 1)


class _Capsule:
    """What NumPy takes a capsule from, which itself has no methods."""

    def __init__(self, capsule: object) -> None:
        self.capsule = capsule

    def __dlpack__(self, **options: object) -> object:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (_CPU, 0)


def _export(array: np.ndarray, max_version: _Version | None) -> object:
    if max_version is None:
        return array.__dlpack__()
    try:
        return array.__dlpack__(max_version=max_version)
    except TypeError:  # before 2.1 NumPy knew one kind of capsule, which the protocol allows
        return array.__dlpack__()


def dlpack(
    self: _native.Tensor,
    *,
    stream: int | None = None,
    max_version: _Version | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> object:
    """A DLPack capsule of this tensor's memory, or with `copy=True` of a copy.

    Versioned if `max_version` is (1, 0) or later. BufferError if a gradient is required, or for
    another device than the CPU.
    """
    if stream not in (None, -1):
        raise ValueError(f"__dlpack__: there are no streams on the CPU, got stream={stream!r}")
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if dl_device is not None and dl_device[0] != _CPU:
        raise BufferError(f"__dlpack__: the only device is the CPU (1, 0), got {dl_device}")
    capsule = _export(bits(self.clone() if copy else self), max_version)
    if self.dtype is _native.bfloat16:
        _Header(capsule).kind.value = _BFLOAT
    return capsule


def dlpack_device(self: _native.Tensor) -> tuple[int, int]:
    """(1, 0): the CPU."""
    return (_CPU, 0)


def _elsewhere(kind: int) -> str:
    return f"the memory is on a device of kind {kind}, wengert computes on the CPU only (1)"


def _capsule_of(source: Exporter, copy: bool | None) -> object:
    """The capsule of an object: versioned where it can, which alone tells of read-only memory."""
    kind, _ = source.__dlpack_device__()
    elsewhere = int(kind) not in (_CPU, _PINNED)
    try:
        if elsewhere:  # who gives it, copies it to the CPU
            return source.__dlpack__(dl_device=(_CPU, 0), max_version=(1, 0), copy=copy)
        return source.__dlpack__(max_version=(1, 0))
    except TypeError:
        if elsewhere:
            raise BufferError(f"from_dlpack: {_elsewhere(int(kind))}") from None
        return source.__dlpack__()


def from_dlpack(
    ext_tensor: object, *, device: Device = None, copy: bool | None = None
) -> _native.Tensor:
    """A tensor on the memory of an object with the DLPack protocol, or of a capsule.

    Memory that is read-only is copied, as tensors can be written to; with `copy=True` all is.
    BufferError if `copy` is False and it has to be copied, or for memory on another device.
    """
    if device is not None:
        on_cpu(device)
    if isinstance(ext_tensor, _native.Tensor):
        return ext_tensor.detach().clone() if copy else ext_tensor.detach()
    if hasattr(ext_tensor, "__dlpack__"):
        capsule = _capsule_of(cast("Exporter", ext_tensor), copy)
    elif typename(ext_tensor) == "PyCapsule":
        capsule = ext_tensor
    else:
        raise TypeError(
            f"from_dlpack: a capsule or an object with __dlpack__ is expected, got "
            f"{typename(ext_tensor)}"
        )
    header = _Header(capsule)
    if header.device not in (_CPU, _PINNED):
        raise BufferError(f"from_dlpack: {_elsewhere(header.device)}")
    name = "bfloat16" if (header.kind.value, header.bits) == (_BFLOAT, 16) else ""
    if name:
        header.kind.value = _INT
    read_only = header.read_only
    array = np.from_dlpack(_Capsule(capsule))  # type: ignore[arg-type]
    backwards = min(array.strides, default=0) < 0
    if copy is False and (read_only or backwards):
        why = "read-only" if read_only else "backwards"
        raise BufferError(f"from_dlpack: copy=False, but memory that is {why} has to be copied")
    return from_bits(array.copy() if copy or read_only or backwards else array, name)


# ---- NumPy -------------------------------------------------------------------------------------


def array(
    self: _native.Tensor, dtype: npt.DTypeLike | None = None, copy: bool | None = None
) -> np.ndarray:
    """A NumPy array on the same memory, unless another dtype or `copy=True` is asked for.

    ValueError if `copy` is False and it has to be copied.
    """
    found = _native._numpy(self)
    if dtype is None or found.dtype == dtype:
        return found.copy() if copy else found
    if copy is False:
        raise ValueError(
            f"__array__: copy=False, but {dtype_name(self.dtype)} has to be copied to be "
            f"{np.dtype(dtype)}"
        )
    return found.astype(dtype)


# ---- the array API standard --------------------------------------------------------------------


def array_namespace(self: _native.Tensor, /, *, api_version: str | None = None) -> ModuleType:
    """The functions of the array API standard: the module `wengert.array_api`.

    ValueError for another version than 2021.12 to 2024.12.
    """
    if api_version is not None and api_version not in _VERSIONS:
        raise ValueError(
            f"__array_namespace__: versions {', '.join(_VERSIONS)} of the array API standard are "
            f"followed, got {api_version!r}"
        )
    return importlib.import_module(f"{__package__}.array_api")  # when it is first asked for


def to_device(
    self: _native.Tensor, device: Device, /, *, stream: int | None = None
) -> _native.Tensor:
    """Itself: every tensor is on the CPU. RuntimeError for another device."""
    if device is None:
        raise TypeError("to_device: a device is expected, got None")
    on_cpu(device)
    if stream is not None:
        raise ValueError(f"to_device: there are no streams on the CPU, got stream={stream!r}")
    return self


def as_complex(self: _native.Tensor) -> complex:
    """The one element as a complex number. ValueError for several or none, as of `float`."""
    return complex(float(self))


METHODS: dict[str, Callable[..., object]] = {
    "__array__": array,
    "__array_namespace__": array_namespace,
    "__complex__": as_complex,
    "__dlpack__": dlpack,
    "__dlpack_device__": dlpack_device,
    "to_device": to_device,
}
