"""A search for better settings of a training, by successive halving, kept in a log.

Nine settings are trained for a ninth of their epochs, the best three of them for a third, the best
one of these wholly; then the next nine, until the time is over. Each result is a line of JSON in
the log; a search that finds the log of the same table and seed begins where that one ended.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..nn import Module
from .errors import TabularError, file_error
from .features import Json
from .prepare import Prepared
from .presets import Recipe
from .training import History, Scores
from .validation import train_on

_RUNGS = (9, 3, 1)  # so many settings, each for one so-many-th of the epochs
_FEWEST_EPOCHS = 4


def settings(number: int, seed: int, regression: bool) -> Json:
    """The `number`th settings of a search; those of number 0 are the preset's own."""
    if number == 0:
        return {}
    draw = np.random.RandomState([seed % 2**32, number])
    chosen: Json = {
        "lr": float(10 ** draw.uniform(-0.7, 0.5)),  # times the preset's
        "width": int(draw.choice([64, 128, 256, 384])),
        "depth": int(draw.choice([2, 3, 4])),
        "dropout": float(draw.choice([0.0, 0.1, 0.25])),
        "weight_decay": float(draw.choice([0.0, 0.02, 0.1])),
        "activation": str(draw.choice(["selu", "mish", "relu"])),
        "batch_size": int(draw.choice([64, 128, 256])),
        "periodic": float(draw.choice([0.0, 0.0, 0.1, 0.5])),
    }
    if not regression:
        chosen["label_smoothing"] = float(draw.choice([0.0, 0.05, 0.1]))
    return chosen


def applied(recipe: Recipe, chosen: Json) -> Recipe:
    """`recipe` with these settings in place of its own."""
    if not chosen:
        return recipe
    found = replace(
        recipe,
        lr=recipe.lr * chosen["lr"],
        hidden=[chosen["width"]] * chosen["depth"],
        dropout=chosen["dropout"],
        weight_decay=chosen["weight_decay"],
        batch_size=chosen["batch_size"],
        label_smoothing=chosen.get("label_smoothing", recipe.label_smoothing),
    )
    if recipe.parts is not None:
        found.parts = replace(
            recipe.parts, activation=chosen["activation"], periodic=chosen["periodic"]
        )
    return found


@dataclass
class Trial:
    """The result of one training: `score` is what is compared, more is better."""

    number: int
    rung: int
    score: float
    seconds: float


@dataclass
class Found:
    """The best network that was trained wholly; none if the time was too short for one."""

    recipe: Recipe
    network: Module | None = None
    history: History | None = None
    trials: int = 0
    interrupted: bool = False


class _Log:
    def __init__(self, path: str | None, about: Json) -> None:
        self._path = path
        self._about = about
        self.trials: dict[tuple[int, int], Trial] = {}
        if path is not None and os.path.exists(path) and os.path.getsize(path):
            self._read(path)
        elif path is not None:
            self._write(about)

    def _read(self, path: str) -> None:
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read().split("\n")
            if json.loads(lines[0]) != self._about:
                raise TabularError(
                    f"{path}: the log of another search (its table, target, preset or seed)",
                    "tune-log",
                    "FILE",
                )
            for line in lines[1:-1]:  # what has no end of line was not written wholly
                trial = Trial(**json.loads(line))
                self.trials[trial.number, trial.rung] = trial
        except OSError as error:
            raise file_error(path, error) from None
        except (ValueError, TypeError):
            raise TabularError(f"{path}: not the log of a search") from None

    def add(self, trial: Trial) -> None:
        self.trials[trial.number, trial.rung] = trial
        self._write(trial.__dict__)

    def _write(self, what: Json) -> None:
        if self._path is None:
            return
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(what) + "\n")
        except OSError as error:
            raise file_error(self._path, error) from None


def tune(
    data: Prepared,
    recipe: Recipe,
    seed: int,
    seconds: float,
    log: str | None = None,
    told: Callable[[Trial, Json], None] | None = None,
) -> Found:
    """Searches for so many seconds from now on; a training that has begun is finished.

    TabularError without validation rows, and for a log that is not of this search.
    """
    if data.valid is None:
        raise TabularError("a search needs validation rows", "valid_fraction", "0.15")
    search = _Search(data, recipe, seed, seconds, log, told)
    first = 1
    own = search.trial(0, len(_RUNGS) - 1)
    while own is not None and not search.over():
        numbers = list(range(first, first + _RUNGS[0]))
        for rung, count in enumerate(_RUNGS):
            tried = [search.trial(number, rung) for number in numbers[:count]]
            trials = [trial for trial in tried if trial is not None]
            if len(trials) < len(tried):
                break
            numbers = [t.number for t in sorted(trials, key=lambda t: (-t.score, t.number))]
        first += _RUNGS[0]
    return search.result()


class _Search:
    def __init__(
        self,
        data: Prepared,
        recipe: Recipe,
        seed: int,
        seconds: float,
        log: str | None,
        told: Callable[[Trial, Json], None] | None,
    ) -> None:
        self._data, self._recipe, self._seed, self._told = data, recipe, seed, told
        self._end = time.perf_counter() + seconds
        self._regression = data.target.classes is None
        about = {
            "rows": int(data.train[1].shape[0]), "inputs": data.inputs, "seed": seed,
            "target": data.target.name, "preset": recipe.name, "epochs": recipe.epochs,
        }  # fmt: skip
        self._log = _Log(log, about)
        self._best: tuple[float, int] | None = None
        self._kept: tuple[Module, History] | None = None
        self._stopped = False

    def over(self) -> bool:
        return self._stopped or time.perf_counter() >= self._end

    def trial(self, number: int, rung: int) -> Trial | None:
        """The result of one training, of the log if it is there; None: the time is over."""
        known = self._log.trials.get((number, rung))
        if known is None:
            if self.over() and number:
                return None
            known = self._train(number, rung)
            if known is None:
                return None
            self._log.add(known)
        if rung == len(_RUNGS) - 1 and (self._best is None or known.score > self._best[0]):
            self._best = known.score, number
        if self._told is not None:
            self._told(known, settings(number, self._seed, self._regression))
        return known

    def _recipe_of(self, number: int) -> Recipe:
        return applied(self._recipe, settings(number, self._seed, self._regression))

    def _train(self, number: int, rung: int) -> Trial | None:
        recipe = self._recipe_of(number)
        recipe = replace(recipe, epochs=max(_FEWEST_EPOCHS, recipe.epochs // _RUNGS[rung]))
        begun = time.perf_counter()
        network, history = train_on(self._data, recipe, self._seed)
        self._stopped = self._stopped or history.interrupted
        if history.best_epoch == 0 or history.interrupted:
            return None
        score = self._worth(history.valid[history.best_epoch - 1])
        last = rung == len(_RUNGS) - 1
        if last and (self._best is None or score > self._best[0]):
            self._kept = network, history
        return Trial(number, rung, score, round(time.perf_counter() - begun, 3))

    def _worth(self, scores: Scores) -> float:
        """Of equal accuracies the lower loss is better."""
        return scores.score if self._regression else scores.score - 1e-3 * min(scores.loss, 100.0)

    def result(self) -> Found:
        number = 0 if self._best is None else self._best[1]
        found = Found(self._recipe_of(number), None, None, len(self._log.trials), self._stopped)
        if self._kept is not None:
            found.network, found.history = self._kept
        elif self._best is not None and not self._stopped:  # it is in the log only
            found.network, found.history = train_on(self._data, found.recipe, self._seed)
        return found
