"""Which rows are trained on, and which a network is scored on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .errors import TabularError, quoted
from .prepare import split_off, spread
from .table import Column, Table

Parts3 = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]  # train, valid, test rows


@dataclass(frozen=True)
class Splitting:
    """How rows are told apart.

    Rows with the same cell in the column `group` stay on one side. With `time` rows are scored that
    come after those that were trained on. Both columns are no inputs.
    """

    fraction: float = 0.15
    seed: int = 0
    group: str | None = None
    time: str | None = None

    def columns(self) -> list[str]:
        return [name for name in (self.group, self.time) if name is not None]


def moments(table: Table, name: str) -> np.ndarray:
    """The numbers that rows are in order of: of a column of numbers, or of dates as texts."""
    from .dates import date_numbers, date_order

    column = table.column(name)
    rows = column.missing_rows if not column.text_rows else column.empty_rows
    table.check_present(column, rows)
    if column.is_numeric:
        return column.numbers
    order = date_order(column.cells())
    if order is None:
        row = column.text_rows[0] if column.text_rows else 0
        raise TabularError(
            f"{table.where(row, column)}: {quoted(column.cell(row))} is neither a number nor a date"
        )
    return date_numbers(column.cells(), order)


def groups(column: Column) -> np.ndarray:
    """A number for each different cell."""
    if column.is_numeric:
        return np.unique(column.numbers, return_inverse=True)[1].reshape(-1)
    position: dict[str, int] = {}
    return np.array([position.setdefault(text, len(position)) for text in column.cells()])


class Splitter:
    """Parts of the rows of a table; `classes` are the class numbers, or None for regression."""

    def __init__(self, table: Table, how: Splitting, classes: np.ndarray | None) -> None:
        if how.group is not None and how.time is not None:
            raise TabularError("rows are split by groups or by time, not by both", "group")
        self._path, self._how, self._classes = table.path, how, classes
        self.regression = classes is None
        self._count = len(table)
        self._order = None if how.time is None else np.argsort(
            moments(table, how.time), kind="stable")  # fmt: skip
        self._groups = None if how.group is None else groups(table.column(how.group))

    def once(self) -> Parts3:
        """Training, validation and test rows."""
        rest, test = self._split(np.arange(self._count), self._how.seed)
        train, valid = self._split(rest, self._how.seed + 1, self._count)
        return train, valid, test

    def folds(self, count: int) -> Iterator[Parts3]:
        """`count` times other test rows: together all rows, or with `time` all but the earliest."""
        if self._order is not None:
            blocks = np.array_split(self._order, count + 1)
            if not all(map(len, blocks)):
                raise self._too_few(count + 1, "rows")
            for index in range(1, count + 1):
                rest = np.sort(np.concatenate(blocks[:index]))
                yield (*self._split(rest, 0), np.sort(blocks[index]))
            return
        fold_of = self._fold_numbers(count)
        for index in range(count):
            rest = np.flatnonzero(fold_of != index)
            test = np.flatnonzero(fold_of == index)
            yield (*self._split(rest, self._how.seed + index), test)

    def _fold_numbers(self, count: int) -> np.ndarray:
        found = np.empty(self._count, np.int64)
        if self._groups is None:
            if count > self._count:
                raise self._too_few(count, "rows")
            order = spread(self._count, self._how.seed, self._classes)
            # Every stretch of the order has its share of each class.
            for index, rows in enumerate(np.array_split(order, count)):
                found[rows] = index
            return found
        sizes = np.bincount(self._groups)
        if len(sizes) < count:
            raise self._too_few(count, "groups")
        filled, fold = np.zeros(count), np.empty(len(sizes), np.int64)
        shuffled = spread(len(sizes), self._how.seed, None)
        for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
            fold[group] = filled.argmin()
            filled[fold[group]] += sizes[group]
        return fold[self._groups]

    def _too_few(self, count: int, what: str) -> TabularError:
        return TabularError(f"{self._path}: {count} parts asked for, there are too few {what}")

    def _split(
        self, rows: np.ndarray, seed: int, of: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(the others, those held out) of `rows`: the share `fraction` of `of` rows."""
        number = max(1, round((of or len(rows)) * self._how.fraction))
        if len(rows) - number < 2:
            raise TabularError(
                f"{self._path}: {self._count} rows are too few to hold {number} out of {len(rows)}"
            )
        if self._order is not None:
            ordered = self._order[np.isin(self._order, rows)]
            return np.sort(ordered[:-number]), np.sort(ordered[-number:])
        if self._groups is not None:
            return self._split_groups(rows, number, seed)
        classes = None if self._classes is None else self._classes[rows]
        kept, held = split_off(len(rows), number, seed, classes)
        return rows[kept], rows[held]

    def _split_groups(
        self, rows: np.ndarray, number: int, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        assert self._groups is not None
        present = np.unique(self._groups[rows])
        if len(present) < 2:
            raise self._too_few(2, "groups")
        held: list[int] = []
        taken = 0
        for index in spread(len(present), seed, None)[: len(present) - 1]:
            size = int((self._groups[rows] == present[index]).sum())
            if taken and taken + size > 1.5 * number:
                continue
            held.append(int(present[index]))
            taken += size
            if taken >= number:
                break
        inside = np.isin(self._groups[rows], held)
        return rows[~inside], rows[inside]
