"""Special functions at poles and infinities, against the C library's, and identities."""

import math

import numpy as np
import pytest

import wengert as wg

inf, nan = math.inf, math.nan


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("lgamma", [0.0, -0.0, -1.0, -3.0, inf, -inf, 1.0, 2.0], [inf] * 6 + [0.0, 0.0]),
        ("digamma", [0.0, -0.0, -1.0, -3.0, inf, -inf], [-inf, inf, nan, nan, inf, nan]),
        ("erfinv", [1.0, -1.0, 2.0, 0.0, inf, nan], [inf, -inf, nan, 0.0, nan, nan]),
    ],
)
@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
def test_poles(name, x, y, dtype):
    np.testing.assert_array_equal(getattr(wg, name)(wg.tensor(x, dtype=dtype)).numpy(), y)


def test_polygamma_at_poles_and_beyond():
    x = wg.tensor([0.0, -1.0, inf, nan], dtype=wg.float64)
    np.testing.assert_array_equal(wg.polygamma(1, x).numpy(), [inf, inf, 0.0, nan])
    np.testing.assert_array_equal(wg.polygamma(2, x).numpy(), [-inf, -inf, 0.0, nan])
    for order in (200, 2**40, 2**62):  # on which no loop depends
        assert wg.polygamma(order, wg.tensor([0.5, 30.0, 1e12, -7.5])).numel() == 4
    with pytest.raises(RuntimeError, match="negative n"):
        wg.polygamma(-1, x)
    with pytest.raises(RuntimeError, match="greater than or equal to 1"):
        wg.mvlgamma(x, 0)
    with pytest.raises(RuntimeError, match="at most"):
        wg.mvlgamma(x, 2**40)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lgamma_over_its_range(dtype):
    """Within 4 units in the last place, or of what the C library's keeps of it near 1 and 2."""
    x = np.concatenate([10.0 ** np.linspace(-6, 6, 400), 1 + 1e-4 * np.arange(1, 50)])
    x = x.astype(dtype)
    exact = np.array([math.lgamma(v) for v in x.astype(float)])
    unit = np.spacing(np.abs(exact.astype(dtype))).astype(float)
    assert (np.abs(wg.from_numpy(x).lgamma().numpy() - exact) <= 4 * unit + 1e-15).all()


def test_recurrences():
    """psi(x + 1) = psi(x) + 1 / x and its derivatives, on both sides of 0."""
    x = wg.linspace(-7.37, 30.0, 400, dtype=wg.float64)
    assert wg.allclose(wg.digamma(x + 1), wg.digamma(x) + 1 / x, rtol=1e-12)
    for n in (1, 2, 5):
        step = (-1) ** n * math.factorial(n) / x ** (n + 1)
        here, above = wg.polygamma(n, x), wg.polygamma(n, x + 1)
        assert ((above - here - step).abs() <= 1e-9 * (here.abs() + step.abs() + above.abs())).all()
    assert wg.digamma(wg.tensor(1.0, dtype=wg.float64)).item() == pytest.approx(-0.5772156649015329)
    assert wg.polygamma(1, wg.tensor(1.0, dtype=wg.float64)).item() == pytest.approx(math.pi**2 / 6)


def test_erfinv_is_the_inverse():
    for x in (wg.linspace(-0.999, 0.999, 1001, dtype=wg.float64), wg.linspace(-0.9, 0.9, 101)):
        assert wg.allclose(x.erfinv().erf(), x, rtol=1e-6 if x.dtype == wg.float32 else 1e-14)
    tail = 1 - wg.logspace(-15, -1, 50, dtype=wg.float64)
    assert wg.allclose(wg.erfc(tail.erfinv()), 1 - tail, rtol=1e-12)


@pytest.mark.parametrize("a", [1e-3, 0.5, 1.0, 3.0, 50.0, 2e4, 3e6])
def test_incomplete_gamma(a):
    """P + Q = 1, P(a + 1, x) = P(a, x) - x^a e^-x / Gamma(a + 1), and P(1, x) = 1 - e^-x."""
    x = wg.tensor([a * f for f in (0.5, 0.9, 0.999, 1.0, 1.001, 1.2, 3.0)], dtype=wg.float64)
    a = wg.full_like(x, a)
    assert wg.allclose(wg.igamma(a, x) + wg.igammac(a, x), wg.ones_like(x), rtol=1e-14)
    step = (a * x.log() - x - (a + 1).lgamma()).exp()
    near_enough = 1e-12 * a.clamp(min=1) + 1e-13
    assert ((wg.igamma(a + 1, x) - (wg.igamma(a, x) - step)).abs() <= near_enough).all()
    one = wg.ones_like(x)
    assert wg.allclose(wg.igamma(one, x), -(-x).expm1(), rtol=1e-13)


def test_incomplete_gamma_has_no_gradient_by_its_first_argument():
    a = wg.ones(2, requires_grad=True)
    for f in (wg.igamma, wg.igammac):
        with pytest.raises(NotImplementedError, match="not implemented"):
            f(a, wg.ones(2)).sum().backward()


def test_samples_have_no_second_derivative():
    a = wg.ones(2, requires_grad=True)
    (g,) = wg.autograd.grad(wg.distributions.Gamma(a, 1.0).rsample().sum(), a, create_graph=True)
    with pytest.raises(NotImplementedError, match="not implemented"):
        g.sum().backward()


def test_odd_parameters_of_draws():
    """As torch has them: nothing is drawn, or it is refused."""
    nothing = wg.tensor([0.0, -1.0, nan])
    wg.manual_seed(3)
    first = wg.rand(1)
    wg.manual_seed(3)
    tiny = wg.finfo(wg.float32).tiny
    assert (wg._native.ops.standard_gamma(nothing) == tiny).all()
    assert wg.equal(wg.rand(1), first)
    for rate in ([-1.0], [nan]):
        with pytest.raises(RuntimeError, match="invalid Poisson rate"):
            wg.poisson(wg.tensor(rate))
    assert wg.poisson(wg.tensor([inf])).isinf().all()
    count = wg.tensor([3.0, 3.0, nan, 3.0, -1.0])
    prob = wg.tensor([nan, 2.0, 0.5, -1.0, 0.5])
    np.testing.assert_array_equal(wg.binomial(count, prob).numpy(), [nan, 3.0, nan, 0.0, 0.0])
    with pytest.raises(RuntimeError, match="Found dtype"):
        wg.binomial(count, prob.double())


def test_names():
    for name in wg.special.__all__:
        assert callable(getattr(wg.special, name))
    assert wg.special.gammaln(wg.tensor(5.0)).item() == pytest.approx(math.log(24))
