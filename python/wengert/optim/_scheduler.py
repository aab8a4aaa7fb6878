"""`LRScheduler`, the base class of the schedules, and what they share."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import cast

from .. import _native
from .._capture.conditions import Conditions
from .._typing import Group, PerGroup, Rate, StateDict
from .optimizer import Optimizer

_ORDER_URL = "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"


def _copied(value: Rate) -> Rate:
    return value.clone() if isinstance(value, _native.Tensor) else value


def values_of_groups(optimizer: Optimizer, key: str) -> list[Rate]:
    """One entry of every group; tensors copied, as they change in place."""
    return [_copied(group[key]) for group in optimizer.param_groups]


def set_in_group(group: Group, key: str, value: Rate) -> None:
    if isinstance(group[key], _native.Tensor):
        group[key].fill_(float(value))
    else:
        group[key] = value


def per_group(name: str, optimizer: Optimizer, value: PerGroup) -> list[float]:
    """One value for each group; ValueError if there are fewer or more."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [cast("float", _copied(value)) for _ in range(count)]
    if len(value) != count:
        raise ValueError(f"{name} must have the same length as optimizer.param_groups. "
                         f"{name} has {len(value)} values, param_groups has {count}.")  # fmt: skip
    return [cast("float", _copied(v)) for v in value]


def has_beta1(optimizer: Optimizer) -> bool:
    """Whether its momentum is betas[0]; ValueError if it has none."""
    defaults = optimizer.defaults
    if "momentum" not in defaults and "betas" not in defaults:
        raise ValueError(
            "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
        )
    return "betas" in defaults


def set_momentum(group: Group, is_beta1: bool, value: float) -> None:
    if is_beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


def require_optimizer(optimizer: object) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def _repeated(step: Callable[..., None]) -> Callable[..., None]:
    """A `step` that a captured program calls again, in Python, at the same place."""

    @functools.wraps(step)
    def wrapper(self: LRScheduler, *args: object, **kwargs: object) -> None:
        values = (*args, *kwargs.values())
        if not _native._is_capturing() or any(isinstance(v, _native.Tensor) for v in values):
            return step(self, *args, **kwargs)
        again = functools.partial(step, self, *args, **kwargs)
        _native._capture_call(again, functools.partial(_keep, self))
        return _native._outside_capture(again, True)

    return wrapper


def _keep(schedule: LRScheduler) -> Callable[[], None]:
    """Keeps what a `step` changes; the function that it returns puts it back."""
    parts = [schedule]
    for part in parts:  # grows on the way
        parts += getattr(part, "_schedulers", ())
    spaces = [vars(part) for part in parts]
    for optimizer in {id(part.optimizer): part.optimizer for part in parts}.values():
        spaces += optimizer.param_groups
    before = [
        (
            space,
            key,
            value,
            value.clone() if isinstance(value, _native.Tensor) else copy.copy(value),
        )
        for space in spaces
        for key, value in space.items()
        if isinstance(value, (int, float, str, tuple, list, _native.Tensor, type(None)))
        and key != "params"
    ]

    def restore() -> None:
        for space, key, value, was in before:
            space[key] = value
            if isinstance(value, _native.Tensor) and isinstance(was, _native.Tensor):
                value.data.copy_(was)
            elif isinstance(value, list) and isinstance(was, list):
                value[:] = was

    return restore


class LRScheduler:
    """Base of the schedulers: `get_lr` gives the rates for `self.last_epoch`."""

    _get_lr_called_within_step = False
    _is_initial = False
    _last_lr: list[Rate]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if callable(step):
            cls.step = _repeated(step)  # type: ignore[method-assign]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        require_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming "
                    "scheduler with last_epoch >= 0.\nThis typically happens when:\n1. You're "
                    "trying to resume training from a checkpoint but haven't properly loaded the "
                    "optimizer state\n2. You're using last_epoch >= 0 for a fresh training run "
                    "(not recommended)"
                )
        self.base_lrs = values_of_groups(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def __capture_conditions__(self, conditions: Conditions) -> None:
        """The rates that code reads by way of the schedule."""
        if "get_last_lr" in conditions.names:
            conditions.item(vars(self), "_last_lr")

    def state_dict(self) -> StateDict:
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Takes over what `state_dict` gave."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Rate]:
        """The rates set last, one per group."""
        return self._last_lr

    def get_lr(self) -> Sequence[Rate]:
        """The rates for `self.last_epoch`, one per group; only for use in `step`."""
        raise NotImplementedError

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            _native._warn(
                "To get the last learning rate computed by the scheduler, please use "
                "`get_last_lr()`."
            )

    def step(self, epoch: int | None = None) -> None:
        """Sets the rates of the next epoch (or of a given one, deprecated)."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            _native._warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch "
                "1.1.0 and later, you should call them in the opposite order: `optimizer.step()` "
                "before `lr_scheduler.step()`.  Failure to do this will result in PyTorch skipping "
                f"the first value of the learning rate schedule. See more details at {_ORDER_URL}"
            )
        self._step_count += 1
        if epoch is not None:
            warn_epoch()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
        self._set_rates(self.get_lr if closed is None else closed)

    def _set_rates(self, rates: Callable[[], Sequence[Rate]]) -> None:
        self._get_lr_called_within_step = True
        try:
            values = rates()
        finally:
            self._get_lr_called_within_step = False
        for group, rate in zip(self.optimizer.param_groups, values, strict=True):
            set_in_group(group, "lr", rate)
        self._last_lr = values_of_groups(self.optimizer, "lr")

    def _scaled(self, factor: float) -> list[Rate]:
        """The rates in force times a factor."""
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _kept(self) -> list[Rate]:
        return values_of_groups(self.optimizer, "lr")


LRScheduler.step = _repeated(LRScheduler.step)  # type: ignore[method-assign]


def warn_epoch() -> None:
    _native._warn(
        "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
        "possible. Please use `scheduler.step()` to step the scheduler. During the deprecation, if "
        "epoch is different from None, the closed form is used instead of the new chainable form, "
        "where available."
    )
