"""How far results are from true values, in units in the last place, and arguments to see it at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import wengert as wg
from tests.rows.table import ROWS, in_wengert
from tests.rows.true_values import Array, Function, Truth, wide

# Long double is nothing but float64 on some machines.
IS_WIDE = np.finfo(wide).nmant > np.finfo(np.float64).nmant


class Found(NamedTuple):
    """What was found at `count` arguments: how many results are the true value rounded, the largest
    error in units in the last place and where it is (0 where all are rounded so), and at how many,
    and where first, infinity, NaN or zero is not as it should be."""

    count: int = 0
    rounded: int = 0
    units: float = 0.0
    at: tuple[float, ...] = ()
    special: int = 0
    special_at: tuple[float, ...] = ()

    def and_(self, other: Found) -> Found:
        worse = max(self, other, key=lambda found: found.units)
        first = self if self.special else other
        return Found(
            self.count + other.count,
            self.rounded + other.rounded,
            worse.units,
            worse.at,
            self.special + other.special,
            first.special_at,
        )


def flushed(x: Array) -> Array:
    """With zeros for subnormal numbers, which is what kernels may take them for."""
    return np.where(np.abs(x) < np.finfo(x.dtype).tiny, np.copysign(x.dtype.type(0), x), x)


def errors(got: Array, true: Array, dtype: np.dtype, signs: bool) -> tuple[Array, Array]:
    """By how many units in the last place of the dtype results are off, and which are no numbers or
    zeros although they should be, or the other way round. Subnormal results count as zeros, and
    where the true value is subnormal, or nearly so, an error below the least normal number is none.
    """
    limits = np.finfo(dtype)
    zero = np.abs(got) < limits.tiny
    special = np.isnan(got) != np.isnan(true)
    special |= np.isinf(true) & (got != true) | (true == 0) & ~zero
    if signs:
        special |= zero & (true == 0) & (np.signbit(got) != np.signbit(true))
    # Infinity stands for the power of two behind the largest number.
    more = np.float64 if dtype == np.float32 else wide
    got, true = got.astype(more), true.astype(more)
    beyond = np.ldexp(more(1), limits.maxexp)
    bound = np.clip(true, -beyond, beyond)
    exponent = np.maximum(np.frexp(bound)[1], limits.minexp + 1) - limits.nmant - 1
    off = np.abs(np.clip(got, -beyond, beyond) - bound) / np.ldexp(more(1), exponent)
    least = np.abs(true) <= 16 * limits.tiny
    none = special | np.isnan(true) | (got == true) | least & (np.abs(got - true) <= limits.tiny)
    return np.where(none, 0, off).astype(np.float64), special


def by_digits(function: Function, x: tuple[Array, ...], y: Array) -> Array:
    """The true values by mpmath in long double, in the place of those of y that have digits."""
    try:
        import mpmath
    except ImportError as error:
        text = f"{function.name}: its true values in float64 are mpmath's: pip install mpmath"
        raise ImportError(text) from error
    exact = y.astype(wide)
    with mpmath.workdps(40):
        finite = np.all([np.isfinite(a) for a in x], axis=0)
        for i in np.flatnonzero(finite & ~np.isnan(y) & (y != 0)):
            try:
                value = function.truth.digits(*(mpmath.mpf(float(a[i])) for a in x))
            except (ValueError, ZeroDivisionError):
                assert np.isinf(y[i])  # a pole; SciPy's may be infinite before the numbers end
                continue
            if not abs(value) <= float(np.finfo(np.float64).max):
                continue
            high = float(value)
            exact[i] = wide(high) + wide(float(value - high))
    return exact


def truth_of(function: Function, x: tuple[Array, ...]) -> Array:
    """The true values at x."""
    truth = function.truth
    if truth.same:
        return truth.value(*x).astype(x[0].dtype, copy=False)
    if x[0].dtype == np.float32:
        return truth.value(*(a.astype(np.float64) for a in x))
    if truth.digits is None:
        return truth.value(*(a.astype(wide) for a in x))
    return by_digits(function, x, truth.value(*x))


def at(x: tuple[Array, ...], i: int) -> tuple[float, ...]:
    return tuple(float(a[i]) for a in x)


def is_least(x: Array, dtype: np.dtype) -> Array:
    """Not zero, and near the least normal number or below: so near that what comes between has no
    normal exponent, which of float64 is the low half of a product."""
    near = 26 if dtype == np.float32 else 110
    return (x != 0) & (np.abs(x) < np.ldexp(1.0, np.finfo(dtype).minexp + near))


def chosen(truth: Truth, x: tuple[Array, ...]) -> tuple[Array, ...]:
    """The arguments where the function is to be measured."""
    keep = np.full(len(x[0]), True)
    if len(x) == 2:
        keep = ~np.any([is_least(a, a.dtype) for a in x], axis=0)
    if truth.among is not None:
        keep &= truth.among(*x)
    return x if keep.all() else tuple(a[keep] for a in x)


def measure(function: Function, x: tuple[Array, ...]) -> Found:
    """What wengert's function is off at x, where it has a true value."""
    row, truth = ROWS[function.truth.row], function.truth
    with np.errstate(all="ignore"):
        x = chosen(truth, x)
        tensors = {n: wg.from_numpy(a) for n, a in zip(function.tensors, x, strict=True)}
        y = in_wengert(row)(**tensors, **truth.arguments).numpy()
        exact = truth_of(function, x)
        whole = np.dtype(f"i{y.dtype.itemsize}")
        # Most are rounded as they should be, and nothing else need be known of them.
        differ = np.flatnonzero(y.view(whole) != exact.astype(y.dtype).view(whole))
        if len(x) == 2:  # all that comes between may be subnormal where the result is not
            differ = differ[~is_least(exact[differ], y.dtype)]
        if not len(differ):
            return Found(len(y), len(y))
        x = tuple(a[differ] for a in x)
        got, true = y[differ].astype(exact.dtype), exact[differ]
        off, special = errors(got, true, y.dtype, truth.signs)
        # Of subnormal arguments, which may be zeros, whichever fits.
        below = np.any([np.abs(a) < np.finfo(a.dtype).tiny for a in x], axis=0)
        again = np.flatnonzero(below & ((off > 0) | special))
        if len(again):
            true = truth_of(function, tuple(flushed(a[again]) for a in x))
            other, wrong = errors(got[again], true, y.dtype, truth.signs)
            better = (wrong < special[again]) | (wrong == special[again]) & (other < off[again])
            off[again] = np.where(better, other, off[again])
            special[again] = np.where(better, wrong, special[again])
    return Found(
        len(y),
        len(y) - int(((off > 0.5) | special).sum()),
        float(off.max()),
        at(x, int(off.argmax())) if off.max() else (),
        int(special.sum()),
        at(x, int(special.argmax())) if special.any() else (),
    )


