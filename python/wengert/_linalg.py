"""Decompositions and systems of equations, as `wengert.linalg` has them.

Rows compute on batches of matrices; here are the forms of the arguments, and what is a product of
rows. All take float32 and float64, RuntimeError otherwise; `*` is any number of leading dimensions.
"""

from __future__ import annotations

from typing import NamedTuple, NoReturn

from . import _native
from ._functions import broadcast_shapes
from ._native import Tensor
from ._out import with_out

ops = _native.ops

cholesky_ex = ops.linalg_cholesky_ex
lu_factor_ex = ops.linalg_lu_factor_ex
inv_ex = ops.linalg_inv_ex
ldl_factor_ex = ops.linalg_ldl_factor_ex
det = _native.det
householder_product = ops.linalg_householder_product
slogdet = _native.slogdet
matrix_exp = _native.matrix_exp


class SolveEx(NamedTuple):
    """What solve_ex() gives."""

    result: Tensor
    info: Tensor


class LuFactor(NamedTuple):
    """What lu_factor() gives."""

    LU: Tensor
    pivots: Tensor


class Lu(NamedTuple):
    """What lu() and lu_unpack() give."""

    P: Tensor
    L: Tensor
    U: Tensor


class LdlFactor(NamedTuple):
    """What ldl_factor() gives."""

    LD: Tensor
    pivots: Tensor


class Qr(NamedTuple):
    """What qr() gives."""

    Q: Tensor
    R: Tensor


class Eigh(NamedTuple):
    """What eigh() gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class Svd(NamedTuple):
    """What linalg.svd() gives."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class Lstsq(NamedTuple):
    """What lstsq() gives."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def expect_matrices(name: str, A: Tensor, square: bool = False) -> None:
    """RuntimeError unless A is a batch of (square) matrices of floating-point numbers."""
    if not isinstance(A, Tensor):
        raise TypeError(f"{name}(): argument 'A' must be Tensor, not {type(A).__name__}")
    if A.dim() < 2:
        raise RuntimeError(f"{name}: The input tensor A must have at least 2 dimensions.")
    if square and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by "
            f"{A.shape[-1]} matrices"
        )
    if not A.is_floating_point():
        raise RuntimeError(f"{name}: Expected a floating point tensor as input. Got {A.dtype}")


def same_batch(A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the leading dimensions that they broadcast to."""
    if A.shape[:-2] == B.shape[:-2]:
        return A, B
    lead = broadcast_shapes(A.shape[:-2], B.shape[:-2])
    return A.expand(*lead, *A.shape[-2:]), B.expand(*lead, *B.shape[-2:])


# ---- Cholesky, triangular systems --------------------------------------------------------------


@with_out
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The factor of Cholesky (*, n, n): L with A = L L', or U with A = U' U if `upper`.

    One triangle of A is read. LinAlgError if A is not positive-definite.
    """
    return ops.linalg_cholesky_ex(A, upper=upper, check_errors=True)[0]


@with_out
def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """The solution X (*, n, m) of A X = B for A = L L', or U' U if `upper`, by its factor."""
    expect_matrices("cholesky_solve", L, square=True)
    if not isinstance(B, Tensor) or B.dim() < 2:
        raise RuntimeError("cholesky_solve: b should have at least 2 dimensions")
    if B.shape[-2] != L.shape[-1]:
        raise RuntimeError(
            f"cholesky_solve: Incompatible matrix sizes for cholesky_solve: each A matrix is "
            f"{L.shape[-1]} by {L.shape[-1]} but each b matrix is {B.shape[-2]} by {B.shape[-1]}"
        )
    L, B = same_batch(L, B)
    y = ops.triangular_system(L.mT if upper else L, B, False, True, False)
    return ops.triangular_system(L if upper else L.mT, y, True, True, False)


@with_out
def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A = L L', or U' U if `upper`, by its factor (*, n, n)."""
    expect_matrices("cholesky_inverse", L, square=True)
    return cholesky_solve(_native.eye(L.shape[-1], dtype=L.dtype).expand(L.shape), L, upper)


