"""Tables, their split and encoding, and the training that the command line is made of."""

import numpy as np
import pytest

import wengert as wg
from tests.tabular.commands import write
from wengert import tabular
from wengert.tabular import TabularError, fit_target, read_table, split_rows


def test_csv_dialects():
    plain = read_table(write("a.csv", 'x,"na me",y\n1,"a, ""b""\nc",2\n\n3,d,4\n'))
    assert plain.columns["na me"].texts == ['a, "b"\nc', "d"]
    assert plain.columns["y"].numbers.tolist() == [2, 4]
    assert plain.lines.tolist() == [2, 5]  # a quoted line break and a blank line come before
    for text in ("x\ty\n1,5\t2\n", "\ufeffx;y\r\n1,5;2\r\n"):
        table = read_table(write("b.csv", text))
        assert list(table.columns) == ["x", "y"]
    assert table.columns["x"].numbers.tolist() == [1.5]
    assert read_table(write("c.csv", "x\n1\n2\n")).columns["x"].numbers.tolist() == [1, 2]


@pytest.mark.parametrize("count", [10, 100, 1001])
@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_split_is_a_partition_with_shares_of_each_class(count, fraction):
    classes = np.arange(count) % 4
    parts = split_rows(count, fraction, 3, classes)
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    held_out = max(1, round(count * fraction))
    assert [len(part) for part in parts[1:]] == [held_out, held_out]
    if count >= 100:
        for part in parts:
            shares = np.bincount(classes[part], minlength=4) / len(part)
            assert abs(shares - 0.25).max() < 0.06


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 20, "classification"),
        (["0", "1.0", "1", "0.0"] * 10, "classification"),
        ([str(i) for i in range(40)], "regression"),
        (["0.5", "1.5"] * 20, "regression"),
        ([str(i % 20) for i in range(200)], "classification"),
        ([str(i % 21) for i in range(200)], "regression"),
    ],
)
def test_task_is_found_from_the_target(values, task):
    table = read_table(write("t.csv", "x,y\n" + "".join(f"1,{value}\n" for value in values)))
    target = fit_target(table, "y", None)
    assert target.task == task
    if task == "classification":
        assert target.width == len({float(v) if v[0].isdigit() else v for v in values})
    with pytest.raises(TabularError, match="no column"):
        fit_target(table, "z", None)


def test_a_table_is_learnt_kept_and_used(tmp_path):
    pytest.importorskip("safetensors")
    rng = np.random.RandomState(0)
    kinds = np.array(["yes", "no"] * 40)
    np.savez("t.npz", size=np.where(kinds == "yes", 1.0, -1.0) + 0.1 * rng.randn(80), y=kinds)
    table = read_table("t.npz")
    data = tabular.prepare_table(table)
    recipe = tabular.preset(rows=data.train[1].shape[0])
    recipe.epochs = 10
    wg.manual_seed(0)
    network = tabular.build_network(1, recipe.hidden, data.target.width, recipe.dropout)
    calls = []

    class Watcher:
        def batches(self, count):
            calls.append(count)

        def epoch(self, number, loss, scores):
            calls.append((number, loss, scores))

    history = tabular.fit(network, data.train, data.valid, recipe, False, Watcher())
    assert [c[0] for c in calls if isinstance(c, tuple)] == list(range(1, 11))
    assert sum(c for c in calls if isinstance(c, int)) == 20
    assert [c[2] for c in calls if isinstance(c, tuple)] == history.valid
    assert tabular.evaluate(network, data.test, False).score == 1
    model = tabular.Model(network, data.features, data.target, recipe.hidden, recipe.dropout)
    tabular.save_model(model, "m.safetensors")
    again = tabular.load_model("m.safetensors")
    inputs = wg.from_numpy(tabular.encode_inputs(table, again.features, tabular.Notes()))
    expected = tabular.predict_all(network, inputs)
    assert tabular.predict_all(again.network, inputs).tolist() == expected.tolist()


def test_errors_name_the_setting_that_helps():
    table = read_table(write("t.csv", "x,y\n1,2\n2,3\n"))
    with pytest.raises(TabularError, match="name the column to predict") as found:
        tabular.prepare_table(table)
    assert found.value.argument == "target"
    data = tabular.prepare_digits()
    recipe = tabular.preset(1000, digits=True)
    recipe.lr, recipe.epochs = 1e30, 3
    network = tabular.build_network(64, [8], 10, 0.0)
    with pytest.raises(tabular.DivergedError) as found:
        tabular.fit(network, data.train, data.valid, recipe, False)
    assert found.value.argument == "lr"
