"""Formulas of losses over classes."""

import numpy as np


def class_weights(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """What multiplies -log p of every class, for (N, C, ...) logits."""
    classes = x.shape[1]
    weight = np.ones(classes) if weight is None else weight
    shape = (1, classes) + (1,) * (x.ndim - 2)
    used = (target != ignore_index).astype(float)
    one_hot = np.moveaxis(np.eye(classes)[np.where(target == ignore_index, 0, target)], -1, 1)
    smooth = (1 - label_smoothing) * one_hot + label_smoothing / classes
    return smooth * weight.reshape(shape) * np.expand_dims(used, 1)


def target_weights(target, weight, ignore_index):
    used = target != ignore_index
    w = np.ones(target.shape) if weight is None else weight[np.where(used, target, 0)]
    return w * used


def reduce(loss, reduction, total):
    return {"none": loss, "sum": loss.sum(), "mean": loss.sum() / total}[reduction]


def cross_entropy_indices(
    x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    lse = np.log(np.exp(x).sum(1))
    w = class_weights(x, target, weight, ignore_index, label_smoothing=label_smoothing)
    total = target_weights(target, weight, ignore_index).sum()
    loss = (w * (np.expand_dims(lse, 1) - x)).sum(1)
    return [reduce(loss, reduction, total), np.append(lse.ravel(), total)]


def cross_entropy_backward(
    g, x, target, state, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    w = class_weights(x, target, weight, ignore_index, label_smoothing=label_smoothing)
    p = np.exp(x - np.expand_dims(state[:-1].reshape(target.shape), 1))
    g = np.expand_dims(g, 1) if reduction == "none" else g
    scale = state[-1] if reduction == "mean" else 1
    return g * (p * w.sum(1, keepdims=True) - w) / scale


def cross_entropy_over(x, g, *rest, **options):
    return cross_entropy_backward(g, x, *rest, **options)


def margin_pairs(x, target, margin):
    """Of every row and target that counts the shortfalls below all classes that are no targets."""
    for row, labels in enumerate(target):
        ends = np.flatnonzero(labels < 0)
        counted = labels[: ends[0]] if len(ends) else labels
        others = np.setdiff1d(np.arange(x.shape[1]), counted)
        for t in counted:
            short = margin - x[row, t] + x[row, others]
            yield row, t, others[short > 0], short[short > 0]


def margins(x, target, p, margin, lowest):
    loss = np.zeros(len(x))
    for row, _, _, short in margin_pairs(x, target, margin):
        loss[row] += (short**p).sum() / x.shape[1]
    return loss


def margins_backward(g, x, target, p, margin, lowest):
    dx = np.zeros(x.shape)
    for row, t, others, short in margin_pairs(x, target, margin):
        slope = p * short ** (p - 1) * g[row] / x.shape[1]
        dx[row, others] += slope
        dx[row, t] -= slope.sum()
    return dx
