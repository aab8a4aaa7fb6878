"""Cases of attention and of transformers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.rows.sample import real


def with_weights(**how: Any) -> Any:
    """Calls a MultiheadAttention by what `how` says; the result depends on the weights too."""

    def use(m: Any, q: Any, k: Any = None, v: Any = None, padding: Any = None, mask: Any = None):
        k = q if k is None else k
        y, shares = m(q, k, k if v is None else v, padding, attn_mask=mask, **how)
        return y if shares is None else y * (1 + shares.square().mean())

    return use


def masked(*names: str, **how: Any) -> Any:
    """Calls a layer whose last inputs are masks of these names."""

    def use(m: Any, *xs: Any) -> Any:
        n = len(xs) - len(names)
        return m(*xs[:n], **dict(zip(names, xs[n:], strict=True)), **how)

    return use


CAUSAL = np.triu(np.ones((3, 3), bool), 1)
PADDED = np.array([[False, False, False], [False, False, True]])


def cases(M: Any, New: Any) -> dict[str, list]:
    """By class, made with the table's M and New."""
    found: dict[str, list] = {}
    found["MultiheadAttention"] = [
        M(4, 2).on(real(3, 2, 4)).called(with_weights()),
        M(4, 2, batch_first=True).on(real(2, 3, 4)).called(with_weights(need_weights=False)),
        M(4, 1, 0.3, False, batch_first=True)
        .on(real(2, 2, 4), real(2, 3, 4))
        .called(with_weights(need_weights=False)),
        M(6, 3, 0.2).on(real(2, 6)).called(with_weights(average_attn_weights=False)),
        M(4, 2, kdim=3, vdim=5)
        .on(real(2, 2, 4), real(3, 2, 3), real(3, 2, 5))
        .called(with_weights()),
        M(4, 2, add_bias_kv=True, add_zero_attn=True)
        .on(real(3, 2, 4), real(3, 2, 4), real(3, 2, 4), PADDED, CAUSAL)
        .called(with_weights(need_weights=False)),
        M(4, 2, add_bias_kv=True)
        .on(real(3, 2, 4), real(3, 2, 4), real(3, 2, 4), PADDED, real(4, 3, 3))
        .called(with_weights()),
        M(4, 2, batch_first=True)
        .on(real(2, 3, 4), real(2, 3, 4), real(2, 3, 4), PADDED, real(3, 3))
        .called(with_weights(need_weights=False)),
        M(2, 1)
        .on(real(3, 2, 2), real(3, 2, 2), real(3, 2, 2), CAUSAL)
        .called(lambda m, q, k, v, mask: m(q, k, v, None, False, mask, is_causal=True)[0]),
    ]
    found["TransformerEncoderLayer"] = [
        M(4, 2, 6).on(real(3, 2, 4)),
        M(4, 2, 6, 0.2, "gelu", 1e-3, True, True, False).on(real(2, 3, 4)),
        M(4, 2, 5, activation=New("SiLU")).on(real(3, 4)),
        M(4, 2, 5, 0.0)
        .on(real(3, 2, 4), CAUSAL, PADDED)
        .called(masked("src_mask", "src_key_padding_mask")),
        M(4, 2, 5).on(real(3, 2, 4), CAUSAL).called(masked("src_mask", is_causal=True)),
    ]
    found["TransformerDecoderLayer"] = [
        M(4, 2, 6).on(real(3, 2, 4), real(2, 2, 4)),
        M(4, 2, 6, 0.2, "gelu", 1e-3, True, True, False).on(real(2, 3, 4), real(2, 2, 4)),
        M(4, 2, 5, 0.0)
        .on(real(3, 2, 4), real(3, 2, 4), CAUSAL, real(3, 3), PADDED)
        .called(masked("tgt_mask", "memory_mask", "memory_key_padding_mask")),
    ]
    found["TransformerEncoder"] = [
        M(New("TransformerEncoderLayer", (4, 2, 5)), 2).on(real(3, 2, 4)),
        M(
            New("TransformerEncoderLayer", (4, 1, 5, 0.1, "relu", 1e-5, True)),
            1,
            New("LayerNorm", (4,)),
            enable_nested_tensor=False,
        )
        .on(real(2, 3, 4), CAUSAL, PADDED)
        .called(masked("mask", "src_key_padding_mask")),
    ]
    found["TransformerDecoder"] = [
        M(New("TransformerDecoderLayer", (4, 2, 5)), 2)
        .on(real(3, 2, 4), real(3, 2, 4), CAUSAL)
        .called(masked("tgt_mask")),
    ]
    found["Transformer"] = [
        M(4, 2, 1, 2, 6).on(real(3, 2, 4), real(2, 2, 4)),
        M(4, 2, 1, 1, 6, 0.2, "gelu", batch_first=True, norm_first=True, bias=False)
        .on(real(2, 3, 4), real(2, 3, 4), CAUSAL, PADDED)
        .called(masked("tgt_mask", "src_key_padding_mask")),
    ]
    return found
