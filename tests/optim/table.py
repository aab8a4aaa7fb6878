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
    # What state begins with that does not begin with zeros, of the hyper-parameters.
    initial: dict[str, Callable[[dict[str, Any]], float]] = field(default_factory=dict)
    # Whether the state is there before the first step, and of parameters without gradients.
    at_once: bool = False

    @property
    def op(self) -> str:
        """The row of the registry that its steps are."""
        return f"{self.rule.lower()}_update"

    @property
    def states(self) -> tuple[tuple[str, bool], ...]:
        """The names of the rule's state in the order of its op's inputs; whether it is a number."""
        return _native.update_rule(self.rule)[1]

    def begin(self, p: np.ndarray, options: dict[str, Any]) -> dict[str, Any]:
        """The state before the first step, where there is any."""
        if not self.at_once:
            return {}
        return {
            name: np.full(() if number else p.shape, float(self.first(name, options)))
            for name, number in self.states
        }

    def first(self, name: str, options: dict[str, Any]) -> float:
        """What a state begins with."""
        return self.initial[name](options) if name in self.initial else 0.0

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
        return self.step(p, g, {} if fresh and not self.initial else state, **options)


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


def decayed(p, g, options):
    """The parameter and its gradient after weight decay of either kind."""
    g = -g if options.get("maximize") else g
    decay = options.get("weight_decay", 0)
    if options.get("decoupled_weight_decay"):
        return p * (1 - options["lr"] * decay), g
    return p, g + decay * p


def counted(state, name, first, step):
    """A number of the state after a step: kept, and rounded, in float32 or in its array's dtype."""
    before = np.asarray(state.get(name, np.float32(first)))
    state[name] = step(before).astype(before.dtype)
    return float(state[name])


def adagrad(p, g, state, lr=1e-2, lr_decay=0, initial_accumulator_value=0, eps=1e-10, **options):
    p, g = decayed(p, g, options)
    t = state["step"] = state.get("step", 0) + 1
    s = state["sum"] = state.get("sum", initial_accumulator_value) + g * g
    return p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s) + eps)


def adadelta(p, g, state, lr=1.0, rho=0.9, eps=1e-6, **options):
    p, g = decayed(p, g, options)
    state["step"] = state.get("step", 0) + 1
    v = state["square_avg"] = rho * state.get("square_avg", 0 * p) + (1 - rho) * g * g
    u = state.get("acc_delta", 0 * p)
    d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
    state["acc_delta"] = rho * u + (1 - rho) * d * d
    return p - lr * d


def adamax(p, g, state, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, **options):
    p, g = decayed(p, g, options)
    t = state["step"] = state.get("step", 0) + 1
    m = betas[0] * state.get("exp_avg", 0 * p) + (1 - betas[0]) * g
    u = np.maximum(betas[1] * state.get("exp_inf", 0 * p), abs(g) + eps)
    state.update(exp_avg=m, exp_inf=u)
    return p - lr / (1 - betas[0] ** t) * m / u


def moments(p, g, state, betas):
    m = betas[0] * state.get("exp_avg", 0 * p) + (1 - betas[0]) * g
    v = betas[1] * state.get("exp_avg_sq", 0 * p) + (1 - betas[1]) * g * g
    state.update(exp_avg=m, exp_avg_sq=v)
    return m, v


def nadam(p, g, state, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, momentum_decay=4e-3, **options):
    p, g = decayed(p, g, {"lr": lr, **options})
    t = state["step"] = state.get("step", 0) + 1
    mu, after = (betas[0] * (1 - 0.5 * 0.96 ** (i * momentum_decay)) for i in (t, t + 1))
    product = counted(state, "mu_product", 1, lambda before: before * before.dtype.type(mu))
    m, v = moments(p, g, state, betas)
    root = np.sqrt(v / (1 - betas[1] ** t)) + eps
    part = (1 - mu) / (1 - product) * g + after / (1 - product * after) * m
    return p - lr * part / root


def radam(p, g, state, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, **options):
    p, g = decayed(p, g, {"lr": lr, **options})
    t = state["step"] = state.get("step", 0) + 1
    m, v = moments(p, g, state, betas)
    r = 2 / (1 - betas[1]) - 1
    rho = r - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
    step = lr / (1 - betas[0] ** t) * m
    if rho <= 5:
        return p - step
    rectified = math.sqrt((rho - 4) * (rho - 2) * r / ((r - 4) * (r - 2) * rho))
    return p - step * rectified * math.sqrt(1 - betas[1] ** t) / (np.sqrt(v) + eps)


def asgd(p, g, state, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, **options):
    p, g = decayed(p, g, options)
    t = state["step"] = state.get("step", 0) + 1
    eta, mu = float(state.get("eta", np.float32(lr))), float(state.get("mu", 1))
    p = p * (1 - lambd * eta) - eta * g
    counted(state, "eta", lr, lambda _: np.float64(lr / (1 + lambd * lr * t) ** alpha))
    counted(state, "mu", 1, lambda _: np.float64(1 / max(1, t - t0)))
    ax = state.get("ax", 0 * p)
    state["ax"] = ax + mu * (p - ax)
    return p


