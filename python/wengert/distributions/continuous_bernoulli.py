from __future__ import annotations

import math

from .. import _native
from .._native import Tensor
from .._native import functional as F
from ..autograd.grad_mode import no_grad
from . import constraints
from ._log_odds import LogOdds
from .exp_family import ExponentialFamily
from .utils import (
    Param,
    Shape,
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
)

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(LogOdds, ExponentialFamily):
    """C probs^x (1 - probs)^(1 - x) for x in [0, 1]

    C = 2 atanh(1 - 2 probs) / (1 - 2 probs), by its Taylor series where probs is within `lims`,
    around 1/2. Loaiza-Ganem and Cunningham, "The continuous Bernoulli", NeurIPS 2019.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self,
        probs: Param | None = None,
        logits: Param | None = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._give(probs, logits)
        if probs is not None:
            if validate_args and not self.arg_constraints["probs"].check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self._param.size(), validate_args=validate_args)

    def expand(
        self, batch_shape: Shape, _instance: ContinuousBernoulli | None = None
    ) -> ContinuousBernoulli:
        new = self._get_checked_instance(ContinuousBernoulli, _instance)
        new._lims = self._lims
        return self._expand(ContinuousBernoulli, batch_shape, new, "probs", "logits")

    @lazy_property
    def probs(self) -> Tensor:
        """The parameter, within [eps, 1 - eps]."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _far(self) -> Tensor:
        """Where the closed forms are accurate."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self) -> Tensor:
        return _native.where(self._far(), self.probs, self._lims[0])

    def _cont_bern_log_norm(self) -> Tensor:
        """log C"""
        cut = self._cut_probs()
        low = cut <= 0.5
        below = _native.where(low, cut, 0.0)
        above = _native.where(cut >= 0.5, cut, 1.0)
        exact = ((-cut).log1p() - cut.log()).abs().log() - _native.where(
            low, (-2.0 * below).log1p(), (2.0 * above - 1.0).log()
        )
        x = (self.probs - 0.5) ** 2
        taylor = math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x
        return _native.where(self._far(), exact, taylor)

    @property
    def mean(self) -> Tensor:
        cut = self._cut_probs()
        exact = cut / (2.0 * cut - 1.0) + 1.0 / ((-cut).log1p() - cut.log())
        x = self.probs - 0.5
        taylor = 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x**2) * x
        return _native.where(self._far(), exact, taylor)

    @property
    def variance(self) -> Tensor:
        cut = self._cut_probs()
        exact = cut * (cut - 1.0) / (1.0 - 2.0 * cut) ** 2
        exact = exact + 1.0 / ((-cut).log1p() - cut.log()) ** 2
        x = (self.probs - 0.5) ** 2
        taylor = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x
        return _native.where(self._far(), exact, taylor)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        u = _native.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype)
        return self.icdf(u)

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        cross = F.binary_cross_entropy_with_logits(logits, value, reduction="none")
        return -cross + self._cont_bern_log_norm()

    def cdf(self, value: Tensor) -> Tensor:
        self._checked(value)
        cut = self._cut_probs()
        exact = cut**value * (1.0 - cut) ** (1.0 - value) + cut - 1.0
        within = _native.where(self._far(), exact / (2.0 * cut - 1.0), value)
        return _native.where(value <= 0.0, 0.0, _native.where(value >= 1.0, 1.0, within))

    def icdf(self, value: Tensor) -> Tensor:
        cut = self._cut_probs()
        exact = (-cut + value * (2.0 * cut - 1.0)).log1p() - (-cut).log1p()
        return _native.where(self._far(), exact / (cut.log() - (-cut).log1p()), value)

    def entropy(self) -> Tensor:
        log0, log1 = (-self.probs).log1p(), self.probs.log()
        return self.mean * (log0 - log1) - self._cont_bern_log_norm() - log0

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        (x,) = natural_params
        low, high = self._lims[0] - 0.5, self._lims[1] - 0.5
        far = (x <= low) | (x > high)
        cut = _native.where(far, x, low)
        exact = cut.expm1().abs().log() - cut.abs().log()
        taylor = 0.5 * x + x**2 / 24.0 - x**4 / 2880.0
        return _native.where(far, exact, taylor)
