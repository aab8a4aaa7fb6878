"""Operators of ONNX that are layers: products, convolutions, pools, norms, resizing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from .. import _native
from .._native import Tensor
from ..nn import functional as F
from ._call import Call, Results, operator

Pairs = list[tuple[int, int]]


@operator("Gemm")
def _gemm(call: Call, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    """y = alpha A B + beta C"""
    alpha, beta = call.real("alpha", 1.0), call.real("beta", 1.0)
    a = a.t() if call.number("transA") else a
    if alpha == beta == 1 and call.number("transB") and (c is None or c.dim() == 1):
        return F.linear(a, b, c)
    y = a @ (b.t() if call.number("transB") else b)
    y = y if alpha == 1 else y * alpha
    return y if c is None else y + (c if beta == 1 else c * beta)


# ---- windows -----------------------------------------------------------------------------------


def _window(call: Call, x: Tensor, kernel: Sequence[int]) -> tuple[list[int], list[int], Pairs]:
    """(strides, dilations, padding before and behind) of each dimension of the kernel."""
    n = len(kernel)
    if x.dim() != n + 2 or n > 3:
        raise ValueError(f"an input of {x.dim()} dimensions for a kernel of {n}")
    strides = call.numbers("strides") or [1] * n
    dilations = call.numbers("dilations") or [1] * n
    auto, pads = call.text("auto_pad", "NOTSET"), call.numbers("pads") or [0] * (2 * n)
    if len(strides) != n or len(dilations) != n or len(pads) != 2 * n:
        raise ValueError(f"strides, dilations or pads are not of {n} dimensions")
    if auto in ("NOTSET", ""):
        return strides, dilations, list(zip(pads[:n], pads[n:], strict=True))
    if auto == "VALID":
        return strides, dilations, [(0, 0)] * n
    pairs = []
    for size, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        less, more = total // 2, total - total // 2
        pairs.append((less, more) if auto == "SAME_UPPER" else (more, less))
    return strides, dilations, pairs


def _even(pairs: Pairs) -> bool:
    return all(before == behind >= 0 for before, behind in pairs)


def _padded(x: Tensor, pairs: Pairs, value: float) -> Tensor:
    return F.pad(x, [n for pair in reversed(pairs) for n in pair], value=value)


@operator("Conv")
def _conv(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    kernel = weight.shape[2:]
    strides, dilations, pairs = _window(call, x, kernel)
    if not _even(pairs):
        x, pairs = _padded(x, pairs, 0.0), [(0, 0)] * len(kernel)
    function = (F.conv1d, F.conv2d, F.conv3d)[len(kernel) - 1]
    before = [pair[0] for pair in pairs]
    return function(x, weight, bias, strides, before, dilations, call.number("group", 1))


def _transposed_pads(call: Call, x: Tensor, weight: Tensor, more: list[int]) -> Pairs:
    """Of a transposed convolution, from the size of its result if that is given."""
    strides, dilations, pairs = _window(call, x, weight.shape[2:])
    wanted, auto = call.numbers("output_shape"), call.text("auto_pad", "NOTSET")
    if wanted is None and auto in ("NOTSET", ""):
        return pairs
    if wanted is None:
        wanted = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
    whole = [
        s * (n - 1) + extra + (k - 1) * d + 1
        for n, s, d, k, extra in zip(
            x.shape[2:], strides, dilations, weight.shape[2:], more, strict=True
        )
    ]
    totals = [n - size for n, size in zip(whole, wanted, strict=True)]
    halves = [(total // 2, total - total // 2) for total in totals]
    return [(a, b) if auto == "SAME_UPPER" else (b, a) for a, b in halves]


@operator("ConvTranspose")
def _conv_transpose(call: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    n = weight.dim() - 2
    more = call.numbers("output_padding") or [0] * n
    strides, dilations, _ = _window(call, x, weight.shape[2:])
    pairs = _transposed_pads(call, x, weight, more)
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[n - 1]
    group, even = call.number("group", 1), _even(pairs)
    before = [pair[0] if even else 0 for pair in pairs]
    if even:
        return function(x, weight, bias, strides, before, more, group, dilations)
    y = function(x, weight, None, strides, before, more, group, dilations)
    y = _padded(y, [(-a, -b) for a, b in pairs], 0.0)
    return y if bias is None else y + bias.view(-1, *[1] * n)


@operator("MaxPool")
def _max_pool(call: Call, x: Tensor) -> Tensor:
    kernel = call.numbers("kernel_shape") or []
    strides, dilations, pairs = _window(call, x, kernel)
    if len(call.node.outputs) > 1:
        raise call.refuse("indices")
    if not _even(pairs) or any(2 * p > k for (p, _), k in zip(pairs, kernel, strict=True)):
        x, pairs = _padded(x, pairs, -math.inf), [(0, 0)] * len(kernel)
    function = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[len(kernel) - 1]
    before = [pair[0] for pair in pairs]
    return function(x, kernel, strides, before, dilations, bool(call.number("ceil_mode")))


@operator("AveragePool")
def _average_pool(call: Call, x: Tensor) -> Tensor:
    kernel = call.numbers("kernel_shape") or []
    strides, dilations, pairs = _window(call, x, kernel)
    if any(d != 1 for d in dilations):
        raise call.refuse(f"dilations {dilations}")
    function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel) - 1]
    ceil, whole = bool(call.number("ceil_mode")), bool(call.number("count_include_pad"))
    if _even(pairs) and all(2 * p <= k for (p, _), k in zip(pairs, kernel, strict=True)):
        return function(x, kernel, strides, [pair[0] for pair in pairs], ceil, whole)
    y = function(_padded(x, pairs, 0.0), kernel, strides, 0, ceil)
    if whole:
        return y
    counted = _padded(_native.ones_like(x[:1, :1]), pairs, 0.0)
    return y / function(counted, kernel, strides, 0, ceil)


@operator("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(call: Call, x: Tensor) -> Tensor:
    dims = list(range(2, x.dim()))
    if call.node.op == "GlobalAveragePool":
        return x.mean(dims, keepdim=True)
    return x.amax(dims, keepdim=True)


# ---- norms -------------------------------------------------------------------------------------


@operator("BatchNormalization", settings=(3, 4))
def _batch_norm(
    call: Call, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor
) -> Results:
    """By the averages; in training mode by those of the batch, and the averages follow."""
    rate, eps = 1 - call.real("momentum", 0.9), call.real("epsilon", 1e-5)
    if not call.number("training_mode"):
        return F.batch_norm(x, mean, var, scale, bias, call.training, rate, eps)
    y = F.batch_norm(x, None, None, scale, bias, True, 0.0, eps)
    dims = [d for d in range(x.dim()) if d != 1]
    means = (mean.lerp(x.mean(dims), rate), var.lerp(x.var(dims, correction=0), rate))
    return (y, *means)[: len(call.node.outputs)]


@operator("InstanceNormalization")
def _instance_norm(call: Call, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return F.instance_norm(x, weight=scale, bias=bias, eps=call.real("epsilon", 1e-5))


def _scaled(
    function: Callable[..., Tensor], shape: list[int], scale: Tensor, bias: Tensor | None
) -> Tensor:
    """A norm over the shape, whose scale and bias may have fewer dimensions."""
    whole = list(scale.shape) == shape and (bias is None or list(bias.shape) == shape)
    if whole:
        return function(weight=scale, bias=bias)
    y = function(weight=None, bias=None) * scale
    return y if bias is None else y + bias


@operator("LayerNormalization")
def _layer_norm(call: Call, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Results:
    shape, eps = list(x.shape[call.number("axis", -1) :]), call.real("epsilon", 1e-5)

    def norm(weight: Tensor | None, bias: Tensor | None) -> Tensor:
        return F.layer_norm(x, shape, weight, bias, eps)

    y = _scaled(norm, shape, scale, bias)
    if len(call.node.outputs) < 2:
        return y
    dims = list(range(-len(shape), 0))
    deviation = (x.var(dims, correction=0, keepdim=True) + eps).rsqrt()
    return y, x.mean(dims, keepdim=True), deviation


@operator("RMSNormalization")
def _rms_norm(call: Call, x: Tensor, scale: Tensor) -> Tensor:
    shape, eps = list(x.shape[call.number("axis", -1) :]), call.real("epsilon", 1e-5)

    def norm(weight: Tensor | None, bias: Tensor | None) -> Tensor:
        return F.rms_norm(x, shape, weight, eps)

    return _scaled(norm, shape, scale, None)


@operator("GroupNormalization")
def _group_norm(call: Call, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Before version 21 with a scale for each group."""
    groups = call.number("num_groups", 1)
    if scale.shape[0] == groups != x.shape[1]:
        each = x.shape[1] // groups
        scale, bias = scale.repeat_interleave(each), bias.repeat_interleave(each)
    return F.group_norm(x, groups, scale, bias, call.real("epsilon", 1e-5))


