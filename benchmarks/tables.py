"""The presets for tables against scikit-learn's models, on sets that need no network.

    python benchmarks/tables.py --log tables.json --output docs/tables.md

Six sets that scikit-learn ships and seven made ones; the same folds for every model; accuracy, or
R2 for numbers. Needs scikit-learn; `--sets` and `--models` choose. `--log` keeps every repeat as
soon as it is measured: the same command goes on where it was stopped. `--budget` measures nothing
more once so many seconds are spent; with 0 the page is written from the log alone. `--first` does
so many of the folds, where a fit takes long; `--pairs` fits the default and scikit-learn's MLP in
turn, so often, for what they take beside each other. The table takes those repeats of a set that
all models have. What stands below the mark in the page stays.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import sklearn
from sklearn import datasets
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)  # fmt: skip
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import wengert
from wengert.sklearn import TabularClassifier, TabularRegressor

# ---- the sets: inputs, target, the columns that are categories


def _shipped(name: str) -> tuple[np.ndarray, np.ndarray, list[int]]:
    found = getattr(datasets, f"load_{name}")()
    return found.data.astype(np.float64), found.target, []


def _xor() -> tuple[np.ndarray, np.ndarray, list[int]]:
    rng = np.random.RandomState(0)
    x = rng.randn(1000, 6)
    y = (x[:, 0] * x[:, 1] > 0) ^ (rng.rand(1000) < 0.05)
    return x, y.astype(int), []


def _checkerboard() -> tuple[np.ndarray, np.ndarray, list[int]]:
    x = np.random.RandomState(0).uniform(0, 4, (1000, 2))
    return x, x.astype(int).sum(1) % 2, []


def _levels() -> tuple[np.ndarray, np.ndarray, list[int]]:
    rng = np.random.RandomState(0)
    level, other = rng.randint(0, 40, 2000), rng.randint(0, 5, 2000)
    worth = rng.randn(40)
    x = np.stack([level, other, rng.randn(2000)], 1)
    return (
        x,
        (worth[level] + 0.5 * x[:, 2] * (other > 2) + 0.3 * rng.randn(2000) > 0).astype(int),
        [0, 1],
    )


def _mixed() -> tuple[np.ndarray, np.ndarray, list[int]]:
    rng = np.random.RandomState(0)
    numbers = rng.randn(50_000, 8)
    level = rng.randint(0, 12, (50_000, 2))
    worth = rng.randn(2, 12)
    y = (
        np.sin(2 * numbers[:, 0]) + numbers[:, 1] * numbers[:, 2] + worth[0][level[:, 0]]
        + worth[1][level[:, 1]] * numbers[:, 3] + 0.3 * rng.randn(50_000)
    )  # fmt: skip
    return np.concatenate([numbers, level], 1), y, [8, 9]


def _friedman(number: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    make = getattr(datasets, f"make_friedman{number}")
    noise = (1.0, 50.0, 0.1)[number - 1]
    return *make(500, noise=noise, random_state=0), []


SETS: dict[str, Callable[[], tuple[np.ndarray, np.ndarray, list[int]]]] = {
    **{
        name: (lambda name=name: _shipped(name))
        for name in ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud")
    },
    "xor": _xor,
    **{f"friedman{i}": (lambda i=i: _friedman(i)) for i in (1, 2, 3)},
    "checkerboard": _checkerboard,
    "40 levels": _levels,
    "mixed 50000": _mixed,
}
NUMBERS = {"diabetes", "linnerud", "friedman1", "friedman2", "friedman3", "mixed 50000"}

# ---- the models


def _columns(categories: list[int], scaled: bool) -> object:
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    rest = StandardScaler() if scaled else "passthrough"
    return make_column_transformer((encoder, categories), remainder=rest)


def _tabular(preset: str) -> Callable[[bool, list[int], bool], object]:
    def make(numbers: bool, categories: list[int], several: bool) -> object:
        kind = TabularRegressor if numbers else TabularClassifier
        return kind(preset, categorical_features=categories, random_state=0)

    return make


def _ensemble_of(members: int) -> Callable[[bool, list[int], bool], object]:
    def make(numbers: bool, categories: list[int], several: bool) -> object:
        made = _tabular("ensemble")(numbers, categories, several)
        own = made._recipe

        def recipe(rows: int) -> object:
            found = own(rows)
            found.parts = replace(found.parts, members=members)
            return found

        made._recipe = recipe
        return made

    return make


def _mlp(numbers: bool, categories: list[int], several: bool) -> object:
    kind = MLPRegressor if numbers else MLPClassifier
    return make_pipeline(_columns(categories, True), kind(random_state=0))


def _linear(numbers: bool, categories: list[int], several: bool) -> object:
    model = RidgeCV(np.logspace(-3, 3, 7)) if numbers else LogisticRegression(max_iter=1000)
    return make_pipeline(_columns(categories, True), model)


def _forest(numbers: bool, categories: list[int], several: bool) -> object:
    kind = RandomForestRegressor if numbers else RandomForestClassifier
    return make_pipeline(_columns(categories, False), kind(random_state=0))


def _boosting(numbers: bool, categories: list[int], several: bool) -> object:
    if not numbers:
        return HistGradientBoostingClassifier(categorical_features=categories, random_state=0)
    model = HistGradientBoostingRegressor(categorical_features=categories, random_state=0)
    return MultiOutputRegressor(model) if several else model


MODELS: dict[str, Callable[[bool, list[int], bool], object]] = {
    "wengert simple": _tabular("simple"),
    "wengert strong": _tabular("strong"),
    "wengert ensemble": _tabular("ensemble"),
    "wengert plain": _tabular("plain"),
    "MLP of scikit-learn": _mlp,
    "logistic / ridge": _linear,
    "random forest": _forest,
    "HistGradientBoosting": _boosting,
}
ON_DEMAND = {"wengert ensemble of 32": _ensemble_of(32)}  # with `--models`
DEFAULT, RIVAL = "wengert simple", "MLP of scikit-learn"
MARK = "<!-- written by hand from here on -->\n"


def moments(of: np.ndarray) -> tuple[float, float]:
    """(mean, standard error)"""
    return float(of.mean()), float(of.std(ddof=1) / len(of) ** 0.5)


@dataclass
class Cell:
    """What one model does on one set: scores of folds, and of how many; seconds of a fit, size."""

    scores: np.ndarray
    folds: int
    seconds: float
    weights: int | None

    @property
    def mean(self) -> float:
        return float(self.scores.mean())

    def __str__(self) -> str:
        spent = f"({self.seconds:.3g} s)" if self.seconds >= 10 else f"({self.seconds:.2g} s)"
        if len(self.scores) < 2:
            return f"{self.scores[0]:.3f} in one fold {spent}"
        mean, error = moments(self.scores)
        few = f" in {len(self.scores)} folds" if len(self.scores) < self.folds else ""
        return f"{mean:.3f} +- {error:.3f}{few} {spent}"


# ---- the work


def weights(made: object) -> int | None:
    """How many numbers a network learned, of one that was fitted."""
    last = made[-1] if isinstance(made, Pipeline) else made
    if isinstance(last, TabularClassifier | TabularRegressor):
        return sum(p.numel() for p in last.module_.parameters())
    if isinstance(last, MLPClassifier | MLPRegressor):
        return sum(w.size for w in [*last.coefs_, *last.intercepts_])
    return None


def measure(
    name: str, model: str, folds: int, repeat: int, first: int | None = None
) -> dict[str, object]:
    """An entry of the log: the scores of the first or all folds of a repeat, seconds of a fit."""
    x, y, categories = SETS[name]()
    numbers = name in NUMBERS
    scores, spent, cpu = [], 0.0, 0.0
    kind = KFold if numbers else StratifiedKFold
    splits = kind(folds, shuffle=True, random_state=repeat).split(x, y)
    for train, test in itertools.islice(splits, first):
        made = {**MODELS, **ON_DEMAND}[model](numbers, categories, y.ndim > 1)
        begun, busy = time.perf_counter(), time.process_time()
        made.fit(x[train], y[train])
        spent += time.perf_counter() - begun
        cpu += time.process_time() - busy
        scores.append(float(made.score(x[test], y[test])))
    return {
        "set": name, "model": model, "repeat": repeat, "folds": folds, "scores": scores,
        "seconds": spent / len(scores), "cpu": cpu / len(scores), "weights": weights(made),
        "threads": wengert.get_num_threads(), "wengert": wengert.__version__,
        "machine": platform.machine(), "date": str(date.today()),
    }  # fmt: skip


def compare(name: str, times: int) -> dict[str, object]:
    """An entry of the log: seconds of a core that fits of two networks take in turn."""
    x, y, categories = SETS[name]()
    rows = np.random.RandomState(0).permutation(len(x))[: len(x) * 4 // 5]
    pairs = []
    for _ in range(times + 1):
        spent = []
        for model in (DEFAULT, RIVAL):
            made = MODELS[model](name in NUMBERS, categories, y.ndim > 1)
            begun = time.process_time()
            made.fit(x[rows], y[rows])
            spent.append(time.process_time() - begun)
        pairs.append(spent)
    return {"set": name, "pairs": pairs[1:], "date": str(date.today())}  # the first load code


class Log:
    """What was measured, one entry per set, model and repeat; in a JSON file if there is a path."""

    def __init__(self, path: str | None, folds: int) -> None:
        self.path, self.folds, self.entries = path, folds, []
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.entries = json.load(file)

    def add(self, entry: dict[str, object]) -> None:
        self.entries.append(entry)
        if self.path:  # a file that is whole at every moment
            with open(self.path + ".new", "w", encoding="utf-8") as file:
                file.write("[\n" + ",\n".join(map(json.dumps, self.entries)) + "\n]\n")
            os.replace(self.path + ".new", self.path)

    def of(self, name: str, model: str) -> dict[int, dict[str, object]]:
        """The entries of a set and model, by repeat."""
        return {
            e["repeat"]: e
            for e in self.entries
            if (e["set"], e.get("model"), e.get("folds")) == (name, model, self.folds)
        }

    def ratios(self, name: str) -> list[float]:
        """What the default took of its rival's time, each time that they were fitted in turn."""
        found = [e["pairs"] for e in self.entries if e["set"] == name and "pairs" in e]
        return [one / other for pairs in found for one, other in pairs]


