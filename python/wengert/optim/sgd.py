"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from .. import _native
from ._fused import FusedOptimizer, Plan, check_lr, check_modes

__all__ = ["SGD"]

_sgd_step = _native.sgd_step
#: Which attribute of the core's step each hyper-parameter is; below 0 if 0 makes it another step.
_PLACES = {
    "lr": 1,
    "momentum": -2,
    "dampening": 3,
    "weight_decay": 4,
    "nesterov": 5,
    "maximize": 6,
}


class SGD(FusedOptimizer):
    """Stochastic gradient descent, optionally with momentum (Sutskever et al. 2013).

    g = grad + weight_decay * p;  b = momentum * b + (1 - dampening) * g, at first b = g;
    p -= lr * b, or lr * (g + momentum * b) with `nesterov`. `maximize` negates the gradient.
    `lr` may be a one-element tensor. `foreach` and `fused` are accepted: every step is fused.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
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
        check_lr(lr)
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_modes(fused, foreach, differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("differentiable", False)
            group.setdefault("fused", False)

    def _plan(self, group: dict[str, Any]) -> Plan:
        # A scheduler may switch momentum on later, so buffers have their list in any case.
        buffers = [self.state.get(p, {}).get("momentum_buffer") for p in group["params"]]
        waiting = [i for i, buffer in enumerate(buffers) if buffer is None]
        return Plan(group, (buffers,), waiting)

    def _update(self, group: dict[str, Any], params: list[Any], *lists: list[Any]) -> None:
        if _native._is_capturing() and group["dampening"] != 0 and None in lists[0]:
            _native._capture_again()  # the first step alone leaves the gradient undampened
        _sgd_step(
            params,
            lists[0],
            group["lr"],
            group["momentum"],
            group["dampening"],
            group["weight_decay"],
            group["nesterov"],
            group["maximize"],
        )
        if _native._is_capturing():
            _native._capture_group(group, _PLACES)

    def _publish(self, plan: Plan) -> None:
        if plan.group["momentum"] == 0:
            return
        (buffers,) = plan.lists
        for i in plan.waiting:
            if buffers[i] is not None:
                self.state.publish(plan.params[i], momentum_buffer=buffers[i])
        plan.waiting = [i for i in plan.waiting if buffers[i] is None]
