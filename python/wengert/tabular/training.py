"""The training loop for tables: AdamW, a schedule, and the weights of the best epoch."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Protocol

import wengert as wg

from .._capture import Captured
from .._native import Tensor
from ..nn import Module
from ..nn import functional as F
from ..optim import Optimizer
from ..optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR
from .errors import DivergedError
from .prepare import Rows
from .presets import Recipe


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
    with wg.no_grad():
        parts = [network(inputs[i : i + chunk]) for i in range(0, inputs.shape[0], chunk)]
    return wg.cat(parts) if len(parts) > 1 else parts[0]


def evaluate(network: Module, data: Rows, regression: bool) -> Scores:
    """Loss and score of `network` on (inputs, wanted), in evaluation mode."""
    inputs, wanted = data
    outputs = predict_all(network, inputs)
    if regression:
        outputs = outputs.squeeze(1)
        loss = F.mse_loss(outputs, wanted).item()
        spread = ((wanted - wanted.mean()) ** 2).mean().item()
        return Scores(loss, 1 - loss / spread if spread > 0 else 0.0)
    loss = F.cross_entropy(outputs, wanted).item()
    correct = int((outputs.argmax(1) == wanted).sum().item())
    return Scores(loss, correct / wanted.shape[0])


def _is_better(new: Scores, old: Scores | None, regression: bool, schedule: str) -> bool:
    if old is None:
        return True
    if schedule == "one-cycle" and not regression:
        return new.score >= old.score
    if regression or new.score == old.score:
        return new.loss < old.loss
    return new.score > old.score


def _schedules(
    optimizer: Optimizer, recipe: Recipe, rows: int
) -> tuple[LRScheduler | None, LRScheduler | None]:
    """What is stepped after each epoch, and what after each batch."""
    if recipe.schedule == "one-cycle":
        steps = recipe.epochs * -(-rows // recipe.batch_size)
        return None, OneCycleLR(optimizer, recipe.lr, steps)
    return CosineAnnealingLR(optimizer, recipe.epochs), None


def _make_step(
    network: Module,
    optimizer: Optimizer,
    recipe: Recipe,
    regression: bool,
    schedule: LRScheduler | None,
) -> Captured:
    def step(inputs: Tensor, wanted: Tensor) -> Tensor:
        outputs = network(inputs)
        if regression:
            loss = F.mse_loss(outputs.squeeze(1), wanted)
        else:
            loss = F.cross_entropy(outputs, wanted, label_smoothing=recipe.label_smoothing)
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

    losses = step.run(data, batch_size, shuffle=True, progress=show).tolist()
    rows = data[1].shape[0]
    sizes = (min(batch_size, rows - start) for start in range(0, rows, batch_size))
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / rows


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

    Best is the highest validation accuracy, or for regression the lowest validation loss; without
    `valid` the last. Of equal accuracies the lowest loss is best, or the last of a one-cycle
    schedule, which ends in its smallest steps. Ctrl-C ends the training early; what was kept so far
    stays. DivergedError when the loss is no longer a number.
    `epochs` ends it before the recipe does, whose schedule it keeps.
    """
    optimizer = wg.optim.AdamW(network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    by_epoch, by_batch = _schedules(optimizer, recipe, train[1].shape[0])
    step = _make_step(network, optimizer, recipe, regression, by_batch)
    history, best, kept = History(), None, None
    started = time.perf_counter()
    try:
        for epoch in range(1, (epochs or recipe.epochs) + 1):
            network.train()
            loss = _train_epoch(step, train, recipe.batch_size, watcher)
            if not math.isfinite(loss):
                raise DivergedError(
                    f"the loss became {loss} in epoch {epoch}; lower the learning rate", "lr"
                )
            if by_epoch is not None:
                by_epoch.step()
            scores = None if valid is None else evaluate(network, valid, regression)
            history.train_loss.append(loss)
            if scores is not None:
                history.valid.append(scores)
            if scores is None or _is_better(scores, best, regression, recipe.schedule):
                best, kept, history.best_epoch = scores, _copy_weights(network), epoch
            if watcher is not None:
                watcher.epoch(epoch, loss, scores)
    except KeyboardInterrupt:
        history.interrupted = True
    history.seconds = time.perf_counter() - started
    if kept is not None:
        network.load_state_dict(kept)
    return history
