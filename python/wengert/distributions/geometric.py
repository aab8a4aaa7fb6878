from __future__ import annotations

from .. import _native
from .._native import Tensor
from .._types import finfo
from ..autograd.grad_mode import no_grad
from . import constraints
from ._log_odds import LogOdds
from .utils import Param, Shape, binary_entropy, broadcast_all

__all__ = ["Geometric"]


class Geometric(LogOdds):
    """The number of failures before the first success: P(k) = (1 - probs)^k probs.

    `Tensor.geometric_` counts the success as well.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(
        self,
        probs: Param | None = None,
        logits: Param | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self._give(probs, logits)
        super().__init__(self._param.size(), validate_args=validate_args)
        if self._validate_args and probs is not None:
            value = self.probs
            if not (value > 0).all():
                raise ValueError(
                    f"Expected parameter probs ({type(value).__name__} of shape "
                    f"{tuple(value.shape)}) of distribution {self!r} to be positive but found "
                    f"invalid values:\n{value.detach()[~(value > 0)]}"
                )

    def expand(self, batch_shape: Shape, _instance: Geometric | None = None) -> Geometric:
        return self._expand(Geometric, batch_shape, _instance, "probs", "logits")

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        return _native.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            u = _native.empty(shape, dtype=self.probs.dtype)
            u.uniform_(finfo(self.probs.dtype).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        value, probs = broadcast_all(value, self.probs)
        # 0 log 0 is 0 where success is certain.
        probs = probs.masked_fill((probs == 1) & (value == 0), 0)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_entropy(self.logits, self.probs) / self.probs
