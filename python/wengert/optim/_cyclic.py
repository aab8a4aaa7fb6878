"""The schedule that goes up and down again and again."""

from __future__ import annotations

import math
import types
from collections.abc import Callable

from .._typing import PerGroup, Rate, StateDict
from ._scheduler import (
    LRScheduler,
    has_beta1,
    per_group,
    require_optimizer,
    set_in_group,
    set_momentum,
)
from .optimizer import Optimizer


class CyclicLR(LRScheduler):
    """From base_lr up to max_lr in `step_size_up` steps, down again in `step_size_down`, and so on
    (Smith 2017); momentum (or beta1) runs the other way between max_momentum and base_momentum.

    The height of cycle c = 1, 2, ... is scaled by 1 ("triangular"), by 2^(1 - c) ("triangular2") or
    at step t by gamma^t ("exp_range"); or by `scale_fn`, of c or of t as `scale_mode` is "cycle" or
    "iterations". Raises ValueError for another mode, for lists whose length is not that of the
    groups, and for `cycle_momentum` with an optimizer that has no momentum.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: PerGroup,
        max_lr: PerGroup,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: PerGroup = 0.8,
        max_momentum: PerGroup = 0.9,
        last_epoch: int = -1,
    ) -> None:
        require_optimizer(optimizer)
        self.optimizer = optimizer
        fresh = last_epoch == -1
        base_lrs: list[Rate] = [*per_group("base_lr", optimizer, base_lr)]
        if fresh:
            for rate, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_in_group(group, "lr", rate)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._init_momentum(base_momentum, max_momentum, fresh)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _init_momentum(self, base_momentum: PerGroup, max_momentum: PerGroup, fresh: bool) -> None:
        self.use_beta1 = has_beta1(self.optimizer)
        self.base_momentums = per_group("base_momentum", self.optimizer, base_momentum)
        self.max_momentums = per_group("max_momentum", self.optimizer, max_momentum)
        groups = self.optimizer.param_groups if fresh else []
        for i, group in enumerate(groups):
            set_momentum(group, self.use_beta1, self.max_momentums[i])
            group["max_momentum"] = self.max_momentums[i]
            group["base_momentum"] = self.base_momentums[i]

    def scale_fn(self, x: float) -> float:
        """The scale of the height, of the number of the cycle or of the step."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x

    def get_lr(self) -> list[Rate]:
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        place = cycle if self.scale_mode == "cycle" else self.last_epoch
        rates: list[Rate] = [
            low + (high - low) * height * self.scale_fn(place)
            for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]
        groups = self.optimizer.param_groups if self.cycle_momentum else []
        for i, group in enumerate(groups):
            low, high = self.base_momentums[i], self.max_momentums[i]
            value = high - (high - low) * height * self.scale_fn(place)
            set_momentum(group, self.use_beta1, value)
        return rates

    def state_dict(self) -> StateDict:
        """Everything but the optimizer and the code of a plain function."""
        state = super().state_dict()
        fn = state["_scale_fn_custom"]
        if fn is not None:
            plain = isinstance(fn, types.FunctionType)
            state["_scale_fn_custom"] = None if plain else fn.__dict__.copy()
        return state

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Takes over what `state_dict` gave."""
        rest = {key: value for key, value in state_dict.items() if key != "_scale_fn_custom"}
        self.__dict__.update(rest)
        saved = state_dict["_scale_fn_custom"]
        if saved is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(saved)
