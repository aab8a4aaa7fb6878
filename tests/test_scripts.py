"""Scripts written for PyTorch: its weights and losses; captured, the same bits."""

import functools
import io

import numpy as np
import pytest

import wengert as wg
from tests.scripts import (
    CONVOLUTIONAL,
    DIGITS,
    NAMES,
    STEPS,
    digest,
    digits,
    load,
    material,
    state,
    stored,
    train,
)

TOLERANCE = {"float32": 1e-3, "float64": 1e-9}
#: How often a step is captured: lengths of sequences are arguments of Python's.
CAPTURES = {"packed_gru": 5}
LAYOUTS = [(name, None) for name in NAMES] + [(name, wg.channels_last) for name in CONVOLUTIONAL]


@functools.cache
def eager(name, dtype, layout=None):
    """(digest of the initial weights, losses, arrays of the trained modules)."""
    wg.set_default_dtype(getattr(wg, dtype))
    begun, losses, modules = train(load(name, "wengert"), layout=layout)
    return begun, losses, state(modules)


@pytest.mark.parametrize("dtype", DIGITS)
@pytest.mark.parametrize("name", NAMES)
def test_weights_and_losses_are_the_stored_ones_of_torch(name, dtype):
    weights, losses = stored(name, dtype)
    begun, found, _ = eager(name, dtype)
    # Bit for bit; but without FMA the logarithms and cosines of normal numbers round otherwise.
    assert begun == weights or wg._load.isa == "v2"
    assert losses.shape == found.shape and len(losses) == STEPS
    np.testing.assert_allclose(found, losses, rtol=0, atol=TOLERANCE[dtype])
    assert losses[-20:, 0].mean() < 0.98 * losses[:20, 0].mean()  # it is a training


@pytest.mark.parametrize(("name", "layout"), LAYOUTS, ids=str)
def test_replays_have_the_bits_of_eager(name, layout):
    captured = []

    def capture(step):
        captured.append(wg.capture(step))
        return captured[0]

    _, losses, arrays = eager(name, "float32", layout)
    _, found, modules = train(load(name, "wengert"), compiled=capture, layout=layout)
    assert np.array_equal(found, losses)
    for a, b in zip(state(modules), arrays, strict=True):
        assert a.tobytes() == b.tobytes()
    assert captured[0].cache_info().hits == STEPS - CAPTURES.get(name, 1)


# Dropout draws in the order of memory: other layouts of its images are other zeros.
@pytest.mark.parametrize("name", [name for name in CONVOLUTIONAL if name != "mnist_cnn"])
def test_layouts_differ_by_rounding_only(name):
    _, losses, _ = eager(name, "float32")
    _, found, _ = eager(name, "float32", wg.channels_last)
    np.testing.assert_allclose(found, losses, rtol=0, atol=TOLERANCE["float32"])


def test_dropout_of_channels_last_draws_as_torchs(oracle):
    results = [
        train(load("mnist_cnn", library), steps=12, layout=layout)[1]
        for library, layout in (("torch", oracle.channels_last), ("wengert", wg.channels_last))
    ]
    np.testing.assert_allclose(*results, rtol=0, atol=TOLERANCE["float32"])


@pytest.mark.parametrize("name", NAMES)
def test_a_state_dict_of_torch_gives_what_torch_says(oracle, name):
    theirs, ours = load(name, "torch"), load(name, "wengert")
    begun, losses, trained = train(theirs, steps=20)
    mine, found, modules = train(ours, steps=20)
    assert mine == begun
    np.testing.assert_allclose(found, losses, rtol=0, atol=TOLERANCE["float32"])
    for module, other in zip(modules, trained, strict=True):
        file = io.BytesIO()
        oracle.save(other.state_dict(), file)
        file.seek(0)
        module.load_state_dict(wg.load(file))
        module.eval()
        other.eval()
    given = {k: v[-50:] if k == "images" else v for k, v in material(ours["evaluate"]).items()}
    with oracle.no_grad(), wg.no_grad():
        expected, got = (s["evaluate"](m, **given) for s, m in ((theirs, trained), (ours, modules)))
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=0, atol=1e-4)


def test_a_whole_resnet18_begins_as_that_of_torch(oracle):
    def begin(library):
        modules, batches, step, _ = load("resnet18", library, whole=True)["setup"](*digits())
        weights = digest(modules)
        return (
            weights,
            sum(p.numel() for p in modules[0].parameters()),
            [step(*next(batches)).item() for _ in range(2)],
        )

    weights, count, losses = begin("torch")
    assert count == 11_181_642
    found = begin("wengert")
    assert found[:2] == (weights, count)
    assert found[2] == pytest.approx(losses, abs=TOLERANCE["float32"])
