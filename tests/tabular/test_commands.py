"""Commands as processes, whatever their output is, and what they say and can be told."""

import csv
import io
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.tabular.commands import numbers, one_line, run, signs, write
from wengert import tabular

pytest.importorskip("safetensors")

X = numbers()
COLUMNS = {"id": [f"r{i}" for i in range(len(X))], "x": X, "y": signs(X)}
TRAIN = ["train", "t.csv", "--target", "y", "--drop", "id"]


def shell(line, **environment):
    """A command line in which `wengert` is this one."""
    line = line.replace("wengert", f"{sys.executable} -m wengert")
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        timeout=120,
        env={**os.environ, **environment},
    )


# ---- outputs that fail

LINE = "wengert train t.csv --target y --drop id --epochs 3"
NEEDS_FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")


@NEEDS_FULL
@pytest.mark.parametrize(
    ("line", "code", "saved"),
    [
        (LINE + " --save m > /dev/full", 2, True),
        (LINE + " > /dev/full", 2, False),
        ("wengert info > /dev/full", 2, False),
        ("wengert --help > /dev/full", 2, False),
        (LINE + " --save /dev/full", 2, False),
        (LINE + " --save m >&-", 0, True),
        (LINE + " --save m 2>&-", 0, True),
        (LINE + " --save m > /dev/full 2> /dev/full", 2, True),
    ],
)
def test_full_and_closed_outputs(here, line, code, saved):
    write("t.csv", COLUMNS)
    found = shell(line)
    assert found.returncode == code, found
    assert b"Traceback" not in found.stderr and b"Exception" not in found.stderr
    assert (here / "m").exists() == saved
    if code and "2> /dev/full" not in line:
        assert one_line(found.stderr.decode()) and b"no space left" in found.stderr


@pytest.mark.parametrize("save", ["", " --save m"])
def test_a_reader_that_goes_away(here, save):
    write("t.csv", COLUMNS)
    epochs = 300 if save else 10**6
    line = f"{LINE.replace('--epochs 3', f'--epochs {epochs}')}{save} | head -n 1"
    found = shell(line + "; exit ${PIPESTATUS[0]}")
    assert (found.returncode, found.stderr) == (141, b"")
    assert (here / "m").exists() == bool(save)


@NEEDS_FULL
def test_predictions_that_nobody_can_read(here, capsys):
    write("t.csv", COLUMNS)
    assert run(capsys, *TRAIN, "--epochs", 1, "--save", "m")[0] == 0
    for line, code in (
        ("wengert predict m t.csv > /dev/full", 2),
        ("wengert predict m t.csv >&-", 2),
        ("wengert predict m t.csv --output /dev/full", 2),
        ("wengert predict m t.csv --output /dev/stdout | tail -n 1 | grep -q -e up -e down", 0),
    ):
        found = shell(line)
        assert found.returncode == code, line
        assert b"Traceback" not in found.stderr
        if code:
            assert one_line(found.stderr.decode())


def test_an_encoding_that_lacks_the_letters(here):
    names = ["größer" if value > 0 else "klein" for value in X]
    write("t.csv", {"x": X, "maß": names})
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
                  "PYTHONIOENCODING": "ascii"}  # fmt: skip
    found = shell("wengert train t.csv --target maß --epochs 2 --save m", PYTHONIOENCODING="ascii")
    assert (found.returncode, found.stderr) == (0, b"")
    assert rb"gr\xf6\xdfer" in found.stdout
    found = shell("wengert predict m t.csv", **ascii_only)
    assert found.returncode == 0 and found.stdout.startswith("maß\n".encode())
    assert "größer".encode() in found.stdout


def start(*args):
    return subprocess.Popen(
        [sys.executable, "-m", "wengert", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sigterm_keeps_the_best_weights(here):
    write("t.csv", COLUMNS)
    process = start(*TRAIN, "--epochs", "1000000", "--save", "m")
    for line in process.stdout:
        if line.startswith("epoch"):
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143 and "interrupted" in err and "Traceback" not in err
    assert "model saved to m" in out and "kept epoch" in out
    assert tabular.load_model("m").predict("t.csv").shape == (len(X),)


# ---- what is said


def test_what_is_decided_is_said(capsys):
    write("t.csv", COLUMNS)
    _, out, err = run(capsys, *TRAIN, "--preset", "plain", "--hidden", "8", "--lr", "0.01",
                        "--label-smoothing", "0.2")  # fmt: skip
    assert err == ""
    assert "hidden 8, lr 0.01, batch size 32, dropout 0.1, weight decay 0.01, seed 0" in out
    assert "columns: 1 of numbers (x)" in out
    least = float(
        re.search(r"label smoothing 0\.2: the training loss is at least ([\d.]+)", out)[1]
    )
    assert least == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1), abs=1e-4)
    losses = [float(loss) for loss in re.findall(r"^epoch .*?loss ([\d.]+)", out, re.M)]
    assert len(losses) <= 102 and min(losses) > least - 0.02
    _, out, _ = run(capsys, "train", "digits", "--epochs", 1)
    assert "label smoothing 0.1: the training loss is at least 0.5003" in out


