"""NumPy's functions on tensors: those that are rows here give tensors, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _native
from ._functions import promote_types
from ._native import Tensor
from ._typing import Args, Kwargs, UserFunction

_RENAMED = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "divide": "div",
    "equal": "eq",
    "fabs": "abs",
    "greater": "gt",
    "greater_equal": "ge",
    "invert": "bitwise_not",
    "left_shift": "bitwise_left_shift",
    "less": "lt",
    "less_equal": "le",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "power": "pow",
    "right_shift": "bitwise_right_shift",
    "rint": "round",
    "subtract": "sub",
    "true_divide": "div",
}
_SAME = (
    "add bitwise_and bitwise_or bitwise_xor ceil copysign cos cosh deg2rad exp exp2 expm1 "
    "floor floor_divide fmax fmin fmod gcd heaviside hypot isfinite isinf isnan lcm ldexp log "
    "log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor matmul "
    "maximum minimum nextafter positive rad2deg reciprocal remainder sign signbit sin sinh sqrt "
    "square tan tanh trunc"
)
#: NumPy's name of each function that a row computes, and that row's name.
ROWS = {
    theirs: ours
    for theirs, ours in (*_RENAMED.items(), *((name, name) for name in _SAME.split()))
    if hasattr(_native, ours)
}


def _operand(x: object) -> Tensor | float | None:
    """What a row takes in place of `x`; None if there is nothing."""
    if isinstance(x, (Tensor, bool, int, float)):
        return x
    if isinstance(x, np.bool_):
        return bool(x)
    if isinstance(x, (np.integer, np.floating)):
        return int(x) if isinstance(x, np.integer) else float(x)
    if isinstance(x, np.generic):
        return None
    return _native._operand_from_array(np.asarray(x))


def array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: object, **kwargs: Any) -> Any:
    """`ufunc` of tensors, numbers and arrays.

    A row computes it where there is one: the result is a tensor of PyTorch's dtype, recorded if an
    input requires a gradient. Else NumPy does, of tensors that require none.
    """
    row = ROWS.get(ufunc.__name__)
    if row is not None and method == "__call__" and not kwargs:
        operands = [_operand(x) for x in inputs]
        if all(x is not None for x in operands):
            if row == "matmul":  # which asks for one dtype
                operands = _of_one_dtype(operands)
            return _call(getattr(_native, row), operands)
    return _by_numpy(getattr(ufunc, method), inputs, kwargs)


def _of_one_dtype(operands: list[Tensor | float | None]) -> list[Tensor | float | None]:
    dtypes = [x.dtype for x in operands if isinstance(x, Tensor)]
    common = promote_types(dtypes[0], dtypes[-1])
    return [x._to_dtype(common) if isinstance(x, Tensor) else x for x in operands]


def _call(function: UserFunction, operands: list[Tensor | float | None]) -> object:
    try:
        return function(*operands)
    except TypeError:  # some rows take tensors only
        if all(isinstance(x, Tensor) for x in operands):
            raise
    return function(*(x if isinstance(x, Tensor) else _native.tensor(x) for x in operands))


def _array(x: object) -> object:
    return np.asarray(x) if isinstance(x, Tensor) else x


def _by_numpy(function: UserFunction, inputs: Args, kwargs: Kwargs) -> object:
    out = kwargs.pop("out", ())
    if out:
        for x in out:
            if isinstance(x, Tensor):
                _native._bump_version(x)
        kwargs["out"] = tuple(map(_array, out))
    result = function(*map(_array, inputs), **kwargs)
    if out:
        return out[0] if len(out) == 1 else out
    return tuple(map(_wrapped, result)) if isinstance(result, tuple) else _wrapped(result)


def _wrapped(result: object) -> object:
    """An array as a tensor, where there is such a dtype."""
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    array = np.asarray(result)
    try:
        return _native.from_numpy(array)
    except TypeError:
        return result
    except ValueError:  # strides or bytes in another order
        return _native.tensor(array)


def array_wrap(
    self: Tensor, array: np.ndarray, context: object = None, return_scalar: bool = False
) -> object:
    """What NumPy has computed of a tensor, as a tensor."""
    return _wrapped(array)
