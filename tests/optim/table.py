"""Every optimizer: what tests make it with, and its step written as plainly as possible.

A reference is a function of a parameter, its gradient, its state (a dict, empty at first, filled
under PyTorch's names in PyTorch's order) and the hyper-parameters; it returns the parameter after
the step. All are NumPy arrays. A row is all that an optimizer needs in tests: values, state,
saving, errors and captured steps are tested for each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wengert import _native


@dataclass
class Row:
    name: str
    rule: str  # of the core
    step: Callable[..., np.ndarray]
    # Hyper-parameters that matter. Each is run for several steps, against the reference and torch.
    variants: list[dict[str, Any]]
    # Refused by the constructor.
    bad: list[dict[str, Any]]
    # Hyper-parameters set one after the other between steps that are captured.
    changes: list[tuple[str, Any]] = field(default_factory=list)
    # What the class tells its rule beside that.
    implied: dict[str, Any] = field(default_factory=dict)

    @property
    def op(self) -> str:
        """The row of the registry that its steps are."""
        return f"{self.rule.lower()}_update"

    @property
    def states(self) -> tuple[tuple[str, bool], ...]:
        """The names of the rule's state in the order of its op's inputs; whether it is a number."""
        return _native.update_rule(self.rule)[1]

    def attributes(self, options: dict[str, Any]) -> dict[str, Any]:
        """Hyper-parameters under the names that the op has for them: betas are beta1 and beta2."""
        named: dict[str, Any] = {}
        for name, value in {**self.implied, **options}.items():
            if isinstance(value, tuple):
                named.update({f"{name[:-1]}{i}": v for i, v in enumerate(value, 1)})
            else:
                named[name] = value
        return named

    def update(
        self, tensors: list[np.ndarray], count: int, fresh: bool = False, **named: Any
    ) -> Any:
        """What the op makes of the first parameter."""
        options: dict[str, Any] = {}
        for name, value in named.items():
            stem = name.rstrip("123456789")
            options[name if stem == name else f"{stem}s"] = (
                value if stem == name else (*options.get(f"{stem}s", ()), value)
            )
        p, g = tensors[0], tensors[count]
        kept: dict[str, Any] = {}
        self.step(p, g, kept, **options)
        names = [name for name, _ in self.states if name in kept]
        state = dict(zip(names, tensors[2 * count :: count], strict=True))
        return self.step(p, g, {} if fresh else state, **options)


def sgd(
    p, g, state, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False
):
    g = (-g if maximize else g) + weight_decay * p
    if momentum:
        if "momentum_buffer" in state:
            b = momentum * state["momentum_buffer"] + (1 - dampening) * g
        else:
            b = g
        state["momentum_buffer"] = b
        g = g + momentum * b if nesterov else b
    return p - lr * g


def adam(
    p,
    g,
    state,
    lr=1e-3,
    betas=(0.9, 0.999),
    eps=1e-8,
    weight_decay=0,
    amsgrad=False,
    maximize=False,
    decoupled_weight_decay=False,
):
    g = -g if maximize else g
    if decoupled_weight_decay:
        p = p * (1 - lr * weight_decay)
    else:
        g = g + weight_decay * p
    t = state["step"] = state.get("step", 0) + 1
    m = betas[0] * state.get("exp_avg", 0 * p) + (1 - betas[0]) * g
    v = betas[1] * state.get("exp_avg_sq", 0 * p) + (1 - betas[1]) * g * g
    state.update(exp_avg=m, exp_avg_sq=v)
    if amsgrad:
        v = state["max_exp_avg_sq"] = np.maximum(state.get("max_exp_avg_sq", 0 * p), v)
    root = np.sqrt(v) / math.sqrt(1 - betas[1] ** t) + eps
    return p - lr / (1 - betas[0] ** t) * m / root


def adamw(p, g, state, weight_decay=1e-2, **options):
    options["decoupled_weight_decay"] = True
    return adam(p, g, state, weight_decay=weight_decay, **options)


def rmsprop(
    p,
    g,
    state,
    lr=1e-2,
    alpha=0.99,
    eps=1e-8,
    weight_decay=0,
    momentum=0,
    centered=False,
    maximize=False,
):
    g = (-g if maximize else g) + weight_decay * p
    state["step"] = state.get("step", 0) + 1
    v = state["square_avg"] = alpha * state.get("square_avg", 0 * p) + (1 - alpha) * g * g
    buffer = state.get("momentum_buffer", 0 * p)
    if momentum:
        state["momentum_buffer"] = buffer
    if centered:
        m = state["grad_avg"] = alpha * state.get("grad_avg", 0 * p) + (1 - alpha) * g
        v = v - m * m
    d = g / (np.sqrt(v) + eps)
    if momentum:
        d = state["momentum_buffer"] = momentum * buffer + d
    return p - lr * d


NEGATIVE = [dict(lr=-1.0), dict(weight_decay=-1.0)]

TABLE = [
    Row(
        "SGD",
        "SGD",
        sgd,
        [
            dict(lr=0.1),
            dict(lr=0.1, weight_decay=0.01, maximize=True),
            dict(lr=0.1, momentum=0.9),
            dict(lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.01, maximize=True),
            dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
        ],
        [*NEGATIVE, dict(momentum=-0.1), dict(nesterov=True), dict(fused=True, foreach=True)],
        [("momentum", 0.9), ("dampening", 0.1), ("dampening", 0), ("nesterov", True)],
    ),
    Row(
        "Adam",
        "Adam",
        adam,
        [
            dict(lr=0.05),
            dict(lr=0.05, betas=(0.5, 0.9), eps=1e-3, weight_decay=0.1, amsgrad=True),
            dict(lr=0.05, betas=(0.4, 0.9), weight_decay=0.01),
            dict(lr=0.05, maximize=True, decoupled_weight_decay=True, weight_decay=0.3),
        ],
        [
            *NEGATIVE,
            dict(eps=-1.0),
            dict(betas=(1.0, 0.9)),
            dict(betas=(0.9, -0.1)),
            dict(betas=(float("nan"), 0.9)),
        ],
        [("betas", (0.8, 0.9)), ("eps", 1e-3), ("amsgrad", True), ("betas", (0.5, 0.99))],
    ),
    Row(
        "AdamW",
        "Adam",
        adamw,
        [dict(lr=0.05), dict(lr=0.05, amsgrad=True, weight_decay=0.5)],
        [*NEGATIVE, dict(eps=-1.0), dict(betas=(1.0, 0.9))],
        [("betas", (0.8, 0.9)), ("eps", 1e-3), ("amsgrad", True), ("weight_decay", 0.3)],
        dict(weight_decay=1e-2, decoupled_weight_decay=True),
    ),
    Row(
        "RMSprop",
        "RMSprop",
        rmsprop,
        [
            dict(),
            dict(lr=0.02, alpha=0.9, eps=1e-3, weight_decay=0.1),
            dict(lr=0.02, momentum=0.9),
            dict(lr=0.02, centered=True, maximize=True),
            dict(lr=0.02, alpha=0.3, momentum=0.5, centered=True, weight_decay=0.1),
        ],
        [*NEGATIVE, dict(eps=-1.0), dict(momentum=-1.0), dict(alpha=-1.0)],
        [("momentum", 0.9), ("alpha", 0.9), ("eps", 1e-3), ("centered", True), ("momentum", 0.5)],
    ),
]
CASES = [(row, options) for row in TABLE for options in row.variants]


def case_name(value: Any) -> str | None:
    """A case as pytest's `ids` show it."""
    if isinstance(value, Row):
        return value.name
    if isinstance(value, dict):
        return "-".join(f"{k}={v}" for k, v in value.items()) or "defaults"
    return None
