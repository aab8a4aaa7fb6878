"""How far the vectorised functions of float32 are from the true value, in units in the last place.

The reference is the same function in float64. Results that are no normal numbers are left out. Run
as a program this prints the figures for more arguments.
"""

import math

import numpy as np
import pytest

import wengert as wg

F = wg.nn.functional

# Name: (function, reference, arguments from, to, most units). benchmarks/README.md lists what
# larger samples show.
FUNCTIONS = {
    "exp": (wg.exp, np.exp, -87.3, 88.7, 1.1),
    "expm1": (wg.expm1, np.expm1, -87.3, 88.7, 1.6),
    "log": (wg.log, np.log, 1e-37, 1e38, 1.0),
    "log around 1": (wg.log, np.log, 0.5, 2.0, 1.0),
    "log1p": (wg.log1p, np.log1p, -0.9999, 1e10, 1.5),
    "tanh": (wg.tanh, np.tanh, -12.0, 12.0, 1.5),
    "sigmoid": (wg.sigmoid, lambda x: 1 / (1 + np.exp(-x)), -87.0, 87.0, 1.8),
    "erf": (wg.erf, np.vectorize(math.erf), -5.0, 5.0, 1.5),
    # Relative to results as small as 1e-37, where 1 + erf(x / sqrt 2) has no digit left.
    "gelu": (
        F.gelu,
        np.vectorize(lambda x: 0.5 * x * math.erfc(-x / math.sqrt(2))),
        -12.8,
        8.0,
        1.9,
    ),
}


def samples(low, high, n=60_000):
    """Spread evenly, and over the exponents, with both signs where the range has them."""
    rng = np.random.default_rng(1)
    even = rng.uniform(low, high, n)
    sizes = 10 ** rng.uniform(-12 if low < 0 else math.log10(low), math.log10(high), n)
    spread = np.where(rng.random(n) < 0.5, sizes, -sizes) if low < 0 else sizes
    x = np.concatenate([even, np.clip(spread, low, high)]).astype(np.float32)
    return x[(x >= low) & (x <= high)]


def worst_case(name, n=60_000):
    """How many units the result is off where it is worst, and where that is."""
    function, reference, low, high, _ = FUNCTIONS[name]
    x = samples(low, high, n)
    y = function(wg.from_numpy(x)).numpy().astype(np.float64)
    exact = reference(x.astype(np.float64))
    normal = np.abs(exact) > 2 * np.finfo(np.float32).tiny
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    off = np.where(normal, np.abs(y - exact) / unit, 0)
    assert normal.sum() > len(x) / 2
    return off.max(), x[off.argmax()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_units_in_the_last_place(name):
    off, x = worst_case(name)
    assert off <= FUNCTIONS[name][-1], f"{off:.2f} units at {x!r}"


def test_edges():
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -2.0, 200.0, -200.0], np.float32)
    t = wg.from_numpy(x)
    with np.errstate(all="ignore"):
        for function, reference in (
            (wg.exp, np.exp),
            (wg.expm1, np.expm1),
            (wg.log, np.log),
            (wg.log1p, np.log1p),
            (wg.tanh, np.tanh),
            (wg.erf, np.vectorize(math.erf)),
        ):
            y, exact = function(t).numpy(), reference(x.astype(np.float64)).astype(np.float32)
            np.testing.assert_allclose(y, exact, rtol=1e-6, atol=1e-37)
            zeros = exact == 0
            assert (np.signbit(y) == np.signbit(exact))[zeros & (x == 0)].all()
    assert wg.sigmoid(t).tolist()[:4] == [0.5, 0.5, 1.0, 0.0]
    assert F.gelu(t)[2] == np.inf and F.gelu(t)[4].isnan()


if __name__ == "__main__":
    for name in FUNCTIONS:
        off, x = worst_case(name, 2_000_000)
        print(f"{name:12s} {off:.2f} at {x:.9g}")
