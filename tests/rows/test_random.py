"""Random numbers are PyTorch's: stored values, and torch itself where it is installed."""

import json
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from tests.rows.random_table import DRAWS

# What torch 2.13 draws: {name: {seed: values}}, floats in full.
VALUES = json.loads(Path(__file__).with_name("random_values.json").read_text())

every_draw = pytest.mark.parametrize("name", list(DRAWS))


def compare(name, ours, theirs):
    if DRAWS[name][1]:
        np.testing.assert_array_equal(ours, theirs)
    else:
        rtol = 1e-5 if ours.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)


@pytest.mark.quick
@every_draw
def test_stored_values(name):
    for seed, values in VALUES[name].items():
        wg.manual_seed(int(seed))
        ours = DRAWS[name][0](wg).numpy()
        compare(name, ours.reshape(-1), np.array(values).astype(ours.dtype))


@every_draw
@pytest.mark.filterwarnings("ignore")
def test_torch(name, oracle):
    for seed in (1, -5, 2**32 + 1, 123456789):
        wg.manual_seed(seed)
        oracle.manual_seed(seed)
        ours, theirs = DRAWS[name][0](wg), DRAWS[name][0](oracle)
        assert ours.shape == theirs.shape
        assert repr(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2]
        compare(name, ours.numpy(), theirs.numpy())


def test_state_is_torchs(oracle):
    """The generators stay in step, and their states are interchangeable."""
    for length in (1, 5, 16, 700):
        wg.manual_seed(3)
        oracle.manual_seed(3)
        for library in (wg, oracle):
            library.randn(3)
            library.rand(length)
        assert wg.get_rng_state().tolist() == oracle.get_rng_state().tolist()
    state = oracle.get_rng_state()
    expected = oracle.rand(4).tolist()
    wg.set_rng_state(wg.from_numpy(state.numpy()))
    assert wg.rand(4).tolist() == expected


def test_states_and_generators():
    wg.manual_seed(5)
    state = wg.get_rng_state()
    first = wg.randn(3).tolist()  # keeps a sine for the next
    middle = wg.get_rng_state()
    second = wg.randn(3).tolist()
    wg.set_rng_state(state)
    assert wg.randn(3).tolist() == first
    wg.set_rng_state(middle)
    assert wg.randn(3).tolist() == second
    assert wg.initial_seed() == 5

    g = wg.Generator()
    g.manual_seed(5)
    assert g.initial_seed() == 5
    assert wg.randn(3, generator=g).tolist() == first
    copy = wg.Generator()
    copy.set_state(g.get_state())
    assert wg.rand(2, generator=copy).tolist() == wg.rand(2, generator=g).tolist()
    with wg.random.fork_rng():
        wg.rand(10)
    wg.set_rng_state(state)
    assert wg.randn(3).tolist() == first


def test_seeds():
    wg.manual_seed(2**32 + 5)  # the low 32 bits count
    a = wg.rand(3).tolist()
    wg.manual_seed(5)
    assert wg.rand(3).tolist() == a
    wg.manual_seed(-1)
    b = wg.rand(3).tolist()
    wg.manual_seed(2**64 - 1)
    assert wg.rand(3).tolist() == b
    assert wg.seed() != wg.seed()
    for wrong in (2**64, -(2**63) - 1):
        with pytest.raises((RuntimeError, ValueError), match="seed"):
            wg.manual_seed(wrong)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", ["dropout", "alpha_dropout", "feature_alpha_dropout"])
def test_forms_of_dropout(name, train):
    """Outside nn.functional there are no defaults, and a form that writes over its input."""
    x = wg.randn(6, 5, 4)
    results = []
    for function in (getattr(wg.nn.functional, name), getattr(wg, name), getattr(wg, name + "_")):
        wg.manual_seed(5)
        results.append(function(given := x.clone(), 0.4, train))
    assert results[2] is given and given.equal(x) != train
    assert all(r.equal(results[0]) for r in results)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (0, 2, 1)])
@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_dropout_draws_in_the_order_of_memory(name, order):
    """As torch's does; the result lies as the input does."""
    f, x = getattr(wg.nn.functional, name), wg.rand(3, 4, 5) + 1
    results = []
    for given in (x, x.permute(*order)):
        wg.manual_seed(2)
        results.append(f(given, 0.5, True))
    assert wg.equal(results[0].permute(*order), results[1])
    assert results[1].stride() == x.permute(*order).stride()


def test_features_are_dropped_together():
    x = wg.randn(6, 5, 4)
    results = []
    for function in (wg.nn.functional.dropout2d, wg.feature_dropout, wg.feature_dropout_):
        wg.manual_seed(5)
        results.append(function(x[..., None].clone(), 0.4, True))
    assert all(r.equal(results[0]) for r in results)


def test_moments():
    """Right on average, far from the first values."""
    n = 200_000
    for name, x, mean, std in (
        ("rand", wg.rand(n), 0.5, 12**-0.5),
        ("randn", wg.randn(n), 0.0, 1.0),
        ("normal_", wg.empty(n, dtype=wg.float64).normal_(3, 2), 3.0, 2.0),
        ("exponential_", wg.empty(n).exponential_(2.0), 0.5, 0.5),
        ("bernoulli_", wg.empty(n).bernoulli_(0.2), 0.2, 0.4),
        ("geometric_", wg.empty(n).geometric_(0.5), 2.0, 2**0.5),
        ("dropout", wg.nn.functional.dropout(wg.ones(n), 0.5), 1.0, 1.0),
    ):
        array = x.numpy().astype(np.float64)
        assert abs(array.mean() - mean) < 5 * std / n**0.5, name
        assert abs(array.std() - std) < 0.02 * std + 0.01, name
    counts = np.bincount(wg.randint(10, (n,)).numpy(), minlength=10)
    assert abs(counts / n - 0.1).max() < 0.005
    assert sorted(wg.randperm(1000).tolist()) == list(range(1000))
