"""Convolution and its gradients in NumPy, a tap at a time."""

import itertools

import numpy as np


class Taps:
    """The padded input of a convolution, and for each tap what it reads of it."""

    def __init__(self, inner, kernel, stride, padding, dilation, outer):
        self.kernel, self.step, self.dilation, self.outer = kernel, stride, dilation, outer
        spans = [
            (n - 1) * s + (k - 1) * d + 1
            for n, s, k, d in zip(outer, stride, kernel, dilation, strict=True)
        ]
        self.before = list(padding)
        self.after = [
            max(0, span - p - n) for span, p, n in zip(spans, padding, inner, strict=True)
        ]
        self.inner = inner

    def padded(self, x):
        return np.pad(x, [(0, 0)] * 3 + list(zip(self.before, self.after, strict=True)))

    def cropped(self, x):
        return x[(..., *(slice(p, p + n) for p, n in zip(self.before, self.inner, strict=True)))]

    def __iter__(self):
        for tap in itertools.product(*map(range, self.kernel)):
            sizes = zip(tap, self.dilation, self.step, self.outer, strict=True)
            yield (
                (..., *tap),
                (..., *(slice(k * d, k * d + (n - 1) * s + 1, s) for k, d, s, n in sizes)),
            )


def grouped(a, groups, axis):
    return a.reshape(*a.shape[:axis], groups, a.shape[axis] // groups, *a.shape[axis + 1 :])


def merged(a, axis):
    return a.reshape(*a.shape[:axis], a.shape[axis] * a.shape[axis + 1], *a.shape[axis + 2 :])


def with_bias(y, bias):
    return y if bias is None else y + bias.reshape(-1, *[1] * (y.ndim - 2))


def conv_output(x, w, bias, stride, padding, dilation, groups, size):
    taps = Taps(x.shape[2:], w.shape[2:], stride, padding, dilation, size)
    source, w = taps.padded(grouped(x, groups, 1)), grouped(w, groups, 0)
    y = np.zeros((x.shape[0], groups, w.shape[1], *size), x.dtype)
    for tap, places in taps:
        y += np.einsum("ngc...,goc->ngo...", source[places], w[tap])
    return with_bias(merged(y, 1), bias)


def conv_input(g, w, bias, stride, padding, dilation, groups, size):
    taps = Taps(size, w.shape[2:], stride, padding, dilation, g.shape[2:])
    g, w = grouped(g, groups, 1), grouped(w, groups, 0)
    x = taps.padded(np.zeros((g.shape[0], groups, w.shape[2], *size), g.dtype))
    for tap, places in taps:
        x[places] += np.einsum("ngo...,goc->ngc...", g, w[tap])
    return with_bias(merged(taps.cropped(x), 1), bias)


def conv_weight(x, g, stride, padding, dilation, groups, size):
    taps = Taps(x.shape[2:], size, stride, padding, dilation, g.shape[2:])
    source, g = taps.padded(grouped(x, groups, 1)), grouped(g, groups, 1)
    w = np.zeros((groups, g.shape[2], source.shape[2], *size), x.dtype)
    for tap, places in taps:
        w[tap] = np.einsum(
            "ngcp,ngop->goc", *(a.reshape(*a.shape[:3], -1) for a in (source[places], g))
        )
    return merged(w, 0)
