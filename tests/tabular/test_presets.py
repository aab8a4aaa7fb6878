"""The presets: what their networks compute, what is saved of them, and the files of before."""

import math

import numpy as np
import pytest

import wengert as wg
from tests.tabular.commands import run, signs, write
from wengert import tabular
from wengert.tabular import networks, training

X, Z = np.random.RandomState(0).randn(2, 160).round(3)
KINDS = np.array([f"k{i % 11}" for i in range(160)])
CLASSES = {"x": X, "z": Z, "kind": KINDS, "y": signs(X * Z)}
NUMBERS = {"x": X, "z": Z, "kind": KINDS, "y": (X * Z + (KINDS == "k3")).round(4)}


def trained(columns, name, epochs=6, **parts):
    regression = columns is NUMBERS
    recipe = tabular.preset(160, name=name, regression=regression)
    treatment = tabular.Treatment(scaling=recipe.scaling, clip=recipe.clip)
    data = tabular.prepare_table(tabular.table_of(columns), "y", treatment=treatment)
    recipe.epochs = epochs
    if parts:
        recipe.parts = tabular.Parts(**parts)
    wg.manual_seed(0)
    network = tabular.build_from_recipe(data.features, data.target, recipe)
    history = tabular.fit(network, data.train, data.valid, recipe, regression)
    model = tabular.Model(network, data.features, data.target, recipe.hidden, recipe.dropout,
                          "mlp", recipe.parts)  # fmt: skip
    return model, data, history


@pytest.mark.parametrize("columns", [CLASSES, NUMBERS], ids=["classes", "numbers"])
@pytest.mark.parametrize("name", tabular.presets.PRESETS)
def test_a_preset_is_trained_kept_and_read_again(name, columns):
    model, _, history = trained(columns, name)
    assert len(history.train_loss) == 6 and np.isfinite(history.train_loss).all()
    tabular.save_model(model, "m.safetensors")
    again = tabular.load_model("m.safetensors")
    assert again.outputs(columns).tolist() == model.outputs(columns).tolist()
    assert again.parts == model.parts and again.network.training is False
    if columns is CLASSES:
        assert np.allclose(again.probabilities(columns).sum(1), 1, atol=1e-5)
    one = {name: values[:1] for name, values in columns.items()}
    assert wg.allclose(again.outputs(one), model.outputs(columns)[:1], atol=1e-5)


def test_each_part_is_an_option_of_the_command(capsys):
    write("t.csv", CLASSES)
    for options in (
        ("--no-clip", "--scaling", "standard"), ("--no-ntk", "--no-front-scale"),
        ("--activation", "gelu", "--learned-activation"), ("--periodic", "0.5", "--no-zero-head"),
        ("--category-embedding", "3", "--schedule", "constant", "--patience", "1"),
        ("--members", "3", "--no-clamp"), ("--preset", "plain", "--clip", "--ntk"),
    ):  # fmt: skip
        args = ("train", "t.csv", "--target", "y", "--epochs", 2, "--hidden", "8", *options)
        code, out, err = run(capsys, *args, "--save", "m.safetensors")
        assert (code, err) == (0, ""), options
        code, out, _ = run(capsys, "predict", "m.safetensors", "t.csv")
        assert code == 0 and len(out.split()) == 161
    code, _, err = run(capsys, "train", "digits", "--preset", "strong")
    assert code == 2 and "digits: --preset strong is for tables" in err


def test_damaged_parts_are_refused(capsys):
    import json

    model, _, _ = trained(CLASSES, "strong", 1)
    tabular.save_model(model, "m.safetensors")
    state, metadata = wg.serialization.load_safetensors("m.safetensors")
    about = json.loads(metadata["wengert"])
    assert about["format"] == 4
    for damage in (
        {"activation": "nonsense"},
        {"members": 2**40},
        {"members": 0},
        {"ntk": "x"},
        {"periodic": None},
        {"category_embedding": -1},
        {"learned_activation": False},
    ):
        bad = {**about, "parts": {**about["parts"], **damage}}
        if damage == {"ntk": "x"}:
            del bad["parts"]["ntk"]
        wg.serialization.save_safetensors(state, "bad.safetensors", {"wengert": json.dumps(bad)})
        with pytest.raises(tabular.TabularError, match="damaged model description"):
            tabular.load_model("bad.safetensors")
    for hidden in ([2**40] * 3, [8, 8, 8], [128] * 4):
        text = json.dumps({**about, "hidden": hidden})
        wg.serialization.save_safetensors(state, "bad.safetensors", {"wengert": text})
        with pytest.raises(tabular.TabularError, match="damaged model description"):
            tabular.load_model("bad.safetensors")


def test_numbers_are_clipped_smoothly_around_the_median():
    values = np.array([0.0, 1, 2, 3, 4, 1e12])
    table = tabular.table_of({"x": values, "same": np.full(6, 7.0), "two": [0.0] * 5 + [4.0]})
    how = tabular.Treatment(scaling="robust", clip=True)
    features = tabular.fit_features(table, "", [], np.arange(6), treatment=how)
    found = tabular.encode_inputs(table, features, tabular.Notes())
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    scaled = (values - median) / (high - low)
    assert np.allclose(found[:, 0], scaled / np.sqrt(1 + (scaled / 3) ** 2), atol=1e-6)
    assert found[5, 0] == pytest.approx(3) and (found[:, 1] == 0).all()
    assert found[5, 2] == pytest.approx(2 / math.sqrt(1 + 4 / 9))  # half of the reach


