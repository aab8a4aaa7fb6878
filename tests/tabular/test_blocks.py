"""Tables that are read, and predicted, a block of rows after the other."""

import gzip
import io
import json
import os
import pathlib
import tracemalloc

import numpy as np
import pytest

from tests.tabular.commands import one_line, run, signs, write
from wengert import tabular
from wengert.cli import predict
from wengert.tabular import TabularError, read_table, reader, source, training
from wengert.tabular.reader import read_blocks

CORPUS = pathlib.Path(__file__).parents[1] / "tables"
FILES = sorted(path.name for path in CORPUS.iterdir() if path.suffix != ".json")


def whole(path, keep, encoding=None):
    return cells_of([read_table(path, keep, encoding)])


def cells_of(tables):
    """By column: numbers, and the texts of what is none, and where something is missing."""
    found, at = {}, 0
    for table in tables:
        for name, column in table.columns.items():
            numbers, texts, missing, lines = found.setdefault(name, ([], {}, [], []))
            numbers += column.numbers.tolist()
            texts.update({at + row: column.cell(row) for row in column.text_rows})
            missing += [at + row for row in column.missing_rows]
            lines += [] if table.lines is None else list(table.lines)
        at += len(table)
    return json.dumps(found, default=int)


@pytest.mark.parametrize("name", FILES)
def test_blocks_of_any_size_are_the_table(name):
    path = str(CORPUS / name)
    encoding = json.loads((CORPUS / "expected.json").read_text()).get(name, {}).get("encoding")
    try:
        expected = whole(path, [], encoding)
    except TabularError as error:
        expected = str(error)
    for rows in (1, 2, 3, 1000):
        try:
            tables = list(read_blocks(path, [], encoding, rows))
            found = cells_of(tables)
            if tables[0].lines is not None:
                assert all(len(table) == rows for table in tables[:-1])
        except TabularError as error:
            found = str(error)
        if "file is damaged: " in found:  # what pyarrow says of it differs
            found, expected = (text.partition("damaged: ")[0] for text in (found, expected))
        assert found == expected


def test_what_a_column_is_depends_on_all_its_rows():
    for text in (
        'a,b\n1,x\n2,y\n"1,500",z\n4,w\n',  # a thousand late
        "a\n5 %\n6 %\n7 %\n8\n",  # percentages all along the first block
        "a\n1\n2\n3\nten\n",  # a text in a column whose texts were given up
        "a;b\n1.234;1\n5;2\n1.234,50;3\n7;4\n",  # what 1.234 is shows later
        "a\n07\n1\n2\n1 000\n",
        "a,b\n" + "1,2\n" * 30 + "1,\n" * 3 + "1,x\n",
    ):
        write("t.csv", text)
        assert cells_of(read_blocks("t.csv", [], None, 2)) == whole("t.csv", [])
    kept = [table.columns["a"].texts for table in read_blocks("t.csv", ["a"], None, 8)]
    assert kept == [["1"] * 8] * 4 + [["1"] * 2]


def model_of(columns, target, *options):
    assert tabular.read_table(write("small.csv", columns), None)
    return ("train", "small.csv", "--target", target, "--epochs", 2, "--hidden", "8,8",
            "--save", "m", *options)  # fmt: skip


def large(rows):
    rng = np.random.RandomState(0)
    values = rng.randn(rows).round(3)
    kinds = np.array(["u", "v", "w"])[rng.randint(0, 3, rows)]
    days = np.datetime64("2024-01-01") + rng.randint(0, 900, rows)
    return {"x": values, "kind": kinds, "day": days, "y": signs(values)}


