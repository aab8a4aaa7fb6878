"""The training loop of the command line."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import wengert as wg
from wengert.nn import functional as F

from .errors import CliError


@dataclass
class Recipe:
    """The settings of one training run."""

    epochs: int
    hidden: list[int]
    lr: float
    batch_size: int
    dropout: float
    weight_decay: float
    label_smoothing: float = 0.0


@dataclass
class Scores:
    """How a network does on some rows; `score` is the accuracy, or R squared."""

    loss: float
    score: float


@dataclass
class History:
    """What happened: one entry per epoch, and the epoch whose weights were kept."""

    train_loss: list[float] = field(default_factory=list)
    valid: list[Scores] = field(default_factory=list)
    best_epoch: int = 0  # counted from 1; 0: no epoch was finished
    seconds: float = 0.0
    interrupted: bool = False


class Progress:
    """A tqdm bar on a terminal's stderr where tqdm is installed, and lines on stdout."""

    def __init__(self, total: int) -> None:
        self._bar: Any = None
        try:
            from tqdm import tqdm
        except ImportError:
            return
        self._bar = tqdm(total=total, unit="batch", disable=None, leave=False, file=sys.stderr)

    def step(self, batches: int) -> None:
        if self._bar is not None:
            self._bar.update(batches)

    def line(self, text: str) -> None:
        if self._bar is None or self._bar.disable:
            print(text, flush=True)
        else:
            self._bar.write(text, file=sys.stdout)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def score_name(regression: bool) -> str:
    return "R2" if regression else "accuracy"


def predict_all(network: Any, inputs: Any, chunk: int = 8192) -> Any:
    """The outputs for all rows, without gradients, in evaluation mode."""
    network.eval()
    with wg.no_grad():
        parts = [network(inputs[i : i + chunk]) for i in range(0, inputs.shape[0], chunk)]
    return wg.cat(parts) if len(parts) > 1 else parts[0]


def evaluate(network: Any, data: tuple[Any, Any], regression: bool) -> Scores:
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


def _is_better(new: Scores, old: Scores | None, regression: bool) -> bool:
    if old is None:
        return True
    if regression or new.score == old.score:
        return new.loss < old.loss
    return new.score > old.score


def _make_step(network: Any, optimizer: Any, recipe: Recipe, regression: bool) -> Any:
    def step(inputs: Any, wanted: Any) -> Any:
        outputs = network(inputs)
        if regression:
            loss = F.mse_loss(outputs.squeeze(1), wanted)
        else:
            loss = F.cross_entropy(outputs, wanted, label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return wg.capture(step)


def _train_epoch(step: Any, data: tuple[Any, Any], batch_size: int, progress: Progress) -> float:
    """One pass over the shuffled rows; their mean loss."""
    shown = 0

    def show(epoch: int, batches: int, loss: float) -> None:
        nonlocal shown
        progress.step(batches - shown)
        shown = batches

    losses = step.run(data, batch_size, shuffle=True, progress=show).tolist()
    rows = data[1].shape[0]
    sizes = (min(batch_size, rows - start) for start in range(0, rows, batch_size))
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / rows


def _copy_weights(network: Any) -> dict[str, Any]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def fit(
    network: Any,
    train: tuple[Any, Any],
    valid: tuple[Any, Any],
    recipe: Recipe,
    regression: bool,
) -> History:
    """Trains `network` with AdamW and a cosine schedule, keeping the best epoch's weights.

    Best is the highest validation accuracy (of equal ones the lowest loss), or for
    regression the lowest validation loss. Ctrl-C ends the training early; what was kept so
    far stays. Raises CliError when the loss is no longer a number.
    """
    optimizer = wg.optim.AdamW(network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    schedule = wg.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs)
    step = _make_step(network, optimizer, recipe, regression)
    history, best, kept = History(), None, None
    progress = Progress(recipe.epochs * -(-train[1].shape[0] // recipe.batch_size))
    started = time.perf_counter()
    try:
        for epoch in range(1, recipe.epochs + 1):
            network.train()
            loss = _train_epoch(step, train, recipe.batch_size, progress)
            if not math.isfinite(loss):
                raise CliError(f"the loss became {loss} in epoch {epoch}; lower --lr", code=1)
            schedule.step()
            scores = evaluate(network, valid, regression)
            history.train_loss.append(loss)
            history.valid.append(scores)
            if _is_better(scores, best, regression):
                best, kept, history.best_epoch = scores, _copy_weights(network), epoch
            progress.line(
                f"epoch {epoch:{len(str(recipe.epochs))}d}/{recipe.epochs}  "
                f"loss {loss:.4f}  validation loss {scores.loss:.4f}  "
                f"validation {score_name(regression)} {scores.score:.4f}"
            )
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        progress.close()
    history.seconds = time.perf_counter() - started
    if kept is not None:
        network.load_state_dict(kept)
    return history
