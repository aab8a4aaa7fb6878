"""What a cell means: numbers, texts, codes, nothing; the same in training and predicting."""

import csv
import io
import re

import numpy as np
import pytest

import wengert as wg
from tests.tabular.commands import numbers, one_line, run, signs, write
from wengert import tabular
from wengert.tabular import Notes, TabularError, Treatment, encode_inputs, fit_target, read_table

pytest.importorskip("safetensors")

X = numbers()
COUNT = len(X)


def train(capsys, columns, *options):
    write("t.csv", columns)
    return run(capsys, "train", "t.csv", "--target", "y", "--epochs", 2, "--save", "m", *options)


def predicted(capsys, columns, *options):
    """(rows of the answer with their header, stderr)."""
    write("new.csv", columns)
    code, out, err = run(capsys, "predict", "m", "new.csv", *options)
    assert code == 0, err
    return list(csv.reader(io.StringIO(out))), err


# ---- numbers


def test_numbers_are_printed_so_that_they_read_the_same(capsys):
    values = [1_700_000_000 + 37 * i for i in range(COUNT)]
    table = {"x": list(range(COUNT)), "y": values}
    write("t.csv", table)
    _, out, _ = run(capsys, "train", "t.csv", "--target", "y", "--save", "m")
    said = float(re.search(r"test RMSE ([\d.e+]+)", out)[1])
    rows, err = predicted(capsys, table)
    found = np.array([float(row[0]) for row in rows[1:]])
    rmse = float(np.sqrt(((found - values) ** 2).mean()))
    assert rmse < 4 * said  # not of seven digits of a billion
    assert float(re.search(r"RMSE ([\d.e+]+) on", err)[1]) == pytest.approx(rmse, rel=1e-5)
    model = wg.load_model("m")
    assert model.predict("t.csv").tolist() == found.tolist()


def test_probabilities_are_printed_so_that_they_read_the_same(capsys):
    train(capsys, {"x": X, "y": signs(X)})
    rows, _ = predicted(capsys, {"x": X}, "--proba")
    shares = np.array([row[1:] for row in rows[1:]], np.float32)
    assert (wg.load_model("m").probabilities({"x": np.array(X)}) == shares).all()


@pytest.mark.parametrize("value", ["1e200", "-1e308", "1e400"])
def test_a_target_too_large_is_refused(capsys, value):
    code, _, err = train(capsys, {"x": X, "y": [*X[:-1], value]})
    assert code == 2 and one_line(err)
    assert re.search(f"line {COUNT + 1}, column 'y': '{value}' is (too large|not finite)", err)


# ---- stray cells


@pytest.mark.parametrize("cell", ["oops", "5%", "$5", "1,00", "#DIV/0!", "1_000", "0x10", "\uff11"])
@pytest.mark.parametrize("name", ["x", "y"])
def test_a_stray_cell_in_a_column_of_numbers_is_an_error_that_names_it(capsys, cell, name):
    columns = {"x": X, "y": [2 * value for value in X]}
    columns[name] = [*columns[name][:-2], cell, columns[name][-1]]
    code, out, err = train(capsys, columns)
    assert (code, out) == (2, "") and one_line(err)
    assert f"line {COUNT}, column '{name}': {cell!r} is not a number" in err
    assert "one cell" in err and "(--lenient)" in err
    if name == "x":
        code, out, err = train(capsys, columns, "--lenient")
        assert (code, err) == (0, "") and "missing values filled in: 'x' 1" in out
        assert len(predicted(capsys, columns)[0]) == COUNT + 1  # saved with the model
        code, out, _ = train(capsys, {**columns, "x": ["a", *columns["x"][1:]]}, "--drop", "x")
        assert code == 2 and "no column is left" in _


def test_several_stray_cells_are_counted_and_shown(capsys):
    _, _, err = train(capsys, {"x": ["a", "b", "c", "d", "e", "f", *X[6:]], "y": signs(X)})
    assert "'a' is not a number, nor 'b', 'c', 'd', 'e', ...: 6 cells" in err


def test_numbers_and_texts_that_come_again_are_categories(capsys):
    rooms = [("0", "1", "2", "3+")[i % 4] for i in range(COUNT)]
    code, out, err = train(capsys, {"x": X, "rooms": rooms, "y": signs(X)})
    assert (code, err) == (0, "") and "1 of categories (rooms 4)" in out
    once = [*map(str, range(COUNT - 1)), "many"]
    assert train(capsys, {"x": once, "y": signs(X)})[0] == 2
    few = [str(i % 3) for i in range(COUNT - 1)] + ["4+"]
    assert train(capsys, {"x": few, "y": signs(X)})[0] == 2
    code, out, _ = train(capsys, {"x": few, "y": signs(X)}, "--categorical", "x")
    assert code == 0 and "1 of categories (x 4)" in out


# ---- codes and labels


