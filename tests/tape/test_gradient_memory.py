"""A gradient that nobody else holds is written over by the next one; any other is left alone."""

import subprocess
import sys

import numpy as np
import pytest

import wengert as wg

F = wg.nn.functional

# What the vjp of each does to the gradient is one pointwise op, its last use of it.
OVER = {
    "relu": wg.relu,
    "tanh": wg.tanh,
    "sigmoid": wg.sigmoid,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "exp": wg.exp,
    "neg": wg.neg,
    "by a number": lambda x: x * 3.0,
    "over a number": lambda x: x / 3.0,
    "from a number": lambda x: 1.0 - x,
    "by a constant": lambda x: x * wg.full((50,), 1.5),
    "by a row": lambda x: (x.view(5, 10) * wg.full((10,), 1.5)).view(50),
    "dropout": lambda x: F.dropout(x, 0.5),
}


def places(f, x, n=4):
    """Where the gradients of f(...f(x)) lie, from the last to the first."""
    found = []
    y = x
    for _ in range(n):
        y = f(y)
        y.register_hook(lambda g: found.append(g.data_ptr()))  # holds it no longer than the call
    y.backward(wg.rand(x.shape) + 0.5)
    return found


@pytest.mark.parametrize("name", OVER)
def test_a_dying_gradient_is_written_over(name):
    x = (wg.rand(50) + 0.5).requires_grad_()
    first, *others = places(OVER[name], x)
    # The first was given, and stays; the next ones are all in one place.
    assert first not in others
    assert len(set(others)) == 1


def test_peak_of_a_chain():
    """A chain of n saved outputs needs memory for one gradient beside them, not for two."""
    script = """
import wengert as wg
y = x = wg.rand(1 << 18, requires_grad=True)
for _ in range(10):
    y = y.tanh()
start = wg.ones(1 << 18)
before = wg.memory_stats()["peak"]
y.backward(start)
print((wg.memory_stats()["peak"] - before) / (4 << 18))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    # The first entry may not write over what was given, and takes one more. The second one would
    # again, before what went into the first is given back.
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.1


def plain(f, *values):
    """Gradients of f, in which no gradient is ever without a second holder."""
    xs = [wg.tensor(v, requires_grad=True) for v in values]
    return [g.tolist() for g in wg.autograd.grad(f(*xs), xs, create_graph=True)]


SHARED = {
    "two users": lambda x: ((y := x.tanh()).sigmoid() + y.relu()).tanh().sum(),
    "one gradient for two": lambda x: (x.tanh() + x.exp()).sigmoid().sum(),
    "twice in one product": lambda x: ((y := x.tanh()) * y).exp().sum(),
    "a sum": lambda x: x.tanh().relu().sum(),
    "a row": lambda x: (x.tanh() * x[0].sigmoid()).relu().sum(),
    "a transpose": lambda x: (x.tanh().t().exp() * x.sigmoid().t()).sum(),
    "a slice": lambda x: x.tanh()[1:].exp().relu().sum(),
    "another dtype": lambda x: (x.tanh().double().exp() * 2).float().sigmoid().sum(),
    "a matrix": lambda x: (x.tanh() @ x.relu().t()).tanh().sum(),
    "a view": lambda x: x.tanh().view(-1).exp().view(4, 3).sigmoid().sum(),
    "in place": lambda x: (x * 1.5).mul_(2.0).tanh_().sigmoid().sum(),
    "a quotient": lambda x: (x.exp() / (x.tanh() + 3)).tanh().sum(),
    "a difference": lambda x: (x.tanh() - x.exp()).sigmoid().sum(),
    "a difference of rows": lambda x: (x[0].tanh() - x.exp()).sigmoid().sum(),
    "nothing but numbers": lambda x: x.sum().tanh().exp() * 2,
}


@pytest.mark.parametrize("name", SHARED)
def test_gradients_are_the_same(name):
    f = SHARED[name]
    values = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    x = wg.tensor(values, requires_grad=True)
    loss = f(x)
    loss.backward(retain_graph=True)
    assert [x.grad.tolist()] == plain(f, values)
    x.grad = None
    loss.backward()  # what the first one saved is still as it was
    assert [x.grad.tolist()] == plain(f, values)


def test_a_given_gradient_stays():
    x = wg.rand(3, requires_grad=True)
    seed = wg.ones(3)
    x.tanh().backward(seed)
    x.exp().backward(gradient=wg.from_numpy(array := np.ones(3, np.float32)))
    assert seed.tolist() == array.tolist() == [1.0, 1.0, 1.0]


def test_what_hooks_saw_stays():
    x = wg.rand(3, requires_grad=True)
    held = []

    def hook(how):
        return lambda g: held.append((how(g), g.tolist()))

    y = x
    views = (lambda g: g.detach(), lambda g: g[1:], lambda g: g.numpy())
    for how in (lambda g: g, *views, memoryview):
        y = y.tanh()
        y.register_hook(hook(how))
    y.backward(wg.full((3,), 2.0))
    assert len(held) == 5
    for seen, values in held:
        assert list(seen.tolist()) in (values, values[1:])


def test_what_hooks_return_stays():
    """Memory of NumPy's is seen by its owner, whoever holds the tensor."""
    array = np.full(3, 2.0, np.float32)
    x = wg.rand(3, requires_grad=True)
    y = x.tanh()
    y.register_hook(lambda g: wg.from_numpy(array))
    y.backward(wg.ones(3))
    assert array.tolist() == [2.0, 2.0, 2.0]
    # Nor is anything added to it where gradients meet.
    z = x * 1
    other, late = z.exp(), z + 0
    late.register_hook(lambda g: wg.from_numpy(array))
    (other + late).sum().backward()
    assert array.tolist() == [2.0, 2.0, 2.0]


