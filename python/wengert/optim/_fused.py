"""Optimizers whose step is one call of the core per parameter group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _native
from ._state import State
from .optimizer import Optimizer, evaluate, runs_hooks

_same_items = _native._same_items


class Plan:
    """One group's lists of state, position by position as its parameters.

    `waiting` are the positions without state yet; the core makes it at their first gradient.
    """

    __slots__ = ("group", "lists", "modes", "params", "waiting")

    def __init__(
        self, group: dict[str, Any], lists: tuple[Any, ...], waiting: list[int], modes: Any = None
    ) -> None:
        self.group = group
        self.params = list(group["params"])
        self.lists = lists
        self.waiting = waiting
        self.modes = modes  # what in the group decides which lists there are


class FusedOptimizer(Optimizer):
    """Base of optimizers with plans; see Note [optimizer state].

    Subclasses give the names of the state in `_plan`, and the call of the core in `_update`.
    """

    _plans: list[Plan] | None = None

    def _new_state(self, items: Any) -> Any:
        return State(items)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        self._plans = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._plans = None
        if not isinstance(self.state, State):
            self.state = State(self.state)

    @runs_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Updates every parameter that has a gradient, in one call of the core per group.

        `closure`, if given, computes the loss and its gradients first; the loss is returned.
        """
        if self._has_step_hooks and not self._in_step:
            return self._run_step(type(self).step, () if closure is None else (closure,), {})
        loss = None if closure is None else evaluate(closure)
        self._opt_called = True
        plans = self._plans
        if plans is None or self._stale(plans):
            plans = _native._outside_capture(self._replan)
        for plan in plans:
            self._update(plan.group, plan.params, *plan.lists)
            if plan.waiting:
                self._publish(plan)
        if _native._is_capturing():
            _native._capture_optimizer(vars(self), self.state._flag, plans)
            _native._capture_check(self._hooks_unchanged, False)
        return loss

    def _hooks_unchanged(self) -> Callable[[], bool]:
        before = self._step_hooks()
        return lambda: before == self._step_hooks()

    def _stale(self, plans: list[Plan]) -> bool:
        """True if the user has changed state, groups or their parameters since the last step."""
        state, groups = self.state, self.param_groups
        if type(state) is not State or state._flag[0] or len(plans) != len(groups):
            return True
        for plan, group in zip(plans, groups):  # noqa: B905 - of equal length
            if plan.group is not group or plan.modes != self._modes(group):
                return True
            if not _same_items(plan.params, group["params"]):
                return True
        return False

    def _replan(self) -> list[Plan]:
        if type(self.state) is not State:
            self.state = State(self.state)
        plans = [self._plan(group) for group in self.param_groups]
        self.state._flag[0] = False
        self._plans = plans
        return plans

    def _modes(self, group: dict[str, Any]) -> Any:
        return None

    def _plan(self, group: dict[str, Any]) -> Plan:
        raise NotImplementedError

    def _update(self, group: dict[str, Any], params: list[Any], *lists: list[Any]) -> None:
        raise NotImplementedError

    def _publish(self, plan: Plan) -> None:
        raise NotImplementedError


def number(value: Any) -> float:
    """A hyper-parameter that may be a one-element tensor; a program reads it at every replay."""
    return value if type(value) is float else _native._outside_capture(lambda: float(value))


def check_lr(lr: Any) -> None:
    """ValueError for a tensor that is not one number."""
    if isinstance(lr, _native.Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")


def check_modes(fused: Any, foreach: Any, differentiable: Any) -> None:
    """RuntimeError for modes that exclude each other or that there is no support for."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if differentiable:
        raise RuntimeError("differentiable=True is not available: the fused step is not recorded")
