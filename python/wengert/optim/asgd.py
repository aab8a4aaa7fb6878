"""Averaged stochastic gradient descent."""

from __future__ import annotations

from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_lr, hyper_parameters

__all__ = ["ASGD"]


class ASGD(FusedOptimizer, rule="ASGD"):
    """Averaged stochastic gradient descent (Polyak & Juditsky 1992).

    g = grad + weight_decay * p;  p -= eta * (lambd * p + g);  a += mu * (p - a), at first a = p;
    then eta = lr / (1 + lambd * lr * t)^alpha, at first lr, and mu = 1 / max(1, t - t0). a is the
    state `ax`. `maximize` negates the gradient. `lr` may be a one-element tensor. `foreach` and
    `capturable` are accepted: every step is fused. Raises ValueError for an `lr` or `weight_decay`
    below 0.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = hyper_parameters(locals())
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        super().__init__(params, defaults)
