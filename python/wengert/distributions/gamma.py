from __future__ import annotations

from .. import _native
from .._functions import as_tensor
from .._native import Tensor
from .._types import finfo
from . import constraints
from .exp_family import ExponentialFamily
from .utils import Param, Shape, broadcast_all

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """rate^c x^(c - 1) exp(-rate x) / Gamma(c), c = concentration"""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self, concentration: Param, rate: Param, validate_args: bool | None = None
    ) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.size(), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Gamma | None = None) -> Gamma:
        return self._expand(Gamma, batch_shape, _instance, "concentration", "rate")

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        value = _native.ops.standard_gamma(self.concentration.expand(shape)) / self.rate.expand(
            shape
        )
        least = value.detach().clamp(min=finfo(value.dtype).tiny)
        # The gradient is that of what it was.
        return value + (least - value.detach()) if value.requires_grad else least

    def log_prob(self, value: Tensor) -> Tensor:
        value = as_tensor(value, dtype=self.rate.dtype)
        self._checked(value)
        c, rate = self.concentration, self.rate
        return c.xlogy(rate) + (c - 1).xlogy(value) - rate * value - c.lgamma()

    def entropy(self) -> Tensor:
        c = self.concentration
        return c - self.rate.log() + c.lgamma() + (1.0 - c) * c.digamma()

    def cdf(self, value: Tensor) -> Tensor:
        self._checked(value)
        return _native.igamma(self.concentration, self.rate * value)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration - 1, -self.rate)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        return (x + 1).lgamma() + (x + 1) * (-y.reciprocal()).log()
