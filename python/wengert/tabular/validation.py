"""How good a network is on rows that it did not see, and what it is to be compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import wengert as wg

from ..nn import Module
from .baselines import constant_score, linear_score
from .features import Feature
from .model_file import build_from_recipe
from .prepare import Prepared, Rows
from .presets import Recipe
from .scores import r_squared
from .targets import Target
from .training import History, Watcher, evaluate, fit, predict_all

_WIDEST = 2000  # inputs of a linear model
_TIMES = 3  # a column is shuffled


@dataclass
class Outcome:
    """What was found on test rows, of one split or of all folds.

    `wanted` are class numbers or numbers in their own unit, (rows, targets) if there are several;
    `shares` the probabilities, or `predicted` the numbers. `of_each` has the R squared of each of
    several targets by name. `scores`, `constant` and `linear` have an entry for each fold: accuracy
    or R squared of the network, of the commonest class or the mean, and of a linear model.
    `importance` is what a shuffled column costs in score.
    """

    target: Target
    wanted: np.ndarray = field(default_factory=lambda: np.empty(0))
    shares: np.ndarray | None = None
    predicted: np.ndarray | None = None
    scores: list[float] = field(default_factory=list)
    constant: list[float] = field(default_factory=list)
    linear: list[float] = field(default_factory=list)
    of_each: dict[str, list[float]] = field(default_factory=dict)
    importance: dict[str, list[float]] = field(default_factory=dict)
    histories: list[History] = field(default_factory=list)

    @property
    def regression(self) -> bool:
        return self.target.classes is None

    def add(self, network: Module, data: Prepared, history: History, seed: int = 0) -> None:
        """Takes in the test rows of `data`, of which there must be some."""
        test = data.test
        assert test is not None
        outputs = predict_all(network, test[0])
        wanted = test[1].numpy()
        if self.regression:
            scales, centres = data.target.scales(), data.target.centres()  # each fold has its own
            found = (outputs.numpy().astype(np.float64) * scales + centres).reshape(wanted.shape)
            wanted = (wanted.astype(np.float64).reshape(outputs.shape) * scales + centres).reshape(
                wanted.shape
            )
            self.predicted = _joined(self.predicted, found)
            weights = test[2].numpy() if len(test) > 2 else None
            for index, target in enumerate(data.target.several):
                score = r_squared(wanted[:, index], found[:, index], weights)
                self.of_each.setdefault(target.name, []).append(score)
        else:
            self.shares = _joined(self.shares, outputs.softmax(1).numpy())
        self.wanted = _joined(self.wanted if len(self.wanted) else None, wanted)
        self.scores.append(evaluate(network, test, self.regression).score)
        weighted = len(test) > 2  # the others would count rows
        if not weighted:
            self.constant.append(constant_score(data.train, test, self.regression))
        if data.inputs <= _WIDEST and not weighted:
            width = None if self.regression else self.target.width
            self.linear.append(linear_score(data.train, data.valid, test, width))
        self.histories.append(history)
        for name, cost in importance(network, data.features, test, self.regression, seed).items():
            self.importance.setdefault(name, []).append(cost)

    def numbers(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Of each target that is a number its name, the true and the predicted values, (rows,)."""
        assert self.predicted is not None
        names = self.target.names
        wanted, found = (v.reshape(-1, len(names)).T for v in (self.wanted, self.predicted))
        return list(zip(names, wanted, found, strict=True))

    def loses(self) -> str:
        """The baseline that is better than the network, or an empty text."""
        own = float(np.mean(self.scores))
        known = {self.constant_name(): self.constant, self.linear_name(): self.linear}
        means = {name: float(np.mean(values)) for name, values in known.items() if values}
        best = max(means, key=lambda name: means[name], default="")
        return best if best and means[best] > own else ""

    def constant_name(self) -> str:
        return "the mean" if self.regression else "the commonest class"

    def linear_name(self) -> str:
        return "ridge regression" if self.regression else "logistic regression"


def _joined(before: np.ndarray | None, more: np.ndarray) -> np.ndarray:
    return more if before is None else np.concatenate([before, more])


def importance(
    network: Module, features: list[Feature], rows: Rows, regression: bool, seed: int = 0
) -> dict[str, float]:
    """By how much the score falls when a column's cells are shuffled among the rows."""
    base = evaluate(network, rows, regression).score
    inputs, rest = rows[0].numpy(), rows[1:]
    blocks: dict[str, list[int]] = {}
    at = 0
    for feature in features:
        blocks.setdefault(feature.source or feature.name, []).extend(range(at, at + feature.width))
        at += feature.width
    generator = np.random.RandomState(seed)
    found = {}
    for name, columns in blocks.items():
        costs = []
        for _ in range(_TIMES):
            shuffled = inputs.copy()
            order = generator.permutation(len(inputs))
            shuffled[:, columns] = inputs[order][:, columns]
            moved = (wg.from_numpy(shuffled), *rest)
            costs.append(base - evaluate(network, moved, regression).score)
        found[name] = float(np.mean(costs))
    return found


def train_on(
    data: Prepared, recipe: Recipe, seed: int, watcher: Watcher | None = None
) -> tuple[Module, History]:
    """A network of `recipe`, trained on `data` from `seed` on."""
    wg.manual_seed(seed)
    network = build_from_recipe(data.features, data.target, recipe)
    return network, fit(
        network, data.train, data.valid, recipe, data.target.classes is None, watcher
    )


def cross_validate(
    folds: list[Prepared],
    recipe_of: Callable[[Prepared], Recipe],
    seed: int = 0,
    told: Callable[[int, float, float], None] | None = None,
) -> Outcome:
    """Trains on each of `folds`, which have test rows; `told` hears (fold, score, seconds).

    After Ctrl-C the answer is of the folds that were finished.
    """
    outcome = Outcome(folds[0].target)
    for index, data in enumerate(folds):
        network, history = train_on(data, recipe_of(data), seed + index)
        if history.interrupted:
            outcome.histories.append(history)
            break
        outcome.add(network, data, history, seed)
        if told is not None:
            told(index + 1, outcome.scores[-1], history.seconds)
    return outcome
