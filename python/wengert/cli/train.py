"""`wengert train`."""

from __future__ import annotations

import argparse
import io
import math
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from types import FrameType

import wengert as wg

from .. import tabular
from .._files import atomic_write
from ..nn import Module
from ..tabular import (
    Feature,
    History,
    Model,
    Parts,
    Prepared,
    Recipe,
    Scores,
    Table,
    TabularError,
    preset,
)  # fmt: skip
from ..tabular.errors import EXTRA, file_error, quoted
from ..tabular.features import looks_like
from ..tabular.table import DIGITS
from ..tabular.training import score_name
from ..tabular.tuning import Trial, tune
from ..tabular.validation import Outcome, cross_validate
from .honest import folds, prepare_split, tell
from .outputs import Output, Silent, check_outputs, complain
from .progress import Progress
from .report import check_report, write_report

INTERRUPTED, TERMINATED = 130, 143
_FEW = 5  # rows of a class
_FEW_TO_SCORE = 30
_PLOT_SUFFIXES = (".png", ".svg", ".pdf", ".jpg")


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a training as Ctrl-C does."""

    status = TERMINATED


@contextmanager
def _terminable() -> Iterator[list[int]]:
    """Within, SIGTERM is raised as _Terminated; the list then has the exit status for it."""
    seen: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        seen.append(TERMINATED)
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_plot(path: str | None) -> None:
    if path is None:
        return
    if Path(path).suffix.lower() not in _PLOT_SUFFIXES:
        raise TabularError(f"{path}: a plot's name must end in {', '.join(_PLOT_SUFFIXES)}")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise TabularError(f"--plot needs the package matplotlib: {EXTRA}") from None


def _prepare(
    args: argparse.Namespace, digits: bool
) -> tuple[Prepared, Table | None, tabular.Treatment]:
    """What the network is trained on, and the table that it is of, with what becomes of cells."""
    if digits:
        return tabular.prepare_digits(), None, tabular.Treatment()
    targets = [] if args.target is None else [args.target, *map(str.strip, args.target.split(","))]
    texts = [n for n in (*targets, args.group, *args.categorical) if n is not None]
    table = tabular.read_table(args.data, texts, args.encoding)
    for note in table.notes:
        complain(f"wengert: note: {table.path}: {note}")
    recipe = _recipe(args, len(table), False, False)
    treatment = tabular.Treatment(
        args.missing, args.lenient, args.categorical, recipe.scaling, recipe.clip
    )
    if args.cv is not None or args.group is not None or args.time is not None:
        return prepare_split(table, args, treatment), table, treatment
    test = None if args.test is None else tabular.read_table(args.test, None, args.encoding)
    data = tabular.prepare_table(
        table, args.target, args.task, args.drop, args.valid_fraction, args.seed,
        test=test, treatment=treatment, weight=args.weight,
    )  # fmt: skip
    return data, table, treatment


def _recipe(args: argparse.Namespace, rows: int, digits: bool, regression: bool) -> Recipe:
    """The user's settings over defaults that suit the data."""
    linear = args.hidden == []
    name = args.preset or ("plain" if digits or linear else "simple")
    recipe = preset(rows, digits, linear, args.batch_size, args.model, name, regression)
    given = _given(args, [field.name for field in fields(Recipe)])
    parts = _given(args, [field.name for field in fields(Parts)])
    if parts:
        given["parts"] = replace(recipe.parts or Parts(), **parts)  # type: ignore[arg-type]
    return replace(recipe, **given)  # type: ignore[arg-type]


def _given(args: argparse.Namespace, names: list[str]) -> dict[str, object]:
    return {name: getattr(args, name) for name in names if getattr(args, name, None) is not None}


# ------------------------------------------------------------------------------ what is said


def _describe(data: Prepared, output: Output) -> None:
    target = data.target
    parts = [("training", data.train), ("validation", data.valid), ("test", data.test)]
    counts = [(name, int(part[1].shape[0])) for name, part in parts if part is not None]
    own = counts.pop()[1] if data.own_test else None
    shown = ", ".join(f"{count} {name}" for name, count in counts)
    output.line(
        f"{data.path}: {sum(count for _, count in counts)} rows ({shown}), "
        f"{len(data.features)} columns -> {data.inputs} inputs"
    )
    if own is not None:
        output.line(f"test: {own} rows of another table")
    output.line(_kinds(data.features))
    if data.notes.filled:
        output.line(f"{data.notes.filled_line()} (with the column's median)")
    if target.classes is None:
        output.line(f"regression of {', '.join(map(quoted, target.names))}")
    else:
        names = ", ".join(target.classes[:12]) + (", ..." if target.width > 12 else "")
        kind = "" if target.of_numbers else looks_like(target.classes)
        taken = f", which look like {kind}" if kind else ""
        output.line(
            f"classification of {quoted(target.name)}: {target.width} classes ({names}){taken}"
        )
        few = _few_rows(data)
        if few:
            output.line(f"classes of few rows: {few}; they are hardly learnt, and hardly scored")


