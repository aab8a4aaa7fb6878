"""Operators of ONNX that work on each element, and reductions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from .. import _native
from .._native import Tensor
from ..nn import functional as F
from ._call import Call, Results, operator

_T = TypeVar("_T")


def _plain(*names: str) -> Callable[[_T], _T]:
    """Makes a function of tensors alone the operator of these names."""

    def register(function: _T) -> _T:
        operator(*names)(lambda call, *inputs: function(*inputs))  # type: ignore[operator]
        return function

    return register


for _name in (
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Erf", "Exp",
    "Floor", "IsNaN", "Log", "Neg", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin",
    "Sinh", "Sqrt", "Tan", "Tanh",
):  # fmt: skip
    _plain(_name)(getattr(Tensor, _name.lower()))

for _name, _method in (
    ("Add", "__add__"), ("Sub", "__sub__"), ("Mul", "__mul__"), ("Equal", "eq"), ("Less", "lt"),
    ("LessOrEqual", "le"), ("Greater", "gt"), ("GreaterOrEqual", "ge"), ("And", "logical_and"),
    ("Or", "logical_or"), ("Xor", "logical_xor"), ("Not", "logical_not"),
    ("MatMul", "matmul"), ("BitwiseAnd", "bitwise_and"), ("BitwiseOr", "bitwise_or"),
    ("BitwiseXor", "bitwise_xor"), ("BitwiseNot", "bitwise_not"),
):  # fmt: skip
    _plain(_name)(getattr(Tensor, _method))

for _name, _function in (
    ("Softsign", F.softsign), ("HardSwish", F.hardswish), ("Mish", F.mish),
):  # fmt: skip
    _plain(_name)(_function)


@operator("Div")
def _div(call: Call, a: Tensor, b: Tensor) -> Tensor:
    return a / b if a.is_floating_point() else a.div(b, rounding_mode="trunc")


@operator("Mod")
def _mod(call: Call, a: Tensor, b: Tensor) -> Tensor:
    return a.fmod(b) if call.number("fmod") else a.remainder(b)


@operator("Pow")
def _pow(call: Call, x: Tensor, exponent: Tensor) -> Tensor:
    """The result has the dtype of the base. Of one constant, the number is used."""
    if call.static[1] and exponent.numel() == 1 and exponent.dim() <= x.dim():
        power = _native._outside_capture(exponent.item)
        return x ** (int(power) if power == int(power) else power) if power == power else x**power
    return (x**exponent).to(x.dtype)


def _variadic(name: str, function: Callable[[Tensor, Tensor], Tensor]) -> None:
    operator(name)(lambda call, *inputs: functools.reduce(function, inputs))


_variadic("Max", Tensor.maximum)
_variadic("Min", Tensor.minimum)
_variadic("Sum", Tensor.__add__)


@operator("Mean")
def _mean(call: Call, *inputs: Tensor) -> Tensor:
    return functools.reduce(Tensor.__add__, inputs) / len(inputs)


@operator("Where")
def _where(call: Call, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return x.where(condition, y)


@operator("Clip", settings=(1, 2))
def _clip(call: Call, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    if call.opset < 11:
        low = x.new_tensor(call.real("min")) if call.has("min") else None
        high = x.new_tensor(call.real("max")) if call.has("max") else None
    x = x if low is None else x.maximum(low)
    return x if high is None else x.minimum(high)


@operator("IsInf")
def _isinf(call: Call, x: Tensor) -> Tensor:
    above, below = call.number("detect_positive", 1), call.number("detect_negative", 1)
    found = x.isinf()
    return found if above and below else found & (x > 0 if above else x < 0)


# ---- activations -------------------------------------------------------------------------------


@operator("LeakyRelu")
def _leaky_relu(call: Call, x: Tensor) -> Tensor:
    return F.leaky_relu(x, call.real("alpha", 0.01))


@operator("PRelu")
def _prelu(call: Call, x: Tensor, slope: Tensor) -> Tensor:
    return x.where(x >= 0, x * slope)


@operator("Elu")
def _elu(call: Call, x: Tensor) -> Tensor:
    return F.elu(x, call.real("alpha", 1.0))


@operator("Celu")
def _celu(call: Call, x: Tensor) -> Tensor:
    return F.celu(x, call.real("alpha", 1.0))


@operator("Selu")
def _selu(call: Call, x: Tensor) -> Tensor:
    alpha, gamma = call.real("alpha", 1.6732631921768188), call.real("gamma", 1.0507010221481323)
    return F.elu(x, alpha) * gamma


@operator("ThresholdedRelu")
def _thresholded_relu(call: Call, x: Tensor) -> Tensor:
    return F.threshold(x, call.real("alpha", 1.0), 0.0)


@operator("HardSigmoid")
def _hard_sigmoid(call: Call, x: Tensor) -> Tensor:
    return (x * call.real("alpha", 0.2) + call.real("beta", 0.5)).clamp(0, 1)


@operator("Softplus")
def _softplus(call: Call, x: Tensor) -> Tensor:
    return F.softplus(x)


@operator("Shrink")
def _shrink(call: Call, x: Tensor) -> Tensor:
    bias, bound = call.real("bias"), call.real("lambd", 0.5)
    return (x - bias).where(x > bound, (x + bias).where(x < -bound, 0.0))


@operator("Gelu")
def _gelu(call: Call, x: Tensor) -> Tensor:
    how = call.text("approximate", "none")
    if how not in ("none", "tanh"):
        raise call.refuse(f"approximate {how!r}")
    return F.gelu(x, approximate="none" if how == "none" else "tanh")


@operator("Swish")
def _swish(call: Call, x: Tensor) -> Tensor:
    alpha = call.real("alpha", 1.0)
    return F.silu(x) if alpha == 1 else x * (x * alpha).sigmoid()


@operator("Softmax", "LogSoftmax")
def _softmax(call: Call, x: Tensor) -> Tensor:
    """Before version 13 over all dimensions from the axis on, as one."""
    axis = call.number("axis", -1 if call.opset >= 13 else 1)
    function = F.softmax if call.node.op == "Softmax" else F.log_softmax
    if call.opset >= 13 or axis in (-1, x.dim() - 1):
        return function(x, axis)
    return function(x.flatten(axis), axis).view(x.shape)


@operator("Dropout", settings=(1, 2))
def _dropout(
    call: Call, x: Tensor, ratio: Tensor | None = None, mode: Tensor | None = None
) -> Results:
    """The identity, unless the module is in training mode or the node says so."""
    given = call.real("ratio", 0.5)
    if ratio is not None:
        given = float(_native._outside_capture(ratio.item))
    training = call.training or (mode is not None and bool(_native._outside_capture(mode.item)))
    y = F.dropout(x, given, training)
    return y if len(call.node.outputs) < 2 else (y, _native.ones_like(x, dtype=_native.bool))


# ---- reductions --------------------------------------------------------------------------------


def _reduction(name: str, function: Callable[[Tensor, list[int], bool], Tensor]) -> None:
    def reduce(call: Call, x: Tensor, given: Tensor | None = None) -> Tensor:
        axes = call.axes(1, given)
        if not axes:
            if call.number("noop_with_empty_axes"):
                return x
            axes = list(range(x.dim()))
        return function(x, axes, bool(call.number("keepdims", 1)))

    operator("Reduce" + name, settings=(1,))(reduce)


def _prod(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


def _sum(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    return x.sum(axes, keepdim=keep, dtype=x.dtype) if axes else x


_reduction("Sum", _sum)
_reduction("Prod", _prod)
_reduction("Mean", lambda x, axes, keep: x.mean(axes, keepdim=keep) if axes else x)
_reduction("Max", lambda x, axes, keep: x.amax(axes, keepdim=keep))
_reduction("Min", lambda x, axes, keep: x.amin(axes, keepdim=keep))
_reduction("L1", lambda x, axes, keep: _sum(x.abs(), axes, keep))
_reduction("L2", lambda x, axes, keep: x.norm(2, axes, keepdim=keep))
_reduction("SumSquare", lambda x, axes, keep: _sum(x * x, axes, keep))
_reduction("LogSum", lambda x, axes, keep: _sum(x, axes, keep).log())
_reduction("LogSumExp", lambda x, axes, keep: x.logsumexp(axes, keepdim=keep))


@operator("ArgMax", "ArgMin")
def _argmax(call: Call, x: Tensor) -> Tensor:
    if call.number("select_last_index"):
        raise call.refuse("select_last_index")
    find = x.argmax if call.node.op == "ArgMax" else x.argmin
    return find(call.number("axis"), keepdim=bool(call.number("keepdims", 1)))


@operator("CumSum", settings=(1,))
def _cumsum(call: Call, x: Tensor, axis: Tensor) -> Tensor:
    (dim,) = call.sizes(1, axis) or [0]
    back = call.number("reverse")
    x = x.flip(dim) if back else x
    y = x.cumsum(dim, dtype=x.dtype)
    y = y - x if call.number("exclusive") else y
    return y.flip(dim) if back else y


@operator("TopK", settings=(1,))
def _topk(call: Call, x: Tensor, k: Tensor) -> Results:
    (count,) = call.sizes(1, k) or [0]
    values, indices = x.topk(count, call.number("axis", -1), bool(call.number("largest", 1)))
    return values, indices


@operator("Einsum")
def _einsum(call: Call, *inputs: Tensor) -> Tensor:
    from .._einsum import einsum

    return einsum(call.text("equation"), *inputs)
