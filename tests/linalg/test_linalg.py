"""Linear algebra beyond the tables: derivatives of what reads one triangle, vectors whose sign is
arbitrary, errors, threads, large matrices, captured programs."""

import math

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from wengert.autograd import gradcheck, gradgradcheck
from wengert.linalg import LinAlgError

L = wg.linalg
needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")


def numbers(*shape, seed=0):
    return wg.tensor(np.random.RandomState(seed).standard_normal(shape))


def definite(*shape):
    x = numbers(*shape)
    return x @ x.mT + 0.5 * wg.eye(shape[-1], dtype=wg.float64)


# ---- derivatives -------------------------------------------------------------------------------

OF_SYMMETRIC = {
    "cholesky": lambda a: L.cholesky(a),
    "upper": lambda a: L.cholesky(a, upper=True),
    "cholesky_solve": lambda a: wg.cholesky_solve(a + 1, L.cholesky(a)),
    "cholesky_inverse": lambda a: wg.cholesky_inverse(L.cholesky(a)),
    "eigh": lambda a: (L.eigh(a)[0], L.eigh(a)[1].abs()),
    "eigh U": lambda a: L.eigh(a, "U")[1].abs(),
    "eigvalsh": lambda a: L.eigvalsh(a),
    "pinv": lambda a: L.pinv(a, hermitian=True),
}
OF_ANY = {
    "svd": lambda a: tuple(x.abs() for x in L.svd(a[..., :2], False)),
    "svd wide": lambda a: tuple(x.abs() for x in L.svd(a[..., :2, :], False)),
    "svdvals": L.svdvals,
    "lu": lambda a: L.lu(a)[1:],
    "lu without pivots": lambda a: L.lu(a + 4 * wg.eye(3, dtype=a.dtype), pivot=False)[1:],
    "lu_solve": lambda a: L.lu_solve(*L.lu_factor(a), a + 1),
    "lu_solve adjoint": lambda a: L.lu_solve(*L.lu_factor(a), a + 1, left=False, adjoint=True),
    "solve": lambda a: L.solve(a, a.mT @ a),
    "solve right": lambda a: L.solve(a, a.mT + 1, left=False),
    "lstsq": lambda a: L.lstsq(a[..., :2], a[..., 2:])[0],
    "gels": lambda a: L.lstsq(a[..., :2], a[..., 2:], driver="gels")[0],
    "gels wide": lambda a: L.lstsq(a[..., :2, :], a[..., :2, :1], driver="gels")[0],
    "det": L.det,
    "slogdet": lambda a: L.slogdet(a)[1],
    "logdet": lambda a: wg.logdet(a @ a.mT),
    "matrix_exp": L.matrix_exp,
    "power": lambda a: (L.matrix_power(a, 3), L.matrix_power(a, -2)),
    "householder": lambda a: L.householder_product(a, a[..., 0, :2]),
    "ormqr": lambda a: wg.ormqr(a[..., :2], a[..., 0, :2], a, left=False, transpose=True),
    "nuc": lambda a: L.matrix_norm(a, "nuc"),
    "2": lambda a: L.matrix_norm(a, 2),
    "cond": lambda a: (L.cond(a), L.cond(a, "fro"), L.cond(a, "nuc")),
    "triangular_solve": lambda a: wg.triangular_solve(a, a + 3, transpose=True)[0],
    "kron": lambda a: wg.kron(a[0] if a.dim() == 3 else a, a),
    "cross": lambda a: wg.cross(a, a.flip(-2), dim=-1),
}


@pytest.mark.parametrize("name", [*OF_SYMMETRIC, *OF_ANY])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_derivatives(name, batch):
    x = numbers(*batch, 3, 3, seed=4)
    if name in OF_SYMMETRIC:
        f, unit = OF_SYMMETRIC[name], 0.3 * wg.eye(3, dtype=x.dtype)

        def function(a):
            return f(a @ a.mT + unit)

    else:
        function = OF_ANY[name]
    x.requires_grad_()
    assert gradcheck(function, (x,))
    assert gradgradcheck(function, (x,), atol=1e-4, rtol=1e-3)


def test_gradient_of_a_singular_determinant():
    a = wg.tensor(np.outer([1.0, 2.0, -1.0], [0.5, 3.0, 2.0]) + np.diag([1.0, 0, 0]))
    a.requires_grad_()
    a.det().backward()
    minors = [
        [
            (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a.detach().numpy(), i, 0), j, 1))
            for j in range(3)
        ]
        for i in range(3)
    ]
    np.testing.assert_allclose(a.grad.numpy(), minors, atol=1e-12)


