"""Linear algebra under the names of `torch.linalg`: decompositions, systems, norms, products."""

from __future__ import annotations

import math
from collections.abc import Sequence

from . import _native
from ._linalg import (
    cholesky,
    cholesky_ex,
    det,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    expect_matrices,
    householder_product,
    inv,
    inv_ex,
    ldl_factor,
    ldl_factor_ex,
    ldl_solve,
    lstsq,
    lu,
    lu_factor,
    lu_factor_ex,
    lu_solve,
    matrix_exp,
    matrix_rank,
    pinv,
    qr,
    slogdet,
    solve,
    solve_ex,
    solve_triangular,
    svd,
    svdvals,
)
from ._native import Tensor
from ._out import with_out
from ._products import matrix_power, multi_dot
from ._typing import Dtype

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "ldl_factor",
    "ldl_factor_ex",
    "ldl_solve",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]

LinAlgError = _native.LinAlgError
matmul = _native.matmul


# ---- norms -------------------------------------------------------------------------------------


def _dims(dim: int | Sequence[int] | None) -> list[int] | None:
    return None if dim is None else [dim] if isinstance(dim, int) else list(dim)


def _floating(name: str, x: Tensor, dtype: Dtype) -> Tensor:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'A' must be Tensor, not {type(x).__name__}")
    if not x.is_floating_point():
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype}"
        )
    if dtype is None:
        return x
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name}: dtype should be floating point or complex. Got {dtype}")
    if dtype == _native.float32 and x.dtype == _native.float64:
        raise RuntimeError(
            f"{name}: the dtype of the input ({x.dtype}) should be convertible without narrowing "
            f"to the specified dtype ({dtype})"
        )
    return x._to_dtype(dtype)


@with_out
def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: Dtype = None,
) -> Tensor:
    """The norm (sum |x|^ord)^(1 / ord) of the elements, or of those along `dim`.

    `ord` inf and -inf: the largest and the smallest magnitude; 0: how many are not zero. `dtype` is
    that of the result, in which it is computed.
    """
    if not isinstance(ord, (int, float)):
        raise TypeError(
            f"linalg_vector_norm(): argument 'ord' must be Number, not {type(ord).__name__}"
        )
    x = _floating("linalg.vector_norm", x, dtype)
    dims = _dims(dim)
    return _native.norm(x, ord, None if dims == [] else dims, keepdim)


@with_out
def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Dtype = None,
) -> Tensor:
    """A norm of the matrices that two dimensions make up.

    ``fro``: the root of the sum of squares; ``nuc``: the sum of singular values; 2 and -2: the
    largest and the smallest of them; inf and -inf: the largest and smallest sum of magnitudes of a
    row; 1 and -1: of a column.
    """
    A = _floating("linalg.matrix_norm", A, dtype)
    if A.dim() < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
        )
    dims = _dims(dim) or []
    if len(dims) != 2:
        raise RuntimeError(
            f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dims))}"
        )
    row, column = (_wrapped(d, A.dim()) for d in dims)
    if row == column:
        raise RuntimeError(
            f"linalg.matrix_norm: dims must be different. Got ({dims[0]}, {dims[1]})"
        )
    if ord == "fro":
        return vector_norm(A, 2, (row, column), keepdim)
    if ord in (1, -1, math.inf, -math.inf) and not isinstance(ord, str):
        first, second = (row, column) if abs(ord) == 1 else (column, row)
        sums = A.abs().sum(first, keepdim=True)
        best = sums.amax(second, keepdim=True) if ord > 0 else sums.amin(second, keepdim=True)
        return best if keepdim else best.squeeze((row, column))
    if ord not in ("nuc", 2, -2):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    s = svdvals(A.movedim((row, column), (-2, -1)))
    if ord == "nuc":
        result = s.sum(-1)
    elif ord == 2:
        result = s.amax(-1)
    else:
        result = s.amin(-1)
    for d in sorted((row, column)) if keepdim else ():
        result = result.unsqueeze(d)
    return result


def _wrapped(dim: int, ndim: int) -> int:
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got "
            f"{dim})"
        )
    return dim % ndim


