"""Draws of every size, one after another: values and states against NumPy's mt19937 and torch."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

import wengert as wg

# Around a normal's block, half a state and a state: what one draw leaves the next one begins with.
SIZES = (1, 2, 15, 16, 17, 311, 312, 313, 623, 624, 625, 1023, 1025, 5000)


class Reference:
    """The draws as base/generator.h states them, on NumPy's generator in the library's state."""

    def __init__(self) -> None:
        words, position = parts(wg.get_rng_state().numpy())
        self.bits = np.random.MT19937()
        state = {"key": words.astype(np.uint32), "pos": position}
        self.bits.state = {"bit_generator": "MT19937", "state": state}
        self.kept: float | None = None

    def state(self) -> tuple[Any, int]:
        inner = self.bits.state["state"]
        return inner["key"], inner["pos"]

    def words(self, n: int) -> Any:
        return self.bits.random_raw(n).astype(np.uint64)

    def words64(self, n: int) -> Any:
        pairs = self.words(2 * n).reshape(n, 2)
        return pairs[:, 0] << np.uint64(32) | pairs[:, 1]

    def floats(self, n: int) -> Any:
        return ((self.words(n) & np.uint64(2**24 - 1)) * 2.0**-24).astype(np.float32)

    def doubles(self, n: int) -> Any:
        return (self.words64(n) & np.uint64(2**53 - 1)) * 2.0**-53

    def peek(self, n: int) -> Any:
        before = self.bits.state
        result = self.doubles(n)
        self.bits.state = before
        return result

    def normal(self) -> float:
        if self.kept is not None:
            value, self.kept = self.kept, None
            return value
        d1, d2 = self.doubles(2).tolist()
        radius, angle = math.sqrt(-2 * math.log1p(-d2)), 2 * math.pi * d1
        self.kept = radius * math.sin(angle)
        return radius * math.cos(angle)

    def normals(self, n: int) -> Any:
        if n < 16:
            return np.array([self.normal() for _ in range(n)], np.float32)
        drawn = self.floats(n)
        whole = n // 16 * 16
        result = np.empty(n, np.float32)
        result[:whole] = box_muller(drawn[:whole])
        if n % 16:
            result[-16:] = box_muller(self.floats(16))
        return result


def box_muller(uniform: Any) -> Any:
    blocks = uniform.astype(np.float64).reshape(-1, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - blocks[:, 0]))
    angle = 2 * math.pi * blocks[:, 1]
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), 1).reshape(-1)


def parts(state: Any) -> tuple[Any, int]:
    """A state's words and the position of the next; 624 if none is left."""
    left = int(state[8:12].view(np.int32)[0])
    return state[24:5016].view(np.uint64), 624 if left == 1 else int(state[16:24].view(np.int64)[0])


def kept_or_zero(r: Reference, n: int, p: float) -> Any:
    return np.where(r.doubles(n) < 1 - p, np.float32(1) / np.float32(1 - p), np.float32(0))


# name -> (draw with library T, the same with a Reference), of n elements and a probability p.
DRAWS: dict[str, tuple[Any, Any]] = {
    "dropout": (lambda T, n, p: T.nn.functional.dropout(T.ones(n), p), kept_or_zero),
    "rand": (lambda T, n, p: T.rand(n), lambda r, n, p: r.floats(n)),
    "rand64": (lambda T, n, p: T.rand(n, dtype=T.float64), lambda r, n, p: r.doubles(n)),
    "randn": (lambda T, n, p: T.randn(n), lambda r, n, p: r.normals(n)),
    "randint": (lambda T, n, p: T.randint(10, (n,)), lambda r, n, p: r.words(n) % np.uint64(10)),
    "wide": (
        lambda T, n, p: T.randint(2**40 + 1, (n,)),
        lambda r, n, p: r.words64(n) % np.uint64(2**40 + 1),
    ),
    "bernoulli": (
        lambda T, n, p: T.bernoulli(T.full((n,), p)),
        lambda r, n, p: r.floats(n) < np.float32(p),
    ),
    "bernoulli_": (lambda T, n, p: T.empty(n).bernoulli_(p), lambda r, n, p: r.doubles(n) < p),
    "bernoulli_ int64": (
        lambda T, n, p: T.empty(n, dtype=T.int64).bernoulli_(p),
        lambda r, n, p: r.doubles(n) < p,
    ),
    "bernoulli_ bool": (
        lambda T, n, p: T.empty(n, dtype=T.bool).bernoulli_(p),
        lambda r, n, p: r.doubles(n) < p,
    ),
}


