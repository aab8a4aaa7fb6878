"""What the fused rows of attention compute, from their formulas."""

import numpy as np


def kept_bytes(bits):
    """Bits as the rows hold them: in words of 64, and two words behind them."""
    words = np.zeros((bits.size + 63) // 64 * 8 + 16, np.uint8)
    packed = np.packbits(bits.ravel(), bitorder="little")
    words[: packed.size] = packed
    return words


def factors(x, kept, size, p):
    bits = np.unpackbits(kept, bitorder="little")[: int(np.prod(size))]
    return (bits.reshape(size) / (1 - p)).astype(x.dtype)


def softmax(q, k, mask, scale, causal):
    """The weights, zeros for queries that see no key, and the logarithms of their sums."""
    k = np.repeat(k, q.shape[1] // k.shape[1], 1)
    s = q @ k.swapaxes(-1, -2) * scale
    if mask is not None:
        s = np.where(mask, s, -np.inf) if mask.dtype == bool else s + mask
    if causal:
        s = np.where(np.tri(*s.shape[-2:], dtype=bool), s, -np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        most = s.max(-1, keepdims=True)
        e = np.exp(s - np.where(np.isinf(most), 0, most))
        total = e.sum(-1, keepdims=True)
        logs = np.where(total == 0, np.inf, most + np.log(total))
    return e / np.where(total == 0, 1, total), logs[..., 0]


def dropped(weights, kept, p):
    return weights if kept is None else weights * factors(weights, kept, weights.shape, p)


def attention_forward(q, k, v, mask, kept, scale, causal, p):
    weights, logs = softmax(q, k, mask, scale, causal)
    return dropped(weights, kept, p) @ np.repeat(v, q.shape[1] // v.shape[1], 1), logs


def attention_backward(g, q, k, v, mask, kept, y, logs, scale, causal, p, *wanted):
    weights, _ = softmax(q, k, mask, scale, causal)
    group = q.shape[1] // k.shape[1]

    def of_shared(d):
        return d.reshape(k.shape[0], k.shape[1], group, *d.shape[2:]).sum(2)

    dv = of_shared(dropped(weights, kept, p).swapaxes(-1, -2) @ g)
    dw = dropped(g @ np.repeat(v, group, 1).swapaxes(-1, -2), kept, p)
    ds = weights * (dw - (g * y).sum(-1, keepdims=True))
    dq = ds @ np.repeat(k, group, 1) * scale
    dk = of_shared(ds.swapaxes(-1, -2) @ q) * scale
    found = (dq, dk, dv, ds)
    return [d if take else np.zeros(0) for d, take in zip(found, wanted, strict=True)]


ATTENTION = {
    "attention_forward": attention_forward,
    "attention_backward": attention_backward,
    "_attention_factors": factors,
}