@with_out
def norm(
    A: Tensor,
    ord: float | str | None = None,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: Dtype = None,
) -> Tensor:
    """vector_norm(), or matrix_norm() if two dimensions are given, or an `ord` for a matrix.

    Without `ord` the root of the sum of squares, of all elements or of those along `dim`.
    """
    A = _floating("linalg.norm", A, None)
    dims = _dims(dim)
    if ord is None:
        return vector_norm(A, 2, dims, keepdim, dtype=dtype)
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is specified, it must be of length 1 or 2. Got "
            f"[{', '.join(map(str, dims))}]"
        )
    if dims is None and A.dim() not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{A.dim()}D."
        )
    matrix = (dims is None and A.dim() == 2) or (dims is not None and len(dims) == 2)
    if matrix:
        return matrix_norm(A, ord, dims or (0, 1), keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(
            f"linalg.norm: Order {ord} requires a matrix: two dimensions, got "
            f"{1 if dims is None else len(dims)}"
        )
    return vector_norm(A, ord, dims, keepdim, dtype=dtype)


@with_out
def cond(A: Tensor, p: float | str | None = None) -> Tensor:
    """How near matrices (*, n, n) are to singular ones: the norm of A times that of its inverse.

    `p` is the norm of matrix_norm(), the largest singular value if None. That one, and -2, takes
    matrices of any shape. Infinite where a matrix is singular.
    """
    expect_matrices("linalg.cond", A)
    if p is None or p in (2, -2):
        s = svdvals(A)
        if s.shape[-1] == 0:
            return _native.zeros(s.shape[:-1], dtype=A.dtype)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    expect_matrices("linalg.cond", A, square=True)
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if not isinstance(p, str) and p not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if A.numel() == 0:
        return _native.zeros(A.shape[:-2], dtype=A.dtype)
    if p == "nuc":
        s = svdvals(A)
        return s.sum(-1) * (1 / s).sum(-1)
    inverse, info = inv_ex(A)
    result = matrix_norm(A, p) * matrix_norm(inverse, p)
    return _native.where(info > 0, math.inf, result)


# ---- products and shapes -----------------------------------------------------------------------


@with_out
def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of A as a map between tensors, for tensordot(A, B, ind).

    The products of the first `ind` sizes and of the others must be equal; the result has the
    others first. LinAlgError if it is singular.
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    rows, columns = A.shape[:ind], A.shape[ind:]
    m, n = math.prod(rows), math.prod(columns)
    if m != n:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {n} != {m}"
        )
    return inv(A.reshape(m, n)).reshape(*columns, *rows)


@with_out
def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """The X with tensordot(A, X, X.dim()) = B, A's `dims` moved to its end before.

    The product of the sizes of B must be that of A's other ones. LinAlgError if A is singular.
    """
    if dims is not None:
        places = [d % A.dim() for d in dims]
        A = A.permute([d for d in range(A.dim()) if d not in places] + places)
    n = B.numel()
    shape = A.shape[B.dim() :]
    if math.prod(shape) != n:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {math.prod(shape)} != {n}"
        )
    return solve(A.reshape(n, n), B.reshape(n)).reshape(shape)


@with_out
def vander(x: Tensor, N: int | None = None) -> Tensor:
    """The powers 0 to N - 1 of each element, (*, n, N); N is n if None."""
    x = x.unsqueeze(0) if x.dim() == 0 else x
    n = x.shape[-1] if N is None else N
    if N is not None and N <= 1:
        raise RuntimeError("N must be greater than 1.")
    x = x if x.dtype != _native.bool else x.long()
    ones = _native.ones_like(x).unsqueeze(-1)
    if n <= 1:
        return ones[..., :n]
    powers = x.unsqueeze(-1).expand(*x.shape, n - 1).cumprod(-1)
    return _native.cat([ones._to_dtype(powers.dtype), powers], -1)


@with_out
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sums of products along `dim` of two tensors of one dtype, which broadcast."""
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected vectors of same dtype, found {x.dtype} and {y.dtype}"
        )
    return (x * y).sum(dim)


@with_out
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The cross products of vectors of 3 numbers along `dim`; the other dimensions broadcast."""
    if input.dim() != other.dim():
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if input.size(dim) != 3 or other.size(dim) != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.size(dim)} and "
            f"{other.size(dim)}"
        )
    a = input.roll(-1, dim) * other.roll(-2, dim)
    return a - input.roll(-2, dim) * other.roll(-1, dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A view of the diagonal of the last two dimensions, or of those given."""
    return _native.diagonal(A, offset, dim1, dim2)