def test_kept_gradients_stay():
    x = wg.full((3,), 0.5, requires_grad=True)
    y = x * 2
    y.retain_grad()
    z = y * 3
    z.retain_grad()
    (z * 5).sum().backward()
    assert z.grad.tolist() == [5.0] * 3 and y.grad.tolist() == [15.0] * 3
    assert x.grad.tolist() == [30.0] * 3


def test_results_of_grad_stay():
    x = wg.full((3,), 0.5, requires_grad=True)
    y = x * 2
    z = y * 3
    found = wg.autograd.grad((z * 5).sum(), [z, y, x, z])
    assert [g.tolist() for g in found] == [[5.0] * 3, [15.0] * 3, [30.0] * 3, [5.0] * 3]


def test_gradients_of_leaves_stay():
    """One gradient goes to a leaf and on."""
    a, x = (wg.full((3,), 0.5, requires_grad=True) for _ in range(2))
    ((a + x * 2) * 5).sum().backward()
    assert a.grad.tolist() == [5.0] * 3 and x.grad.tolist() == [10.0] * 3
    a.register_hook(lambda g: None)  # which waits for the end
    a.grad = x.grad = None
    ((a + x * 2) * 5).sum().backward()
    assert a.grad.tolist() == [5.0] * 3 and x.grad.tolist() == [10.0] * 3


def test_functions_keep_what_they_return():
    class Same(wg.autograd.Function):
        kept = wg.full((3,), 4.0)

        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return Same.kept

    x = wg.rand(3, requires_grad=True)
    Same.apply(x.tanh()).sum().backward()
    assert Same.kept.tolist() == [4.0] * 3


