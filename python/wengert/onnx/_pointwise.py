"""Pointwise rows as ONNX nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias, cast

from ._export import Call

#: Appends a step's nodes; the names of its results, None for what nobody reads.
Rule: TypeAlias = Callable[[Call], "list[str | None]"]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Registers a function for these rows."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def real(value: object) -> float:
    """An attribute that is a number."""
    return float(cast("float", value))


def _floating(call: Call, index: int = 0) -> str:
    """The input in the dtype of the step, which for functions of reals is floating."""
    return call.input(index, call.output_dtype())


def _unary(kind: str) -> Rule:
    return lambda call: [call.graph.op(kind, _floating(call))]


for _name, _kind in {
    "neg": "Neg", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "abs": "Abs", "relu": "Relu",
    "sigmoid": "Sigmoid", "tanh": "Tanh", "erf": "Erf", "floor": "Floor", "ceil": "Ceil",
    "sign": "Sign", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin",
    "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "asinh": "Asinh",
    "acosh": "Acosh", "atanh": "Atanh", "reciprocal": "Reciprocal", "softsign": "Softsign",
    "hardswish": "HardSwish", "positive": "Identity",
}.items():  # fmt: skip
    RULES[_name] = _unary(_kind)


def _binary(kind: str) -> Rule:
    def make(call: Call) -> list[str | None]:
        dtype = call.step.dtype
        return [call.graph.op(kind, call.input(0, dtype), call.input(1, dtype))]

    return make


for _name, _kind in {
    "mul": "Mul", "pow": "Pow", "maximum": "Max", "minimum": "Min", "eq": "Equal", "lt": "Less",
    "gt": "Greater", "le": "LessOrEqual", "ge": "GreaterOrEqual",
}.items():  # fmt: skip
    RULES[_name] = _binary(_kind)


@rule("add", "sub", "rsub", "add_scaled", "sub_scaled")
def _add(call: Call) -> list[str | None]:
    """x + alpha y"""
    dtype, kind = call.step.dtype, "Add" if call.step.op.startswith("add") else "Sub"
    x, y = call.input(0, dtype), call.input(1, dtype)
    alpha = call.attribute(0) if call.step.attributes else None
    if call.step.op == "rsub":
        x, y = y, x
    if alpha is not None and real(alpha) != 1:
        y = call.graph.op("Mul", y, call.number(real(alpha)))
    return [call.graph.op(kind, x, y)]


@rule("div")
def _div(call: Call) -> list[str | None]:
    dtype = call.output_dtype()
    if any(mode is not None for mode in call.step.attributes):
        raise call.refuse("a rounding_mode")
    return [call.graph.op("Div", call.input(0, dtype), call.input(1, dtype))]


@rule("ne")
def _ne(call: Call) -> list[str | None]:
    dtype = call.step.dtype
    return [
        call.graph.op("Not", call.graph.op("Equal", call.input(0, dtype), call.input(1, dtype)))
    ]


@rule("logical_not", "bitwise_not")
def _not(call: Call) -> list[str | None]:
    if call.step.op == "bitwise_not" and call.dtype(0) != "bool":
        raise call.refuse("numbers: ONNX has it from opset 18 on")
    return [call.graph.op("Not", call.input(0, "bool"))]


@rule("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor")
def _logical(call: Call) -> list[str | None]:
    how, _, kind = call.step.op.partition("_")
    if how == "bitwise" and call.dtype(0) != "bool":
        raise call.refuse("numbers: ONNX has it from opset 18 on")
    return [call.graph.op(kind.capitalize(), call.input(0, "bool"), call.input(1, "bool"))]


@rule("isnan")
def _isnan(call: Call) -> list[str | None]:
    return [call.graph.op("IsNaN", call.input(0))]


@rule("round")
def _round(call: Call) -> list[str | None]:
    if any(call.step.attributes):
        raise call.refuse("decimals")
    return [call.graph.op("Round", _floating(call))]


@rule("square")
def _square(call: Call) -> list[str | None]:
    x = _floating(call)
    return [call.graph.op("Mul", x, x)]


@rule("rsqrt")
def _rsqrt(call: Call) -> list[str | None]:
    return [call.graph.op("Reciprocal", call.graph.op("Sqrt", _floating(call)))]


@rule("log1p", "expm1", "log2", "log10", "exp2")
def _shifted(call: Call) -> list[str | None]:
    g, x, dtype = call.graph, _floating(call), call.output_dtype()
    one = call.number(1, dtype)
    match call.step.op:
        case "log1p":
            return [g.op("Log", g.op("Add", x, one))]
        case "expm1":
            return [g.op("Sub", g.op("Exp", x), one)]
        case "exp2":
            return [g.op("Exp", g.op("Mul", x, call.number(math.log(2), dtype)))]
    base = 2 if call.step.op == "log2" else 10
    return [g.op("Mul", g.op("Log", x), call.number(1 / math.log(base), dtype))]


@rule("silu")
def _silu(call: Call) -> list[str | None]:
    x = _floating(call)
    return [call.graph.op("Mul", x, call.graph.op("Sigmoid", x))]


@rule("gelu")
def _gelu(call: Call) -> list[str | None]:
    """x (1 + erf(x / sqrt 2)) / 2, or with tanh(sqrt(2 / pi) (x + 0.044715 x^3)) for erf."""
    g, x = call.graph, _floating(call)
    if call.attribute(0) in (None, 0, False, "none"):
        inner = g.op("Erf", g.op("Mul", x, call.number(math.sqrt(0.5))))
    else:
        cube = g.op("Mul", g.op("Mul", x, x), g.op("Mul", x, call.number(0.044715)))
        scale = call.number(math.sqrt(2 / math.pi))
        inner = g.op("Tanh", g.op("Mul", g.op("Add", x, cube), scale))
    half = g.op("Mul", x, call.number(0.5))
    return [g.op("Mul", half, g.op("Add", inner, call.number(1)))]


@rule("softplus")
def _softplus(call: Call) -> list[str | None]:
    beta, threshold = real(call.attribute(0)), real(call.attribute(1))
    g, x = call.graph, _floating(call)
    scaled = g.op("Mul", x, call.number(beta))
    soft = g.op("Mul", g.op("Softplus", scaled), call.number(1 / beta))
    return [g.op("Where", g.op("Greater", scaled, call.number(threshold)), x, soft)]


@rule("logsigmoid", "log_sigmoid")
def _logsigmoid(call: Call) -> list[str | None]:
    g = call.graph
    return [g.op("Neg", g.op("Softplus", g.op("Neg", _floating(call))))]


@rule("mish")
def _mish(call: Call) -> list[str | None]:
    g, x = call.graph, _floating(call)
    return [g.op("Mul", x, g.op("Tanh", g.op("Softplus", x)))]


@rule("elu")
def _elu(call: Call) -> list[str | None]:
    """s x where x > 0, else s a (e^(k x) - 1)"""
    alpha, scale, inner = (real(call.attribute(i)) for i in range(3))
    g, x, zero = call.graph, _floating(call), call.number(0)
    below = g.op("Min", x, zero)
    curved = g.op("Sub", g.op("Exp", g.op("Mul", below, call.number(inner))), call.number(1))
    positive = g.op("Mul", g.op("Max", x, zero), call.number(scale))
    return [g.op("Add", positive, g.op("Mul", curved, call.number(alpha * scale)))]


@rule("leaky_relu")
def _leaky_relu(call: Call) -> list[str | None]:
    return [call.graph.op("LeakyRelu", _floating(call), alpha=real(call.attribute(0)))]


@rule("hardtanh", "relu6")
def _hardtanh(call: Call) -> list[str | None]:
    low, high = (0.0, 6.0) if call.step.op == "relu6" else (
        real(call.attribute(0)), real(call.attribute(1))
    )  # fmt: skip
    return [call.graph.op("Clip", _floating(call), call.number(low), call.number(high))]


@rule("hardsigmoid")
def _hardsigmoid(call: Call) -> list[str | None]:
    return [call.graph.op("HardSigmoid", _floating(call), alpha=1 / 6, beta=0.5)]


@rule("clamp_both")
def _clamp_both(call: Call) -> list[str | None]:
    g, dtype = call.graph, call.step.dtype
    above = g.op("Max", call.input(0, dtype), call.input(1, dtype))
    return [g.op("Min", above, call.input(2, dtype))]


@rule("clamp", "clamp_min", "clamp_max")
def _clamp(call: Call) -> list[str | None]:
    g, dtype = call.graph, call.step.dtype
    x = call.input(0, dtype)
    if call.step.op != "clamp":
        return [g.op("Max" if call.step.op == "clamp_min" else "Min", x, call.input(1, dtype))]
    if call.has(1):
        x = g.op("Max", x, call.input(1, dtype))
    return [g.op("Min", x, call.input(2, dtype)) if call.has(2) else x]


@rule("trunc", "frac")
def _trunc(call: Call) -> list[str | None]:
    g, x = call.graph, _floating(call)
    whole = g.op("Mul", g.op("Sign", x), g.op("Floor", g.op("Abs", x)))
    return [whole if call.step.op == "trunc" else g.op("Sub", x, whole)]


@rule("floor_divide", "remainder")
def _floor_divide(call: Call) -> list[str | None]:
    """floor(x / y), and x - y floor(x / y)"""
    g, dtype = call.graph, call.step.dtype
    if not dtype.startswith("float"):
        raise call.refuse("integers, which ONNX divides towards zero")
    x, y = call.input(0, dtype), call.input(1, dtype)
    quotient = g.op("Floor", g.op("Div", x, y))
    if call.step.op == "floor_divide":
        return [quotient]
    return [g.op("Sub", x, g.op("Mul", y, quotient))]


@rule("lerp")
def _lerp(call: Call) -> list[str | None]:
    """x + w (y - x)"""
    g, dtype = call.graph, call.output_dtype()
    x, y, weight = (call.input(i, dtype) for i in range(3))
    return [g.op("Add", x, g.op("Mul", weight, g.op("Sub", y, x)))]


@rule("addcmul_float", "addcdiv_float")
def _addc(call: Call) -> list[str | None]:
    """x + value y z, or x + value y / z"""
    g, dtype = call.graph, call.output_dtype()
    x, y, z = (call.input(i, dtype) for i in range(3))
    product = g.op("Mul" if call.step.op == "addcmul_float" else "Div", y, z)
    value = real(call.attribute(0))
    return [g.op("Add", x, g.op("Mul", product, call.number(value, dtype)))]


@rule("prelu_each")
def _prelu(call: Call) -> list[str | None]:
    g, x = call.graph, call.input(0)
    below = g.op("Mul", g.op("Min", x, call.number(0)), call.input(1))
    return [g.op("Add", g.op("Max", x, call.number(0)), below)]


@rule("threshold_float")
def _threshold(call: Call) -> list[str | None]:
    g, x = call.graph, call.input(0)
    bound, value = (call.number(real(call.attribute(i))) for i in range(2))
    return [g.op("Where", g.op("Greater", x, bound), x, value)]


@rule("glu")
def _glu(call: Call) -> list[str | None]:
    """a sigmoid(b), of the halves of x"""
    g, axis = call.graph, int(real(call.attribute(0))) % len(call.shape(0))
    call.static([axis])
    half = call.shape(0)[axis] // 2
    a, b = g.node("Split", [call.input(0), g.constant([half, half])], 2, axis=axis)
    return [g.op("Mul", a, g.op("Sigmoid", b))]


@rule("where")
def _where(call: Call) -> list[str | None]:
    dtype = call.output_dtype()
    condition = call.input(0, "bool")
    return [call.graph.op("Where", condition, call.input(1, dtype), call.input(2, dtype))]


@rule("masked_fill")
def _masked_fill(call: Call) -> list[str | None]:
    dtype = call.output_dtype()
    return [
        call.graph.op("Where", call.input(1, "bool"), call.input(2, dtype), call.input(0, dtype))
    ]


@rule("clone", "_contiguous", "detach", "_strided_copy", "alias")
def _same(call: Call) -> list[str | None]:
    return [call.graph.op("Identity", call.input(0))]


@rule("to", "_to", "copy_")
def _cast(call: Call) -> list[str | None]:
    return [call.input(1 if call.step.op == "copy_" else 0, call.output_dtype())]


__all__ = ["RULES", "Rule", "real", "rule"]
