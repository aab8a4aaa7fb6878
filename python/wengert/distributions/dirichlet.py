from __future__ import annotations

from .. import _native
from .._native import Tensor
from . import constraints
from .exp_family import ExponentialFamily
from .utils import Shape

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    """prod_i x_i^(c_i - 1) / B(c) on the simplex; c, `concentration`, is (..., n)"""

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Dirichlet | None = None) -> Dirichlet:
        new = self._get_checked_instance(Dirichlet, _instance)
        shape = _native.Size(batch_shape)
        new.concentration = self.concentration.expand(shape + self.event_shape)
        return self._made(new, shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return _native.ops.sample_dirichlet(
            self.concentration.expand(self._extended_shape(sample_shape))
        )

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        c = self.concentration
        powers = (c - 1.0).xlogy(value).sum(-1)
        return powers + c.sum(-1).lgamma() - c.lgamma().sum(-1)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Tensor:
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, True)
        corner = (self.concentration < 1).all(-1)
        index = mode[corner].argmax(dim=-1)
        mode[corner] = _native.functional.one_hot(index, above.shape[-1]).to(mode)
        return mode

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def entropy(self) -> Tensor:
        c, total = self.concentration, self.concentration.sum(-1)
        return (
            c.lgamma().sum(-1)
            - total.lgamma()
            - (c.size(-1) - total) * total.digamma()
            - ((c - 1.0) * c.digamma()).sum(-1)
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration,)

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        (x,) = natural_params
        return x.lgamma().sum(-1) - x.sum(-1).lgamma()
