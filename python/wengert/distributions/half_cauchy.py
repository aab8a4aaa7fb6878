from __future__ import annotations

import math

from .. import _native
from .._functions import as_tensor
from .._native import Tensor
from . import constraints
from .cauchy import Cauchy
from .transformed_distribution import TransformedDistribution
from .transforms import AbsTransform
from .utils import Param, Shape

__all__ = ["HalfCauchy"]


class HalfCauchy(TransformedDistribution):
    """|x|, x from Cauchy(0, scale)"""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    base_dist: Cauchy

    def __init__(self, scale: Param, validate_args: bool | None = None) -> None:
        base = Cauchy(0, scale, validate_args=False)
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: HalfCauchy | None = None) -> HalfCauchy:  # type: ignore[override]
        new = self._get_checked_instance(HalfCauchy, _instance)
        super().expand(batch_shape, _instance=new)
        return new

    @property
    def scale(self) -> Tensor:
        """That of the base."""
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        return self._filled(self.scale, float("inf"))

    @property
    def mode(self) -> Tensor:
        return _native.zeros_like(self.scale)

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        value = as_tensor(value, dtype=self.scale.dtype)
        log_prob = self.base_dist.log_prob(value) + math.log(2)
        return _native.where(value >= 0, log_prob, float("-inf"))

    def cdf(self, value: Tensor) -> Tensor:
        self._checked(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Tensor) -> Tensor:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() - math.log(2)
