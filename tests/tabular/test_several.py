"""Several numbers that one network predicts together."""

import csv
import io
import re

import numpy as np
import pytest

from tests.tabular.commands import one_line, run, write
from wengert import tabular
from wengert.tabular import TabularError, fit_target, table_of
from wengert.tabular.targets import Target

X, Z = np.random.RandomState(0).randn(2, 160).round(3)
COLUMNS = {"x": X, "a": (2 * X + 300).round(3), "z": Z, "b": (0.01 * (X - Z)).round(5)}
TRAIN = ("train", "t.csv", "--target", "a,b")


@pytest.mark.parametrize("preset", ["simple", "ensemble", "plain"])
def test_they_are_learnt_kept_and_predicted_in_their_units(capsys, preset):
    write("t.csv", COLUMNS)
    args = (*TRAIN, "--preset", preset, "--epochs", 40, "--hidden", "32,32", "--save", "m")
    code, out, err = run(capsys, *args)
    assert (code, err) == (0, "")
    assert "regression of 'a', 'b'" in out and "2 columns -> 2 inputs" in out
    assert float(re.search(r"test R2 (\S+) of 2 targets together", out)[1]) > 0.8
    own = {n: float(s) for n, s in re.findall(r"^'(\w)': R2 (\S+), RMSE", out, re.M)}
    assert set(own) == {"a", "b"} and min(own.values()) > 0.7
    model = tabular.load_model("m")
    found = model.predict(COLUMNS)
    assert found.shape == (160, 2) and found.dtype == np.float64
    for column, name in enumerate("ab"):
        assert np.corrcoef(found[:, column], COLUMNS[name])[0, 1] > 0.9
        assert abs((found[:, column] - COLUMNS[name]).mean()) < 0.3 * COLUMNS[name].std()
    write("new.csv", {"z": Z, "x": X, "who": range(160)})
    code, out, err = run(capsys, "predict", "m", "new.csv", "--id", "who")
    rows = list(csv.reader(io.StringIO(out)))
    assert (code, err) == (0, "") and rows[0] == ["who", "a", "b"]
    assert [[float(cell) for cell in row[1:]] for row in rows[1:]] == found.tolist()


def test_scores_of_each_over_folds_and_in_the_report(capsys, here):
    pytest.importorskip("matplotlib")
    write("t.csv", {**COLUMNS, "w": np.ones(160)})
    args = (*TRAIN, "--epochs", 20, "--hidden", "16", "--cv", 2)
    for more in (("--report", "page"), ("--weight", "w")):
        code, out, err = run(capsys, *args, *more)
        assert (code, err) == (0, "")
        each = re.findall(
            r"^'(\w)': R2 (\S+) \+- \S+, R2 of all rows together \S+, RMSE", out, re.M
        )
        assert [name for name, _ in each] == ["a", "b"]
        whole = float(re.search(r"2 folds: R2 (\S+) ", out)[1])
        assert whole == pytest.approx(np.mean([float(score) for _, score in each]), abs=0.02)
    text = (here / "page" / "report.html").read_text()
    for part in ("Predicted against true: a", "Predicted against true: b", "... of a</td>"):
        assert part in text


def test_a_table_that_has_them_is_scored(capsys):
    write("t.csv", COLUMNS)
    run(capsys, *TRAIN, "--epochs", 5, "--hidden", "8", "--save", "m")
    _, _, err = run(capsys, "predict", "m", "t.csv")
    assert re.findall(r"'(\w)': RMSE \S+ on 160 rows", err) == ["a", "b"]
    write("t.csv", {**COLUMNS, "a": [""] * 160})
    _, _, err = run(capsys, "predict", "m", "t.csv")
    assert re.findall(r"'(\w)': RMSE", err) == ["b"]
    code, _, err = run(capsys, "predict", "m", "t.csv", "--id", "b")
    assert code == 2 and "the column that is predicted" in err
    code, _, err = run(capsys, "predict", "m", "t.csv", "--proba")
    assert code == 2 and "--proba is for classes" in err


def test_a_linear_model_and_the_mean_are_fitted_to_all(capsys):
    write("t.csv", COLUMNS)
    _, out, _ = run(capsys, *TRAIN, "--epochs", 1, "--hidden", "8")
    known = re.search(r"to compare, R2: the mean (\S+), ridge regression (\S+)", out)
    assert abs(float(known[1])) < 0.2 and float(known[2]) > 0.99
    assert "ridge regression does better than the network" in out


KINDS = {**COLUMNS, "kind": ["u", "v"] * 80, "few": [1, 2, 3, 4] * 40, "odd": X, "p,q": Z}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("a,kind",), "column 'kind': holds classes (such as 'u'); several columns are predicted"),
        (("a,few",), "4 different whole numbers, which are taken for classes"),
        (("a,b", "--task", "classification"), "several are predicted as numbers only"),
        (("a,kind", "--task", "regression"), "'u' is not a number"),
        (("a,none",), "no column 'none'"),
        (("a,a",), "'a' is named twice"),
        ((",",), "no column ','"),
        (("a,b", "--weight", "b"), "'b' is the column that is predicted"),
        (("a,b", "--group", "a"), "'a' is the column that is predicted"),
        (("a,b", "--time", "b", "--cv", 2), "'b' is the column that is predicted"),
    ],
)
def test_what_cannot_be_together_is_named(capsys, options, words):
    write("t.csv", KINDS)
    code, out, err = run(capsys, "train", "t.csv", "--target", *options)
    assert (code, out) == (2, "") and one_line(err) and words in err


def test_names_and_kinds_of_targets(capsys):
    write("t.csv", KINDS)
    table = table_of(KINDS)
    assert fit_target(table, "p,q", None).names == ["p,q"]  # a name with a comma in it
    assert fit_target(table, "a, b", None).names == ["a", "b"]
    assert fit_target(table, ["a", "p,q"], None).names == ["a", "p,q"]
    assert fit_target(table, "a,few", "regression").width == 2
    with pytest.raises(TabularError, match="name the column"):
        fit_target(table, [], None)
    code, _, err = run(capsys, "train", "t.csv", "--target", "a,few", "--drop", "kind,")
    assert code == 2 and one_line(err)
    code, _, err = run(capsys, "train", "t.csv", "--target", "a,few")
    assert "(--task regression)" in err
    again = Target.from_json(fit_target(table, "a,b", None).to_json(), "regression")
    assert again.names == ["a", "b"] and again.width == 2
    one = {"name": "a", "mean": 0, "std": 1}
    for several in ([], [one], [one, one]):
        with pytest.raises(ValueError, match="targets"):
            Target.from_json({"name": "a", "several": several}, "regression")


def test_test_rows_of_another_table(capsys):
    write("t.csv", COLUMNS)
    write("more.csv", {"x": [1, -1], "z": [0, 0.5], "a": [302, 298], "b": [0.01, -0.015]})
    args = (*TRAIN, "--epochs", 30, "--hidden", "16", "--test", "more.csv")
    code, out, err = run(capsys, *args)
    assert (code, err) == (0, "") and "test: 2 rows of another table" in out
    write("more.csv", {"x": [1], "z": [0], "a": [302], "b": [""]})
    code, _, err = run(capsys, *args)
    assert code == 2 and "column 'b': missing value" in err