@with_out
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """The solution X of A X = B, or X A = B if not `left`, for triangular A (*, n, n).

    Only that triangle is read, and not its diagonal if `unitriangular`. Leading dimensions
    broadcast; RuntimeError if sizes or dtypes do not fit.
    """
    expect_matrices("linalg.solve_triangular", A, square=True)
    expect_matrices("linalg.solve_triangular", B)
    if B.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(
            f"linalg.solve_triangular: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({A.shape[-2]}x{A.shape[-1]} and "
            f"{B.shape[-2]}x{B.shape[-1]})"
        )
    A, B = same_batch(A, B)
    return ops.triangular_system(A, B, upper, left, unitriangular)


# ---- systems by LU -----------------------------------------------------------------------------


@with_out
def inv(A: Tensor) -> Tensor:
    """The inverse of matrices (*, n, n). LinAlgError if one is singular."""
    return ops.linalg_inv_ex(A, check_errors=True)[0]


@with_out
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> SolveEx:
    """The solution X of A X = B, or X A = B if not `left`, and `info`, 0 where A is regular.

    A (*, n, n); B (*, n, m), (*, n) like A without its last dimension, or (n,). Leading dimensions
    of matrices broadcast. With `check_errors` a LinAlgError if A is singular.
    """
    expect_matrices("linalg.solve", A, square=True)
    if not isinstance(B, Tensor):
        raise TypeError(f"linalg.solve(): argument 'B' must be Tensor, not {type(B).__name__}")
    if B.dtype != A.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type {A.dtype} "
            f"and B of type {B.dtype} instead"
        )
    vector = B.dim() == 1 or (A.dim() - 1 == B.dim() and A.shape[:-1] == B.shape)
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    rhs = B.unsqueeze(-1) if vector else B
    rhs = rhs if left else rhs.mT
    if rhs.dim() < 2 or rhs.shape[-2] != A.shape[-1]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation "
            f"{'AX = B' if left else 'XA = B'} ({A.shape[-2]}x{A.shape[-1]} and "
            f"{'x'.join(map(str, B.shape[-2:]))})"
        )
    x, _, _, info = ops.linear_system(*same_batch(A if left else A.mT, rhs), check_errors)
    return SolveEx(x.squeeze(-1) if vector else x if left else x.mT, info)


@with_out
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """The solution of A X = B, or X A = B if not `left`: see solve_ex(). LinAlgError if A is
    singular."""
    return solve_ex(A, B, left=left, check_errors=True).result


@with_out
def lu_factor(A: Tensor, *, pivot: bool = True) -> LuFactor:
    """L and U of matrices (*, m, n) in one, and the pivots: see lu_factor_ex(). LinAlgError if a
    pivot is zero."""
    return LuFactor(*ops.linalg_lu_factor_ex(A, pivot=pivot, check_errors=True)[:2])


@with_out
def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> Lu:
    """P (*, m, m), L (*, m, k) and U (*, k, n), k = min(m, n), of what lu_factor() gives.

    What is not unpacked is empty.
    """
    expect_matrices("lu_unpack", LU_data)
    m, n = LU_data.shape[-2:]
    k = min(m, n)
    P = L = U = _native.empty(0, dtype=LU_data.dtype)
    if unpack_data:
        unit = _native.eye(m, k, dtype=LU_data.dtype)
        L, U = LU_data[..., :k].tril(-1) + unit, LU_data[..., :k, :].triu()
    if unpack_pivots:
        if LU_pivots.dtype != _native.int32:
            raise RuntimeError("lu_unpack: LU_pivots is expected to be a contiguous int32 tensor")
        rows = ops.lu_permutation(LU_pivots, m, True)
        places = _native.arange(m)
        P = rows.unsqueeze(-1).eq(places)._to_dtype(LU_data.dtype)
    return Lu(P, L, U)