def test_labels_stay_as_they_are_written(capsys):
    labels = ["007", "7", "1_2", "12", "9007199254740993", "9007199254740992", "1.50"]
    columns = {"x": X, "y": [labels[i % len(labels)] for i in range(COUNT)]}
    code, out, _ = train(capsys, columns)
    assert code == 0 and "7 classes" in out
    rows, err = predicted(capsys, columns, "--proba")
    assert sorted(rows[0][1:]) == sorted("proba_" + label for label in labels)
    assert {row[0] for row in rows[1:]} <= set(labels)
    assert "accuracy" in err


@pytest.mark.parametrize(
    ("written", "classes"),
    [
        (["1.0", "1", "2.0"], ["1.0", "2.0"]),  # one number is one class, as it is written first
        (["1.50", "2.5"], ["1.50", "2.5"]),
        (["01", "2"], ["01", "2"]),
        (["9007199254740993", "9007199254740992"], ["9007199254740992", "9007199254740993"]),
        (["+1", "-1"], ["-1", "+1"]),
        (["10", "9"], ["9", "10"]),
        (["none", "NA", "mild"], ["NA", "mild", "none"]),
    ],
)
def test_classes_of_a_target(written, classes):
    table = read_table(write("t.csv", {"y": written * 20}))
    assert fit_target(table, "y", "classification").classes == classes


def test_integers_of_an_archive_that_floats_do_not_hold_are_classes_of_their_own():
    np.savez("t.npz", y=np.array([2**53, 2**53 + 1] * 20))
    assert fit_target(read_table("t.npz"), "y", None).width == 2


def test_codes_with_leading_zeros_are_texts(capsys):
    zips = [f"0{1000 + i % 30}" for i in range(COUNT)]
    code, out, _ = train(capsys, {"zip": zips, "y": signs(X)})
    assert code == 0 and "categories (zip 30)" in out
    unique = [f"0{1000 + i}" for i in range(300)]
    code, _, err = train(capsys, {"zip": unique, "y": signs(numbers(300))})
    assert code == 2 and "300 different texts" in err and "(--drop zip)" in err
    assert train(capsys, {"x": ["0.5", "0", *X[2:]], "y": signs(X)})[1].count("of numbers (x)")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda i: f"2{i:03d}-01-05", "dates"),
        (lambda i: f"{i % 28 + 1}/{i % 12 + 1}/{1900 + i}", "dates"),
    ],
)
def test_texts_as_target_say_what_they_are_taken_for(capsys, make, kind):
    code, _, err = train(capsys, {"x": X, "y": [make(i) for i in range(COUNT)]})
    assert code == 2 and one_line(err) and f"are taken for {kind}" in err
    code, _, err = train(capsys, {"x": X, "y": [make(i) for i in range(COUNT)]}, "--task",
                         "regression")  # fmt: skip
    assert code == 2 and one_line(err) and kind in err
    code, out, _ = train(capsys, {"x": X, "y": [make(i % 3) for i in range(COUNT)]})
    assert code == 0 and f"3 classes ({make(0)}" in out and f"which look like {kind}" in out
    code, out, _ = train(capsys, {"d": [make(i) for i in range(COUNT)], "y": signs(X)})
    assert code == 0 and "of numbers (d.days, d.year" in out


@pytest.mark.parametrize("make", ["{:,}", "{}%", "${}.50"])
def test_numbers_as_people_write_them(capsys, make):
    texts = [make.format(1000 + i) for i in range(COUNT)]
    code, out, _ = train(capsys, {"x": X, "y": texts})
    assert code == 0 and "regression of 'y'" in out
    code, out, _ = train(capsys, {"d": texts, "y": signs(X)})
    assert code == 0 and "1 of numbers (d)" in out


# ---- nothing


def holes(values, every, text=""):
    return [text if i % every == 0 else value for i, value in enumerate(values)]


def test_missing_values_are_filled_told_and_saved(capsys):
    for text in ("", "NA", "nan", "?", "None"):
        colours = holes(["red" if value > 0 else "blue" for value in X], 5)
        columns = {"x": holes(X, 7, text), "full": X, "colour": colours, "y": signs(X)}
        code, out, err = train(capsys, columns)
        assert (code, err) == (0, "")
        assert "3 columns -> 6 inputs" in out  # x and its indicator, full, two colours and none
        assert out.count("missing values") == 1 and f"'x' {-(-COUNT // 7)}" in out
    model = wg.load_model("m")
    by_name = {feature.name: feature for feature in model.features}
    assert by_name["x"].indicator and not by_name["full"].indicator
    assert by_name["colour"].categories == ["", "blue", "red"]
    fill = by_name["x"].fill
    new = {"x": ["", fill], "full": ["", ""], "colour": ["", "red"]}
    inputs = model.encode(write("n.csv", new)).tolist()
    assert inputs[0][0] == inputs[1][0] and inputs[0][1] == 1 and inputs[1][1] == 0
    assert (
        inputs[0][2] == inputs[1][2] and inputs[0][3:] == [1, 0, 0] and inputs[1][3:] == [0, 0, 1]
    )
    _, err = predicted(capsys, new)
    assert "missing values filled in: 'x' 1, 'full' 2" in err


