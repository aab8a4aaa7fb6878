"""What the ops of the registry are compared with beside torch: NumPy, formulas, and a list of the
places where we differ from torch on purpose."""

import math

import numpy as np

import wengert as wg
from tests.optim.table import TABLE as OPTIMIZERS
from tests.rows import (
    convolution,
    oracles_ctc,
    oracles_embedding,
    oracles_entropy,
    oracles_linalg,
    oracles_resample,
    oracles_special,
    windows,
)
from tests.rows.oracles_attention import ATTENTION, kept_bytes
from tests.rows.oracles_loss import (
    class_weights,
    cross_entropy_backward,
    cross_entropy_indices,
    cross_entropy_over,
    margins,
    margins_backward,
    reduce,
    target_weights,
)
from tests.rows.oracles_norm import NORMS
from tests.rows.oracles_rnn import RECURRENT
from tests.rows.sample import SEED

erf = np.vectorize(math.erf, otypes=[float])


def linear_backward(g, x, w):
    return g @ w, g.T @ x


def linear_activation(x, weight, bias, activation, *rest):
    z = x @ weight.T + (0 if bias is None else bias)
    assert activation in (None, wg.relu) and rest == (0, 0, 0, 0, False)
    return z if activation is None else np.maximum(z, 0)


def mm_pointwise(x, y, other, combine, *rest):
    assert combine in (None, wg.hypot) and rest == (0, 0, 0, 0)
    return x @ y if combine is None else np.hypot(x @ y, other)


def conv_then(of):
    def then(x, w, bias, *rest):
        norm, other, how, rest = rest[:4], rest[4], rest[5:10], rest[10:]
        (following, eps, _, combine), activation = rest[:4], rest[8]
        assert combine in (None, wg.hypot) and activation in (None, wg.relu)
        z = h = of(x, w, bias, *how)
        if following is not None:
            h = NORMS["batch_norm_eval"](z, *norm, eps)
        c = h if combine is None else np.hypot(h, other)
        y = c if activation is None else np.maximum(c, 0)
        return y  # what is kept beside it only programs see

    return then


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x)))


NUMPY = {
    # This table also serves where torch is not installed.
    **{
        name: getattr(np, name)
        for name in [
            "exp",
            "exp2",
            "expm1",
            "sin",
            "cos",
            "tan",
            "sinh",
            "cosh",
            "tanh",
            "square",
            "floor",
            "ceil",
            "trunc",
            "log",
            "log2",
            "log10",
            "log1p",
            "sqrt",
            "isnan",
            "isinf",
            "isfinite",
            "logical_not",
            "logical_and",
            "logical_or",
            "logical_xor",
            "maximum",
            "minimum",
            "fmod",
            "remainder",
            "floor_divide",
            "outer",
            "matmul",
            "dot",
        ]
    },
    "abs": np.abs,
    "sign": lambda x: np.nan_to_num(np.sign(x)),  # of NaN, 0
    "neg": np.negative,
    "mul": np.multiply,
    "pow": np.power,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "atan2": np.arctan2,
    "round(Tensor)": np.round,
    "round(Tensor, int)": np.round,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "frac": lambda x: x - np.trunc(x),
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "add(Operand, Operand)": np.add,
    "sub(Operand, Operand)": np.subtract,
    "div(Operand, Operand)": np.divide,
    "add(Operand, Operand, Number)": lambda x, y, alpha: x + alpha * y,
    "sub(Operand, Operand, Number)": lambda x, y, alpha: x - alpha * y,
    "where(Tensor, Operand, Operand)": np.where,
    "lerp": lambda x, y, w: x + w * (y - x),
    "addcmul": lambda x, a, b, value=1: x + value * a * b,
    "addcdiv": lambda x, a, b, value=1: x + value * a / b,
    "mm": np.matmul,
    "conv_output": convolution.conv_output,
    "conv_input": convolution.conv_input,
    "conv_weight": convolution.conv_weight,
    "conv_output_then": conv_then(convolution.conv_output),
    "conv_input_then": conv_then(convolution.conv_input),
    "linear_backward": linear_backward,
    "linear_activation": linear_activation,
    "mm_pointwise": mm_pointwise,
    "bmm": np.matmul,
    "mv": np.matmul,
    "transpose": np.swapaxes,
    "permute": np.transpose,
    "flip": np.flip,
    "cat": lambda xs, dim=0: np.concatenate(
        [x for x in xs if x.shape != (0,) or len(xs) == 1], dim
    ),
    "stack": np.stack,
    "tril": np.tril,
    "triu": np.triu,
    "take_along_dim": lambda x, i, dim=None: np.take_along_axis(x, i, dim),
    "index_select": lambda x, dim, i: np.take(x, np.atleast_1d(i), dim),
    "argmax": lambda x, dim=None, keepdim=False: np.argmax(x, dim, keepdims=keepdim),
    "eye": np.eye,
    "amax": lambda x, dim=None, keepdim=False: np.max(x, dim if x.ndim else None, keepdims=keepdim),
    "amin": lambda x, dim=None, keepdim=False: np.min(x, dim if x.ndim else None, keepdims=keepdim),
}
for _name in ("floor_divide", "remainder", "fmod", "pow", "argmax", "cat", "eye", "transpose"):
    NUMPY.pop(_name)  # their samples hold cases where NumPy's rule is another