# ---- values ------------------------------------------------------------------------------------

SIZES = [(1, 1), (2, 3), (3, 2), (9, 20), (20, 9), (33, 40), (70, 65), (130, 40), (200, 200)]


@pytest.mark.parametrize(("m", "n"), SIZES)
@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
def test_factors_multiply_to_the_matrix(m, n, dtype):
    a = numbers(2, m, n).to(dtype)
    near = {"atol": 2e-4 if dtype == wg.float32 else 1e-12}

    def orthogonal(q):
        unit = wg.eye(q.shape[-1], dtype=dtype).expand(2, -1, -1)
        return wg.allclose(q.mT @ q, unit, **near)

    for full in (False, True):
        u, s, vh = L.svd(a, full)
        assert orthogonal(u) and orthogonal(vh.mT) and bool((s[..., 1:] <= s[..., :-1]).all())
        k = min(m, n)
        assert wg.allclose(u[..., :k] * s.unsqueeze(-2) @ vh[..., :k, :], a, **near)
        q, r = L.qr(a, "complete" if full else "reduced")
        assert orthogonal(q) and wg.allclose(q @ r, a, **near) and wg.equal(r, r.triu())
    assert wg.allclose(L.svdvals(a), s, **near)
    p, lower, upper = L.lu(a)
    assert wg.allclose(p @ lower @ upper, a, **near)
    assert bool((lower.abs() <= 1).all())
    square = a @ a.mT
    w, v = L.eigh(square)
    bound = float(w.max()) * (1e-5 if dtype == wg.float32 else 1e-13)
    assert orthogonal(v) and bool((w[..., 1:] >= w[..., :-1]).all())
    assert wg.allclose(v * w.unsqueeze(-2) @ v.mT, square, atol=bound, rtol=0)
    square = square + wg.eye(m, dtype=dtype)
    factor = L.cholesky(square)
    assert wg.allclose(factor @ factor.mT, square, atol=bound, rtol=0)


@needs_torch
@pytest.mark.parametrize("shape", [(5, 5), (2, 4, 6), (6, 3), (0, 3), (2, 0, 0)])
def test_low_rank(shape):
    a = numbers(*shape)
    if 0 in shape:
        return
    for library in (wg, torch):
        library.manual_seed(3)
    u, s, v = wg.svd_lowrank(a, 3)
    theirs = torch.svd_lowrank(torch.from_numpy(a.numpy()), 3)
    assert wg.allclose(s, wg.from_numpy(theirs[1].numpy()), rtol=1e-6)
    assert wg.allclose(
        u * s.unsqueeze(-2) @ v.mT,
        wg.from_numpy((theirs[0] * theirs[1].unsqueeze(-2) @ theirs[2].mT).numpy()),
        rtol=1e-5,
        atol=1e-7,
    )
    assert wg.pca_lowrank(a, 2)[0].shape == (*a.shape[:-1], 2)


@needs_torch
def test_signs_of_r():
    a = numbers(6, 4)
    q, r = torch.linalg.qr(torch.from_numpy(a.numpy()))
    ours = L.qr(a)
    np.testing.assert_allclose(ours.R.numpy(), r.numpy(), atol=1e-12)
    np.testing.assert_allclose(ours.Q.numpy(), q.numpy(), atol=1e-12)
    np.testing.assert_allclose(L.qr(a, "r").R.numpy(), r.numpy(), atol=1e-12)


def test_extreme_magnitudes():
    for scale in (1e-300, 1e-160, 1e160, 1e300):
        a = numbers(5, 5) * scale
        np.testing.assert_allclose(
            L.svdvals(a).numpy() / scale, L.svdvals(numbers(5, 5)).numpy(), rtol=1e-12
        )
        symmetric = numbers(5, 5) + numbers(5, 5).mT
        np.testing.assert_allclose(
            L.eigvalsh(symmetric * scale).numpy() / scale,
            L.eigvalsh(symmetric).numpy(),
            rtol=1e-11,
        )
        q, r = L.qr(a)
        np.testing.assert_allclose((q @ r).numpy() / scale, a.numpy() / scale, atol=1e-13)


def test_repeated_and_zero_values():
    for a in (wg.eye(6), wg.zeros(6, 6), wg.ones(6, 6), wg.eye(6).flip(0)):
        w, v = L.eigh(a)
        assert wg.allclose(v * w @ v.T, a, atol=1e-5)
        u, s, vh = L.svd(a)
        assert wg.allclose(u * s @ vh, a, atol=1e-5)
        assert int(L.matrix_rank(a)) == int((s > 1e-5).sum())


# ---- errors ------------------------------------------------------------------------------------