def gather(log: Log, name: str, models: list[str]) -> dict[str, Cell]:
    """The cells of a set by model, of those repeats alone that all of its models have."""
    have = {model: log.of(name, model) for model in models}
    have = {model: entries for model, entries in have.items() if entries}
    common = set.intersection(*map(set, have.values())) if have else set()
    if not common:
        return {}
    cells = {}
    for model, entries in have.items():
        same = [entries[repeat] for repeat in sorted(common)]
        scores = np.array([e["scores"] for e in same]).ravel()
        seconds = [e["cpu"] for e in same if "cpu" in e] or [e["seconds"] for e in same]
        cells[model] = Cell(scores, len(same) * log.folds, min(seconds), same[0]["weights"])
    return cells


# ---- the page


def ranks(found: dict[str, dict[str, Cell]], models: list[str]) -> dict[str, float]:
    """Mean rank of each model over the sets that all of them did; 1 is best."""
    all_ranks: dict[str, list[float]] = {model: [] for model in models}
    for cells in found.values():
        if not set(models) <= set(cells) or any(len(c.scores) < c.folds for c in cells.values()):
            continue
        means = [cells[model].mean for model in models]
        order = sorted(means, reverse=True)
        for model, mean in zip(models, means, strict=True):
            all_ranks[model].append(order.index(mean) + (order.count(mean) + 1) / 2)
    return {model: float(np.mean(of)) for model, of in all_ranks.items() if of}


