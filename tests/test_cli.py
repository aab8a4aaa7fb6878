"""The command line: the main job, and one clear line for everything that can be wrong."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from tests.tabular.commands import run, write
from wengert.datasets import digits
from wengert.tabular import training

safetensors = pytest.importorskip("safetensors")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WENGERT_CAPTURE_VERIFY", "10")  # what is replayed is what would have run
    return tmp_path


def flowers(rows=120, labels=("setosa", "virginica", "versicolor")):
    """Three classes that a numeric and a categorical column tell apart."""
    rng = np.random.RandomState(0)
    lines = ["length,colour,noise,species"]
    for i in range(rows):
        kind = i % 3
        colour = ("red", "blue", "blue")[kind]
        length = (50, 10, 90)[kind] + rng.randn()
        lines.append(f"{length:.3f},{colour},{rng.randn():.3f},{labels[kind]}")
    return "\n".join(lines) + "\n"


def prices(rows=150):
    rng = np.random.RandomState(1)
    x = rng.uniform(-1, 1, (rows, 2))
    y = 1000 + 300 * x[:, 0] - 100 * x[:, 1] + rng.randn(rows)
    return "a,b,price\n" + "".join(
        f"{a:.4f},{b:.4f},{p:.2f}\n" for (a, b), p in zip(x, y, strict=True)
    )


# ----------------------------------------------------------------------- the main job


def test_digits(capsys, here):
    code, out, err = run(
        capsys, "train", "digits", "--save", "m.safetensors", "--plot", "curve.png"
    )
    assert (code, err) == (0, "")
    epochs = re.findall(r"^epoch +(\d+)/40 .*validation accuracy (\d\.\d+)$", out, re.M)
    assert [int(number) for number, _ in epochs] == list(range(1, 41))
    accuracy = float(re.search(r"test accuracy ([\d.]+) %", out)[1])
    assert accuracy >= 97
    best = float(re.search(r"kept epoch (\d+) \(validation accuracy ([\d.]+)\)", out)[2])
    assert best == max(float(score) for _, score in epochs)
    assert (here / "curve.png").read_bytes().startswith(b"\x89PNG")
    code, out, err = run(capsys, "predict", "m.safetensors", "digits", "--proba")
    assert code == 0
    assert f"accuracy {accuracy:.2f} % on 360 rows" in err
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["digit"] + [f"proba_{i}" for i in range(10)]
    assert len(rows) == 361
    for row in rows[1:]:
        shares = [float(cell) for cell in row[1:]]
        assert abs(sum(shares) - 1) < 1e-4
        assert row[0] == str(shares.index(max(shares)))
    images, labels = digits("test")
    np.savez("mine.npz", X=images.numpy().reshape(-1, 8, 8), digit=labels.numpy())
    assert f"accuracy {accuracy:.2f} %" in run(capsys, "predict", "m.safetensors", "mine.npz")[2]
    np.savez("raw.npz", X=images.numpy().reshape(-1, 8, 8) * 256)
    assert "far outside" in run(capsys, "predict", "m.safetensors", "raw.npz")[2]


def test_digits_by_convolutions(capsys):
    command = ("train", "digits", "--model", "cnn", "--epochs", 8, "--lr", 0.006)
    code, out, err = run(capsys, *command, "--save", "m.safetensors")
    assert (code, err) == (0, "")
    assert "settings: model cnn, epochs 8, hidden none, lr 0.006, batch size 64" in out
    found = re.search(r"test accuracy ([\d.]+) %", out)[1]
    assert float(found) >= 97.5  # of the default epochs: 99.4 and more
    with safetensors.safe_open("m.safetensors", framework="numpy") as file:
        about = json.loads(file.metadata()["wengert"])
        assert (about["format"], about["model"]) == (3, "cnn")
        assert file.get_tensor("2.weight").shape == (32, 1, 3, 3)
    images, labels = digits("test")
    np.savez("mine.npz", X=images.numpy().reshape(-1, 8, 8), digit=labels.numpy())
    for data in ("digits", "mine.npz"):
        code, out, err = run(capsys, "predict", "m.safetensors", data)
        assert code == 0 and f"accuracy {found} % on 360 rows" in err
    assert out.split()[0] == "digit" and len(out.split()) == 361
    state, _ = wg.serialization.load_safetensors("m.safetensors")
    columns = about["columns"]
    for damage in ({"model": "rnn"}, {"model": "mlp"}, {"hidden": [9]}, {"columns": columns[:63]}):
        text = json.dumps({**about, **damage})
        wg.serialization.save_safetensors(state, "bad.safetensors", {"wengert": text})
        code, _, err = run(capsys, "predict", "bad.safetensors", "digits")
        assert (code, err.count("\n")) == (2, 1), damage


def test_classification_of_a_table(capsys, here):
    write("flowers.csv", flowers())
    args = ("train", "flowers.csv", "--target", "species", "--epochs", 30)
    code, out, err = run(capsys, *args, "--save", "m.safetensors")
    assert (code, err) == (0, "")
    assert "120 rows (84 training, 18 validation, 18 test), 3 columns -> 4 inputs" in out
    assert "3 classes (setosa, versicolor, virginica)" in out
    assert "test accuracy 100.00 %" in out
    with safetensors.safe_open("m.safetensors", framework="numpy") as file:
        about = json.loads(file.metadata()["wengert"])
    columns = {column["name"]: column for column in about["columns"]}
    assert columns["colour"]["categories"] == ["blue", "red"]
    assert abs(columns["length"]["mean"] - 50) < 5
    assert about["target"]["classes"] == ["setosa", "versicolor", "virginica"]
    # Other column order, an extra column, no target.
    write("new.csv", "extra;noise;colour;length\nx;0;red;50,5\ny;0;blue;10\nz;0;blue;90\n")
    code, out, _ = run(capsys, "predict", "m.safetensors", "new.csv")
    assert (code, out.split()) == (0, ["species", "setosa", "virginica", "versicolor"])
    code, out, _ = run(capsys, "predict", "m.safetensors", "new.csv", "--output", "out.csv")
    assert (code, out) == (0, "")
    assert (here / "out.csv").read_text().split() == [
        "species",
        "setosa",
        "virginica",
        "versicolor",
    ]
    assert sorted(os.listdir()) == ["flowers.csv", "m.safetensors", "new.csv", "out.csv"]


def test_regression_of_a_table(capsys):
    write("prices.csv", prices())
    args = ("train", "prices.csv", "--target", "price", "--epochs", 100)
    code, out, _ = run(capsys, *args, "--save", "m.safetensors")
    assert code == 0
    assert "regression of 'price'" in out
    assert float(re.search(r"test R2 ([\d.]+)", out)[1]) > 0.95
    write("new.csv", "a,b\n0,0\n0.5,-0.5\n")
    code, out, _ = run(capsys, "predict", "m.safetensors", "new.csv")
    values = [float(line) for line in out.split()[1:]]
    assert abs(values[0] - 1000) < 60
    assert abs(values[1] - 1200) < 60
    code, _, err = run(capsys, "predict", "m.safetensors", "new.csv", "--proba")
    assert (code, err.count("\n")) == (2, 1)


def test_npz_of_named_columns_and_texts(capsys):
    kinds = np.array(["yes", "no"] * 40)
    np.savez("t.npz", size=np.where(kinds == "yes", 1.0, -1.0), word=kinds, bought=kinds)
    code, out, _ = run(capsys, "train", "t.npz", "--target", "bought", "--epochs", 20)
    assert code == 0
    assert "test accuracy 100.00 %" in out
    np.savez("xy.npz", X=np.random.RandomState(0).randn(60, 2, 3), y=np.arange(60) % 2)
    code, out, _ = run(capsys, "train", "xy.npz", "--epochs", 1)
    assert code == 0
    assert "6 columns -> 6 inputs" in out


def test_same_seed_same_run_and_other_seed_other_run(capsys):
    write("flowers.csv", flowers())
    base = ("train", "flowers.csv", "--target", "species", "--epochs", 2, "--seed")

    def epochs(seed):
        out = run(capsys, *base, seed)[1]
        return [line for line in out.splitlines() if line.startswith("epoch")]

    assert epochs(4) == epochs(4)
    assert epochs(4) != epochs(5)


def test_best_weights_are_kept(capsys, monkeypatch):
    """With a score that peaks in epoch 2, epoch 2's weights are the ones in the file."""
    weights, scores = [], iter([0.5, 0.9, 0.7, 0.2])

    class Fake(training.Validation):
        def __call__(self):
            weights.append(self.network.state_dict()["layers.0.weight"].tolist())
            score = next(scores)
            return training.Scores(1 - score, score)

    monkeypatch.setattr(training, "Validation", Fake)
    write("flowers.csv", flowers())
    args = ("train", "flowers.csv", "--target", "species", "--epochs", 4)
    code, out, _ = run(capsys, *args, "--save", "m.safetensors")
    assert code == 0
    assert "kept epoch 2" in out
    state, _ = wg.serialization.load_safetensors("m.safetensors")
    assert state["layers.0.weight"].tolist() == weights[1]
    assert weights[1] != weights[3]