def _few_rows(data: Prepared) -> str:
    """`'unicorn' 1, 'yeti' 3`: the classes that have fewer than five rows."""
    counts = Counter(data.everything()[1].tolist())
    rows = [(name, counts[index]) for index, name in enumerate(data.target.classes or [])]
    found = [(name, count) for name, count in rows if count < _FEW]
    more = ", ..." if len(found) > 8 else ""
    return ", ".join(f"{quoted(name)} {count}" for name, count in found[:8]) + more


def _kinds(features: list[Feature]) -> str:
    """`columns: 2 of numbers (a, b), 1 of categories (colour 3)`."""
    numbers = [f.name for f in features if f.categories is None]
    categories = [f"{f.name} {f.width}" for f in features if f.categories is not None]
    parts = [
        f"{len(names)} of {kind} ({', '.join(names[:8])}{', ...' if len(names) > 8 else ''})"
        for names, kind in ((numbers, "numbers"), (categories, "categories"))
        if names
    ]
    return f"columns: {', '.join(parts)}"


def _warn_of_wide_columns(data: Prepared) -> None:
    """Dates, names and free text become an input for each text, from which nothing is learnt."""
    rows = int(data.everything()[1].shape[0])
    for feature in data.features:
        texts = feature.categories or []
        if len(texts) > 20 and len(texts) > rows / 3:
            kind = looks_like(texts)
            complain(
                f"wengert: warning: column {quoted(feature.name)}: {len(texts)} different texts"
                f"{f' ({kind})' if kind else ''} in {rows} rows, an input for each; leave it out "
                f"with --drop {feature.name}, or make numbers of it"
            )


def _settings(recipe: Recipe, data: Prepared, seed: int, output: Output) -> None:
    model = f"preset {recipe.name}, " if recipe.model == "mlp" else f"model {recipe.model}, "
    hidden = ",".join(map(str, recipe.hidden)) or "none"
    output.line(
        f"settings: {model}epochs {recipe.epochs}, hidden {hidden}, lr {recipe.lr:g}, batch size "
        f"{recipe.batch_size}, dropout {recipe.dropout:g}, weight decay {recipe.weight_decay:g}, "
        f"seed {seed}, threads at most {wg.get_num_threads()}"
    )
    if recipe.label_smoothing and data.target.classes is not None:
        classes = data.target.width
        wrong = recipe.label_smoothing / classes
        right = 1 - recipe.label_smoothing + wrong
        least = -right * math.log(right) - (classes - 1) * wrong * math.log(wrong)
        output.line(
            f"label smoothing {recipe.label_smoothing:g}: the training loss is at least "
            f"{least:.4f}" + ("" if data.valid is None else "; the validation loss is without it")
        )


def _report(data: Prepared, history: History, test: Scores | None, output: Output) -> None:
    regression = data.target.classes is None
    epochs = len(history.train_loss)
    text = f"trained {epochs} epochs in {history.seconds:.2f} s; kept epoch {history.best_epoch}"
    if history.valid:
        best = history.valid[history.best_epoch - 1]
        text += f" (validation {score_name(regression)} {best.score:.4f})"
    output.line(text)
    if test is None:
        output.line("no test: no rows were held out")
    elif regression:
        error = f"test RMSE {test.loss**0.5 * data.target.std:.6g}, "
        many = len(data.target.names)
        output.line(
            f"{error if many == 1 else ''}test R2 {test.score:.4f}"
            + (f" of {many} targets together" if many > 1 else "")
        )
    else:
        output.line(f"test accuracy {100 * test.score:.2f} %")


