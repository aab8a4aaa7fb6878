"""examples/tape.py, the tape in 100 lines, is what the real one does: values, gradients, order."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import wengert as wg

FILE = Path(__file__).resolve().parent.parent / "examples" / "tape.py"
spec = importlib.util.spec_from_file_location("toy_tape", FILE)
tape = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tape)


def real(array):
    return wg.tensor(array, dtype=wg.float64, requires_grad=True)


def toy(array):
    return tape.Tensor(array, requires_grad=True)


def summed(x):
    return x.sum()


def numbers(x):
    return x.data if isinstance(x, tape.Tensor) else x.detach().numpy()


PROGRAMS = {
    "a product": lambda a, b, w: summed(a * b),
    "fan-out": lambda a, b, w: summed(a * a * a + a),
    "broadcast": lambda a, b, w: summed(a * b + b * 3.0 - 1.0),
    "a layer": lambda a, b, w: summed((a @ w + b).tanh()),
    "relu": lambda a, b, w: summed((a @ w.t() @ w).relu() * a),
    "powers": lambda a, b, w: summed((a * a + 1.0) ** 1.5),
    "logarithm": lambda a, b, w: summed((a.exp() + 1.0).log()),
    "a chain": lambda a, b, w: summed(((a * b).exp() * 0.1).tanh() @ w.t()),
}


def leaves(make):
    rng = np.random.default_rng(0)
    return [make(rng.standard_normal(shape)) for shape in ((4, 3), (3,), (3, 3))]


@pytest.fixture(params=PROGRAMS.values(), ids=PROGRAMS)
def program(request):
    return request.param


def test_values_and_gradients(program):
    ours, theirs = leaves(toy), leaves(real)
    loss, expected = program(*ours), program(*theirs)
    np.testing.assert_allclose(loss.data, expected.item(), rtol=1e-13)
    tape.backward(loss)
    expected.backward()
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.grad is None) == (other.grad is None)
        if mine.grad is not None:
            np.testing.assert_allclose(mine.grad.data, other.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_second_derivatives(program):
    """Of the squares of the first, which `create_graph` makes tensors with a history."""
    ours, theirs = leaves(toy), leaves(real)
    tape.backward(program(*ours), create_graph=True)
    first = ours[0].grad
    ours[0].grad = None
    tape.backward((first * first).sum())
    (expected,) = wg.autograd.grad(program(*theirs), theirs[0], create_graph=True)
    (second,) = wg.autograd.grad((expected * expected).sum(), theirs[0], allow_unused=True)
    assert (ours[0].grad is None) == (second is None)
    if second is not None:
        np.testing.assert_allclose(ours[0].grad.data, second.numpy(), rtol=1e-11, atol=1e-13)


def test_the_order_is_that_of_the_real_tape():
    """A hook on what each entry made tells when a backward comes to it."""
    ours, theirs = leaves(toy), leaves(real)

    def run(a, b, w, seen):
        made = {}
        made["h"] = a @ w
        made["p"] = made["h"] * b
        made["q"] = made["h"].tanh()
        made["r"] = made["p"].exp()
        made["s"] = made["q"] * made["p"]
        made["u"] = made["s"] + made["r"]
        made["l"] = made["u"].sum()
        for name, t in made.items():
            seen(name, t)
        return made["l"]

    orders = {"real": [], "toy": []}

    def watch_real(name, t):
        t.register_hook(lambda g: orders["real"].append(name))

    def watch_toy(name, t):
        op = t.entry.op
        t.entry.op = tape.Op(name, op.run, lambda v: orders["toy"].append(name) or op.vjp(v))

    run(*theirs, watch_real).backward()
    tape.backward(run(*ours, watch_toy))
    assert orders["toy"] == orders["real"] == list("lusrqph")


def test_it_trains_as_the_real_one():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((32, 2)), rng.standard_normal((32, 1))
    start = [rng.standard_normal(s) for s in ((2, 8), (8,), (8, 1))]
    found = []
    for make, back in ((toy, tape.backward), (real, lambda t: t.backward())):
        weights = [make(w) for w in start]
        for _ in range(20):
            a, b, c = weights
            error = (x_of(make, x) @ a + b).tanh() @ c - x_of(make, y)
            loss = (error * error).sum() * (1 / 32)
            back(loss)
            weights = [make(numbers(w) - 0.1 * numbers(w.grad)) for w in weights]
        found.append(float(numbers(loss)))
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def x_of(make, array):
    return tape.Tensor(array) if make is toy else wg.tensor(array)


def test_it_is_100_lines():
    assert len(FILE.read_text().splitlines()) <= 100
