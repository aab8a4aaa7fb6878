"""Tensors of up to 16 dimensions, and lists of any length as arguments."""

import io

import numpy as np
import pytest

import wengert as wg

F = wg.nn.functional

# Shapes of more dimensions than are held inline, up to the most there are.
SHAPES = {
    9: (2, 1, 3, 1, 2, 1, 2, 1, 3),
    12: (1, 2, 1, 1, 3, 1, 2, 1, 2, 1, 1, 2),
    16: (1, 2, 1, 2, 1, 1, 2, 1, 1, 3, 1, 1, 2, 1, 1, 2),
}


def array(ndim, seed=0):
    return np.random.default_rng(seed).standard_normal(SHAPES[ndim])


def longest(x):
    """Two dimensions of x that are longer than 1: the first and the last."""
    longer = [d for d, n in enumerate(x.shape) if n > 1]
    return longer[0], longer[-1]


def reverse(x):
    return tuple(reversed(range(x.ndim)))


def rows_of(x):
    return (x.shape[0], -1)


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def last(x):
    return x[..., -1:]


# name: what wengert does to a tensor, and NumPy to the array
TABLE = {
    "add": (lambda x: x + x, lambda x: x + x),
    "add a row": (lambda x: x + x[..., :1], lambda x: x + x[..., :1]),
    "mul by its transpose": (
        lambda x: x * x.permute(reverse(x)).permute(reverse(x)),
        lambda x: x * x,
    ),
    "exp of strided": (lambda x: x.permute(reverse(x)).exp(), lambda x: np.exp(x.T)),
    "where": (lambda x: wg.where(x > 0, x, 2 * x), lambda x: np.where(x > 0, x, 2 * x)),
    "sum": (lambda x: x.sum(), lambda x: x.sum()),
    "sum of two": (lambda x: x.sum(longest(x)), lambda x: x.sum(longest(x))),
    "sum of all but one": (
        lambda x: x.sum(tuple(range(1, x.ndim)), keepdim=True),
        lambda x: x.sum(tuple(range(1, x.ndim)), keepdims=True),
    ),
    "mean": (lambda x: x.mean(longest(x)[0]), lambda x: x.mean(longest(x)[0])),
    "var": (lambda x: x.var(longest(x)), lambda x: x.var(longest(x), ddof=1)),
    "amax": (lambda x: x.amax(longest(x)), lambda x: x.max(longest(x))),
    "max": (lambda x: x.max(longest(x)[1]).values, lambda x: x.max(longest(x)[1])),
    "prod": (lambda x: x.prod(longest(x)[0]), lambda x: x.prod(longest(x)[0])),
    "cumsum": (lambda x: x.cumsum(longest(x)[0]), lambda x: x.cumsum(longest(x)[0])),
    "softmax": (lambda x: x.softmax(longest(x)[1]), lambda x: softmax(x, longest(x)[1])),
    "sort": (lambda x: x.sort(longest(x)[0]).values, lambda x: np.sort(x, longest(x)[0])),
    "reshape": (lambda x: x.reshape(rows_of(x)), lambda x: x.reshape(rows_of(x))),
    "transpose": (lambda x: x.transpose(*longest(x)), lambda x: x.swapaxes(*longest(x))),
    "flip": (lambda x: x.flip(longest(x)), lambda x: np.flip(x, longest(x))),
    "roll": (lambda x: x.roll(1, longest(x)[0]), lambda x: np.roll(x, 1, longest(x)[0])),
    "squeeze": (lambda x: x.squeeze(), lambda x: x.squeeze()),
    "cat": (
        lambda x: wg.cat([x, 2 * x, x], longest(x)[1]),
        lambda x: np.concatenate([x, 2 * x, x], longest(x)[1]),
    ),
    "split": (
        lambda x: x.split(1, longest(x)[0])[1],
        lambda x: np.split(x, x.shape[longest(x)[0]], longest(x)[0])[1],
    ),
    "expand": (lambda x: last(x).expand(x.shape), lambda x: np.broadcast_to(last(x), x.shape)),
    "repeat": (
        lambda x: x.repeat([1] * (x.ndim - 1) + [3]),
        lambda x: np.tile(x, [1] * (x.ndim - 1) + [3]),
    ),
    "index": (lambda x: x[..., 1], lambda x: x[..., 1]),
    "index by all": (
        lambda x: x[tuple(slice(None) for _ in x.shape)],
        lambda x: x[tuple(slice(None) for _ in x.shape)],
    ),
    "index by a step": (lambda x: x[..., ::2], lambda x: x[..., ::2]),
    "index by numbers": (
        lambda x: x[(0,) * (x.ndim - 1) + (slice(None),)],
        lambda x: x[(0,) * (x.ndim - 1) + (slice(None),)],
    ),
    "new axis": (lambda x: x[..., 0, 0, None], lambda x: x[..., 0, 0, None]),
    "index by a list": (lambda x: x[..., [1, 0, 1]], lambda x: x[..., [1, 0, 1]]),
    "index by a mask": (lambda x: x[x > 0], lambda x: x[x > 0]),
    "matmul": (
        lambda x: x.transpose(-1, -2) @ x,
        lambda x: x.swapaxes(-1, -2) @ x,
    ),
    "linear": (lambda x: F.linear(x, wg.ones(4, x.shape[-1], dtype=x.dtype)), lambda x: x
               @ np.ones((x.shape[-1], 4))),
    "gather": (
        lambda x: x.gather(-1, wg.zeros(x.shape, dtype=wg.int64)),
        lambda x: np.broadcast_to(x[..., :1], x.shape),
    ),
    "mse": (lambda x: F.mse_loss(x, x.flip(-1)), lambda x: ((x - np.flip(x, -1)) ** 2).mean()),
}  # fmt: skip
CASES = [(name, ndim) for name in TABLE for ndim in SHAPES]


