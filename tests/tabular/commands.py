"""Tables in files, and commands on them."""

import csv
import io

import numpy as np

from wengert.cli import main


def run(capsys, *args):
    """(exit status, stdout, stderr) of one command."""
    try:
        code = main([str(arg) for arg in args])
    except SystemExit as stop:  # argparse
        code = stop.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def write(name, columns):
    """A CSV file of columns by name, or of a text."""
    if isinstance(columns, dict):
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        columns = stream.getvalue()
    data = columns if isinstance(columns, bytes) else columns.encode()
    with open(name, "wb") as file:
        file.write(data)
    return name


def numbers(count=120, seed=0):
    return np.random.RandomState(seed).randn(count).round(3).tolist()


def signs(values):
    return ["up" if value > 0 else "down" for value in values]


def one_line(err):
    """Whether that is what a user is told of an error."""
    return err.startswith("wengert: error: ") and err.count("\n") == 1
