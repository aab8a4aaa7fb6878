from __future__ import annotations

from .. import _native
from .._native import Tensor
from .._native import functional as F
from ..autograd.grad_mode import no_grad
from . import constraints
from ._log_odds import LogOdds
from .gamma import Gamma
from .utils import Param, Shape, lazy_property

__all__ = ["NegativeBinomial"]


class NegativeBinomial(LogOdds):
    """The successes, each of probability `probs`, before failure number `total_count`

    A Poisson distribution whose rate is from Gamma(total_count, exp(-logits)).
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    def __init__(
        self,
        total_count: Param,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.total_count = self._give_with_count(total_count, probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    def expand(
        self, batch_shape: Shape, _instance: NegativeBinomial | None = None
    ) -> NegativeBinomial:
        names = ("total_count", "probs", "logits")
        return self._expand(NegativeBinomial, batch_shape, _instance, *names)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self) -> Gamma:
        # Without a check: a rate may be infinite, a concentration 0.
        return Gamma(self.total_count, (-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            return _native.poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        n = self.total_count
        powers = n * F.logsigmoid(-self.logits) + value * F.logsigmoid(self.logits)
        normalizer = -(n + value).lgamma() + (1.0 + value).lgamma() + n.lgamma()
        return powers - normalizer.masked_fill(n + value == 0.0, 0.0)
