"""Formulas for the hidden rows of the family resample."""

import itertools

import numpy as np


def cubic(d, a):
    d = np.abs(d)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    return np.where(d < 1, near, np.where(d < 2, a * (d**3 - 5 * d**2 + 8 * d - 4), 0.0))


def cubic_slope(d, a):
    d, sign = abs(d), np.sign(d)
    inner = 3 * (a + 2) * d**2 - 2 * (a + 3) * d
    return sign * (inner if d < 1 else a * (3 * d**2 - 10 * d + 8))


def lanczos(d):
    return np.where(np.abs(d) < 3, np.sinc(d) * np.sinc(d / 3), 0.0)


def weights(n, size, how, align, scale):
    """(size, n): what of each input goes into each output of an axis."""
    i, j = np.arange(size)[:, None], np.arange(n)[None, :]
    w = np.zeros((size, n))
    if how == "area":
        low, high = i * n // size, ((i + 1) * n + size - 1) // size
        return ((j >= low) & (j < high)) / (high - low)
    if n == size:
        return np.eye(n)
    step = ((n - 1) / max(size - 1, 1)) if align else 1 / scale if scale else n / size
    at = step * i if align and not how.startswith("smooth") else step * (i + 0.5) - 0.5
    if how.startswith("smooth"):
        d = (j - at) / max(step, 1)
        tent = np.maximum(1 - np.abs(d), 0)
        w = {"linear": tent, "cubic": cubic(d, -0.5), "lanczos": lanczos(d)}[how[7:]]
        return w / w.sum(1, keepdims=True)
    if how.startswith("nearest"):
        taps = [(np.floor((i + 0.5 * (how != "nearest")) * step), np.ones((size, 1)))]
    elif how == "linear":
        at = np.maximum(at, 0)
        taps = [(np.floor(at), 1 - at % 1), (np.floor(at) + 1, at % 1)]
    else:
        taps = [(np.floor(at) + k, cubic(at % 1 - k, -0.75)) for k in range(-1, 3)]
    for place, weight in taps:
        np.add.at(w, (i, np.clip(place, 0, n - 1).astype(int)), weight)
    return w


def resample(x, size, how, align=False, scales=None, backward=False):
    for k, n in enumerate(size):
        sizes = (n, x.shape[k + 2]) if backward else (x.shape[k + 2], n)
        w = weights(*sizes, how, align, scales[k] if scales else None)
        x = np.moveaxis(np.tensordot(w.T if backward else w, x, (1, k + 2)), 0, k + 2)
    return x


def place(c, n, padding, align, coordinate=True):
    """The pixel of a coordinate, padded, and its derivative."""
    slope = ((n - 1) / 2 if align else n / 2) if coordinate else 1.0
    x = ((c + 1) / 2 * (n - 1) if align else ((c + 1) * n - 1) / 2) if coordinate else c
    if padding == 2:
        low, span = (0.0, n - 1) if align else (-0.5, n)
        if span == 0:
            return 0.0, 0.0
        slope *= -1 if x < low else 1
        turns, rest = divmod(abs(x - low), span)
        x, slope = (rest + low, slope) if turns % 2 == 0 else (span - rest + low, -slope)
    if padding and not 0 < x < n - 1:
        return min(max(x, 0.0), n - 1.0), 0.0
    return x, slope


def neighbours(c, n, mode, padding, align):
    """(pixel, weight, derivative of the weight), of those in the image."""
    x, slope = place(c, n, 0 if mode == 2 else padding, align)
    low = np.floor(x)
    if mode == 1:
        found = [(np.round(x), 1.0, 0.0)]
    elif mode == 0:
        found = [(low, 1 - (x - low), -slope), (low + 1, x - low, slope)]
    else:
        found = []
        for k in range(-1, 3):
            d, p = x - low - k, place(low + k, n, padding, align, False)[0]
            found.append((p, float(cubic(d, -0.75)), cubic_slope(d, -0.75) * slope))
    return [(int(p), w, d) for p, w, d in found if 0 <= p < n]


def sampled(x_shape, grid, mode, padding, align):
    """(image, place, pixel, weight, derivatives) of every neighbour of every place."""
    sizes = x_shape[:1:-1]
    for place_ in np.ndindex(*grid.shape[:-1]):
        axes = [
            neighbours(c, n, mode, padding, align) for c, n in zip(grid[place_], sizes, strict=True)
        ]
        for taps in itertools.product(*axes):
            w = [t[1] for t in taps]
            slopes = [
                t[2] * np.prod([v for e, v in enumerate(w) if e != d]) for d, t in enumerate(taps)
            ]
            yield place_[0], place_[1:], tuple(t[0] for t in taps)[::-1], np.prod(w), slopes


def grid_sampler(x, grid, mode, padding, align):
    y = np.zeros((*x.shape[:2], *grid.shape[1:-1]))
    for n, p, pixel, w, _ in sampled(x.shape, grid, mode, padding, align):
        y[(n, slice(None), *p)] += w * x[(n, slice(None), *pixel)]
    return y


def input_gradient(g, grid, mode, padding, align, size):
    dx = np.zeros(size)
    for n, p, pixel, w, _ in sampled(size, grid, mode, padding, align):
        dx[(n, slice(None), *pixel)] += w * g[(n, slice(None), *p)]
    return dx


def grid_gradient(g, x, grid, mode, padding, align):
    dgrid = np.zeros(grid.shape)
    for n, p, pixel, _, slopes in sampled(x.shape, grid, mode, padding, align):
        dot = g[(n, slice(None), *p)] @ x[(n, slice(None), *pixel)]
        dgrid[(n, *p)] += dot * np.array(slopes)
    return dgrid


HIDDEN = {
    "_resample": resample,
    "_resample_backward": lambda *args: resample(*args, *(False, None)[len(args) - 3 :], True),
    "_grid_sampler_backward_input": input_gradient,
    "_grid_sampler_backward_grid": grid_gradient,
}
