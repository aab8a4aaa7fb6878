from __future__ import annotations

from .. import _native
from .._native import Tensor
from ..autograd.grad_mode import no_grad
from . import constraints
from .categorical import Categorical
from .distribution import Distribution
from .utils import Shape

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A value of component k with probability mixture_distribution.probs[k].

    The components lie along the last batch dimension of `component_distribution`.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    has_rsample = False

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                "The Mixture distribution needs to be an instance of "
                "wengert.distributions.Categorical"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of "
                "wengert.distributions.Distribution"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        batch = mixture_distribution.batch_shape
        whole = component_distribution.batch_shape
        for a, b in zip(reversed(batch), reversed(whole[:-1]), strict=False):
            if a != 1 and b != 1 and a != b:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({batch}) is not compatible with "
                    f"`component_distribution.batch_shape`({whole[:-1]})"
                )
        self._num_component = mixture_distribution.param_shape[-1]
        if self._num_component != whole[-1]:
            raise ValueError(
                f"`mixture_distribution component` ({self._num_component}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({whole[-1]})"
            )
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(
            whole[:-1], component_distribution.event_shape, validate_args=validate_args
        )

    def expand(
        self, batch_shape: Shape, _instance: MixtureSameFamily | None = None
    ) -> MixtureSameFamily:
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        shape = _native.Size(batch_shape)
        new._component_distribution = self._component_distribution.expand(
            (*shape, self._num_component)
        )
        new._mixture_distribution = self._mixture_distribution.expand(shape)
        new._num_component = self._num_component
        new._event_ndims = self._event_ndims
        return self._made(new, shape)

    @constraints.dependent_property
    def support(self) -> constraints.Constraint:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The probabilities of the components."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The components."""
        return self._component_distribution

    @property
    def mean(self) -> Tensor:
        return self._average(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        spread = (self._component_distribution.mean - self._pad(self.mean)).pow(2.0)
        return self._average(self._component_distribution.variance) + self._average(spread)

    def _average(self, values: Tensor) -> Tensor:
        """Of one for each component."""
        probs = self._pad_mixture_dimensions(self._mixture_distribution.probs)
        return (probs * values).sum(-1 - self._event_ndims)

    def cdf(self, value: Tensor) -> Tensor:
        below = self._component_distribution.cdf(self._pad(value))
        return (below * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        log_prob = self._component_distribution.log_prob(self._pad(value))
        return (log_prob + self._mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            dim = len(sample_shape) + len(self.batch_shape)
            chosen = self._mixture_distribution.sample(sample_shape)
            values = self._component_distribution.sample(sample_shape)
            index = chosen.reshape(chosen.shape + (1,) * (self._event_ndims + 1))
            index = index.expand((*chosen.shape, 1, *self.event_shape))
            return values.gather(dim, index).squeeze(dim)

    def _pad(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - self._event_ndims)

    def _pad_mixture_dimensions(self, x: Tensor) -> Tensor:
        mixture = len(self._mixture_distribution.batch_shape)
        more = 0 if mixture == 1 else len(self.batch_shape) - mixture
        shape = x.shape
        return x.reshape(shape[:-1] + (1,) * more + shape[-1:] + (1,) * self._event_ndims)

    def __repr__(self) -> str:
        return (
            f"MixtureSameFamily(\n  {self._mixture_distribution},\n  "
            f"{self._component_distribution})"
        )
