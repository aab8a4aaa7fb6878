"""Adagrad."""

from __future__ import annotations

from .. import _native
from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_lr, hyper_parameters
from ._planned import number_tensor

__all__ = ["Adagrad"]


class Adagrad(FusedOptimizer, rule="Adagrad"):
    """Adagrad (Duchi, Hazan & Singer 2011).

    g = grad + weight_decay * p;  s += g^2, at first `initial_accumulator_value`;
    p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps), t the number of the step. `maximize`
    negates the gradient. `lr` may be a one-element tensor. `foreach` and `fused` are accepted:
    every step is fused. The state is there from the beginning. Raises ValueError for an argument
    below 0.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = hyper_parameters(locals())
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not lr_decay >= 0.0:
            raise ValueError(f"Invalid lr_decay value: {lr_decay}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not initial_accumulator_value >= 0.0:
            raise ValueError(
                f"Invalid initial_accumulator_value value: {initial_accumulator_value}"
            )
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param] = {
                    "step": number_tensor(0.0),
                    "sum": _native.full_like(param, initial_accumulator_value).detach(),
                }

    def share_memory(self) -> None:
        """Moves the sums into memory that other processes may share."""
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["sum"].share_memory_()
