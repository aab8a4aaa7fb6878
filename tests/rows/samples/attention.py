"""Samples of attention."""

import numpy as np

from tests.rows.oracles_attention import attention_forward, kept_bytes
from tests.rows.sample import S, Sample, between, mask, real

SAMPLES: dict[str, list[Sample]] = {}


def qkv(*batch, queries=3, keys=5, width=4, values=4, shared=None):
    """Queries, keys and values; `shared` is the batch of keys and values."""
    other = batch if shared is None else shared
    return (
        real(*batch, queries, width),
        real(*other, keys, width),
        real(*other, keys, values),
    )


def some(*shape):
    """A mask that leaves one query nothing."""
    m = mask(*shape)
    m[..., 0, :] = False
    m[..., 1, 0] = True
    return m


SAMPLES["scaled_dot_product_attention"] = [
    S(*qkv(2, 3)),
    S(*qkv(2, 2, queries=4, keys=4), is_causal=True),
    S(*qkv(1, 2, queries=6, keys=4), is_causal=True),
    S(*qkv(2, 2, values=3, width=5), scale=0.3),
    S(*qkv(2, 2), mask(3, 5)),
    S(*qkv(2, 2), some(2, 1, 3, 5)),
    S(*qkv(2, 2), some(3, 5), 0.0, True),
    S(*qkv(2, 2), real(3, 5)),
    S(*qkv(2, 2), between(-1, 1, 2, 3, 1)),
    S(*qkv(2, 2), real(1, 2, 1, 5), is_causal=True),
    S(*qkv(2, 2), None, 0.4),
    S(*qkv(2, 2, queries=4, keys=4), None, 0.3, True),
    S(*qkv(2, 2), real(3, 5), 0.25),
    S(*qkv(2, 2), None, 1.0),
    S(*qkv(2, 4, shared=(2, 2)), enable_gqa=True),
    S(*qkv(1, 4, shared=(1, 1)), real(4, 3, 5), 0.2, enable_gqa=True),
    S(real(2, 4, 3, 4), real(2, 2, 5, 4), real(2, 1, 5, 3), enable_gqa=True),
    S(*qkv(2, 3, shared=(1, 3))),
    S(*qkv(2, 3, shared=(2, 1))),
    S(*qkv(1, 3, shared=(2, 3))),
    S(*qkv(queries=2)),
    S(*qkv(3), real(3, 3, 5)),
    S(*qkv(2, shared=(2, 2)), is_causal=True),
    S(*qkv(2, 1, 2, shared=(2, 2)), mask(2, 1, 1, 3, 5), scale=-0.7),
    S(*qkv(1, 1, queries=1, keys=7)),
    S(*qkv(1, 1, keys=0)).floats(),
    S(*qkv(0, 2)).floats(),
    S(*qkv(1, 2, queries=0)).floats(),
    S(*(30.0 * a for a in qkv(1, 2))).forward_only().floats(),
    S(np.full((1, 3, 4), 1.0), np.full((1, 5, 4), 1.0), real(1, 5, 4), np.full((3, 5), -np.inf))
    .hold(3)
    .floats(),
]

# ---- the fused rows


def fused(q, k, v, mask, causal, p, scale=0.6):
    kept = kept_bytes(mask_of(*q.shape[:3], k.shape[2])) if p else None
    return (q, k, v, mask, kept, scale, causal, p)


def mask_of(*shape):
    return mask(*shape) | mask(*shape)


FUSED = [
    fused(*qkv(2, 3), None, False, 0.0),
    fused(*qkv(1, 2, queries=6, values=3), some(1, 2, 6, 5), True, 0.0),
    fused(*qkv(2, 4, shared=(2, 2)), real(1, 4, 3, 1), False, 0.0),
    fused(*qkv(2, 4, queries=4, shared=(2, 2)), None, True, 0.4),
    fused(*qkv(1, 2, queries=11, keys=9), real(1, 1, 11, 9), False, 0.25),
]


def of_outputs(query, key, value, mask, kept, scale, causal, p, *wanted):
    y, logs = attention_forward(query, key, value, mask, kept, scale, causal, p)
    g = real(*y.shape)
    given = (g, query, key, value, mask, kept, y, logs, scale, causal, p)
    return S(*given, *wanted).forward_only().floats()


SAMPLES["attention_forward"] = [S(*f).floats().outputs(1) for f in FUSED]
SAMPLES["attention_backward"] = [
    of_outputs(*f, *wanted)
    for f, wanted in zip(
        FUSED,
        [
            (True, True, True, False),
            (True, False, True, False),
            (True, True, True, True),
            (False, True, True, False),
            (True, True, False, True),
        ],
        strict=True,
    )
]
SAMPLES["_attention_kept"] = [
    S(real(3), 100, 0.3).forward_only().floats(),
    S(real(3), 64, 0.8).forward_only().floats(),
]
SAMPLES["_attention_factors"] = [
    S(real(3), kept_bytes(mask(2, 3, 13)), (2, 3, 13), 0.3).forward_only().floats()
]


def projections(width, bias=True, behind=False):
    """The packed weight, its bias, the key and value behind all, and the last projection."""
    packed = real(3 * width, width)
    more = (real(1, 1, width), real(1, 1, width)) if behind else (None, None)
    biases = (real(3 * width), real(width)) if bias else (None, None)
    return packed, biases[0], *more, real(width, width), biases[1]


def multi_head(q, k, v, heads, given, zero=False, dropout=0.0, **how):
    packed, biases, bias_k, bias_v, out, out_bias = given
    numbers = q.shape[-1], heads
    first = (*numbers, packed, biases, bias_k, bias_v, zero, dropout, out, out_bias)
    return S(q, k, v, *first, **how).floats()


PADDED, CAUSAL = np.array([[False] * 3, [False, True, True]]), np.triu(np.ones((3, 3), bool), 1)


def x(length, width=4):
    return real(length, 2, width)


APART = real(4, 4), real(4, 3), real(4, 5)
SAMPLES["multi_head_attention_forward"] = [
    multi_head(x(3), x(3), x(3), 2, projections(4)),
    multi_head(x(3), x(5), x(5), 1, projections(4, False), need_weights=False),
    multi_head(
        x(3),
        x(3),
        x(3),
        2,
        projections(4),
        False,
        0.5,
        training=False,
        key_padding_mask=PADDED,
        attn_mask=CAUSAL,
        average_attn_weights=False,
    ),
    multi_head(
        x(3),
        x(3),
        x(3),
        2,
        projections(4, behind=True),
        True,
        key_padding_mask=PADDED,
        need_weights=False,
        attn_mask=real(3, 3),
    ),
    multi_head(
        x(3), x(3), x(3), 2, projections(4), attn_mask=CAUSAL, need_weights=False, is_causal=True
    ),
    multi_head(real(3, 4), real(3, 4), real(3, 4), 2, projections(4, behind=True)),
    S(
        x(2),
        x(3, 3),
        x(3, 5),
        4,
        2,
        None,
        real(12),
        None,
        None,
        False,
        0.0,
        real(4, 4),
        None,
        True,
        None,
        True,
        None,
        True,
        *APART,
    ).floats(),
    multi_head(
        real(3, 2, 4),
        real(3, 2, 4),
        real(3, 2, 4),
        2,
        projections(4),
        False,
        0.4,
        attn_mask=real(4, 3, 3),
    ),
    multi_head(
        real(3, 2, 4),
        real(3, 2, 4),
        real(3, 2, 4),
        2,
        projections(4),
        False,
        0.4,
        need_weights=False,
        static_k=real(4, 5, 2),
        static_v=real(4, 5, 2),
    ),
]
