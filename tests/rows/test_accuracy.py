"""How far the vectorised functions of float32 are from the true value, in units in the last place.

The reference is the same function in float64, for those of two arguments in long double. Results
that are no normal numbers are left out. As a program, `python -m tests.rows.test_accuracy [STEP]`,
this prints the figures for all numbers of float32 that there are in the range, or every STEP-th.
"""

import math
import statistics
import sys

import numpy as np
import pytest

import wengert as wg

F = wg.nn.functional

quantile = np.vectorize(statistics.NormalDist().inv_cdf)

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
    "exp2": (wg.exp2, np.exp2, -125.9, 127.9, 1.1),
    "log2": (wg.log2, np.log2, 1e-37, 1e38, 1.7),
    "log10": (wg.log10, np.log10, 1e-37, 1e38, 1.6),
    "sinh": (wg.sinh, np.sinh, -89.0, 89.0, 0.6),
    "cosh": (wg.cosh, np.cosh, -89.0, 89.0, 0.6),
    "asinh": (wg.asinh, np.arcsinh, -1e30, 1e30, 0.6),
    "acosh": (wg.acosh, np.arccosh, 1.0, 1e30, 0.6),
    "atanh": (wg.atanh, np.arctanh, -0.99999, 0.99999, 0.6),
    "logit": (wg.logit, lambda x: np.log(x / (1 - x)), 1e-30, 0.4, 1.5),
    "logit around 1/2": (wg.logit, lambda x: np.log1p((2 * x - 1) / (1 - x)), 0.4, 0.9999, 1.5),
    "sin": (wg.sin, np.sin, -200.0, 200.0, 0.7),
    "sin of large": (wg.sin, np.sin, -1e30, 1e30, 1.0),
    "cos": (wg.cos, np.cos, -200.0, 200.0, 0.7),
    "cos of large": (wg.cos, np.cos, -1e30, 1e30, 1.0),
    "tan": (wg.tan, np.tan, -200.0, 200.0, 1.5),
    "asin": (wg.asin, np.arcsin, -1.0, 1.0, 1.5),
    "acos": (wg.acos, np.arccos, -1.0, 1.0, 1.5),
    "atan": (wg.atan, np.arctan, -1e10, 1e10, 2.0),
    "erf": (wg.erf, np.vectorize(math.erf), -5.0, 5.0, 1.5),
    "erfc": (wg.erfc, np.vectorize(math.erfc), -5.0, 9.1, 1.9),
    "ndtri": (
        wg.special.ndtri,
        np.vectorize(statistics.NormalDist().inv_cdf),
        1e-37,
        0.999999,
        4.0,
    ),
    "erfinv": (wg.erfinv, lambda y: wg.erfinv(wg.from_numpy(y)).numpy(), -0.999999, 0.999999, 4.0),
    # Relative to results as small as 1e-37, where 1 + erf(x / sqrt 2) has no digit left.
    "gelu": (
        F.gelu,
        np.vectorize(lambda x: 0.5 * x * math.erfc(-x / math.sqrt(2))),
        -12.8,
        8.0,
        1.9,
    ),
}


# Of two arguments: (function, reference, most units); None: exact.
PAIRS = {
    "pow": (wg.pow, np.power, 1.3),
    "atan2": (wg.atan2, np.arctan2, 2.0),
    "hypot": (wg.hypot, np.hypot, 1.3),
    "fmod": (wg.fmod, np.fmod, None),
    "remainder": (wg.remainder, np.remainder, None),
    "floor_divide": (wg.floor_divide, np.floor_divide, None),
}


def samples(low, high, n=60_000):
    """Spread evenly, and over the exponents, with both signs where the range has them."""
    rng = np.random.default_rng(1)
    even = rng.uniform(low, high, n)
    sizes = 10 ** rng.uniform(-12 if low < 0 else math.log10(low), math.log10(high), n)
    spread = np.where(rng.random(n) < 0.5, sizes, -sizes) if low < 0 else sizes
    x = np.concatenate([even, np.clip(spread, low, high)]).astype(np.float32)
    return x[(x >= low) & (x <= high)]


