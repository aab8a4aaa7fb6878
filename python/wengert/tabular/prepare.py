"""From a table to the tensors of a training: target, split, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from .. import _native
from .._native import Tensor
from .errors import TabularError, quoted
from .features import Feature, Notes, Treatment, encode_inputs, fit_features
from .table import Table, digits_table
from .targets import Target, encode_target, fit_target, scale_target

# inputs (rows, inputs), wanted (rows,) or (rows, targets), where rows have weights these (rows,)
Rows: TypeAlias = tuple[Tensor, ...]


@dataclass
class Prepared:
    """Data ready for training: (inputs, wanted) of each part, and what they mean.

    `valid` and `test` are None where no rows were held out. `own_test` says that the test rows are
    another table. `notes` is what encoding came across, `path` whose table it is.
    """

    features: list[Feature]
    target: Target
    train: Rows
    valid: Rows | None
    test: Rows | None
    own_test: bool = False
    notes: Notes = field(default_factory=Notes)
    path: str = ""

    @property
    def inputs(self) -> int:
        """How many numbers the network reads for a row."""
        return int(self.train[0].shape[1])

    def everything(self) -> Rows:
        """All rows of the table: training, validation, and test unless that is another table."""
        held = [self.valid, None if self.own_test else self.test]
        parts = [self.train, *(part for part in held if part is not None)]
        together = (np.concatenate([t.numpy() for t in ts]) for ts in zip(*parts, strict=True))
        return tuple(map(_native.from_numpy, together))


def _pair(inputs: np.ndarray, wanted: np.ndarray) -> Rows:
    return _native.from_numpy(np.ascontiguousarray(inputs)), _native.from_numpy(wanted)


def prepare_digits() -> Prepared:
    """The digits in their fixed split; all pixels are standardised alike."""
    parts = {name: digits_table(name) for name in ("train", "valid", "test")}
    rows = np.arange(len(parts["train"]))
    features = fit_features(parts["train"], "digit", [], rows, shared=True)
    target = Target("digit", [str(digit) for digit in range(10)], of_numbers=True)
    pairs = [
        _pair(encode_inputs(part, features, Notes()), encode_target(part, target))
        for part in parts.values()
    ]
    return Prepared(features, target, pairs[0], pairs[1], pairs[2], path="digits")


def split_rows(
    count: int, fraction: float, seed: int, classes: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(train, valid, test) row numbers: `fraction` of the rows each for the latter two.

    With `classes` every part has its share of each class, as far as whole rows allow.
    """
    held_out = max(1, round(count * fraction))
    order = spread(count, seed, classes)
    test, valid, train = np.split(order, [held_out, 2 * held_out])
    return np.sort(train), np.sort(valid), np.sort(test)