def test_interrupt_keeps_the_best_weights(capsys, monkeypatch):
    calls = []

    class Interrupting(training.Validation):
        def __call__(self):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return super().__call__()

    monkeypatch.setattr(training, "Validation", Interrupting)
    write("flowers.csv", flowers())
    args = ("train", "flowers.csv", "--target", "species", "--epochs", 50)
    code, out, err = run(capsys, *args, "--save", "m.safetensors")
    assert code == 130
    assert "interrupted" in err
    assert "trained 2 epochs" in out
    assert run(capsys, "predict", "m.safetensors", "flowers.csv")[0] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_of_a_real_process(here):
    command = [sys.executable, "-m", "wengert", "train", "digits", "--epochs", "100000"]
    process = subprocess.Popen(
        [*command, "--save", "m.safetensors"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that puts the tests into the background has them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in process.stdout:
        if line.startswith("epoch"):
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert (here / "m.safetensors").exists()


def test_module_and_info():
    found = subprocess.run(
        [sys.executable, "-m", "wengert", "info"], capture_output=True, text=True, check=True
    )
    shown = dict(line.split(None, 1) for line in found.stdout.splitlines())
    assert shown["version"] == wg.__version__
    assert int(shown["threads"]) >= 1
    assert {"isa", "compiler"} <= set(shown)
    assert shown["parallel"] in ("pool", "openmp")


# ------------------------------------------------------------------------ bad inputs

GOOD = flowers()
LINES = GOOD.splitlines()


def edited(line, text):
    """GOOD with line number `line` (from 1) replaced."""
    lines = list(LINES)
    lines[line - 1] = text
    return "\n".join(lines) + "\n"


STRICT = ["--missing", "error"]
BAD_TABLES = [
    ("empty", b"", [], ["t.csv", "empty"]),
    ("blank lines only", b"\n\n  \n", [], ["t.csv", "empty"]),
    ("header only", LINES[0] + "\n", [], ["t.csv", "no rows"]),
    ("missing number", edited(7, ",red,1.0,setosa"), STRICT, ["line 7", "'length'", "missing"]),
    ("NaN", edited(7, "nan,red,1.0,setosa"), STRICT, ["line 7", "'length'", "missing"]),
    ("infinite", edited(7, "inf,red,1.0,setosa"), [], ["line 7", "'length'", "not finite"]),
    ("missing category", edited(9, "1.0,,1.0,setosa"), STRICT, ["line 9", "'colour'", "missing"]),
    ("missing target", edited(5, "1.0,red,1.0,"), [], ["line 5", "'species'", "missing"]),
    ("short row", edited(4, "1.0,red,1.0"), [], ["line 4", "'species'", "3 cells, needed 4"]),
    ("long row", edited(4, "1.0,red,1.0,a,b"), [], ["line 4", "'b'", "5 cells, needed 4"]),
    ("open quote", edited(6, '1.0,"red,1.0,a'), [], ["line 6"]),
    ("two of a name", edited(1, "a,b,a,species"), [], ["line 1", "'a'", "columns 1 and 3"]),
    ("no name", edited(1, "a,,c,species"), [], ["line 1", "column 2", "no name"]),
    ("latin-1", edited(3, "x").encode() + "1,caf\xe9,1,a".encode("latin-1"), [], ["line 122",
     "column 6", "0xe9", "UTF-8"]),
    ("unknown target", GOOD, ["--target", "specis"], ["'specis'", "did you mean 'species'"]),
    ("no target", GOOD, ["--target", ""], ["no column ''"]),
    ("unknown drop", GOOD, ["--drop", "x"], ["no column 'x'"]),
    ("all dropped", GOOD, ["--drop", "length", "--drop", "colour", "--drop", "noise"],
     ["no column is left"]),
    ("text regression", GOOD, ["--task", "regression"], ["line 2", "'species'", "'setosa'"]),
    ("one class", re.sub("v[a-z]+r$|v[a-z]+a$", "setosa", GOOD, flags=re.M), [], ["'species'",
     "every row holds 'setosa'"]),
    ("few rows", "\n".join(LINES[:4]), [], ["3 rows are too few"]),
    ("stray text in numbers",
     "a,b\n" + "".join(f"{i},{i * 1.5}\n" for i in range(400)) + "7,oops\n",
     ["--target", "b"], ["line 402", "'b'", "'oops' is not a number"]),
    ("too many texts", "id,b\n" + "".join(f"u{i},{i % 2}\n" for i in range(400)),
     ["--target", "b"], ["line 2", "'id'", "(--drop id)"]),
    ("numbers and a text", "a,b\n" + "".join(f"{i},{i % 2}\n" for i in range(400)) + "oops,1\n",
     ["--target", "b"], ["line 402", "'a'", "'oops' is not a number"]),
    ("too large", "a,b\n" + "1e308,0\n-1e308,1\n" * 9, ["--target", "b"], ["'a'", "too large"]),
    ("binary", bytes(range(256)), [], ["t.csv"]),
    ("NUL", "a,species\n\0,1\n\0,2\n", [], ["t.csv"]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "words"), [c[1:] for c in BAD_TABLES],
                         ids=[c[0] for c in BAD_TABLES])  # fmt: skip
def test_bad_tables(capsys, here, content, options, words):
    write("t.csv", content)
    if "--target" not in options:
        options = ["--target", "species", *options]
    code, _, err = run(capsys, "train", "t.csv", *options, "--save", "m.safetensors")
    assert code == 2
    assert err.startswith("wengert: error: ")
    assert err.count("\n") == 1
    assert "t.csv" in err
    for word in words:
        assert word in err
    assert os.listdir() == ["t.csv"]


def bad_npz(name):
    arrays = {
        "objects": {"X": np.array([[1, "a"]], dtype=object), "y": np.arange(1)},
        "lengths": {"X": np.zeros((5, 2)), "y": np.arange(4)},
        "scalar": {"X": np.float64(3), "y": np.arange(4)},
        "no rows": {"X": np.zeros((0, 2)), "y": np.zeros(0)},
        "missing": {"X": np.array([[1, np.nan]] * 30), "y": np.arange(30) % 2},
        "complex": {"X": np.zeros((5, 2), complex), "y": np.arange(5)},
        "nothing": {},
    }[name]
    np.savez("t.npz", **arrays)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("objects", "array 'X': holds Python objects"),
        ("lengths", "array 'y': 4 rows, others have 5"),
        ("scalar", "array 'X': a single value"),
        ("no rows", "no rows"),
        ("missing", "row 0, column 'X[1]': missing value"),
        ("complex", "dtype complex128"),
        ("nothing", "empty"),
    ],
)
def test_bad_npz(capsys, name, word):
    bad_npz(name)
    code, _, err = run(capsys, "train", "t.npz")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("wengert: error: t.npz")
    assert word in err


