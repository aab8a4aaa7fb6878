"""Distributions with a positive-definite matrix, S = L L', given by one of three forms."""

from __future__ import annotations

import math
from typing import TypeVar

from .. import _linalg, _native
from .._native import Tensor
from .distribution import Distribution
from .utils import lazy_property

FORMS = ("covariance_matrix", "precision_matrix", "scale_tril")

D = TypeVar("D", bound="ByScaleTril")


def batch_mv(matrix: Tensor, vector: Tensor) -> Tensor:
    """The products of matrices (*, n, m) and vectors (*, m), whose leading dimensions broadcast."""
    if matrix.dim() == 2:
        return vector @ matrix.mT
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def mahalanobis(L: Tensor, x: Tensor) -> Tensor:
    """|L^-1 x|^2 for lower triangular L (*, n, n) and x (*, n), with at least as many dimensions.

    The vectors that share a matrix are columns of one system, such that none is repeated.
    """
    n, lead = x.shape[-1], x.dim() - 1
    sizes = [1] * (lead - (L.dim() - 2)) + list(L.shape[:-2])
    apart = [i for i in range(lead) if sizes[i] != 1]
    shared = [i for i in range(lead) if sizes[i] == 1]
    batch = [sizes[i] for i in apart]
    columns = [x.shape[i] for i in shared]
    x = x.permute(*apart, lead, *shared).reshape((*batch, n, math.prod(columns)))
    y = _linalg.solve_triangular(L.reshape((*batch, *L.shape[-2:])), x, upper=False)
    order = [*apart, *shared]
    squares = y.square().sum(-2).reshape((*batch, *columns))
    return squares.permute([order.index(i) for i in range(lead)])


def half_log_det(L: Tensor) -> Tensor:
    """log det L, half of log det L L'."""
    return L.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def precision_to_scale_tril(precision: Tensor) -> Tensor:
    """The lower L with L L' = P^-1.

    J turns rows over. Of J P J = C C' is U = J C J, which is upper triangular, and P = U U'; the
    factor is U'^-1.
    """
    factor = _linalg.cholesky(precision.flip((-2, -1)))
    upper = factor.flip((-2, -1))
    unit = _native.eye(precision.shape[-1], dtype=precision.dtype)
    return _linalg.solve_triangular(upper.mT, unit, upper=False)


def given_form(forms: tuple[Tensor | None, ...], error: type[Exception]) -> tuple[str, Tensor]:
    """The name and the matrix of the one of `FORMS` that is given."""
    given = [(name, m) for name, m in zip(FORMS, forms, strict=True) if m is not None]
    if len(given) != 1:
        raise error(
            "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
        )
    name, matrix = given[0]
    if matrix.dim() < 2:
        raise ValueError(
            f"{name} must be at least two-dimensional, with optional leading batch dimensions, "
            f"got shape {tuple(matrix.shape)}"
        )
    return name, matrix


class ByScaleTril(Distribution):
    """A distribution with a matrix in one of `FORMS`; it computes with L, which is not expanded."""

    _unbroadcasted_scale_tril: Tensor

    def _factorize(self, name: str, matrix: Tensor) -> None:
        """LinAlgError for a matrix that is not positive-definite."""
        if name == "covariance_matrix":
            matrix = _linalg.cholesky(matrix)
        elif name == "precision_matrix":
            matrix = precision_to_scale_tril(matrix)
        self._unbroadcasted_scale_tril = matrix

    def _expand_matrix(self: D, new: D, batch_shape: _native.Size) -> None:
        """Gives an expanded distribution the factor and those forms that there are already."""
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        for name in FORMS:
            if name in self.__dict__:
                matrix = self.__dict__[name]
                setattr(new, name, matrix.expand(batch_shape + matrix.shape[-2:]))

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + matrix.shape[-2:])

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower Cholesky factor L, batch_shape + (n, n)."""
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """L L', batch_shape + (n, n)."""
        L = self._unbroadcasted_scale_tril
        return self._whole(L @ L.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of L L', batch_shape + (n, n)."""
        return self._whole(_linalg.cholesky_inverse(self._unbroadcasted_scale_tril))
