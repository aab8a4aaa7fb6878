"""`functional_call` under its older name."""

from __future__ import annotations

from collections.abc import Mapping

from ... import _native
from ..._native import Tensor
from ..modules.module import Module

__all__ = ["functional_call"]


def functional_call(
    module: Module,
    parameters_and_buffers: Mapping[str, Tensor],
    args: object = None,
    kwargs: dict[str, object] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> object:
    """func.functional_call(), with a warning that it is that."""
    from ... import func

    _native._warn(
        "This API is deprecated as of PyTorch 2.0 and will be removed in a future version of "
        "PyTorch. Please use torch.func.functional_call instead which is a drop-in replacement for "
        "this API.",
        FutureWarning,
    )
    return func.functional_call(
        module, dict(parameters_and_buffers), args, kwargs, tie_weights=tie_weights, strict=strict
    )
