"""Optimizers whose step is written in operations, a parameter at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable

from .. import _native
from .._native import Tensor
from ..autograd.grad_mode import no_grad
from ._planned import Plan, PlannedOptimizer


class Rates:
    """The learning rate of a group and its weight decay, as tensors.

    A program reads them there at every replay, after a call out of it has set them anew.
    """

    __slots__ = ("decay", "group", "lr")

    def __init__(self, plan: Plan) -> None:
        self.group = plan.group
        if not plan.rates:
            plan.rates = [_native.zeros((), dtype=_native.float64) for _ in range(2)]
        self.lr, self.decay = plan.rates
        self.refresh()

    def refresh(self) -> None:
        self.lr.fill_(float(self.group["lr"]))
        self.decay.fill_(float(self.group.get("weight_decay", 0.0)))

    def keep(self) -> Callable[[], None]:
        """Nothing to put back: they are set before every use."""
        return self.refresh


class ComposedOptimizer(PlannedOptimizer):
    """Base of optimizers whose step is written in operations.

    A subclass names its state (`class Muon(ComposedOptimizer, states=("momentum_buffer",))`),
    makes what a parameter needs of it, and updates one parameter.
    """

    def __init_subclass__(cls, states: tuple[str, ...] = (), **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if states:
            cls._states = tuple((name, name == "step") for name in states)
            cls._read_defaults()

    def _make_state(self, param: Tensor) -> dict[str, Tensor]:
        """The state that a parameter with a gradient begins with."""
        raise NotImplementedError

    def _update_param(self, rates: Rates, param: Tensor, state: dict[str, Tensor]) -> None:
        """Steps one parameter, in operations that look at no values."""
        raise NotImplementedError

    @no_grad()
    def _update(self, plans: list[Plan]) -> None:
        for plan in plans:
            indices = [i for i, param in enumerate(plan.params) if param.grad is not None]
            if not indices:
                continue
            rates = _native._outside_capture(functools.partial(self._ready, plan, indices))
            if _native._is_capturing():
                self._follow(rates)
            for i in indices:
                values = (values[i] for values in plan.lists)
                named = zip((name for name, _ in self._states), values, strict=True)
                state = {name: value for name, value in named if value is not None}
                self._update_param(rates, plan.params[i], state)

    def _ready(self, plan: Plan, indices: list[int]) -> Rates:
        """Makes the state that is missing, and the rates of this step."""
        made = False
        for i in indices:
            if any(values[i] is not None for values in plan.lists):
                continue
            state = self._make_state(plan.params[i])
            for (name, _), values in zip(self._states, plan.lists, strict=True):
                values[i] = state.get(name)
            made = True
        if made:
            self._publish(plan)
        return Rates(plan)

    def _follow(self, rates: Rates) -> None:
        """A program sets the rates anew; when another hyper-parameter changes it ends."""
        _native._capture_call(rates.refresh, rates.keep)
        group = rates.group

        def others() -> list[object]:
            kept = [v for k, v in group.items() if k not in ("params", "lr", "weight_decay")]
            return [*kept, group.get("weight_decay", 0) == 0]

        before = others()
        _native._capture_check(lambda: others() == before, True)
