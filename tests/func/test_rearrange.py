"""`func.rearrange` and `debug_unwrap`, against torch where it is installed."""

import pytest

import wengert as wg
from tests.conftest import torch

# The shape, the pattern, the sizes that are given.
CASES = [
    ((2, 3, 4), "a b c -> c a b", {}),
    ((2, 12, 3), "b (h w) c -> b c h w", {"h": 3}),
    ((2, 3, 4, 5), "b c h w -> b (h w) c", {}),
    ((2, 3, 4, 5), "b ... -> ... b", {}),
    ((2, 3, 4, 5), "b c ... -> b c (...)", {}),
    ((4, 6), "(a b) (c d) -> a c (b d)", {"a": 2, "c": 3}),
    ((2, 3), "a b -> a () b", {}),
    ((2, 3), "a b -> a b", {}),
    ((2, 3), "a b", {}),
    ((2, 3), "a b -> a", {}),
    ((2, 3), "a b c -> c b a", {}),
    ((2, 3), "a a -> a a", {}),
    ((2, 3), "(a b c -> a b c", {}),
    ((2, 3), "(a b) c -> a b c", {}),
    ((2, 3), "(a b) c -> a b c", {"a": 5}),
    ((2, 3), "a b -> b a", {"z": 5}),
    ((2, 3), "a % -> % a", {}),
]


def outcome(t, shape, pattern, sizes):
    x = t.arange(int(wg.Size(shape).numel())).reshape(shape)
    try:
        return t.func.rearrange(x, pattern, **sizes).tolist()
    except Exception as error:
        return isinstance(error, ValueError) or type(error).__name__


@pytest.mark.parametrize("shape, pattern, sizes", CASES, ids=[c[1] for c in CASES])
def test_as_torch(shape, pattern, sizes):
    found = outcome(wg, shape, pattern, sizes)
    assert not isinstance(found, str)
    if torch is not None:
        expected = outcome(torch, shape, pattern, sizes)
        assert found == (True if isinstance(expected, str) else expected)


def test_lists_gradients_and_slices():
    parts = [wg.full((2,), float(i), requires_grad=True) for i in range(3)]
    wg.func.rearrange(parts, "n c -> c n")[0].sum().backward()
    assert parts[1].grad.tolist() == [1, 0]
    x = wg.arange(12).reshape(3, 4)
    halves = wg.vmap(lambda row: wg.func.rearrange(row, "(a b) -> b a", a=2))(x)
    assert halves[1].tolist() == [[4, 6], [5, 7]]


def test_unwrapped():
    seen = []

    def inner(row):
        seen.append(wg.func.debug_unwrap(row))
        seen.append(wg.func.debug_unwrap(row, recurse=False))
        return row

    wg.vmap(wg.vmap(inner))(wg.ones(2, 3, 4))
    assert seen[0].numel() == 24 and seen[1].dim() == 2
    x = wg.ones(2)
    assert wg.func.debug_unwrap(x) is x
