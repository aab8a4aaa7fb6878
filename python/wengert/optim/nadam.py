"""NAdam."""

from __future__ import annotations

from collections.abc import Sequence

from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_betas, check_lr, hyper_parameters

__all__ = ["NAdam"]


class NAdam(FusedOptimizer, rule="NAdam"):
    """NAdam (Dozat 2016), Adam with Nesterov momentum whose size follows a schedule.

    g = grad + weight_decay * p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
    mu_t = b1 * (1 - 0.96^(t * momentum_decay) / 2), u_t the product of mu_1 to mu_t;
    p -= lr * ((1 - mu_t) / (1 - u_t) * g + mu_{t+1} / (1 - u_{t+1}) * m)
    / (sqrt(v / (1 - b2^t)) + eps). With `decoupled_weight_decay` p *= 1 - lr * weight_decay
    instead of adding weight_decay * p. `maximize` negates the gradient. `lr` may be a one-element
    tensor. `foreach` and `capturable` are accepted: every step is fused. Raises ValueError for
    arguments out of range.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 2e-3,
        betas: Sequence[Rate] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        if not momentum_decay >= 0.0:
            raise ValueError(f"Invalid momentum_decay value: {momentum_decay}")
        super().__init__(params, defaults)
