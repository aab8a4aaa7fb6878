"""Adam, and with decoupled weight decay AdamW."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _native
from .._typing import Params, Rate
from ._fused import FusedOptimizer, check_betas, check_lr, hyper_parameters, number

__all__ = ["Adam"]


def _check_betas(betas: Sequence[Rate], tensors_allowed: bool) -> None:
    check_betas(betas)
    tensors = [isinstance(beta, _native.Tensor) for beta in betas]
    if not (all(tensors) or all(isinstance(beta, float) for beta in betas)):
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas):
        if isinstance(beta, _native.Tensor) and not tensors_allowed:
            raise ValueError(
                f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True"
            )
        if isinstance(beta, _native.Tensor) and beta.numel() != 1:
            raise ValueError(f"Tensor betas[{i}] must be 1-element")


class Adam(FusedOptimizer, rule="Adam"):
    """Adam (Kingma & Ba 2015); with `amsgrad` the variant of Reddi et al. 2018.

    g = grad + weight_decay * p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
    p -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps), v its largest value so far with
    `amsgrad`. With `decoupled_weight_decay` p *= 1 - lr * weight_decay instead of the first line.
    `maximize` negates the gradient. `lr` and `betas` may be one-element tensors. `foreach`, `fused`
    and `capturable` are accepted: every step is fused.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-3,
        betas: Sequence[Rate] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        defaults = hyper_parameters(locals())
        if isinstance(lr, _native.Tensor) and foreach and not capturable:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        _check_betas(betas, capturable or not foreach)
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        defaults["betas"] = tuple(number(beta) for beta in betas)
        super().__init__(params, defaults)