def test_create_graph_keeps_every_gradient():
    x = wg.rand(20, requires_grad=True)
    held = []
    y = x
    for _ in range(4):
        y = y.tanh()
        y.register_hook(lambda g: held.append(g.data_ptr()))
    (g,) = wg.autograd.grad(y.sum(), x, create_graph=True)
    assert len(set(held)) == 4
    g.sum().backward()
    second = x.grad.clone()
    step = 1e-4

    def slope(v):
        v = v.detach().double().requires_grad_()
        return wg.autograd.grad(v.tanh().tanh().tanh().tanh().sum(), v)[0]

    expected = (slope(x.double() + step) - slope(x.double() - step)) / (2 * step)
    assert (second.double() - expected).abs().max().item() < 1e-4


def test_a_capture_gives_the_same_bits():
    def step(x, p):
        p.grad = None
        y = (x * p).tanh()
        (F.gelu(y * 2).relu() / 3 + y.exp().sigmoid()).sum().backward()
        return p.grad

    p = wg.randn(200, requires_grad=True)
    replayed = wg.capture(step)
    for _ in range(4):
        x = wg.randn(200)
        expected = step(x, p).tolist()
        assert replayed(x, p).tolist() == expected
    assert replayed.cache_info().hits == 3


PARTS = {
    "chunk": lambda x: [p * (i + 1) for i, p in enumerate(x.chunk(3))],
    "unbind": lambda x: [p * (i + 1) for i, p in enumerate(x.unbind(1))],
    "with a step": lambda x: [x[::2] * 2, x[1::2] * 3],
    "overlapping": lambda x: [x[:4] * 2, x[2:] * 3],
    "a part and the whole": lambda x: [x * 4, x[0] * 5],
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("leaf", [True, False])
def test_parts_of_a_whole_make_one_gradient(name, leaf):
    def step(x):
        sum(p.sum() for p in PARTS[name](x if leaf else x * 1)).backward()
        return x.grad

    x = wg.randn(6, 5, requires_grad=True)
    data = x.detach().clone().requires_grad_()
    whole = sum(wg.autograd.grad(p.sum(), data)[0] for p in PARTS[name](data))
    assert wg.equal(step(x), whole)
    held = x.grad  # further runs add to it, as to every gradient
    assert wg.equal(step(x), 2 * whole) and x.grad is held
    replayed = wg.capture(step)
    for i in range(3, 6):
        assert wg.equal(replayed(x), i * whole)
    seen = []
    x.register_hook(seen.append)
    step(x)
    assert wg.equal(seen[0], whole) and wg.equal(x.grad, 6 * whole)


# ---- losses of logits


LOGITS = """
import wengert as wg
F = wg.nn.functional
n, width, words = 256, 16, 1 << 14
x = wg.randn(n, width, requires_grad=True)
w = wg.randn(words, width, requires_grad=True)
y = wg.randint(0, words, (n,))
{}
before = wg.memory_stats()["peak"]
{}
print((wg.memory_stats()["peak"] - before) / (4 * n * words))
"""


def peak_of(body, start=""):
    """The most that `body` needs, in tensors of logits."""
    script = LOGITS.format(start, body)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_cross_entropy_writes_over_logits_that_nobody_holds():
    # The tables and their gradients are small beside the logits.
    assert peak_of("F.cross_entropy(F.linear(x, w), y).backward()") < 1.2
    assert (
        peak_of("F.cross_entropy(F.linear(x, w).view(2, 128, -1).flatten(0, 1), y).backward()")
        < 1.2
    )
    held = "logits = F.linear(x, w)\nF.cross_entropy(logits, y).backward()"
    assert 1.9 < peak_of(held) < 2.2
    again = "loss = F.cross_entropy(F.linear(x, w), y)\nloss.backward(retain_graph=True)"
    assert 1.9 < peak_of(again) < 2.2


def test_linear_cross_entropy_has_a_tile_of_them():
    start = "x, y = x.repeat(8, 1).detach().requires_grad_(), y.repeat(8)"
    # Two million numbers of 32: the tile; and what an ordinary loss of so many rows needs.
    assert peak_of("F.linear_cross_entropy(x, w, y).backward()", start) < 0.9
    assert peak_of("F.cross_entropy(F.linear(x, w), y).backward()", start) > 7.9


def overwritten(f):
    """Gradients of f, and where nothing may be written over."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((6, 5)).astype(np.float32), rng.standard_normal((9, 5))
    found = []
    for retain in (False, True):
        x, w = (wg.tensor(v, dtype=wg.float32, requires_grad=True) for v in values)
        f(x, w).backward(retain_graph=retain)
        found.append([x.grad.tolist(), w.grad.tolist()])
    return found


CLASSES = wg.tensor([0, 8, 3, -100, 3, 1])
ENTROPIES = {
    "plain": lambda z: F.cross_entropy(z, CLASSES),
    "of each": lambda z: (F.cross_entropy(z, CLASSES, reduction="none") * wg.arange(6.0)).sum(),
    "weighted": lambda z: F.cross_entropy(z, CLASSES, wg.arange(9.0) + 1, label_smoothing=0.1),
    "a view": lambda z: F.cross_entropy(z.view(3, 2, 9).flatten(0, 1), CLASSES),
    "turned": lambda z: F.cross_entropy(z.t().contiguous().t(), CLASSES),
    "images": lambda z: F.cross_entropy(z.view(3, 9, 2), CLASSES.clamp(min=0).view(3, 2)),
    "twice": lambda z: F.cross_entropy(z, CLASSES) + F.cross_entropy(z, CLASSES.flip(0)),
    "and another": lambda z: F.cross_entropy(z, CLASSES) + z.exp().mean(),
    "kept by another": lambda z: F.cross_entropy(e := z.tanh(), CLASSES) + (e * 1).sum(),
    "a part": lambda z: F.cross_entropy(z[1:], CLASSES[1:]),
}


@pytest.mark.parametrize("name", ENTROPIES)
def test_gradients_of_losses_are_the_same(name):
    once, twice = overwritten(lambda x, w: ENTROPIES[name](F.linear(x, w)))
    assert once == twice


def test_logits_that_somebody_holds_stay():
    x, w = (wg.randn(6, 5, requires_grad=True) for _ in range(2))
    z = F.linear(x, w)
    before, array = z.tolist(), z.detach().numpy()
    F.cross_entropy(z, wg.arange(6)).backward()
    assert z.tolist() == before
    z = F.linear(x, w)
    view, before = z[2:].detach(), z.tolist()
    loss = F.cross_entropy(z, wg.arange(6))
    del z
    loss.backward()
    assert view.tolist() == before[2:] and array.tolist() == before
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()
    array = np.zeros((6, 6), np.float32)
    F.cross_entropy(wg.from_numpy(array).requires_grad_(), wg.arange(6)).backward()
    assert not array.any()


def test_a_table_that_is_used_twice_has_one_gradient():
    """What an embedding gives is added to the rows that it read."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((7, 3)).astype(np.float32)
    x = wg.tensor([[1, 4, 4], [0, 6, 1]])
    for options in ({}, {"padding_idx": 4}, {"scale_grad_by_freq": True}):
        tied = wg.tensor(values, requires_grad=True)
        (F.embedding(x, tied, **options).sin() @ tied.t()).exp().sum().backward()
        a, b = (wg.tensor(values, requires_grad=True) for _ in range(2))
        (F.embedding(x, a, **options).sin() @ b.t()).exp().sum().backward()
        assert wg.equal(tied.grad, b.grad + a.grad)
        held = tied.grad  # and to what earlier batches left
        F.embedding(x, tied, **options).sum().backward()
        a.grad = None
        F.embedding(x, a, **options).sum().backward()
        assert tied.grad is held


def test_a_table_that_is_used_twice_needs_no_second_gradient():
    body = """
z = F.embedding(y, w)
loss = F.linear(z.mean(0, keepdim=True), w).sum()
loss.backward()
"""
    table = (1 << 14) * 16 / (256 * (1 << 14))  # in tensors of logits
    assert peak_of(body) < 1.5 * table
