"""Adadelta."""

from __future__ import annotations

from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_lr, hyper_parameters

__all__ = ["Adadelta"]


class Adadelta(FusedOptimizer, rule="Adadelta"):
    """Adadelta (Zeiler 2012).

    g = grad + weight_decay * p;  v = rho * v + (1 - rho) * g^2;
    d = sqrt(u + eps) / sqrt(v + eps) * g;  u = rho * u + (1 - rho) * d^2;  p -= lr * d.
    `maximize` negates the gradient. `lr` may be a one-element tensor. `foreach` and `capturable`
    are accepted: every step is fused. Raises ValueError for arguments out of range.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = hyper_parameters(locals())
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        super().__init__(params, defaults)
