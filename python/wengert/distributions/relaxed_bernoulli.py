from __future__ import annotations

from .. import _native
from .._native import Tensor
from . import constraints
from ._log_odds import LogOdds
from .transformed_distribution import TransformedDistribution
from .transforms import SigmoidTransform
from .utils import Param, Shape, broadcast_all, clamp_probs

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(LogOdds):
    """The log odds of a `RelaxedBernoulli`.

    Maddison, Mnih and Teh, "The concrete distribution", 2017; Jang, Gu and Poole, "Categorical
    reparametrization with Gumbel-softmax", 2017.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        temperature: Tensor,
        probs: Param | None = None,
        logits: Param | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        self._give(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    def expand(
        self, batch_shape: Shape, _instance: LogitRelaxedBernoulli | None = None
    ) -> LogitRelaxedBernoulli:
        new = self._get_checked_instance(LogitRelaxedBernoulli, _instance)
        new.temperature = self.temperature
        return self._expand(LogitRelaxedBernoulli, batch_shape, new, "probs", "logits")

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        p = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(_native.rand(shape, dtype=p.dtype))
        return (u.log() - (-u).log1p() + p.log() - (-p).log1p()) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        diff = logits - value.mul(self.temperature)
        return self.temperature.log() + diff - 2 * diff.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """A number in (0, 1) near 0 or 1, the nearer the lower `temperature` is.

    It has a gradient, which a sample of `Bernoulli` has not.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    base_dist: LogitRelaxedBernoulli

    def __init__(
        self,
        temperature: Tensor,
        probs: Param | None = None,
        logits: Param | None = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

    def expand(  # type: ignore[override]
        self, batch_shape: Shape, _instance: RelaxedBernoulli | None = None
    ) -> RelaxedBernoulli:
        new = self._get_checked_instance(RelaxedBernoulli, _instance)
        super().expand(batch_shape, _instance=new)
        return new

    @property
    def temperature(self) -> Tensor:
        """That of the base."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The log odds."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self.base_dist.probs
