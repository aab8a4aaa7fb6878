"""The training loop for tables: AdamW, a schedule, and the weights of the best epoch."""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import wengert as wg

from .. import distributed
from .._capture import Captured
from .._native import Tensor
from ..nn import Module
from ..nn import functional as F
from ..nn.parallel import DistributedDataParallel
from ..optim import Optimizer
from ..optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR
from .errors import DivergedError
from .networks import TabularNetwork, parameter_groups
from .prepare import Rows
from .presets import Recipe
from .threads import MANY, Threads, multiplications, threads_for

#: Seconds within which all ranks of a process group must have begun to train.
_COME = 60.0


@dataclass
class Scores:
    """How a network does on some rows; `score` is the accuracy, or R squared."""

    loss: float
    score: float


@dataclass
class History:
    """What happened: one entry per epoch, and the epoch whose weights were kept.

    `valid` is empty without validation rows.
    """

    train_loss: list[float] = field(default_factory=list)
    valid: list[Scores] = field(default_factory=list)
    best_epoch: int = 0  # counted from 1; 0: no epoch was finished
    seconds: float = 0.0
    interrupted: bool = False


class Watcher(Protocol):
    """Who is told how a training goes."""

    def batches(self, count: int) -> None:
        """`count` more batches are done."""

    def epoch(self, number: int, loss: float, scores: Scores | None) -> None:
        """Epoch `number`, counted from 1, is done: its training loss, and the validation scores."""


def score_name(regression: bool) -> str:
    """What `Scores.score` is."""
    return "R2" if regression else "accuracy"


def predict_all(network: Module, inputs: Tensor, chunk: int = 8192) -> Tensor:
    """The outputs for all rows, without gradients, in evaluation mode."""
    network.eval()
    with threads_for(multiplications(network, inputs.shape[0])), wg.no_grad():
        return _outputs(network, inputs, chunk)


def _outputs(network: Module, inputs: Tensor, chunk: int = 8192) -> Tensor:
    parts = [network(inputs[i : i + chunk]) for i in range(0, inputs.shape[0], chunk)]
    return wg.cat(parts) if len(parts) > 1 else parts[0]


def evaluate(network: Module, data: Rows, regression: bool) -> Scores:
    """Loss and score of `network` on (inputs, wanted), in evaluation mode."""
    network.eval()
    spread = _spread(*data[1:]) if regression else None
    with threads_for(multiplications(network, data[0].shape[0])):
        return _scores(_measures(network, data, regression), spread)


def _measures(network: Module, data: Rows, regression: bool) -> tuple[Tensor, ...]:
    """The loss, and of classes the share that is right, of a network in evaluation mode."""
    inputs, wanted, *weights = data
    with wg.no_grad():
        outputs = _outputs(network, inputs)
        if regression:
            return (_mean(_squares(outputs.reshape(wanted.shape) - wanted), *weights),)
        losses = F.cross_entropy(outputs, wanted, reduction="none")
        return _mean(losses, *weights), _mean((outputs.argmax(1) == wanted).float(), *weights)


def _scores(measures: tuple[Tensor, ...], spread: float | None) -> Scores:
    loss = measures[0].item()
    if spread is None:
        return Scores(loss, measures[1].item())
    return Scores(loss, 1 - loss / spread if spread > 0 else 0.0)


def _spread(wanted: Tensor, weights: Tensor | None = None) -> float:
    """What the loss would be if the mean were predicted."""
    centre = wanted.mean(0) if weights is None else _weighted_mean(wanted, weights)
    return _mean(_squares(wanted - centre), weights).item()


def _squares(errors: Tensor) -> Tensor:
    """(rows,): of several outputs the mean."""
    return errors**2 if errors.dim() == 1 else (errors**2).mean(1)


def _mean(values: Tensor, weights: Tensor | None = None) -> Tensor:
    return values.mean() if weights is None else (values * weights).sum() / weights.sum()


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    if values.dim() > 1:
        weights = weights.unsqueeze(1)
    return (values * weights).sum(0) / weights.sum()


