"""`wengert predict`."""

from __future__ import annotations

import argparse
import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np

import wengert as wg

from .._files import atomic_write
from .._native import Tensor
from ..tabular import Model, Notes, Table, TabularError, load_model, read_table
from ..tabular.errors import file_error, quoted
from ..tabular.table import DIGITS, Column, digits_table
from ..tabular.targets import label_numbers
from .outputs import Output, check_outputs, complain


def _cells_of(model: Model, outputs: Tensor, proba: bool) -> tuple[list[str], list[list[str]]]:
    """(header, columns of cells) of the answer. Numbers are written so that they read the same."""
    target = model.target
    if target.classes is None:
        values = model.decode(outputs).reshape(len(outputs), -1)
        return target.names, [[repr(value) for value in column] for column in values.T.tolist()]
    labels = model.decode(outputs).tolist()
    if not proba:
        return [target.name], [labels]
    header = [target.name] + [f"proba_{name}" for name in target.classes]
    shares = wg.softmax(outputs, 1).numpy()
    columns = [[str(share) for share in column] for column in shares.T]
    return header, [labels, *columns]


def _write(header: list[str], columns: list[list[str]], path: str | None, output: Output) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(zip(*columns, strict=True))
    if path is None:
        output.data(stream.getvalue())
        return
    try:
        with atomic_write(path) as file:
            file.write(stream.getvalue().encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise file_error(path, error) from None


class _Score:
    """How the predictions compare with the table's own columns of that name, if it has them.

    Only columns that are filled: every cell a number, or a label.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._rows = 0
        self._hits = 0
        self._squares = dict.fromkeys(model.target.names, 0.0)
        self._texts = self._missing = self._empty = False  # seen in the column of labels

    def add(self, table: Table, outputs: Tensor) -> None:
        """More rows, and what the network said of them."""
        self._rows += len(table)
        target = self._model.target
        if target.classes is not None:
            self._add_labels(table.columns.get(target.name), outputs)
            return
        values = self._model.decode(outputs).reshape(len(table), -1)
        for name, predicted in zip(target.names, values.T, strict=True):
            column = table.columns.get(name)
            if column is None or column.text_rows or not np.isfinite(column.numbers).all():
                self._squares.pop(name, None)
            elif name in self._squares:
                self._squares[name] += float(((predicted - column.numbers) ** 2).sum())

    def _add_labels(self, column: Column | None, outputs: Tensor) -> None:
        if column is None:
            self._empty = self._missing = True
            return
        self._texts = self._texts or bool(column.text_rows)
        self._missing = self._missing or bool(column.missing_rows)
        self._empty = self._empty or bool(column.empty_rows)
        right = label_numbers(self._model.target, column) == outputs.argmax(1).numpy()
        self._hits += int(right.sum())

    def lines(self) -> list[str]:
        """What is to be said."""
        target, rows = self._model.target, self._rows
        if target.classes is not None:
            if self._empty if self._texts else self._missing:
                return []
            return [f"accuracy {100 * self._hits / rows:.2f} % on {rows} rows"]
        return [
            f"{f'{quoted(name)}: ' if target.several else ''}RMSE {(squares / rows) ** 0.5:.6g} on "
            f"{rows} rows"
            for name, squares in self._squares.items()
        ]


def _tell(notes: Notes, path: str) -> None:
    for note in notes.unknown:
        complain(f"wengert: note: {note}")
    if notes.filled:
        complain(f"wengert: note: {path}: {notes.filled_line()}")
    if notes.far_out:
        complain(
            f"wengert: note: {path}: {notes.far_out} values lie far outside what the model "
            "was trained on; are they in the same unit?"
        )


def _table(args: argparse.Namespace, model: Model) -> Table:
    if args.data == DIGITS and not Path(DIGITS).is_file():
        return digits_table("test")
    table = read_table(args.data, [*model.columns_of_texts(), *args.id], args.encoding)
    for name in args.id:
        table.column(name)
        if name in model.target.names:
            raise TabularError(f"--id {name}: this is the column that is predicted")
    return table


def run(args: argparse.Namespace) -> int:
    check_outputs([args.model, args.data], [args.output])
    model = load_model(args.model)
    if args.proba and model.target.classes is None:
        raise TabularError(f"{args.model}: predicts a number; --proba is for classes")
    if args.threads is not None:
        wg.set_num_threads(args.threads)
    if args.lenient:
        model.features = [replace(feature, lenient=True) for feature in model.features]
    output, notes = Output(), Notes()
    table = _table(args, model)
    outputs = model.outputs(table, notes)
    header, columns = _cells_of(model, outputs, args.proba)
    ids = [table.columns[name].cells() for name in args.id]
    _write([*args.id, *header], [*ids, *columns], args.output, output)
    _tell(notes, table.path)
    score = _Score(model)
    score.add(table, outputs)
    for line in score.lines():
        complain(line)
    return 0
