"""Comparing results in tests, and making tensors to test with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from . import _native
from ._native import Tensor
from ._types import finfo, numbers
from ._typing import Device

__all__ = ["assert_allclose", "assert_close", "make_tensor"]

# (rtol, atol) by dtype: exact for integers and bool.
_TOLERANCES = {
    _native.float16: (1e-3, 1e-5),
    _native.bfloat16: (1.6e-2, 1e-5),
    _native.float32: (1.3e-6, 1e-5),
    _native.float64: (1e-7, 1e-7),
}

# What a comparison is made with: rtol, atol (None: the defaults), and the checks to make.
_Options: TypeAlias = dict[str, Any]
_Path: TypeAlias = tuple[object, ...]


class _Mismatch(Exception):
    """A difference, and where in nested containers it was found."""

    def __init__(self, text: str, path: _Path) -> None:
        super().__init__(text)
        self.text = text
        self.path = path

    def message(self) -> str:
        if not self.path:
            return self.text
        where = "".join(f"[{key!r}]" for key in self.path)
        return f"{self.text}\n\nThe failure occurred for item {where}"


def _tolerances(options: _Options, *dtypes: _native.dtype) -> tuple[float, float]:
    if options["rtol"] is not None:
        return options["rtol"], options["atol"]
    pairs = [_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes]
    return max(rtol for rtol, _ in pairs), max(atol for _, atol in pairs)


def _scalar_text(actual: float, expected: float, rtol: float, atol: float) -> str:
    exact = rtol == 0 and atol == 0
    difference = abs(actual - expected)
    relative = difference / abs(expected) if expected else math.inf
    lines = [
        f"Scalars are not {'equal' if exact else 'close'}!\n",
        f"Expected {expected} but got {actual}.",
        f"Absolute difference: {difference}" + ("" if exact else f" (up to {atol} allowed)"),
        f"Relative difference: {relative}" + ("" if exact else f" (up to {rtol} allowed)"),
    ]
    return "\n".join(lines)


def _array_text(a: np.ndarray, e: np.ndarray, close: np.ndarray, rtol: float, atol: float) -> str:
    exact = rtol == 0 and atol == 0
    wrong = int(close.size - np.count_nonzero(close))
    signed = a.dtype.kind in "bui"
    wide = np.int64 if signed else a.dtype
    with np.errstate(all="ignore"):
        difference = np.abs(a.astype(wide) - e.astype(wide))
        ratio = np.float32 if signed else a.dtype
        relative = difference.astype(ratio) / np.abs(e.astype(ratio))
    lines = [
        f"Tensor-likes are not {'equal' if exact else 'close'}!\n",
        f"Mismatched elements: {wrong} / {close.size} ({wrong / close.size:.1%})",
    ]
    for name, values, limit in (("absolute", difference, atol), ("relative", relative, rtol)):
        # The largest among the mismatches; NaN counts as the largest.
        flat = int(np.argmax(np.where(close, np.zeros((), values.dtype), values)))
        index = tuple(int(i) for i in np.unravel_index(flat, close.shape))
        allowed = "" if exact else f" (up to {limit} allowed)"
        worst = values[index].item()
        lines.append(f"Greatest {name} difference: {worst} at index {index}{allowed}")
    return "\n".join(lines)


def _require_same(name: str, actual: object, expected: object, path: _Path) -> None:
    if actual != expected:
        raise _Mismatch(
            f"The values for attribute '{name}' do not match: {actual} != {expected}.", path
        )


def _compare_tensors(actual: Tensor, expected: Tensor, options: _Options, path: _Path) -> None:
    _require_same("shape", actual.shape, expected.shape, path)
    if options["check_dtype"]:
        _require_same("dtype", actual.dtype, expected.dtype, path)
    if options["check_stride"]:
        _require_same("stride()", actual.stride(), expected.stride(), path)
    rtol, atol = _tolerances(options, actual.dtype, expected.dtype)
    a, e = (numbers(t.detach()) for t in (actual, expected))
    if a.dtype != e.dtype:
        wide = np.result_type(a.dtype, e.dtype)
        a, e = a.astype(wide), e.astype(wide)
    if rtol == 0 and atol == 0:
        close = a == e
        if options["equal_nan"] and a.dtype.kind == "f":
            close = close | (np.isnan(a) & np.isnan(e))
    else:
        with np.errstate(all="ignore"):
            close = np.isclose(a, e, rtol=rtol, atol=atol, equal_nan=options["equal_nan"])
    close = np.asarray(close)
    if close.all():
        return
    if a.ndim == 0:
        raise _Mismatch(_scalar_text(a.item(), e.item(), rtol, atol), path)
    raise _Mismatch(_array_text(a, e, close, rtol, atol), path)


def _compare_numbers(actual: float, expected: float, options: _Options, path: _Path) -> None:
    if options["check_dtype"] and type(actual) is not type(expected):
        raise _Mismatch(f"The (d)types do not match: {type(actual)} != {type(expected)}.", path)
    kinds = [
        _native.float64 if isinstance(value, float) else _native.int64
        for value in (actual, expected)
    ]
    rtol, atol = _tolerances(options, *kinds)
    if actual == expected or (options["equal_nan"] and math.isnan(actual) and math.isnan(expected)):
        return
    if not (math.isfinite(actual) and math.isfinite(expected)):
        raise _Mismatch(_scalar_text(actual, expected, rtol, atol), path)
    if abs(actual - expected) > atol + rtol * abs(expected):
        raise _Mismatch(_scalar_text(actual, expected, rtol, atol), path)


def _compare_mappings(actual: Mapping, expected: Mapping, options: _Options, path: _Path) -> None:
    missing = sorted(set(expected) - set(actual), key=str)
    extra = sorted(set(actual) - set(expected), key=str)
    if missing or extra:
        raise _Mismatch(
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {missing}\n"
            f"Additional keys in the actual mapping: {extra}",
            path,
        )
    for key in expected:
        _compare(actual[key], expected[key], options, (*path, key))


def _compare_sequences(
    actual: Sequence[object], expected: Sequence[object], options: _Options, path: _Path
) -> None:
    if len(actual) != len(expected):
        raise _Mismatch(
            f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path
        )
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        _compare(a, e, options, (*path, i))


def _both(kinds: type | tuple[type, ...], actual: object, expected: object) -> bool:
    return isinstance(actual, kinds) and isinstance(expected, kinds)


def _compare(actual: Any, expected: Any, options: _Options, path: _Path) -> None:
    """Compares by kind; containers are walked."""
    if _both(np.ndarray, actual, expected):
        actual, expected = _native.from_numpy(actual), _native.from_numpy(expected)
    if actual is None or expected is None:
        if actual is not expected:
            raise _Mismatch(f"None mismatch: {actual} is not {expected}", path)
    elif _both(bool, actual, expected):
        if actual is not expected:
            raise _Mismatch(f"Booleans mismatch: {actual} is not {expected}", path)
    elif _both((int, float), actual, expected):
        _compare_numbers(actual, expected, options, path)
    elif _both(_native.Tensor, actual, expected):
        if not options["allow_subclasses"] and type(actual) is not type(expected):
            _unknown(actual, expected, path)
        _compare_tensors(actual, expected, options, path)
    elif _both(Mapping, actual, expected):
        _compare_mappings(actual, expected, options, path)
    elif _both(Sequence, actual, expected) and not isinstance(actual, (str, bytes)):
        _compare_sequences(actual, expected, options, path)
    else:
        _unknown(actual, expected, path)


def _unknown(actual: object, expected: object, path: _Path) -> None:
    text = (
        f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}."
    )
    raise TypeError(_Mismatch(text, path).message())


def assert_close(
    actual: object,
    expected: object,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Asserts |actual - expected| <= atol + rtol * |expected|, element by element.

    Takes tensors, NumPy arrays, numbers, and sequences and mappings of them. The tolerances
    (rtol, atol) are given together or default to (1.3e-6, 1e-5) for float32, (1e-7, 1e-7) for
    float64 and numbers, and (0, 0) for integers and bool; the larger of two dtypes counts. Shapes
    must agree, dtypes too with `check_dtype`, strides with `check_stride`. NaN equals NaN only with
    `equal_nan`. `msg` replaces the message, or makes one from it. Raises AssertionError, TypeError
    for values it cannot compare, ValueError for one tolerance without the other.
    """
    if (rtol is None) != (atol is None):
        raise ValueError(
            "Both 'rtol' and 'atol' must be either specified or omitted, "
            f"but got no {'rtol' if rtol is None else 'atol'}."
        )
    options = {
        "allow_subclasses": allow_subclasses,
        "rtol": rtol,
        "atol": atol,
        "equal_nan": equal_nan,
        "check_dtype": check_dtype,
        "check_stride": check_stride,
    }
    try:
        _compare(actual, expected, options, ())
    except _Mismatch as mismatch:
        text = mismatch.message()
        if msg is not None:
            text = msg(text) if callable(msg) else msg
        failure = AssertionError(text)
    else:
        return
    raise failure


