from __future__ import annotations

import math

from .. import _native
from .._functions import broadcast_shapes
from .._native import Tensor
from . import constraints
from ._scale_tril import ByScaleTril, batch_mv, given_form, half_log_det, mahalanobis
from .utils import Shape, standard_normal

__all__ = ["MultivariateNormal"]


class MultivariateNormal(ByScaleTril):
    """N(loc, S) over vectors of n; S by one of three (..., n, n): covariance_matrix, its inverse
    precision_matrix, or its lower Cholesky factor scale_tril, which is what is computed with"""

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
        name, matrix = given_form((covariance_matrix, precision_matrix, scale_tril), ValueError)
        batch = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        self.loc = loc.expand((*batch, -1))
        super().__init__(batch, self.loc.shape[-1:], validate_args)
        self._factorize(name, matrix)

    def expand(
        self, batch_shape: Shape, _instance: MultivariateNormal | None = None
    ) -> MultivariateNormal:
        new = self._get_checked_instance(MultivariateNormal, _instance)
        batch_shape = _native.Size(batch_shape)
        new.loc = self.loc.expand(batch_shape + self.event_shape)
        self._expand_matrix(new, batch_shape)
        return self._made(new, batch_shape)

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