@pytest.mark.parametrize("preset", ["simple", "ensemble"])
def test_the_answer_is_that_of_the_whole_table(capsys, preset):
    """More rows than the network takes at once, which is what decides the sums."""
    columns = large(predict.ROWS + 77)
    small = {name: values[:200] for name, values in columns.items()}
    assert run(capsys, *model_of(small, "y", "--preset", preset))[0] == 0
    write("t.csv", columns)
    code, out, err = run(capsys, "predict", "m", "t.csv", "--proba", "--id", "day")
    assert code == 0 and f"on {len(columns['x'])} rows" in err
    model, table = tabular.load_model("m"), read_table("t.csv")
    outputs = model.outputs(table)
    labels, shares = model.decode(outputs), outputs.softmax(1).numpy()
    lines = out.splitlines()
    assert lines[0] == "day,y,proba_down,proba_up" and len(lines) == len(table) + 1
    days = table.columns["day"].texts
    for row in range(0, len(table), 61):
        said = [days[row], labels[row], *map(str, shares[row])]
        assert lines[row + 1] == ",".join(said)
    args = ("predict", "m", "t.csv", "--proba", "--id", "day", "--output", "out.csv")
    for _ in range(2):  # a new file, and one in the place of another
        assert run(capsys, *args) == (0, "", err)
        assert pathlib.Path("out.csv").read_text() == out
    told = np.array([line.split(",")[1] for line in lines[1:]])
    right = (told == np.array(columns["y"])).mean()
    assert f"accuracy {100 * right:.2f} %" in err


def test_notes_are_of_all_blocks(capsys, monkeypatch):
    columns = {"x": [1.5, 2, 3, 4] * 5, "kind": ["u", "v"] * 10, "y": [1.5, 2.5, 3, 4] * 5}
    assert run(capsys, *model_of(columns, "y"))[0] == 0
    new = {"x": [1, "", 3, 1e9, ""], "kind": ["u", "q", "v", "r", "q"], "y": [1, 2, 3, 4, 5]}
    write("new.csv", new)
    found = run(capsys, "predict", "m", "new.csv")
    assert "new.csv, line 3, column 'kind': unknown category 'q', 'r' in 3 of 5 rows" in found[2]
    assert "'x' 2" in found[2] and "1 values lie far outside" in found[2]
    assert "RMSE" in found[2] and "on 5 rows" in found[2]
    monkeypatch.setattr(predict, "ROWS", 2)
    assert run(capsys, "predict", "m", "new.csv")[2] == found[2]
    write("new.csv", {**new, "y": [1, 2, 3, 4, ""]})
    assert "RMSE" not in run(capsys, "predict", "m", "new.csv")[2]


def test_a_late_fault_leaves_no_half_of_a_file(capsys, monkeypatch, here):
    columns = {"x": [1.5, 2, 3, 4] * 5, "y": [1.5, 2.5, 3, 4] * 5}
    assert run(capsys, *model_of(columns, "y"))[0] == 0
    monkeypatch.setattr(predict, "ROWS", 4)
    write("bad.csv", {"x": [*columns["x"][:-1], "?!"]})
    before = sorted(os.listdir())
    code, out, err = run(capsys, "predict", "m", "bad.csv", "--output", "out.csv")
    assert (code, out) == (2, "") and one_line(err) and sorted(os.listdir()) == before
    assert "bad.csv, line 21, column 'x': '?!' is not a number" in err and "written" not in err
    write("out.csv", "as it was\n")
    assert run(capsys, "predict", "m", "bad.csv", "--output", "out.csv")[0] == 2
    assert (here / "out.csv").read_text() == "as it was\n"
    code, out, err = run(capsys, "predict", "m", "bad.csv")
    assert code == 2 and one_line(err) and out.count("\n") == 17  # the header, and four blocks
    assert "'?!' is not a number" in err
    assert "(the predictions of the 16 rows before are written)" in err
    # What cannot be read is found before anything is written.
    write("bad.csv", "x\n" + "1\n" * 19 + "1,2\n")
    code, out, err = run(capsys, "predict", "m", "bad.csv")
    assert (code, out) == (2, "") and "line 21: 2 cells, needed 1" in err
    write("bad.csv", b"x,z\n" + b"1,a\n" * 19 + b"1,\xff\n")
    code, out, err = run(capsys, "predict", "m", "bad.csv")
    assert (code, out) == (2, "") and "line 21, column 3: byte 0xff is not UTF-8" in err


