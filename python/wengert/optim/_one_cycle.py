"""The one-cycle schedule."""

from __future__ import annotations

import math
from typing import TypedDict

from .._typing import PerGroup, Rate
from ._scheduler import LRScheduler, has_beta1, per_group, require_optimizer, set_momentum
from .optimizer import Optimizer


class _Phase(TypedDict):
    """The last step of a phase, and the entries of a group that it leads from and to."""

    end_step: float
    start_lr: str
    end_lr: str
    start_momentum: str
    end_momentum: str


def _positive(name: str, value: object) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr over pct_start of the steps, then down to the first
    rate / final_div_factor; momentum (or beta1) runs the other way (Smith & Topin 2019).

    Each phase is a half cosine or a line (`anneal_strategy`). With `three_phase` the way down first
    mirrors the way up. The number of steps is `total_steps`, or `epochs * steps_per_epoch`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: PerGroup,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: PerGroup = 0.85,
        max_momentum: PerGroup = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        require_optimizer(optimizer)
        self.optimizer = optimizer
        if total_steps is not None:
            self.total_steps = _positive("total_steps", total_steps)
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = _positive("epochs", epochs) * _positive(
                "steps_per_epoch", steps_per_epoch
            )
        else:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = self._phases(pct_start, three_phase)
        fresh = last_epoch == -1
        rates = per_group("max_lr", optimizer, max_lr)
        if fresh:
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._init_momentum(base_momentum, max_momentum, fresh)
        super().__init__(optimizer, last_epoch)

    def _phases(self, pct_start: float, three_phase: bool) -> list[_Phase]:
        def phase(end: float, start_lr: str, end_lr: str, start: str, stop: str) -> _Phase:
            return {
                "end_step": end,
                "start_lr": start_lr,
                "end_lr": end_lr,
                "start_momentum": start,
                "end_momentum": stop,
            }

        top, bottom = "max_momentum", "base_momentum"
        up = float(pct_start * self.total_steps) - 1
        last = self.total_steps - 1
        phases = [phase(up, "initial_lr", "max_lr", top, bottom)]
        if three_phase:
            mirror = float(2 * pct_start * self.total_steps) - 2
            phases.append(phase(mirror, "max_lr", "initial_lr", bottom, top))
            phases.append(phase(last, "initial_lr", "min_lr", top, top))
        else:
            phases.append(phase(last, "max_lr", "min_lr", bottom, top))
        return phases

    def _init_momentum(self, base_momentum: PerGroup, max_momentum: PerGroup, fresh: bool) -> None:
        self.use_beta1 = has_beta1(self.optimizer)
        highest = per_group("max_momentum", self.optimizer, max_momentum)
        lowest = per_group("base_momentum", self.optimizer, base_momentum)
        if fresh:
            for group, high, low in zip(self.optimizer.param_groups, highest, lowest, strict=True):
                set_momentum(group, self.use_beta1, high)
                group["max_momentum"] = high
                group["base_momentum"] = low

    def _anneal_func(self, start: float, end: float, done: float) -> float:
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)
        return (end - start) * done + start

    def get_lr(self) -> list[Rate]:
        self._warn_outside_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        begin = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            begin = phase["end_step"]
        done = (step - begin) / (phase["end_step"] - begin)
        rates: list[Rate] = []
        for group in self.optimizer.param_groups:
            rates.append(self._anneal_func(group[phase["start_lr"]], group[phase["end_lr"]], done))
            if self.cycle_momentum:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                set_momentum(group, self.use_beta1, self._anneal_func(*ends, done))
        return rates
