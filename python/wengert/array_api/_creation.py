"""The creation functions of the array API standard, and `astype`."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .. import _interchange, _native
from .._native import Tensor
from .._typing import Device, Dtype
from ._kinds import Number, Operand, check_device, expect, of_number

__all__ = [
    "arange",
    "asarray",
    "astype",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]

Shape = int | tuple[int, ...]


def _sizes(name: str, shape: object) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    for n in sizes:
        if not hasattr(n, "__index__") or (isinstance(n, Tensor) and n.dim()):
            raise TypeError(f"{name}: shape must be an int or a tuple of ints, got {shape!r}")
    return tuple(n.__index__() for n in sizes)


def arange(
    start: Number,
    /,
    stop: Number | None = None,
    step: Number = 1,
    *,
    dtype: Dtype = None,
    device: Device = None,
) -> Tensor:
    """start, start + step, ... before `stop`; from 0 if only one number is given.

    int64 if all numbers are integers, else the default dtype, unless given. Empty if `stop` lies in
    the other direction. ValueError for a step of zero.
    """
    check_device(device)
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ValueError("arange: step must not be zero")
    if (stop - start) / step <= 0:
        kinds = [of_number(n) for n in (start, stop, step)]
        floats = [kind for kind in kinds if kind.is_floating_point]
        return _native.empty(0, dtype=dtype or (floats[0] if floats else _native.int64))
    return _native.arange(start, stop, step, dtype=dtype)


def _from_numpy(array: np.ndarray, copy: bool | None) -> Tensor:
    """Shares the memory if it can be written to in the order of the elements, else copies it."""
    native = array.dtype.newbyteorder("=")
    usable = array.flags.writeable and array.dtype == native and min(array.strides, default=0) >= 0
    if copy is False and not usable:
        raise ValueError(
            "asarray: copy=False, but memory that is read-only, in another byte order or against "
            "the order of the elements has to be copied"
        )
    if not usable or copy:
        array = array.astype(native, order="C", copy=True)
    return _native.from_numpy(array)


def asarray(
    obj: object,
    /,
    *,
    dtype: Dtype = None,
    device: Device = None,
    copy: bool | None = None,
) -> Tensor:
    """A tensor of an array, a number, nested sequences of numbers, or what has a buffer.

    Memory is shared where it can be, with `copy=True` never; ValueError if `copy` is False and it
    has to be copied. Numbers get the default dtype of their kind, arrays keep theirs, unless
    `dtype` is given. TypeError for complex numbers and other dtypes that do not exist here.
    """
    check_device(device)
    if isinstance(obj, Tensor):
        result = obj
    elif isinstance(obj, np.ndarray) or _holds_array(obj):
        result = _from_numpy(np.asarray(obj), copy)
        copy = None if dtype in (None, result.dtype) or copy else copy
    elif copy is False:
        raise ValueError("asarray: copy=False, but numbers and sequences have to be copied")
    else:
        return _from_numbers(obj, dtype)
    if dtype is not None and result.dtype is not dtype:
        if copy is False:
            raise ValueError(
                f"asarray: copy=False, but {result.dtype} has to be copied to be {dtype}"
            )
        return result._to_dtype(dtype)
    return result.clone() if copy and result is obj else result


def _from_numbers(obj: object, dtype: Dtype) -> Tensor:
    try:
        return _native.tensor(obj, dtype=dtype)
    except RuntimeError as error:
        if "complex" in str(error):
            raise TypeError("asarray: complex numbers are not supported") from None
        raise


def _holds_array(obj: object) -> bool:
    """Whether it is something else with numbers in memory: another library's, a buffer."""
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return True
    return any(hasattr(obj, name) for name in ("__array__", "__array_interface__", "__buffer__"))


def astype(
    x: Tensor, dtype: _native.dtype, /, *, copy: bool = True, device: Device = None
) -> Tensor:
    """The array in another dtype; with `copy=False` itself if it has that one already."""
    expect("astype", x)
    check_device(device)
    return x.to(dtype, copy=copy)


def empty(shape: Shape, *, dtype: Dtype = None, device: Device = None) -> Tensor:
    """An array of that shape whose elements are not set."""
    check_device(device)
    return _native.empty(_sizes("empty", shape), dtype=dtype)


def zeros(shape: Shape, *, dtype: Dtype = None, device: Device = None) -> Tensor:
    """An array of zeros."""
    check_device(device)
    return _native.zeros(_sizes("zeros", shape), dtype=dtype)


