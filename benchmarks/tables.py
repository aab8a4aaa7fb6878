"""The presets for tables against scikit-learn's models, on sets that need no network.

    python benchmarks/tables.py --folds 5 --repeats 10 --output docs/tables.md

Six sets that scikit-learn ships and seven made ones; the same folds for every model; accuracy, or
R2 for numbers. Needs scikit-learn; `--sets` and `--models` choose, `--budget` stops before a model
and set once so many seconds are spent, and the table says what was left out.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from collections.abc import Callable
from datetime import date

import numpy as np
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
from sklearn.pipeline import make_pipeline
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

# ---- the work


def measure(name: str, model: str, folds: int, repeats: int) -> tuple[list[float], float]:
    """(scores, seconds of one fit)"""
    x, y, categories = SETS[name]()
    numbers = name in NUMBERS
    scores, spent = [], 0.0
    for repeat in range(repeats):
        kind = KFold if numbers else StratifiedKFold
        for train, test in kind(folds, shuffle=True, random_state=repeat).split(x, y):
            made = MODELS[model](numbers, categories, y.ndim > 1)
            begun = time.perf_counter()
            made.fit(x[train], y[train])
            spent += time.perf_counter() - begun
            scores.append(made.score(x[test], y[test]))
    return scores, spent / len(scores)


def table(
    found: dict[tuple[str, str], tuple[list[float], float]], sets: list[str], models: list[str]
) -> list[str]:
    """The lines of a table in Markdown, mean ranks last, over sets that every model did."""
    lines = ["| set | " + " | ".join(models) + " |", "|---" * (len(models) + 1) + "|"]
    ranks: dict[str, list[float]] = {model: [] for model in models}
    for name in sets:
        cells, means = [], {}
        for model in models:
            if (name, model) not in found:
                cells.append("-")
                continue
            scores, seconds = found[name, model]
            means[model] = float(np.mean(scores))
            error = float(np.std(scores, ddof=1) / len(scores) ** 0.5)
            cells.append(f"{means[model]:.3f} +- {error:.3f} ({seconds:.2g} s)")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        if len(means) == len(models):
            order = sorted(means.values(), reverse=True)
            for model, mean in means.items():
                first, same = order.index(mean), order.count(mean)
                ranks[model].append(first + (same + 1) / 2)
    cells = [f"{np.mean(ranks[model]):.2f}" if ranks[model] else "-" for model in models]
    return [*lines, "| mean rank | " + " | ".join(cells) + " |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds in all")
    parser.add_argument("--output", help="a Markdown file (default: standard output)")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    sets, models = args.sets.split(","), args.models.split(",")
    found, begun = {}, time.perf_counter()
    for name in sets:
        for model in models:
            if time.perf_counter() - begun > args.budget:
                continue
            found[name, model] = measure(name, model, args.folds, args.repeats)
            print(name, model, f"{np.mean(found[name, model][0]):.4f}", flush=True)
    left = len(sets) * len(models) - len(found)
    lines = [
        "# Presets for tables against scikit-learn's models",
        "",
        "Written by `python benchmarks/tables.py`. Accuracy, or R2 for numbers (diabetes, "
        "linnerud, friedman, mixed): the mean over folds and its standard error; in brackets the "
        "seconds of a fit.",
        "",
        f"{args.repeats} x {args.folds} folds, {date.today()}, {platform.machine()}, "
        f"{wengert.get_num_threads()} threads, wengert {wengert.__version__}."
        + (f" {left} cells were left out for want of time." if left else ""),
        "",
        *table(found, sets, models),
        "",
    ]
    if args.output:
        with open(args.output, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
    else:
        print("\n".join(lines))


if __name__ == "__main__":
    main()
