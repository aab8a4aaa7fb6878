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


def test_images_are_varied_in_training_only():
    wg.manual_seed(0)
    vary = tabular.images.RandomAffine()
    images = wg.rand(50, 1, 8, 8)
    moved = vary(images)
    assert moved.shape == images.shape and not wg.allclose(moved, images)
    assert images.amin() <= moved.amin() and moved.amax() <= images.amax()
    assert not wg.allclose(vary(images), moved)  # drawn anew
    assert wg.allclose(vary(wg.full((2, 1, 5, 5), 3.0)), wg.tensor(3.0))  # no edge is seen
    still = tabular.images.RandomAffine(0, 0, 0, 0)
    assert wg.allclose(still(images), images, atol=1e-6)
    shifted = tabular.images.RandomAffine(0, 0, 0, 0.25)  # at most one of eight pixels
    spot = wg.zeros(200, 1, 8, 8)
    spot[:, :, 4, 4] = 1
    found = shifted(spot).sum(0).squeeze(0)
    assert found.nonzero().amin() == 3 and found.nonzero().amax() == 5
    assert found.sum().item() == pytest.approx(200, rel=1e-4)
    vary.eval()
    assert vary(images) is images


def test_a_network_for_images():
    network = tabular.build_network(64, [32], 10, 0.3, "cnn")
    shapes = {name: tuple(value.shape) for name, value in network.named_parameters()}
    assert [shape for shape in shapes.values() if len(shape) == 4] == [
        (32, 1, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3)
    ]  # fmt: skip
    assert [shape for shape in shapes.values() if len(shape) == 2] == [(32, 256), (10, 32)]
    assert network(wg.rand(3, 64)).shape == (3, 10)
    assert tabular.build_network(25, [], 2, 0.0, "cnn")(wg.rand(3, 25)).shape == (3, 2)
    for inputs in (63, 9):
        with pytest.raises(TabularError, match="not the pixels of a square image") as found:
            tabular.build_network(inputs, [], 10, 0.0, "cnn")
        assert (found.value.argument, found.value.value) == ("model", "mlp")


def test_a_one_cycle_schedule_keeps_the_last_of_equal_epochs(monkeypatch):
    optimizers, rates, adamw = [], [], wg.optim.AdamW

    def made(*args, **options):
        optimizers.append(adamw(*args, **options))
        return optimizers[0]

    class Watcher:
        def batches(self, count):
            rates.append(optimizers[0].param_groups[0]["lr"])

        def epoch(self, number, loss, scores):
            pass

    monkeypatch.setattr(wg.optim, "AdamW", made)
    inputs, wanted = tabular.prepare_digits().train
    recipe = tabular.preset(1000, digits=True, model="cnn")
    recipe.epochs = 10
    network = tabular.build_network(64, [], 10, 0.0)
    alike = (inputs[:1].expand(20, 64), wanted[:1].expand(20))  # all right or all wrong
    history = tabular.fit(network, (inputs[:256], wanted[:256]), alike, recipe, False, Watcher())
    scores = [scores.score for scores in history.valid]
    assert scores[-2:] == [1, 1] and history.best_epoch == 10
    assert max(rates) > recipe.lr / 2 and rates[-1] < recipe.lr / 50
    assert rates.index(max(rates)) < len(rates) / 2


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