# ---- arguments ---------------------------------------------------------------------------------


def special(dtype: str) -> Array:
    """Zeros, infinities, NaN, the ends of the numbers that there are, whole and half ones."""
    f = np.finfo(dtype)
    sizes = [0, np.inf, f.smallest_subnormal, f.tiny, f.max, f.eps, 0.5, 1, 1.5, 2, 2.5, 3, 4, 20]
    near = [np.nextafter(a, b, dtype=dtype) for a in (0.5, 1, 2, f.tiny) for b in (0, 3)]
    x = np.array([*sizes, *near, 88.0, 700.0, 1e4, 1e8, 1e16, 1e30], dtype)
    return np.concatenate([x, -x, np.array([np.nan], dtype)])


def patterns(begin: int, end: int, step: int, block: int) -> Iterator[Array]:
    """The numbers of float32 with these bits, every step-th of them, in blocks."""
    first = -(-begin // step) * step
    for at in range(first, end, step * block):
        bits = np.arange(at, min(at + step * block, end), step, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


def one(dtype: str, count: int, seed: int = 0) -> Array:
    """Numbers of all kinds: any bits; many sizes; evenly near 0, farther away; around 1; with
    seed 0 the special ones."""
    rng = np.random.default_rng(seed)
    n = count // 6
    sign = rng.choice([-1.0, 1.0], n)
    with np.errstate(all="ignore"):
        parts = (
            rng.integers(0, 1 << 8 * np.dtype(dtype).itemsize, n, dtype=np.uint64)
            .astype(f"u{np.dtype(dtype).itemsize}")
            .view(dtype),
            sign * np.exp2(rng.uniform(-40, 10, n)),
            rng.uniform(-1, 1, n),
            rng.uniform(-30, 30, n),
            rng.uniform(-750, 750, n) if dtype == "float64" else rng.uniform(-105, 105, n),
            sign * (1 + np.exp2(rng.uniform(-50, 0, n)) * rng.choice([-1.0, 1.0], n)),
        )
        edges = special(dtype) if seed == 0 else special(dtype)[:0]
        return np.concatenate([*(p.astype(dtype) for p in parts), edges])


def two(dtype: str, count: int, seed: int = 0) -> tuple[Array, Array]:
    """Pairs: any bits; of many sizes and like ones; nearly the same; a power that is a number; with
    seed 0 all of the special ones with each other."""
    rng = np.random.default_rng(seed)
    n = count // 6
    most = math.log(float(np.finfo(dtype).max))
    bits = np.dtype(f"u{np.dtype(dtype).itemsize}")
    pairs: list[tuple[Array, Array]] = [
        (
            rng.integers(0, 1 << 8 * bits.itemsize, n, dtype=np.uint64).astype(bits).view(dtype),
            rng.integers(0, 1 << 8 * bits.itemsize, n, dtype=np.uint64).astype(bits).view(dtype),
        )
    ]
    with np.errstate(all="ignore"):
        for size in (20.0, 3.0):
            x, y = (np.exp(rng.uniform(-size, size, n)) * rng.choice([-1.0, 1.0], n) for _ in "xy")
            pairs.append((x, y))
        x = np.exp(rng.uniform(-5, 5, n)) * rng.choice([-1.0, 1.0], n)
        pairs.append((x, x * (1 + rng.choice([-1.0, 1.0], n) * np.exp2(rng.uniform(-30, 1, n)))))
        x = np.exp(rng.uniform(-1, 1, n) * np.exp2(rng.uniform(-20, 6, n)))
        pairs.append((x, rng.uniform(-1.05, 1.05, n) * most / np.log(x.astype(dtype))))
        pairs.append((rng.uniform(0, 60, n), rng.uniform(0, 60, n)))
        if seed == 0:
            edges = list(itertools.product(special(dtype).tolist(), repeat=2))
            pairs.append((np.array([a for a, _ in edges]), np.array([b for _, b in edges])))
        x, y = (np.concatenate([p[i].astype(dtype) for p in pairs]) for i in range(2))
        return x, y
