"""`wengert predict`."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path

import numpy as np

import wengert as wg

from .._files import atomic_write
from .._native import Tensor
from ..tabular import Model, Notes, Table, TabularError, encode_inputs, load_model, read_table
from ..tabular.encode import class_labels
from ..tabular.errors import file_error
from ..tabular.table import DIGITS, digits_table
from ..tabular.training import predict_all
from .outputs import check_outputs


def _rows_of(model: Model, outputs: Tensor, proba: bool) -> tuple[list[str], list[list[str]]]:
    """(header, cells) of the answer."""
    target = model.target
    if target.classes is None:
        values = outputs.squeeze(1).numpy().astype(np.float64) * target.std + target.mean
        return [target.name], [[f"{value:.7g}"] for value in values]
    labels = [target.classes[i] for i in outputs.argmax(1).tolist()]
    if not proba:
        return [target.name], [[label] for label in labels]
    shares = wg.softmax(outputs, 1).tolist()
    header = [target.name] + [f"proba_{name}" for name in target.classes]
    rows = [
        [label, *(f"{share:.6f}" for share in row)]
        for label, row in zip(labels, shares, strict=True)
    ]
    return header, rows


def _write(header: list[str], rows: list[list[str]], path: str | None) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    if path is None:
        sys.stdout.write(stream.getvalue())
        sys.stdout.flush()
        return
    try:
        with atomic_write(path) as file:
            file.write(stream.getvalue().encode())
    except OSError as error:
        raise file_error(path, error) from None


def _score(model: Model, table: Table, rows: list[list[str]]) -> str | None:
    """How the predictions compare with the table's own target column, if it is filled."""
    column = table.columns.get(model.target.name)
    if column is None or column.missing_rows:
        return None
    if model.target.classes is None:
        if not column.is_numeric:
            return None
        error = np.array([float(row[0]) for row in rows]) - column.numbers
        return f"RMSE {float(np.sqrt((error**2).mean())):.6g} on {len(rows)} rows"
    hits = sum(row[0] == label for row, label in zip(rows, class_labels(column), strict=True))
    return f"accuracy {100 * hits / len(rows):.2f} % on {len(rows)} rows"


def run(args: argparse.Namespace) -> int:
    check_outputs([args.model, args.data], [args.output])
    model = load_model(args.model)
    if args.proba and model.target.classes is None:
        raise TabularError(f"{args.model}: predicts a number; --proba is for classes")
    if args.threads is not None:
        wg.set_num_threads(args.threads)
    digits = args.data == DIGITS and not Path(DIGITS).is_file()
    table = digits_table("test") if digits else read_table(args.data)
    notes = Notes()
    inputs = wg.from_numpy(encode_inputs(table, model.features, notes))
    header, rows = _rows_of(model, predict_all(model.network, inputs), args.proba)
    _write(header, rows, args.output)
    for note in notes.unknown:
        print(f"wengert: note: {note}", file=sys.stderr)
    if notes.far_out:
        print(
            f"wengert: note: {table.path}: {notes.far_out} values lie far outside what the model "
            "was trained on; are they in the same unit?",
            file=sys.stderr,
        )
    score = _score(model, table, rows)
    if score:
        print(score, file=sys.stderr)
    return 0
