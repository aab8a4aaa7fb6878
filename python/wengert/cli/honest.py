"""What `wengert train` says of its scores: folds, baselines, classes, calibration, columns."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from ..tabular import Prepared, Table, TabularError, Treatment, fit_target, prepare_table
from ..tabular.errors import quoted
from ..tabular.folds import Parts3, Splitter, Splitting
from ..tabular.scores import (
    calibration,
    class_scores,
    confusion_matrix,
    log_loss,
    mean_and_spread,
    r_squared,
    root_mean_square,
)  # fmt: skip
from ..tabular.targets import encode_target, target_names
from ..tabular.training import score_name
from ..tabular.validation import Outcome
from .outputs import Output

_SHOWN = 12  # classes, columns


def splitting(args: argparse.Namespace) -> Splitting:
    return Splitting(args.valid_fraction, args.seed, args.group, args.time)


def _splitter(table: Table, args: argparse.Namespace) -> Splitter:
    if args.target is None:
        raise TabularError(f"{table.path}: name the column to predict", "target", "COLUMN")
    how = splitting(args)
    targets = target_names(table, args.target)
    for name in how.columns():
        if name in targets:
            raise TabularError(f"{quoted(name)} is the column that is predicted")
        table.column(name)
    target = fit_target(table, args.target, args.task)
    classes = None if target.classes is None else encode_target(table, target)
    return Splitter(table, how, classes)


def _prepared(
    table: Table, args: argparse.Namespace, treatment: Treatment, parts: Parts3
) -> Prepared:
    drop = [*args.drop, *(n for n in splitting(args).columns() if n not in args.drop)]
    return prepare_table(
        table, args.target, args.task, drop, seed=args.seed, treatment=treatment, parts=parts,
        weight=args.weight,
    )  # fmt: skip


def prepare_split(table: Table, args: argparse.Namespace, treatment: Treatment) -> Prepared:
    """The table in training, validation and test rows; with folds without test rows, which these
    have had."""
    splitter = _splitter(table, args)
    if args.cv is None:
        return _prepared(table, args, treatment, splitter.once())
    if args.valid_fraction == 0:
        raise TabularError("--cv needs validation rows: --valid-fraction above 0")
    train, valid, test = splitter.once()
    # What would be held out for a test is trained on; the latest rows stay for validation.
    if args.time is not None and valid is not None and test is not None:
        train, valid = np.sort(np.concatenate([train, valid])), test
    elif test is not None:
        train = np.sort(np.concatenate([train, test]))
    return _prepared(table, args, treatment, (train, valid, None))


def folds(table: Table, args: argparse.Namespace, treatment: Treatment) -> Iterator[Prepared]:
    splitter = _splitter(table, args)
    rows, simple = len(table), args.group is None and args.time is None
    if splitter.regression and simple and args.cv <= rows < 2 * args.cv:
        raise TabularError(
            f"{table.path}: {args.cv} folds of {rows} rows: R2 needs two rows in each", "cv",
            str(max(2, rows // 2)),
        )  # fmt: skip
    for parts in splitter.folds(args.cv):
        yield _prepared(table, args, treatment, parts)


# ------------------------------------------------------------------------------ what is said


def tell(outcome: Outcome, output: Output) -> None:
    """A few lines of what was found on rows that were not seen."""
    name = score_name(outcome.regression)
    if len(outcome.scores) > 1:
        mean, spread = mean_and_spread(outcome.scores)
        output.line(f"{len(outcome.scores)} folds: {name} {mean:.4f} +- {spread:.4f}")
    known = [(outcome.constant_name(), outcome.constant), (outcome.linear_name(), outcome.linear)]
    shown = ", ".join(f"{who} {np.mean(values):.4f}" for who, values in known if values)
    if shown:
        output.line(f"to compare, {name}: {shown}")
    better = outcome.loses()
    if better:
        output.line(f"{better} does better than the network")
    for line in _of_classes(outcome) if outcome.shares is not None else _of_numbers(outcome):
        output.line(line)
    costs = sorted(importance(outcome).items(), key=lambda pair: -pair[1])
    shown = ", ".join(f"{quoted(column)} {cost:.4f}" for column, cost in costs[:_SHOWN])
    more = ", ..." if len(costs) > _SHOWN else ""
    output.line(f"what a shuffled column costs in {name}: {shown}{more}")


def importance(outcome: Outcome) -> dict[str, float]:
    """What a shuffled column costs, in the mean over folds."""
    return {name: float(np.mean(costs)) for name, costs in outcome.importance.items()}


def _of_numbers(outcome: Outcome) -> list[str]:
    lines = []
    for name, wanted, predicted in outcome.numbers():
        error = np.abs(wanted - predicted)
        start = f"{quoted(name)}: R2 {own_score(outcome, name)}, " if outcome.of_each else ""
        if len(outcome.scores) > 1:  # of few rows each the R2 of folds say little
            start += f"R2 of all rows together {r_squared(wanted, predicted):.4f}, "
        lines.append(
            f"{start}RMSE {root_mean_square(wanted, predicted):.6g}, mean absolute error "
            f"{error.mean():.6g}, nine of ten within {np.quantile(error, 0.9):.6g}"
        )
    return lines


def own_score(outcome: Outcome, name: str) -> str:
    """R squared of one of several targets, with its spread over folds."""
    mean, spread = mean_and_spread(outcome.of_each[name])
    return f"{mean:.4f}" + (f" +- {spread:.4f}" if len(outcome.scores) > 1 else "")


def _of_classes(outcome: Outcome) -> list[str]:
    assert outcome.shares is not None
    names = outcome.target.classes or []
    matrix = confusion_matrix(outcome.wanted, outcome.shares.argmax(1), len(names))
    found = calibration(outcome.shares, outcome.wanted)
    lines = [
        f"log loss {log_loss(outcome.shares, outcome.wanted):.4f}, calibration error "
        f"{found.error:.4f}"
    ]
    width = max(5, *(min(len(name), 24) for name in names[:_SHOWN]))
    lines.append(f"{'class':{width}}  precision  recall      F1   rows")
    for row in class_scores(matrix, names)[:_SHOWN]:
        precision, recall, f1 = row.shown()
        lines.append(
            f"{row.name[:24]:{width}}  {precision:>9}  {recall:>6}  {f1:>6}  {row.rows:5d}"
        )
    if len(names) > _SHOWN:
        return [*lines, f"... and {len(names) - _SHOWN} classes more"]
    cells = max(4, len(str(int(matrix.max()))))
    lines.append("confusion (a row for each class, a column for what it was taken for):")
    for name, counts in zip(names, matrix.tolist(), strict=True):
        lines.append(f"{name[:24]:{width}}  " + " ".join(f"{count:{cells}d}" for count in counts))
    return lines
