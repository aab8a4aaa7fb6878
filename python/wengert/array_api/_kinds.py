"""What the array API standard says of dtypes: their kinds, promotion and limits, and devices.

Promotion differs from that of the library's own operations in one thing: a 0-d array counts like
any other. float32 and float16 with any number of dimensions give float32, where an operator lets a
0-d tensor follow the other operand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .. import _native
from .._common import typename
from .._functions import promote_types
from .._native import Tensor, dtype
from .._types import dtype_name, iinfo, on_cpu
from .._types import finfo as _limits
from .._typing import Device, Dtype

__all__ = ["can_cast", "finfo", "isdtype", "result_type"]

Number: TypeAlias = "bool | int | float"
#: An operand of an elementwise function.
Operand: TypeAlias = "Tensor | bool | int | float"
Kind: TypeAlias = "dtype | str | tuple[dtype | str, ...]"
#: None (all of them), one axis, or several.
Axis: TypeAlias = "int | tuple[int, ...] | None"

_SIGNED = (_native.int8, _native.int16, _native.int32, _native.int64)
_UNSIGNED = (_native.uint8,)
_REAL = (_native.float32, _native.float64, _native.float16, _native.bfloat16)
_KINDS: dict[str, tuple[dtype, ...]] = {
    "bool": (_native.bool,),
    "signed integer": _SIGNED,
    "unsigned integer": _UNSIGNED,
    "integral": _SIGNED + _UNSIGNED,
    "real floating": _REAL,
    "complex floating": (),
    "numeric": _SIGNED + _UNSIGNED + _REAL,
}
#: The dtypes of the standard, by name; float16 and bfloat16 are none.
STANDARD: dict[str, dtype] = {
    dtype_name(t): t for t in (_native.bool, *_SIGNED, *_UNSIGNED, _native.float32, _native.float64)
}


def expect(name: str, *arrays: object) -> None:
    """TypeError unless these are tensors: `name` is the function that was given them."""
    for array in arrays:
        if not isinstance(array, Tensor):
            raise TypeError(f"{name}: an array (Tensor) is expected, got {typename(array)}")


def check_device(device: Device) -> None:
    """RuntimeError unless it is the CPU, or None."""
    if device is not None:
        on_cpu(device)


def of_number(value: object) -> dtype:
    """The default dtype of a Python number's kind. TypeError for a complex one."""
    if isinstance(value, bool):
        return _native.bool
    if isinstance(value, int):
        return _native.int64
    if isinstance(value, float):
        return _native.get_default_dtype()
    if isinstance(value, complex):
        raise TypeError(f"complex numbers are not supported, got {value!r}")
    raise TypeError(f"an array or a number is expected, got {typename(value)}")


def _with_number(found: dtype, value: object) -> dtype:
    """The dtype of an array's, or the default of the number's kind where that is a higher kind."""
    own = of_number(value)
    if own is _native.bool or found.is_floating_point:
        return found
    return own if own.is_floating_point or found is _native.bool else found


def result_type(*arrays_and_dtypes: Tensor | dtype | Number) -> dtype:
    """The dtype that the arguments promote to: arrays, dtypes and Python numbers.

    A number takes the dtype of the others if that is of its kind or a higher one. Integers with
    floats, and booleans with numbers, which the standard leaves open, promote as in PyTorch.
    ValueError if there is neither array nor dtype, TypeError for anything else.
    """
    found: Dtype = None
    numbers = []
    for item in arrays_and_dtypes:
        if isinstance(item, (Tensor, dtype)):
            own = item.dtype if isinstance(item, Tensor) else item
            found = own if found is None else promote_types(found, own)
        else:
            numbers.append(item)
    if found is None:
        raise ValueError("result_type: at least one array or dtype is expected")
    for number in numbers:
        found = _with_number(found, number)
    return found


def promoted(name: str, *operands: Operand) -> tuple[Tensor, ...]:
    """The operands as tensors of the dtype that they promote to; one must be a tensor."""
    dtypes = {x.dtype for x in operands if isinstance(x, Tensor)}
    if not dtypes:
        expect(name, *operands)
    if len(dtypes) == 1 and all(isinstance(x, Tensor) for x in operands):
        return operands  # type: ignore[return-value]
    try:
        target = result_type(*operands)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    return tuple(
        x._to_dtype(target) if isinstance(x, Tensor) else _native.full((), x, dtype=target)
        for x in operands
    )