# ---- rows that users do not see


def leaky(g, x, slope):
    return np.where(x > 0, g, slope * g)


def gelu_backward(g, x, how):
    if how == "tanh":
        k = math.sqrt(2 / math.pi)
        t = np.tanh(k * (x + 0.044715 * x**3))
        return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x))
    return g * (0.5 * (1 + erf(x / math.sqrt(2))) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi))


def elu_backward(g, x, alpha, scale, k):
    return g * np.where(x > 0, scale, alpha * scale * k * np.exp(k * np.minimum(x, 0)))


def softplus_backward(g, x, beta, threshold):
    return g * np.where(beta * x > threshold, 1.0, sigmoid(beta * x))


def mish_backward(g, x):
    t = np.tanh(np.logaddexp(0, x))
    return g * (t + x * sigmoid(x) * (1 - t * t))


def hardswish_backward(g, x):
    return g * np.where(x <= -3, 0.0, np.where(x < 3, x / 3 + 0.5, 1.0))


def gate_backward(g, a, b):
    return g * a * sigmoid(b) * sigmoid(-b)


def logit_bounded(x, eps):
    z = x if eps < 0 else np.clip(x, eps, 1 - eps)
    return np.log(z / (1 - z))


def logit_backward(g, x, eps):
    inside = True if eps < 0 else (eps <= x) & (x <= 1 - eps)
    return np.where(inside, g / (x * (1 - x)), 0.0)


def silu_backward(g, x):
    s = sigmoid(x)
    return g * s * (1 + x * (1 - s))


def strided(x, size, stride, offset):
    """The elements of contiguous x at these strides."""
    flat = np.ascontiguousarray(x).reshape(-1)[offset:]
    return np.lib.stride_tricks.as_strided(flat, size, [s * flat.itemsize for s in stride])


def strided_zero(x, size, stride, offset):
    y = np.array(x)
    strided(y, size, stride, offset)[...] = 0
    return y


def strided_backward(g, size, stride, offset):
    out = np.zeros(size)
    strided_view = np.lib.stride_tricks.as_strided(
        out.reshape(-1)[offset:], g.shape, [s * 8 for s in stride]
    )
    strided_view[...] = g
    return out


def basic(x, size, steps, dims, offset):
    """The view of Note [basic key], for the samples' keys."""
    own = [int(np.prod(x.shape[d + 1 :])) for d in range(x.ndim)]
    taken = [dims >> 4 * i & 15 for i in range(len(size))]
    strides = [s * own[d] if d < 15 else 1 for s, d in zip(steps, taken, strict=True)]
    return strided(x, size, strides, offset)


def set_item(x, value, size, steps, dims, offset, accumulate, indices):
    x = x.copy()
    if indices:
        place = tuple(indices)
        np.add.at(x, place, value) if accumulate else x.__setitem__(place, value)
    else:
        x[1:3, 1::2] = value  # what the samples' attributes mean
    return x


def put_along(x, indices):
    return tuple(slice(None) if i is None else i for i in indices)


def index_backward(g, size, indices):
    out = np.zeros(size)
    np.add.at(out, put_along(out, indices), g)
    return out


def pdist_euclidean(x):
    i, j = np.triu_indices(len(x), 1)
    return np.sqrt(((x[i] - x[j]) ** 2).sum(-1)).astype(x.dtype)


def pdist_backward(g, x, y):
    i, j = np.triu_indices(len(x), 1)
    slope = np.where(y == 0, 0, g / np.where(y == 0, 1, y))[:, None] * (x[i] - x[j])
    dx = np.zeros_like(x)
    np.add.at(dx, i, slope)
    np.add.at(dx, j, -slope)
    return dx


