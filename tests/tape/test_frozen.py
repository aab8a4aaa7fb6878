"""What needs no gradient costs nothing in backward: no product is computed and nothing is kept."""

import gc
import weakref

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.profiler import profile

F = nn.functional
MEGA = 1 << 18  # numbers in a MiB of float32


def kept(f, x):
    """The MiB that the graph of f(x) keeps beside x and the result."""
    f(x)  # what is made once is there
    gc.collect()
    before = wg.memory_stats()["current"]
    y = f(x)
    gc.collect()
    return (wg.memory_stats()["current"] - before - 4 * y.numel()) / (1 << 20)


def ops_of_backward(loss):
    with profile() as p:
        loss.backward()
    return {e.key.removeprefix("wengert::"): e.count for e in p.key_averages()}


def passing(*shape):
    """A tensor whose gradient is wanted and which is no leaf."""
    return wg.randn(*shape, requires_grad=True) * 1


def frozen(*shape):
    return wg.randn(*shape)


# Weights, and what else is constant; each at most a MiB.
SQUARE, SQUARES = frozen(256, 256), frozen(4, 256, 256)
THREE, IMAGE, BIAS = frozen(16, 16, 3), frozen(16, 16, 3, 3), passing(256)
MOMENTS = [frozen(16), frozen(16).exp(), frozen(16), frozen(16)]
LONG, ROWS, PICTURE = frozen(MEGA), frozen(64, 256), frozen(1, 256, 4, 4)

# The other input is made on the way and nobody else holds it, so what keeps it is the graph. Each
# is a MiB. `x` passes a gradient on, the weight is frozen; the product reads x for the weight only.
FROZEN = {
    "linear": (passing(1024, 256), lambda x: F.linear(x * 1, SQUARE)),
    "linear with a bias": (passing(1024, 256), lambda x: F.linear(x * 1, SQUARE, BIAS)),
    "matmul": (passing(1024, 256), lambda x: (x * 1) @ SQUARE),
    "matmul from the left": (passing(256, 1024), lambda x: SQUARE @ (x * 1)),
    "bmm": (passing(4, 256, 256), lambda x: wg.bmm(x * 1, SQUARES)),
    "einsum": (passing(4, 256, 256), lambda x: wg.einsum("bij,jk->bik", x * 1, SQUARE)),
    "conv1d": (passing(8, 16, 2048), lambda x: F.conv1d(x * 1, THREE, padding=1)),
    "conv2d": (passing(4, 16, 64, 64), lambda x: F.conv2d(x * 1, IMAGE, padding=1)),
    "conv_transpose2d": (
        passing(4, 16, 64, 64),
        lambda x: F.conv_transpose2d(x * 1, IMAGE, padding=1),
    ),
    "batch_norm": (passing(4, 16, 64, 64), lambda x: F.batch_norm(x * 1, *MOMENTS)),
    "mul": (passing(MEGA), lambda x: (x * 1) * LONG),
    "lerp": (passing(MEGA), lambda x: (x * 1).lerp(LONG, 0.5)),
    "div": (passing(MEGA), lambda x: (x * 1) / 3.0),
    "pow": (passing(MEGA), lambda x: x**2),
    "addcmul": (passing(MEGA), lambda x: LONG.addcmul(x * 1, LONG)),
    "addcdiv": (passing(MEGA), lambda x: LONG.addcdiv(x * 1, LONG)),
    "embedding": (passing(1024, 256), lambda w: F.embedding(wg.arange(1024), w * 1)),
}


@pytest.mark.parametrize("name", FROZEN)
def test_the_input_of_a_frozen_weight_is_not_kept(name):
    x, f = FROZEN[name]
    assert kept(f, x) < 0.1


