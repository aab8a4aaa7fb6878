"""Rules of functions element by element, and along dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from .. import _native
from .._functions import promote_types
from ._batched import RULES, Batched, Call, Tensor, Unruled, by_name, method

# ---- element by element -----------------------------------------------------------------------

_NAMES = """
    abs absolute acos acosh add addcdiv addcmul angle arccos arccosh arcsin arcsinh arctan
    arctan2 arctanh asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not
    bitwise_or bitwise_right_shift bitwise_xor ceil celu clamp clamp_max clamp_min clip clone
    conj contiguous copysign cos cosh deg2rad digamma div divide elu eq erf erfc erfcx erfinv
    exp exp2 expit expm1 fix float_power floor floor_divide fmax fmin fmod frac gcd ge gelu
    greater greater_equal gt hardshrink hardsigmoid hardswish hardtanh heaviside hypot i0 i0e
    i1 i1e igamma igammac isclose isfinite isinf isnan isneginf isposinf isreal lcm ldexp le
    leaky_relu lerp less less_equal lgamma log log10 log1p log2 log_ndtr logaddexp logaddexp2
    logical_and logical_not logical_or logical_xor logit logsigmoid lt masked_fill maximum
    minimum mish mul multiply nan_to_num ndtr ndtri ne neg negative nextafter not_equal
    polygamma positive pow rad2deg reciprocal relu relu6 remainder round rsqrt rsub selu sgn
    sigmoid sign signbit silu sin sinc sinh softplus softshrink softsign sqrt square sub
    subtract tan tanh tanhshrink threshold true_divide trunc where xlog1py xlogy zeta
    empty_like full_like ones_like zeros_like
