"""What the fused rows of norms compute, from their formulas."""

import math

import numpy as np


def normalised(x, dims, eps, centred=True):
    m = x.mean(dims, keepdims=True) if centred else np.zeros_like(x[:1, :1, :1])
    d = x - m
    r = 1 / np.sqrt((d * d).mean(dims, keepdims=True) + eps)
    return d * r, m, r


def by_channel(p, shape, otherwise):
    return otherwise if p is None else p.reshape(shape)


def wanted_of(found, wanted):
    """Empty where not wanted."""
    return [d if take else np.zeros(0) for d, take in zip(found, wanted, strict=True)]


def group_view(x, lead, spatial, groups):
    samples, inner = math.prod(x.shape[:lead]), math.prod(x.shape[spatial:])
    return samples, groups, x.size // (samples * groups * inner), inner


def group_norm_forward(x, w, b, lead, spatial, groups, eps, centred):
    view = group_view(x, lead, spatial, groups)
    affine = (1, view[1], view[2], 1)
    h, m, r = normalised(x.reshape(view), (2, 3), eps, centred)
    y = h * by_channel(w, affine, 1) + by_channel(b, affine, 0)
    return [y.reshape(x.shape), m.ravel() if centred else np.zeros(0), r.ravel()]


def group_norm_backward(g, x, mean, rstd, w, lead, spatial, groups, eps, centred, *wanted):
    view = group_view(x, lead, spatial, groups)
    w, r = by_channel(w, (1, view[1], view[2], 1), 1), rstd.reshape((*view[:2], 1, 1))
    h = (x.reshape(view) - (mean.reshape(r.shape) if centred else 0)) * r
    a, g = g.reshape(view) * w, g.reshape(view)
    dx = a - h * (a * h).mean((2, 3), keepdims=True)
    dx = r * (dx - a.mean((2, 3), keepdims=True) * centred)
    found = (dx.reshape(x.shape), (g * h).sum((0, 3)).ravel(), g.sum((0, 3)).ravel())
    return wanted_of(found, wanted)


def batch_view(x):
    return x.reshape(x.shape[0], x.shape[1], -1)


def batch_norm_train(x, w, b, running_mean, running_var, momentum, eps):
    h, m, r = normalised(batch_view(x), (0, 2), eps)
    y = h * by_channel(w, (1, -1, 1), 1) + by_channel(b, (1, -1, 1), 0)
    return [y.reshape(x.shape), m.ravel(), r.ravel()]


def batch_norm_eval(x, w, b, mean, var, eps):
    h = (batch_view(x) - mean[:, None]) / np.sqrt(var + eps)[:, None]
    y = h * by_channel(w, (1, -1, 1), 1) + by_channel(b, (1, -1, 1), 0)
    return y.reshape(x.shape)


def batch_norm_backward(g, x, mean, rstd, w, given, eps, *wanted):
    r, w = rstd[:, None], by_channel(w, (1, -1, 1), 1)
    h, g = (batch_view(x) - mean[:, None]) * r, batch_view(g)
    a = g * w
    dx = r * a
    if not given:
        dx = r * (a - a.mean((0, 2), keepdims=True) - h * (a * h).mean((0, 2), keepdims=True))
    found = (dx.reshape(x.shape), (g * h).sum((0, 2)), g.sum((0, 2)))
    return wanted_of(found, wanted)


def channel_window_sum(x, before, after):
    parts = [x[:, max(0, c - before) : c + after + 1].sum(1) for c in range(x.shape[1])]
    return np.stack(parts, 1)


NORMS = {
    "_channel_window_sum": channel_window_sum,
    "group_norm_forward": group_norm_forward,
    "group_norm_backward": group_norm_backward,
    "batch_norm_train": batch_norm_train,
    "batch_norm_eval": batch_norm_eval,
    "batch_norm_backward": batch_norm_backward,
}