def rprop(p, g, state, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), **options):
    p, g = decayed(p, g, options)
    state["step"] = state.get("step", 0) + 1
    turn = np.sign(g * state.get("prev", 0 * p))
    size = state.get("step_size", 0 * p + lr) * np.select([turn > 0, turn < 0], etas[::-1], 1)
    size = np.clip(size, *step_sizes)
    g = state["prev"] = np.where(turn < 0, 0, g)
    state["step_size"] = size
    return p - np.sign(g) * size


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
    Row(
        "Adagrad",
        "Adagrad",
        adagrad,
        [
            dict(lr=0.1),
            dict(lr=0.1, lr_decay=0.1, weight_decay=0.1, eps=1e-3, maximize=True),
            dict(lr=0.1, initial_accumulator_value=0.5),
        ],
        [
            *NEGATIVE,
            dict(eps=-1.0),
            dict(lr_decay=-1.0),
            dict(initial_accumulator_value=-1.0),
            dict(fused=True, foreach=True),
        ],
        [("lr_decay", 0.1), ("eps", 1e-3), ("maximize", True), ("weight_decay", 0.3)],
        initial={"sum": lambda options: options.get("initial_accumulator_value", 0)},
        at_once=True,
    ),
    Row(
        "Adadelta",
        "Adadelta",
        adadelta,
        [dict(), dict(lr=0.5, rho=0.5, eps=1e-3, weight_decay=0.1, maximize=True)],
        [*NEGATIVE, dict(eps=-1.0), dict(rho=1.5), dict(rho=-0.1)],
        [("rho", 0.5), ("eps", 1e-3), ("maximize", True), ("weight_decay", 0.3)],
    ),
    Row(
        "Adamax",
        "Adamax",
        adamax,
        [
            dict(lr=0.05),
            dict(lr=0.05, betas=(0.4, 0.9), eps=1e-3, weight_decay=0.1, maximize=True),
        ],
        [*NEGATIVE, dict(eps=-1.0), dict(betas=(1.0, 0.9)), dict(betas=(0.9, -0.1))],
        [("betas", (0.8, 0.9)), ("eps", 1e-3), ("weight_decay", 0.3), ("betas", (0.4, 0.9))],
    ),
    Row(
        "NAdam",
        "NAdam",
        nadam,
        [
            dict(lr=0.05),
            dict(lr=0.05, betas=(0.4, 0.9), eps=1e-3, weight_decay=0.1, maximize=True),
            dict(lr=0.05, weight_decay=0.3, momentum_decay=0.1, decoupled_weight_decay=True),
        ],
        [*NEGATIVE, dict(eps=-1.0), dict(betas=(0.9, 1.0)), dict(momentum_decay=-1.0)],
        [("betas", (0.8, 0.9)), ("momentum_decay", 0.1), ("decoupled_weight_decay", True)],
        initial={"mu_product": lambda _: 1},
    ),
    Row(
        "RAdam",
        "RAdam",
        radam,
        [
            dict(lr=0.05),
            dict(lr=0.05, betas=(0.4, 0.9), eps=1e-3, weight_decay=0.1, maximize=True),
            dict(lr=0.05, betas=(0.9, 0.5)),
            dict(lr=0.05, weight_decay=0.3, decoupled_weight_decay=True),
        ],
        [*NEGATIVE, dict(eps=-1.0), dict(betas=(0.9, 1.0)), dict(betas=(-0.9, 0.5))],
        [("betas", (0.8, 0.9)), ("eps", 1e-3), ("decoupled_weight_decay", True)],
    ),
    Row(
        "ASGD",
        "ASGD",
        asgd,
        [
            dict(lr=0.1),
            dict(lr=0.1, lambd=0.1, alpha=0.5, t0=3, weight_decay=0.1, maximize=True),
        ],
        NEGATIVE,
        [("lambd", 0.1), ("alpha", 0.5), ("t0", 2.0), ("weight_decay", 0.3)],
        initial={"eta": lambda options: np.float32(options.get("lr", 1e-2)), "mu": lambda _: 1},
    ),
    Row(
        "Rprop",
        "Rprop",
        rprop,
        [dict(lr=0.1), dict(etas=(0.3, 2.0), step_sizes=(0.02, 0.1), maximize=True)],
        [dict(lr=-1.0), dict(etas=(0.5, 0.9)), dict(etas=(0.0, 1.2)), dict(etas=(1.0, 1.2))],
        [("etas", (0.3, 1.5)), ("step_sizes", (0.01, 0.1)), ("maximize", True)],
        initial={"step_size": lambda options: options.get("lr", 1e-2)},
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