def axes_of(name: str, ndim: int, axis: Axis) -> tuple[int, ...]:
    """The axes, counted from the front. IndexError for one that is not there or comes twice."""
    if axis is None:
        return tuple(range(ndim))
    found = []
    for a in axis if isinstance(axis, (tuple, list)) else (axis,):
        if isinstance(a, float) or not hasattr(a, "__index__"):
            raise TypeError(f"{name}: axis must be an int, a tuple of ints or None, got {a!r}")
        a = a.__index__()
        if not -ndim <= a < ndim:
            raise IndexError(f"{name}: axis {a} is out of range for an array of {ndim} dimensions")
        found.append(a % ndim)
    if len(set(found)) < len(found):
        raise IndexError(f"{name}: an axis comes twice in {axis}")
    return tuple(found)


#: How many binary digits a dtype holds without a gap.
_DIGITS: dict[dtype, int] = {
    _native.bool: 1, _native.uint8: 8, _native.int8: 7, _native.int16: 15, _native.int32: 31,
    _native.int64: 53,  # in truth 63, but NumPy calls this step to float64 safe
    _native.float16: 11, _native.bfloat16: 8, _native.float32: 24, _native.float64: 53,
}  # fmt: skip


def _lossless(source: dtype, target: dtype) -> bool:
    if source is target or source is _native.bool:
        return True
    if target.is_floating_point and not source.is_floating_point:
        return _DIGITS[source] <= _DIGITS[target]
    return promote_types(source, target) is target


def can_cast(from_: Tensor | dtype, to: dtype, /) -> bool:
    """Whether every value of a dtype, or of an array's, has its like in `to`, as in NumPy."""
    source = from_.dtype if isinstance(from_, Tensor) else from_
    if not isinstance(source, dtype) or not isinstance(to, dtype):
        raise TypeError(f"can_cast: dtypes are expected, got {from_!r} and {to!r}")
    return _lossless(source, to)


def isdtype(dtype: _native.dtype, kind: Kind) -> bool:
    """Whether the dtype is of that kind: a dtype, the name of a kind, or a tuple of them.

    The names are "bool", "signed integer", "unsigned integer", "integral", "real floating",
    "complex floating" and "numeric"; ValueError for another one.
    """
    if not isinstance(dtype, _native.dtype):
        raise TypeError(f"isdtype: a dtype is expected, got {typename(dtype)}")
    if isinstance(kind, tuple):
        return any([isdtype(dtype, k) for k in kind])  # all of them, so that all are checked
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise ValueError(f"isdtype: kind must be one of {', '.join(_KINDS)}, got '{kind}'")
        return dtype in _KINDS[kind]
    if not isinstance(kind, _native.dtype):
        raise TypeError(f"isdtype: kind must be a dtype, str or tuple, got {typename(kind)}")
    return dtype is kind


@dataclass(frozen=True)
class finfo_object:
    """The limits of a floating dtype."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: _native.dtype


@dataclass(frozen=True)
class iinfo_object:
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: _native.dtype


def _dtype_of(type: Tensor | dtype) -> dtype:
    return type.dtype if isinstance(type, Tensor) else type


def finfo(type: Tensor | dtype, /) -> finfo_object:
    """bits, eps, max, min, smallest_normal and dtype of a floating dtype, or of an array's.

    TypeError if it is not floating.
    """
    own = _dtype_of(type)
    found = _limits(own)
    return finfo_object(found.bits, found.eps, found.max, found.min, found.smallest_normal, own)


def _iinfo(type: Tensor | dtype, /) -> iinfo_object:
    """bits, max, min and dtype of an integer dtype, or of an array's. TypeError if it is none."""
    own = _dtype_of(type)
    found = iinfo(own)
    return iinfo_object(found.bits, found.max, found.min, own)


_iinfo.__name__ = _iinfo.__qualname__ = "iinfo"
