"""Averages of the weights of a model: stochastic weight averaging and exponential averages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import TypeAlias, cast

from .. import _native
from .._native import Tensor
from .._typing import Device, PerGroup, Rate
from ..autograd.grad_mode import no_grad
from ..nn import BatchNorm1d, BatchNorm2d, BatchNorm3d, Module, SyncBatchNorm
from ._scheduler import LRScheduler, per_group
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

_BATCH_NORMS = (BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm)
_Tensors: TypeAlias = "list[Tensor] | tuple[Tensor, ...]"
_Count: TypeAlias = "Tensor | int"
_Average: TypeAlias = "Callable[[Tensor, Tensor, _Count], Tensor]"
_MultiAverage: TypeAlias = "Callable[[_Tensors, _Tensors, _Count], None]"


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def get_ema_multi_avg_fn(decay: float = 0.999) -> _MultiAverage:
    """A function that sets each average a in place to decay * a + (1 - decay) * p.

    Raises ValueError for a decay outside [0, 1].
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param_list: _Tensors, current_param_list: _Tensors, _: _Count) -> None:
        for average, param in zip(ema_param_list, current_param_list, strict=True):
            if average.is_floating_point():
                average.lerp_(param, 1 - decay)
            else:
                average.copy_(average * decay + param * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> _MultiAverage:
    """A function that takes parameters into the mean of `num_averaged` earlier ones, in place."""

    @no_grad()
    def swa_update(
        averaged_param_list: _Tensors, current_param_list: _Tensors, num_averaged: _Count
    ) -> None:
        for average, param in zip(averaged_param_list, current_param_list, strict=True):
            if average.is_floating_point():
                average.lerp_(param, 1 / (float(num_averaged) + 1))
            else:
                average.copy_(average + (param - average) / (num_averaged + 1))

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> _Average:
    """A function that gives decay * a + (1 - decay) * p, a the average and p the parameter.

    Raises ValueError for a decay outside [0, 1].
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: _Count) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> _Average:
    """A function that gives the mean of a parameter and `num_averaged` earlier ones."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: _Count) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are an average of those that the model has had.

    `update_parameters(model)` takes them into it: at the first time they are copied, later
    `avg_fn(average, parameter, n_averaged)` gives the new average, or `multi_avg_fn`, of lists of
    them of one dtype, changes them in place. Without either it is the mean of all (stochastic
    weight averaging, Izmailov et al. 2018). Buffers are averaged as well with `use_buffers`, copied
    without. Raises AssertionError if both functions are given.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Device = None,
        avg_fn: _Average | None = None,
        multi_avg_fn: _MultiAverage | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", _native.tensor(0, dtype=_native.int64))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: object, **kwargs: object) -> object:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Takes the model's parameters into the average."""
        averages, params = self._averaged(self.module), self._averaged(model)
        first = int(self.n_averaged) == 0
        for average, param in zip(averages, params, strict=False):
            if first:
                average.copy_(param)
        if not first:
            self._average(averages, params)
        if not self.use_buffers:
            for ours, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                ours.detach().copy_(theirs.detach())
        self.n_averaged += 1

    def _averaged(self, model: Module) -> list[Tensor]:
        buffers: Iterable[Tensor] = model.buffers() if self.use_buffers else ()
        return [tensor.detach() for tensor in chain(model.parameters(), buffers)]

    def _average(self, averages: list[Tensor], params: list[Tensor]) -> None:
        if self.avg_fn is not None:
            for average, param in zip(averages, params, strict=False):
                average.copy_(self.avg_fn(average, param, self.n_averaged))
            return
        update = self.multi_avg_fn or get_swa_multi_avg_fn()
        by_dtype: dict[object, tuple[list[Tensor], list[Tensor]]] = {}
        for average, param in zip(averages, params, strict=False):
            lists = by_dtype.setdefault((average.dtype, param.dtype), ([], []))
            lists[0].append(average)
            lists[1].append(param)
        for ours, theirs in by_dtype.values():
            update(ours, theirs, self.n_averaged)


@no_grad()
def update_bn(
    loader: Iterable[Tensor | Sequence[Tensor]], model: Module, device: Device = None
) -> None:
    """Sets the running means and variances of batch norms to those of all batches of `loader`.

    A batch is a tensor, or a list or tuple that begins with one, on which `model` is called.
    """
    norms = [module for module in model.modules() if isinstance(module, _BATCH_NORMS)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    was_training = model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    for batch in loader:
        x = cast("Tensor", batch[0] if isinstance(batch, (list, tuple)) else batch)
        model(x if device is None else x.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From the rate in force to `swa_lr` in `anneal_epochs` steps, by a half cosine or a line
    (`anneal_strategy` "cos" or "linear"), and there it stays.

    Raises ValueError for another strategy, for an `anneal_epochs` below 0, and for a list of rates
    whose length is not that of the groups.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: PerGroup,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = per_group("swa_lr", optimizer, swa_lr)
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """How much of the way is done after the part t of the steps."""
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> Sequence[Rate]:
        self._warn_outside_step()
        epochs = max(1, self.anneal_epochs)
        step = self._step_count - 1 if self.anneal_epochs else max(1, self._step_count - 1)
        before = self.anneal_func(max(0, min(1, (step - 1) / epochs)))
        now = self.anneal_func(max(0, min(1, step / epochs)))
        rates: list[Rate] = []
        for group in self.optimizer.param_groups:
            rate, last = group["lr"], group["swa_lr"]
            # The rate that the line or the cosine began with.
            first = last if before == 1 else (rate - before * last) / (1 - before)
            rates.append(last * now + first * (1 - now))
        return rates
