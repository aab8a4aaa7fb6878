"""Samples of decompositions and systems of equations. The gradients of what reads one triangle are
those of symmetric matrices, which no difference along a random direction shows: tests/linalg."""

import numpy as np

from tests.rows.sample import S, Sample, real

SAMPLES: dict[str, list[Sample]] = {}


def definite(*shape):
    """Symmetric and positive-definite."""
    x = real(*shape)
    return x @ np.swapaxes(x, -1, -2) + 0.5 * np.eye(shape[-1])


def symmetric(*shape):
    x = real(*shape)
    return x + np.swapaxes(x, -1, -2)


def regular(*shape):
    """Far from singular, and with pivots that are clearly the largest."""
    return real(*shape) + 2.5 * np.eye(shape[-2], shape[-1])[::-1]


SAMPLES["linalg_cholesky_ex"] = [
    S(definite(4, 4)).forward_only(),
    S(definite(2, 3, 3), upper=True, check_errors=True).forward_only(),
    S(definite(40, 40)).forward_only(),
    S(definite(0, 3, 3)).forward_only(),
    S(definite(2, 0, 0)).forward_only(),
    S(np.diag([1.0, 2.0, -3.0])).forward_only().floats(),
]
SAMPLES["linalg_lu_factor_ex"] = [
    S(regular(4, 4)),
    S(regular(3, 5)),
    S(regular(5, 3)),
    S(regular(2, 3, 3), check_errors=True).floats(),
    S(regular(40, 40)),
    S(real(0, 3)).floats(),
    S(real(0, 2, 2)).floats(),
    S(np.diag([1.0, 0.0, 2.0])).forward_only().hold(0).floats(),
]
SAMPLES["lu_permutation"] = [
    S(np.array([3, 2, 3], np.int32), 4, False),
    S(np.array([[3, 3, 3], [1, 2, 3]], np.int32), 3, True),
    S(np.zeros((0, 2), np.int32), 2, True),
]
SAMPLES["qr_factors"] = [
    S(real(4, 4), False),
    S(real(6, 3), False),
    S(real(3, 5), False),
    S(real(2, 3, 5), True),
    S(real(2, 5, 3), True).forward_only(),
    S(real(70, 40), False).forward_only(),
    S(real(0, 3), False),
    S(real(3, 0), True).forward_only(),
    S(real(0, 3, 2), False),
]
SAMPLES["geqrf"] = [S(real(4, 4)), S(real(2, 6, 3)), S(real(3, 5)), S(real(70, 40)), S(real(0, 3))]
SAMPLES["linalg_householder_product"] = [
    S(real(4, 3), real(3)),
    S(real(2, 4, 4), real(2, 2)),
    S(real(5, 2), real(0)),
    S(0.1 * real(40, 20), 0.1 * real(20)),
    S(real(0, 3, 2), real(0, 2)),
]
SAMPLES["linalg_ldl_factor_ex"] = [
    S(symmetric(4, 4)),
    S(symmetric(2, 5, 5), hermitian=True),
    S(definite(3, 3), check_errors=True).floats(),
    S(np.array([[0.0, 2.0], [2.0, 0.0]])),
    S(symmetric(0, 2, 2)),
]
SAMPLES["linalg_ldl_solve"] = [
    S(definite(3, 3), np.array([1, 2, 3], np.int32), real(3, 2)),
    S(definite(3, 3), np.array([-2, -2, 3], np.int32), real(3, 2)),
    S(definite(2, 3, 3), np.array([[3, -3, -3], [2, 2, 3]], np.int32), real(2, 3, 1)),
]
SAMPLES["triangular_system"] = [
    S(regular(3, 3), real(3, 2), upper, left, unit)
    for upper, left, unit in ((False, True, False), (True, True, True))
]
SAMPLES["triangular_system"] += [
    S(real(2, 3, 3), real(2, 4, 3), False, False, True),
    S(real(2, 3, 3), real(2, 4, 3), True, False, False),
    S(real(40, 40) / 9 + 3 * np.eye(40), real(40, 70), True, True, False),
    S(real(40, 40) / 9 + 3 * np.eye(40), real(50, 40), False, False, False),
    S(real(0, 3, 3), real(0, 3, 2), True, True, False),
    S(real(2, 2), real(2, 0), True, True, False),
]
SAMPLES["linear_system"] = [
    S(regular(3, 3), real(3, 2), True).outputs(1).floats(),
    S(regular(2, 4, 4), real(2, 4, 1), False).outputs(1),
    S(regular(40, 40), real(40, 3), False).outputs(1),
    S(real(0, 0), real(0, 2), False).outputs(1),
]
SAMPLES["linalg_inv_ex"] = [
    S(regular(3, 3)),
    S(regular(2, 4, 4), check_errors=True).floats(),
    S(regular(40, 40)),
    S(real(0, 2, 2)),
    S(real(2, 0, 0)),
]
for _name in ("det", "slogdet", "cofactor"):
    SAMPLES[_name] = [
        S(regular(3, 3)),
        S(regular(2, 4, 4)),
        S(real(1, 1)),
        S(real(0, 2, 2)),
        S(real(2, 0, 0)),
    ]
SAMPLES["cofactor"].append(S(np.outer([1.0, 2.0, -1.0], [0.5, 3.0, 2.0])).forward_only())
SAMPLES["cofactor"].append(S(np.diag([1.0, 0.0, 3.0])).forward_only())
SAMPLES["matrix_exp"] = [
    S(real(3, 3)),
    S(6 * real(2, 4, 4)).fixed(),
    S(0.001 * real(2, 2)),
    S(real(1, 1)),
    S(real(0, 2, 2)),
    S(real(2, 0, 0)),
]
SAMPLES["eigh_factors"] = [
    S(symmetric(4, 4), False, False).forward_only(),
    S(real(2, 5, 5), False, True).forward_only(),
    S(real(3, 3), True, True).forward_only(),
    S(symmetric(40, 40), False, True).forward_only(),
    S(real(1, 1), False, True),
    S(real(0, 2, 2), False, True).forward_only(),
    S(real(2, 0, 0), False, True).forward_only(),
]
SAMPLES["svd_factors"] = [
    S(real(4, 4), False, True),
    S(real(6, 3), False, True),
    S(real(2, 3, 5), False, True),
    S(real(5, 3), True, False).forward_only(),
    S(real(40, 30), False, True).forward_only(),
    S(real(1, 1), True, True),
    S(real(0, 3), False, True).forward_only(),
    S(real(0, 3, 2), True, True).forward_only(),
]
SAMPLES["pinv_matrix"] = [
    S(real(4, 4), np.zeros(()), np.full((), 1e-12), False).hold(1, 2),
    S(real(2, 5, 3), np.zeros(2), np.full(2, 1e-12), False).hold(1, 2),
    S(real(3, 5), np.zeros(()), np.full((), 1e-12), False).hold(1, 2),
    S(np.diag([1.0, 0.0, 2.0]), np.full((), 0.5), np.zeros(()), True).forward_only(),
    S(real(0, 3), np.zeros(()), np.zeros(()), False).hold(1, 2),
]
