"""`wengert train`."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import wengert as wg

from .._files import atomic_write
from .encode import (
    Feature,
    Notes,
    Target,
    encode_inputs,
    encode_target,
    fit_features,
    fit_target,
    scale_target,
)
from .errors import EXTRA, CliError, file_error, quoted
from .fit import History, Recipe, Scores, evaluate, fit, score_name
from .model_file import Model, build_network, require_safetensors, save_model
from .table import DIGITS, Table, digits_table, read_table

INTERRUPTED = 130
# Below this many multiplications per batch a second thread costs more than it gives, and on a busy
# machine far more. Results do not depend on the number of threads.
_FEW_MULTIPLICATIONS = 1 << 24
_PLOT_SUFFIXES = (".png", ".svg", ".pdf", ".jpg")


@dataclass
class Prepared:
    """Data ready for training: (inputs, wanted) of each part, and what they mean."""

    features: list[Feature]
    target: Target
    train: tuple[Any, Any]
    valid: tuple[Any, Any]
    test: tuple[Any, Any]


def _check_output(path: str | None) -> None:
    """Finds out before the training that a file cannot be written after it."""
    if path is None:
        return
    target = Path(path)
    if target.is_dir():
        raise CliError(f"{path}: is a directory")
    if not target.parent.is_dir():
        raise CliError(f"{path}: no such directory: {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise CliError(f"{path}: permission denied")


def _check_plot(path: str | None) -> None:
    if path is None:
        return
    if Path(path).suffix.lower() not in _PLOT_SUFFIXES:
        raise CliError(f"{path}: a plot's name must end in {', '.join(_PLOT_SUFFIXES)}")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise CliError(f"--plot needs the package matplotlib: {EXTRA}") from None


def _pair(inputs: np.ndarray, wanted: np.ndarray) -> tuple[Any, Any]:
    return wg.from_numpy(np.ascontiguousarray(inputs)), wg.from_numpy(wanted)


def prepare_digits() -> Prepared:
    """The digits in their fixed split; all pixels are standardised alike."""
    parts = {name: digits_table(name) for name in ("train", "valid", "test")}
    rows = np.arange(len(parts["train"]))
    features = fit_features(parts["train"], "digit", [], rows, shared=True)
    target = Target("digit", [str(digit) for digit in range(10)])
    pairs = [
        _pair(encode_inputs(part, features, Notes()), encode_target(part, target))
        for part in parts.values()
    ]
    return Prepared(features, target, pairs[0], pairs[1], pairs[2])


def split_rows(
    count: int, fraction: float, seed: int, classes: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(train, valid, test) row numbers: `fraction` of the rows each for the latter two.

    With `classes` every part has its share of each class, as far as whole rows allow.
    """
    held_out = max(1, round(count * fraction))
    generator = wg.Generator()
    generator.manual_seed(seed)
    order = wg.randperm(count, generator=generator).numpy()
    if classes is not None:
        place = np.empty(count)
        for label in np.unique(classes):
            members = np.flatnonzero(classes[order] == label)
            place[members] = (np.arange(len(members)) + 0.5) / len(members)
        order = order[np.argsort(place, kind="stable")]
    test, valid, train = np.split(order, [held_out, 2 * held_out])
    return np.sort(train), np.sort(valid), np.sort(test)


def prepare_table(table: Table, args: argparse.Namespace) -> Prepared:
    """A user's table: the target is found, the rows split, the columns encoded."""
    name = args.target
    if name is None and table.lines is None and "y" in table.columns:
        name = "y"
    if name is None:
        raise CliError(f"{table.path}: name the column to predict with --target COLUMN")
    target = fit_target(table, name, args.task)
    count = len(table)
    held_out = max(1, round(count * args.valid_fraction))
    if count - 2 * held_out < 2:
        raise CliError(
            f"{table.path}: {count} rows are too few: {held_out} are held out for validation, "
            f"{held_out} for the test, and at least 2 must be left to train on"
        )
    classes = None if target.classes is None else encode_target(table, target)
    parts = split_rows(count, args.valid_fraction, args.seed, classes)
    if target.classes is None:
        scale_target(table, target, parts[0])
    features = fit_features(table, name, args.drop, parts[0])
    inputs = encode_inputs(table, features, Notes())
    wanted = encode_target(table, target)
    pairs = [_pair(inputs[rows], wanted[rows]) for rows in parts]
    return Prepared(features, target, pairs[0], pairs[1], pairs[2])