def test_memory_does_not_grow_with_the_table(capsys, monkeypatch):
    """What Python and NumPy hold, at its highest, for a table and one of four times its rows."""
    columns = {name: values[:300] for name, values in large(300).items()}
    assert run(capsys, *model_of(columns, "y"))[0] == 0
    monkeypatch.setattr(predict, "ROWS", 128)
    monkeypatch.setattr(reader, "_BLOCK", 1 << 11)
    monkeypatch.setattr(reader, "_ROWS", 64)
    args = ("predict", "m", "t.csv", "--output", "out.csv")
    for rest in ("1.25,u,2024-05-06\n", '1.25,"u",2024-05-06\n'):
        peaks = []
        for rows in (500, 500, 2000):  # the first time something is imported
            write("t.csv", "x,kind,day\n" + rest * rows)
            tracemalloc.start()
            assert run(capsys, *args)[0] == 0
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[2] < 1.3 * peaks[1]


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_parquet_and_arrow_by_blocks(capsys, monkeypatch, kind):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    columns = {"x": [1.5, None, 3, 4] * 5, "n": [*range(19), 2**53 + 1],
               "kind": ["u", "v", None, "u"] * 5, "y": [1.5, 2.5, 3, 4] * 5}  # fmt: skip

    def store(columns):
        table = pyarrow.table(columns)
        if kind == "parquet":
            parquet.write_table(table, "t", row_group_size=6)
        else:
            feather.write_feather(table, "t", compression="uncompressed", chunksize=6)

    store(columns)
    for rows in (1, 4, 7, 19, 20, 100):
        tables = list(read_blocks("t", [], None, rows))
        assert cells_of(tables) == whole("t", []) and {len(t) for t in tables[:-1]} <= {rows}
    small = {name: ["" if v is None else v for v in values] for name, values in columns.items()}
    assert run(capsys, *model_of(small, "y"))[0] == 0
    args = ("predict", "m", "t", "--id", "n", "--output")
    assert run(capsys, *args, "one.csv")[0] == 0
    monkeypatch.setattr(predict, "ROWS", 8)
    monkeypatch.setattr(tabular.model_file, "predict_all", of_eight)
    assert run(capsys, *args, "more.csv")[0] == 0
    one, more = (pathlib.Path(name).read_text().split("\n") for name in ("one.csv", "more.csv"))
    assert [line.split(",")[0] for line in one] == [line.split(",")[0] for line in more]
    assert f"{2**53 + 1}," in more[20]
    store({**columns, "x": [*columns["x"][:-1], float("inf")]})
    code, out, err = run(capsys, "predict", "m", "t")
    assert (code, out.count("\n")) == (2, 17) and one_line(err)
    assert "t, row 19, column 'x'" in err and "the 16 rows before are written" in err
    write("t", pathlib.Path("t").read_bytes()[:-40])
    code, out, err = run(capsys, "predict", "m", "t")
    assert (code, out) == (2, "") and one_line(err) and "file is damaged" in err


def of_eight(network, inputs):
    return training.predict_all(network, inputs, 8)


@pytest.mark.parametrize("packed", [False, True])
def test_a_long_pipe_goes_into_a_file(capsys, monkeypatch, packed):
    columns = {"x": [1.5, 2, 3, 4] * 50, "kind": ["u", "v"] * 100, "y": [1.5, 2.5, 3, 4] * 50}
    assert run(capsys, *model_of(columns, "y"))[0] == 0
    expected = run(capsys, "predict", "m", "small.csv")
    text = pathlib.Path("small.csv").read_bytes()
    monkeypatch.setattr(source, "_IN_MEMORY", 64)
    monkeypatch.setattr(source, "_COPIED", 100)
    monkeypatch.setattr(predict, "ROWS", 8192)
    for end in (len(text), 60):  # in a file, and in memory
        data = text[:end] if end == len(text) else b"x,kind\n1,u\n"
        data = gzip.compress(data) if packed else data
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        code, out, err = run(capsys, "predict", "m", "-")
        assert code == 0
        if end == len(text):
            assert (out, err) == expected[1:]
    # Quotes and line breaks in cells: the rest is read from a place in the middle.
    quoted = b"x,kind\n" + b"1.5,u\n" * 30 + b'2,"v\n"\n' + b"3,u\n" * 3
    monkeypatch.setattr(reader, "_BLOCK", 32)
    write("quoted.csv", quoted)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(quoted)))
    assert run(capsys, "predict", "m", "-")[1] == run(capsys, "predict", "m", "quoted.csv")[1]
