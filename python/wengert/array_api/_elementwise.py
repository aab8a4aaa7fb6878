"""The elementwise functions of the array API standard.

One row each: its name, the operation, and where the standard's special cases differ from
PyTorch's, a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from .. import _native
from .._native import Tensor
from ._kinds import Operand, expect, promoted

__all__ = [
    "abs",
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "ceil",
    "clip",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "divide",
    "equal",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "hypot",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "nextafter",
    "not_equal",
    "positive",
    "pow",
    "real",
    "reciprocal",
    "remainder",
    "round",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "trunc",
]

_Unary = Callable[[Tensor], Tensor]
_Binary = Callable[[Tensor, Tensor], Tensor]


def _unary(name: str, operation: _Unary, doc: str) -> Callable[[Tensor], Tensor]:
    def function(x: Tensor, /) -> Tensor:
        expect(name, x)
        return operation(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _binary(name: str, operation: _Binary, doc: str) -> Callable[[Operand, Operand], Tensor]:
    def function(x1: Operand, x2: Operand, /) -> Tensor:
        a, b = promoted(name, x1, x2)
        return operation(a, b)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _sign(x: Tensor) -> Tensor:
    """PyTorch's sign of NaN is zero, the standard's NaN."""
    return _native.where(x.isnan(), x, _native.sign(x)) if x.is_floating_point() else x.sign()


def _remainder(x: Tensor, y: Tensor) -> Tensor:
    """A remainder of zero has the sign of the divisor."""
    r = _native.remainder(x, y)
    if not r.is_floating_point():
        return r
    return _native.where(r == 0, _native.copysign(_native.zeros_like(r), y), r)


def _real(x: Tensor) -> Tensor:
    return x


def _divide(x: Tensor, y: Tensor) -> Tensor:
    return _native.div(x, y)


abs = _unary("abs", _native.abs, "The magnitude of each element.")
acos = _unary("acos", _native.acos, "The arc cosine of each element.")
acosh = _unary("acosh", _native.acosh, "The inverse hyperbolic cosine of each element.")
add = _binary("add", _native.add, "x1 + x2.")
asin = _unary("asin", _native.asin, "The arc sine of each element.")
asinh = _unary("asinh", _native.asinh, "The inverse hyperbolic sine of each element.")
atan = _unary("atan", _native.atan, "The arc tangent of each element.")
atan2 = _binary("atan2", _native.atan2, "The angle of the point (x2, x1), in (-pi, pi].")
atanh = _unary("atanh", _native.atanh, "The inverse hyperbolic tangent of each element.")
bitwise_and = _binary("bitwise_and", _native.bitwise_and, "x1 & x2.")
bitwise_invert = _unary("bitwise_invert", _native.bitwise_not, "~x.")
bitwise_left_shift = _binary("bitwise_left_shift", _native.bitwise_left_shift, "x1 << x2.")
bitwise_or = _binary("bitwise_or", _native.bitwise_or, "x1 | x2.")
bitwise_right_shift = _binary("bitwise_right_shift", _native.bitwise_right_shift, "x1 >> x2.")
bitwise_xor = _binary("bitwise_xor", _native.bitwise_xor, "x1 ^ x2.")
ceil = _unary("ceil", _native.ceil, "The smallest whole number that is not less.")
conj = _unary("conj", _real, "The array itself: all are real.")
copysign = _binary("copysign", _native.copysign, "The magnitude of x1 with the sign of x2.")
cos = _unary("cos", _native.cos, "The cosine of each element.")
cosh = _unary("cosh", _native.cosh, "The hyperbolic cosine of each element.")
divide = _binary("divide", _divide, "x1 / x2; of integers in the default dtype.")
equal = _binary("equal", _native.eq, "x1 == x2.")
exp = _unary("exp", _native.exp, "e to the power of each element.")
expm1 = _unary("expm1", _native.expm1, "exp(x) - 1, precise near zero.")
floor = _unary("floor", _native.floor, "The largest whole number that is not greater.")
floor_divide = _binary("floor_divide", _native.floor_divide, "x1 // x2.")
greater = _binary("greater", _native.greater, "x1 > x2.")
greater_equal = _binary("greater_equal", _native.greater_equal, "x1 >= x2.")
hypot = _binary("hypot", _native.hypot, "sqrt(x1**2 + x2**2), without overflow.")
imag = _unary("imag", _native.zeros_like, "Zeros: all arrays are real.")
isfinite = _unary("isfinite", _native.isfinite, "Whether each element is neither NaN nor infinite.")
isinf = _unary("isinf", _native.isinf, "Whether each element is infinite.")
isnan = _unary("isnan", _native.isnan, "Whether each element is NaN.")
less = _binary("less", _native.less, "x1 < x2.")
less_equal = _binary("less_equal", _native.less_equal, "x1 <= x2.")
log = _unary("log", _native.log, "The natural logarithm of each element.")
log1p = _unary("log1p", _native.log1p, "log(1 + x), precise near zero.")
log2 = _unary("log2", _native.log2, "The logarithm to base 2 of each element.")
log10 = _unary("log10", _native.log10, "The logarithm to base 10 of each element.")
logaddexp = _binary("logaddexp", _native.logaddexp, "log(exp(x1) + exp(x2)), without overflow.")
logical_and = _binary("logical_and", _native.logical_and, "Whether both are true.")
logical_not = _unary("logical_not", _native.logical_not, "Whether each element is false.")
logical_or = _binary("logical_or", _native.logical_or, "Whether one or both are true.")
logical_xor = _binary("logical_xor", _native.logical_xor, "Whether just one is true.")
maximum = _binary("maximum", _native.maximum, "The greater of both; NaN if one is.")
minimum = _binary("minimum", _native.minimum, "The lesser of both; NaN if one is.")
multiply = _binary("multiply", _native.multiply, "x1 * x2.")
negative = _unary("negative", _native.negative, "-x.")
nextafter = _binary("nextafter", _native.nextafter, "The number after x1 in the direction of x2.")
not_equal = _binary("not_equal", _native.ne, "x1 != x2.")
positive = _unary("positive", _native.positive, "+x.")
pow = _binary("pow", _native.pow, "x1 to the power of x2.")
real = _unary("real", _real, "The array itself: all are real.")
reciprocal = _unary("reciprocal", _native.reciprocal, "1 / x.")
remainder = _binary("remainder", _remainder, "x1 - x2 * floor(x1 / x2), with the sign of x2.")
round = _unary("round", _native.round, "The nearest whole number, the even one of two.")
sign = _unary("sign", _sign, "-1, 0 or 1 as each element is below, at or above 0; NaN of NaN.")
signbit = _unary("signbit", _native.signbit, "Whether the sign of each element is set, of -0 too.")
sin = _unary("sin", _native.sin, "The sine of each element.")
sinh = _unary("sinh", _native.sinh, "The hyperbolic sine of each element.")
sqrt = _unary("sqrt", _native.sqrt, "The square root of each element.")
square = _unary("square", _native.square, "x * x.")
subtract = _binary("subtract", _native.subtract, "x1 - x2.")
tan = _unary("tan", _native.tan, "The tangent of each element.")
tanh = _unary("tanh", _native.tanh, "The hyperbolic tangent of each element.")
trunc = _unary("trunc", _native.trunc, "Each element without its fraction.")


def clip(x: Tensor, /, min: Operand | None = None, max: Operand | None = None) -> Tensor:
    """x where it is between the bounds, else the nearer one; arrays as bounds are broadcast.

    The result has the dtype of `x`.
    """
    expect("clip", x)
    result = x
    for bound, choose in ((min, _native.maximum), (max, _native.minimum)):
        if bound is not None:
            a, b = promoted("clip", result, bound)
            result = choose(a, b)
    if result is x:
        return x.clone()
    return result._to_dtype(x.dtype)