def test_missing_values_are_an_error_where_that_is_asked_for(capsys):
    columns = {"x": X, "colour": ["red", "blue"] * (COUNT // 2), "y": signs(X)}
    for name in ("x", "colour"):
        damaged = {**columns, name: ["", *columns[name][1:]]}
        code, _, err = train(capsys, damaged, "--missing", "error")
        assert code == 2 and f"line 2, column '{name}': missing value" in err
    assert train(capsys, columns, "--missing", "error")[0] == 0
    for name in ("x", "colour"):
        write("new.csv", {**columns, name: ["", *columns[name][1:]]})
        code, _, err = run(capsys, "predict", "m", "new.csv")
        assert code == 2 and f"line 2, column '{name}': missing value" in err


def test_a_target_is_not_filled_in_and_an_empty_column_is_named(capsys):
    for y in (["", *signs(X)[1:]], ["", *X[1:]]):
        code, _, err = train(capsys, {"x": X, "y": y})
        assert code == 2 and "line 2, column 'y': missing value" in err
    code, _, err = train(capsys, {"x": X, "z": [""] * COUNT, "y": signs(X)})
    assert code == 2 and "column 'z': missing value" in err


@pytest.mark.parametrize("word", ["none", "NA", "?", "7", "007", "1_2", "nan", "2020-01-01"])
def test_a_cell_means_the_same_on_a_table_of_one_row(capsys, word):
    words = [(word, "red", "blue")[i % 3] for i in range(COUNT)]
    train(capsys, {"c": words, "y": words})
    model = wg.load_model("m")
    whole = model.encode(write("all.csv", {"c": words})).tolist()
    for i in range(3):
        one = model.encode(write("one.csv", {"c": [words[i]]}))
        assert one.tolist() == [whole[i]]
        _, err = predicted(capsys, {"c": [words[i]]})
        assert "note" not in err and "error" not in err


def test_the_training_file_is_no_surprise_to_its_model(capsys):
    columns = {"x": [1e6, *X[1:]], "z": [*X[:-1], -1e9], "y": signs(X)}
    for seed in range(3):
        train(capsys, columns, "--seed", seed)
        assert "note" not in predicted(capsys, columns)[1]
    assert "1 values lie far outside" in predicted(capsys, {"x": [1e9], "z": [0]})[1]


# ---- models in Python, and those of earlier versions


def test_a_model_is_used_in_python(capsys):
    colours = ["red" if value > 0 else "blue" for value in X]
    columns = {"x": X, "colour": colours, "y": signs(X)}
    train(capsys, columns, "--hidden", "8", "--epochs", 200)
    model = wg.load_model("m")
    wanted = [row[0] for row in predicted(capsys, columns)[0][1:]]
    arrays = {"x": np.array(X), "colour": np.array(colours)}
    for data in ("t.csv", columns, arrays, read_table("t.csv"), tabular.table_of(columns)):
        assert model.predict(data).tolist() == wanted
    assert model.target.classes == ["down", "up"]
    assert model.probabilities(columns).shape == (COUNT, 2)
    assert model.encode({"x": [None], "colour": [None]}).tolist()[0][1:] == [0, 0]
    for wrong in (3, [1, 2]):
        with pytest.raises(TypeError, match="columns by name"):
            model.predict(wrong)
    with pytest.raises(TabularError, match="one length"):
        model.predict({"x": [1], "colour": ["red", "blue"]})
    with pytest.raises(TabularError, match="no such file"):
        wg.load_model("none")
    with pytest.raises(Exception, match="load_model reads it"):
        wg.load("m")


def test_a_model_of_the_first_format_is_read(capsys):
    import json

    train(capsys, {"x": X, "c": ["a", "b"] * (COUNT // 2), "y": signs(X)})
    state, metadata = wg.serialization.load_safetensors("m")
    about = json.loads(metadata["wengert"])
    about["format"] = 1
    for column in about["columns"]:
        for key in ("fill", "indicator", "lenient", "low", "high", "accepts_empty"):
            column.pop(key, None)
    del about["target"]["of_numbers"]
    wg.serialization.save_safetensors(state, "old", {"wengert": json.dumps(about)})
    new = {"x": [0.5, -0.5], "c": ["a", "b"]}
    assert (wg.load_model("old").predict(new) == wg.load_model("m").predict(new)).all()
    with pytest.raises(TabularError, match="missing value"):
        wg.load_model("old").predict({"x": [None, 1], "c": ["a", "b"]})


def test_rows_are_encoded_alike_together_and_apart():
    columns = {"x": holes(X, 7), "c": holes(signs(X), 5), "y": signs(X)}
    table = read_table(write("t.csv", columns))
    features = tabular.fit_features(table, "y", [], np.arange(COUNT), treatment=Treatment())
    whole = encode_inputs(table, features, Notes())
    for rows in (np.array([3]), np.arange(50, 20, -1), np.arange(0)):
        assert (encode_inputs(table, features, Notes(), rows) == whole[rows]).all()