@with_out
def lu(A: Tensor, *, pivot: bool = True) -> Lu:
    """P (*, m, m), L (*, m, k) and U (*, k, n), k = min(m, n), with A = P L U.

    Rows are exchanged for the largest pivot of a column; without `pivot`, where P is empty, none
    are.
    """
    LU, pivots, _ = ops.linalg_lu_factor_ex(A, pivot=pivot)
    return lu_unpack(LU, pivots, unpack_pivots=pivot)


@with_out
def lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """The solution X of A X = B, or X A = B if not `left`, by what lu_factor() has made of A.

    With `adjoint` A' stands in place of A.
    """
    expect_matrices("linalg.lu_solve", LU, square=True)
    expect_matrices("linalg.lu_solve", B)
    if pivots.dtype != _native.int32:
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type int32")
    if LU.shape[:-1] != pivots.shape:
        raise RuntimeError(
            "linalg.lu_solve: Number of pivots per batch should be same as the dimension of the "
            "matrix"
        )
    if not left:
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    if B.shape[-2] != LU.shape[-1]:
        raise RuntimeError(
            f"linalg.lu_solve: Incompatible shapes of A and B for the equation AX = B "
            f"({LU.shape[-2]}x{LU.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    LU, B = same_batch(LU, B)
    places = ops.lu_permutation(pivots, LU.shape[-1], adjoint).unsqueeze(-1).expand(B.shape)
    if not adjoint:
        y = ops.triangular_system(LU, B.gather(-2, places), False, True, True)
        return ops.triangular_system(LU, y, True, True, False)
    y = ops.triangular_system(LU.mT, B, False, True, False)
    return ops.triangular_system(LU.mT, y, True, True, True).gather(-2, places)


@with_out
def ldl_factor(A: Tensor, *, hermitian: bool = False) -> LdlFactor:
    """L and D of symmetric matrices and the pivots: see ldl_factor_ex(). LinAlgError if a block of
    D is zero."""
    return LdlFactor(*ops.linalg_ldl_factor_ex(A, hermitian=hermitian, check_errors=True)[:2])


@with_out
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """The solution X (*, n, m) of A X = B by what ldl_factor() has made of A; no gradient."""
    expect_matrices("linalg.ldl_solve", LD, square=True)
    if not isinstance(B, Tensor) or B.dim() < 2:
        raise RuntimeError(
            "linalg.ldl_solve: Expected B to have at least 2 dimensions, but it has "
            f"{B.dim()} dimensions instead"
        )
    shape = LD.shape[:-1]
    LD, B = same_batch(LD, B)
    if pivots.shape != LD.shape[:-1] and pivots.shape == shape:
        pivots = pivots.expand(LD.shape[:-1])
    return ops.linalg_ldl_solve(LD, pivots, B, hermitian=hermitian)


# ---- QR, eigenvalues, singular values ----------------------------------------------------------


@with_out
def qr(A: Tensor, mode: str = "reduced") -> Qr:
    """Q and R with A = Q R for matrices (*, m, n), by Householder's reflections.

    ``reduced``: Q (*, m, k), R (*, k, n), k = min(m, n); ``complete``: Q (*, m, m), R (*, m, n),
    without a gradient if m > n; ``r``: R alone, Q is empty, without a gradient.
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"linalg.qr: qr received unrecognized mode '{mode}' but expected one of 'reduced' "
            "(default), 'r', or 'complete'"
        )
    if mode != "r":
        return Qr(*ops.qr_factors(A, mode == "complete"))
    if _native.is_grad_enabled() and isinstance(A, Tensor) and A.requires_grad:
        return Qr(_native.empty(0, dtype=A.dtype), ops.qr_factors(A, False)[1])
    a, _ = _native.geqrf(A)
    return Qr(_native.empty(0, dtype=A.dtype), a[..., : min(a.shape[-2:]), :].triu())


def _upper(name: str, UPLO: str) -> bool:
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"{name}: Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper() == "U"


@with_out
def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """Eigenvalues (*, n), ascending, and eigenvectors, the columns of (*, n, n), of symmetric A.

    One triangle is read, that of `UPLO`. The sign of an eigenvector is arbitrary. LinAlgError if A
    has NaN or infinities.
    """
    return Eigh(*ops.eigh_factors(A, _upper("linalg.eigh", UPLO), True))


def _wants_gradient(A: Tensor) -> bool:
    return isinstance(A, Tensor) and A.requires_grad and _native.is_grad_enabled()


@with_out
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues (*, n), ascending, of symmetric A (*, n, n): see eigh()."""
    return ops.eigh_factors(A, _upper("linalg.eigvalsh", UPLO), _wants_gradient(A))[0]


@with_out
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Svd:
    """U (*, m, k), S (*, k), descending, and Vh (*, k, n) with A = U diag(S) Vh, k = min(m, n).

    With `full_matrices` U is (*, m, m) and Vh (*, n, n). Signs are arbitrary. `driver` must be
    None: there is one. LinAlgError if A has NaN or infinities.
    """
    _no_driver("linalg.svd", driver)
    return Svd(*ops.svd_factors(A, full_matrices, True))


@with_out
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values (*, min(m, n)), descending, of matrices (*, m, n)."""
    _no_driver("linalg.svdvals", driver)
    return ops.svd_factors(A, False, _wants_gradient(A))[1]


def _no_driver(name: str, driver: str | None) -> None:
    if driver is not None:
        raise RuntimeError(
            f"{name}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER"
        )


def eig(A: Tensor) -> NoReturn:
    """NotImplementedError: eigenvalues of matrices that are not symmetric are complex."""
    raise NotImplementedError(
        "linalg.eig: the result is complex, and there are no complex dtypes; linalg.eigh is for "
        "symmetric matrices, numpy.linalg.eig(A.numpy()) for all"
    )


def eigvals(A: Tensor) -> NoReturn:
    """NotImplementedError: eigenvalues of matrices that are not symmetric are complex."""
    raise NotImplementedError(
        "linalg.eigvals: the result is complex, and there are no complex dtypes; linalg.eigvalsh "
        "is for symmetric matrices, numpy.linalg.eigvals(A.numpy()) for all"
    )


# ---- what singular values decide ---------------------------------------------------------------


def _tolerances(
    name: str, A: Tensor, atol: float | Tensor | None, rtol: float | Tensor | None
) -> tuple[Tensor, Tensor]:
    """Both for each matrix; rtol is eps max(m, n) unless there is an atol."""
    for what, value in (("atol", atol), ("rtol", rtol)):
        if isinstance(value, Tensor) and value.dtype in (_native.bool,):
            raise RuntimeError(f"{name}: {what} tensor of bool type is not supported.")
    lead = A.shape[:-2]

    def made(value: float | Tensor) -> Tensor:
        if isinstance(value, Tensor):
            return value._to_dtype(A.dtype).expand(lead)
        return _native.full(lead, value, dtype=A.dtype)

    if rtol is None:
        eps = 2.0**-52 if A.dtype == _native.float64 else 2.0**-23
        default = eps * max(A.shape[-2:])
        if isinstance(atol, Tensor):
            zero = _native.zeros(lead, dtype=A.dtype)
            return made(atol), _native.where(made(atol) > 0, zero, default)
        rtol = 0.0 if atol is not None and atol > 0 else default
    return made(0.0 if atol is None else atol), made(rtol)


@with_out
def pinv(
    A: Tensor,
    rcond: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Tensor:
    """The pseudoinverse (*, n, m) of Moore and Penrose of matrices (*, m, n).

    Singular values up to max(atol, rtol * the largest) count as zero; `rtol`, or `rcond`, is the
    dtype's eps times max(m, n) unless `atol` is given. Of symmetric matrices, if `hermitian`, the
    lower triangle is read. G. Golub and V. Pereyra, 1973, for the gradient.
    """
    expect_matrices("linalg.pinv", A, square=hermitian)
    bounds = _tolerances("linalg.pinv", A, atol, rcond if rtol is None else rtol)
    shape = broadcast_shapes(*(t.shape for t in bounds))
    if shape != A.shape[:-2]:
        A = A.expand(*shape, *A.shape[-2:])
    return ops.pinv_matrix(A, *(t.detach() for t in bounds), hermitian)


@with_out
def matrix_rank(
    A: Tensor,
    tol: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Tensor:
    """How many singular values are above max(atol, rtol * the largest), (*), int64.

    See pinv() for the tolerances; `tol` is another name of `atol`.
    """
    expect_matrices("linalg.matrix_rank", A, square=hermitian)
    A = A.detach()
    s = eigvalsh(A).abs() if hermitian else svdvals(A)
    absolute, relative = (
        t.detach()
        for t in _tolerances(
            "linalg.matrix_rank", A, tol if atol is None else atol, 0.0 if tol is not None else rtol
        )
    )
    if s.shape[-1] == 0:
        return _native.zeros(s.shape[:-1], dtype=_native.int64)
    least = _native.maximum(absolute, relative * s.amax(-1))
    return (s > least.unsqueeze(-1)).sum(-1)


@with_out
def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Lstsq:
    """The X (*, n, k) with the least norm of A X - B, and of X where there are several.

    A (*, m, n); B (*, m, k) or (*, m). `driver`: ``gels`` for matrices of full rank, by QR;
    ``gelsy`` (the default), ``gelsd``, ``gelss`` for others, by singular values, of which those up
    to rcond * the largest count as zero. `residuals` are the squared norms of A X - B if m > n and
    A has full rank, but not for ``gelsy``; `rank` is empty for ``gels``, and `singular_values` too
    but for the last two.
    """
    name = driver or "gelsy"
    expect_matrices("linalg.lstsq", A)
    if name not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got "
            f"'{driver}'"
        )
    if not isinstance(B, Tensor) or B.dim() < 1:
        raise RuntimeError("linalg.lstsq: input `other` must have at least 1 dimension")
    if A.dtype != B.dtype:
        raise RuntimeError("linalg.lstsq: Expected input and other to have the same dtype")
    vector = A.dim() - 1 == B.dim() and A.shape[:-1] == B.shape
    rhs = B.unsqueeze(-1) if vector else B
    if rhs.dim() < 2 or rhs.shape[-2] != A.shape[-2]:
        raise RuntimeError("linalg.lstsq: input.size(-2) should match other.size(-2)")
    m, n = A.shape[-2:]
    empty = _native.empty(0, dtype=A.dtype)
    rank, s = _native.empty(0, dtype=_native.int64), empty
    wide, rhs = same_batch(A, rhs)
    if name == "gels":
        x, full = _least_squares(wide, rhs), True
    else:
        eps = 2.0**-52 if A.dtype == _native.float64 else 2.0**-23
        bound = eps * max(m, n) if rcond is None else rcond
        x = pinv(wide, rtol=bound) @ rhs
        values = svdvals(A.detach())
        rank = (values > bound * values[..., :1]).sum(-1)
        s = values if name in ("gelsd", "gelss") else empty
        full = bool((rank == n).all())
    told = m > n and full and name != "gelsy"
    residuals = ((wide @ x - rhs) ** 2).sum(-2) if told else empty
    return Lstsq(x.squeeze(-1) if vector else x, residuals, rank, s)


def _least_squares(A: Tensor, B: Tensor) -> Tensor:
    """For full rank: by QR of the matrix, or of its transpose if it is wider than tall."""
    if A.shape[-2] >= A.shape[-1]:
        q, r = ops.qr_factors(A, False)
        return ops.triangular_system(r, q.mT @ B, True, True, False)
    q, r = ops.qr_factors(A.mT, False)
    return q @ ops.triangular_system(r.mT, B, False, True, False)