def refused(function, kind, *words):
    with pytest.raises(kind) as info:
        function()
    for word in words:
        assert word in str(info.value)


def test_errors_name_the_matrix():
    bad = wg.stack([wg.eye(3), wg.tensor([[1.0, 2, 0], [2, 1, 0], [0, 0, 1]])])
    singular = wg.stack([wg.eye(3), wg.diag(wg.tensor([1.0, 0, 2]))])
    assert issubclass(LinAlgError, RuntimeError)
    refused(lambda: L.cholesky(bad), LinAlgError, "Batch element 1", "leading minor of order 2")
    refused(lambda: L.inv(singular), LinAlgError, "Batch element 1", "diagonal element 2 is zero")
    refused(lambda: L.solve(singular, wg.ones(3, 1)), LinAlgError, "Batch element 1", "singular")
    refused(lambda: L.lu_factor(singular), LinAlgError, "U[2,2] is zero")
    assert L.cholesky_ex(bad).info.tolist() == [0, 2]
    assert L.inv_ex(singular).info.tolist() == [0, 2]
    assert L.lu_factor_ex(singular).info.tolist() == [0, 2]
    assert L.solve_ex(singular, wg.ones(3, 1)).info.tolist() == [0, 2]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_ends(value):
    for n in (1, 2, 7, 70):
        a = wg.ones(2, n, n)
        a[1, n // 2, 0] = value
        for function in (L.eigh, L.eigvalsh, L.svd, L.svdvals, L.pinv):
            refused(
                lambda function=function, a=a: function(a),
                LinAlgError,
                "Batch element 1",
                "non-finite",
            )
        for function in (L.qr, L.lu, L.det, L.slogdet, wg.matrix_exp, L.inv_ex, L.ldl_factor_ex):
            function(a.clone())


def test_refused_arguments():
    refused(lambda: L.svd(wg.ones(3)), RuntimeError, "at least 2 dimensions")
    refused(lambda: L.inv(wg.ones(2, 3)), RuntimeError, "square matrices", "2 by 3")
    refused(lambda: L.qr(wg.ones(2, 2).long()), RuntimeError, "floating point")
    refused(lambda: L.qr(wg.ones(2, 2), "full"), RuntimeError, "unrecognized mode 'full'")
    refused(lambda: L.solve(wg.eye(2), wg.ones(3, 1)), RuntimeError, "AX = B")
    refused(lambda: L.eig(wg.eye(2)), NotImplementedError, "complex", "eigh")
    refused(lambda: L.eigvals(wg.eye(2)), NotImplementedError, "complex")
    refused(lambda: L.eigh(wg.eye(2), "X"), RuntimeError, "UPLO")
    refused(
        lambda: wg._native.ops.lu_permutation(wg.tensor([9], dtype=wg.int32), 2, False),
        RuntimeError,
        "pivots",
    )
    refused(
        lambda: L.ldl_solve(wg.eye(2), wg.tensor([-1, 2], dtype=wg.int32), wg.ones(2, 1)),
        RuntimeError,
        "ldl_factor",
    )


# ---- threads, programs -------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(300, 300), (5, 40, 40), (300, 40)])
def test_threads_do_not_matter(shape):
    a = numbers(*shape)
    square = a @ a.mT + wg.eye(shape[-2], dtype=a.dtype)
    before, results = wg.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 4):
            wg.set_num_threads(threads)
            results.append(
                [
                    *L.svd(a),
                    *L.qr(a),
                    *L.lu(a),
                    *L.eigh(square),
                    L.cholesky(square),
                    L.solve(square, a),
                    wg.matrix_exp(square / 1000),
                ]
            )
    finally:
        wg.set_num_threads(before)
    for other in results[1:]:
        for x, y in zip(results[0], other, strict=True):
            assert wg.equal(x, y)


def test_captured():
    def step(a, b):
        s = a @ a.mT + wg.eye(4, dtype=a.dtype)
        w, v = L.eigh(s)
        return L.cholesky(s), L.solve(s, b), L.svd(a).S, w, v.abs(), L.qr(a).R, L.pinv(a), a.det()

    captured = wg.capture(step)
    for seed in range(3):
        a, b = numbers(4, 4, seed=seed), numbers(4, 2, seed=seed + 9)
        for x, y in zip(captured(a, b), step(a, b), strict=True):
            assert wg.equal(x, y)


def test_captured_failures():
    captured = wg.capture(L.cholesky)
    captured(wg.eye(3))
    captured(2 * wg.eye(3))
    refused(lambda: captured(-wg.eye(3)), LinAlgError, "leading minor of order 1")
