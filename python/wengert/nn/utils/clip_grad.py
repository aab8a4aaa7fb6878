"""Limiting the size of gradients."""

from __future__ import annotations

import types
from collections.abc import Iterable

from ... import _after, _native
from ..._native import Tensor
from ..._typing import TensorOrTensors
from ...autograd.grad_mode import no_grad

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
]


def _as_list(tensors: TensorOrTensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, _native.Tensor) else list(tensors)


def _grads(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [grad for grad in [p.grad for p in parameters] if grad is not None]


def _require_finite(norm: Tensor, norm_type: float) -> None:
    if not bool(_native.isfinite(norm)):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )


def get_total_norm(
    tensors: TensorOrTensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all elements of all tensors together, as a 0-d tensor."""
    norm_type = float(norm_type)
    tensors = _as_list(tensors)
    if not tensors:
        return _native.zeros(())
    with no_grad():
        norm = _native.total_norm(tensors, norm_type)
        if error_if_nonfinite:
            _require_finite(norm, norm_type)
        return norm


def clip_grads_with_norm_(
    parameters: TensorOrTensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiplies every gradient by max_norm / (total_norm + 1e-6), if that is less than 1."""
    grads = _grads(_as_list(parameters))
    if not grads:
        return
    with no_grad():
        scale = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for grad in grads:
            grad.mul_(scale)


def clip_grad_norm_(
    parameters: TensorOrTensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scales all gradients together so that their norm is at most `max_norm`.

    Returns the norm before, a 0-d tensor; of sharded gradients that of all ranks. A norm that is
    not finite is an error only with `error_if_nonfinite`. `foreach` is accepted.
    """
    from_generator = isinstance(parameters, types.GeneratorType)
    parameters = _as_list(parameters)
    if from_generator and not parameters:
        _native._warn("`parameters` is an empty generator, no gradient clipping will occur.")
    norm_type = float(norm_type)
    for reference in _after.watchers:  # none where there is one process
        watcher = reference()
        norm = None if watcher is None else watcher.total_norm(parameters, norm_type)
        if norm is not None:
            if error_if_nonfinite:
                _require_finite(norm, norm_type)
            clip_grads_with_norm_(parameters, max_norm, norm)
            return norm
    grads = _grads(parameters)
    if error_if_nonfinite:
        norm = get_total_norm(grads, norm_type, True)
        clip_grads_with_norm_(parameters, max_norm, norm)
        return norm
    if not grads:
        return _native.zeros(())
    return _native.clip_grad_norm(grads, float(max_norm), norm_type)


def clip_grad_norm(
    parameters: TensorOrTensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The old name of `clip_grad_norm_`."""
    _native._warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: TensorOrTensors, clip_value: float, foreach: bool | None = None
) -> None:
    """Clamps every element of every gradient to [-clip_value, clip_value]."""
    clip_value = float(clip_value)
    with no_grad():
        for grad in _grads(_as_list(parameters)):
            grad.clamp_(-clip_value, clip_value)