def make_recipe(args: argparse.Namespace, rows: int, digits: bool) -> Recipe:
    """The user's settings over defaults that suit the data."""
    batch = 64 if digits or rows > 2000 else 32
    defaults = {
        "epochs": 40 if digits else 60,
        "hidden": [256, 128] if digits else [64, 64],
        "lr": 2e-3,
        "batch_size": batch if rows <= 50_000 else 256,
        "dropout": 0.3 if digits else 0.1,
        "weight_decay": 1e-2,
    }
    given = {name: getattr(args, name) for name in defaults}
    chosen: dict[str, Any] = {
        name: value if given[name] is None else given[name] for name, value in defaults.items()
    }
    return Recipe(**chosen, label_smoothing=0.1 if digits else 0.0)


def _describe(data: Prepared, source: str) -> None:
    target = data.target
    rows = [int(part[1].shape[0]) for part in (data.train, data.valid, data.test)]
    print(
        f"{source}: {sum(rows)} rows ({rows[0]} training, {rows[1]} validation, {rows[2]} test), "
        f"{len(data.features)} columns -> {data.train[0].shape[1]} inputs"
    )
    if target.classes is None:
        print(f"regression of {quoted(target.name)}")
    else:
        shown = ", ".join(target.classes[:12]) + (", ..." if target.width > 12 else "")
        print(f"classification of {quoted(target.name)}: {target.width} classes ({shown})")


def _report(data: Prepared, history: History, test: Scores) -> None:
    regression = data.target.classes is None
    best = history.valid[history.best_epoch - 1]
    print(
        f"trained {len(history.valid)} epochs in {history.seconds:.2f} s; kept epoch "
        f"{history.best_epoch} (validation {score_name(regression)} {best.score:.4f})"
    )
    if regression:
        error = test.loss**0.5 * data.target.std
        print(f"test RMSE {error:.6g}, test R2 {test.score:.4f}")
    else:
        print(f"test accuracy {100 * test.score:.2f} %")


def write_plot(path: str, history: History, regression: bool) -> None:
    """Loss and validation score over the epochs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    epochs = range(1, len(history.valid) + 1)
    left.plot(epochs, history.train_loss, label="training")
    left.plot(epochs, [scores.loss for scores in history.valid], label="validation")
    left.set(xlabel="epoch", ylabel="loss")
    left.legend()
    right.plot(epochs, [scores.score for scores in history.valid], color="C1")
    right.axvline(history.best_epoch, color="grey", linestyle=":")
    right.set(xlabel="epoch", ylabel=f"validation {score_name(regression)}")
    stream = io.BytesIO()
    figure.savefig(stream, format=Path(path).suffix[1:].lower(), dpi=120)
    try:
        with atomic_write(path) as file:
            file.write(stream.getvalue())
    except OSError as error:
        raise file_error(path, error) from None


@contextmanager
def _threads(network: Any, batch_size: int, wanted: int | None) -> Iterator[None]:
    before = wg.get_num_threads()
    weights = sum(parameter.numel() for parameter in network.parameters())
    if wanted is None and weights * batch_size < _FEW_MULTIPLICATIONS:
        wanted = 1
    wg.set_num_threads(before if wanted is None else wanted)
    try:
        yield
    finally:
        wg.set_num_threads(before)


def run(args: argparse.Namespace) -> int:
    digits = args.data == DIGITS and not Path(DIGITS).is_file()
    if digits and (args.target or args.task or args.drop):
        raise CliError("digits: --target, --task and --drop are for tables")
    _check_output(args.save)
    _check_output(args.plot)
    _check_plot(args.plot)
    if args.save:
        require_safetensors()
    data = prepare_digits() if digits else prepare_table(read_table(args.data), args)
    regression = data.target.classes is None
    recipe = make_recipe(args, data.train[1].shape[0], digits)
    _describe(data, args.data)
    wg.manual_seed(args.seed)
    inputs = int(data.train[0].shape[1])
    network = build_network(inputs, recipe.hidden, data.target.width, recipe.dropout)
    with _threads(network, recipe.batch_size, args.threads):
        history = fit(network, data.train, data.valid, recipe, regression)
    if history.interrupted:
        print("interrupted", file=sys.stderr)
    if history.best_epoch == 0:
        return INTERRUPTED
    model = Model(network, data.features, data.target, recipe.hidden, recipe.dropout)
    if args.save:
        save_model(model, args.save)
    _report(data, history, evaluate(network, data.test, regression))
    if args.save:
        print(f"model saved to {args.save}")
    if args.plot:
        write_plot(args.plot, history, regression)
        print(f"plot saved to {args.plot}")
    return INTERRUPTED if history.interrupted else 0
