"""Adam for sparse gradients, which there are none of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._typing import Params, R, Rate
from ._fused import check_betas, check_lr
from .optimizer import Optimizer, evaluate

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Adam for sparse gradients. All gradients are dense here, which it refuses as in PyTorch.

    `step` raises RuntimeError for a parameter that has a gradient. Raises ValueError for arguments
    out of range.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-3,
        betas: Sequence[Rate] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        if not lr > 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def step(self, closure: Callable[[], R] | None = None) -> R | None:
        """Raises RuntimeError if a parameter has a gradient; returns the loss of `closure`."""
        loss = None if closure is None else evaluate(closure)
        for group in self.param_groups:
            if any(param.grad is not None for param in group["params"]):
                raise RuntimeError(
                    "SparseAdam does not support dense gradients, please consider Adam instead"
                )
        return loss