def probability(rng: random.Random, r: Reference, n: int) -> float:
    """Often one on the edge of a decision: a number about to be drawn, or its neighbour."""
    drawn = float(r.peek(n)[rng.randrange(n)])
    edges = (drawn, math.nextafter(drawn, 0), math.nextafter(drawn, 1), 1 - drawn)
    return rng.choice((*edges, rng.random(), rng.random() * 2.0**-40, 0.5, 0.75))


def compare(name: str, ours: Any, theirs: Any) -> None:
    if name == "randn":
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(ours, theirs.astype(ours.dtype))


def draw_both(name: str, rng: random.Random, r: Reference, n: int) -> None:
    """What is drawn is the reference's, and so is the state after it."""
    p = probability(rng, r, n)
    library, reference = DRAWS[name]
    compare(name, library(wg, n, p).numpy(), reference(r, n, p))
    words, position = parts(wg.get_rng_state().numpy())
    expected, expected_position = r.state()
    assert position == expected_position, (name, n)
    np.testing.assert_array_equal(words, expected)


@pytest.mark.parametrize("seed", range(8))
def test_numpy(seed):
    rng = random.Random(seed)
    wg.manual_seed(seed)
    r = Reference()
    for _ in range(60):
        draw_both(rng.choice(list(DRAWS)), rng, r, rng.choice(SIZES))


@pytest.mark.parametrize("seed", range(8))
def test_torch(seed, oracle):
    rng = random.Random(seed)
    wg.manual_seed(seed)
    oracle.manual_seed(seed)
    for _ in range(60):
        name, n = rng.choice(list(DRAWS)), rng.choice(SIZES)
        p = probability(rng, Reference(), n)
        library = DRAWS[name][0]
        compare(name, library(wg, n, p).numpy(), library(oracle, n, p).numpy())
        assert wg.get_rng_state().tolist() == oracle.get_rng_state().tolist(), (name, n)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_many_numbers_on_any_number_of_threads(threads):
    rng = random.Random(threads)
    wg.manual_seed(threads)
    r = Reference()
    wg.set_num_threads(threads)
    for n in (16383, 16384, 16385, 40_001, 130_003):
        for name in ("dropout", "bernoulli_", "bernoulli_ bool"):
            draw_both("randint", rng, r, rng.randrange(1, 4))  # from any word, odd ones too
            draw_both(name, rng, r, n)


@pytest.mark.parametrize("p", [0.0, 5e-324, 2.0**-60, 2.0**-53, 1 - 2.0**-53, 1.0])
def test_extreme_probabilities(p):
    wg.manual_seed(4)
    r = Reference()
    compare("", wg.empty(3000).bernoulli_(p).numpy(), r.doubles(3000) < p)


def test_dropout_multiplies():
    """Kept elements are scaled and dropped ones multiplied by zero, infinities included."""
    wg.manual_seed(9)
    r = Reference()
    x = np.linspace(-3, 3, 2500, dtype=np.float32)
    x[::50] = np.inf
    for _ in range(2):
        with np.errstate(invalid="ignore"):
            expected = x * kept_or_zero(r, x.size, 0.3)
        y = wg.nn.functional.dropout(wg.from_numpy(x), 0.3).numpy()
        np.testing.assert_array_equal(y, expected)
