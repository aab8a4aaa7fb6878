"""`wengert predict`."""

from __future__ import annotations

import argparse
import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

import wengert as wg

from .._files import atomic_write
from .._native import Tensor
from ..tabular import Model, Notes, Table, TabularError, load_model
from ..tabular.errors import file_error, quoted
from ..tabular.reader import read_blocks
from ..tabular.table import DIGITS, Column, digits_table
from ..tabular.targets import label_numbers
from .outputs import Output, check_outputs, complain

ROWS = 8192  # of a block


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


def _csv(rows: Iterable[Iterable[str]]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


@contextmanager
def _answer(path: str | None, output: Output) -> Iterator[Callable[[str], None]]:
    """Where the answer is written to. A file is not there before all of it is."""
    if path is None:
        yield output.data
        return

    def write(text: str) -> None:
        file.write(text.encode("utf-8", "surrogateescape"))

    try:
        with atomic_write(path) as file:
            yield write
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


def _tables(args: argparse.Namespace, model: Model) -> Iterator[Table]:
    """The table in blocks of as many rows as `predict_all` takes at once: the same sums."""
    if args.data == DIGITS and not Path(DIGITS).is_file():
        yield digits_table("test")
        return
    for table in read_blocks(args.data, [*model.columns_of_texts(), *args.id], args.encoding, ROWS):
        for name in args.id:
            table.column(name)
            if name in model.target.names:
                raise TabularError(f"--id {name}: this is the column that is predicted")
        yield table


def _predict(
    args: argparse.Namespace,
    model: Model,
    notes: Notes,
    score: _Score,
    write: Callable[[str], None],
) -> None:
    """Writes the answer block by block; `notes` and `score` take in what is found on the way."""
    done = 0
    # What is not seen before it is whole needs no word on how far it came.
    seen = args.output is None or (os.path.exists(args.output) and not os.path.isfile(args.output))
    try:
        for table in _tables(args, model):
            outputs = model.outputs(table, notes)
            header, columns = _cells_of(model, outputs, args.proba)
            ids = [table.columns[name].cells() for name in args.id]
            head = [] if done else [[*args.id, *header]]
            write(_csv([*head, *zip(*ids, *columns, strict=True)]))
            score.add(table, outputs)
            done += len(table)
    except TabularError as error:
        if done and seen:
            raise TabularError(
                f"{error} (the predictions of the {done} rows before are written)", error.argument,
                error.value,
            ) from None  # fmt: skip
        raise


def run(args: argparse.Namespace) -> int:
    check_outputs([args.model, args.data], [args.output])
    model = load_model(args.model)
    if args.proba and model.target.classes is None:
        raise TabularError(f"{args.model}: predicts a number; --proba is for classes")
    if args.threads is not None:
        wg.set_num_threads(args.threads)
    if args.lenient:
        model.features = [replace(feature, lenient=True) for feature in model.features]
    notes, score = Notes(), _Score(model)
    with _answer(args.output, Output()) as write:
        _predict(args, model, notes, score, write)
    _tell(notes, args.data)
    for line in score.lines():
        complain(line)
    return 0
