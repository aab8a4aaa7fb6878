"""How far elementwise functions are from their true values, in units in the last place.

The functions and their true values are those of true_values.py, at some samples here.
benchmarks/accuracy.py goes through all numbers of float32 and more of float64; what it found is in
benchmarks/accuracy.md.
"""

import numpy as np
import pytest

import wengert as wg
from tests.rows import true_values, units

FUNCTIONS, UNKNOWN = true_values.functions()
DTYPES = ("float32", "float64")
# Of float64 those of special functions, which only mpmath has digits of, take minutes.
CASES = [
    (name, dtype)
    for name, function in FUNCTIONS.items()
    for dtype in DTYPES
    if dtype == "float32" or function.truth.digits is None
]
MOST = {"float32": 2.0, "float64": 3.0}


def test_all_functions_have_a_true_value():
    assert not UNKNOWN, "true_values.py: an entry of TRUTHS, or a reason in LEFT_OUT"


def test_what_is_left_out_is_there():
    known = {key for keys in true_values.LEFT_OUT.values() for key in keys}
    assert known <= set(true_values.ROWS)
    assert set(true_values.TRUTHS) <= set(FUNCTIONS)


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_units_in_the_last_place(name, dtype):
    function = FUNCTIONS[name]
    if function.truth.digits is not None:
        pytest.importorskip("scipy")
    if dtype == "float64" and not function.truth.same and not units.IS_WIDE:
        pytest.skip("long double is float64 here")
    one = len(function.tensors) == 1
    found = units.measure(
        function, (units.one(dtype, 30_000),) if one else units.two(dtype, 15_000)
    )
    assert found.count > 0
    assert found.rounded > 0.2 * found.count
    if not function.truth.why:
        assert found.units <= MOST[dtype], found
        assert not found.special, found


# ---- what measures


def found_of(value, dtype="float32"):
    """exp against another true value at a number."""
    truth = true_values.Truth("exp", lambda x: np.full_like(x, value))
    x = np.zeros(1, dtype)
    return units.measure(true_values.Function("exp", ("input",), truth), (x,))


@pytest.mark.parametrize("dtype", DTYPES)
def test_errors_are_counted_in_units_of_the_true_value(dtype):
    eps = float(np.finfo(dtype).eps)
    assert found_of(1.0, dtype) == units.Found(1, 1)
    assert found_of(1 + 3 * eps, dtype).units == 3
    assert found_of(1 - 3 * eps, dtype).units == 6  # their unit is half as large
    assert found_of(np.inf, dtype).special == found_of(np.nan, dtype).special == 1
    assert found_of(0.0, dtype).special == 1


def test_signs_of_zeros_and_ends_of_the_numbers():
    small, huge = 1e-40, 3e38
    dtype = np.dtype("float32")
    got = np.array([0.0, -0.0, 0.0, np.inf, np.inf, huge], dtype).astype(np.float64)
    true = np.array([-0.0, -0.0, small, 2.0**128 * (1 - 2.0**-25), 2.0**130, 2.0**130])
    off, special = units.errors(got, true, dtype, signs=True)
    assert special.tolist() == [True, False, False, False, False, False]
    assert off[:3].tolist() == [0, 0, 0] and off[3] == 0.5 and off[4] == 0 and off[5] > 9e5


def test_parts_are_put_together():
    first = units.Found(3, 2, 1.5, (1.0,))
    second = units.Found(4, 4, 0.5, (2.0,), 1, (3.0,))
    assert first.and_(second) == units.Found(7, 6, 1.5, (1.0,), 1, (3.0,))


def test_every_pattern_comes_once():
    blocks = list(units.patterns(1000, 5000, 7, 64))
    bits = np.concatenate(blocks).view(np.uint32)
    assert bits.tolist() == [n for n in range(1000, 5000) if n % 7 == 0]
    assert max(map(len, blocks)) == 64


def test_square_roots_are_rounded():
    for dtype in DTYPES:
        x = np.abs(units.one(dtype, 60_000))
        x = x[x >= np.finfo(dtype).tiny]
        assert (wg.sqrt(wg.from_numpy(x)).numpy() == np.sqrt(x)).all()