def write_plot(path: str, history: History, regression: bool) -> None:
    """Loss and validation score over the epochs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    epochs = range(1, len(history.train_loss) + 1)
    left.plot(epochs, history.train_loss, label="training")
    if history.valid:
        left.plot(epochs, [scores.loss for scores in history.valid], label="validation")
        right.plot(epochs, [scores.score for scores in history.valid], color="C1")
    left.set(xlabel="epoch", ylabel="loss")
    left.legend()
    right.axvline(history.best_epoch, color="grey", linestyle=":")
    right.set(xlabel="epoch", ylabel=f"validation {score_name(regression)}")
    stream = io.BytesIO()
    figure.savefig(stream, format=Path(path).suffix[1:].lower(), dpi=120)
    try:
        with atomic_write(path) as file:
            file.write(stream.getvalue())
    except OSError as error:
        raise file_error(path, error) from None


# ------------------------------------------------------------------------------ the training


@contextmanager
def _at_most(threads: int | None) -> Iterator[None]:
    before = wg.get_num_threads()
    wg.set_num_threads(threads or before)
    try:
        yield
    finally:
        wg.set_num_threads(before)


def _network(data: Prepared, recipe: Recipe, seed: int) -> Module:
    wg.manual_seed(seed)
    return tabular.build_from_recipe(data.features, data.target, recipe)


def _fit(
    network: Module, data: Prepared, recipe: Recipe, output: Output, refit_epochs: int | None = None
) -> History:
    """Trains on the training rows; with `refit_epochs` on all rows, for so many epochs."""
    regression = data.target.classes is None
    train = data.train if refit_epochs is None else data.everything()
    valid = data.valid if refit_epochs is None else None
    progress = Progress(
        recipe, refit_epochs or recipe.epochs, train[1].shape[0], regression, output
    )
    watcher = None if isinstance(output, Silent) else progress
    try:
        return tabular.fit(network, train, valid, recipe, regression, watcher, refit_epochs)
    finally:
        progress.close()


def _tuned(
    args: argparse.Namespace, data: Prepared, recipe: Recipe, output: Output
) -> tuple[Module, History]:
    """The best network of a search; `recipe` becomes its settings."""

    def told(trial: Trial, chosen: dict[str, object]) -> None:
        shown = ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                          for name, value in chosen.items())  # fmt: skip
        output.line(
            f"trial {trial.number}.{trial.rung}  {trial.score:.4f}  ({trial.seconds:.1f} s)  "
            f"{shown or 'the preset as it is'}"
        )

    log = args.tune_log or f"{args.data}.tune.jsonl"
    found = tune(data, recipe, args.seed, 60 * args.tune, log, told)
    for field in fields(Recipe):
        setattr(recipe, field.name, getattr(found.recipe, field.name))
    output.line(f"{found.trials} trials in {log}; the best settings are taken")
    _settings(recipe, data, args.seed, output)
    if found.network is None or found.history is None:
        return _network(data, recipe, args.seed), History(interrupted=found.interrupted)
    found.history.interrupted = found.interrupted
    return found.network, found.history


def _train(
    args: argparse.Namespace, data: Prepared, recipe: Recipe, output: Output
) -> tuple[Module, History]:
    """The network to keep. The scores are those of the first one, if all rows are fitted anew."""
    regression = data.target.classes is None
    network = _network(data, recipe, args.seed)
    with _at_most(args.threads):
        if args.tune is None:
            _settings(recipe, data, args.seed, output)
            history = _fit(network, data, recipe, output)
        else:
            network, history = _tuned(args, data, recipe, output)
        if history.interrupted:
            complain("wengert: interrupted")
        if history.best_epoch == 0:
            return network, history
        test = None if data.test is None else tabular.evaluate(network, data.test, regression)
        _report(data, history, test, output)
        if not args.refit or history.interrupted or data.valid is None:
            return network, history
        output.line(f"refit on all {data.everything()[1].shape[0]} rows")
        again = _network(data, recipe, args.seed)
        second = _fit(again, data, recipe, output, history.best_epoch)
        if second.interrupted:
            complain("wengert: interrupted; the network before the refit is kept")
            history.interrupted = True
            return network, history
        return again, history


def _outcome(
    network: Module, data: Prepared, history: History, args: argparse.Namespace, output: Output
) -> Outcome | None:
    """The test rows' scores beside those of simple models; None where nobody asks for them."""
    if data.path == DIGITS and not args.report:
        return None
    outcome = Outcome(data.target)
    outcome.add(network, data, history, args.seed)
    tell(outcome, output)
    rows = len(outcome.wanted)
    if rows < _FEW_TO_SCORE and not data.own_test and data.path != DIGITS:
        output.line(f"{rows} test rows say little; --cv 5 scores networks on all rows")
    return outcome