"""
#: Functions whose tensors are broadcast against each other, with all their other arguments.
POINTWISE = _NAMES.split()


def _order(dtype: _native.dtype) -> int:
    return 0 if dtype is _native.bool else 2 if dtype.is_floating_point else 1


def _common(operands: list[Tensor]) -> _native.dtype | None:
    """The dtype that the slices have together, where dimension 0 of values would change it."""
    dtypes = {x.dtype for x in operands}
    ranks = {x.dim() for x in operands}
    if len(dtypes) < 2 or 0 not in ranks:
        return None
    found: list[_native.dtype] = []
    for group in ([x for x in operands if x.dim()], [x for x in operands if not x.dim()]):
        if group:
            dtype = group[0].dtype
            for x in group[1:]:
                dtype = promote_types(dtype, x.dtype)
            found.append(dtype)
    if len(found) == 1:
        return found[0]
    dims, zeros = found
    return zeros if _order(zeros) > _order(dims) else dims


def aligned(c: Call, x: object, rank: int, dtype: _native.dtype | None = None) -> object:
    """The values of an operand, broadcast from the right with what the function sees `rank` of."""
    if not isinstance(x, Tensor):
        return x
    # Bools are masks or promote to anything.
    wrong = dtype is not None and x.dtype not in (dtype, _native.bool)
    if not c.is_mine(x):
        return x.to(dtype) if wrong else x
    value = c.value(x)
    if wrong:
        value = value.to(dtype)
    missing = rank - (value.dim() - 1)
    if missing:
        index = (slice(None), *(None,) * missing)
        value = method("__getitem__", value, index)
    return value


def pointwise(c: Call, *args: object, **kwargs: object) -> object:
    """The function of values that are broadcast as the slices are."""
    operands = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
    if len(operands) == 1:
        own = [x.value if type(x) is Batched else x for x in args]
        named = {k: x.value if type(x) is Batched else x for k, x in kwargs.items()}
        return c.batched(c.again(*own, **named))
    rank = max(x.dim() for x in operands)
    dtype = _common(operands)
    own = [aligned(c, x, rank, dtype) for x in args]
    named = {k: aligned(c, x, rank, dtype) for k, x in kwargs.items()}
    return c.batched(c.again(*own, **named))


def where(c: Call, condition: object, input: object = None, other: object = None) -> object:
    """Three operands; with the condition alone the result has a size of the values."""
    if input is None or other is None:
        raise RuntimeError("vmap: where(condition) gives as many indices as values say")
    return pointwise(c, condition, input, other)


def masked_fill(c: Call, input: object, mask: object, value: object) -> object:
    """A number, or a tensor of one for each slice."""
    if not c.is_mine(value):
        return pointwise(c, input, mask, value)
    if c.rank(value) or c.rank(mask) > c.rank(input):
        raise Unruled
    return by_name("where", mask, cast("Tensor", value).to(cast("Tensor", input).dtype), input)


def cast_to(c: Call, input: object, *args: object, **kwargs: object) -> object:
    """Methods that give another dtype."""
    plain = [x.value if type(x) is Batched else x for x in args]
    if not c.is_mine(input):
        raise Unruled
    return c.batched(method(c.function.__name__, c.value(input), *plain, **kwargs))


RULES.update(dict.fromkeys(POINTWISE, pointwise))
RULES["where"] = where
RULES["masked_fill"] = masked_fill
for _name in ("to", "float", "double", "half", "bfloat16", "long", "int", "short", "char", "byte",
              "bool", "cpu", "type_as"):  # fmt: skip
    RULES[_name] = cast_to


# ---- along dimensions -------------------------------------------------------------------------


def place(dim: object, rank: int) -> int:
    """A dimension of the slices as one of values."""
    if not isinstance(dim, int) or isinstance(dim, bool):
        raise Unruled
    if not -rank <= dim < rank:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got "
            f"{dim})"
        )
    return dim % rank + 1


def places(dim: object, rank: int) -> object:
    """One dimension or several."""
    if isinstance(dim, (tuple, list)):
        return tuple(place(d, rank) for d in dim)
    return place(dim, rank)


def _along(default: object, at: int = 0) -> Callable[..., object]:
    """The rule of a function with the argument `dim` at this place behind its input."""

    def rule(c: Call, input: object, *args: object, **kwargs: object) -> object:
        value, rank = c.value(input), c.rank(input)
        if any(c.is_mine(x) for x in (*args, *kwargs.values())) or rank == 0:
            raise Unruled
        own = list(args)
        if "axis" in kwargs:
            kwargs["dim"] = kwargs.pop("axis")
        if "dim" not in kwargs and len(own) > at:
            own[at] = places(own[at], rank)
        else:
            kwargs["dim"] = places(kwargs.get("dim", default), rank)
        return c.batched(c.again(value, *own, **kwargs))

    return rule


ALONG: dict[str, tuple[object, int]] = {
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"), (None, 0)),
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), (None, 0)),
    **dict.fromkeys(("sort", "argsort", "mode"), (-1, 0)),
    **dict.fromkeys(("topk", "kthvalue"), (-1, 1)),
    "unbind": (0, 0),
    "glu": (-1, 0),
    "normalize": (1, 1),
}
for _name, (_default, _at) in ALONG.items():
    RULES[_name] = _along(_default, _at)


def _reduced(c: Call, value: Tensor, rank: int, dim: object, keepdim: bool, *args: object,
             **kwargs: object) -> object:  # fmt: skip
    """The function along `dim`, along all if that is None."""
    if rank == 0:
        if dim not in (None, 0, -1, (), [], (0,), (-1,)):
            raise Unruled
        return c.batched(c.again(value.unsqueeze(-1), *args, dim=1, **kwargs))
    if dim is None or dim == () or dim == []:
        flat = value if rank == 1 else value.flatten(1)
        result = c.again(flat, *args, dim=1, **kwargs)
        return c.batched(
            method("reshape", result, (c.level.size, *(1,) * rank)) if keepdim else result
        )
    if keepdim:
        kwargs["keepdim"] = True
    return c.batched(c.again(value, *args, dim=places(dim, rank), **kwargs))


def reduction(c: Call, input: object, dim: object = None, keepdim: object = False, *,
              axis: object = None, **kwargs: object) -> object:  # fmt: skip
    """sum and its like: (input, dim, keepdim)."""
    if not isinstance(keepdim, bool) or any(c.is_mine(x) for x in kwargs.values()):
        raise Unruled
    dim = axis if dim is None else dim
    if isinstance(dim, bool):
        raise Unruled
    return _reduced(c, c.value(input), c.rank(input), dim, keepdim, **kwargs)


def spread(c: Call, input: object, *args: object, **kwargs: object) -> object:
    """std and var: (input, dim=None, unbiased or correction, keepdim)."""
    kwargs = dict(kwargs)
    if args and isinstance(args[0], bool):
        kwargs["unbiased"], args = args[0], args[1:]
    names = ("dim", "unbiased", "keepdim")
    kwargs.update(zip(names, args, strict=False))
    dim, keepdim = kwargs.pop("dim", None), kwargs.pop("keepdim", False)
    unbiased = kwargs.pop("unbiased", None)
    if unbiased is not None:
        kwargs["correction"] = int(bool(unbiased))
    if len(args) > len(names) or not isinstance(keepdim, bool) or isinstance(dim, bool):
        raise Unruled
    return _reduced(c, c.value(input), c.rank(input), dim, keepdim, **kwargs)


def extreme(c: Call, input: object, *args: object, **kwargs: object) -> object:
    """max, min and their like: of all without a dimension, along one, or of two tensors."""
    both = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
    if both:
        return pointwise(c, input, *args, **kwargs)
    dim = args[0] if args else kwargs.get("dim", kwargs.get("axis"))
    keepdim = args[1] if len(args) > 1 else kwargs.get("keepdim", False)
    value, rank = c.value(input), c.rank(input)
    if dim is None:
        result = _reduced(c, value, rank, None, False)
        return cast("tuple[object, ...]", result)[0] if isinstance(result, tuple) else result
    if rank == 0 or not isinstance(keepdim, bool) or len(args) > 2:
        raise Unruled
    return _reduced(c, value, rank, dim, keepdim)


RULES.update(
    dict.fromkeys(
        ("sum", "mean", "prod", "amax", "amin", "argmax", "argmin", "all", "any", "logsumexp",
         "nansum", "nanmean", "count_nonzero"),
        reduction,
    )
)  # fmt: skip
RULES.update(dict.fromkeys(("std", "var", "std_mean", "var_mean"), spread))
RULES.update(dict.fromkeys(("max", "min", "median", "nanmedian"), extreme))


def norm(c: Call, input: object, p: object = 2, dim: object = None, keepdim: bool = False,
         dtype: object = None) -> object:  # fmt: skip
    """Of all elements, or along dimensions, the vectors' norm."""
    if dtype is not None or isinstance(p, str) or (p is None and dim is not None):
        raise Unruled
    rank = c.rank(input)
    if isinstance(dim, (tuple, list)) and len(dim) == 2 and rank >= 2:
        raise Unruled
    return _reduced(c, c.value(input), rank, dim, keepdim, 2 if p is None else p)