# The other way round: the input needs no gradient, and the weight is made on the way.
CONSTANT = {
    "linear": (passing(1024, 256), lambda w: F.linear(ROWS, w * 1)),
    "matmul": (passing(256, 1024), lambda w: ROWS @ (w * 1)),
    "conv2d": (passing(256, 256, 2, 2), lambda w: F.conv2d(PICTURE, w * 1)),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_a_weight_is_not_kept_for_an_input_without_gradient(name):
    w, f = CONSTANT[name]
    assert kept(f, w) < 0.1


def test_what_is_read_is_kept_as_before():
    x, w = passing(1024, 256), wg.randn(256, 256, requires_grad=True)
    assert kept(lambda x: F.linear(x * 1, w), x) == pytest.approx(1, abs=0.1)


def gradients(f, *values, wanted):
    """Gradients by those inputs alone, and where all are wanted."""
    results = []
    for wants in (wanted, range(len(values))):
        xs = [wg.tensor(v) for v in values]
        for i in wants:
            xs[i].requires_grad_()
        y = f(*xs)
        y.backward(wg.linspace(0.5, 1.5, y.numel()).reshape(y.shape))
        results.append([xs[i].grad.numpy() for i in wanted])
    return results


NUMBERS = wg.arange(4, dtype=wg.float64)
TWO = {
    "linear": (F.linear, (6, 5), (7, 5), (7,)),
    "linear of one output": (F.linear, (6, 5), (5,)),
    "mm": (wg.mm, (6, 5), (5, 7)),
    "bmm": (wg.bmm, (3, 6, 5), (3, 5, 7)),
    "baddbmm": (wg.baddbmm, (3, 6, 7), (3, 6, 5), (3, 5, 7)),
    "conv1d": (F.conv1d, (2, 4, 9), (6, 4, 3), (6,)),
    "conv2d": (F.conv2d, (2, 4, 9, 8), (6, 4, 3, 2), (6,)),
    "conv_transpose2d": (F.conv_transpose2d, (2, 4, 9, 8), (4, 6, 3, 2), (6,)),
    "bilinear": (F.bilinear, (6, 3), (6, 4), (2, 3, 4)),
    "mul": (wg.mul, (4, 5), (5,)),
    "div": (wg.div, (4, 5), (5,)),
    "pow": (lambda x, y: (x.abs() + 0.5) ** y, (4, 5), (5,)),
    "remainder": (wg.remainder, (4, 5), (5,)),
    "fmod": (wg.fmod, (4, 5), (5,)),
    "lerp": (wg.lerp, (4, 5), (4, 5), (4, 5)),
    "addcmul": (wg.addcmul, (4, 5), (4, 5), (4, 5)),
    "addcdiv": (wg.addcdiv, (4, 5), (4, 5), (4, 5)),
    "glu": (lambda a, b: F.glu(wg.cat([a, b], -1)), (4, 5), (4, 5)),
    "prelu": (F.prelu, (4, 5), (5,)),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (5,), w, b), (4, 5), (5,), (5,)),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), (3, 4, 5), (4,), (4,)),
    "batch_norm": (
        lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
        (3, 4, 5),
        (4,),
        (4,),
    ),
    "batch_norm by given numbers": (
        lambda x, w, b: F.batch_norm(x, NUMBERS, NUMBERS + 1, w, b),
        (3, 4, 5, 2),
        (4,),
        (4,),
    ),
    "attention": (F.scaled_dot_product_attention, (2, 4, 8), (2, 5, 8), (2, 5, 6)),
    "grid_sample": (
        lambda x, grid: F.grid_sample(x, grid.tanh(), align_corners=False),
        (1, 2, 5, 5),
        (1, 3, 3, 2),
    ),
    "embedding_bag": (
        lambda w, s: F.embedding_bag(
            wg.tensor([[0, 1], [2, 2]]), w, per_sample_weights=s, mode="sum"
        ),
        (4, 3),
        (2, 2),
    ),
    "rnn": (
        lambda x, a, b: wg.rnn_tanh(
            x, wg.zeros(1, 3, 4, dtype=x.dtype), [a, b], False, 1, 0.0, True, False, False
        )[0],
        (5, 3, 2),
        (4, 2),
        (4, 4),
    ),
}
SUBSETS = [
    (name, wanted)
    for name, (_, *shapes) in TWO.items()
    for bits in range(1, 2 ** len(shapes) - 1)
    for wanted in [tuple(i for i in range(len(shapes)) if bits >> i & 1)]
]


@pytest.mark.parametrize(("name", "wanted"), SUBSETS)
def test_gradients_do_not_depend_on_what_else_is_wanted(name, wanted):
    f, *shapes = TWO[name]
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(shape) + 0.1 for shape in shapes]
    alone, among_all = gradients(f, *values, wanted=wanted)
    for a, b in zip(alone, among_all, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("name", "wanted"), SUBSETS)
