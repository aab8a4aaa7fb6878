"""Folds, baselines, calibration, importance, and the page of a report."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import wengert as wg
from tests.tabular.commands import numbers, one_line, run, signs, write
from wengert import tabular
from wengert.tabular import baselines, dates, scores
from wengert.tabular.folds import Splitter, Splitting

X, Z = numbers(90), numbers(90, 1)
COLUMNS = {"x": X, "z": Z, "who": [f"p{i % 15}" for i in range(90)],
           "day": [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(90)],
           "y": signs(X)}  # fmt: skip
TRAIN = ["train", "t.csv", "--target", "y", "--epochs", 15, "--hidden", "8", "--batch-size", 32]


def splitter(how, classes=True):
    table = tabular.table_of(COLUMNS)
    codes = np.array([text == "up" for text in COLUMNS["y"]], np.int64)
    return Splitter(table, how, codes if classes else None), codes


def test_folds_are_partitions_with_shares_of_each_class():
    parts, codes = splitter(Splitting(seed=3))
    seen = []
    for train, valid, test in parts.folds(5):
        assert sorted([*train, *valid, *test]) == list(range(90))
        assert abs(codes[test].mean() - codes.mean()) < 0.06
        seen += test.tolist()
    assert sorted(seen) == list(range(90))
    with pytest.raises(tabular.TabularError, match="too few rows"):
        list(parts.folds(91))


def test_groups_stay_on_one_side():
    parts, _ = splitter(Splitting(group="who"))
    who = np.array(COLUMNS["who"])
    for part in [parts.once(), *parts.folds(4)]:
        sides = [set(who[rows]) for rows in part]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        assert sum(map(len, part)) == 90
    with pytest.raises(tabular.TabularError, match="too few groups"):
        list(parts.folds(16))


def test_time_goes_one_way():
    parts, _ = splitter(Splitting(time="day"), False)
    for train, valid, test in [parts.once(), *parts.folds(3)]:
        assert train.max() < valid.min() and valid.max() < test.min()
    with pytest.raises(tabular.TabularError, match="neither a number nor a date"):
        splitter(Splitting(time="who"))


def test_scores_of_classes():
    wanted, said = np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 1, 0, 1])
    matrix = scores.confusion_matrix(wanted, said, 3)
    assert matrix.tolist() == [[1, 1, 0], [1, 2, 0], [0, 1, 0]]
    first, second, third = scores.class_scores(matrix, ["a", "b", "c"])
    assert (first.precision, first.recall, first.rows) == (0.5, 0.5, 2)
    assert (second.precision, second.recall) == (0.5, pytest.approx(2 / 3))
    assert (third.precision, third.recall, third.f1) == (0, 0, 0)
    sure = np.eye(3)[said] * 0.7 + 0.1
    found = scores.calibration(sure, wanted)
    assert found.rows.tolist() == [6]
    assert found.error == pytest.approx(0.8 - 0.5)
    assert scores.log_loss(sure, wanted) == pytest.approx(
        -(3 * np.log(0.8) + 3 * np.log(0.1)) / 6
    )  # fmt: skip


def test_linear_models():
    rng = np.random.RandomState(0)
    x = rng.randn(200, 3).astype(np.float32)
    y = (x @ [1, -2, 0.5]).astype(np.float32)
    rows = (wg.from_numpy(x), wg.from_numpy(y))
    assert baselines.linear_score(rows, None, rows, None) > 0.999
    assert baselines.constant_score(rows, rows, True) == pytest.approx(0, abs=1e-6)
    classes = wg.from_numpy((y > 0).astype(np.int64))
    rows = (wg.from_numpy(x), classes)
    assert baselines.linear_score(rows, rows, rows, 2) > 0.97
    share = (y > 0).mean()
    assert baselines.constant_score(rows, rows, False) == pytest.approx(max(share, 1 - share))


def test_dates_in_their_orders():
    assert dates.date_order(["2024-02-29", "", "1999-1-1"]) == "ymd"
    assert dates.date_order(["5.3.2024", "31.12.99"]) == "dmy"
    assert dates.date_order(["5/3/2024", "12/31/1999"]) == "mdy"
    assert dates.date_order(["2023-02-29"]) is None and dates.date_order([""]) is None
    assert dates.date_order(["1-2", "3.5"]) is None
    day = dates.parse_date("2024-03-05T14:30:00+02:00", "ymd")
    assert (day.hour, day.minute) == (12, 30)
    assert dates.parse_date("3/5/24 2:30 PM", "mdy").hour == 14
    found = dates.date_numbers(["1970-01-02", "x"], "ymd")
    assert found[0] == 1 and np.isnan(found[1])


def test_dates_become_numbers_and_are_used_again(capsys):
    write("t.csv", {**COLUMNS, "who": X})
    code, out, err = run(capsys, *TRAIN, "--save", "m")
    assert (code, err) == (0, "") and "day.days, day.month, day.day, day.weekday" in out
    names = [feature.name for feature in tabular.load_model("m").features]
    assert "day.year" not in names and "day.hour" not in names
    code, out, _ = run(capsys, "predict", "m", "t.csv")
    assert code == 0 and len(out.split()) == 91
    write("new.csv", {"x": [1], "z": [0], "who": [1], "day": ["soon"]})
    code, _, err = run(capsys, "predict", "m", "new.csv")
    assert code == 2 and one_line(err) and "'soon' is no date" in err
    assert run(capsys, "predict", "m", "new.csv", "--lenient")[0] == 0


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.pictures, self.links = [], 0, []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                self.links.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_cross_validation_and_its_report(capsys, here):
    pytest.importorskip("matplotlib")
    write("t.csv", {**COLUMNS, "<b>$x_": Z})
    args = (*TRAIN, "--drop", "who", "--cv", 3, "--report", "page", "--save", "m")
    code, out, _ = run(capsys, *args)
    assert code == 0
    folds = [float(s) for s in re.findall(r"^fold \d/3  accuracy ([\d.]+)", out, re.M)]
    mean = float(re.search(r"3 folds: accuracy ([\d.]+) \+- ", out)[1])
    assert len(folds) == 3 and mean == pytest.approx(np.mean(folds), abs=1e-4)
    assert "to compare, accuracy: the commonest class 0.5" in out
    assert "logistic regression" in out and "calibration error" in out and "confusion" in out
    cost = re.search(r"what a shuffled column costs in accuracy: 'x' ([\d.]+)", out)
    assert float(cost[1]) > 0.2
    assert "0 test" not in out and tabular.load_model("m").predict("t.csv").shape == (90,)
    text = (here / "page" / "report.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.open == [] and len(page.links) == 4
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert "&lt;b&gt;$x_" in text and "<b>" not in text and "http" not in text
    # What makes it readable on a phone: a viewport, tables that scroll, pictures that shrink.
    assert 'name="viewport"' in text and text.count("<table>") == text.count('"wide"><table>') == 2
    assert 'alt=""' not in text and "max-width: 42rem" in text


def test_a_network_that_loses_says_so(capsys):
    write("t.csv", {"x": X, "z": Z, "y": [3 * x + 0.1 * z for x, z in zip(X, Z, strict=True)]})
    code, out, err = run(capsys, *TRAIN, "--lr", "1e-6")
    assert (code, err) == (0, "") and "ridge regression does better than the network" in out
    assert "mean absolute error" in out
    code, out, err = run(capsys, *TRAIN, "--cv", 2, "--time", "x")
    assert code == 0 and "2 folds: R2" in out
    for options, words in (
        (("--cv", 1), "from 2 to 1000"), (("--group", "q"), "no column 'q'"),
        (("--group", "y"), "is the column that is predicted"),
        (("--group", "x", "--time", "z"), "by groups or by time"),
        (("--cv", 3, "--test", "t.csv"), "--test brings test rows"),
    ):  # fmt: skip
        code, _, err = run(capsys, *TRAIN, *options)
        assert code == 2 and words in err
    code, _, err = run(capsys, "train", "digits", "--cv", 3)
    assert code == 2 and "are for tables" in err


def test_a_search_goes_on_where_it_ended(capsys, here):
    write("t.csv", {"x": X, "z": Z, "y": signs(X)})
    args = ("train", "t.csv", "--target", "y", "--epochs", 9, "--tune", 0.03)
    code, out, err = run(capsys, *args, "--save", "m")
    assert (code, err) == (0, "") and "trial 0.2" in out and "the preset as it is" in out
    lines = (here / "t.csv.tune.jsonl").read_text().splitlines()
    assert len(lines) >= 2 and f"{len(lines) - 1} trials in t.csv.tune.jsonl" in out
    assert tabular.load_model("m").predict("t.csv").shape == (90,)
    code, out, _ = run(capsys, *args)
    more = (here / "t.csv.tune.jsonl").read_text().splitlines()
    assert code == 0 and more[: len(lines)] == lines
    for text, words in (("{}\n", "of another search"), ("nonsense\n", "not the log")):
        (here / "log").write_text(text)
        code, _, err = run(capsys, *args, "--tune-log", "log")
        assert code == 2 and one_line(err) and words in err
    for options in (("--cv", 3), ("--preset", "plain"), ("--valid-fraction", 0)):
        code, _, err = run(capsys, *args, *options)
        assert code == 2 and one_line(err)


def test_rows_weigh_what_a_column_says(capsys):
    """Of two contradicting halves the one that counts is learnt."""
    up = signs(X)
    down = ["down" if text == "up" else "up" for text in up]
    write("t.csv", {"x": X + X, "y": up + down, "w": [1] * 90 + [0] * 90})
    args = ("train", "t.csv", "--target", "y", "--epochs", 60, "--hidden", "16", "--save", "m")
    code, out, err = run(capsys, *args, "--weight", "w")
    assert (code, err) == (0, "") and "columns: 1 of numbers (x)" in out
    found = tabular.load_model("m").predict({"x": X})
    assert (found == np.array(up)).mean() > 0.9
    for column, words in (
        ("q", "no column 'q'"), ("y", "the column that is predicted"), ("x", "at least 0"),
    ):  # fmt: skip
        code, _, err = run(capsys, *args, "--weight", column)
        assert code == 2 and one_line(err) and words in err
