"""A search for better settings of a training, by successive halving, kept in a log.

Nine settings are trained for a ninth of their epochs, the best three of them for a third, the best
one of these wholly; then the next nine, until the time is over. Each result is a line of JSON in
the log; a search that finds the log of the same table and seed begins where that one ended.

Where steps are small, as many settings are trained at a time as there are threads, each in a
process with one thread: a small training has no work for many. A setting's result does not depend
on what is trained beside it; which settings are reached in the time does.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace

import numpy as np

import wengert as wg

from .. import distributed
from ..nn import Module
from .errors import DivergedError, TabularError, file_error
from .features import Json
from .prepare import Prepared
from .presets import Recipe
from .threads import MANY
from .training import History, Scores
from .validation import train_on

_RUNGS = (9, 3, 1)  # so many settings, each for one so-many-th of the epochs
_FEWEST_EPOCHS = 4
_DIVERGED = -1e9  # the score of a training that diverged


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
    last = len(_RUNGS) - 1
    numbers = list(range(1, 1 + _RUNGS[0]))
    try:
        search.ahead(numbers)
        going = search.trials([0], last)
        while going and not search.over():
            following = [number + _RUNGS[0] for number in numbers]
            for rung, count in enumerate(_RUNGS):
                if rung == last:
                    search.ahead(following)
                trials = search.trials(numbers[:count], rung)
                if len(trials) < count:
                    break
                ranked = sorted(trials, key=lambda t: (-t.score, t.number))
                numbers = [trial.number for trial in ranked]
            numbers = following
    finally:
        search.close()
    return search.result()


# ---- in a process of its own

_Result = tuple[float, float] | None  # (score, seconds) of a training; None: the time is over
_of_process: dict[str, tuple[Prepared, int, float]] = {}  # what all trials of a process share


def _begin_process(data: Prepared, seed: int, end: float) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the search itself ends its processes
    wg.set_num_threads(1)
    _of_process["search"] = data, seed, end


def _try(recipe: Recipe) -> _Result:
    data, seed, end = _of_process["search"]
    if time.time() >= end:
        return None
    begun = time.perf_counter()
    found = _trained(data, recipe, seed)
    score = _DIVERGED if found is None else _worth(found[1], data.target.classes is None)
    return score, round(time.perf_counter() - begun, 3)


def _trained(data: Prepared, recipe: Recipe, seed: int) -> tuple[Module, History] | None:
    """None if the training diverged."""
    try:
        return train_on(data, recipe, seed)
    except DivergedError:
        return None


def _worth(history: History, regression: bool) -> float:
    """What is compared: of equal accuracies the lower loss is better."""
    scores: Scores = history.valid[history.best_epoch - 1]
    return scores.score if regression else scores.score - 1e-3 * min(scores.loss, 100.0)


def _at_a_time(data: Prepared, recipe: Recipe) -> int:
    """How many settings are trained at a time."""
    if distributed.is_initialized() and distributed.get_world_size() > 1:
        return 1
    wide = max(128, *recipe.hidden) if recipe.hidden else 128
    rows = min(recipe.batch_size, int(data.train[1].shape[0]))
    work = rows * recipe.members * wide * (data.inputs + wide * max(1, len(recipe.hidden) - 1))
    return min(wg.get_num_threads(), _RUNGS[0]) if work < MANY else 1


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
        self._end = time.time() + seconds  # by the clock that processes share
        self._regression = data.target.classes is None
        about = {
            "rows": int(data.train[1].shape[0]), "inputs": data.inputs, "seed": seed,
            "target": data.target.name, "preset": recipe.name, "epochs": recipe.epochs,
        }  # fmt: skip
        self._log = _Log(log, about)
        self._best: tuple[float, int] | None = None
        self._kept: tuple[Module, History] | None = None
        self._stopped = False
        self._at_a_time = _at_a_time(data, recipe)
        self._pool: ProcessPoolExecutor | None = None
        self._begun: dict[tuple[int, int], Future[_Result]] = {}

    def over(self) -> bool:
        return self._stopped or time.time() >= self._end

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def trials(self, numbers: list[int], rung: int) -> list[Trial]:
        """The results of some settings, of the log if they are there; fewer: the time is over."""
        new = [number for number in numbers if (number, rung) not in self._log.trials]
        beside = self._at_a_time > 1 and rung < len(_RUNGS) - 1 and not self.over()
        results = self._beside(new, rung) if beside else self._one_by_one(new, rung)
        found = []
        try:
            for number in numbers:
                trial = self._log.trials.get((number, rung))
                if trial is None:
                    trial = next(results, None)
                    if trial is None:
                        break
                    self._log.add(trial)
                self._tell(trial)
                found.append(trial)
        except KeyboardInterrupt:
            self._stopped = True
        return found

    def _tell(self, trial: Trial) -> None:
        last = trial.rung == len(_RUNGS) - 1
        if last and (self._best is None or trial.score > self._best[0]):
            self._best = trial.score, trial.number
        if self._told is not None:
            self._told(trial, settings(trial.number, self._seed, self._regression))

    def _recipe_of(self, number: int) -> Recipe:
        return applied(self._recipe, settings(number, self._seed, self._regression))

    def _shortened(self, number: int, rung: int) -> Recipe:
        recipe = self._recipe_of(number)
        return replace(recipe, epochs=max(_FEWEST_EPOCHS, recipe.epochs // _RUNGS[rung]))

    def ahead(self, numbers: list[int]) -> None:
        """Begins with the first rung of some settings, if there are processes for it."""
        if self._at_a_time > 1 and not self.over():
            self._submit([n for n in numbers if (n, 0) not in self._log.trials], 0)

    def _submit(self, numbers: list[int], rung: int) -> None:
        if self._pool is None:
            shared = self._data, self._seed, self._end
            spawn = multiprocessing.get_context("spawn")  # threads do not survive a fork
            self._pool = ProcessPoolExecutor(self._at_a_time, spawn, _begin_process, shared)
        for number in numbers:
            if (number, rung) not in self._begun:
                task = self._pool.submit(_try, self._shortened(number, rung))
                self._begun[number, rung] = task

    def _beside(self, numbers: list[int], rung: int) -> Iterator[Trial]:
        """Results in the order of `numbers`, of processes that train several at a time."""
        try:
            self._submit(numbers, rung)
            for number in numbers:
                result = self._begun.pop((number, rung)).result()
                if result is None:
                    return
                yield Trial(number, rung, *result)
        except BrokenProcessPool:
            raise TabularError(
                "a process of the search was ended from outside; was there too little memory?",
                "threads",
                "1",
            ) from None

    def _one_by_one(self, numbers: list[int], rung: int) -> Iterator[Trial]:
        for number in numbers:
            if self.over() and number:
                return
            trial = self._train(number, rung)
            if trial is None:
                return
            yield trial

    def _train(self, number: int, rung: int) -> Trial | None:
        begun = time.perf_counter()
        found = _trained(self._data, self._shortened(number, rung), self._seed)
        if found is None:
            return Trial(number, rung, _DIVERGED, round(time.perf_counter() - begun, 3))
        history = found[1]
        self._stopped = self._stopped or history.interrupted
        if history.best_epoch == 0 or history.interrupted:
            return None
        score = _worth(history, self._regression)
        last = rung == len(_RUNGS) - 1
        if last and (self._best is None or score > self._best[0]):
            self._kept = found
        return Trial(number, rung, score, round(time.perf_counter() - begun, 3))

    def result(self) -> Found:
        number = 0 if self._best is None else self._best[1]
        found = Found(self._recipe_of(number), None, None, len(self._log.trials), self._stopped)
        if self._kept is not None:
            found.network, found.history = self._kept
        elif self._best is not None and not self._stopped:  # it is in the log only
            found.network, found.history = train_on(self._data, found.recipe, self._seed)
        return found