def table(found: dict[str, dict[str, Cell]], models: list[str], folds: int) -> list[str]:
    """A table in Markdown: a line per set, mean ranks last."""
    lines = ["| set | folds | " + " | ".join(models) + " |", "|---" * (len(models) + 2) + "|"]
    for name, cells in found.items():
        count = next(iter(cells.values())).folds
        texts = [str(cells[model]) if model in cells else "-" for model in models]
        lines.append(f"| {name} | {count // folds} x {folds} | " + " | ".join(texts) + " |")
    placed = ranks(found, models)
    texts = [f"{placed[model]:.2f}" if model in placed else "-" for model in models]
    return [*lines, "| mean rank | | " + " | ".join(texts) + " |"]


def duel(log: Log, sets: list[str], one: str, other: str) -> list[str]:
    """A table in Markdown of two networks, set by set: differences, times, sizes."""
    lines = [
        f"| set | folds | {one} less {other} | worse by more than its error | seconds of a core, "
        "of the other's | weights, of the other's |",
        "|---|---|---|---|---|---|",
    ]
    for name in sets:
        cells = gather(log, name, [one, other])
        if len(cells) < 2:
            continue
        a, b = cells[one], cells[other]
        count = min(len(a.scores), len(b.scores))
        differences, known, worse = a.scores[:count] - b.scores[:count], "", "-"
        if count > 1:
            mean, error = moments(differences)
            known, worse = f" +- {error:.4f}", "yes" if mean < -error else "no"
        ratios, taken = log.ratios(name), "-"
        if ratios:
            taken = f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(
            f"| {name} | {count} | {differences.mean():+.4f}{known} | {worse} | {taken} | "
            f"{a.weights / b.weights:.1f} |"
        )
    return lines


