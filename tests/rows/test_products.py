"""Matrix products at the edges of register tiles, panels and blocks."""

import numpy as np
import pytest

import wengert as wg

SIZES = [2, 5, 6, 8, 9, 13, 16, 25, 33]
DEPTHS = [1, 7, 8, 65, 803]


def operand(rng, rows, cols, dtype, turned):
    x = rng.standard_normal((cols, rows) if turned else (rows, cols)).astype(dtype)
    t = wg.tensor(x)
    return (x.T, t.t()) if turned else (x, t)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turned", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("k", DEPTHS)
def test_every_edge(k, turned, dtype):
    rng = np.random.default_rng(k)
    for m in SIZES:
        for n in SIZES:
            a, x = operand(rng, m, k, dtype, turned[0])
            b, y = operand(rng, k, n, dtype, turned[1])
            scale = np.abs(a.astype(float)) @ np.abs(b.astype(float))
            error = np.abs((x @ y).numpy() - a.astype(float) @ b.astype(float))
            assert (error <= 8 * np.finfo(dtype).eps * scale + 1e-30).all(), (m, n)


@pytest.mark.parametrize("turned", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize(
    "shape",
    [
        (700, 300, 600),
        (130, 1100, 1050),
        # Boxes of C that differ by a row, and so in how many blocks they have.
        (3841, 64, 100),
        (4033, 1040, 130),
        (2090, 70, 2100),
        # Few rows or columns, summed in parts.
        (5, 2100, 300),
        (300, 2100, 4),
    ],
)
def test_packed_blocks(shape, turned):
    rng = np.random.default_rng(0)
    m, k, n = shape
    a, x = operand(rng, m, k, "float32", turned[0])
    b, y = operand(rng, k, n, "float32", turned[1])
    np.testing.assert_allclose((x @ y).numpy(), a @ b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("special", [np.inf, np.nan])
@pytest.mark.parametrize("turned", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_infinities_stay_in_their_row_and_column(turned, special):
    rng = np.random.default_rng(0)
    for m, k, n in [(7, 5, 3), (13, 9, 21), (130, 70, 300)]:
        for i, j in [(0, 0), (m - 1, n - 1)]:
            x = operand(rng, m, k, "float32", turned[0])[1]
            y = operand(rng, k, n, "float32", turned[1])[1]
            x[i, k - 1] = special
            y[0, j] = special
            finite = np.isfinite((x @ y).numpy())
            expected = np.ones((m, n), bool)
            expected[i], expected[:, j] = False, False
            assert (finite == expected).all()


def test_a_tile_does_not_show_where_it_is():
    """The same rows and columns give the same bits, wherever the product is cut."""
    wg.manual_seed(0)
    x, y = wg.randn(301, 500), wg.randn(500, 700)
    whole = x @ y
    assert (x[37:90] @ y[:, 101:333]).equal(whole[37:90, 101:333])


@pytest.mark.parametrize("shape", [(64, 130, 120), (4, 16, 130, 120), (900, 1000, 1)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_side_by_side_are_those_of_the_products(shape, create_graph):
    *rows, k, n = shape
    rng = np.random.default_rng(n)
    x, w, g = (
        wg.tensor(rng.standard_normal(s).astype("float32"), requires_grad=True)
        for s in ((*rows, k), (n, k), (*rows, n))
    )
    want = (g @ w, g.reshape(-1, n).t() @ x.reshape(-1, k))
    for count in (1, 2):
        wg.set_num_threads(count)
        y = wg.nn.functional.linear(x, w)
        got = wg.autograd.grad(y, (x, w), g, create_graph=create_graph)
        for a, b in zip(got, want, strict=True):
            assert a.requires_grad == create_graph
            assert np.array_equal(a.detach().numpy(), b.detach().numpy())
        if create_graph:
            second = wg.autograd.grad(got, (x, w, g), (x, w))
            reference = wg.autograd.grad(want, (x, w, g), (x, w), retain_graph=True)
            for a, b in zip(second, reference, strict=True):
                assert np.allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 70, 3), (1100, 1000, 5), (70, 9, 12)])
def test_few_columns_with_a_bias_an_activation_and_a_sum(shape, dtype):
    m, k, n = shape
    rng = np.random.default_rng(m)
    a, x = operand(rng, m, k, dtype, True)
    w, b = (rng.standard_normal(s).astype(dtype) for s in ((n, k), (n,)))
    expected = np.maximum(a.astype(float) @ w.T.astype(float) + b, 0)
    tolerance = 1e-3 if dtype == "float32" else 1e-10

    def f(x, w, b):
        return wg.nn.functional.linear(x, w, b).relu()

    run = wg.capture(f)
    for way in (f, run, run, run):
        y = way(x, wg.from_numpy(w), wg.from_numpy(b))
        np.testing.assert_allclose(y.numpy(), expected, rtol=tolerance, atol=tolerance)
    # The gradient of a weight with few inputs, which the second backward adds to.
    weight = wg.from_numpy(rng.standard_normal((m, n)).astype(dtype)).requires_grad_()
    inputs = rng.standard_normal((k, n)).astype(dtype)
    for _ in range(2):
        (wg.nn.functional.linear(wg.from_numpy(inputs), weight) * x.t()).sum().backward()
    expected = 2 * a.astype(float) @ inputs
    np.testing.assert_allclose(weight.grad.numpy(), expected, rtol=tolerance, atol=tolerance)
