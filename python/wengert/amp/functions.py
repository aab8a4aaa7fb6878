"""`autocast` and the methods of an `autograd.Function`."""

from __future__ import annotations

import functools

from .. import _native, _pytree
from .._native import Tensor
from .._typing import Dtype, UserFunction
from . import autocast, get_autocast_dtype, is_autocast_enabled

__all__ = ["custom_bwd", "custom_fwd"]


def _named(device_type: object) -> str:
    if not isinstance(device_type, str):
        raise ValueError(
            f"Expected `device_type` of type `str`, got: `{type(device_type).__name__}`"
        )
    return device_type


def custom_fwd(
    fwd: UserFunction | None = None, *, device_type: str, cast_inputs: Dtype = None
) -> UserFunction:
    """A decorator of `forward`, whose first argument is the context.

    Without `cast_inputs` backward, decorated by custom_bwd(), runs in the `autocast` that forward
    ran in. With it, in a region of `autocast`, forward's floating tensors are given in that dtype
    (float64 ones as they are), and neither casts within. ValueError unless `device_type` is a str.
    """
    device = _named(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device, cast_inputs=cast_inputs)
    forward = fwd

    def cast(x: object) -> object:
        wide = isinstance(x, Tensor) and x.is_floating_point() and x.dtype != _native.float64
        return x.to(cast_inputs) if isinstance(x, Tensor) and wide else x

    @functools.wraps(forward)
    def decorated(ctx: object, *args: object, **kwargs: object) -> object:
        running = is_autocast_enabled(device)
        kept = running and cast_inputs is None
        vars(ctx).update(_dtype=get_autocast_dtype(device), _fwd_used_autocast=kept)
        if cast_inputs is None or not running:
            return forward(ctx, *args, **kwargs)
        with autocast(device, enabled=False):
            given = _pytree.tree_map(cast, (args, kwargs))
            return forward(ctx, *given[0], **given[1])  # type: ignore[index]

    return decorated


def custom_bwd(bwd: UserFunction | None = None, *, device_type: str) -> UserFunction:
    """A decorator of `backward`: it runs in the `autocast` that forward ran in, see custom_fwd().

    ValueError unless `device_type` is a str.
    """
    device = _named(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device)
    backward = bwd

    @functools.wraps(backward)
    def decorated(ctx: object, *args: object) -> object:
        found = vars(ctx)
        with autocast(device, found["_dtype"], found["_fwd_used_autocast"]):
            return backward(ctx, *args)

    return decorated