@pytest.mark.parametrize(("name", "ndim"), CASES)
def test_values_are_numpys(name, ndim):
    ours, theirs = TABLE[name]
    x = array(ndim)
    found = ours(wg.tensor(x))
    expected = theirs(x)
    assert tuple(found.shape) == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "ndim"), CASES)
def test_gradients_are_differences(name, ndim):
    """g . v is the change of w . f(x) along v."""
    f, _ = TABLE[name]
    x = wg.tensor(array(ndim), requires_grad=True)
    y = f(x)
    rng = np.random.default_rng(1)
    w, v = rng.standard_normal(tuple(y.shape)), rng.standard_normal(x.shape)
    (g,) = wg.autograd.grad(y, x, wg.tensor(w))
    assert g.shape == x.shape

    def along(step):
        with wg.no_grad():
            return (f(x.detach() + step * wg.tensor(v)).numpy() * w).sum()

    step = 1e-6
    found = (g.numpy() * v).sum()
    np.testing.assert_allclose(
        found, (along(step) - along(-step)) / (2 * step), rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("ndim", SHAPES)
def test_a_captured_step_is_the_same(ndim):
    # A mask's shape depends on values, which a program may not.
    names = [name for name in TABLE if name != "index by a mask"]

    def step(x):
        x.requires_grad_()
        out = [TABLE[name][0](x) for name in names]
        sum((y * y).sum() for y in out).backward()
        return [*out, x.grad]

    captured = wg.capture(step)
    for seed in range(3):
        x = array(ndim, seed)
        for found, expected in zip(captured(wg.tensor(x)), step(wg.tensor(x)), strict=True):
            assert np.array_equal(found.detach().numpy(), expected.detach().numpy())
    assert captured.cache_info().hits == 2


@pytest.mark.parametrize("ndim", SHAPES)
def test_in_place(ndim):
    a, x = array(ndim), wg.tensor(array(ndim))
    x[..., 0] = 1.0
    a[..., 0] = 1.0
    x[..., [1]] += 2.0
    a[..., [1]] += 2.0
    x.mul_(x[..., :1])
    a *= a[..., :1].copy()
    x.permute(reverse(x)).add_(1)
    a += 1
    x[x > 1] = 5.0
    a[a > 1] = 5.0
    assert np.array_equal(x.numpy(), a)
    x.copy_(wg.tensor(array(ndim, 1)))
    assert np.array_equal(x.numpy(), array(ndim, 1))


@pytest.mark.parametrize("ndim", SHAPES)
def test_to_and_from_other_forms(ndim):
    a = array(ndim)
    x = wg.from_numpy(a)
    assert x.shape == a.shape and x.stride() == tuple(s // 8 for s in a.strides)
    assert np.array_equal(wg.tensor(a.tolist(), dtype=wg.float64).numpy(), a)
    assert np.array_equal(wg.from_numpy(a.T).numpy(), a.T)
    assert str(x).count("[") == str(a.tolist()).count("[")
    file = io.BytesIO()
    wg.save(x, file)
    file.seek(0)
    assert np.array_equal(wg.load(file).numpy(), a)


@pytest.mark.parametrize("ndim", SHAPES)
def test_a_saved_program(ndim, tmp_path):
    forward = wg.capture(lambda x: x[..., ::2].permute(reverse(x)).exp().sum(longest(x)))
    x = wg.tensor(array(ndim))
    expected = forward(x)
    forward.program.save(tmp_path / "program")
    assert np.array_equal(wg.load_program(tmp_path / "program")(x).numpy(), expected.numpy())


@pytest.mark.parametrize(
    "make",
    [
        lambda x: wg.zeros([1] * 17),
        lambda x: x.reshape([1] * 16 + [-1]),
        lambda x: x.unsqueeze(0),
        lambda x: x[None],
        lambda x: x.expand([1, *x.shape]),
        lambda x: wg.stack([x, x]),
        lambda x: wg.from_numpy(np.zeros([1] * 17)),
        lambda x: x.repeat([1] * 17),
        lambda x: x.permute([*range(17)]),
    ],
)  # fmt: skip
def test_more_than_16_is_an_error(make):
    with pytest.raises((RuntimeError, IndexError), match="16|17"):
        make(wg.zeros([1] * 16))


# ---- lists of any length


@pytest.mark.parametrize("n", [8, 9, 40, 1000])
def test_long_lists(n):
    x = wg.arange(float(n)).requires_grad_()
    parts = x.split([1] * n)
    assert [p.item() for p in parts] == [float(i) for i in range(n)]
    (parts[0] * 2 + parts[-1] * 3).sum().backward()
    assert x.grad.tolist() == [2.0] + [0.0] * (n - 2) + [3.0]
    assert [len(p) for p in wg.split(x, [n - 3, 1, 0, 2])] == [n - 3, 1, 0, 2]
    with pytest.raises(RuntimeError, match="split"):
        x.split([1] * (n + 1))
    captured = wg.capture(lambda x: wg.cat(x.split([1] * n)[::-1]))
    for _ in range(2):
        assert captured(x.detach()).tolist() == [float(n - 1 - i) for i in range(n)]


def test_a_list_too_long_for_what_it_is():
    x = wg.ones(2, 3)
    for call in (
        lambda: x.sum([0] * 20),
        lambda: x.permute([0] * 20),
        lambda: x.flip([0] * 20),
        lambda: x.sum([*range(20)]),
    ):
        with pytest.raises((RuntimeError, IndexError)):
            call()


def test_a_list_that_shrinks_while_it_is_read():
    sizes = []

    class Size:
        def __index__(self):
            sizes.clear()
            return 1

    sizes += [Size(), 1, 1]
    with pytest.raises((TypeError, RuntimeError)):
        wg.ones(3).split(sizes)
