"""`wengert train`."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import wengert as wg

from .. import tabular
from .._files import atomic_write
from ..nn import Module
from ..tabular import History, Model, Prepared, Recipe, Scores, TabularError, preset
from ..tabular.errors import EXTRA, file_error, quoted
from ..tabular.table import DIGITS
from ..tabular.training import score_name
from .outputs import check_outputs
from .progress import Progress

INTERRUPTED = 130
# Below this many multiplications per batch a second thread costs more than it gives, and on a busy
# machine far more. Results do not depend on the number of threads.
_FEW_MULTIPLICATIONS = 1 << 24
_PLOT_SUFFIXES = (".png", ".svg", ".pdf", ".jpg")


def _check_plot(path: str | None) -> None:
    if path is None:
        return
    if Path(path).suffix.lower() not in _PLOT_SUFFIXES:
        raise TabularError(f"{path}: a plot's name must end in {', '.join(_PLOT_SUFFIXES)}")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise TabularError(f"--plot needs the package matplotlib: {EXTRA}") from None


def _prepare(args: argparse.Namespace, digits: bool) -> Prepared:
    if digits:
        return tabular.prepare_digits()
    table = tabular.read_table(args.data)
    return tabular.prepare_table(
        table, args.target, args.task, args.drop, args.valid_fraction, args.seed
    )


def _recipe(args: argparse.Namespace, rows: int, digits: bool) -> Recipe:
    """The user's settings over defaults that suit the data."""
    names = ("epochs", "hidden", "lr", "batch_size", "dropout", "weight_decay")
    given = {name: getattr(args, name) for name in names}
    return replace(preset(rows, digits), **{n: v for n, v in given.items() if v is not None})


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
def _threads(network: Module, batch_size: int, wanted: int | None) -> Iterator[None]:
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
        raise TabularError("digits: --target, --task and --drop are for tables")
    check_outputs([args.data], [args.save, args.plot])
    _check_plot(args.plot)
    if args.save:
        tabular.require_safetensors()
    data = _prepare(args, digits)
    regression = data.target.classes is None
    recipe = _recipe(args, data.train[1].shape[0], digits)
    _describe(data, args.data)
    wg.manual_seed(args.seed)
    inputs = int(data.train[0].shape[1])
    network = tabular.build_network(inputs, recipe.hidden, data.target.width, recipe.dropout)
    with _threads(network, recipe.batch_size, args.threads):
        progress = Progress(recipe, data.train[1].shape[0], regression)
        try:
            history = tabular.fit(network, data.train, data.valid, recipe, regression, progress)
        finally:
            progress.close()
    if history.interrupted:
        print("interrupted", file=sys.stderr)
    if history.best_epoch == 0:
        return INTERRUPTED
    model = Model(network, data.features, data.target, recipe.hidden, recipe.dropout)
    if args.save:
        tabular.save_model(model, args.save)
    _report(data, history, tabular.evaluate(network, data.test, regression))
    if args.save:
        print(f"model saved to {args.save}")
    if args.plot:
        write_plot(args.plot, history, regression)
        print(f"plot saved to {args.plot}")
    return INTERRUPTED if history.interrupted else 0
