"""Formulas of cross entropy behind a linear layer, and of the generator's state."""

import numpy as np

import wengert as wg
from tests.rows.oracles_loss import cross_entropy_backward, cross_entropy_indices
from tests.rows.sample import SEED


def logits(x, w, b):
    return x @ w.T + (0 if b is None else b)


def indices(x, w, target, b, weight, *choices):
    return cross_entropy_indices(logits(x, w, b), target, weight, *choices)


def backward(x, w, target, g, state, b, weight, *choices):
    *choices, of_x, of_w, of_b = choices
    d = cross_entropy_backward(g, logits(x, w, b), target, state, weight, *choices)
    none = np.zeros(0)
    return [d @ w if of_x else none, d.T @ x if of_w else none, d.sum(0) if of_b else none]


def linear_cross_entropy(
    x,
    w,
    target,
    *,
    linear_bias=None,
    weight=None,
    reduction="mean",
    ignore_index=None,
    label_smoothing=0.0,
):
    ignored = -100 if ignore_index is None else ignore_index
    b = None if linear_bias is None else linear_bias.reshape(-1)
    y = logits(np.atleast_2d(x), w.reshape(-1, w.shape[-1]), b)
    y = y.reshape(len(y), *w.shape[:-1])
    if target.dtype.kind == "f":
        target = target.reshape(y.shape)
        target = (1 - label_smoothing) * target + label_smoothing / w.shape[0]
        p = y - np.log(np.exp(y).sum(1, keepdims=True))
        scale = np.ones(len(w)) if weight is None else weight
        loss = -(p * target * scale.reshape(-1, *[1] * (y.ndim - 2))).sum(1)
        loss = {"none": loss, "sum": loss.sum(), "mean": loss.mean()}[reduction]
    else:
        target = target.reshape(-1, *y.shape[2:])
        loss, _ = cross_entropy_indices(y, target, weight, ignored, reduction, label_smoothing)
    return np.reshape(loss, ()) if x.ndim == 1 else loss


def rng_state(*_):
    """Any row of random numbers begins with a generator of this seed."""
    return wg.Generator().manual_seed(SEED).get_state().numpy()


HIDDEN = {
    "linear_cross_entropy": linear_cross_entropy,
    "linear_cross_entropy_indices": indices,
    "linear_cross_entropy_backward": backward,
    "rng_state": rng_state,
    "exchange_rng_state": rng_state,
}
