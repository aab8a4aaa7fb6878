"""Adam for gradients that are zero in most rows."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _native
from .._native import Tensor
from .._typing import Params, Rate
from ._composed import ComposedOptimizer, Rates
from ._fused import check_betas, check_lr
from ._planned import number_tensor

__all__ = ["SparseAdam"]


class SparseAdam(ComposedOptimizer, states=("step", "exp_avg", "exp_avg_sq")):
    """Adam that leaves the rows alone which a gradient does not touch, and their averages.

    It is for the tables of `Embedding(sparse=True)`. Gradients are dense here, so a row of one is
    untouched where it is zero in every element; PyTorch's are sparse, and name the rows that were
    read. `step` counts all steps, as PyTorch's does. Raises ValueError for arguments out of range.
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

    def _make_state(self, param: Tensor) -> dict[str, Tensor]:
        averages = (_native.zeros_like(param).detach() for _ in range(2))
        names = (name for name, _ in self._states)
        return dict(zip(names, (number_tensor(0.0), *averages), strict=True))

    def _update_param(self, rates: Rates, param: Tensor, state: dict[str, Tensor]) -> None:
        group, grad = rates.group, param.grad
        assert grad is not None
        beta1, beta2 = map(float, group["betas"])
        rows = grad != 0
        if grad.dim() > 1:
            rows = rows.flatten(1).any(1).view(-1, *[1] * (grad.dim() - 1))
        if group["maximize"]:
            grad = -grad
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.copy_(mean.lerp(grad, 1 - beta1).where(rows, mean))
        square.copy_(square.lerp(grad * grad, 1 - beta2).where(rows, square))
        t = state["step"].add_(1).double()
        size = rates.lr * (1 - beta2**t).sqrt() / (1 - beta1**t)
        update = mean / square.sqrt().add_(group["eps"]) * size
        param.sub_(update.where(rows, 0.0))
