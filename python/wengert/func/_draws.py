"""Random numbers in the function of a `vmap`: none, others for each slice, or the same for all."""

from __future__ import annotations

from typing import cast

from .. import _native
from .._typing import Args, Kwargs, UserFunction
from ._batched import (
    DRAWS,
    RULES,
    Batched,
    Call,
    Unruled,
    Vmap,
    active,
    call,
    drawn,
    loop,
    method,
    standing_in,
    top_of,
)

_NAMES = """
    alpha_dropout bernoulli bernoulli_ binomial cauchy_ dropout dropout1d dropout2d dropout3d
    exponential_ feature_alpha_dropout feature_dropout fractional_max_pool2d
    fractional_max_pool3d geometric_ log_normal_ multinomial normal normal_ poisson rand
    rand_like randint randint_like randn randn_like random_ randperm rrelu rrelu_ uniform_
    alpha_dropout_ dropout_ feature_dropout_ feature_alpha_dropout_
    scaled_dot_product_attention
"""
#: Functions that draw.
NAMES = _NAMES.split()
#: Of these, with arguments that draw for each element by itself.
_ELEMENTWISE = ("rand_like", "randn_like", "randint_like", "dropout", "alpha_dropout", "bernoulli",
                "poisson")  # fmt: skip
#: Of these only some arguments draw: how `training` and the probability are given.
_QUIET = {
    **dict.fromkeys(
        ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "dropout_",
         "feature_dropout", "feature_alpha_dropout", "alpha_dropout_", "feature_dropout_",
         "feature_alpha_dropout_"), ("p", "training")),
    "rrelu": ("", ""),
    "rrelu_": ("", ""),
    "scaled_dot_product_attention": ("dropout_p", ""),
}  # fmt: skip


def _draws(name: str, args: Args, kwargs: Kwargs) -> bool:
    if name == "scaled_dot_product_attention":
        return bool(kwargs.get("dropout_p", args[4] if len(args) > 4 else 0.0))
    if name.startswith("rrelu"):
        return bool(kwargs.get("training", args[3] if len(args) > 3 else False))
    if name in _QUIET:
        p = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
        default = "alpha" not in name  # dropout trains unless it is told not to
        training = kwargs.get("train", args[2] if len(args) > 2 else default)
        return bool(kwargs.get("training", training)) and p != 0
    return True


def _quiet(function: UserFunction, args: Args, kwargs: Kwargs) -> object:
    """A function of this kind that draws nothing."""
    level = top_of(args, kwargs)
    if level is None:
        with standing_in([]):
            return function(*args, **kwargs)
    made, name = Call(level, function), function.__name__
    try:
        if name in RULES:
            return RULES[name](made, *args, **kwargs)
        if name in _ELEMENTWISE:
            return made.batched(call(function, (made.value(args[0]), *args[1:]), kwargs))
    except Unruled:
        pass
    return loop(made, args, kwargs)


def draw(function: UserFunction, args: Args, kwargs: Kwargs) -> object:
    """The function as the innermost vmap has it. RuntimeError if that allows none."""
    name: str = function.__name__
    if not _draws(name, args, kwargs):
        return _quiet(function, args, kwargs)
    levels = active()
    level = levels[-1]
    if level.randomness == "error":
        raise RuntimeError(
            f"vmap: called random operation {name} while in randomness error mode. Pass "
            "randomness='different' or randomness='same' to vmap"
        )
    with standing_in(levels[:-1]):
        made = Call(level, function)
        if level.randomness == "different":
            result = _different(made, args, kwargs)
        else:
            result = _same(made, args, kwargs)
    level.drawn = drawn()
    return result


def _mine(made: Call, args: Args, kwargs: Kwargs) -> bool:
    flat = [y for x in (*args, *kwargs.values()) for y in (x if isinstance(x, list) else [x])]
    return any(made.is_mine(x) for x in flat)


def _in_place(made: Call) -> bool:
    return bool(made.function.__name__.endswith("_"))


def _different(made: Call, args: Args, kwargs: Kwargs) -> object:
    if _in_place(made):
        if not made.is_mine(args[0]):
            raise RuntimeError(
                f"vmap: {made.function.__name__} would draw other numbers for each slice into a "
                "tensor that is the same for all"
            )
        if _mine(made, args[1:], kwargs):
            raise RuntimeError(f"vmap: {made.function.__name__} with parameters of each slice")
        call(made.function, (made.value(args[0]), *args[1:]), kwargs)
        return args[0]
    name: str = made.function.__name__
    whole = bool(args) and made.is_mine(args[0]) and not _mine(made, args[1:], kwargs)
    if whole and name in _ELEMENTWISE:
        return made.batched(call(made.function, (made.value(args[0]), *args[1:]), kwargs))
    if name in ("rand", "randn") and not kwargs.get("generator"):
        size = kwargs.get("size", args[0] if args and not isinstance(args[0], int) else args)
        rest = {k: v for k, v in kwargs.items() if k != "size"}
        shape = (made.level.size, *cast("tuple[int, ...]", size))
        return made.batched(call(made.function, shape, rest))
    return loop(made, args, kwargs, quiet=True)


def _same(made: Call, args: Args, kwargs: Kwargs) -> object:
    if not _mine(made, args, kwargs):
        return call(made.function, args, kwargs)
    generator = _native._thread_generator()
    before = generator.get_state()
    if _in_place(made):
        drawn = method("clone", method("select", made.value(args[0]), 0, 0))
        if _mine(made, args[1:], kwargs) or type(drawn) is Batched:
            raise RuntimeError(f"vmap: {made.function.__name__} with parameters of each slice")
        call(made.function, (drawn, *args[1:]), kwargs)
        method("copy_", made.value(args[0]), made.full(drawn))
        return args[0]

    def again(*own: object, **named: object) -> object:
        generator.set_state(before)
        return call(made.function, own, named)

    again.__name__ = made.function.__name__
    once = Call(made.level, again)
    return loop(once, args, kwargs, quiet=True)


def check_nothing_else_drew(level: Vmap) -> None:
    """RuntimeError if numbers were drawn by what this file does not know."""
    now = drawn()
    if now is not None and level.drawn is not None and not bool((now == level.drawn).all()):
        raise RuntimeError(
            "vmap: its function drew random numbers in a way that vmap does not know of"
        )


DRAWS.update(dict.fromkeys(NAMES, draw))
_native._enable_vmap()
