"""From a table to the tensors of a training: target, split, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from .. import _native
from .._native import Tensor
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
from .errors import TabularError
from .table import Table, digits_table

Rows: TypeAlias = tuple[Tensor, Tensor]  # inputs (rows, inputs), wanted (rows,)


@dataclass
class Prepared:
    """Data ready for training: (inputs, wanted) of each part, and what they mean."""

    features: list[Feature]
    target: Target
    train: Rows
    valid: Rows
    test: Rows


def _pair(inputs: np.ndarray, wanted: np.ndarray) -> Rows:
    return _native.from_numpy(np.ascontiguousarray(inputs)), _native.from_numpy(wanted)


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
    generator = _native.Generator()
    generator.manual_seed(seed)
    order = _native.randperm(count, generator=generator).numpy()
    if classes is not None:
        place = np.empty(count)
        for label in np.unique(classes):
            members = np.flatnonzero(classes[order] == label)
            place[members] = (np.arange(len(members)) + 0.5) / len(members)
        order = order[np.argsort(place, kind="stable")]
    test, valid, train = np.split(order, [held_out, 2 * held_out])
    return np.sort(train), np.sort(valid), np.sort(test)


def prepare_table(
    table: Table,
    target: str | None = None,
    task: str | None = None,
    drop: Sequence[str] = (),
    valid_fraction: float = 0.15,
    seed: int = 0,
) -> Prepared:
    """A user's table: the target is found, the rows split, the columns encoded.

    `target` may be None for an NPZ archive with an array "y"; `task` is "classification" or
    "regression", or None to tell from the column. TabularError if the table does not fit.
    """
    name = target
    if name is None and table.lines is None and "y" in table.columns:
        name = "y"
    if name is None:
        raise TabularError(f"{table.path}: name the column to predict", "target", "COLUMN")
    wanted_of = fit_target(table, name, task)
    count = len(table)
    held_out = max(1, round(count * valid_fraction))
    if count - 2 * held_out < 2:
        raise TabularError(
            f"{table.path}: {count} rows are too few: {held_out} are held out for validation, "
            f"{held_out} for the test, and at least 2 must be left to train on"
        )
    classes = None if wanted_of.classes is None else encode_target(table, wanted_of)
    parts = split_rows(count, valid_fraction, seed, classes)
    if wanted_of.classes is None:
        scale_target(table, wanted_of, parts[0])
    features = fit_features(table, name, drop, parts[0])
    inputs = encode_inputs(table, features, Notes())
    wanted = encode_target(table, wanted_of)
    pairs = [_pair(inputs[rows], wanted[rows]) for rows in parts]
    return Prepared(features, wanted_of, pairs[0], pairs[1], pairs[2])