def assert_allclose(
    actual: object,
    expected: object,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The old form of `assert_close`: dtypes may differ, NaN equals NaN."""
    if not isinstance(actual, _native.Tensor):
        actual = _native.tensor(actual)
    if not isinstance(expected, _native.Tensor):
        expected = _native.tensor(expected, dtype=actual.dtype)
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_dtype=False,
        msg=msg or None,
    )


def make_tensor(
    *shape: Any,
    dtype: _native.dtype,
    device: Device = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: object = None,
) -> Tensor:
    """A tensor of random values in [low, high) from the global generator.

    The range defaults to [-9, 9) for floating-point and signed integer dtypes, [0, 10) for uint8
    and [0, 2) for bool. With `exclude_zero` zeros become the smallest positive value or 1; with
    `noncontiguous` the tensor is every second element of a larger one.
    """
    if len(shape) == 1 and isinstance(shape[0], Sequence):
        shape = tuple(shape[0])
    floating = dtype.is_floating_point
    if requires_grad and not floating:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, but got "
            f"{dtype=}"
        )
    default_low, default_high = -9, 9 if floating else 10
    if dtype == _native.uint8:
        default_low = 0
    elif dtype == _native.bool:
        default_low, default_high = 0, 2
    low = default_low if low is None else low
    high = default_high if high is None else high
    if low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    made = [*shape[:-1], 2 * shape[-1]] if noncontiguous and shape else list(shape)
    if floating:
        result = _native.empty(made, dtype=dtype).uniform_(low, high)
        smallest: float = finfo(dtype).tiny
    else:
        result = _native.randint(math.floor(low), math.ceil(high), made).to(dtype)
        smallest = 1
    if noncontiguous and shape:
        result = result[..., ::2]
    if exclude_zero:
        result = _native.where(result == 0, _native.full_like(result, smallest), result)
    return result.requires_grad_() if requires_grad else result