def test_help_has_the_defaults(capsys):
    text = " ".join(run(capsys, "train", "--help")[1].split())
    digits = tabular.preset(1000, digits=True)
    table, linear = tabular.preset(2000), tabular.preset(1000, linear=True)
    images = tabular.preset(1000, digits=True, model="cnn")
    simple, strong, ensemble = (tabular.preset(2000, name=n)
                                for n in ("simple", "strong", "ensemble"))  # fmt: skip
    number = tabular.preset(2000, name="simple", regression=True)
    for part in (
        f"default {simple.epochs}, strong and ensemble {strong.epochs}, fewer for large tables; "
        f"plain {table.epochs}, more for small tables; digits {digits.epochs}; cnn {images.epochs}",
        "default 128,128,128, 256 each above 50000 rows, strong above 2000, ensemble two of them; "
        "plain 64,64; "
        "digits 256,128; cnn none",
        f"default {simple.lr:g}, for regression {number.lr:g}; plain and ensemble {table.lr:g}; "
        f"plain {linear.lr:g} without hidden layers; cnn {images.lr:g}",
        f"default at most {strong.batch_size}, all alike; plain {table.batch_size}, 64 above 2000 "
        "rows",
        f"default 0; strong {strong.dropout:g}; ensemble {ensemble.dropout:g}; plain "
        f"{table.dropout:g}, 0 without hidden layers; digits {digits.dropout:g}",
        f"default 0; strong {strong.weight_decay:g}; ensemble {ensemble.weight_decay:g}; plain "
        f"and digits {table.weight_decay:g}",
        f"default {simple.label_smoothing:g}; plain and ensemble 0; digits "
        f"{digits.label_smoothing:g}",
        "default fill", "default 0.15", "(default 0)",
    ):  # fmt: skip
        assert part in text


@pytest.mark.parametrize("threads", ["2147483648", "0", "-1", "1.5", "9" * 30, "x"])
def test_threads_beyond_reason(capsys, threads):
    write("t.csv", COLUMNS)
    code, _, err = run(capsys, *TRAIN, "--threads", threads)
    assert code == 2 and "needed a whole number from 1 to 1024" in err


# ---- what can be told


def overlapping(rows=50):
    """Three classes of which a linear border tells some 97 of 100 apart."""
    rng = np.random.RandomState(0)
    spread = np.array([[0.27, 0.09, 0.18, 0.06], [0, 0.09, 0.09, 0.04], [0, 0, 0.2, 0.07],
                       [0, 0, 0, 0.1]])  # fmt: skip
    centres = [[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]]
    values = np.concatenate([c + rng.randn(rows, 4) @ spread * 1.5 for c in centres])
    columns = {name: values[:, i].round(2) for i, name in enumerate("abcd")}
    return {**columns, "kind": np.repeat(["s", "v", "g"], rows)}


@pytest.mark.parametrize("hidden", [(), ("--hidden", "none")])
def test_a_small_table_gets_enough_steps(capsys, hidden):
    write("t.csv", overlapping())
    write("test.csv", {name: values[::2] for name, values in overlapping(400).items()})
    for seed in (0, 1):
        _, out, _ = run(capsys, "train", "t.csv", "--target", "kind", *hidden, "--seed", seed,
                        "--test", "test.csv")  # fmt: skip
        assert float(re.search(r"test accuracy ([\d.]+)", out)[1]) > 94


def test_the_rows_that_are_held_out(capsys):
    write("t.csv", COLUMNS)
    write("more.csv", {"y": ["up", "down"], "x": [5, -5]})
    _, out, _ = run(capsys, *TRAIN, "--test", "more.csv", "--epochs", 40)
    assert "120 rows (102 training, 18 validation), 1 columns" in out
    assert "test: 2 rows of another table" in out and "test accuracy 100.00 %" in out
    _, out, _ = run(capsys, *TRAIN, "--valid-fraction", 0, "--epochs", 5, "--save", "all")
    assert "120 rows (120 training)" in out and "kept epoch 5" in out
    assert "no test: no rows were held out" in out and "validation" not in out
    _, out, _ = run(capsys, *TRAIN, "--refit", "--epochs", 5, "--save", "again")
    assert "test accuracy" in out and "refit on all 120 rows" in out
    _, first, _ = run(capsys, *TRAIN, "--epochs", 5, "--save", "once")
    assert re.search("test accuracy.*", first)[0] == re.search("test accuracy.*", out)[0]
    weights = {name: tabular.load_model(name).network.state_dict()["layers.0.weight"].tolist()
               for name in ("all", "again", "once")}  # fmt: skip
    assert weights["again"] != weights["once"]
    for table, words in (
        ({"y": ["left"], "x": [1]}, "line 2, column 'y': 'left' is none of the classes"),
        ({"y": [""], "x": [1]}, "line 2, column 'y': missing value"),
        ({"x": [1]}, "no column 'y'"),
        ({"y": ["up"], "x": ["?!"]}, "line 2, column 'x': '?!' is not a number"),
    ):
        write("more.csv", table)
        code, _, err = run(capsys, *TRAIN, "--test", "more.csv")
        assert code == 2 and one_line(err) and words in err
    assert run(capsys, *TRAIN, "--test", "none.csv")[0] == 2
    assert run(capsys, *TRAIN, "--test", "t.csv", "--save", "t.csv")[0] == 2


def test_columns_are_copied_to_the_answer(capsys):
    write("t.csv", {**COLUMNS, "zip": [f"0{i}" for i in range(len(X))]})
    assert run(capsys, *TRAIN, "--drop", "zip", "--epochs", 2, "--save", "m")[0] == 0
    code, out, _ = run(capsys, "predict", "m", "t.csv", "--id", "zip", "--id", "id", "--proba")
    rows = list(csv.reader(io.StringIO(out)))
    assert code == 0 and rows[0] == ["zip", "id", "y", "proba_down", "proba_up"]
    assert [row[:2] for row in rows[1:]] == [[f"0{i}", f"r{i}"] for i in range(len(X))]
    for name, words in (("none", "no column 'none'"), ("y", "the column that is predicted")):
        code, out, err = run(capsys, "predict", "m", "t.csv", "--id", name)
        assert (code, out) == (2, "") and one_line(err) and words in err
