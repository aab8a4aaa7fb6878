"""What somebody meets who comes with a small table, a rare class, or dates in another form."""

import datetime
import re

import numpy as np
import pytest

from tests.tabular.commands import one_line, run, write
from wengert import tabular
from wengert.tabular.dates import date_numbers

TINY = {"dose": range(0, 60, 5), "age": [61, 25, 70, 44, 33, 29, 78, 31, 64, 66, 27, 75],
        "answer": ["same"] * 6 + ["better"] * 6}  # fmt: skip
SHORT = ("--epochs", 5, "--hidden", "8")


def test_few_test_rows_say_little(capsys):
    write("t.csv", TINY)
    code, out, err = run(capsys, "train", "t.csv", "--target", "answer", *SHORT)
    assert (code, err) == (0, "") and "12 rows (8 training, 2 validation, 2 test)" in out
    assert "2 test rows say little; --cv 5 scores networks on all rows" in out
    code, out, err = run(capsys, "train", "t.csv", "--target", "answer", *SHORT, "--cv", 5)
    assert (code, err) == (0, "") and "say little" not in out and "5 folds: accuracy" in out
    args = ("--test", "t.csv")
    assert "say little" not in run(capsys, "train", "t.csv", "--target", "answer", *SHORT, *args)[1]


def test_r_squared_of_folds_of_few_rows(capsys):
    write("t.csv", TINY)
    args = ("train", "t.csv", "--target", "age", *SHORT)
    for folds in (7, 12):
        code, _, err = run(capsys, *args, "--cv", folds)
        assert code == 2 and one_line(err)
        assert f"{folds} folds of 12 rows: R2 needs two rows in each (--cv 6)" in err
    code, out, err = run(capsys, *args, "--cv", 6)
    assert (code, err) == (0, "")
    together, error = re.search(r"R2 of all rows together (\S+), RMSE (\S+),", out).groups()
    spread = np.var(TINY["age"])
    assert float(together) == pytest.approx(1 - float(error) ** 2 / spread, abs=1e-3)
    code, _, err = run(capsys, *args, "--cv", 13)
    assert code == 2 and "13 parts asked for" in err


def test_a_class_of_one_member(capsys):
    x = np.random.RandomState(0).randn(61).round(3)
    kinds = [*np.where(x[:-1] > 0, "a", "b"), "unicorn"]
    write("t.csv", {"x": x, "species": kinds})
    args = ("train", "t.csv", "--target", "species", *SHORT)
    code, out, err = run(capsys, *args, "--save", "m")
    assert (code, err) == (0, "") and "classes of few rows: 'unicorn' 1; they are" in out
    assert re.search(r"^unicorn +- +- +- +0$", out, re.M)  # none among the test rows
    assert "unicorn" in tabular.load_model("m").target.classes
    code, out, err = run(capsys, *args, "--cv", 3)
    assert (code, err) == (0, "") and re.search(r"^unicorn +0.0000 +0.0000 +0.0000 +1$", out, re.M)
    write("t.csv", {"x": x[:-1], "species": kinds[:-1]})
    assert "few rows" not in run(capsys, *args)[1]


def test_dates_as_databases_write_them(capsys):
    days = [datetime.date(2023, 1, 1) + datetime.timedelta(days=7 * i) for i in range(60)]
    y = ["late" if day.month in (11, 12) else "on time" for day in days]
    write("t.csv", {"day": [f"{d:%d.%m.%Y}" for d in days], "kg": [*range(59), ""], "y": y})
    args = ("train", "t.csv", "--target", "y", *SHORT, "--save", "m")
    assert run(capsys, *args)[0] == 0
    expected = run(capsys, "predict", "m", "t.csv")[1]
    columns = {"day": days, "kg": [*range(59), ""], "y": y}
    write("iso.csv", columns)
    code, out, _ = run(capsys, "predict", "m", "iso.csv")
    assert (code, out) == (0, expected)
    model = tabular.load_model("m")
    assert model.predict(columns).tolist() == expected.split("\n")[1:-1]
    write("us.csv", {**columns, "day": [f"{d:%m/%d/%Y}" for d in days]})
    code, _, err = run(capsys, "predict", "m", "us.csv")
    assert code == 2 and one_line(err) and "is no date written as" in err
    both = date_numbers(["2024-03-05T06:00:00", "5.3.2024 06:00"], "dmy")
    assert both[0] == both[1]
    assert np.isnan(date_numbers(["2024/03/05", "2024-13-05"], "mdy")).all()
    write("kg.csv", {**columns, "kg": [*range(59), "12 kg"]})
    code, _, err = run(capsys, "predict", "m", "kg.csv")
    assert code == 2 and one_line(err) and "take such cells for missing (--lenient)" in err
    assert run(capsys, "predict", "m", "kg.csv", "--lenient")[0] == 0