def split_off(
    count: int, number: int, seed: int, classes: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """(the others, `number` rows), in order; with `classes` both have their share of each."""
    taken, others = np.split(spread(count, seed, classes), [number])
    return np.sort(others), np.sort(taken)


def spread(count: int, seed: int, classes: np.ndarray | None) -> np.ndarray:
    """A random order, every stretch of which has its share of each class."""
    generator = _native.Generator()
    generator.manual_seed(seed)
    order = _native.randperm(count, generator=generator).numpy()
    if classes is not None:
        place = np.empty(count)
        for label in np.unique(classes):
            members = np.flatnonzero(classes[order] == label)
            place[members] = (np.arange(len(members)) + 0.5) / len(members)
        order = order[np.argsort(place, kind="stable")]
    return order


def _parts(
    table: Table, fraction: float, seed: int, classes: np.ndarray | None, own_test: bool
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Which rows are for training, validation and test; None: nothing is held out for it."""
    count = len(table)
    if fraction == 0:
        return np.arange(count), None, None
    held_out = max(1, round(count * fraction))
    left = count - held_out * (1 if own_test else 2)
    if left < 2:
        test = "" if own_test else f"{held_out} for the test, "
        raise TabularError(
            f"{table.path}: {count} rows are too few: {held_out} are held out for validation, "
            f"{test}and at least 2 must be left to train on"
        )
    if own_test:
        return (*split_off(count, held_out, seed, classes), None)
    return split_rows(count, fraction, seed, classes)


def prepare_table(
    table: Table,
    target: str | Sequence[str] | None = None,
    task: str | None = None,
    drop: Sequence[str] = (),
    valid_fraction: float = 0.15,
    seed: int = 0,
    *,
    test: Table | None = None,
    treatment: Treatment | None = None,
    parts: tuple[np.ndarray, np.ndarray | None, np.ndarray | None] | None = None,
    weight: str | None = None,
) -> Prepared:
    """A user's table: the target is found, the rows split, the columns encoded.

    Args:
      target: a column, or several of numbers (`a,b`, or a sequence of names); may be None for an
        NPZ archive with an array "y".
      task: "classification" or "regression", or None to tell from the column.
      drop: columns to leave out.
      valid_fraction: the share of rows held out for validation, and again for the test; 0 for none.
      seed: what the split is drawn from.
      test: a table of test rows, for which none are held out then.
      treatment: what becomes of missing and stray cells.
      parts: the training, validation and test rows, instead of drawn ones.
      weight: a column of what each row counts, in training and in scores; no input.

    TabularError if a table does not fit.
    """
    name = target
    if name is None and table.lines is None and "y" in table.columns:
        name = "y"
    if name is None:
        raise TabularError(f"{table.path}: name the column to predict", "target", "COLUMN")
    wanted_of = fit_target(table, name, task)
    classes = None if wanted_of.classes is None else encode_target(table, wanted_of)
    parts = parts or _parts(table, valid_fraction, seed, classes, test is not None)
    if wanted_of.classes is None:
        scale_target(table, wanted_of, parts[0])
    if weight in wanted_of.names:
        raise TabularError(f"{quoted(weight)} is the column that is predicted")
    weights = None if weight is None else _weights(table, weight)
    if weight is not None:
        drop = [*drop, weight]
    features = fit_features(table, wanted_of.names, drop, parts[0], treatment=treatment)
    wanted = encode_target(table, wanted_of)
    notes = Notes()
    pairs = [
        None if rows is None else _pair(encode_inputs(table, features, notes, rows), wanted[rows])
        for rows in parts
    ]
    if weights is not None:
        pairs = [
            pair if pair is None or rows is None else (*pair, _of_mean_one(table, weights[rows]))
            for pair, rows in zip(pairs, parts, strict=True)
        ]
    if test is not None:
        pairs[2] = _test_rows(test, features, wanted_of, notes)
    assert pairs[0] is not None
    return Prepared(
        features, wanted_of, pairs[0], pairs[1], pairs[2], test is not None, notes, table.path
    )


def _weights(table: Table, name: str) -> np.ndarray:
    """(rows,), none below 0."""
    column = table.column(name)
    if column.text_rows:
        raise table.no_number(column.text_rows[0], column)
    table.check_present(column, column.missing_rows)
    table.check_finite(column)
    below = np.flatnonzero(column.numbers < 0)
    if len(below):
        row = int(below[0])
        raise TabularError(
            f"{table.where(row, column)}: {quoted(column.cell(row))}: a weight is at least 0"
        )
    return column.numbers


def _of_mean_one(table: Table, weights: np.ndarray) -> Tensor:
    mean = float(weights.mean())
    if mean == 0:
        raise TabularError(f"{table.path}: of one part of the rows all weights are 0")
    return _native.from_numpy((weights / mean).astype(np.float32))


def _test_rows(table: Table, features: list[Feature], target: Target, notes: Notes) -> Rows:
    for name in target.names:
        column = table.column(name)
        if target.classes is None and column.text_rows:
            raise table.no_number(column.text_rows[0], column)
        missing = column.missing_rows if not column.text_rows else column.empty_rows
        table.check_present(column, missing)
    wanted = encode_target(table, target)
    if target.classes is not None and (wanted < 0).any():
        row = int(np.flatnonzero(wanted < 0)[0])
        raise TabularError(
            f"{table.where(row, column)}: {quoted(column.cell(row))} is none of the classes of the "
            "training table"
        )
    return _pair(encode_inputs(table, features, notes), wanted)