@operator("LpNormalization")
def _lp_norm(call: Call, x: Tensor) -> Tensor:
    axis = call.number("axis", -1)
    return F.normalize(x, call.number("p", 2), axis)


@operator("LRN")
def _local_norm(call: Call, x: Tensor) -> Tensor:
    alpha, beta = call.real("alpha", 1e-4), call.real("beta", 0.75)
    return F.local_response_norm(x, call.number("size", 1), alpha, beta, call.real("bias", 1.0))


# ---- sizes of images ---------------------------------------------------------------------------


def _place(mode: str, i: int, scale: float, size: int, out: int) -> float:
    """Where in the input element `i` of the output lies."""
    if mode == "align_corners":
        return i * (size - 1) / (scale * size - 1) if out > 1 else 0.0
    if mode == "asymmetric":
        return i / scale
    if mode == "pytorch_half_pixel" and out == 1:
        return 0.0
    return (i + 0.5) / scale - 0.5


_ROUNDED: dict[str, Callable[[float], int]] = {
    "round_prefer_floor": lambda at: math.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: math.floor(at + 0.5),
    "floor": math.floor,
    "ceil": math.ceil,
}


def _resized(
    call: Call, x: Tensor, dim: int, out: int, scale: float, modes: tuple[str, str]
) -> Tensor:
    """Along one dimension, by the nearest element or between two."""
    size, (mode, where) = x.shape[dim], modes
    places = [_place(where, i, scale, size, out) for i in range(out)]
    if mode == "nearest":
        how = call.text("nearest_mode", "round_prefer_floor")
        if how not in _ROUNDED:
            raise call.refuse(f"nearest_mode {how!r}")
        chosen = [min(max(_ROUNDED[how](at), 0), size - 1) for at in places]
        return x.index_select(dim, _native.tensor(chosen, dtype=_native.int64))
    places = [min(max(at, 0.0), size - 1.0) for at in places]
    low = [min(int(at), max(size - 2, 0)) for at in places]
    high = [min(i + 1, size - 1) for i in low]
    parts = [x.index_select(dim, _native.tensor(i, dtype=_native.int64)) for i in (low, high)]
    sizes = [out if i == dim else 1 for i in range(x.dim())]
    share = [at - i for at, i in zip(places, low, strict=True)]
    return parts[0].lerp(parts[1], x.new_tensor(share).view(sizes).expand(parts[0].shape))


