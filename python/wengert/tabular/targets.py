"""From the column to predict to what a loss compares, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import TabularError, quoted
from .features import FEW_NUMBERS, Json, looks_like, stray_cells, stray_error
from .table import Column, Table, number_of, written


@dataclass
class Target:
    """What is predicted: one of `classes`, or a number that was standardised.

    `of_numbers`: the classes are numbers, which are the same however they are written (1, 1.0).
    """

    name: str
    classes: list[str] | None = None
    mean: float = 0.0
    std: float = 1.0
    of_numbers: bool = False
    outputs: int = 1  # numbers

    @property
    def task(self) -> str:
        return "regression" if self.classes is None else "classification"

    @property
    def width(self) -> int:
        return self.outputs if self.classes is None else len(self.classes)

    def to_json(self) -> Json:
        if self.classes is not None:
            return {"name": self.name, "classes": self.classes, "of_numbers": self.of_numbers}
        return {"name": self.name, "mean": self.mean, "std": self.std}

    @classmethod
    def from_json(cls, data: Json, task: str) -> Target:
        if task == "classification":
            classes = [str(label) for label in data["classes"]]
            numbers = data.get("of_numbers", all(number_of(label) is not None for label in classes))
            return cls(str(data["name"]), classes, of_numbers=bool(numbers))
        return cls(str(data["name"]), None, float(data["mean"]), float(data["std"]))


def fit_target(table: Table, name: str, task: str | None) -> Target:
    """What to predict: classes, or a number. `task` None finds it from the column.

    Texts, or few different whole numbers, are classes; other numbers are regression.
    The mean and deviation of a number are set by `scale_target`.
    """
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
    """int64 class numbers (-1: no known class), or float32 standardised values, (rows,)."""
    column = table.column(target.name)
    if target.classes is None:
        return ((column.numbers - target.mean) / target.std).astype(np.float32)
    return label_numbers(target, column)