@pytest.mark.parametrize("content", [b"PK\x03\x04 not really", b"text", b"\x93NUMPY"])
def test_damaged_npz(capsys, content):
    write("t.npz", content)
    code, _, err = run(capsys, "train", "t.npz")
    assert (code, err.count("\n")) == (2, 1)
    np.save("single.npy", np.zeros(3))
    os.rename("single.npy", "t.npz")
    code, _, err = run(capsys, "train", "t.npz")
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["train", "none.csv", "--target", "y"], "none.csv: no such file"),
        (["train", ".", "--target", "y"], "is a directory"),
        (["train", "t.csv"], "(--target COLUMN)"),
        (["train", "digits", "--target", "y"], "for tables"),
        (["train", "t.csv", "--target", "y", "--model", "cnn"], "--model cnn is for images"),
        (["train", "digits", "--model", "rnn"], "invalid choice"),
        (["train", "digits", "--save", "no/where.safetensors"], "no such directory"),
        (["train", "digits", "--save", "."], "is a directory"),
        (["train", "digits", "--plot", "curve.xyz"], ".png"),
        (["train", "digits", "--epochs", "0"], "at least 1"),
        (["train", "digits", "--epochs", "x"], "at least 1"),
        (["train", "digits", "--lr", "nan"], "above 0"),
        (["train", "digits", "--hidden", "10,-3"], "sizes such as"),
        (["train", "digits", "--dropout", "1.5"], "0.99"),
        (["train", "digits", "--valid-fraction", "0.6"], "0.45"),
        (["train", "t.csv", "--target", "species", "--task", "guess"], "invalid choice"),
        (["predict", "none.safetensors", "t.csv"], "no such file"),
        (["predict", "t.csv", "t.csv"], "not a safetensors file"),
        ([], "COMMAND"),
    ],
)
def test_bad_arguments(capsys, args, word):
    write("t.csv", GOOD)
    code, _, err = run(capsys, *args)
    assert code == 2
    assert word in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "args",
    [
        ["train", "t.csv", "--target", "species", "--save", "t.csv"],
        ["train", "t.csv", "--target", "species", "--save", "hard.csv"],
        ["train", "t.csv", "--target", "species", "--save", "soft.csv"],
        ["train", "t.csv", "--target", "species", "--plot", "p.png", "--save", "./p.png"],
        ["train", "t.csv", "--target", "species", "--save", "read-only"],
        ["train", "t.csv", "--target", "species", "--save", "x" * 256],
        ["predict", "m.safetensors", "t.csv", "--output", "t.csv"],
        ["predict", "m.safetensors", "t.csv", "--output", "m.safetensors"],
    ],
)
def test_files_that_a_command_would_destroy_are_refused_before_the_work(capsys, model, args):
    os.rename("flowers.csv", "t.csv")
    os.link("t.csv", "hard.csv")
    os.symlink("t.csv", "soft.csv")
    os.chmod(write("read-only", "kept"), 0o444)
    before = {name: Path(name).read_bytes() for name in os.listdir()}
    code, out, err = run(capsys, *args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search("read|twice|too long", err)
    assert before == {name: Path(name).read_bytes() for name in os.listdir()}


@pytest.fixture
def model(capsys):
    write("flowers.csv", flowers())
    args = ("train", "flowers.csv", "--target", "species", "--epochs", 5, "--hidden", "8")
    assert run(capsys, *args, "--save", "m.safetensors")[0] == 0
    return "m.safetensors"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("length,noise\n1,2\n", ["no column 'colour'"]),
        ("length,colour,noise\n1,red,2\nlong,red,2\n", ["line 3", "'length'", "'long'"]),
        ("length,colour,noise\n1,red,inf\n", ["line 2", "'noise'", "not finite"]),
        ("length,colour,noise\n", ["no rows"]),
    ],
)
def test_bad_tables_for_predict(capsys, model, table, words):
    write("new.csv", table)
    code, out, err = run(capsys, "predict", model, "new.csv", "--output", "out.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert not os.path.exists("out.csv")
    for word in words:
        assert word in err


def test_unknown_category_is_reported_and_predicted(capsys, model):
    write("new.csv", "length,colour,noise\n50,red,0\n50,mauve,0\n50,pink,0\n50,mauve,0\n")
    code, out, err = run(capsys, "predict", model, "new.csv")
    assert code == 0
    assert len(out.split()) == 5
    assert "new.csv, line 3, column 'colour': unknown category 'mauve', 'pink' in 3 of 4" in err


def test_damaged_models(capsys, model):
    state, metadata = wg.serialization.load_safetensors(model)
    about = json.loads(metadata["wengert"])
    damages = [
        {"hidden": [9]},
        {"hidden": [2**40]},
        {"hidden": "x"},
        {"columns": about["columns"][:1]},
        {"columns": [{"name": "a", "kind": "numeric", "mean": 0, "std": 0}]},
        {"target": {"name": "species"}},
        {"task": 3},
        {"format": 99},
        {"format": None},
    ]
    texts = [json.dumps({**about, **damage}) for damage in damages] + ["{}", "[]", "nonsense", "3"]
    for text in texts:
        wg.serialization.save_safetensors(state, "bad.safetensors", {"wengert": text})
        code, _, err = run(capsys, "predict", "bad.safetensors", "flowers.csv")
        assert (code, err.count("\n")) == (2, 1), text
    wg.serialization.save_safetensors(state, "bad.safetensors")
    assert run(capsys, "predict", "bad.safetensors", "flowers.csv")[0] == 2
    write("bad.safetensors", Path(model).read_bytes()[:100])
    assert run(capsys, "predict", "bad.safetensors", "flowers.csv")[0] == 2


def test_divergence_is_reported(capsys):
    write("prices.csv", prices())
    args = ("train", "prices.csv", "--target", "price", "--lr", "1e6", "--epochs", 200)
    code, _, err = run(capsys, *args)
    if code:  # a huge step need not end in NaN
        assert code == 1
        assert "(--lr)" in err


def test_missing_extras_are_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = run(capsys, "train", "digits", "--plot", "c.png")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "pip install 'wengert[demo]'" in err


def test_without_tqdm_there_are_plain_lines(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    code, out, _ = run(capsys, "train", "digits", "--epochs", 2, "--hidden", "none")
    assert code == 0
    assert len(re.findall(r"^epoch \d/2", out, re.M)) == 2