@operator("Resize", "Upsample", settings=(1, 2, 3))
def _resize(
    call: Call,
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    if call.opset < 11:
        scales, roi = roi, None
    axes = call.numbers("axes") or list(range(x.dim()))
    factors = [1.0] * x.dim()
    out = list(x.shape)
    given = call.sizes(3, sizes)
    if given is not None and call.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise call.refuse("keep_aspect_ratio_policy")
    if given is None:
        values: list[float] = (call.reals("scales") or []) if scales is None else (
            _native._outside_capture(scales.tolist)
        )  # fmt: skip
        given = [math.floor(x.shape[d] * f) for d, f in zip(axes, values, strict=True)]
    else:
        values = [n / max(x.shape[d], 1) for d, n in zip(axes, given, strict=True)]
    for dim, n, factor in zip(axes, given, values, strict=True):
        out[dim], factors[dim] = n, factor
    where = call.text("coordinate_transformation_mode", "half_pixel")
    if call.opset < 11:
        where = "asymmetric"
    return _by_mode(call, x, out, factors, where)


_LINEAR: dict[int, Literal["linear", "bilinear", "trilinear"]] = {
    3: "linear", 4: "bilinear", 5: "trilinear"
}  # fmt: skip


def _by_mode(call: Call, x: Tensor, out: list[int], factors: list[float], where: str) -> Tensor:
    mode = call.text("mode", "nearest")
    if call.opset < 11 and mode == "nearest":
        call.node.attributes.setdefault("nearest_mode", "floor")
    corners = where == "align_corners"
    changed = [d for d in range(x.dim()) if out[d] != x.shape[d] or factors[d] != 1]
    usual = where in ("half_pixel", "pytorch_half_pixel", "align_corners")
    if where not in ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"):
        raise call.refuse(f"coordinate_transformation_mode {where!r}")
    if call.number("antialias") or call.number("exclude_outside"):
        raise call.refuse("antialias and exclude_outside")
    images = usual and all(d >= 2 for d in changed) and 3 <= x.dim() <= 5
    exact = all(out[d] == x.shape[d] * factors[d] for d in changed) and not (
        where == "pytorch_half_pixel" and 1 in out[2:]
    )
    if mode == "cubic":
        if not images or not exact or x.dim() != 4 or call.real("cubic_coeff_a", -0.75) != -0.75:
            raise call.refuse("this kind of cubic interpolation")
        return F.interpolate(x, size=out[2:], mode="bicubic", align_corners=corners)
    if mode not in ("nearest", "linear"):
        raise call.refuse(f"mode {mode!r}")
    if mode == "linear" and images and exact:
        return F.interpolate(x, size=out[2:], mode=_LINEAR[x.dim()], align_corners=corners)
    for d in changed:
        x = _resized(call, x, d, out[d], factors[d], (mode, where))
    return x
