from __future__ import annotations

import math

from .. import _linalg, _native
from .._functions import broadcast_shapes
from .._native import Tensor
from . import constraints
from .distribution import Distribution
from .utils import Shape, lazy_property, standard_normal

__all__ = ["MultivariateNormal"]


def batch_mv(matrix: Tensor, vector: Tensor) -> Tensor:
    """The products of matrices and vectors, whose leading dimensions broadcast."""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def mahalanobis(L: Tensor, x: Tensor) -> Tensor:
    """|L^-1 x|^2 for lower triangular L, which may have fewer leading dimensions than x."""
    y = _linalg.solve_triangular(L, x.unsqueeze(-1), upper=False)
    return y.squeeze(-1).square().sum(-1)


def half_log_det(L: Tensor) -> Tensor:
    """The sum of the logarithms of a diagonal."""
    return L.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def precision_to_scale_tril(precision: Tensor) -> Tensor:
    """The lower factor of the inverse, from the factor of the matrix turned over.

    https://nbviewer.jupyter.org/gist/fehiepsi/5ef8e09e61604f10607380467eb82006
    """
    factor = _linalg.cholesky(precision.flip((-2, -1)))
    inverse = factor.flip((-2, -1)).mT
    unit = _native.eye(precision.shape[-1], dtype=precision.dtype)
    return _linalg.solve_triangular(inverse, unit, upper=False)


class MultivariateNormal(Distribution):
    """N(loc, Sigma) over vectors, Sigma by one of covariance_matrix, its inverse precision_matrix,
    or its lower Cholesky factor scale_tril, which is what is computed with"""

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        names = ("covariance_matrix", "precision_matrix", "scale_tril")
        given = [
            (name, m)
            for name, m in zip(
                names, (covariance_matrix, precision_matrix, scale_tril), strict=True
            )
            if m is not None
        ]
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        name, matrix = given[0]
        if matrix.dim() < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        self.loc = loc.expand((*batch, -1))
        super().__init__(batch, self.loc.shape[-1:], validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = _linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = precision_to_scale_tril(matrix)

    def expand(
        self, batch_shape: Shape, _instance: MultivariateNormal | None = None
    ) -> MultivariateNormal:
        new = self._get_checked_instance(MultivariateNormal, _instance)
        batch_shape = _native.Size(batch_shape)
        new.loc = self.loc.expand(batch_shape + self.event_shape)
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        for name in ("covariance_matrix", "scale_tril", "precision_matrix"):
            if name in self.__dict__:
                matrix = self.__dict__[name].expand(batch_shape + self.event_shape * 2)
                setattr(new, name, matrix)
        return self._made(new, batch_shape)

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape * 2)

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        L = self._unbroadcasted_scale_tril
        return self._whole(L @ L.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        return self._whole(_linalg.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        squares = self._unbroadcasted_scale_tril.pow(2).sum(-1)
        return squares.expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        eps = standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + batch_mv(self._unbroadcasted_scale_tril, eps)

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        L = self._unbroadcasted_scale_tril
        squares = mahalanobis(L, value - self.loc)
        n = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + squares) - half_log_det(L)

    def entropy(self) -> Tensor:
        n = self._event_shape[0]
        H = 0.5 * n * (1.0 + math.log(2 * math.pi))
        return (half_log_det(self._unbroadcasted_scale_tril) + H).expand(self._batch_shape)