def _cross_validate(
    args: argparse.Namespace, table: Table | None, treatment: tabular.Treatment, output: Output
) -> Outcome:
    assert table is not None
    parts = list(folds(table, args, treatment))
    regression = parts[0].target.classes is None
    recipe = _recipe(args, parts[0].train[1].shape[0], False, regression)
    name = score_name(regression)

    def told(fold: int, score: float, seconds: float) -> None:
        output.line(f"fold {fold}/{args.cv}  {name} {score:.4f}  ({seconds:.1f} s)")

    with _at_most(args.threads):
        _settings(recipe, parts[0], args.seed, output)
        outcome = cross_validate(
            parts,
            lambda data: _recipe(args, data.train[1].shape[0], False, regression),
            args.seed,
            told,
        )
    if any(history.interrupted for history in outcome.histories):
        complain("wengert: interrupted")
    if outcome.scores:
        tell(outcome, output)
    return outcome


def _output_of_rank(goes_on: bool) -> Output:
    """Under `mpirun` the processes train together, and rank 0 prints and saves."""
    told = wg.distributed.is_available() and wg.distributed.is_mpi_available()
    if told and not wg.distributed.is_initialized():
        wg.distributed.init_process_group()
    if wg.distributed.is_initialized() and wg.distributed.get_rank() != 0:
        return Silent(goes_on)
    return Output(goes_on)


def run(args: argparse.Namespace) -> int:
    digits = args.data == DIGITS and not Path(DIGITS).is_file()
    if digits and (args.target or args.task or args.drop or args.test or args.categorical):
        raise TabularError("digits: --target, --task, --drop, --test, --categorical are for tables")
    if digits and (args.cv or args.group or args.time or args.weight):
        raise TabularError("digits: --cv, --group, --time, --weight are for tables")
    if args.tune is not None and (digits or args.cv or args.preset == "plain"):
        raise TabularError("--tune is for tables, without --cv, and not for --preset plain")
    if args.test and (args.cv or args.group or args.time):
        raise TabularError("--test brings test rows, --cv, --group and --time choose them")
    if args.model == "cnn" and not digits:
        raise TabularError("--model cnn is for images, of which there are `digits`")
    if digits and args.preset not in (None, "plain"):
        raise TabularError(f"digits: --preset {args.preset} is for tables")
    check_outputs([args.data, args.test], [args.save, args.plot, args.tune_log])
    _check_plot(args.plot)
    check_report(args.report)
    output = _output_of_rank(goes_on=bool(args.save or args.plot or args.report))
    if args.tune is not None and wg.distributed.is_initialized():
        raise TabularError("--tune is for one process: its time would differ between ranks", "tune")
    data, table, treatment = _prepare(args, digits)
    recipe = _recipe(args, data.train[1].shape[0], digits, data.target.classes is None)
    _describe(data, output)
    if not isinstance(output, Silent):
        _warn_of_wide_columns(data)
    with _terminable() as signals:
        outcome = None if args.cv is None else _cross_validate(args, table, treatment, output)
        stopped = outcome is not None and any(h.interrupted for h in outcome.histories)
        if stopped or (args.cv is not None and not (args.save or args.plot)):
            network, history = None, History(interrupted=stopped)
        else:
            network, history = _train(args, data, recipe, output)
    status = (signals or [INTERRUPTED])[0] if history.interrupted else 0
    if network is not None and history.best_epoch and outcome is None and data.test is not None:
        outcome = _outcome(network, data, history, args, output)
    silent = isinstance(output, Silent)
    if outcome is not None and outcome.scores and args.report and not silent:
        path = write_report(args.report, f"{data.path}: {data.target.name}", output.lines, outcome)
        output.line(f"report written to {path}")
    if network is None or history.best_epoch == 0 or silent:
        return output.status(status)
    if args.save:
        model = Model(
            network, data.features, data.target, recipe.hidden, recipe.dropout, recipe.model,
            recipe.parts,
        )  # fmt: skip
        tabular.save_model(model, args.save)
        output.line(f"model saved to {args.save}")
    if args.plot:
        write_plot(args.plot, history, data.target.classes is None)
        output.line(f"plot saved to {args.plot}")
    return output.status(status)