def linear_scan(x, factor, dim, reverse=False):
    if x.ndim == 0:
        return x
    x, factor = np.moveaxis(x, dim, 0), np.moveaxis(factor, dim, 0)
    if reverse:
        x, factor = x[::-1], factor[::-1]
    out = np.zeros(x.shape)
    for k in range(len(x)):
        out[k] = x[k] + (factor[k] * out[k - 1] if k else 0)
    return np.moveaxis(out[::-1] if reverse else out, 0, dim)


def cumprod_backward(g, x, y, dim):
    shifted = np.roll(x, -1, dim) if x.ndim else x
    s = linear_scan(g, shifted * not_last(x, dim), dim, reverse=True)
    if x.ndim == 0:
        return s
    before = np.roll(y, 1, dim)
    np.moveaxis(before, dim, 0)[0] = 1
    return before * s


def not_last(x, dim):
    out = np.ones(x.shape)
    if x.ndim:
        np.moveaxis(out, dim, 0)[-1] = 0
    return out


def prod_backward(g, x, dim):
    others = [np.prod(np.delete(x, i, dim), dim) for i in range(x.shape[dim])]
    return g * np.stack(others, dim)


def gather_backward(g, index, size, dim):
    out = np.zeros(size)
    at = list(np.indices(index.shape))
    at[dim] = index
    np.add.at(out, tuple(at), g)
    return out


def sum_to(x, size):
    lead = x.ndim - len(size)
    dims = tuple(range(lead)) + tuple(
        lead + d for d, n in enumerate(size) if n == 1 and x.shape[lead + d] != 1
    )
    return x.sum(dims).reshape(size)


def masked_scatter(x, mask, source):
    x = x.copy()
    x[mask] = source.reshape(-1)[: mask.sum()]
    return x


def softmax_backward(g, y, dim):
    return y * (g - (g * y).sum(dim, keepdims=True))


def log_softmax_backward(g, y, dim):
    return g - np.exp(y) * g.sum(dim, keepdims=True)


def roll(x, shifts, dims):
    return np.roll(x, shifts, dims)


# ---- random numbers, one at a time


def dropout_mask(x, size, p):
    draws = np.random.RandomState(SEED).randint(0, 2**32, 2 * math.prod(size), np.uint32).tolist()
    keep = 1 - p
    pairs = zip(draws[::2], draws[1::2], strict=True)
    mask = [(((a << 32 | b) & 2**53 - 1) * 2.0**-53 < keep) / keep for a, b in pairs]
    return np.array(mask).reshape(size)


def dropout(x, p):
    mask = dropout_mask(x, x.shape, p)
    return [x * mask, mask]


def rrelu(x, lower, upper):
    draws = np.random.RandomState(SEED).randint(0, 2**32, 2 * x.size, np.uint32).tolist()
    slopes = np.ones(x.size)
    pairs = iter(zip(draws[::2], draws[1::2], strict=True))
    for i, v in enumerate(x.flat):
        if v <= 0:
            a, b = next(pairs)
            slopes[i] = ((a << 32 | b) & 2**53 - 1) * 2.0**-53 * (upper - lower) + lower
    slopes = slopes.reshape(x.shape)
    return [x * slopes, slopes]


# ---- losses


def nll_loss_indices(x, target, weight=None, ignore_index=-100, reduction="mean"):
    w = target_weights(target, weight, ignore_index)
    picked = np.take_along_axis(x, np.where(target == ignore_index, 0, target)[:, None], 1)[:, 0]
    return [reduce(-picked * w, reduction, w.sum()), w.sum()]


def nll_loss_backward(g, target, total, weight=None, ignore_index=-100, reduction="mean", size=()):
    w = target_weights(target, weight, ignore_index)
    one_hot = np.eye(size[1])[np.where(target == ignore_index, 0, target)]
    g = np.expand_dims(g, 1) if reduction == "none" else g
    return -g * one_hot * w[:, None] / (total if reduction == "mean" else 1)


def pair_backward(slope):
    def backward(g, x, t, reduction, param):
        return g * slope(x, t, param) / (x.size if reduction == "mean" else 1)

    return backward


def bce(x, t):
    return -(t * np.log(x) + (1 - t) * np.log(1 - x))


def logits(x, t):
    return np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))


