"""Softmax and cross entropy over rows of every length: short ones are computed many at a time."""

import numpy as np
import pytest

import wengert as wg

F = wg.nn.functional

ROWS = [1, 5, 8, 31, 32, 33, 100]
COLUMNS = [1, 2, 7, 8, 9, 16, 33, 127, 128, 129, 300]


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("rows", ROWS)
def test_forward_and_gradients(rows, columns, dtype):
    rng = np.random.default_rng(rows * 1000 + columns)
    values = (3 * rng.standard_normal((rows, columns))).astype(dtype)
    values[0, 0] = -np.inf if columns > 1 else 0
    weights = rng.standard_normal((rows, columns)).astype(dtype)
    target = rng.integers(0, columns, rows)
    target[rows // 2] = columns - 1
    tolerance = (
        {"rtol": 1e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-11, "atol": 1e-14}
    )
    x = wg.from_numpy(values).requires_grad_()
    p = softmax(values.astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        log_p = np.log(p)

    def gradient(y, by):
        (g,) = wg.autograd.grad(y, x, wg.from_numpy(by) if by is not None else None)
        return g.numpy()

    y = F.softmax(x, 1)
    np.testing.assert_allclose(y.detach().numpy(), p, **tolerance)
    inner = (weights * p).sum(1, keepdims=True)
    loose = {"rtol": 1e-4, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(gradient(y, weights), p * (weights - inner), **loose)

    y = F.log_softmax(x, 1)
    np.testing.assert_allclose(y.detach().numpy(), log_p, **tolerance)
    expected = weights - p * weights.sum(1, keepdims=True)
    np.testing.assert_allclose(gradient(y, weights), expected, **loose)

    x = wg.from_numpy(np.where(np.isinf(values), 0, values)).requires_grad_()
    p = softmax(x.detach().numpy().astype(np.float64))
    losses = -np.log(p[np.arange(rows), target])
    y = F.cross_entropy(x, wg.from_numpy(target))
    np.testing.assert_allclose(y.item(), losses.mean(), rtol=1e-5)
    each = F.cross_entropy(x, wg.from_numpy(target), reduction="none")
    np.testing.assert_allclose(each.detach().numpy(), losses, **loose)
    p[np.arange(rows), target] -= 1
    np.testing.assert_allclose(gradient(y, None), p / rows, **loose)


@pytest.mark.parametrize("columns", [3, 16, 128, 200])
def test_a_rows_result_does_not_depend_on_its_neighbours(columns):
    wg.manual_seed(0)
    x = wg.randn(71, columns)
    for function in (F.softmax, F.log_softmax):
        whole = function(x, 1)
        for rows in (1, 7, 32, 40):
            assert function(x[:rows], 1).tolist() == whole[:rows].tolist()
            assert function(x[-rows:], 1).tolist() == whole[-rows:].tolist()
    nan = x.clone()
    nan[3, 1] = float("nan")
    y = F.softmax(nan, 1)
    assert y[3].isnan().all() and y[2].tolist() == F.softmax(x, 1)[2].tolist()


@pytest.mark.parametrize("columns", COLUMNS)
def test_a_nan_is_seen_wherever_it_stands(columns):
    """The maximum of a row may pass over it; the sum of exponentials may not."""
    x = wg.zeros(columns, columns)
    i = wg.arange(columns)
    x[i, i] = float("nan")  # row i has it in place i
    clean = wg.zeros(1, columns)
    target = wg.zeros(columns + 1, dtype=wg.int64)
    x = wg.cat([x, clean])
    for y in (F.softmax(x, 1), F.log_softmax(x, 1)):
        assert y[:-1].isnan().all() and not y[-1].isnan().any()
    loss = F.cross_entropy(x, target, reduction="none")
    assert loss[:-1].isnan().all() and not loss[-1].isnan()
    y = F.softmax(x.t().contiguous(), 0)
    assert y[:, :-1].isnan().all() and not y[:, -1].isnan().any()


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
@pytest.mark.parametrize("columns", COLUMNS)
def test_sums_of_rows_are_those_of_each_row(columns, dtype):
    for rows in (8, 13, 700):
        x = wg.randn(rows, columns).to(dtype)
        for dim_sum in (wg.sum, wg.mean, wg.nansum):
            assert dim_sum(x, 1).tolist() == [dim_sum(row, 0).item() for row in x]
        exact = x.double().numpy().sum(1)
        tolerance = 1e-5 if dtype == wg.float32 else 1e-13
        np.testing.assert_allclose(x.sum(1).numpy(), exact, rtol=0, atol=tolerance * columns)