RULES["norm"] = norm


# ---- products ---------------------------------------------------------------------------------


def matmul(c: Call, input: object, other: object) -> object:
    """Vectors become matrices of one row or column; more dimensions are broadcast."""
    ranks = c.rank(input), c.rank(other)
    if 0 in ranks:
        raise Unruled
    if ranks == (1, 2) and not c.is_mine(other):
        return c.batched(by_name("matmul", c.value(input), other))
    if ranks == (2, 1) and not c.is_mine(input):
        return c.batched(by_name("matmul", c.value(other), cast("Tensor", input).mT))
    if ranks == (1, 1) and not (c.is_mine(input) and c.is_mine(other)):
        mine, one = (input, other) if c.is_mine(input) else (other, input)
        return c.batched(by_name("matmul", c.value(mine), one))
    a, b = input, other
    if ranks[0] == 1:
        a = cast("Tensor", a).unsqueeze(0)
    if ranks[1] == 1:
        b = cast("Tensor", b).unsqueeze(1)
    rank = max(cast("Tensor", x).dim() for x in (a, b))
    result = by_name("matmul", aligned(c, a, rank), aligned(c, b, rank))
    if ranks[1] == 1:
        result = result.squeeze(-1)
    if ranks[0] == 1:
        result = result.squeeze(-1 if ranks[1] == 1 else -2)
    return c.batched(result)


def _ranked(a: int, b: int) -> Callable[..., object]:
    """A product of tensors of these ranks."""

    def rule(c: Call, input: object, other: object = None, **kwargs: object) -> object:
        for name in ("mat2", "vec", "tensor"):
            other = kwargs.pop(name, other)
        if kwargs or other is None or (c.rank(input), c.rank(other)) != (a, b):
            raise Unruled
        return matmul(c, input, other)

    return rule


RULES.update(matmul=matmul, mm=_ranked(2, 2), bmm=_ranked(3, 3), mv=_ranked(2, 1))
RULES.update(dot=_ranked(1, 1), vdot=_ranked(1, 1), inner=_ranked(1, 1))


def outer(c: Call, input: object, vec2: object) -> object:
    """A column times a row."""
    if (c.rank(input), c.rank(vec2)) != (1, 1):
        raise Unruled
    column, row = cast("Tensor", input).unsqueeze(1), cast("Tensor", vec2).unsqueeze(0)
    return by_name("mul", column, row)


RULES.update(outer=outer, ger=outer)


def _added(product: str) -> Callable[..., object]:
    """addmm and its like: beta input + alpha (a product)."""

    def rule(c: Call, input: object, a: object, b: object, *, beta: float = 1.0,
             alpha: float = 1.0) -> object:  # fmt: skip
        result = by_name(product, a, b)
        result = result if alpha == 1 else by_name("mul", result, alpha)
        if beta == 0:
            return result
        return by_name("add", result, input if beta == 1 else by_name("mul", input, beta))

    return rule


RULES.update(addmm=_added("mm"), addmv=_added("mv"), baddbmm=_added("bmm"), addr=_added("outer"))
