"""Resilient backpropagation."""

from __future__ import annotations

from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_lr, check_pair, hyper_parameters

__all__ = ["Rprop"]


class Rprop(FusedOptimizer, rule="Rprop"):
    """Resilient backpropagation (Riedmiller & Braun 1993), for gradients of the whole data.

    Each element has a step size of its own, at first `lr`: multiplied by etas[1] where the gradient
    and the one before have the same sign, by etas[0] where they differ, and kept within
    `step_sizes`. p -= sign(grad) * size, but where the signs differ, which counts as a gradient of
    0. `maximize` negates the gradient. `lr` may be a one-element tensor. `foreach` and `capturable`
    are accepted: every step is fused. Raises ValueError for arguments out of range.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = hyper_parameters(locals())
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        check_pair("etas", etas)
        check_pair("step_sizes", step_sizes)
        super().__init__(params, defaults)
