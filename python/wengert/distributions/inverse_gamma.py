from __future__ import annotations

from .. import _native
from .._native import Tensor
from . import constraints
from .gamma import Gamma
from .transformed_distribution import TransformedDistribution
from .transforms import PowerTransform
from .utils import Param, Shape

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """1 / x, x from Gamma(concentration, rate)"""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True
    base_dist: Gamma

    def __init__(
        self, concentration: Param, rate: Param, validate_args: bool | None = None
    ) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        power = PowerTransform(-base.rate.new_ones(()))
        super().__init__(base, power, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: InverseGamma | None = None) -> InverseGamma:  # type: ignore[override]
        new = self._get_checked_instance(InverseGamma, _instance)
        super().expand(batch_shape, _instance=new)
        return new

    @property
    def concentration(self) -> Tensor:
        """That of the base."""
        return self.base_dist.concentration

    @property
    def rate(self) -> Tensor:
        """That of the base."""
        return self.base_dist.rate

    @property
    def mean(self) -> Tensor:
        c = self.concentration
        return _native.where(c > 1, self.rate / (c - 1), float("inf"))

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        c = self.concentration
        result = self.rate.square() / ((c - 1).square() * (c - 2))
        return _native.where(c > 2, result, float("inf"))

    def entropy(self) -> Tensor:
        c = self.concentration
        return c + self.rate.log() + c.lgamma() - (1 + c) * c.digamma()
