"""From the column to predict to what a loss compares, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .errors import TabularError, quoted
from .features import FEW_NUMBERS, Json, looks_like, stray_cells, stray_error
from .table import Column, Table, number_of, written


@dataclass
class Target:
    """What is predicted: one of `classes`, or a number that was standardised, or several of these.

    `of_numbers`: the classes are numbers, which are the same however they are written (1, 1.0).
    `several` are the numbers that are predicted together, each with its own mean and deviation.
    """

    name: str
    classes: list[str] | None = None
    mean: float = 0.0
    std: float = 1.0
    of_numbers: bool = False
    outputs: int = 1  # numbers
    several: list[Target] = field(default_factory=list)

    @property
    def task(self) -> str:
        return "regression" if self.classes is None else "classification"

    @property
    def width(self) -> int:
        return self.outputs if self.classes is None else len(self.classes)

    @property
    def each(self) -> list[Target]:
        """The targets one by one; a single one is itself."""
        return self.several or [self]

    @property
    def names(self) -> list[str]:
        """The columns that are predicted."""
        return [target.name for target in self.each]

    def centres(self) -> np.ndarray:
        """float64 (targets,): the means of the numbers."""
        return np.array([target.mean for target in self.each])

    def scales(self) -> np.ndarray:
        """float64 (targets,): the deviations of the numbers."""
        return np.array([target.std for target in self.each])

    def to_json(self) -> Json:
        if self.several:
            return {"name": self.name, "several": [target.to_json() for target in self.several]}
        if self.classes is not None:
            return {"name": self.name, "classes": self.classes, "of_numbers": self.of_numbers}
        return {"name": self.name, "mean": self.mean, "std": self.std}

    @classmethod
    def from_json(cls, data: Json, task: str) -> Target:
        if task == "classification":
            classes = [str(label) for label in data["classes"]]
            numbers = data.get("of_numbers", all(number_of(label) is not None for label in classes))
            return cls(str(data["name"]), classes, of_numbers=bool(numbers))
        if "several" in data:
            return together([cls.from_json(each, task) for each in data["several"]])
        return cls(str(data["name"]), None, float(data["mean"]), float(data["std"]))


def together(targets: list[Target]) -> Target:
    """Several numbers as one target. ValueError for fewer than two, or the same one twice."""
    names = [target.name for target in targets]
    if len(set(names)) < max(2, len(names)):
        raise ValueError(f"targets {names}")
    return Target(", ".join(names), outputs=len(targets), several=targets)


def target_names(table: Table, target: str | Sequence[str]) -> list[str]:
    """The columns that `a,b` or a sequence names. TabularError if there is no such column.

    A column whose name has a comma in it is that column.
    """
    if isinstance(target, str):
        parts = [part.strip() for part in target.split(",") if part.strip()]
        names = [target] if target in table.columns or len(parts) < 2 else parts
    else:
        names = list(target)
    if not names:
        raise TabularError(f"{table.path}: name the column to predict", "target", "COLUMN")
    for name in names:
        table.column(name)
        if names.count(name) > 1:
            raise TabularError(f"{quoted(name)} is named twice among the columns to predict")
    return names


def fit_target(table: Table, name: str | Sequence[str], task: str | None) -> Target:
    """What to predict: classes, or a number. `task` None finds it from the column.

    Texts, or few different whole numbers, are classes; other numbers are regression. Several
    columns (`a,b`, or a sequence of names) are numbers that are predicted together.
    The mean and deviation of a number are set by `scale_target`.
    """
    names = target_names(table, name)
    if len(names) == 1:
        return _fit_one(table, names[0], task)
    if task == "classification":
        raise TabularError(
            f"{len(names)} columns to predict: several are predicted as numbers only; for classes "
            "train a model for each"
        )
    targets = [_fit_one(table, each, task) for each in names]
    for target in targets:
        if target.classes is not None:
            raise _no_mixture(table, target)
    return together(targets)


def _no_mixture(table: Table, target: Target) -> TabularError:
    start = f"{table.path}, column {quoted(target.name)}: "
    if target.of_numbers:
        return TabularError(
            f"{start}{target.width} different whole numbers, which are taken for classes; several "
            "columns are predicted as numbers only",
            "task",
            "regression",
        )
    label = (target.classes or [""])[0]
    return TabularError(
        f"{start}holds classes (such as {quoted(label)}); several columns are predicted as numbers "
        "only, so train a model of its own for this one"
    )


def _fit_one(table: Table, name: str, task: str | None) -> Target:
    column = table.column(name)
    of_numbers = is_of_numbers(column)
    stray = stray_cells(column)
    if stray and task != "classification":
        raise stray_error(table, column, stray)
    if task == "regression" and column.text_rows:
        raise _no_regression(table, column)
    missing = column.missing_rows if not column.text_rows else column.empty_rows
    table.check_present(column, missing)
    if not column.text_rows:
        table.check_finite(column)
    names = _names(column, of_numbers)
    if len(names) == 1:
        raise TabularError(
            f"{table.path}, column {quoted(name)}: every row holds {quoted(names[0])}; "
            "there is nothing to learn"
        )
    if task is None:
        task = _guess_task(table, column, of_numbers, len(names))
    if task == "regression":
        return Target(name)
    if len(names) > max(FEW_NUMBERS, len(table) // 2):
        raise _too_many(table, column, names)
    return Target(name, sorted(names, key=_label_order), of_numbers=of_numbers)


def is_of_numbers(column: Column) -> bool:
    """Whether labels are numbers, and not texts such as 007 or more digits than a float holds."""
    return column.is_numeric and column.wide_row is None


def _names(column: Column, of_numbers: bool) -> list[str]:
    """The different labels; of one number the way it is written first."""
    if not of_numbers:
        return list(dict.fromkeys(column.cells()))
    _, first = np.unique(column.numbers, return_index=True)
    if column.texts is None:
        return [written(float(value)) for value in column.numbers[first]]
    return [column.texts[row] for row in first.tolist()]


def _no_regression(table: Table, column: Column) -> TabularError:
    row = column.text_rows[0]
    kind = looks_like(column.texts or [])
    return TabularError(
        f"{table.where(row, column)}: {quoted(column.cell(row))} is not a number"
        f"{f' (the column is taken for {kind})' if kind else ''}; regression needs numbers"
    )


def _too_many(table: Table, column: Column, names: list[str]) -> TabularError:
    kind = looks_like(names)
    meant = {
        "": "",
        "dates": "; dates are not predicted: give a number, such as days, or parts of the date",
    }.get(kind, "; write plain numbers for regression")
    taken = f" are taken for {kind}, and" if kind else ""
    return TabularError(
        f"{table.path}, column {quoted(column.name)}: {len(names)} different values in "
        f"{len(table)} rows (such as {quoted(names[0])}){taken} are too many for classes{meant}"
    )


def _guess_task(table: Table, column: Column, of_numbers: bool, distinct: int) -> str:
    count = len(table)
    if column.is_numeric:
        whole = bool((column.numbers == np.floor(column.numbers)).all())
        few = distinct <= min(FEW_NUMBERS, max(2, count // 4))
        return "classification" if whole and few else "regression"
    return "classification"


def _label_order(label: str) -> tuple[int, float, str]:
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def scale_target(table: Table, target: Target, train: np.ndarray) -> None:
    """Standardises a regression target by the rows `train`. TabularError if it is too large."""
    if target.several:
        for each in target.several:
            scale_target(table, each, train)
        return
    column = table.column(target.name)
    values = column.numbers[train]
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = float(values.mean()), float(values.std())
        reach = np.abs(column.numbers - mean).max()
    if not np.isfinite(std) or not np.isfinite(reach) or reach > 1e30 * (std or 1.0):
        row = int(np.abs(column.numbers).argmax())
        raise TabularError(f"{table.where(row, column)}: {quoted(column.cell(row))} is too large")
    constant = std <= 1e-12 * abs(mean)
    target.mean, target.std = mean, 1.0 if constant else std


def label_numbers(target: Target, column: Column) -> np.ndarray:
    """The class of each row, int64; -1 for a label that is none of the target's."""
    classes = target.classes or []
    if target.of_numbers:
        values = [number_of(label) for label in classes]
        order = {value: i for i, value in enumerate(values)}
        return np.array([order.get(value, -1) for value in column.numbers.tolist()], np.int64)
    position = {label: i for i, label in enumerate(classes)}
    return np.array([position.get(label, -1) for label in column.cells()], np.int64)


def encode_target(table: Table, target: Target) -> np.ndarray:
    """int64 class numbers (-1: no known class), or float32 standardised values, (rows,).

    Of several numbers (rows, targets).
    """
    if target.several:
        return np.stack([encode_target(table, each) for each in target.several], 1)
    column = table.column(target.name)
    if target.classes is None:
        return ((column.numbers - target.mean) / target.std).astype(np.float32)
    return label_numbers(target, column)