def test_predicted_numbers_stay_within_those_trained_on():
    model, data, _ = trained(NUMBERS, "simple")
    low, high = (float(v) for v in (model.network.low, model.network.high))
    far = {"x": [1e6, -1e6], "z": [1e6, 1e6], "kind": ["k1", "k2"]}
    outputs = model.outputs(far)
    assert ((outputs >= low) & (outputs <= high)).all()
    wanted = data.train[1]
    assert (low, high) == (wanted.amin().item(), wanted.amax().item())


def test_members_are_those_of_networks_of_their_own():
    """The layer's formula, and that together they say the mean of what they say apart."""
    wg.manual_seed(0)
    layer = networks.Members(5, 4, 3, True)
    assert set(layer.before.abs().flatten().tolist()) == {1.0}
    x = wg.randn(3, 7, 5)
    for member in range(3):
        weight = layer.after[member].T * layer.weight * layer.before[member]
        expected = x[member] @ weight.T + layer.bias[member]
        assert wg.allclose(layer(x)[member], expected, atol=1e-6)
    for regression in (False, True):
        parts = tabular.Parts(members=3)
        network = tabular.TabularNetwork([(True, 1)] * 5, [6], 2, 0.0, parts, regression)
        apart = network(x[0])
        assert apart.shape == (21, 2)
        network.eval()
        each = apart.reshape(3, 7, 2)
        together = each.mean(0) if regression else each.softmax(2).mean(0)
        found = network(x[0]) if regression else network(x[0]).softmax(1)
        assert wg.allclose(found, together, atol=1e-6)


def test_rates_of_the_ntk_parametrisation():
    """See Note [ntk]: the layer that divides in its forward pass goes the same way."""
    wg.manual_seed(0)
    parts = tabular.Parts(ntk=True)
    network = tabular.TabularNetwork([(True, 1)] * 9, [], 2, 0.0, parts, True)
    weight = (network.head.weight.detach() * 3).requires_grad_()
    bias = network.head.bias.detach().clone().requires_grad_()
    x, y = wg.randn(8, 9), wg.randn(8, 2)
    mine = wg.optim.AdamW(networks.parameter_groups(network, 0.04, 0.1), lr=0.04)
    theirs = wg.optim.AdamW(
        [
            {"params": [weight], "weight_decay": 0.1},
            {"params": [bias], "lr": 0.004, "weight_decay": 0.0},
        ],
        lr=0.04,
    )
    for _ in range(20):
        for optimizer, outputs in ((mine, network(x)), (theirs, x @ (weight / 3).T + bias)):
            optimizer.zero_grad()
            ((outputs - y) ** 2).mean().backward()
            optimizer.step()
    assert wg.allclose(network.head.weight, weight / 3, atol=1e-4)
    assert wg.allclose(network.head.bias, bias, atol=1e-4)


def test_one_hot_rows_choose_the_rows_of_an_embedding():
    parts = tabular.Parts(category_embedding=3, periodic=0.1)
    front = networks.Front([(True, 2), (False, 10), (False, 4)], parts)
    assert front.width == 4 + 1 + 3 + 4 and len(front.tables) == 1
    x = wg.zeros(1, 16)
    x[0, 0], x[0, 2 + 7] = 0.5, 1.0
    found = front(x)
    assert found[0, :5].tolist() == [0.0] * 5  # what is no number, and categories that are few
    assert found[0, 5].item() == 0.5
    assert found[0, 9:].tolist() == front.tables[0][7].tolist()


def test_the_schedule_rises_and_falls_four_times():
    rates = [training.coslog4(part / 1500) for part in range(1501)]
    tops = [i for i in range(1, 1500) if rates[i - 1] < rates[i] >= rates[i + 1]]
    assert len(tops) == 4 and rates[0] == 0 and rates[-1] == pytest.approx(0)
    assert (np.diff(np.diff([0, *tops])) > 0).all()


def test_weights_of_rows_count_as_rows_do():
    inputs, wanted = wg.randn(60, 3), wg.randn(60)
    weights = wg.randint(1, 4, (60,)).float()
    times = weights.long()
    rows = wg.arange(60).repeat_interleave(times)
    network = tabular.build_network(3, [4], 1, 0.0)
    found = tabular.evaluate(network, (inputs, wanted, weights), True)
    expected = tabular.evaluate(network, (inputs[rows], wanted[rows]), True)
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    assert found.score == pytest.approx(expected.score, abs=1e-5)
    labels = wg.randint(0, 3, (60,))
    network = tabular.build_network(3, [4], 3, 0.0)
    found = tabular.evaluate(network, (inputs, labels, weights), False)
    expected = tabular.evaluate(network, (inputs[rows], labels[rows]), False)
    assert found.score == pytest.approx(expected.score, abs=1e-5)
    recipe = tabular.preset(60)
    recipe.epochs = 2
    history = tabular.fit(network, (inputs, labels, weights / weights.mean()), None, recipe, False)
    assert len(history.train_loss) == 2
