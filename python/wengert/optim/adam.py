"""Adam, and with decoupled weight decay AdamW."""

from __future__ import annotations

from typing import Any

from .. import _native
from ._fused import FusedOptimizer, Plan, check_lr, check_modes, number

__all__ = ["Adam"]

_adam_step = _native.adam_step
#: Which attribute of the core's step each hyper-parameter is.
_PLACES = {
    "lr": 1,
    "betas": (2, 3),
    "eps": 4,
    "weight_decay": 5,
    "amsgrad": 6,
    "maximize": 7,
    "decoupled_weight_decay": 8,
}


def _check_betas(betas: Any) -> None:
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
    tensors = [isinstance(beta, _native.Tensor) for beta in betas]
    if not (all(tensors) or all(isinstance(beta, float) for beta in betas)):
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas):
        if tensors[i] and beta.numel() != 1:
            raise ValueError(f"Tensor betas[{i}] must be 1-element")


class Adam(FusedOptimizer):
    """Adam (Kingma & Ba 2015); with `amsgrad` the variant of Reddi et al. 2018.

    g = grad + weight_decay * p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
    p -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps), v its largest value so far with
    `amsgrad`. With `decoupled_weight_decay` p *= 1 - lr * weight_decay instead of the first line.
    `maximize` negates the gradient. `lr` and `betas` may be one-element tensors. `foreach`, `fused`
    and `capturable` are accepted: every step is fused.
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: Any = (0.9, 0.999),
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
        if isinstance(lr, _native.Tensor) and foreach and not capturable:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        _check_betas(betas)
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        check_modes(fused, foreach, differentiable)
        defaults = {
            "lr": lr,
            "betas": tuple(number(beta) for beta in betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("amsgrad", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("capturable", False)
            group.setdefault("differentiable", False)
            group.setdefault("decoupled_weight_decay", False)
            group.setdefault("fused", None)

    def _plan(self, group: dict[str, Any]) -> Plan:
        amsgrad = group["amsgrad"]
        averages: list[Any] = []
        squares: list[Any] = []
        largest: list[Any] = []
        steps: list[Any] = []
        waiting = []
        for i, param in enumerate(group["params"]):
            # `state[param]` would enter an empty dict for a parameter that never gets a gradient.
            state = self.state.get(param) or {}
            if state.get("exp_avg") is None or (amsgrad and state.get("max_exp_avg_sq") is None):
                waiting.append(i)
            step = state.get("step", 0.0)
            if not isinstance(step, _native.Tensor):
                step = _native.tensor(float(step), dtype=_native.float32)
                if state:
                    state["step"] = step
            averages.append(state.get("exp_avg"))
            squares.append(state.get("exp_avg_sq"))
            if amsgrad:
                largest.append(state.get("max_exp_avg_sq"))
            steps.append(step)
        return Plan(group, (averages, squares, largest, steps), waiting, amsgrad)

    def _modes(self, group: dict[str, Any]) -> Any:
        return group["amsgrad"]

    def _update(self, group: dict[str, Any], params: list[Any], *lists: list[Any]) -> None:
        averages, squares, largest, steps = lists
        beta1, beta2 = group["betas"]
        _adam_step(
            params,
            averages,
            squares,
            largest,
            steps,
            group["lr"],
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
            group["amsgrad"],
            group["maximize"],
            group["decoupled_weight_decay"],
        )
        if _native._is_capturing():
            _native._capture_group(group, _PLACES)

    def _publish(self, plan: Plan) -> None:
        averages, squares, largest, steps = plan.lists
        for i in plan.waiting:
            if averages[i] is None:  # no gradient yet
                continue
            values = {"step": steps[i], "exp_avg": averages[i], "exp_avg_sq": squares[i]}
            if largest:
                values["max_exp_avg_sq"] = largest[i]
            self.state.publish(plan.params[i], **values)
        plan.waiting = [i for i in plan.waiting if averages[i] is None]
