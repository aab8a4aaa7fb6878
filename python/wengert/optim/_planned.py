"""Optimizers that keep their state in lists, from step to step; see Note [optimizer state]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import _native
from .._native import Tensor
from .._typing import Args, Closure, Group, Kwargs, StateDict
from ._state import State
from .optimizer import Optimizer, _global_pre_hooks, evaluate, runs_hooks

_same_items = _native._same_items


class Plan:
    """One group's lists of state, each position by position as its parameters.

    There is one for each state of the rule. The core fills in what is None, where it is needed, at
    a parameter's first gradient.
    """

    __slots__ = ("group", "lists", "params", "rates")

    def __init__(self, group: Group, lists: tuple[list[Tensor | None], ...]) -> None:
        self.group = group
        self.params = list(group["params"])
        self.lists = lists
        self.rates: list[Tensor] = []  # of optimizers in operations


class PlannedOptimizer(Optimizer):
    """Base of the optimizers of this package whose step takes a list of parameters at a time."""

    _states: tuple[tuple[str, bool], ...]  # (name, is a number) of each state
    _constructor_defaults: Group
    state: State
    _plans: list[Plan] | None = None

    @classmethod
    def _read_defaults(cls) -> None:
        init: Any = cls.__init__
        values = init.__defaults__
        names = init.__code__.co_varnames[: init.__code__.co_argcount][-len(values) :]
        cls._constructor_defaults = {
            **dict(zip(names, values, strict=True)),
            **(init.__kwdefaults__ or {}),
        }

    def _new_state(self, items: Mapping[Tensor, Any]) -> State:
        return State(items)

    def add_param_group(self, param_group: Group) -> None:
        super().add_param_group(param_group)
        self._plans = None

    def __setstate__(self, state: StateDict) -> None:
        super().__setstate__(state)
        self._plans = None
        if not isinstance(self.state, State):
            self.state = State(self.state)
        # What groups saved by older versions lack is as if it had not been given.
        for group in self.param_groups:
            for name, value in self._constructor_defaults.items():
                group.setdefault(name, value)

    @runs_hooks
    def step(self, closure: Closure | None = None) -> Any:
        """Updates every parameter that has a gradient.

        `closure`, if given, computes the loss and its gradients first; the loss is returned.
        """
        hooked = self._has_step_hooks and not self._in_step
        args: Args = () if closure is None else (closure,)
        kwargs: Kwargs = {}
        if hooked and (_global_pre_hooks or self._optimizer_step_pre_hooks):
            args, kwargs = self._run_pre_hooks(args, kwargs)
            closure = args[0] if args else kwargs.get("closure")
        loss = None if closure is None else evaluate(closure)
        self._opt_called = True
        plans = self._plans
        if plans is None or self._stale(plans):
            plans = _native._outside_capture(self._replan)
        self._update(plans)
        if _native._is_capturing():
            _native._capture_optimizer(vars(self), self.state.flag, plans)
            _native._capture_check(self._hooks_unchanged, False)
        if hooked:
            self._run_post_hooks(args, kwargs)
        return loss

    def _update(self, plans: list[Plan]) -> None:
        raise NotImplementedError

    def _hooks_unchanged(self) -> Callable[[], bool]:
        before = self._step_hooks()
        return lambda: before == self._step_hooks()

    def _stale(self, plans: list[Plan]) -> bool:
        """True if the user has changed state, groups or their parameters since the last step."""
        state, groups = self.state, self.param_groups
        if type(state) is not State or state.flag[0] or len(plans) != len(groups):
            return True
        for plan, group in zip(plans, groups):  # noqa: B905 - of equal length
            if plan.group is not group or not _same_items(plan.params, group["params"]):
                return True
        return False

    def _replan(self) -> list[Plan]:
        if type(self.state) is not State:
            self.state = State(self.state)
        plans = [self._plan(group) for group in self.param_groups]
        self.state.flag[0] = False
        self._plans = plans
        return plans

    def _plan(self, group: Group) -> Plan:
        lists: tuple[list[Tensor | None], ...] = tuple([] for _ in self._states)
        for param in group["params"]:
            # `state[param]` would enter an empty dict for a parameter that never gets a gradient.
            state = self.state.get(param) or {}
            for (name, is_number), values in zip(self._states, lists, strict=True):
                value = state.get(name)
                if is_number and value is not None and not isinstance(value, _native.Tensor):
                    # As old versions of PyTorch saved it.
                    value = state[name] = number_tensor(float(value))
                values.append(value)
        return Plan(group, lists)

    def _publish(self, plan: Plan) -> None:
        """Lets the user see the state that a step has made."""
        for param, *values in zip(plan.params, *plan.lists, strict=True):
            named = zip(self._states, values, strict=True)
            self.state.publish(
                param, {name: value for (name, _), value in named if value is not None}
            )


def number_tensor(value: float) -> Tensor:
    """A number of the state, in PyTorch's dtype for it."""
    double = _native.get_default_dtype() == _native.float64
    return _native.tensor(value, dtype=_native.float64 if double else _native.float32)
