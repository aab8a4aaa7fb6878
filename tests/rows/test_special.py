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
    beside = wg.tensor([-1e-17, -1e-300, -1 - 2.0**-50], dtype=wg.float64)  # poles
    assert wg.allclose(
        wg.digamma(beside), wg.tensor([1e17, 1e300, 2.0**50], dtype=wg.float64), rtol=1e-12
    )
    assert wg.digamma(wg.tensor(1.0, dtype=wg.float64)).item() == pytest.approx(-0.5772156649015329)
    assert wg.polygamma(1, wg.tensor(1.0, dtype=wg.float64)).item() == pytest.approx(math.pi**2 / 6)


def test_zeta_and_polygamma_below_zero():
    """Beside poles, and far below; by mpmath."""
    for n, x, y in (
        (1, -1e-9, 999999999999999877.1),
        (1, -3.000001, 999999999723.4501114),
        (2, -2.999999, -1999999999161332198.0),
        (3, -1 - 2.0**-40, 8.769009823985417509e48),
        (1, -(2.0**-60), 1.329227995784915873e36),
    ):
        found = wg.polygamma(n, wg.tensor(x, dtype=wg.float64)).item()
        assert found == pytest.approx(y, rel=1e-14)
    for order, x, y in (
        (2.0, -0.5, 8.934802200544679309),
        (3.0, -100000.25, -62.0125533605496411),
        (31.0, -100.25, -4611686018427380438.0),
        (2.0, -1e9 - 0.5, 9.86960440008935862),
        (3.0, -1e15 - 0.5, 4.99999999999999e-31),
        (2.0, -3 - 2.0**-45, 1.237940039285380275e27),
        (2.5, -0.5, nan),
        (2.0, -1e12, inf),
        (inf, -0.5, inf),
    ):
        found = wg.special.zeta(wg.tensor(order, dtype=wg.float64), x).item()
        assert found == pytest.approx(y, rel=1e-14, nan_ok=True)


def test_ndtri_of_the_smallest():
    x = wg.tensor([1e-303, 1e-304, 3e-307, 2.3e-308], dtype=wg.float64)
    y = [-37.23295396187670781, -37.29470098582852237, -37.45002946559491809, -37.51849724501229673]
    np.testing.assert_allclose(wg.special.ndtri(x).numpy(), y, rtol=1e-15)


def test_erfinv_is_the_inverse():
    for x in (wg.linspace(-0.999, 0.999, 1001, dtype=wg.float64), wg.linspace(-0.9, 0.9, 101)):
        assert wg.allclose(x.erfinv().erf(), x, rtol=1e-6 if x.dtype == wg.float32 else 1e-14)
    tail = 1 - wg.logspace(-15, -1, 50, dtype=wg.float64)
    assert wg.allclose(wg.erfc(tail.erfinv()), 1 - tail, rtol=1e-12)


def test_bessel_functions_know_each_other():
    """Abramowitz and Stegun 9.1.16 and 9.6.15, on both sides of where each changes its form."""
    x = np.concatenate([10.0 ** np.linspace(-5, 3, 2000), 1 + 1e-3 * np.arange(-9, 9)])
    x = wg.from_numpy(np.concatenate([x, 8 + 1e-3 * np.arange(-9, 9)]))
    f = wg.special
    k0, k1 = f.scaled_modified_bessel_k0(x), f.scaled_modified_bessel_k1(x)
    assert wg.allclose((f.i0e(x) * k1 + f.i1e(x) * k0) * x, wg.ones_like(x), rtol=3e-15, atol=0)
    small = x[x < 300]
    k0, k1 = f.modified_bessel_k0(small), f.modified_bessel_k1(small)
    ones = wg.ones_like(small)
    assert wg.allclose((f.i0(small) * k1 + f.i1(small) * k0) * small, ones, rtol=3e-15, atol=0)
    cross = f.bessel_j1(x) * f.bessel_y0(x) - f.bessel_j0(x) * f.bessel_y1(x)
    assert wg.allclose(cross * x, wg.full_like(x, 2 / math.pi), rtol=1e-12)


