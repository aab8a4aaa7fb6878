"""Linear algebra under the names that PyTorch has outside of `linalg`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from . import _linalg, _native
from ._common import returned
from ._linalg import cholesky_inverse, cholesky_solve, lu_unpack
from ._native import Tensor
from ._out import with_out
from ._products import matrix_power, multi_dot

__all__ = [
    "block_diag",
    "chain_matmul",
    "cholesky",
    "cholesky_inverse",
    "cholesky_solve",
    "cross",
    "inverse",
    "kron",
    "logdet",
    "lu_solve",
    "lu_unpack",
    "matrix_power",
    "orgqr",
    "ormqr",
    "pca_lowrank",
    "pinverse",
    "qr",
    "svd",
    "svd_lowrank",
    "triangular_solve",
    "vander",
]

#: Those that are methods of tensors too.
METHODS = (
    "cholesky",
    "cholesky_inverse",
    "cholesky_solve",
    "cross",
    "inverse",
    "kron",
    "logdet",
    "lu_solve",
    "matrix_power",
    "orgqr",
    "ormqr",
    "pinverse",
    "qr",
    "svd",
    "triangular_solve",
)


class Svd(NamedTuple):
    """What svd() gives."""

    U: Tensor
    S: Tensor
    V: Tensor


class TriangularSolve(NamedTuple):
    """What triangular_solve() gives."""

    solution: Tensor
    cloned_coefficient: Tensor

    def __repr__(self) -> str:
        fields = {"solution": self.solution, "cloned_coefficient": self.cloned_coefficient}
        return returned("triangular_solve", fields)


@with_out
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """linalg.cholesky()."""
    return _linalg.cholesky(input, upper=upper)


@with_out
def inverse(input: Tensor) -> Tensor:
    """linalg.inv()."""
    return _linalg.inv(input)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """linalg.pinv()."""
    return _linalg.pinv(input, rcond)


def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant (*) of (*, n, n); -inf where it is 0, NaN below."""
    sign, log = _native.slogdet(input)
    return _native.where(sign < 0, math.nan, log)


@with_out
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """linalg.lu_solve(), with the right side first."""
    return _linalg.lu_solve(LU_data, LU_pivots, b)


@with_out
def qr(input: Tensor, some: bool = True) -> _linalg.Qr:
    """linalg.qr(), reduced if `some`, else complete."""
    return _linalg.qr(input, "reduced" if some else "complete")


@with_out
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Svd:
    """U, S and V, whose columns are singular vectors: linalg.svd() has its transpose.

    All of them unless `some`; zeros unless `compute_uv`.
    """
    if compute_uv:
        u, s, vh = _linalg.svd(input, not some)
        return Svd(u, s, vh.mT)
    s = _linalg.svdvals(input)
    m, n = input.shape[-2:]
    lead = input.shape[:-2]
    zeros = [_native.zeros(*lead, k, k, dtype=input.dtype) for k in (m, n)]
    return Svd(zeros[0], s, zeros[1])


@with_out
def triangular_solve(
    b: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> TriangularSolve:
    """The solution of A X = b for triangular A, or of A' X = b; and a copy of A."""
    a = A.mT if transpose else A
    x = _linalg.solve_triangular(
        a, b, upper=upper != transpose, left=True, unitriangular=unitriangular
    )
    return TriangularSolve(x, A.expand(*x.shape[:-2], *A.shape[-2:]).clone())


@with_out
def orgqr(input: Tensor, input2: Tensor) -> Tensor:
    """linalg.householder_product()."""
    return _linalg.householder_product(input, input2)


@with_out
def ormqr(
    input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    """Q C or, unless `left`, C Q, with Q or its transpose, of what geqrf() gives.

    `input` (*, m, k) and `tau` (*, k) hold the reflections of Q (*, m, m).
    """
    if input.dim() < 2 or other.dim() < 2:
        raise RuntimeError("torch.ormqr: input must have at least 2 dimensions.")
    m, k = input.shape[-2:]
    size = other.shape[-2 if left else -1]
    side = "-2" if left else "-1"
    if m != size:
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2]")
    if tau.shape[-1] > size:
        raise RuntimeError(
            f"torch.ormqr: other.shape[{side}] must be greater than or equal to tau.shape[-1]"
        )
    if tau.shape[-1] != min(size, k):
        raise RuntimeError(
            f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])"
        )
    if tau.dim() != input.dim() - 1:
        raise RuntimeError(
            "torch.ormqr: Expected tau to have one dimension less than input, but got tau.ndim "
            f"equal to {tau.dim()} and input.ndim is equal to {input.dim()}"
        )
    if k < m:
        zeros = _native.zeros(*input.shape[:-1], m - k, dtype=input.dtype)
        input = _native.cat([input, zeros], -1)
    q = _linalg.householder_product(input[..., :m], tau)
    q = q.mT if transpose else q
    return q @ other if left else other @ q


