"""A quick look at everything, for a freshly installed wheel at each ISA level."""

import numpy as np
import pytest

import wengert as wg
from wengert import autograd

pytestmark = pytest.mark.quick
F = wg.nn.functional


def close(t, array, tolerance=2e-5):
    np.testing.assert_allclose(t.detach().numpy(), array, rtol=tolerance, atol=tolerance)


def test_version_and_level():
    assert wg.__version__.count(".") == 2
    info = wg._native.build_info()
    assert info["isa"] == wg._load.isa and info["threads"] >= 1 and info["compiler"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 3, 16, 37, 5000])
def test_pointwise(dtype, n):
    x = np.random.default_rng(n).uniform(-3, 3, n).astype(dtype)
    t = wg.from_numpy(x)
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    for name in [
        "exp",
        "sin",
        "cos",
        "tanh",
        "floor",
        "ceil",
        "abs",
        "sign",
        "square",
        "expm1",
        "trunc",
    ]:
        close(getattr(wg, name)(t), getattr(np, name)(x), tolerance)
    for name in ["log", "sqrt", "log1p", "log2", "log10"]:
        close(
            getattr(wg, name)(t.abs() + 0.1),
            getattr(np, name)(np.abs(x) + x.dtype.type(0.1)),
            tolerance,
        )
    close(wg.sigmoid(t), 1 / (1 + np.exp(-x)), tolerance)
    close(F.relu(t), np.maximum(x, 0))
    close(t * t + t / 2 - 1, x * x + x / 2 - 1, tolerance)
    close(wg.where(t > 0, t, -t), np.abs(x))
    close(wg.atan2(t, t + 5), np.arctan2(x, x + 5), tolerance)
    assert (t < 1).sum().item() == (x < 1).sum()


@pytest.mark.parametrize("shape", [(7,), (3, 5), (33, 65), (2, 17, 40), (300, 700)])
def test_reductions(shape):
    x = np.random.default_rng(1).standard_normal(shape)
    t = wg.from_numpy(x)
    for dim in (None, *range(len(shape))):
        for name in ("sum", "mean", "prod", "argmax"):
            expected = getattr(x, name)(dim)
            result = getattr(t, name)() if dim is None else getattr(t, name)(dim)
            close(result, expected, 1e-10)
        close(t.std(dim), x.std(dim, ddof=1), 1e-10)
        close(t.amax(dim), x.max(dim))
    close(t.cumsum(-1), x.cumsum(-1), 1e-10)
    e = np.exp(x - x.max(-1, keepdims=True))
    close(t.softmax(-1), e / e.sum(-1, keepdims=True), 1e-12)
    close(t.sort(-1).values, np.sort(x, -1))


@pytest.mark.parametrize(
    "m, k, n", [(1, 1, 1), (5, 7, 3), (16, 16, 16), (65, 129, 33), (1, 300, 50)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products(m, k, n, dtype):
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
    x, y = wg.tensor(a, requires_grad=True), wg.tensor(b, requires_grad=True)
    z = x @ y
    tolerance = 1e-4 if dtype == "float32" else 1e-11
    close(z, a @ b, tolerance)
    z.sum().backward()
    close(x.grad, np.ones((m, n)) @ b.T, tolerance)
    close(y.grad, a.T @ np.ones((m, n)), tolerance)
    close(x.t().contiguous().t() @ y, a @ b, tolerance)
    close(wg.stack([x, x]) @ y, np.stack([a @ b] * 2), tolerance)


def test_indexing_and_shapes():
    x = np.arange(24.0).reshape(2, 3, 4)
    t = wg.from_numpy(x)
    close(t[:, 1, ::2], x[:, 1, ::2])
    close(t[t > 5], x[x > 5])
    close(t[:, wg.tensor([2, 0])], x[:, [2, 0]])
    close(t.permute(2, 0, 1).reshape(4, 6), x.transpose(2, 0, 1).reshape(4, 6))
    close(wg.cat([t, t], 1), np.concatenate([x, x], 1))
    close(t.gather(2, wg.zeros(2, 3, 1, dtype=wg.int64)), x[:, :, :1])
    t[0] = 1
    assert (x[0] == 1).all()


def test_gradients():
    x = wg.tensor(np.random.default_rng(3).uniform(0.5, 2, (3, 4)), requires_grad=True)
    w = wg.tensor(np.random.default_rng(4).uniform(0.5, 2, (5, 4)), requires_grad=True)

    def f(x, w):
        h = F.gelu(F.linear(x, w)) * F.silu(x.sum(1, keepdim=True))
        return F.cross_entropy(h, wg.tensor([0, 4, 2])) + h.log_softmax(0).tanh().mean()

    assert autograd.gradcheck(f, (x, w))
    assert autograd.gradgradcheck(f, (x, w))


def test_random_numbers():
    wg.manual_seed(0)
    assert wg.rand(3).tolist() == [
        0.49625658988952637,
        0.7682217955589294,
        0.08847743272781372,
    ]
    wg.manual_seed(0)
    close(wg.randn(3), [1.5409961, -0.2934289, -2.1787894])
    wg.manual_seed(0)
    assert sorted(wg.randperm(10).tolist()) == list(range(10))


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_training(name):
    """A small network separates two moons of points."""
    wg.manual_seed(0)
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi, 400)
    label = np.arange(400) % 2
    points = np.stack([np.cos(angle) + label, np.sin(angle) * (1 - 2 * label) + label / 2], 1)
    x = wg.tensor(points + rng.normal(0, 0.05, points.shape), dtype=wg.float32)
    y = wg.tensor(label)
    net = wg.nn.Sequential(wg.nn.Linear(2, 32), wg.nn.ReLU(), wg.nn.Linear(32, 2))
    rate = {"SGD": 0.5, "Adam": 0.02, "AdamW": 0.02}[name]
    step = getattr(wg.optim, name)(net.parameters(), lr=rate)
    data = wg.utils.data.DataLoader(wg.utils.data.TensorDataset(x, y), batch_size=50, shuffle=True)
    for _ in range(40):
        for xs, ys in data:
            step.zero_grad()
            F.cross_entropy(net(xs), ys).backward()
            step.step()
    assert (net(x).argmax(1) == y).float().mean().item() > 0.98


def test_threads_give_the_same_bits():
    x = wg.randn(700, 300)
    results = []
    for threads in (1, 2):
        wg.set_num_threads(threads)
        results.append(((x @ x.t()).exp().sum(0).tolist(), x.sum().item()))
    assert results[0] == results[1]


def test_errors():
    with pytest.raises(RuntimeError, match=r"matmul.*\(2, 3\).*\(4, 5\)"):
        wg.ones(2, 3) @ wg.ones(4, 5)
    with pytest.raises(IndexError):
        wg.ones(3)[5]
    with pytest.raises(TypeError, match="exp"):
        wg.exp("x")