def pairs(loss):
    return lambda x, t, reduction="mean": reduce(loss(x, t), reduction, x.size)


# ---- lists of tensors


def norm(tensors, norm_type=2.0):
    flat = np.concatenate([t.ravel() for t in tensors])
    return np.linalg.norm(flat, norm_type) if flat.size else 0.0


HIDDEN = {
    "sigmoid_backward": lambda g, y: g * y * (1 - y),
    "tanh_backward": lambda g, y: g * (1 - y * y),
    "relu_backward": lambda g, y: np.where(y > 0, g, 0.0),
    "leaky_relu_backward": leaky,
    "gelu_backward": gelu_backward,
    "silu_backward": silu_backward,
    "add_scaled": lambda x, y, alpha: x + alpha * y,
    "addcmul_float": lambda x, a, b, value: x + value * a * b,
    "addcdiv_float": lambda x, a, b, value: x + value * a / b,
    "elu_backward": elu_backward,
    "softplus_backward": softplus_backward,
    "logsigmoid_backward": lambda g, x: g * sigmoid(-x),
    "mish_backward": mish_backward,
    "softsign_backward": lambda g, x: g / (1 + abs(x)) ** 2,
    "tanhshrink_backward": lambda g, x: g * np.tanh(x) ** 2,
    "hardsigmoid_backward": lambda g, x: np.where(abs(x) < 3, g / 6, 0.0),
    "hardswish_backward": hardswish_backward,
    "hardtanh_backward": lambda g, x, low, high: np.where((x <= low) | (x >= high), 0.0, g),
    "shrink_backward": lambda g, x, bound: np.where(abs(x) <= bound, 0.0, g),
    "threshold_float": lambda x, bound, value: np.where(x <= bound, value, x),
    "threshold_float_backward": lambda g, x, bound, value: np.where(x <= bound, 0.0, g),
    "prelu_backward": lambda g, x, w: np.where(x > 0, g, g * w),
    "prelu_by_weight": lambda g, x: np.where(x > 0, 0.0, g * x),
    "gate": lambda a, b: a * sigmoid(b),
    "gate_backward": gate_backward,
    "trunc_divide": lambda x, y: np.trunc(x / y),
    "pow_odd": lambda x, e: x ** (e + np.sign(e)),
    "logit_bounded": logit_bounded,
    "logit_backward": logit_backward,
    "prelu_each": lambda x, w: np.where(x > 0, x, x * w),
    "clamp_both": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "nan_to_num_float": lambda x, *_: x,
    "sum_to": sum_to,
    "linear_scan": linear_scan,
    "_cumsum_backward": lambda x, dim: (
        np.flip(np.cumsum(np.flip(x, dim), dim), dim) if x.ndim else x
    ),
    "_cumprod_backward": cumprod_backward,
    "_prod_backward": prod_backward,
    "_margins": margins,
    "_margins_backward": margins_backward,
    "_pdist_euclidean": pdist_euclidean,
    "_pdist_backward": pdist_backward,
    "_gather_backward": gather_backward,
    "all_equal": lambda x, y: np.array(np.array_equal(x, y)),
    "softmax_backward": softmax_backward,
    "log_softmax_backward": log_softmax_backward,
    "_contiguous": lambda x: x.copy(),
    "_to": lambda x, dtype: x.astype(repr(dtype).rpartition(".")[2]),
    "_strided_copy": strided,
    "_as_strided": strided,
    "_strided_zero_": strided_zero,
    "_strided_backward": strided_backward,
    "slice": lambda x, dim, start=None, end=None, step=1: x[
        (slice(None),) * dim + (slice(start, end, step),)
    ],
    "_roll": roll,
    "_nonzero": lambda m: np.argwhere(m),
    "_masked_select": lambda x, m: x[m],
    "_masked_select_to": lambda x, m, size: np.pad(x[m], (0, size - m.sum())),
    "_masked_scatter": masked_scatter,
    "_one_hot": lambda i, n: np.eye(n)[i],
    "__getitem__": basic,
    "index": lambda x, indices: x[put_along(x, indices)],
    "_index_backward": index_backward,
    "_set_item": set_item,
    "__setitem__": set_item,
    "cross_entropy_indices": cross_entropy_indices,
    "cross_entropy_backward": cross_entropy_backward,
    "_cross_entropy_backward_": cross_entropy_over,
    "cross_entropy_weights": class_weights,
    "nll_loss_indices": nll_loss_indices,
    "nll_loss_backward": nll_loss_backward,
    "binary_cross_entropy_pairs": pairs(bce),
    "binary_cross_entropy_with_logits_pairs": pairs(logits),
    "mse_loss_backward": pair_backward(lambda x, t, _: 2 * (x - t)),
    "l1_loss_backward": pair_backward(lambda x, t, _: np.sign(x - t)),
    "smooth_l1_loss_backward": pair_backward(lambda x, t, b: np.clip((x - t) / b, -1, 1)),
    "huber_loss_backward": pair_backward(lambda x, t, d: np.clip(x - t, -d, d)),
    "binary_cross_entropy_backward": pair_backward(lambda x, t, _: (x - t) / (x * (1 - x))),
    "binary_cross_entropy_with_logits_backward": pair_backward(lambda x, t, _: sigmoid(x) - t),
    **{row.op: row.update for row in reversed(OPTIMIZERS)},  # the first of several of one rule
    **NORMS,
    **ATTENTION,
    "_attention_kept": lambda x, n, p: kept_bytes(dropout_mask(x, (n,), p) > 0),
    **RECURRENT,
    **oracles_resample.HIDDEN,
    **oracles_entropy.HIDDEN,
    **oracles_embedding.HIDDEN,
    **oracles_linalg.HIDDEN,
    **oracles_ctc.HIDDEN,
    "_variance": np.maximum,
    **oracles_special.FORMULAS,
    "total_norm": norm,
    "_deviations": lambda x: x,
    "_dropout": dropout,
    "_rrelu": rrelu,
    **windows.FORMULAS,
    "_dropout_mask": dropout_mask,
    "clip_update": lambda ts, n, limit: ts[0] * min(1, limit / (float(ts[n]) + 1e-6)),
}