@with_out
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The cross products along `dim`, or along the first dimension of 3 elements."""
    from .linalg import cross as along

    if dim is None:
        if input.dim() != other.dim() or 3 not in input.shape:
            raise RuntimeError("no dimension of size 3 in input")
        dim = list(input.shape).index(3)
    return along(input, other, dim=dim)


@with_out
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker's product: each element of `input` times all of `other`, block by block."""
    n = max(input.dim(), other.dim())
    a = input.reshape([1] * (n - input.dim()) + list(input.shape))
    b = other.reshape([1] * (n - other.dim()) + list(other.shape))
    wide = a.reshape([size for s in a.shape for size in (s, 1)])
    narrow = b.reshape([size for s in b.shape for size in (1, s)])
    return (wide * narrow).reshape([p * q for p, q in zip(a.shape, b.shape, strict=True)])


def block_diag(*tensors: Tensor) -> Tensor:
    """The matrix with these on its diagonal and zeros elsewhere; at most 2-d ones."""
    parts: Sequence[Tensor] = tensors
    if len(parts) == 1 and isinstance(parts[0], (list, tuple)):
        parts = parts[0]
    for i, x in enumerate(parts):
        if x.dim() > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has "
                f"{x.dim()} dimensions"
            )
    blocks = [x if x.dim() == 2 else x.reshape(1, -1) for x in parts]
    if not blocks:
        return _native.zeros(1, 0)
    width, before, rows = sum(x.shape[1] for x in blocks), 0, []
    for x in blocks:
        after = width - before - x.shape[1]
        rows.append(_native.constant_pad_nd(x, [before, after]))
        before += x.shape[1]
    return _native.cat(rows, 0)


@with_out
def chain_matmul(*matrices: Tensor) -> Tensor:
    """linalg.multi_dot() of its arguments; of one, that."""
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of the elements of a vector, (n, N), the highest first unless `increasing`."""
    if x.dim() != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = x.shape[0] if N is None else N
    if n < 0:
        raise RuntimeError("N must be non-negative.")
    x = x if x.dtype.is_floating_point else x.long()
    exponents = _native.arange(n) if increasing else _native.arange(n - 1, -1, -1)
    if n == 0:
        return _native.zeros(x.shape[0], 0, dtype=x.dtype)
    return x.unsqueeze(-1) ** exponents


# ---- low rank ----------------------------------------------------------------------------------


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> Svd:
    """U (*, m, q), S (*, q) and V (*, n, q) of the nearest matrix of rank q to A, or to A - M.

    From products with random vectors, `niter` times again. N. Halko and others, "Finding structure
    with randomness", 2009, algorithm 5.1.
    """
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    if M is not None:
        A = A - M.expand(A.shape)
    wide = A.shape[-2] < A.shape[-1]
    if wide:
        A = A.mT
    Q = _range_finder(A, q, niter)
    u, s, vh = _linalg.svd(Q.mT @ A, False)
    u = Q @ u
    return Svd(vh.mT, s, u) if wide else Svd(u, s, vh.mT)


def _range_finder(A: Tensor, q: int, niter: int) -> Tensor:
    """Orthonormal columns that nearly span those of A; the same, algorithm 4.4."""
    start = _native.randn(A.shape[-1], q, dtype=A.dtype)
    Q = _linalg.qr(A @ start).Q
    for _ in range(niter):
        Q = _linalg.qr(A.mT @ Q).Q
        Q = _linalg.qr(A @ Q).Q
    return Q


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> Svd:
    """svd_lowrank() of A, whose rows are samples, less the mean of each column if `center`."""
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if not niter >= 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
