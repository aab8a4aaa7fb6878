from __future__ import annotations

from .. import _native
from .._native import Tensor
from . import constraints
from .distribution import Distribution
from .utils import Param, Shape, broadcast_all

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """What exceeds a high threshold: P(X > x) = (1 + c z)^(-1 / c), z = (x - loc) / scale

    c is `concentration`; where it is 0 that is exp(-z).
    """

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True

    def __init__(
        self, loc: Param, scale: Param, concentration: Param, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    def expand(
        self, batch_shape: Shape, _instance: GeneralizedPareto | None = None
    ) -> GeneralizedPareto:
        names = ("loc", "scale", "concentration")
        return self._expand(GeneralizedPareto, batch_shape, _instance, *names)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        end = self.loc - self.scale / self.concentration
        return constraints.interval(
            self.loc, _native.where(self.concentration < 0, end, float("inf"))
        )

    def _split(self) -> tuple[Tensor, Tensor]:
        """Where c is 0, and c, or 1 there."""
        c = self.concentration
        zero = _native.isclose(c, _native.zeros_like(c))
        return zero, _native.where(zero, 1.0, c)

    def _z(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    @property
    def mean(self) -> Tensor:
        finite = self.concentration < 1
        result = self.loc + self.scale / (1 - _native.where(finite, self.concentration, 0.5))
        return _native.where(finite, result, float("nan"))

    @property
    def variance(self) -> Tensor:
        finite = self.concentration < 0.5
        c = _native.where(finite, self.concentration, 0.25)
        return _native.where(finite, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), float("nan"))

    @property
    def mode(self) -> Tensor:
        return self.loc

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return self.icdf(_native.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        z = self._z(value)
        zero, c = self._split()
        y = 1 / c + _native.ones_like(z)
        other = _native.where(y == 0, y, y * (c * z).log1p())
        return -self.scale.log() - _native.where(zero, z, other)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """log P(X > value)"""
        self._checked(value)
        z = self._z(value)
        zero, c = self._split()
        return _native.where(zero, -z, -(c * z).log1p() / c)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(X <= value)"""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        zero, c = self._split()
        above = (-value).log1p()
        other = self.loc + self.scale / c * (-c * above).expm1()
        return _native.where(zero, self.loc - self.scale * above, other)

    def entropy(self) -> Tensor:
        return (self.scale.log() + self.concentration + 1).broadcast_to(self._batch_shape)