class Validation:
    """Scores of a network while it is trained, which stays in training mode for all of that."""

    def __init__(self, network: Module, data: Rows, regression: bool) -> None:
        own: dict[int, object] = {
            id(value): value for value in (*network.parameters(), *network.buffers())
        }
        self.network = twin = copy.deepcopy(network, own).eval()  # with the same weights
        self._measures = wg.capture(lambda: _measures(twin, data, regression))
        self._spread = _spread(*data[1:]) if regression else None

    def __call__(self) -> Scores:
        return _scores(self._measures(), self._spread)


def _is_better(new: Scores, old: Scores | None, regression: bool, schedule: str) -> bool:
    if old is None:
        return True
    if regression or schedule == "coslog4":  # accuracies of few rows are mostly equal, or chance
        return new.loss < old.loss
    if new.score == old.score:
        return schedule == "one-cycle" or new.loss < old.loss
    return new.score > old.score


def _schedules(
    optimizer: Optimizer, recipe: Recipe, rows: int
) -> tuple[LRScheduler | None, LRScheduler | None]:
    """What is stepped after each epoch, and what after each batch."""
    steps = recipe.epochs * -(-rows // recipe.batch_size)
    if recipe.schedule == "one-cycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        return None, OneCycleLR(optimizer, rates if len(rates) > 1 else recipe.lr, steps)
    if recipe.schedule == "coslog4":
        share = functools.lru_cache(1)(lambda step: coslog4(step / steps))  # of all groups
        return None, LambdaLR(optimizer, share)
    if recipe.schedule == "constant":
        return None, None
    return CosineAnnealingLR(optimizer, recipe.epochs), None


def coslog4(part: float) -> float:
    """RealMLP's share of the learning rate after so large a part of the training: four waves."""
    return (1 - math.cos(2 * math.pi * math.log2(1 + 15 * min(part, 1.0)))) / 2


def _make_step(
    network: Module,
    optimizer: Optimizer,
    recipe: Recipe,
    regression: bool,
    schedule: LRScheduler | None,
) -> Captured:
    members = recipe.members

    def step(inputs: Tensor, wanted: Tensor, *weights: Tensor) -> Tensor:
        outputs = network(inputs)
        if members > 1:
            wanted = wanted.repeat(members, *[1] * (wanted.dim() - 1))
        how: Literal["none", "mean"] = "none" if weights else "mean"
        if regression:
            loss = F.mse_loss(outputs.reshape(wanted.shape), wanted, reduction=how)
            if weights and loss.dim() > 1:
                loss = loss.mean(1)
        else:
            smoothing = recipe.label_smoothing
            loss = F.cross_entropy(outputs, wanted, label_smoothing=smoothing, reduction=how)
        if weights:
            loss = (loss.reshape(members, -1) * weights[0]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        return loss

    return wg.capture(step)


def _train_epoch(step: Captured, data: Rows, batch_size: int, watcher: Watcher | None) -> float:
    """One pass over the shuffled rows; their mean loss."""
    shown = 0

    def show(epoch: int, batches: int, loss: float) -> None:
        nonlocal shown
        if watcher is not None:
            watcher.batches(batches - shown)
        shown = batches

    if _ranks() > 1:
        return _train_share(step, data, batch_size // _ranks(), show)
    losses = step.run(data, batch_size, shuffle=True, progress=show).tolist()
    rows = data[1].shape[0]
    sizes = (min(batch_size, rows - start) for start in range(0, rows, batch_size))
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / rows


def _ranks() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def _check_ranks(train: Rows, valid: Rows | None, recipe: Recipe, epochs: int | None) -> None:
    """That all ranks train, on tables of one size by one recipe: else they would wait for ever."""
    from ..distributed.gradients import come_together

    sizes = [None if part is None else part[1].shape[0] for part in (train, valid)]
    mine = repr((sizes, recipe, epochs))
    come_together("tabular.fit", "rows, recipe and epochs", mine, _COME)


def _train_share(
    step: Captured, data: Rows, batch_size: int, show: Callable[[int, int, float], None]
) -> float:
    """A pass over this rank's share of the rows, which rank 0 shuffles and deals out."""
    ranks, rows = _ranks(), data[1].shape[0]
    order = wg.randperm(rows)
    distributed.broadcast(order, 0)
    order = wg.cat([order, order[: -rows % ranks]])[distributed.get_rank() :: ranks]
    share = tuple(part[order] for part in data)
    loss = step.run(share, batch_size, progress=show).mean()
    distributed.all_reduce(loss, distributed.ReduceOp.AVG)
    return float(loss)


def _work(network: Module, recipe: Recipe, rows: int) -> int:
    """The multiplications of a step, or so many that all threads are used."""
    if _ranks() > 1:  # which wait for each other
        return MANY
    return multiplications(network, min(recipe.batch_size, rows) * recipe.members)


def _copy_weights(network: Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def fit(
    network: Module,
    train: Rows,
    valid: Rows | None,
    recipe: Recipe,
    regression: bool,
    watcher: Watcher | None = None,
    epochs: int | None = None,
) -> History:
    """Trains `network` with AdamW and the recipe's schedule, keeping the best epoch's weights.

    Best is the lowest validation loss for regression and the schedule "coslog4", else the highest
    accuracy; without `valid` the last. Of equal accuracies the lowest loss is best, or the last of
    a one-cycle schedule, which ends in its smallest steps. Ctrl-C ends the training early; what was
    kept so far stays. DivergedError when the loss is no longer a number. A third tensor of `train`
    and `valid` is the weight of each row.
    `epochs` ends it before the recipe does, whose schedule it keeps. In a process group the ranks
    share each batch; DistBackendError where some do not come within a minute. Of the threads that
    are set one alone is used while that is faster.
    """
    if _ranks() > 1:
        _check_ranks(train, valid, recipe, epochs)
        share = max(1, recipe.batch_size // _ranks())
        recipe = replace(recipe, batch_size=share * _ranks())
    groups = parameter_groups(network, recipe.lr, recipe.weight_decay)
    optimizer = wg.optim.AdamW(groups, lr=recipe.lr, betas=(0.9, recipe.beta2))
    if isinstance(network, TabularNetwork):
        network.keep_within(train[1])
    by_epoch, by_batch = _schedules(optimizer, recipe, train[1].shape[0])
    trained = DistributedDataParallel(network) if _ranks() > 1 else network
    step = _make_step(trained, optimizer, recipe, regression, by_batch)
    history, best, kept = History(), None, None
    threads = Threads(_work(network, recipe, train[1].shape[0]))
    validate = None if valid is None else Validation(network, valid, regression)
    network.train()
    started = time.perf_counter()
    try:
        for epoch in range(1, (epochs or recipe.epochs) + 1):
            with threads.epoch():
                loss = _train_epoch(step, train, recipe.batch_size, watcher)
                scores = None if validate is None else validate()
            if not math.isfinite(loss):
                raise DivergedError(
                    f"the loss became {loss} in epoch {epoch}; lower the learning rate", "lr"
                )
            if by_epoch is not None:
                by_epoch.step()
            history.train_loss.append(loss)
            if scores is not None:
                history.valid.append(scores)
            if scores is None or _is_better(scores, best, regression, recipe.schedule):
                best, kept, history.best_epoch = scores, _copy_weights(network), epoch
            if watcher is not None:
                watcher.epoch(epoch, loss, scores)
            waited = epoch - history.best_epoch
            if recipe.patience is not None and scores is not None and waited >= recipe.patience:
                break
    except KeyboardInterrupt:
        history.interrupted = True
    history.seconds = time.perf_counter() - started
    if kept is not None:
        network.load_state_dict(kept)
    return history
