"""Attention: what its row's samples do not show."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from wengert.backends import cuda
from wengert.nn.attention import SDPBackend, bias, sdpa_kernel

attention = wg.nn.functional.scaled_dot_product_attention

# Shapes of query, key, value, and what else is given.
REFUSED = [
    (RuntimeError, [(8,), (8,), (8,)], {}),
    (RuntimeError, [(3, 4, 5, 8), (2, 4, 6, 8), (2, 4, 6, 8)], {}),
    (RuntimeError, [(2, 4, 5, 8), (2, 3, 6, 8), (2, 3, 6, 8)], {}),
    (RuntimeError, [(2, 4, 5, 8), (2, 4, 6, 7), (2, 4, 6, 8)], {}),
    (RuntimeError, [(2, 8, 5, 8), (2, 3, 5, 8), (2, 3, 5, 8)], {"enable_gqa": True}),
    (RuntimeError, [(2, 2, 5, 8), (2, 4, 5, 8), (2, 4, 5, 8)], {"enable_gqa": True}),
    (IndexError, [(5, 8), (5, 8), (5, 8)], {"enable_gqa": True}),
    (RuntimeError, [(2, 5, 8)] * 3, {"attn_mask": (5, 4)}),
    (RuntimeError, [(1, 4, 5, 8)] * 3, {"attn_mask": (3, 1, 5, 5)}),
    (RuntimeError, [(2, 4, 5, 8)] * 3, {"attn_mask": (3, 1, 1, 5, 5)}),
    (IndexError, [(2, 4, 5, 8)] * 3, {"attn_mask": (5,)}),
    (RuntimeError, [(2, 4, 5, 8)] * 3, {"dropout_p": 1.1}),
    (RuntimeError, [(2, 4, 5, 8)] * 3, {"dropout_p": -0.1}),
    (RuntimeError, [(2, 4, 5, 8)] * 3, {"dtypes": ("float32", "float64", "float32")}),
    (RuntimeError, [(2, 4, 5, 8)] * 3, {"dtypes": ("int64", "int64", "int64")}),
    (RuntimeError, [(2, 4, 5, 8)] * 3, {"attn_mask": (5, 5), "mask_dtype": "int64"}),
    (RuntimeError, [(2, 4, 5, 8)] * 3, {"attn_mask": (5, 5), "mask_dtype": "float64"}),
    (TypeError, [(2, 4, 5, 8)] * 3, {"factor": 2}),
]


@pytest.mark.parametrize("library", [wg, torch], ids=["wengert", "torch"])
@pytest.mark.parametrize(("kind", "shapes", "more"), REFUSED)
def test_refused(library, kind, shapes, more):
    if library is None:
        pytest.skip("torch is not installed")
    more = dict(more)
    dtypes = [getattr(library, d) for d in more.pop("dtypes", ("float32",) * 3)]
    mask_dtype = getattr(library, more.pop("mask_dtype", "bool"))
    if "attn_mask" in more:
        more["attn_mask"] = library.ones(more["attn_mask"]).to(mask_dtype)
    qkv = [library.ones(s).to(d) for s, d in zip(shapes, dtypes, strict=True)]
    with pytest.raises(kind):
        library.nn.functional.scaled_dot_product_attention(*qkv, **more)


def test_a_choice_of_kernels_is_accepted():
    q = wg.randn(2, 3, 4)
    expected = attention(q, q, q)
    for choice in (SDPBackend.MATH, [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]):
        with sdpa_kernel(choice):
            assert cuda.math_sdp_enabled() == (choice is SDPBackend.MATH)
            assert wg.equal(attention(q, q, q), expected)
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.CUDNN_ATTENTION], set_priority=True):
        assert not cuda.flash_sdp_enabled()
    assert cuda.flash_sdp_enabled()
    with pytest.raises(AssertionError, match="Backend must be"), sdpa_kernel("math"):
        pass
    if torch is not None:
        theirs = torch.nn.attention.SDPBackend
        assert {m: int(b.value) for m, b in theirs.__members__.items()} == {
            b.name: int(b) for b in SDPBackend
        }
        assert repr(theirs.MATH) == repr(SDPBackend.MATH)


@pytest.mark.parametrize("corner", ["causal_upper_left", "causal_lower_right"])
@pytest.mark.parametrize("sizes", [(3, 4), (4, 4), (1, 6), (5, 2)])
def test_causal_masks_by_their_corner(corner, sizes):
    mask = getattr(bias, corner)(*sizes)
    last = sizes[1] - sizes[0] if corner == "causal_lower_right" else 0
    assert mask.numpy().tolist() == np.tri(*sizes, k=last, dtype=bool).tolist()
    with pytest.raises(RuntimeError, match="two sizes"):
        getattr(bias, corner)(3)
    if torch is not None and sizes[0] <= sizes[1]:
        theirs = getattr(importlib.import_module("torch.nn.attention.bias"), corner)(*sizes)
        q, k = wg.randn(1, 2, sizes[0], 8), wg.randn(1, 2, sizes[1], 8)
        expected = torch.nn.functional.scaled_dot_product_attention(
            *(torch.from_numpy(t.numpy()) for t in (q, k, k)), attn_mask=theirs
        )
        np.testing.assert_allclose(attention(q, k, k, attn_mask=mask), expected, atol=1e-6)


# Several blocks of queries and of keys, and parts of the keys of a head.
LARGE = [
    {},
    {"is_causal": True},
    {"dropout_p": 0.2},
    {"attn_mask": "bool", "is_causal": True},
    {"attn_mask": "float32", "dropout_p": 0.3},
]


def gradients_of(more, layout=lambda t: t, heads=(2, 2), sizes=(130, 300)):
    """The result and the gradients from the seed, of every tensor that gets one."""
    wg.manual_seed(3)
    shapes = [(1, heads[0], sizes[0], 16), (1, heads[1], sizes[1], 16), (1, heads[1], sizes[1], 8)]
    leaves = [wg.randn(s) for s in shapes]
    more = dict(more)
    if "attn_mask" in more:
        mask = wg.randn(*sizes)
        more["attn_mask"] = mask > -1 if more["attn_mask"] == "bool" else mask
        leaves += [] if more["attn_mask"].dtype == wg.bool else [more["attn_mask"]]
    for t in leaves:
        t.requires_grad_()
    y = attention(*[layout(t) for t in leaves[:3]], **more)
    return [y, *wg.autograd.grad(y, leaves, wg.randn(y.shape))]


@pytest.mark.parametrize("more", LARGE)
def test_same_bits_for_any_threads_and_layout(more):
    before = wg.get_num_threads()
    try:
        wg.set_num_threads(1)
        expected = gradients_of(more)
        wg.set_num_threads(3)
        found = [gradients_of(more), gradients_of(more, within_rows), gradients_of(more, offset)]
    finally:
        wg.set_num_threads(before)
    for other in found:
        assert all(wg.equal(a, b) for a, b in zip(other, expected, strict=True))


def within_rows(t):
    """The heads side by side in each row, as layers have them."""
    return t.transpose(1, 2).contiguous().transpose(1, 2)


def offset(t):
    """Rows that begin anywhere and lie further apart than they are long."""
    return wg.nn.functional.pad(t, (1, 2))[..., 1:-2]


@pytest.mark.parametrize("more", LARGE)
def test_captured_bits_are_eager_ones(more):
    """Random numbers and gradients of a captured step, call by call."""

    def step(q, k, v):
        y = attention(q, k, v, **more)
        return (y, *wg.autograd.grad(y, [q, k, v], wg.ones_like(y)))

    more = dict(more)
    wg.manual_seed(5)
    if "attn_mask" in more:
        mask = wg.randn(70, 70)
        more["attn_mask"] = mask > -1 if more["attn_mask"] == "bool" else mask
    inputs = [[wg.randn(2, 2, 70, 8).requires_grad_() for _ in "qkv"] for _ in range(4)]
    results = []
    for call in (step, wg.capture(step)):
        wg.manual_seed(6)
        results.append([[t.detach().clone() for t in call(*qkv)] for qkv in inputs])
    for eager, captured in zip(*results, strict=True):
        assert all(wg.equal(a, b) for a, b in zip(eager, captured, strict=True))


LENGTHS = """
import wengert as wg

