"""From columns to the numbers a network reads, and from its outputs back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from .errors import TabularError, quoted
from .table import Column, Table

MOST_CATEGORIES = 256  # different texts in one column
MOST_INTEGER_CLASSES = 20  # different whole numbers that are still taken for classes
FAR_OUT = 20.0  # standard deviations

#: An object of a JSON file, as `json` reads it.
Json: TypeAlias = dict[str, Any]


@dataclass
class Feature:
    """How one column becomes inputs: standardised, or one input per category."""

    name: str
    mean: float = 0.0
    std: float = 1.0
    categories: list[str] | None = None

    @property
    def width(self) -> int:
        return 1 if self.categories is None else len(self.categories)

    def to_json(self) -> Json:
        if self.categories is not None:
            return {"name": self.name, "kind": "categorical", "categories": self.categories}
        return {"name": self.name, "kind": "numeric", "mean": self.mean, "std": self.std}

    @classmethod
    def from_json(cls, data: Json) -> Feature:
        if data["kind"] == "categorical":
            return cls(str(data["name"]), categories=[str(text) for text in data["categories"]])
        if data["kind"] != "numeric" or not float(data["std"]) > 0:
            raise ValueError(f"column {data['name']!r}")
        return cls(str(data["name"]), float(data["mean"]), float(data["std"]))


@dataclass
class Target:
    """What is predicted: one of `classes`, or a number that was standardised."""

    name: str
    classes: list[str] | None = None
    mean: float = 0.0
    std: float = 1.0

    @property
    def task(self) -> str:
        return "regression" if self.classes is None else "classification"

    @property
    def width(self) -> int:
        return 1 if self.classes is None else len(self.classes)

    def to_json(self) -> Json:
        if self.classes is not None:
            return {"name": self.name, "classes": self.classes}
        return {"name": self.name, "mean": self.mean, "std": self.std}

    @classmethod
    def from_json(cls, data: Json, task: str) -> Target:
        if task == "classification":
            return cls(str(data["name"]), [str(label) for label in data["classes"]])
        return cls(str(data["name"]), None, float(data["mean"]), float(data["std"]))


@dataclass
class Notes:
    """What encoding a table came across that a user should know."""

    unknown: list[str] = field(default_factory=list)
    far_out: int = 0


# ------------------------------------------------------------------------------ inputs


def fit_features(
    table: Table, target: str, drop: Sequence[str], train: np.ndarray, shared: bool = False
) -> list[Feature]:
    """The features of `table`; means and deviations are those of the rows `train`.

    `shared` standardises all numeric columns alike (pixels).
    """
    for name in drop:
        table.column(name)
    columns = [c for c in table.columns.values() if c.name != target and c.name not in drop]
    if not columns:
        raise TabularError(f"{table.path}: no column is left to predict {quoted(target)} from")
    features = []
    for column in columns:
        table.check_complete(column)
        features.append(_fit_feature(table, column, train))
    if shared:
        values = np.stack([column.numbers[train] for column in columns])
        for feature in features:
            feature.mean, feature.std = float(values.mean()), float(values.std()) or 1.0
    return features


def _fit_feature(table: Table, column: Column, train: np.ndarray) -> Feature:
    if not column.is_numeric:
        return Feature(column.name, categories=_categories(table, column))
    values = column.numbers[train]
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(values.mean()), float(values.std())
    if not np.isfinite(std):
        row = int(np.abs(column.numbers).argmax())
        raise TabularError(f"{table.where(row, column)}: {quoted(column.cell(row))} is too large")
    # Rounding leaves a constant column a deviation of some 1e-16 of its value.
    constant = std <= 1e-12 * abs(mean)
    return Feature(column.name, mean, 1.0 if constant else std)


def _categories(table: Table, column: Column) -> list[str]:
    texts = column.texts or []
    categories = sorted(set(texts))
    if len(categories) <= MOST_CATEGORIES:
        return categories
    row = column.text_rows[0]
    if len(column.text_rows) < len(texts) / 2:
        raise TabularError(f"{table.where(row, column)}: {quoted(texts[row])} is not a number")
    raise TabularError(
        f"{table.where(row, column)}: a column of {len(categories)} different texts, at most "
        f"{MOST_CATEGORIES} can be categories; leave it out",
        "drop",
        column.name,
    )


def encode_inputs(table: Table, features: list[Feature], notes: Notes) -> np.ndarray:
    """float32 (rows, inputs). Raises TabularError for a missing column or cell.

    A text that is not among a column's categories becomes all zeros and a note.
    """
    columns = _match_columns(table, features)
    out = np.zeros((len(table), sum(feature.width for feature in features)), np.float32)
    at = 0
    for feature, column in zip(features, columns, strict=True):
        table.check_complete(column)
        if feature.categories is None:
            if not column.is_numeric:
                row = column.text_rows[0]
                raise TabularError(
                    f"{table.where(row, column)}: {quoted(column.cell(row))} is not a number"
                )
            scaled = (column.numbers - feature.mean) / feature.std
            notes.far_out += int((np.abs(scaled) > FAR_OUT).sum())
            with np.errstate(over="ignore"):
                out[:, at] = np.clip(scaled, -1e30, 1e30)
        else:
            _encode_categories(table, column, feature.categories, out[:, at:], notes)
        at += feature.width
    return out


def _match_columns(table: Table, features: list[Feature]) -> list[Column]:
    missing = [feature.name for feature in features if feature.name not in table.columns]
    if not missing:
        return [table.columns[feature.name] for feature in features]
    # An unnamed matrix of the right width: taken in order.
    matrix = [column for name, column in table.columns.items() if name.endswith("]")]
    if table.lines is None and len(matrix) == len(features) == len(missing):
        return matrix
    table.column(missing[0])
    raise AssertionError("unreachable")


def _encode_categories(
    table: Table, column: Column, categories: list[str], out: np.ndarray, notes: Notes
) -> None:
    position = {text: i for i, text in enumerate(categories)}
    unknown: dict[str, int] = {}
    first = -1
    for row in range(len(table)):
        text = column.cell(row)
        found = position.get(text)
        if found is not None:
            out[row, found] = 1
            continue
        first = row if first < 0 else first
        unknown[text] = unknown.get(text, 0) + 1
    if unknown:
        shown = ", ".join(quoted(text) for text in list(unknown)[:5])
        more = ", ..." if len(unknown) > 5 else ""
        notes.unknown.append(
            f"{table.where(first, column)}: unknown category {shown}{more} "
            f"in {sum(unknown.values())} of {len(table)} rows; treated as none of the known ones"
        )


# ------------------------------------------------------------------------------ target


def fit_target(table: Table, name: str, task: str | None) -> Target:
    """What to predict: classes, or a number. `task` None finds it from the column.

    Texts, or few different whole numbers, are classes; other numbers are regression.
    The mean and deviation of a number are set by `scale_target`.
    """
    column = table.column(name)
    if task == "regression" and not column.is_numeric:
        row = column.text_rows[0]
        raise TabularError(
            f"{table.where(row, column)}: {quoted(column.cell(row))} is not a number; "
            "regression needs numbers"
        )
    table.check_complete(column)
    labels = class_labels(column)
    distinct = set(labels)
    if len(distinct) == 1:
        raise TabularError(
            f"{table.path}, column {quoted(name)}: every row holds {quoted(labels[0])}; "
            "there is nothing to learn"
        )
    if task is None:
        task = _guess_task(table, column, len(distinct))
    if task == "regression":
        return Target(name)
    if len(distinct) > max(MOST_INTEGER_CLASSES, len(labels) // 2):
        raise TabularError(
            f"{table.path}, column {quoted(name)}: {len(distinct)} different values in "
            f"{len(labels)} rows are too many for classes"
        )
    return Target(name, sorted(distinct, key=_label_order))


def _guess_task(table: Table, column: Column, distinct: int) -> str:
    count = len(table)
    if column.is_numeric:
        whole = bool((column.numbers == np.floor(column.numbers)).all())
        few = distinct <= min(MOST_INTEGER_CLASSES, max(2, count // 4))
        return "classification" if whole and few else "regression"
    if distinct > max(MOST_INTEGER_CLASSES, count // 2) and len(column.text_rows) < count / 2:
        row = column.text_rows[0]
        raise TabularError(
            f"{table.where(row, column)}: {quoted(column.cell(row))} is not a number"
        )
    return "classification"


def class_labels(column: Column) -> list[str]:
    """Each row's label; whole numbers read alike however they are written (1, 1.0)."""
    if not column.is_numeric:
        return list(column.texts or [])
    return [str(int(v)) if v == np.floor(v) and abs(v) < 1e15 else repr(float(v))
            for v in column.numbers]  # fmt: skip


def _label_order(label: str) -> tuple[int, float, str]:
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def scale_target(table: Table, target: Target, train: np.ndarray) -> None:
    """Standardises a regression target by the rows `train`."""
    values = table.column(target.name).numbers[train]
    target.mean, target.std = float(values.mean()), float(values.std()) or 1.0


def encode_target(table: Table, target: Target) -> np.ndarray:
    """int64 class numbers (-1: no known class), or float32 standardised values, (rows,)."""
    column = table.column(target.name)
    if target.classes is None:
        return ((column.numbers - target.mean) / target.std).astype(np.float32)
    position = {label: i for i, label in enumerate(target.classes)}
    return np.array([position.get(label, -1) for label in class_labels(column)], np.int64)
