"""Attention: what its row's samples do not show."""

import pytest

import wengert as wg
from tests.conftest import torch
from wengert.backends import cuda
from wengert.nn.attention import SDPBackend, sdpa_kernel

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
