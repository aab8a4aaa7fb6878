"""Rules of layers and losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from .. import _native
from ..autograd.function import Function, FunctionCtx
from ..autograd.grad_mode import is_grad_enabled
from ._batched import RULES, Batched, Call, Tensor, Unruled, by_name, call, method
from ._rules import aligned

_functional = _native.functional


def _begins(c: Call, text: str) -> bool:
    """Whether it is of two functions of this name the one whose arguments come in this order."""
    return str(getattr(c.function, "__text_signature__", "")).startswith(text)


# ---- linear -----------------------------------------------------------------------------------


class _PerSlice(Function):
    """linear with one weight for all slices whose gradient is wanted for each.

    Forward and the input's gradient are products of matrices as without vmap; the weight's
    gradient is a product for each slice. x (B, n, in), weight (B, out, in) and bias (B, out) with
    stride 0 along B.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None  # type: ignore[attr-defined]
        return _functional.linear(x, weight[0], None if bias is None else bias[0])

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs = ctx.needs_input_grad
        dx = dw = None
        if needs[0]:  # the weight of each slice if somebody may differentiate by it
            dx = _native.matmul(g, weight if is_grad_enabled() else weight[0])
        if needs[1]:
            dw = _native.bmm(g.mT, x)
        return dx, dw, g.sum(1) if ctx.has_bias else None  # type: ignore[attr-defined]


def _repeated(x: object) -> bool:
    if type(x) is Batched or not isinstance(x, Tensor):
        return False
    return x.stride(0) == 0 and x.shape[0] > 1


def _rows(c: Call, x: object) -> tuple[Tensor, tuple[int, ...]]:
    """(x as (B, n, features), the shape that stands before the features)."""
    shape = tuple(cast("Tensor", x).shape)
    n = 1
    for size in shape[:-1]:
        n *= size
    return method("reshape", c.full(x), (c.level.size, n, shape[-1])), shape[:-1]


def linear(c: Call, input: object, weight: object, bias: object = None) -> object:
    """One product for all slices, or one for each weight."""
    if c.rank(input) == 0 or c.rank(weight) != 2 or (bias is not None and c.rank(bias) != 1):
        raise Unruled
    if not c.is_mine(weight) and not c.is_mine(bias):
        return c.batched(c.again(c.value(input), weight, bias))
    if not c.is_mine(weight):
        return by_name("add", call(c.function, (input, weight), {}), bias)
    rows, before = _rows(c, input)
    w = c.value(weight)
    b = None if bias is None else c.full(bias)
    plain = type(rows) is not Batched and type(w) is not Batched
    if plain and _repeated(w) and (b is None or _repeated(b)) and w.requires_grad:
        result = cast("Tensor", _PerSlice.apply(rows, w, b))
    else:  # so that the gradient of a weight lies as the weight does
        columns = method("transpose", rows, 1, 2)
        if b is None:
            result = by_name("matmul", w, columns)
        else:
            result = by_name("baddbmm", b.unsqueeze(2), w, columns)
        result = method("transpose", result, 1, 2)
    return c.batched(method("reshape", result, (c.level.size, *before, w.shape[1])))


# ---- what acts on the last dimensions -----------------------------------------------------------


def folded(inner: int) -> Callable[..., object]:
    """A function of (batch, channels, `inner` more), whose batch takes the hidden dimension in."""

    def rule(c: Call, input: object, *args: object, **kwargs: object) -> object:
        if any(c.is_mine(x) for x in (*args, *kwargs.values())):
            raise Unruled
        value, rank = c.value(input), c.rank(input)
        if rank == inner + 1:
            return c.batched(c.again(value, *args, **kwargs))
        if rank != inner + 2:
            raise Unruled
        size, n = c.level.size, cast("Tensor", input).shape[0]
        return _unfolded(c, c.again(method("flatten", value, 0, 1), *args, **kwargs), size, n)

    return rule


