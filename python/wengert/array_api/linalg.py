"""The linear algebra extension of the array API standard."""

from __future__ import annotations

from typing import NamedTuple

from .. import _native
from .. import linalg as _linalg
from .._native import Tensor
from .._types import finfo
from .._typing import Dtype
from ._kinds import Axis, axes_of, expect, promoted
from ._manipulation import matrix_transpose as matrix_transpose
from ._products import matmul as matmul
from ._products import tensordot as tensordot
from ._products import vecdot as vecdot
from ._reductions import floating, sum_dtype

__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


class eigh_result(NamedTuple):
    """Eigenvalues, ascending, and the eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class qr_result(NamedTuple):
    """Orthonormal columns and an upper triangle."""

    Q: Tensor
    R: Tensor


class slogdet_result(NamedTuple):
    """The sign of a determinant and the logarithm of its magnitude."""

    sign: Tensor
    logabsdet: Tensor


class svd_result(NamedTuple):
    """Left singular vectors, singular values, descending, and right singular vectors as rows."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """L with L L^T = x, or with `upper` its transpose, of symmetric positive definite matrices."""
    expect("cholesky", x)
    return _linalg.cholesky(x, upper=upper)


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The cross products of vectors of 3 along an axis; the other axes broadcast."""
    expect("cross", x1, x2)
    a, b = promoted("cross", x1, x2)
    for x in (a, b):
        (place,) = axes_of("cross", x.dim(), axis)
        if x.shape[place] != 3:
            raise ValueError(f"cross: vectors of 3 are expected, got {x.shape[place]}")
    a, b = _native.broadcast_tensors(a, b)
    return _linalg.cross(a, b, dim=axis)


def det(x: Tensor, /) -> Tensor:
    """The determinants of square matrices."""
    expect("det", x)
    return _linalg.det(x)


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """A diagonal of the last two axes, below the main one for negative offsets."""
    expect("diagonal", x)
    return x.diagonal(offset, -2, -1)


def eigh(x: Tensor, /) -> eigh_result:
    """Eigenvalues and eigenvectors of symmetric matrices."""
    expect("eigh", x)
    return eigh_result(*_linalg.eigh(x))


def eigvalsh(x: Tensor, /) -> Tensor:
    """The eigenvalues of symmetric matrices, ascending."""
    expect("eigvalsh", x)
    return _linalg.eigvalsh(x)


def inv(x: Tensor, /) -> Tensor:
    """The inverses of square matrices. LinAlgError if one is singular."""
    expect("inv", x)
    return _linalg.inv(x)


def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: float | str | None = "fro") -> Tensor:
    """The norms of matrices: "fro", "nuc", 1, -1, 2, -2, inf or -inf."""
    expect("matrix_norm", x)
    return _linalg.matrix_norm(x, "fro" if ord is None else ord, (-2, -1), keepdims)


def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """The n-th powers of square matrices, of their inverses for negative n."""
    expect("matrix_power", x)
    return _linalg.matrix_power(x, n)


def _tolerance(x: Tensor, rtol: float | Tensor | None) -> float | Tensor:
    """By default as many units in the last place as the longer side has elements."""
    if rtol is None:
        return max(*x.shape[-2:]) * finfo(x.dtype).eps
    return rtol


def matrix_rank(x: Tensor, /, *, rtol: float | Tensor | None = None) -> Tensor:
    """How many singular values exceed `rtol` times the largest, as int64."""
    expect("matrix_rank", x)
    s = _linalg.svdvals(x)
    largest = s.amax(-1, True) if s.shape[-1] else s
    limit = _tolerance(x, rtol)
    if isinstance(limit, Tensor):
        limit = limit.unsqueeze(-1)
    return (s > largest * limit).sum(-1)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The products of every element of a vector with every one of another: (n, m)."""
    expect("outer", x1, x2)
    if x1.dim() != 1 or x2.dim() != 1:
        raise ValueError(f"outer: vectors are expected, got {tuple(x1.shape)}, {tuple(x2.shape)}")
    a, b = promoted("outer", x1, x2)
    return _native.outer(a, b)


def pinv(x: Tensor, /, *, rtol: float | Tensor | None = None) -> Tensor:
    """Pseudoinverses; singular values up to `rtol` times the largest count as zero."""
    expect("pinv", x)
    return _linalg.pinv(x, rtol=_tolerance(x, rtol))


def qr(x: Tensor, /, *, mode: str = "reduced") -> qr_result:
    """Q and R with Q R = x; with the mode "complete" a square Q. ValueError for another mode."""
    expect("qr", x)
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete', got {mode!r}")
    return qr_result(*_linalg.qr(x, mode))


def slogdet(x: Tensor, /) -> slogdet_result:
    """Signs and logarithms of the magnitudes of determinants."""
    expect("slogdet", x)
    return slogdet_result(*_linalg.slogdet(x))


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """y with x1 y = x2: `x2` is a vector if it has one axis, else a stack of matrices."""
    expect("solve", x1, x2)
    a, b = promoted("solve", x1, x2)
    if b.dim() == 1:
        return _linalg.solve(a, b.unsqueeze(-1)).squeeze(-1)
    missing = max(a.dim() - b.dim(), 0)  # else PyTorch may take a matrix for a stack of vectors
    return _linalg.solve(a, b.reshape((1,) * missing + tuple(b.shape)))


def svd(x: Tensor, /, *, full_matrices: bool = True) -> svd_result:
    """U, S and Vh with U diag(S) Vh = x; without `full_matrices` only what S needs."""
    expect("svd", x)
    return svd_result(*_linalg.svd(x, full_matrices))


def svdvals(x: Tensor, /) -> Tensor:
    """The singular values, descending."""
    expect("svdvals", x)
    return _linalg.svdvals(x)


def trace(x: Tensor, /, *, offset: int = 0, dtype: Dtype = None) -> Tensor:
    """The sums along a diagonal of the last two axes; int64 of integers."""
    return diagonal(x, offset=offset).sum(-1, dtype=sum_dtype(x, dtype))


def vector_norm(
    x: Tensor, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2
) -> Tensor:
    """(sum |x|^ord)^(1/ord) over axes, all by default; inf and -inf: the largest, the smallest."""
    expect("vector_norm", x)
    axes, x = axes_of("vector_norm", x.dim(), axis), floating(x)
    if not axes:
        return x.abs() if ord else (x != 0)._to_dtype(x.dtype)
    return _linalg.vector_norm(x, ord, axes, keepdims)
