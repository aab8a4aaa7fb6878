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
from ..tabular.errors import file_error
from ..tabular.table import DIGITS, digits_table
from ..tabular.targets import label_numbers
from .outputs import Output, check_outputs, complain


def _cells_of(model: Model, outputs: Tensor, proba: bool) -> tuple[list[str], list[list[str]]]:
    """(header, columns of cells) of the answer. Numbers are written so that they read the same."""
    target = model.target
    if target.classes is None:
        return [target.name], [[repr(value) for value in model.decode(outputs).tolist()]]
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


def _score(model: Model, table: Table, outputs: Tensor) -> str | None:
    """How the predictions compare with the table's own target column, if it is filled."""
    column = table.columns.get(model.target.name)
    if column is None:
        return None
    if model.target.classes is None:
        if column.text_rows or not np.isfinite(column.numbers).all():
            return None
        error = model.decode(outputs) - column.numbers
        return f"RMSE {float(np.sqrt((error**2).mean())):.6g} on {len(table)} rows"
    if column.missing_rows if not column.text_rows else column.empty_rows:
        return None
    hits = int((label_numbers(model.target, column) == outputs.argmax(1).numpy()).sum())
    return f"accuracy {100 * hits / len(table):.2f} % on {len(table)} rows"


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
        if name == model.target.name:
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
    score = _score(model, table, outputs)
    if score:
        complain(score)
    return 0
