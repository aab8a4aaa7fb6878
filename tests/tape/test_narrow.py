"""What gradients read of float16 and bfloat16 tensors is kept as it is, and widened when read."""

import gc

import pytest

import wengert as wg
from tests.conftest import torch
from wengert import nn

F = nn.functional
HALVES = (wg.float16, wg.bfloat16)
halves = pytest.mark.parametrize("dtype", HALVES)


def kept(f, x):
    """The bytes that the graph of f(x) keeps beside its result."""
    f(x)  # what is made once is there
    gc.collect()
    before = wg.memory_stats()["current"]
    y = f(x)
    gc.collect()
    return wg.memory_stats()["current"] - before - y.numel() * y.element_size()


# Each reads its input, which is made on the way, for a gradient.
LAYERS = {
    "linear": lambda d: nn.Linear(256, 256).to(d),
    "conv2d": lambda d: nn.Sequential(
        nn.Unflatten(1, (1, 16, 16)), nn.Conv2d(1, 1, 1), nn.Flatten()
    ).to(d),
    "layer_norm": lambda d: nn.LayerNorm(256).to(d),
    "gelu": lambda d: F.gelu,
    "mul": lambda d: lambda x: x * x,
}


@halves
@pytest.mark.parametrize("name", LAYERS)
def test_half_as_much_is_kept(name, dtype):
    layer, x = LAYERS[name](dtype), wg.randn(1024, 256).to(dtype).requires_grad_()
    extra = kept(lambda x: layer(x * 1), x)
    assert x.numel() * 2 <= extra < x.numel() * 2.3


@halves
def test_gradients_are_those_of_the_wide_numbers_rounded(dtype):
    x, w = wg.randn(5, 7).to(dtype), wg.randn(7, 3).to(dtype)
    results = []
    for kind in (dtype, wg.float32):
        a, b = x.to(kind).requires_grad_(), w.to(kind).requires_grad_()
        first = wg.autograd.grad((a @ b).sum(), [a, b], create_graph=True)
        second = wg.autograd.grad(first[0].float().square().sum(), [b])[0]
        results.append([first[0].to(dtype), first[1].to(dtype), second.to(dtype)])
    for narrow, wide in zip(*results, strict=True):
        assert narrow.dtype is dtype
        assert wg.allclose(narrow.float(), wide.float(), rtol=2e-2)


@halves
def test_what_is_read_may_not_change(dtype):
    """As in PyTorch, and as of float32."""
    x, w = wg.randn(3, 4).to(dtype), wg.randn(4, 2).to(dtype).requires_grad_()
    y = x @ w
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def in_place(library, dtypes, change):
    """Gradients through a change of x, made on the way, in place."""
    library.manual_seed(0)
    x = library.tensor([1.5, -2.0, 0.5, 3.0]).to(getattr(library, dtypes[0]))
    w = library.tensor([0.5, 2.0, -1.5, 4.0]).to(getattr(library, dtypes[1]))
    x.requires_grad_(), w.requires_grad_()
    y = x * 1
    change(y, w)
    y.sum().backward()
    return y.tolist(), x.grad.tolist(), None if w.grad is None else w.grad.tolist()


CHANGES = {
    "mul": lambda y, w: y.mul_(w),
    "div": lambda y, w: y.div_(w),
    "pow": lambda y, w: y.pow_(2),
    "addcmul": lambda y, w: y.addcmul_(w, w),
    "relu": lambda y, w: y.relu_(),
    "sigmoid": lambda y, w: y.sigmoid_(),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("dtypes", [("bfloat16", "bfloat16"), ("float32", "bfloat16")])
def test_changes_in_place(name, dtypes):
    ours = in_place(wg, dtypes, CHANGES[name])
    if torch is not None:
        theirs = in_place(torch, dtypes, CHANGES[name])
        for a, b in zip(ours, theirs, strict=True):
            assert (a is None) == (b is None)
            assert a is None or a == pytest.approx(b, rel=2e-2)
    wide = in_place(wg, ("float32", "float32"), CHANGES[name])
    for a, b in zip(ours, wide, strict=True):
        assert a is None or a == pytest.approx(b, rel=2e-2)


@halves
def test_a_training_step_is_captured(dtype):
    wg.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 4)).to(
        dtype
    )
    x, t = wg.randn(8, 16).to(dtype), wg.randint(0, 4, (8,))

    def step(x):
        model.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        return loss

    replayed = wg.capture(step)
    for _ in range(3):
        expected = step(x).item()
        gradients = [p.grad.clone() for p in model.parameters()]
        assert replayed(x).item() == expected
        assert all(wg.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))


# (m, k, n): widened as they are packed; a row, a column; few rows; small; no rows; no sum.
PRODUCTS = [
    (300, 500, 290), (1, 1003, 777), (777, 1003, 1), (5, 700, 333), (40, 450, 333), (20, 30, 10),
    (0, 3, 4), (3, 0, 4), (1, 0, 4),
]  # fmt: skip


@pytest.fixture
def any_threads():
    before = wg.get_num_threads()
    yield
    wg.set_num_threads(before)


@halves
@pytest.mark.parametrize("sizes", PRODUCTS)
def test_products_are_those_of_float32_rounded(sizes, dtype, any_threads):
    wg.manual_seed(0)
    m, k, n = sizes
    bias = wg.randn(n).to(dtype)
    lefts = [wg.randn(m, k).to(dtype), wg.randn(k, m).to(dtype).t(), wg.randn(m, k + 3).to(dtype)]
    rights = [wg.randn(k, n).to(dtype), wg.randn(n, k).to(dtype).t(), wg.randn(k, n + 3).to(dtype)]
    for a in (lefts[0], lefts[1], lefts[2][:, 1:-2]):
        for b in (rights[0], rights[1], rights[2][:, 1:-2]):
            results = []
            for threads in (1, 3):
                wg.set_num_threads(threads)
                results.append((a @ b, F.linear(a, b.t(), bias), a[None] @ b[None].expand(2, k, n)))
            assert all(map(wg.equal, *results))
            wide = a.float() @ b.float()
            for y, expected in zip(results[0], (wide, wide + bias.float(), wide), strict=True):
                assert y.dtype is dtype
                # Few rows may take their sums in another order.
                wg.testing.assert_close(
                    y.float(), expected.expand(y.shape), rtol=wg.finfo(dtype).eps, atol=1e-3
                )


@pytest.mark.parametrize("dtype", [wg.int8, wg.int16])
def test_products_of_small_integers_are_cut_off(dtype):
    a = wg.randint(-100, 100, (7, 9)).to(dtype)
    b, bias = wg.randint(-100, 100, (4, 9)).to(dtype), wg.arange(4).to(dtype)
    wide = a.int() @ b.int().t()
    assert wg.equal(a @ b.t(), wide.to(dtype))
    assert wg.equal(F.linear(a, b, bias), (wide + bias.int()).to(dtype))
