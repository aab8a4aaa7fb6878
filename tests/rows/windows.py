"""Pooling's gradients in NumPy, a window at a time."""

import itertools

import numpy as np


def _parts(n, outer):
    """The windows that divide n positions."""
    return [np.arange(i * n // outer, -(-(i + 1) * n // outer)) for i in range(outer)]


def adaptive_backward(g, size, dims):
    x = np.zeros(size)
    inner, outer = size[-dims:], g.shape[-dims:]
    divided = [_parts(n, o) for n, o in zip(inner, outer, strict=True)]
    for at in itertools.product(*map(range, outer)):
        where = (..., *np.ix_(*(divided[d][i] for d, i in enumerate(at))))
        share = g[(..., *at)] / np.prod([len(divided[d][i]) for d, i in enumerate(at)])
        x[where] += share.reshape(*share.shape, *[1] * dims)
    return x


def avg_backward(g, kernel, stride, padding, ceil_mode, include_pad, divisor, size, dims):
    kernel, stride, padding = (
        tuple(v) * dims if len(v) == 1 else tuple(v) for v in (kernel, stride or kernel, padding)
    )
    x = np.zeros(size)
    inner = size[-dims:]
    for at in itertools.product(*map(range, g.shape[-dims:])):
        start = [i * s - p for i, s, p in zip(at, stride, padding, strict=True)]
        end = [min(b + k, n + p) for b, k, n, p in zip(start, kernel, inner, padding, strict=True)]
        inside = [slice(max(b, 0), min(e, n)) for b, e, n in zip(start, end, inner, strict=True)]
        whole = np.prod([e - b for b, e in zip(start, end, strict=True)])
        count = whole if include_pad else np.prod([s.stop - s.start for s in inside])
        share = g[(..., *at)] / (divisor or count)
        x[(..., *inside)] += share.reshape(*share.shape, *[1] * dims)
    return x


def _places(positions, size, kernel, stride, padding, dilation):
    """For each window the index of its element at the position, in the whole array."""
    dims = len(kernel)
    taps = np.unravel_index(positions.astype(int), kernel)
    at = list(np.indices(positions.shape))
    for d in range(dims):
        k = positions.ndim - dims + d
        at[k] = at[k] * stride[d] - padding[d] + taps[d] * dilation[d]
    return tuple(at)


def max_backward(g, positions, size, kernel_size, **grid):
    x = np.zeros(size)
    np.add.at(x, _places(positions, size, kernel_size, **grid), g)
    return x


def max_values(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    kernel, pad = int(np.ravel(kernel_size)[0]), int(np.ravel(padding)[0])
    step, n = kernel if stride is None else int(np.ravel(stride)[0]), x.shape[-1]
    room = n + 2 * pad - dilation * (kernel - 1) - 1
    count = (-(-room // step) if ceil_mode else room // step) + 1
    count -= ceil_mode and (count - 1) * step >= n + pad
    y = np.full((*x.shape[:-1], count), -np.inf, x.dtype)
    for o, k in np.ndindex(count, kernel):
        if 0 <= (i := o * step - pad + k * dilation) < n:
            y[..., o] = np.maximum(y[..., o], x[..., i])
    return y


def max_take(x, positions, size, kernel_size, **grid):
    return x[_places(positions, size, kernel_size, **grid)]


MODES = {1: "reflect", 2: "edge", 3: "wrap"}


def _widths(ndim, pad):
    pairs = [tuple(pad[i : i + 2]) for i in range(0, len(pad), 2)]
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


def pad_mode(x, pad, mode):
    return np.pad(x, _widths(x.ndim, pad), MODES[mode])


def pad_mode_backward(g, pad, mode, size):
    x = np.zeros(size)
    numbers = np.arange(x.size).reshape(size)
    np.add.at(x.reshape(-1), pad_mode(numbers, pad, mode), g)
    return x


def max_unpool(x, indices, size):
    y = np.zeros((*x.shape[: -len(size)], int(np.prod(size))))
    flat = indices.reshape(*y.shape[:-1], -1)
    np.put_along_axis(y, flat, x.reshape(flat.shape), -1)
    return y.reshape(*x.shape[: -len(size)], *size)


def fractional_max(x, samples, kernel, output):
    dims = len(kernel)
    inner, channels = x.shape[-dims:], x.shape[: x.ndim - dims]
    y, indices = np.zeros((*channels, *output)), np.zeros((*channels, *output), int)
    numbers = samples.reshape(-1, dims)[:, ::-1] if dims == 2 else samples.reshape(-1, dims)
    numbers = numbers[: np.prod(channels, dtype=int)].reshape(*channels, dims)
    for plane in np.ndindex(*channels):
        for at in np.ndindex(*output):
            begin = []
            for i, n, k, o, s in zip(at, inner, kernel, output, numbers[plane], strict=True):
                a = (n - k) / max(o - 1, 1)
                begin.append(n - k if i == o - 1 else int((i + s) * a) - int(s * a))
            where = tuple(slice(b, b + k) for b, k in zip(begin, kernel, strict=True))
            window = x[plane][where]
            tap = np.unravel_index(window.argmax(), window.shape)
            y[(*plane, *at)] = window.max()
            place = [b + t for b, t in zip(begin, tap, strict=True)]
            indices[(*plane, *at)] = np.ravel_multi_index(place, inner)
    return y, indices


FORMULAS = {
    "_fractional_max_pool2d": fractional_max,
    "_fractional_max_pool3d": fractional_max,
    "_max_pool1d_values": max_values,
    "_max_pool_backward": max_backward,
    "_max_pool_take": max_take,
    "_avg_pool_backward": avg_backward,
    "_adaptive_avg_pool_backward": adaptive_backward,
    "_max_unpool": max_unpool,
    "_pad_mode": pad_mode,
    "_pad_mode_backward": pad_mode_backward,
}