def ones(shape: Shape, *, dtype: Dtype = None, device: Device = None) -> Tensor:
    """An array of ones."""
    check_device(device)
    return _native.ones(_sizes("ones", shape), dtype=dtype)


def full(
    shape: Shape, fill_value: Operand, *, dtype: Dtype = None, device: Device = None
) -> Tensor:
    """An array of one value, by default of the default dtype of its kind."""
    check_device(device)
    sizes = _sizes("full", shape)
    if isinstance(fill_value, Tensor):  # of no dimensions, which libraries pass too
        return fill_value._to_dtype(dtype or fill_value.dtype).expand(sizes).clone()
    of_number(fill_value)
    return _native.full(sizes, fill_value, dtype=dtype)


def empty_like(x: Tensor, /, *, dtype: Dtype = None, device: Device = None) -> Tensor:
    """An array of the shape and dtype of `x` whose elements are not set."""
    expect("empty_like", x)
    return empty(tuple(x.shape), dtype=dtype or x.dtype, device=device)


def zeros_like(x: Tensor, /, *, dtype: Dtype = None, device: Device = None) -> Tensor:
    """Zeros in the shape and dtype of `x`."""
    expect("zeros_like", x)
    return zeros(tuple(x.shape), dtype=dtype or x.dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: Dtype = None, device: Device = None) -> Tensor:
    """Ones in the shape and dtype of `x`."""
    expect("ones_like", x)
    return ones(tuple(x.shape), dtype=dtype or x.dtype, device=device)


def full_like(
    x: Tensor, /, fill_value: Operand, *, dtype: Dtype = None, device: Device = None
) -> Tensor:
    """One value in the shape and dtype of `x`."""
    expect("full_like", x)
    return full(tuple(x.shape), fill_value, dtype=dtype or x.dtype, device=device)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Dtype = None,
    device: Device = None,
) -> Tensor:
    """Ones on the k-th diagonal, zeros elsewhere: (n_rows, n_cols), square unless said."""
    check_device(device)
    columns = n_rows if n_cols is None else n_cols
    diagonal = _native.arange(n_rows).unsqueeze(1) + k == _native.arange(columns)
    return diagonal._to_dtype(dtype or _native.get_default_dtype())


def from_dlpack(x: object, /, *, device: Device = None, copy: bool | None = None) -> Tensor:
    """A tensor on the memory of an object with `__dlpack__`, or on a copy of it.

    BufferError if `copy` is False and it has to be copied.
    """
    check_device(device)
    return _interchange.from_dlpack(x, copy=copy)


def linspace(
    start: Number,
    stop: Number,
    /,
    num: int,
    *,
    dtype: Dtype = None,
    device: Device = None,
    endpoint: bool = True,
) -> Tensor:
    """`num` numbers from `start` to `stop` at equal distances, with the last one or without."""
    check_device(device)
    if num < 0:
        raise ValueError(f"linspace: num must not be negative, got {num}")
    target = dtype or _native.get_default_dtype()
    if endpoint:
        return _native.linspace(start, stop, num, dtype=target)
    return _native.linspace(start, stop, num + 1, dtype=target)[:num]


def meshgrid(*arrays: Tensor, indexing: Literal["xy", "ij"] = "xy") -> list[Tensor]:
    """The coordinates of a grid of one-dimensional arrays, one array for each.

    "ij" keeps the order of the axes, "xy" swaps the first two. ValueError for another indexing, for
    arrays with more dimensions or of several dtypes.
    """
    expect("meshgrid", *arrays)
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    if any(x.dim() != 1 for x in arrays) or len({x.dtype for x in arrays}) > 1:
        raise ValueError("meshgrid: arrays of one dimension and one dtype are expected")
    return list(_native.meshgrid(*arrays, indexing=indexing)) if arrays else []


def _triangle(name: str, x: Tensor, k: int) -> Tensor:
    expect(name, x)
    if x.dim() < 2:
        raise ValueError(f"{name}: at least 2 dimensions are expected, got {x.dim()}")
    return (_native.tril if name == "tril" else _native.triu)(x, k)


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The last two axes with zeros above the k-th diagonal."""
    return _triangle("tril", x, k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The last two axes with zeros below the k-th diagonal."""
    return _triangle("triu", x, k)
