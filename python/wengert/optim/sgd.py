"""Stochastic gradient descent."""

from __future__ import annotations

from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_lr, hyper_parameters

__all__ = ["SGD"]


class SGD(FusedOptimizer, rule="SGD"):
    """Stochastic gradient descent, optionally with momentum (Sutskever et al. 2013).

    g = grad + weight_decay * p;  b = momentum * b + (1 - dampening) * g, at first b = g;
    p -= lr * b, or lr * (g + momentum * b) with `nesterov`. `maximize` negates the gradient.
    `lr` may be a one-element tensor. `foreach` and `fused` are accepted: every step is fused.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = hyper_parameters(locals())
        check_lr(lr)
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, defaults)