def worst_of(name, x):
    """How many units the result is off where it is worst, and where that is."""
    function, reference, *_ = FUNCTIONS[name]
    y = function(wg.from_numpy(x)).numpy().astype(np.float64)
    exact = reference(x.astype(np.float64))
    normal = np.abs(exact) > 2 * np.finfo(np.float32).tiny
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    off = np.where(normal, np.abs(y - exact) / unit, 0)
    return off.max(), x[off.argmax()], normal.mean()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_units_in_the_last_place(name):
    off, x, normal = worst_of(name, samples(*FUNCTIONS[name][2:4]))
    assert off <= FUNCTIONS[name][-1], f"{off:.2f} units at {x!r}"
    assert normal > 0.5


@pytest.mark.parametrize("dtype", ("float32", "float64"))
@pytest.mark.parametrize("name", PAIRS)
def test_units_of_functions_of_two(name, dtype):
    function, reference, most = PAIRS[name]
    rng = np.random.default_rng(2)
    for size in (1.0, 20.0):  # of the exponents of e
        x, y = (
            (np.exp(rng.uniform(-size, size, 50_000)) * rng.choice([-1, 1], 50_000)).astype(dtype)
            for _ in "xy"
        )
        if name == "pow":
            x, y = np.abs(x), np.clip(y, -3, 3)
        found = function(wg.from_numpy(x), wg.from_numpy(y)).numpy()
        if most is None:
            assert (found == reference(x, y)).all()
            continue
        exact = reference(x.astype(np.longdouble), y.astype(np.longdouble))
        off = np.abs(found - exact) / np.spacing(np.abs(exact).astype(dtype))
        assert off.max() <= most, (off.max(), x[off.argmax()], y[off.argmax()])


@pytest.mark.parametrize("dtype", ("float32", "float64"))
def test_square_roots_are_rounded(dtype):
    x = samples(0.0001, 1e30).astype(dtype)
    assert (wg.sqrt(wg.from_numpy(x)).numpy() == np.sqrt(x)).all()


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
            (wg.exp2, np.exp2),
            (wg.log2, np.log2),
            (wg.log10, np.log10),
            (wg.sinh, np.sinh),
            (wg.cosh, np.cosh),
            (wg.asinh, np.arcsinh),
            (wg.acosh, np.arccosh),
            (wg.atanh, np.arctanh),
            (wg.sin, np.sin),
            (wg.cos, np.cos),
            (wg.tan, np.tan),
            (wg.asin, np.arcsin),
            (wg.acos, np.arccos),
            (wg.atan, np.arctan),
            (wg.erf, np.vectorize(math.erf)),
        ):
            y, exact = function(t).numpy(), reference(x.astype(np.float64)).astype(np.float32)
            np.testing.assert_allclose(y, exact, rtol=1e-6, atol=1e-37)
            zeros = exact == 0
            assert (np.signbit(y) == np.signbit(exact))[zeros & (x == 0)].all()
    assert wg.sigmoid(t).tolist()[:4] == [0.5, 0.5, 1.0, 0.0]
    assert F.gelu(t)[2] == np.inf and F.gelu(t)[4].isnan()


def every(low, high, step):
    """All float32 between the bounds, some at a time."""
    for begin in range(0, 1 << 32, step << 22):
        bits = np.arange(begin, min(begin + (step << 22), 1 << 32), step, dtype=np.uint64)
        x = bits.astype(np.uint32).view(np.float32)
        with np.errstate(invalid="ignore"):
            x = x[(x >= low) & (x <= high)]
        if len(x):
            yield x


if __name__ == "__main__":
    np.seterr(all="ignore")
    step = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    print("| function | from | to | units | at |\n|---|--:|--:|--:|--:|")
    for name, (_, _, low, high, _) in FUNCTIONS.items():
        off, x = max(worst_of(name, part)[:2] for part in every(low, high, step))
        print(f"| {name} | {low:g} | {high:g} | {off:.2f} | {x:.9g} |", flush=True)
