from __future__ import annotations

import math

from .. import _native
from .._native import Tensor
from .._types import finfo
from ..autograd.grad_mode import no_grad
from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import Param, Shape, broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """The lower Cholesky factor L of a dim x dim correlation matrix M = L L^T

    The density of M goes with det(M)^(concentration - 1); all M are equally likely at 1. Samples
    by the onion method: Lewandowski, Kurowicka and Joe, "Generating random correlation matrices
    based on vines and extended onion method", 2009.
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(
        self, dim: int, concentration: Param = 1.0, validate_args: bool | None = None
    ) -> None:
        if dim < 2:
            raise ValueError(
                f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}."
            )
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        row = _native.arange(dim - 1, dtype=self.concentration.dtype)
        row = _native.cat([row.new_zeros((1,)), row])
        marginal = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(row + 0.5, marginal.unsqueeze(-1) - 0.5 * row, validate_args=False)
        super().__init__(self.concentration.size(), (dim, dim), validate_args)

    def expand(self, batch_shape: Shape, _instance: LKJCholesky | None = None) -> LKJCholesky:
        new = self._get_checked_instance(LKJCholesky, _instance)
        new.dim = self.dim
        new._beta = self._beta.expand((*batch_shape, self.dim))
        return self._expand(LKJCholesky, batch_shape, new, "concentration")

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            y = self._beta.sample(sample_shape).unsqueeze(-1)
            u = _native.randn(self._extended_shape(sample_shape), dtype=y.dtype).tril(-1)
            direction = u / u.norm(dim=-1, keepdim=True)
            direction[..., 0, :] = 0.0
            w = y.sqrt() * direction
            left = (1 - (w**2).sum(-1)).clamp(min=finfo(w.dtype).tiny)
            return w + left.sqrt().diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = self.dim - _native.arange(2, self.dim + 1)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + order
        n = self.dim - 1
        alpha = self.concentration + 0.5 * n
        numerator = _native.mvlgamma(alpha - 0.5, n)
        normalizer = 0.5 * n * math.log(math.pi) + numerator - alpha.lgamma() * n
        return (order * diagonal.log()).sum(-1) - normalizer
