"""Frames of polars: the same tables, networks and predictions as of any other columns."""

import datetime
import decimal
import pickle
import warnings

import numpy as np
import pytest

import wengert as wg
from tests.tabular.commands import run, write
from wengert import tabular
from wengert.tabular import TabularError, table_of

polars = pytest.importorskip("polars")

ROWS = 120
X = np.random.RandomState(0).randn(ROWS).round(3)
KINDS = np.array(["red", "green", "blue"])[np.random.RandomState(1).randint(0, 3, ROWS)]
FRAME = polars.DataFrame(
    {
        "x": X,
        "kind": KINDS,
        "size": [None if i % 9 == 0 else float(i) for i in range(ROWS)],
        "level": polars.Series(["low", "high"] * (ROWS // 2), dtype=polars.Categorical),
        "y": np.where(X + (KINDS == "red") > 0.4, "yes", "no"),
    }
)


def test_what_becomes_of_each_type():
    day = datetime.date(2024, 3, 5)
    frame = polars.DataFrame(
        {
            "float": [1.5, None], "int": [2**53 + 1, 3], "gap": [1, None], "flag": [True, None],
            "text": [" a ", None], "day": [day, None],
            "time": [datetime.datetime(2024, 3, 5, 14, 30), None],
            "part": polars.Series(["u", None], dtype=polars.Categorical),
            "money": polars.Series([decimal.Decimal("1.50"), None]),
            "wait": [datetime.timedelta(hours=36), None],
        }
    )  # fmt: skip
    table = table_of(frame)
    assert list(table.columns) == frame.columns and len(table) == 2
    cells = {name: column.cells()[0] for name, column in table.columns.items()}
    assert cells == {
        "float": "1.5", "int": "9007199254740993", "gap": "1", "flag": "True", "text": "a",
        "day": "2024-03-05", "time": "2024-03-05T14:30:00", "part": "u", "money": "1.50",
        "wait": "1.5",
    }  # fmt: skip
    missing = [name for name, column in table.columns.items() if column.missing_rows == [1]]
    assert missing == [name for name in frame.columns if name != "int"]
    with pytest.raises(TabularError, match="column 'l': one value a row needed"):
        table_of(polars.DataFrame({"l": [[1], [2, 3]]}))
    with pytest.raises(TypeError, match=r"got LazyFrame; collect\(\) it first"):
        table_of(frame.lazy())


def test_a_network_is_trained_and_used_as_on_other_columns(capsys):
    columns = {name: FRAME[name].to_list() for name in FRAME.columns}
    found = {}
    for kind, data in (("polars", FRAME), ("dict", columns)):
        prepared = tabular.prepare_table(table_of(data), "y")
        found[kind] = [feature.to_json() for feature in prepared.features]
    assert found["polars"] == found["dict"]
    write("t.csv", {n: ["" if v is None else v for v in c] for n, c in columns.items()})
    args = ("train", "t.csv", "--target", "y", "--epochs", 5, "--hidden", "8", "--save", "m")
    assert run(capsys, *args)[0] == 0
    model = wg.load_model("m")
    assert model.predict(FRAME).tolist() == model.predict("t.csv").tolist()
    shuffled = FRAME.select(["level", "y", "x", "size", "kind"])  # columns are found by name
    assert model.probabilities(shuffled).tolist() == model.probabilities(FRAME).tolist()
    with pytest.raises(TabularError, match="no column 'kind'"):
        model.predict(FRAME.drop("kind"))


def test_the_estimators_keep_the_names_of_features():
    pytest.importorskip("sklearn", minversion="1.6")
    from wengert import sklearn as estimators

    small = {"hidden_layer_sizes": (16,), "max_iter": 40, "learning_rate_init": 0.02,
             "random_state": 0}  # fmt: skip
    inputs = FRAME.drop("y")
    model = estimators.TabularClassifier(**small).fit(inputs, FRAME["y"])
    assert model.score(inputs, FRAME["y"]) > 0.9
    assert list(model.feature_names_in_) == inputs.columns
    assert [feature.name for feature in model.features_] == inputs.columns
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(inputs) == model.predict(inputs)).all()
    for wrong in (inputs.rename({"kind": "sort"}), inputs.select(inputs.columns[::-1])):
        with pytest.raises(ValueError, match="feature names"):
            model.predict(wrong)
    targets = FRAME.select(polars.col("x"), polars.col("x").alias("twice") * 2)
    model = estimators.TabularRegressor(**small).fit(inputs, targets)
    assert model.predict(inputs).shape == (ROWS, 2)
    weights = polars.Series([1.0, 2.0] * (ROWS // 2))
    numbers = polars.DataFrame({"a": X, "b": -X})
    for kind in (estimators.MLPRegressor, estimators.TabularRegressor):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # few epochs
            model = kind(**small).fit(numbers, FRAME["x"], sample_weight=weights)
        assert list(model.feature_names_in_) == ["a", "b"] and model.score(numbers, X) > 0.5
