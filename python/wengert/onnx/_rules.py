"""Rows with a structure as ONNX nodes: products, layers, reductions, indices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np

from ._export import Call
from ._model import array_of
from ._pointwise import RULES, real, rule
from ._script import Piece

__all__ = ["RULES"]


def _ints(value: object) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else cast("tuple[int, ...]", value)


def _dim(value: object, rank: int) -> int:
    return cast("int", value) % max(rank, 1)


# ---- products ----------------------------------------------------------------------------------


@rule("linear")
def _linear(call: Call) -> list[str | None]:
    """x W^T + b"""
    g, x, weight = call.graph, call.input(0), call.input(1)
    if len(call.shape(0)) == 2:
        bias = [call.input(2)] if call.has(2) else []
        return [g.op("Gemm", x, weight, *bias, transB=1)]
    product = g.op("MatMul", x, g.op("Transpose", weight, perm=[1, 0]))
    return [g.op("Add", product, call.input(2)) if call.has(2) else product]


@rule("matmul", "mm", "bmm", "mv", "dot")
def _matmul(call: Call) -> list[str | None]:
    return [call.graph.op("MatMul", call.input(0), call.input(1))]


@rule("addmm", "baddbmm", "addmv")
def _addmm(call: Call) -> list[str | None]:
    """beta x + alpha A B"""
    beta, alpha = real(call.attribute(0)), real(call.attribute(1))
    g, product = call.graph, call.graph.op("MatMul", call.input(1), call.input(2))
    if alpha != 1:
        product = g.op("Mul", product, call.number(alpha))
    if beta == 0:
        return [product]
    added = call.input(0)
    return [g.op("Add", product, added if beta == 1 else g.op("Mul", added, call.number(beta)))]


@rule("conv_output")
def _conv(call: Call) -> list[str | None]:
    stride, padding, dilation = (_ints(call.attribute(i)) for i in range(3))
    inputs = [call.input(i) for i in range(3) if call.has(i)]
    return [
        call.graph.op(
            "Conv", *inputs, strides=stride, pads=[*padding, *padding], dilations=dilation,
            group=cast("int", call.attribute(3)), kernel_shape=call.shape(1)[2:],
        )
    ]  # fmt: skip


@rule("conv_input")
def _conv_transposed(call: Call) -> list[str | None]:
    stride, padding, dilation = (_ints(call.attribute(i)) for i in range(3))
    inputs = [call.input(i) for i in range(3) if call.has(i)]
    kernel, made = call.shape(1)[2:], call.output().shape[2:]
    wanted = [
        size - ((n - 1) * s - 2 * p + d * (k - 1) + 1)
        for size, n, s, p, d, k in zip(
            made, call.shape(0)[2:], stride, padding, dilation, kernel, strict=True
        )
    ]
    return [
        call.graph.op(
            "ConvTranspose", *inputs, strides=stride, pads=[*padding, *padding],
            dilations=dilation, group=cast("int", call.attribute(3)), kernel_shape=kernel,
            output_padding=wanted,
        )
    ]  # fmt: skip


# ---- pooling -----------------------------------------------------------------------------------


def _batched(call: Call, spatial: int, pool: str, **attributes: object) -> str:
    """A pool of (N, C, ...), which one image is made."""
    x, rank = call.input(0), len(call.shape(0))
    g = call.graph
    single = rank == spatial + 1
    if single:
        x = g.op("Unsqueeze", x, g.constant([0]))
    x = g.op(pool, x, **attributes)  # type: ignore[arg-type]
    return g.op("Squeeze", x, g.constant([0])) if single else x


@rule("max_pool1d", "max_pool2d", "max_pool3d")
def _max_pool(call: Call) -> list[str | None]:
    n = int(call.step.op[-2])
    kernel, stride, padding, dilation = (call.attribute(i) for i in range(4))
    ceil = any(value is True for value in call.step.attributes[4:])
    sizes = _each(kernel, n)
    pad = _each(padding, n)
    return [
        _batched(
            call, n, "MaxPool", kernel_shape=sizes, strides=_each(stride or kernel, n),
            pads=[*pad, *pad], dilations=_each(dilation, n), ceil_mode=int(ceil),
        )
    ]  # fmt: skip


def _each(value: object, n: int) -> tuple[int, ...]:
    given = _ints(value)
    return given * n if len(given) == 1 else given


@rule("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(call: Call) -> list[str | None]:
    n = int(call.step.op[-2])
    kernel, stride, padding, ceil, include = (call.attribute(i) for i in range(5))
    if any(value is not None for value in call.step.attributes[5:]):
        raise call.refuse("divisor_override")
    pad = _each(padding, n)
    if ceil and any(pad):
        raise call.refuse("ceil_mode with padding counts elements otherwise in ONNX")
    return [
        _batched(
            call, n, "AveragePool", kernel_shape=_each(kernel, n),
            strides=_each(stride or kernel, n), pads=[*pad, *pad], ceil_mode=int(bool(ceil)),
            count_include_pad=int(bool(include)),
        )
    ]  # fmt: skip


@rule(*(f"adaptive_{kind}_pool{n}d" for kind in ("avg", "max") for n in (1, 2, 3)))
def _adaptive(call: Call) -> list[str | None]:
    n, kind = int(call.step.op[-2]), call.step.op[9:12]
    shape, made = call.shape(0)[-n:], call.output().shape[-n:]
    name = "AveragePool" if kind == "avg" else "MaxPool"
    if all(size == 1 for size in made):
        return [_batched(call, n, "GlobalAveragePool" if kind == "avg" else "GlobalMaxPool")]
    if any(size % out for size, out in zip(shape, made, strict=True)):
        raise call.refuse(f"sizes {shape} that are no multiples of {made}")
    window = [size // out for size, out in zip(shape, made, strict=True)]
    return [_batched(call, n, name, kernel_shape=window, strides=window)]


# ---- norms and softmax -------------------------------------------------------------------------


@rule("batch_norm_eval")
def _batch_norm(call: Call) -> list[str | None]:
    channels, dtype = call.shape(3)[0], call.dtype(0)
    g = call.graph
    weight = call.input(1) if call.has(1) else g.constant(array_of([1.0] * channels, dtype))
    bias = call.input(2) if call.has(2) else g.constant(array_of([0.0] * channels, dtype))
    inputs = call.input(0), weight, bias, call.input(3), call.input(4)
    return [g.op("BatchNormalization", *inputs, epsilon=real(call.attribute(0)))]


@rule("group_norm_forward")
def _group_norm(call: Call) -> list[str | None]:
    """Of each sample and group: (x - mean) / sqrt(var + eps), or x / sqrt(mean x^2 + eps)."""
    lead, spatial, groups = (cast("int", call.attribute(i)) for i in range(3))
    eps, centred = real(call.attribute(3)), call.attribute(4)
    g, x, shape = call.graph, call.input(0), call.shape(0)
    whole = list(range(lead, len(shape)))
    if groups == 1 and spatial == len(shape) and centred and call.has(1):
        weight = g.op("Reshape", call.input(1), g.constant(list(shape[lead:])))
        inputs = [x, weight]
        if call.has(2):
            inputs.append(g.op("Reshape", call.input(2), g.constant(list(shape[lead:]))))
        return [g.op("LayerNormalization", *inputs, axis=lead, epsilon=eps), None, None]
    if groups != 1:
        sizes = [0] * lead + [groups, -1]
        grouped = g.op("Reshape", x, g.constant(sizes))
        whole = [lead + 1]
    else:
        grouped = x
    if centred:
        grouped = g.op("Sub", grouped, g.reduce("Mean", grouped, whole))
    square = g.op("Mul", grouped, grouped)
    mean = g.reduce("Mean", square, whole)
    scale = g.op("Sqrt", g.op("Add", mean, call.number(eps, call.dtype(0))))
    y = g.op("Div", grouped, scale)
    if groups != 1:
        y = g.op("Reshape", y, g.op("Shape", x))
    along = [*shape[lead:spatial], *[1] * (len(shape) - spatial)]
    for i, kind in ((1, "Mul"), (2, "Add")):
        if call.has(i):
            y = g.op(kind, y, g.op("Reshape", call.input(i), g.constant(along)))
    return [y, None, None]


@rule("softmax", "log_softmax")
def _softmax(call: Call) -> list[str | None]:
    kind = "Softmax" if call.step.op == "softmax" else "LogSoftmax"
    axis = _dim(call.attribute(0), len(call.shape(0)))
    return [call.graph.op(kind, call.input(0, call.output_dtype()), axis=axis)]


@rule("attention_forward")
def _attention(call: Call) -> list[str | None]:
    """softmax(q k^T scale + mask) v, of heads in the dimension before the last two."""
    g, dtype = call.graph, call.dtype(0)
    if call.has(4):
        raise call.refuse("dropout")
    query, key, value = (call.input(i) for i in range(3))
    rank = len(call.shape(0))
    key, value = _repeated(call, key, 1), _repeated(call, value, 2)
    order = [*range(rank - 2), rank - 1, rank - 2]
    scale = call.number(real(call.attribute(0)), dtype)
    scores = g.op("MatMul", g.op("Mul", query, scale), g.op("Transpose", key, perm=order))
    if call.has(3):
        if call.dtype(3) == "bool":
            least = call.number(-math.inf, dtype)
            scores = g.op("Where", call.input(3), scores, least)
        else:
            scores = g.op("Add", scores, call.input(3))
    if call.attribute(1):
        scores = _causal(call, scores)
    return [g.op("MatMul", g.op("Softmax", scores, axis=rank - 1), value), None]


def _repeated(call: Call, value: str, index: int) -> str:
    """Keys or values of fewer heads than the queries, once for each."""
    heads, own = call.shape(0)[-3:-2], call.shape(index)[-3:-2]
    if heads == own:
        return value
    g, rank = call.graph, len(call.shape(index))
    each = [n for n in range(own[0]) for _ in range(heads[0] // own[0])]
    return g.op("Gather", value, g.constant(each), axis=rank - 3)


def _causal(call: Call, scores: str) -> str:
    """Of the query at i and the key at j, those with j <= i count."""
    g, dtype = call.graph, call.dtype(0)
    size = g.op("Shape", scores)
    zero, one = g.constant(np.int64(0).reshape(())), g.constant(np.int64(1).reshape(()))
    ranges = []
    for axis in (-2, -1):
        end = g.op("Gather", size, g.constant(np.asarray(axis, np.int64)), axis=0)
        ranges.append(g.op("Range", zero, end, one))
    rows = g.op("Unsqueeze", ranges[0], g.constant([1]))
    seen = g.op("GreaterOrEqual", rows, ranges[1])
    return g.op("Where", seen, scores, call.number(-math.inf, dtype))


# ---- reductions --------------------------------------------------------------------------------


def _axes(call: Call, value: object, rank: int) -> list[int]:
    if value is None or value == ():
        return list(range(rank))
    return sorted(_dim(d, rank) for d in _ints(value))


@rule("sum", "mean", "amax", "amin", "prod")
def _reduce(call: Call) -> list[str | None]:
    g, rank, dtype = call.graph, len(call.shape(0)), call.output_dtype()
    x = call.input(0, dtype)
    if not rank:
        return [g.op("Identity", x)]
    given = call.step.attributes
    axes = _axes(call, call.attribute(0) if given else None, rank)
    keep = int(len(call.output().shape) == rank)
    kind = {"sum": "Sum", "mean": "Mean", "amax": "Max", "amin": "Min", "prod": "Prod"}
    return [g.reduce(kind[call.step.op], x, axes, keep)]


@rule("max", "min")
def _extreme(call: Call) -> list[str | None]:
    g, rank = call.graph, len(call.shape(0))
    kind = call.step.op.capitalize()
    x = call.input(0)
    if len(call) == 2:
        return [g.op(kind, call.input(0, call.step.dtype), call.input(1, call.step.dtype))]
    if not call.step.attributes:
        return [g.reduce(kind, x, list(range(rank)), 0)]
    axis = _dim(call.attribute(0), rank)
    keep = int(len(call.output().shape) == rank)
    return [
        g.reduce(kind, x, [axis], keep),
        g.op("Arg" + kind, x, axis=axis, keepdims=keep),
    ]


@rule("argmax", "argmin")
def _arg(call: Call) -> list[str | None]:
    g, x, rank = call.graph, call.input(0), len(call.shape(0))
    kind = "ArgMax" if call.step.op == "argmax" else "ArgMin"
    axis = call.attribute(0)
    if axis is None:
        flat = g.op("Reshape", x, g.constant([-1]))
        return [g.op(kind, flat, axis=0, keepdims=0)]
    keep = int(len(call.output().shape) == rank)
    return [g.op(kind, x, axis=_dim(axis, rank), keepdims=keep)]


@rule("logsumexp")
def _logsumexp(call: Call) -> list[str | None]:
    rank = len(call.shape(0))
    keep = int(len(call.output().shape) == rank)
    axes = _axes(call, call.attribute(0), rank)
    return [call.graph.reduce("LogSumExp", call.input(0), axes, keep)]


@rule("cumsum")
def _cumsum(call: Call) -> list[str | None]:
    axis = call.graph.constant(np.asarray(_dim(call.attribute(0), len(call.shape(0))), np.int64))
    return [call.graph.op("CumSum", call.input(0, call.output_dtype()), axis)]


@rule("var", "std")
def _variance(call: Call) -> list[str | None]:
    """sum (x - mean)^2 / (n - correction)"""
    g, x, shape = call.graph, call.input(0), call.shape(0)
    axes = _axes(call, call.attribute(0), len(shape))
    keep = int(len(call.output().shape) == len(shape))
    correction = real(1 if call.attribute(1) is None else call.attribute(1))
    call.static(axes)
    n = math.prod(shape[d] for d in axes)
    centred = g.op("Sub", x, g.reduce("Mean", x, axes))
    mean = g.reduce("Mean", g.op("Mul", centred, centred), axes, keep)
    y = g.op("Mul", mean, call.number(n / max(n - correction, 0) if n > correction else math.nan))
    return [g.op("Sqrt", y) if call.step.op == "std" else y]


@rule("_resample")
def _resample(call: Call) -> list[str | None]:
    """Of (N, C, ...); sizes are those of the result, and scales follow from them."""
    mode, corners = call.attribute(1), call.attribute(2)
    rank = len(call.shape(0))
    made = call.output_sizes()
    if mode not in (0, 2, 3) or (mode == 3 and rank != 4):
        raise call.refuse(f"mode {mode} of {rank - 2} dimensions")
    shape, size = call.shape(0)[2:], call.output().shape[2:]
    if mode == 0 and any(a % b for a, b in zip(size, shape, strict=True)):
        raise call.refuse(f"the nearest of {shape} for {size}, which are no multiples")
    where = "align_corners" if corners else "half_pixel" if mode else "asymmetric"
    return [
        call.graph.op(
            "Resize", call.input(0), "", "", made,
            mode={0: "nearest", 2: "linear", 3: "cubic"}[cast("int", mode)],
            coordinate_transformation_mode=where, cubic_coeff_a=-0.75,
            nearest_mode="floor" if mode == 0 else None,
        )
    ]  # fmt: skip


# ---- recurrent layers --------------------------------------------------------------------------

# The order of ONNX's gates in ours: i, o, f, c of i, f, g, o; z, r, h of r, z, n.
_GATES = {2: ("LSTM", (0, 3, 1, 2)), 3: ("GRU", (1, 0, 2)), 0: ("RNN", (0,)), 1: ("RNN", (0,))}


def _by_gates(call: Call, index: int, order: Sequence[int]) -> str:
    """Weights or biases with the rows of their gates in another order."""
    each = call.shape(index)[0] // len(order)
    rows = [k * each + i for k in order for i in range(each)]
    g = call.graph
    return g.op("Gather", call.input(index), g.constant(rows), axis=0)


@rule("rnn_layer")
def _rnn_layer(call: Call) -> list[str | None]:
    """One direction of one layer."""
    g, mode = call.graph, cast("int", call.attribute(0))
    if call.has(1) or call.has(8) or len(call.shape(0)) != 3:
        raise call.refuse("packed sequences, projections and single steps")
    kind, order = _GATES[mode]
    hidden, dtype, first = call.shape(5)[1], call.dtype(0), g.constant([0])
    x = call.input(0)
    if call.attribute(1):
        x = g.op("Transpose", x, perm=[1, 0, 2])
    weights = [g.op("Unsqueeze", _by_gates(call, i, order), first) for i in (4, 5)]
    none = array_of([0.0] * (len(order) * hidden), dtype)
    biases = [_by_gates(call, i, order) if call.has(i) else g.constant(none) for i in (6, 7)]
    bias = g.op("Unsqueeze", g.op("Concat", *biases, axis=0), first)
    states = [call.input(i) if call.has(i) else "" for i in ((2, 3) if mode == 2 else (2,))]
    y, *last = g.node(
        kind, [x, *weights, bias, "", *states], 3 if mode == 2 else 2, hidden_size=hidden,
        direction="reverse" if call.attribute(2) else "forward",
        linear_before_reset=1 if mode == 3 else None,
        activations=["Relu"] if mode == 1 else None,
    )  # fmt: skip
    y = g.op("Squeeze", y, g.constant([1]))
    if call.attribute(1):
        y = g.op("Transpose", y, perm=[1, 0, 2])
    return [y, *last]


# ---- shapes and indices ------------------------------------------------------------------------


@rule("cat", "stack")
def _cat(call: Call) -> list[str | None]:
    g, dtype = call.graph, call.output_dtype()
    axis = _dim(call.attribute(0), len(call.output().shape))
    parts = [i for i in range(len(call)) if call.shape(i) != (0,)]
    values = [call.input(i, dtype) for i in parts]
    if call.step.op == "stack":
        values = [g.op("Unsqueeze", value, g.constant([axis])) for value in values]
    return [g.op("Concat", *values, axis=axis)]


@rule("embedding_rows")
def _embedding(call: Call) -> list[str | None]:
    return [call.graph.op("Gather", call.input(0), call.input(1), axis=0)]


@rule("index_select")
def _index_select(call: Call) -> list[str | None]:
    axis = _dim(call.attribute(0), len(call.shape(0)))
    return [call.graph.op("Gather", call.input(0), call.input(1), axis=axis)]


@rule("index")
def _index(call: Call) -> list[str | None]:
    """By one tensor along a dimension, or by several of one shape along the first ones."""
    g = call.graph
    given = [i for i in range(1, len(call)) if call.has(i)]
    if any(call.dtype(i) == "bool" for i in given):
        raise call.refuse("a mask: the size of the result depends on its values")
    if len(given) == 1:
        return [g.op("Gather", call.input(0), call.input(given[0]), axis=given[0] - 1)]
    shapes = {call.shape(i) for i in given}
    if given != list(range(1, len(given) + 1)) or len(shapes) != 1:
        raise call.refuse("tensors of several shapes, or not along the first dimensions")
    last = g.constant([-1])
    parts = [g.op("Unsqueeze", call.input(i, "int64"), last) for i in given]
    return [g.op("GatherND", call.input(0), g.op("Concat", *parts, axis=-1))]


@rule("constant_pad_nd")
def _pad(call: Call) -> list[str | None]:
    """Pairs of widths, of the last dimension first."""
    g, pairs, rank = call.graph, _ints(call.attribute(0)), len(call.shape(0))
    missing = [0] * (rank - len(pairs) // 2)
    before, after = [*missing, *pairs[0::2][::-1]], [*missing, *pairs[1::2][::-1]]
    value = call.number(real(call.attribute(1)), call.dtype(0))
    return [g.op("Pad", call.input(0), g.constant([*before, *after]), value)]


@rule("_one_hot")
def _one_hot(call: Call) -> list[str | None]:
    g = call.graph
    values = g.constant(array_of([0, 1], call.output_dtype()))
    depth = g.constant(np.asarray(call.attribute(0), np.int64))
    return [g.op("OneHot", call.input(0), depth, values, axis=-1)]


@rule("norm")
def _norm(call: Call) -> list[str | None]:
    p, rank = call.attribute(0), len(call.shape(0))
    if p not in (None, 1, 2):
        raise call.refuse(f"p={p}")
    keep = int(len(call.output().shape) == rank)
    kind = "L1" if p == 1 else "L2"
    return [call.graph.reduce(kind, call.input(0), _axes(call, call.attribute(1), rank), keep)]


@rule("gather")
def _gather(call: Call) -> list[str | None]:
    axis = _dim(call.attribute(0), len(call.shape(0)))
    return [call.graph.op("GatherElements", call.input(0), call.input(1), axis=axis)]


@rule("flip")
def _flip(call: Call) -> list[str | None]:
    axes = _axes(call, call.attribute(0), len(call.shape(0)))
    g = call.graph
    ones = [-1] * len(axes)
    ends = [-(2**62)] * len(axes)
    return [
        g.op("Slice", call.input(0), g.constant(ones), g.constant(ends), g.constant(axes),
             g.constant(ones))
    ]  # fmt: skip


@rule("tril", "triu")
def _triangle(call: Call) -> list[str | None]:
    k = call.graph.constant(np.asarray(call.attribute(0), np.int64))
    return [call.graph.op("Trilu", call.input(0), k, upper=int(call.step.op == "triu"))]


# ---- what has no tensors among its inputs ------------------------------------------------------


@rule("arange")
def _arange(call: Call) -> list[str | None]:
    """start + step (0, 1, 2, ...)"""
    values = [x for x in call.step.attributes if isinstance(x, (int, float))]
    start, step = values[0] if len(values) > 1 else 0, values[2] if len(values) > 2 else 1
    dtype, g = call.output_dtype(), call.graph
    size = g.op("Squeeze", call.output_sizes(), g.constant([0]))
    zero, one = (g.constant(np.asarray(n, np.int64)) for n in (0, 1))
    counted = call.cast(g.op("Range", zero, size, one), "int64", dtype)
    if step != 1:
        counted = g.op("Mul", counted, call.number(step, dtype))
    return [g.op("Add", counted, call.number(start, dtype)) if start else counted]


def _filled(call: Call, value: float) -> list[str | None]:
    constant = call.number(value, call.output_dtype())
    return [call.graph.op("Expand", constant, call.output_sizes())]


@rule("zeros", "zeros_like", "zero_", "new_zeros")
def _zeros(call: Call) -> list[str | None]:
    return _filled(call, 0)


@rule("ones", "ones_like", "new_ones")
def _ones(call: Call) -> list[str | None]:
    return _filled(call, 1)


@rule("full", "full_like", "fill_", "new_full")
def _full(call: Call) -> list[str | None]:
    numbers: Sequence[object] = [
        x for x in (*call.step.inputs, *call.step.attributes)
        if isinstance(x, (int, float)) and not isinstance(x, Piece)
    ]  # fmt: skip
    if not numbers:
        raise call.refuse("a value that is a tensor")
    return _filled(call, real(numbers[0]))