def _unfolded(c: Call, result: object, size: int, n: int) -> object:
    if isinstance(result, tuple):
        items = tuple(method("unflatten", x, 0, (size, n)) for x in result)
        return c.batched(items)
    return c.batched(method("unflatten", result, 0, (size, n)))


for _n in (1, 2, 3):
    for _name in ("max_pool", "avg_pool", "lp_pool", "adaptive_avg_pool", "adaptive_max_pool"):
        RULES[f"{_name}{_n}d"] = folded(_n)
    RULES[f"max_pool{_n}d_with_indices"] = folded(_n)
    RULES[f"adaptive_max_pool{_n}d_with_indices"] = folded(_n)
RULES.update(dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), folded(2)))


def convolution(inner: int) -> Callable[..., object]:
    """Slices join the batch; where the weight is another for each, they join the groups."""

    def rule(c: Call, input: object, weight: object, bias: object = None, stride: object = 1,
             padding: object = 0, dilation: object = 1, groups: int = 1) -> object:  # fmt: skip
        x = cast("Tensor", input)
        single = x.dim() == inner + 1
        if single:
            x = x.unsqueeze(0)
        if x.dim() != inner + 2 or c.rank(weight) != inner + 2:
            raise Unruled
        size, n = c.level.size, x.shape[0]
        if not c.is_mine(weight) and not c.is_mine(bias):
            folded_in = method("flatten", c.value(x), 0, 1)
            result = c.again(folded_in, weight, bias, stride, padding, dilation, groups)
            made = cast("Tensor", _unfolded(c, result, size, n))
        else:
            beside = method("flatten", method("transpose", c.full(x), 0, 1), 1, 2)
            w = method("flatten", c.full(weight), 0, 1)
            b = None if bias is None else method("flatten", c.full(bias))
            result = c.again(beside, w, b, stride, padding, dilation, groups * size)
            parts = method("unflatten", result, 1, (size, result.shape[1] // size))
            made = cast("Tensor", c.batched(method("transpose", parts, 0, 1)))
        return made.squeeze(0) if single else made

    return rule


for _n in (1, 2, 3):
    RULES[f"conv{_n}d"] = convolution(_n)


def pad(
    c: Call, input: object, pad: object, mode: str = "constant", value: object = None
) -> object:
    """Of the last dimensions, by a constant."""
    amounts = cast("tuple[int, ...]", pad)
    if mode != "constant" or type(value) is Batched or len(amounts) > 2 * c.rank(input):
        raise Unruled
    return c.batched(c.again(c.value(input), pad, mode, value))


def embedding(c: Call, input: object, weight: object, *args: object, **kwargs: object) -> object:
    """Rows of one table, or of the slice's own part of all tables."""
    if _begins(c, "(weight"):  # that of the package itself
        raise Unruled
    if not c.is_mine(weight):
        return c.batched(c.again(c.value(input), weight, *args, **kwargs))
    if any(x not in (None, False, 2.0) for x in (*args, *kwargs.values())):
        raise Unruled
    ids, table = c.full(input), c.value(weight)
    size, rows = c.level.size, cast("Tensor", weight).shape[0]
    if type(ids) is Batched or type(table) is Batched:
        raise Unruled
    if ids.numel() and (ids.min() < 0 or ids.max() >= rows):
        raise IndexError("index out of range in self")
    first = _native.arange(size).reshape((size, *(1,) * c.rank(input))) * rows
    return c.batched(c.again(by_name("add", ids, first), method("flatten", table, 0, 1)))


RULES.update(linear=linear, pad=pad, embedding=embedding)

# ---- norms ------------------------------------------------------------------------------------


def _scaled(y: object, weight: object, bias: object, shape: tuple[int, ...]) -> object:
    """y * weight + bias, these with a shape that is broadcast."""
    if weight is not None:
        y = by_name("mul", y, method("reshape", weight, shape))
    if bias is not None:
        y = by_name("add", y, method("reshape", bias, shape))
    return y


def _check_last(c: Call, input: object, normalized_shape: object) -> None:
    """The hidden dimension is none of those that a norm is taken over."""
    count = (
        1 if isinstance(normalized_shape, int) else len(cast("tuple[int, ...]", normalized_shape))
    )
    if count > c.rank(input):
        raise Unruled


def layer_norm(c: Call, input: object, normalized_shape: object, weight: object = None,
               bias: object = None, eps: float = 1e-5) -> object:  # fmt: skip
    """Of the last dimensions."""
    _check_last(c, input, normalized_shape)
    if c.is_mine(weight) or c.is_mine(bias):
        plain = call(c.function, (input, normalized_shape, None, None, eps), {})
        y = plain if weight is None else by_name("mul", plain, weight)
        return y if bias is None else by_name("add", y, bias)
    return c.batched(c.again(c.value(input), normalized_shape, weight, bias, eps))


def rms_norm(c: Call, input: object, normalized_shape: object, weight: object = None,
             eps: object = None) -> object:  # fmt: skip
    """Of the last dimensions."""
    _check_last(c, input, normalized_shape)
    if c.is_mine(weight):
        return by_name("mul", call(c.function, (input, normalized_shape, None, eps), {}), weight)
    return c.batched(c.again(c.value(input), normalized_shape, weight, eps))


def group_norm(c: Call, input: object, num_groups: int, weight: object = None,
               bias: object = None, eps: float = 1e-5) -> object:  # fmt: skip
    """Slices join the batch."""
    if c.rank(input) < 2:
        raise Unruled
    if c.is_mine(weight) or c.is_mine(bias):
        shape = (-1, *(1,) * (c.rank(input) - 2))
        return _scaled(call(c.function, (input, num_groups, None, None, eps), {}), weight, bias,
                       shape)  # fmt: skip
    value, n = c.value(input), cast("Tensor", input).shape[0]
    result = c.again(method("flatten", value, 0, 1), num_groups, weight, bias, eps)
    return _unfolded(c, result, c.level.size, n)


def batch_norm(c: Call, input: object, running_mean: object = None, running_var: object = None,
               weight: object = None, bias: object = None, training: bool = False,
               momentum: object = 0.1, eps: float = 1e-5) -> object:  # fmt: skip
    """Slices join the channels."""
    if _begins(c, "(input, weight"):  # that of the package itself
        raise RuntimeError("vmap: batch_norm is supported as nn.functional.batch_norm only")
    x, moments = cast("Tensor", input), (running_mean, running_var)
    given = [m for m in moments if m is not None]
    if x.dim() < 2 or len(given) == 1:
        raise Unruled
    if training and given and not all(c.is_mine(m) for m in given):
        raise RuntimeError(
            "vmap: batch_norm in training would write moments of each slice into running_mean and "
            "running_var, which are the same for all; map over them as well, or take them away: "
            "func.replace_all_batch_norm_modules_"
        )
    own = [None if m is None else method("flatten", c.full(m)) for m in moments]
    if training and any(
        m is not None and not c.value(r).is_contiguous() for m, r in zip(own, moments, strict=True)
    ):
        raise RuntimeError("vmap: running_mean and running_var must be contiguous")
    beside = method("flatten", method("transpose", c.full(input), 0, 1), 1, 2)
    y = c.again(beside, *own, None, None, training, momentum, eps)
    parts = method("unflatten", y, 1, (c.level.size, x.shape[1]))
    result = c.batched(method("transpose", parts, 0, 1))
    return _scaled(result, weight, bias, (-1, *(1,) * (x.dim() - 2)))


RULES.update(layer_norm=layer_norm, rms_norm=rms_norm, group_norm=group_norm, batch_norm=batch_norm)

# ---- losses -----------------------------------------------------------------------------------


def _mean_or_sum(y: object, reduction: str) -> object:
    if reduction == "none":
        return y
    if reduction not in ("mean", "sum"):
        raise Unruled
    return by_name(reduction, y)


def elementwise_loss(c: Call, input: object, target: object, *args: object,
                     reduction: str = "mean", **kwargs: object) -> object:  # fmt: skip
    """A loss of each element, and their mean or sum."""
    if args or any(kwargs.pop(key, None) is not None for key in ("size_average", "reduce")):
        raise Unruled
    if reduction not in ("none", "mean", "sum"):
        raise Unruled
    x, y = cast("Tensor", input), cast("Tensor", target)
    if tuple(x.shape) != tuple(y.shape):
        raise Unruled
    extra = [k for k in ("weight", "pos_weight") if kwargs.get(k) is not None]
    weighted = c.function.__name__.startswith("binary")  # others divide by the sum of weights
    if (extra and not weighted) or any(c.rank(kwargs[key]) > x.dim() for key in extra):
        raise Unruled
    for key in extra:
        kwargs[key] = aligned(c, kwargs[key], x.dim())
    loss = c.batched(c.again(c.full(x), c.full(y), reduction="none", **kwargs))
    return _mean_or_sum(loss, reduction)


_ELEMENTWISE = (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "soft_margin_loss", "kl_div", "poisson_nll_loss",
)  # fmt: skip
RULES.update(dict.fromkeys(_ELEMENTWISE, elementwise_loss))


def class_loss(c: Call, input: object, target: object, weight: object = None,
               size_average: object = None, ignore_index: int = -100, reduce: object = None,
               reduction: str = "mean", label_smoothing: float = 0.0) -> object:  # fmt: skip
    """cross_entropy and nll_loss: slices join the batch, and each has a mean of its own."""
    x, y = cast("Tensor", input), cast("Tensor", target)
    if size_average is not None or reduce is not None or reduction not in ("none", "mean", "sum"):
        raise Unruled
    if weight is not None and (reduction == "mean" or c.is_mine(weight)):
        raise Unruled
    by_number = not y.dtype.is_floating_point
    if x.dim() == 0 or y.dim() != (max(x.dim() - 1, 0) if by_number else x.dim()):
        raise Unruled
    xs, ys = c.full(x), c.full(y)
    single = x.dim() == 1
    if not single:
        xs, ys = method("flatten", xs, 0, 1), method("flatten", ys, 0, 1)
    more = {"label_smoothing": label_smoothing} if label_smoothing else {}
    loss = c.again(xs, ys, weight=weight, ignore_index=ignore_index, reduction="none", **more)
    made = c.batched(loss) if single else _unfolded(c, loss, c.level.size, x.shape[0])
    if reduction != "mean" or (single and not by_number):
        return _mean_or_sum(made, reduction)
    if not by_number:
        return _mean_or_sum(made, "mean")
    counted = by_name("sum", by_name("ne", target, ignore_index))
    return by_name("div", by_name("sum", made), counted)


RULES.update(cross_entropy=class_loss, nll_loss=class_loss)


# ---- attention --------------------------------------------------------------------------------


def attention(c: Call, query: object, key: object, value: object, attn_mask: object = None,
              dropout_p: float = 0.0, is_causal: bool = False, *, scale: object = None,
              enable_gqa: bool = False) -> object:  # fmt: skip
    """Slices join what stands before (length, features)."""
    ranks = {c.rank(x) for x in (query, key, value)}
    if len(ranks) > 1 or dropout_p or min(ranks) < 2:
        raise Unruled
    if attn_mask is not None and c.rank(attn_mask) > min(ranks):
        raise Unruled
    if attn_mask is not None:
        attn_mask = aligned(c, attn_mask, ranks.pop()) if c.is_mine(attn_mask) else attn_mask
    tensors = [c.full(x) for x in (query, key, value)]
    return c.batched(c.again(*tensors, attn_mask, 0.0, is_causal, scale=scale,
                             enable_gqa=enable_gqa))  # fmt: skip


RULES["scaled_dot_product_attention"] = attention
