"""RAdam."""

from __future__ import annotations

from collections.abc import Sequence

from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_betas, check_lr, hyper_parameters

__all__ = ["RAdam"]


class RAdam(FusedOptimizer, rule="RAdam"):
    """RAdam (Liu et al. 2020), Adam that waits until it knows the variance of the gradients.

    g = grad + weight_decay * p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
    r = 2 / (1 - b2) - 1;  rho = r - 2 t b2^t / (1 - b2^t);  p -= lr / (1 - b1^t) * m, and where
    rho > 5 this times sqrt((rho - 4) (rho - 2) r / ((r - 4) (r - 2) rho)) and
    sqrt(1 - b2^t) / (sqrt(v) + eps). With `decoupled_weight_decay` p *= 1 - lr * weight_decay
    instead of adding weight_decay * p. `maximize` negates the gradient. `lr` may be a one-element
    tensor. `foreach` and `capturable` are accepted: every step is fused. Raises ValueError for
    arguments out of range.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-3,
        betas: Sequence[Rate] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
