"""The dtypes of PyTorch that no tensor here can have: their names, and what is known of each.

Programs list all dtypes in tables without using them. So the names are there: they compare, hash,
print and say how large their elements are, as the others do. A function that is given one raises
its TypeError for a wrong dtype, in which the type's name says the rest.
"""

from __future__ import annotations

import functools

from .. import _native

_COMPLEX = "there are no complex dtypes; a last dimension of 2 holds real and imaginary parts"
_UNSIGNED = "the integers are int8, int16, int32, int64 and uint8"
_EIGHT = "the floating dtypes are float16, bfloat16, float32 and float64"
_QUANTIZED = "there is no quantization"

#: Bytes of an element, whether it is floating, complex, signed, and what to do instead.
_FACTS: dict[str, tuple[int, bool, bool, bool, str]] = {
    **{f"complex{bits}": (bits // 8, False, True, True, _COMPLEX) for bits in (32, 64, 128)},
    **{f"uint{bits}": (bits // 8, False, False, False, _UNSIGNED) for bits in (16, 32, 64)},
    **{
        f"float8_{kind}": (1, True, False, kind != "e8m0fnu", _EIGHT)
        for kind in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu")
    },
    "float4_e2m1fn_x2": (1, True, False, True, _EIGHT),
    "qint8": (1, False, False, True, _QUANTIZED),
    "qint32": (4, False, False, True, _QUANTIZED),
    "quint8": (1, False, False, False, _QUANTIZED),
    "quint4x2": (1, False, False, False, _QUANTIZED),
    "quint2x4": (1, False, False, False, _QUANTIZED),
}
_ALSO = {"chalf": "complex32", "cfloat": "complex64", "cdouble": "complex128"}


class AbsentDtype:
    """A dtype that can be named and not used; to `isinstance` it is a `wengert.dtype`."""

    __slots__ = ("_name", "is_complex", "is_floating_point", "is_signed", "itemsize")

    def __init__(self, name: str) -> None:
        self._name = name
        facts = _FACTS[name]
        self.itemsize, self.is_floating_point, self.is_complex, self.is_signed = facts[:4]

    def __repr__(self) -> str:
        return f"wengert.{self._name}"

    def __reduce__(self) -> str:
        return self._name


@functools.cache
def absent_dtype(name: str) -> AbsentDtype | None:
    """The dtype of that name; None if PyTorch has none, or tensors here do."""
    if name in _ALSO:
        return absent_dtype(_ALSO[name])
    if name not in _FACTS:
        return None
    said = f"{name}, which no tensor can have: {_FACTS[name][-1]}"
    contents = {
        "__slots__": (),
        "__module__": __package__.partition(".")[0],
        "__class__": property(lambda _: _native.dtype),
    }
    dtype: AbsentDtype = type(said, (AbsentDtype,), contents)(name)
    return dtype
