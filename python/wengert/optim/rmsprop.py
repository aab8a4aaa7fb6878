"""RMSprop."""

from __future__ import annotations

from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_lr, hyper_parameters

__all__ = ["RMSprop"]


class RMSprop(FusedOptimizer, rule="RMSprop"):
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5 of the course Neural Networks for Machine
    Learning); with `centered` the variant of Graves 2013.

    g = grad + weight_decay * p;  v = alpha * v + (1 - alpha) * g^2;  d = g / (sqrt(v) + eps);
    b = momentum * b + d;  p -= lr * b, or lr * d without momentum. `centered` divides by
    sqrt(v - m^2) + eps instead, where m = alpha * m + (1 - alpha) * g. `maximize` negates the
    gradient. `lr` may be a one-element tensor. `foreach` and `capturable` are accepted: every step
    is fused. Raises ValueError for an argument below 0.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = hyper_parameters(locals())
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        if not momentum >= 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not alpha >= 0.0:
            raise ValueError(f"Invalid alpha value: {alpha}")
        super().__init__(params, defaults)