@pytest.mark.parametrize(
    "name",
    [
        "i0",
        "i0e",
        "i1",
        "i1e",
        "bessel_j0",
        "bessel_j1",
        "bessel_y0",
        "bessel_y1",
        "spherical_bessel_j0",
        "modified_bessel_k0",
        "modified_bessel_k1",
        "scaled_modified_bessel_k0",
        "scaled_modified_bessel_k1",
    ],
)
def test_bessel_functions_of_floats(name):
    """Within a unit in the last place of those of float64, near the zeros too; as far as there are
    normal numbers, and the same wherever an element stands."""
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(0.0, 85.0, 40_000), 10 ** rng.uniform(-30, 7, 10_000)])
    if name.startswith("i") or "modified_bessel_k" in name[:17]:
        x = x[x < 85]
    x = x.astype(np.float32)
    function = getattr(wg.special, name)
    y, exact = function(wg.from_numpy(x)).numpy(), function(wg.from_numpy(x).double()).numpy()
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(float)
    assert np.nanmax(np.abs(y - exact) / unit) <= (2 if name[0] == "s" else 0.6)
    assert (function(wg.from_numpy(x[::-1].copy())).numpy() == y[::-1]).all()
    assert (function(wg.from_numpy(x[5:8].copy())).numpy() == y[5:8]).all()


# Of Ai, by mpmath with 40 digits: all ranges with their ends, a zero, what is no normal number.
AIRY = {
    -2e6: -0.012459271424776399,
    -10796.7: -0.029368678183674064,
    -9999.5: 0.013085787097520297,
    -1234.5: 0.0847327393708121,
    -77.25: 0.16408089788291863,
    -5.5: 0.017781541276574976,
    -4.0: -0.07026553294928951,
    -2.338107410459767: 2.743319340666283e-17,
    -1.0: 0.5355608832923521,
    0.0: 0.3550280538878172,
    0.75: 0.17933630547864524,
    1.0: 0.13529241631288141,
    1.5: 0.07174949700810541,
    6.0: 9.947694360252889e-06,
    33.3: 2.710819526352267e-57,
    103.0: 1.9562320229339223e-304,
    110.0: 0.0,
    -inf: 0.0,
    inf: 0.0,
    nan: nan,
}


def test_airy():
    """Within 1e-14 of the value or, where it waves, of how high the waves are, however fast."""
    x = np.array(list(AIRY))
    y = np.array(list(AIRY.values()))
    high = np.where(x < 0, 0.56 * np.clip(np.abs(x), 1, 1e9) ** -0.25, np.abs(y))
    found = wg.special.airy_ai(wg.from_numpy(x)).numpy()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(x))
    assert (np.abs(found - y) <= 1e-14 * high)[:-1].all()
    rng = np.random.default_rng(1)
    wide = -(10 ** rng.uniform(-20, 20, 10_000))
    x = np.concatenate([rng.uniform(-50, 24, 40_000), wide]).astype(np.float32)
    y = wg.special.airy_ai(wg.from_numpy(x)).numpy()
    exact = wg.special.airy_ai(wg.from_numpy(x).double()).numpy()
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(float)
    assert (np.abs(y - exact) / unit).max() <= 0.6
    assert (wg.special.airy_ai(wg.from_numpy(x[5:8].copy())).numpy() == y[5:8]).all()


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
def test_bessel_functions_at_their_ends(dtype):
    x = wg.tensor([0.0, -0.0, inf, -inf, nan, -1.0], dtype=dtype)
    f = wg.special
    for order, y in ((0, [1.0, 1.0, 0.0, 0.0, nan]), (1, [0.0, -0.0, 0.0, 0.0, nan])):
        grown = [y[0], y[1], inf, -inf if order else inf, nan]
        for name, expected in (("bessel_j", y), ("i", grown)):
            found = getattr(f, f"{name}{order}")(x)[:5].numpy()
            np.testing.assert_array_equal(found, expected)
            assert np.signbit(found[1]) == (order == 1)
        np.testing.assert_array_equal(getattr(f, f"i{order}e")(x)[:5].numpy(), y)
        for name in (f"modified_bessel_k{order}", f"scaled_modified_bessel_k{order}"):
            ends = [inf, inf, 0.0, nan, nan, nan]
            np.testing.assert_array_equal(getattr(f, name)(x).numpy(), ends)
        ends = [-inf, -inf, 0.0, nan, nan, nan]
        np.testing.assert_array_equal(getattr(f, f"bessel_y{order}")(x).numpy(), ends)
    ends = [1.0, 1.0, 0.0, 0.0, nan]
    np.testing.assert_array_equal(f.spherical_bessel_j0(x)[:5].numpy(), ends)
    ends = [-inf, -inf, nan, nan, nan, nan]
    np.testing.assert_array_equal(f.ndtri(x).numpy(), ends)


