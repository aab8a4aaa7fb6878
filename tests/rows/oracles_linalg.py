"""Linear algebra in NumPy."""

import numpy as np

from wengert import _native


def turned(x):
    return np.swapaxes(x, -1, -2)


def lu_permutation(pivots, rows, inverse):
    out = np.tile(np.arange(rows), (*pivots.shape[:-1], 1))
    lists = pivots.reshape(-1, pivots.shape[-1])
    for order, exchanges in zip(out.reshape(-1, rows), lists, strict=True):
        for i, p in enumerate(exchanges):
            order[[i, p - 1]] = order[[p - 1, i]]
        if inverse:
            order[order.copy()] = np.arange(rows)
    return out


def qr_factors(x, complete):
    return np.linalg.qr(x, "complete" if complete else "reduced")


def triangular_system(a, b, upper, left, unit):
    a = np.triu(a) if upper else np.tril(a)
    if unit:
        a = a * (1 - np.eye(a.shape[-1])) + np.eye(a.shape[-1])
    return np.linalg.solve(a, b) if left else turned(np.linalg.solve(turned(a), turned(b)))


def linear_system(a, b, check):
    lu, pivots, info = _native.ops.linalg_lu_factor_ex(_native.tensor(a))
    return np.linalg.solve(a, b), lu, pivots, info


def cofactor(a):
    """Of minors."""
    n, out = a.shape[-1], np.empty(a.shape)
    for i in range(n):
        for j in range(n):
            minor = np.delete(np.delete(a, i, -2), j, -1)
            out[..., i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return out


def same_sign(x, like, axis):
    """Vectors along the axis, which are known up to their sign, as others have it."""
    like = like.detach().numpy()
    return x * np.where((x * like).sum(axis, keepdims=True) < 0, -1.0, 1.0)


def eigh_factors(a, upper, vectors):
    values, v = np.linalg.eigh(a, "U" if upper else "L")
    if not vectors:
        return values, np.empty(0)
    ours = _native.ops.eigh_factors(_native.tensor(a), upper, True)[1]
    return values, same_sign(v, ours, -2)


def svd_factors(a, full, vectors):
    if not vectors:
        return np.empty(0), np.linalg.svd(a, compute_uv=False), np.empty(0)
    u, s, vh = np.linalg.svd(a, full)
    ours = _native.ops.svd_factors(_native.tensor(a), full, True)
    return same_sign(u, ours[0], -2), s, same_sign(vh, ours[2], -1)


def pinv_matrix(a, atol, rtol, hermitian):
    u, s, vh = np.linalg.svd(a, False)
    least = np.maximum(atol, rtol * (s[..., 0] if s.shape[-1] else 0))[..., None]
    inverse = np.where(s > least, 1 / np.where(s > least, s, 1), 0)
    return turned(vh) @ (inverse[..., None] * turned(u))


HIDDEN = {
    "lu_permutation": lu_permutation,
    "qr_factors": qr_factors,
    "triangular_system": triangular_system,
    "linear_system": linear_system,
    "cofactor": cofactor,
    "eigh_factors": eigh_factors,
    "svd_factors": svd_factors,
    "pinv_matrix": pinv_matrix,
}