def page(log: Log, sets: list[str], models: list[str]) -> list[str]:
    found = {name: cells for name in sets if (cells := gather(log, name, models))}
    lines = [
        "# Presets for tables against scikit-learn",
        "",
        "Written by `python benchmarks/tables.py --log tables.json --output docs/tables.md`. "
        "Accuracy, or R2 for numbers (diabetes, linnerud, friedman, mixed): the mean over folds "
        "and its standard error; in brackets the seconds of a fit: the mean over the folds of the "
        "repeat that was fastest, so that other work on the machine disturbs less, of a core where "
        "the log has them and else of a clock. The folds are the same for every model. Folds of "
        "several repeats share rows, so that the standard errors are too small rather than too "
        "large.",
        "",
        *about(log),
        "",
        *table(found, models, log.folds),
        "",
    ]
    if {DEFAULT, RIVAL} <= set(models):
        text = (
            f"The default, `{DEFAULT.split()[1]}`, beside scikit-learn's MLP, fold by fold; the "
            "seconds are those that both took in turn in one process, on 80 % of the rows: the "
            "median of the ratios, the least and the largest."
        )
        lines += [text, "", *duel(log, sets, DEFAULT, RIVAL), ""]
    return lines


def about(log: Log) -> list[str]:
    """Where and when it was measured."""
    if not log.entries:
        return ["Nothing is measured yet."]
    last = next(e for e in reversed(log.entries) if "machine" in e)
    days = sorted({e["date"] for e in log.entries})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return [
        f"{when}, {last['machine']}, threads: {last['threads']}, wengert {last['wengert']}, "
        f"scikit-learn {sklearn.__version__}."
    ]


def write(lines: list[str], path: str | None) -> None:
    """To a file, whose part below the mark is kept, or to standard output."""
    text, kept = "\n".join(lines), ""
    if path is None:
        print(text)
        return
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            kept = file.read().partition(MARK)[2]
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + (f"\n{MARK}{kept}" if kept else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--first", type=int, help="of the folds, only so many")
    parser.add_argument("--pairs", type=int, default=0, help="fits of two networks in turn")
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds in all")
    parser.add_argument("--log", help="a JSON file: what it has is not measured again")
    parser.add_argument("--output", help="a Markdown file (default: standard output)")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    sets, models = args.sets.split(","), args.models.split(",")
    log, begun = Log(args.log, args.folds), time.perf_counter()
    for repeat, name, model in itertools.product(range(args.repeats), sets, models):
        if repeat in log.of(name, model) or time.perf_counter() - begun >= args.budget:
            continue
        log.add(measure(name, model, args.folds, repeat, args.first))
        entry = log.entries[-1]
        mean, seconds = np.mean(entry["scores"]), entry["seconds"]
        print(repeat, name, model, f"{mean:.4f} ({seconds:.3g} s)", flush=True)
    for name in sets if args.pairs else []:
        log.add(compare(name, args.pairs))
        print(name, np.round(log.ratios(name), 2), flush=True)
    write(page(log, sets, models), args.output)


if __name__ == "__main__":
    main()
