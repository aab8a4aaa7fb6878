"""What the rows of embeddings compute, in NumPy."""

import itertools

import numpy as np


def dense_backward(g, indices, rows, padding, by_frequency):
    out = np.zeros((rows, g.shape[-1]))
    flat = indices.ravel()
    np.add.at(out, flat, g.reshape(-1, g.shape[-1]))
    if padding >= 0:
        out[padding] = 0
    if by_frequency:
        out /= np.maximum(np.bincount(flat, minlength=rows), 1)[:, None]
    return out


def renorm(w, indices, most, p):
    w = w.copy()
    for i in np.unique(indices):
        norm = np.linalg.norm(w[i], p)
        if norm > most:
            w[i] *= most / (norm + 1e-7)
    return w


def bags(indices, offsets, last):
    """The places of each bag's indices."""
    ends = offsets if last else np.append(offsets, indices.size)
    return [np.arange(a, b) for a, b in itertools.pairwise(ends)]


def bag_factors(indices, offsets, weights, mode, padding, last):
    """(bags, n): what each index counts for in each bag."""
    out = np.zeros((len(bags(indices, offsets, last)), indices.size))
    for b, places in enumerate(bags(indices, offsets, last)):
        places = places[indices[places] != padding]
        out[b, places] = 1 if weights is None else weights[places]
        if mode == 1 and places.size:
            out[b] /= places.size
    return out


def bag_forward(w, indices, offsets, weights, mode, padding, last, by_frequency):
    if mode < 2:
        return [
            bag_factors(indices, offsets, weights, mode, padding, last) @ w[indices],
            np.zeros(0),
        ]
    values, rows = [], []
    for places in bags(indices, offsets, last):
        of = indices[places][indices[places] != padding]
        at = of[w[of].argmax(0)] if of.size else np.full(w.shape[1], -1)
        rows.append(at)
        values.append(np.where(at < 0, 0, w[at, np.arange(w.shape[1])]))
    return [np.array(values), np.array(rows)]


def bag_backward(g, indices, offsets, weights, largest, mode, padding, last, by_frequency, rows):
    if mode < 2:
        each = bag_factors(indices, offsets, weights, mode, padding, last).T @ g
        return dense_backward(each, indices, rows, -1, by_frequency)
    out = np.zeros((rows, g.shape[1]))
    for b, i in np.argwhere(largest >= 0):
        out[largest[b, i], i] += g[b, i]
    return out


def bag_weights_backward(g, w, indices, offsets, mode, padding, last):
    return (bag_factors(indices, offsets, None, mode, padding, last) * (g @ w[indices].T)).sum(0)


HIDDEN = {
    "embedding_rows": lambda w, indices, *_: w[indices],
    "embedding_dense_backward": dense_backward,
    "_embedding_backward_add_": lambda d, g, indices, *how: (
        d + dense_backward(g, indices, len(d), *how)
    ),
    "embedding_renorm_": renorm,
    "embedding_bag_forward": bag_forward,
    "embedding_bag_backward": bag_backward,
    "embedding_bag_weights_backward": bag_weights_backward,
}