# ---- where we differ from torch on purpose: (row, dtype) -> reason

DIFFERENCES: dict[tuple[str, str], str] = {}


def differs(reason, dtypes, *rows):
    DIFFERENCES.update({(row, dtype): reason for row in rows for dtype in dtypes.split()})


WIDER = "defined for more dtypes than torch's, which raises"
INTEGERS = "int64 int32 uint8 bool"
differs(WIDER, "bool", "mm", "bmm", "matmul", "mv", "dot", "addmm", "addmv", "baddbmm", "addcmul")
differs(WIDER, "bool", "bilinear", "inner", "trace", "positive", "threshold")
differs(WIDER, INTEGERS, "lerp", "prelu")
differs("a limit below 0 limits nothing; torch raises", "uint8", "hardtanh")
differs(
    "clamp is not defined for bool; torch's is, but for number bounds",
    "bool",
    "clamp",
    "clip",
    "clamp_min",
    "clamp_max",
)
NARROWER = "defined for fewer dtypes than torch's"
WHOLE = "int64 int32 uint8"
MEAN = "'none' | 'mean' | 'sum'"
for _name in ("mse_loss", "l1_loss"):
    _plain = f"{_name}(Tensor, Tensor, bool | None, bool | None, {MEAN}"
    differs(NARROWER, WHOLE, f"{_plain}, Tensor | None)")
    if _name == "l1_loss":
        differs(NARROWER, WHOLE, f"{_plain})")
KEPT = "numbers take part in promotion; torch casts these to the tensor's dtype"
differs(KEPT, WHOLE, "addcmul", "threshold")
differs("integers keep their dtype; torch's become int64", "int32 uint8 bool", "sum_to_size")
EMPTY = "the dtype is refused for empty inputs too; torch looks at it only when there are elements"
differs(EMPTY, "bool", "linear")
DILATED = "torch's has no small integers if dilated"
for _n in "123":
    _conv = f"conv{_n}d(Tensor, Tensor, Tensor | None, ints"
    differs(DILATED, "int32 uint8", f"{_conv}, ints, ints, int)")
    differs(EMPTY, "bool", f"{_conv}, ints, ints, int)")
    if _n != "3":  # of which the samples have no such case
        differs(DILATED, "int32 uint8", f"{_conv}, 'valid' | 'same', ints, int)")
        differs(EMPTY, "int32 uint8 bool", f"conv_transpose{_n}d")
differs(
    EMPTY,
    INTEGERS,
    "softmax(Tensor, int, dtype | None)",
    "log_softmax(Tensor, int, dtype | None)",
    "normal_",
    "randn_like",
    "dropout(Tensor, float, bool, bool)",
    "dropout2d",
)
