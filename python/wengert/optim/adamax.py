"""Adamax."""

from __future__ import annotations

from collections.abc import Sequence

from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_betas, check_lr, hyper_parameters

__all__ = ["Adamax"]


class Adamax(FusedOptimizer, rule="Adamax"):
    """Adamax (Kingma & Ba 2015, section 7.1), Adam with the infinity norm.

    g = grad + weight_decay * p;  m = b1 m + (1 - b1) g;  u = max(b2 u, |g| + eps);
    p -= lr / (1 - b1^t) * m / u, t the number of the step. `maximize` negates the gradient. `lr`
    may be a one-element tensor. `foreach` and `capturable` are accepted: every step is fused.
    Raises ValueError for arguments out of range.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 2e-3,
        betas: Sequence[Rate] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = hyper_parameters(locals())
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        super().__init__(params, defaults)