def peak(n, **more):
    leaves = [wg.randn(1, 2, n, 16).requires_grad_() for _ in "qkv"]
    before = wg.memory_stats()["current"]
    wg.nn.functional.scaled_dot_product_attention(*leaves, **more).sum().backward()
    return wg.memory_stats()["peak"] - before

print(peak(1024), peak(2048), peak(4096, is_causal=True))
"""


def test_memory_is_linear_in_the_length():
    """No matrix of all weights is made, forward or backward."""
    run = subprocess.run([sys.executable, "-c", LENGTHS], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    one, two, four = map(int, run.stdout.split())
    assert two < 2.5 * one and four < 2.5 * two
    assert four < 4096 * 4096


def test_a_token_after_the_other_is_all_at_once():
    """A generation loop: each new query meets the keys so far."""
    q, k, v = (wg.randn(2, 3, 40, 8, dtype=wg.float64) for _ in "qkv")
    expected = attention(q, k, v, is_causal=True)
    for i in range(40):
        y = attention(q[:, :, i : i + 1], k[:, :, : i + 1], v[:, :, : i + 1])
        assert wg.allclose(y, expected[:, :, i : i + 1], rtol=1e-10)


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
def test_infinities_and_none(dtype):
    """A query that sees no key has zeros and passes no gradient on; NaN stays with its query."""
    q, k, v = (wg.randn(1, 1, 100, 8, dtype=dtype) for _ in "qkv")
    mask = wg.zeros(100, 100, dtype=dtype)
    mask[3] = -float("inf")
    for t in (q, k, v):
        t.requires_grad_()
    y = attention(q, k, v, attn_mask=mask)
    y.sum().backward()
    assert (y[0, 0, 3] == 0).all() and (q.grad[0, 0, 3] == 0).all()
    assert all(t.grad.isfinite().all() for t in (q, k, v))
    with wg.no_grad():
        q[0, 0, 7, 2] = float("nan")
        y = attention(q, k, v)
    assert y[0, 0, 7].isnan().all() and y.isnan().sum() == 8


def test_a_saved_program_holds_it(tmp_path):
    """For every batch size."""
    layer = wg.nn.Linear(8, 24)

    def heads(x):
        q, k, v = layer(x).view(-1, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
        return attention(q, k, v, is_causal=True).transpose(1, 2).reshape(-1, 5, 8)

    x = wg.randn(4, 5, 8)
    with wg.no_grad():
        captured = wg.capture(heads)
        expected = captured(x)
        captured.save(tmp_path / "heads.safetensors", x)
        loaded = wg.load_program(tmp_path / "heads.safetensors")
        assert wg.equal(loaded(x), expected)
        assert wg.equal(loaded(x[:3]), expected[:3])


def test_explain_names_the_kernel():
    q, one = wg.randn(1, 2, 20, 4), wg.randn(1, 2, 1, 4)
    assert "blocks" in str(wg.explain(attention, q, q, q))
    assert "rows" in str(wg.explain(attention, one, q, q))