@pytest.mark.parametrize("n", [0, 1, 6, 32, 33, 100])
def test_chebyshev_polynomials_by_their_angle(n):
    a = np.linspace(0.05, 3.1, 500)
    x, f = wg.from_numpy(np.cos(a)), wg.special
    for name, y in (
        ("t", np.cos(n * a)),
        ("u", np.sin((n + 1) * a) / np.sin(a)),
        ("v", np.cos((n + 0.5) * a) / np.cos(a / 2)),
        ("w", np.sin((n + 0.5) * a) / np.sin(a / 2)),
    ):
        found = getattr(f, f"chebyshev_polynomial_{name}")(x, n).numpy()
        assert np.abs(found - y).max() <= 1e-14 * (n + 1) ** 2


def test_chebyshev_polynomials_outside():
    """By the hyperbolic angle from degree 33 on, beyond all doubles too."""
    f = wg.special
    x = np.array([1 + 1e-7, 1.001, 1.5, 40.0])
    for n in (33, 34, 501, 10**6 + 1):
        a = np.arccosh(x.astype(np.longdouble))
        with np.errstate(over="ignore"):
            exact = {
                "t": np.cosh(n * a),
                "u": np.sinh((n + 1) * a) / np.sinh(a),
                "v": np.cosh((n + 0.5) * a) / np.cosh(a / 2),
                "w": np.sinh((n + 0.5) * a) / np.sinh(a / 2),
            }
            for name, y in exact.items():
                found = getattr(f, f"chebyshev_polynomial_{name}")
                np.testing.assert_allclose(found(wg.from_numpy(x), n), y.astype(float), rtol=1e-12)
                y = exact[{"v": "w", "w": "v"}.get(name, name)] * (-1) ** n
                np.testing.assert_allclose(found(wg.from_numpy(-x), n), y.astype(float), rtol=1e-12)
    ones = wg.tensor([1.0, -1.0], dtype=wg.float64)
    for n in (33.0, 1e6 + 1, 2.0**40 + 1):
        assert f.chebyshev_polynomial_t(ones, n).tolist() == [1, -1]
        assert f.chebyshev_polynomial_u(ones, n).tolist() == [n + 1, -n - 1]
        assert f.chebyshev_polynomial_v(ones, n).tolist() == [1, -2 * n - 1]
        assert f.chebyshev_polynomial_w(ones, n).tolist() == [2 * n + 1, -1]


def test_polynomials_of_large_degrees():
    """What is asymptotic follows from the two degrees before, by steps."""
    f, n = wg.special, 10**5
    x = wg.tensor([0.0, 0.3, -0.7, 0.9999, 1.0, -1.0, 1 + 1e-5], dtype=wg.float64)
    before, last, after = (f.legendre_polynomial_p(x, n + k) for k in (-1, 0, 1))
    next_one = ((2 * n + 1) * x * last - n * before) / (n + 1)
    assert ((after - next_one).abs() <= 1e-10 * after.abs().clamp(1)).all()
    assert after[4:6].tolist() == last[4:5].tolist() + before[5:6].tolist() == [1, -1]
    assert f.legendre_polynomial_p(x, 2.0**62)[:2].abs().max() < 1e-9
    n = 10**6
    x = wg.tensor([0.0, 0.3, 3.0, 90.0, 700.0, -0.01], dtype=wg.float64)
    before, last, after = (f.laguerre_polynomial_l(x, n + k) for k in (-1, 0, 1))
    next_one = ((2 * n + 1 - x) * last - n * before) / (n + 1)
    size = (x / 2).exp() * wg.where(x < 0, last.abs(), 1)
    assert ((after - next_one).abs() <= 2e-9 * size).all()
    assert f.laguerre_polynomial_l(x, 2.0**62)[:3].abs().max() <= 1
    near_0 = f.laguerre_polynomial_l(wg.tensor([1e-7, -1e-5], dtype=wg.float64), n + 1)
    exact = [0.902472297640470235, 90.4758956145148432]  # by mpmath; steps lose half the digits
    np.testing.assert_allclose(near_0.numpy(), exact, rtol=1e-12)
    assert f.hermite_polynomial_h(x, 2.0**62).isnan().all()


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


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
def test_incomplete_gamma_is_the_same_beside_any_other(dtype):
    """The elements of a register take as many steps as the slowest."""
    wg.manual_seed(1)
    a, x = (wg.randn(2, 4001, dtype=dtype) * 2).exp()
    for f in (wg.igamma, wg.igammac, wg._native.ops.gamma_density):
        y = f(a, x)
        assert wg.equal(f(a.flip(0), x.flip(0)).flip(0), y)
        assert wg.equal(f(a[1:], x[1:]), y[1:])
        assert f(a[5], x[5]) == y[5]


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
