"""Optimizers whose step is a rule of the core, one call per parameter group."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _native
from .._typing import Group, Kwargs, Params, Rate
from ._planned import Plan, PlannedOptimizer

_update_step = _native.update_step


def hyper_parameters(arguments: Kwargs) -> Group:
    """The `locals()` of a constructor at its start, without what is no hyper-parameter."""
    return {k: v for k, v in arguments.items() if k not in ("self", "params", "__class__")}


class FusedOptimizer(PlannedOptimizer):
    """Base of optimizers whose step is a rule of the core, in one call per group.

    A subclass names its rule (`class Adam(FusedOptimizer, rule="Adam")`). Its constructor checks
    the arguments and hands them on, under the names that a group has them: the rule reads what it
    needs there at every step. The rule knows the names of the state, too.
    """

    _rule: object

    def __init_subclass__(cls, rule: str | None = None, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if rule is not None:
            cls._rule, cls._states = _native.update_rule(rule)
            cls._read_defaults()

    def __init__(self, params: Params, defaults: Group) -> None:
        super().__init__(params, defaults)
        fused, differentiable = defaults.get("fused"), defaults["differentiable"]
        if fused and differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if fused and defaults["foreach"]:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
        if differentiable:
            raise RuntimeError(
                "differentiable=True is not available: the fused step is not recorded"
            )

    def _update(self, plans: list[Plan]) -> None:
        for plan in plans:
            if _update_step(self._rule, plan.group, plan.params, plan.lists):
                self._publish(plan)


def number(value: Rate) -> float:
    """A hyper-parameter that may be a one-element tensor; a program reads it at every replay."""
    return value if type(value) is float else _native._outside_capture(lambda: float(value))


def check_betas(betas: Sequence[Rate]) -> None:
    """ValueError for one of two that is not in [0, 1), and for more of them."""
    for i in range(2):
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
    check_pair("betas", betas)


def check_pair(name: str, values: Sequence[Rate]) -> None:
    """ValueError for other than two."""
    if len(values) != 2:
        raise ValueError(f"{name} must be two numbers, got {values}")


def check_lr(lr: object) -> None:
    """ValueError for a tensor that is not one number."""
    if isinstance(lr, _native.Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