def test_second_gradients_too(name, wanted):
    """Through what backward reads, of inputs that are wanted and of the gradient."""
    f, *shapes = TWO[name]
    rng = np.random.default_rng(1)
    values = [rng.standard_normal(shape) + 0.1 for shape in shapes]
    results = []
    for wants in (wanted, range(len(shapes))):
        xs = [wg.tensor(v) for v in values]
        for i in wants:
            xs[i].requires_grad_()
        y = f(*xs)
        seed = wg.ones_like(y).requires_grad_()
        first = wg.autograd.grad(y, [xs[i] for i in wanted], seed, create_graph=True)
        total = sum((g * g).sum() for g in first)
        chosen = [seed, *(xs[i] for i in wanted)]
        second = wg.autograd.grad(total, chosen, allow_unused=True)
        results.append([np.zeros(1) if g is None else g.numpy() for g in second])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(*np.broadcast_arrays(a, b), rtol=1e-9, atol=1e-10)


def test_in_place_ops_copy_only_what_is_read():
    x, other = passing(5), wg.rand(5)
    y = x * 1
    y.mul_(other)
    y.sum().backward()
    constant, w = wg.rand(5), wg.rand(5, requires_grad=True)
    before = constant.clone()
    constant.mul_(w)
    constant.sum().backward()
    assert wg.equal(w.grad, before)
    z = (a := wg.rand(5, requires_grad=True)) * 1
    z.div_(z)  # reads what it writes over as its second input
    z.sum().backward()
    assert a.grad.abs().max().item() < 1e-6


def test_a_frozen_weight_may_change_before_backward():
    """As in PyTorch: what no gradient reads may change."""
    x, w = wg.randn(3, 4), wg.randn(5, 4, requires_grad=True)
    y = F.linear(x, w)
    with wg.no_grad():
        w.add_(1)
    y.sum().backward()
    assert wg.allclose(w.grad, x.sum(0).expand(5, 4))
    x, w = passing(3, 4), wg.randn(5, 4)
    h = x * 1
    y = F.linear(h, w)
    h.add_(1)
    y.sum().backward()
    y = F.linear(x * 1, w)
    w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


# ---- whole models


class Adapted(nn.Module):
    """LoRA (Hu et al., arXiv:2106.09685): a frozen layer and a product of two thin ones."""

    def __init__(self, width, rank):
        super().__init__()
        self.base = nn.Linear(width, width)
        self.base.requires_grad_(False)
        self.down, self.up = nn.Linear(width, rank, bias=False), nn.Linear(rank, width, bias=False)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


def products(counts):
    return sum(n for name, n in counts.items() if name in ("mm", "linear_backward", "matmul"))


def test_a_feature_extractor_has_no_backward():
    body = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())
    body.requires_grad_(False)
    head = nn.Linear(256, 4)
    x = wg.randn(1024, 256)
    counts = ops_of_backward(head(body(x)).sum())
    assert products(counts) == 1  # dW of the head
    assert all(p.grad is None for p in body.parameters())
    # The features are kept for the head, and nothing else.
    assert kept(lambda x: head(body(x)), x) == pytest.approx(1, abs=0.1)


def test_frozen_layers_above_a_trained_one():
    first = nn.Linear(256, 256)
    rest = nn.Sequential(*(nn.Linear(256, 256) for _ in range(4))).requires_grad_(False)
    x = wg.randn(1024, 256)
    counts = ops_of_backward(rest(first(x)).sum())
    assert products(counts) == 5  # dW of the first and dX of the others
    assert kept(lambda x: rest(first(x)), x) < 0.1


def test_adapters_keep_what_they_read():
    model = nn.Sequential(*(Adapted(256, 4) for _ in range(3)))
    x = wg.randn(1024, 256)
    counts = ops_of_backward(model(x).sum())
    # dW of six thin ones, and dX of all but the first block.
    assert products(counts) <= 6 + 3 * 2
    for block in model:
        assert block.base.weight.grad is None and block.down.weight.grad is not None
    # Two inputs of the later blocks, the rest is thin.
    assert kept(model, x) < 2.2


def test_a_dropped_activation_is_free_at_once():
    w = wg.randn(4, 4)
    h = passing(3, 4)
    seen = weakref.ref(h)
    y = F.linear(h, w)
    del h
    gc.collect()
    assert seen() is None
    y.sum().backward()


def test_captured_programs_have_no_frozen_products():
    def step(model, x):
        model.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        return loss

    wg.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    model[2].requires_grad_(False)
    x = wg.randn(5, 8)
    replayed = wg.capture(lambda x: step(model, x))
    for _ in range(4):
        x = wg.randn(5, 8)
        a = step(model, x)
        expected = [p.grad.clone() for p in model.parameters() if p.requires_grad]
        b = replayed(x)
        assert wg.equal(a, b)
        assert model[2].weight.grad is None
        for p, g in zip((p for p in model.parameters() if p.requires_grad), expected, strict=True):
            assert wg.equal(p.grad, g)
