"""Muon."""

from __future__ import annotations

import math

from .. import _native
from .._native import Tensor
from .._typing import Params, Rate
from ._composed import ComposedOptimizer, Rates
from ._fused import check_lr

__all__ = ["Muon"]


def _orthogonal(
    x: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> Tensor:
    """Near the closest matrix with orthogonal rows or columns, by `steps` iterations of
    Newton-Schulz, x = a x + b (x x^T) x + c (x x^T)^2 x."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    x = x.t() if tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.t()
        x = _native.addmm(x, _native.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.t() if tall else x


def _ratio(adjust_lr_fn: str | None, rows: int, columns: int) -> float:
    """What a matrix of this shape multiplies the learning rate by."""
    if adjust_lr_fn is None or adjust_lr_fn == "original":
        return math.sqrt(max(1, rows / columns))
    return 0.2 * math.sqrt(max(rows, columns)) if adjust_lr_fn == "match_rms_adamw" else 1.0


class Muon(ComposedOptimizer, states=("momentum_buffer",)):
    """Muon (Jordan 2024): momentum, made orthogonal. For the matrices inside a network.

    b = momentum * b + (1 - momentum) * grad;  u = b, with `nesterov` momentum * b +
    (1 - momentum) * grad;  p *= 1 - lr * weight_decay;  p -= lr * ratio * orthogonal(u). The
    orthogonal matrix comes from `ns_steps` iterations of Newton-Schulz with `ns_coefficients`, of
    u over its norm, at least `eps`. They are computed in the parameter's dtype, where PyTorch
    rounds to bfloat16. `ratio` is sqrt(max(1, rows / columns)), or with
    `adjust_lr_fn="match_rms_adamw"` 0.2 * sqrt(max(rows, columns)) (Liu et al. 2025). `lr` may be
    a one-element tensor. Raises ValueError for a parameter that is no matrix and for arguments out
    of range.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not momentum >= 0.0:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                if param.dim() != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{param.size()}"
                    )

    def _make_state(self, param: Tensor) -> dict[str, Tensor]:
        return {"momentum_buffer": _native.zeros_like(param).detach()}

    def _update_param(self, rates: Rates, param: Tensor, state: dict[str, Tensor]) -> None:
        group, grad, buffer = rates.group, param.grad, state["momentum_buffer"]
        assert grad is not None
        buffer.lerp_(grad, 1 - group["momentum"])
        update = grad.lerp(buffer, group["momentum"]) if group["nesterov"] else buffer
        x = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        param.mul_(1 - rates.lr * rates.decay)
        param.sub_(x * (rates.lr * _ratio(group["adjust_lr_fn"], *param.shape)))
