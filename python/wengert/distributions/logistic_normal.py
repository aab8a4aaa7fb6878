from __future__ import annotations

from .._native import Tensor
from . import constraints
from .independent import Independent
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import StickBreakingTransform
from .utils import Param, Shape

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """n - 1 numbers from Normal(loc, scale), broken off a stick: a point of the simplex of n

    The last dimension of the parameters, n - 1, becomes an event of n.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True
    base_dist: Independent[Normal]

    def __init__(self, loc: Param, scale: Param, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: LogisticNormal | None = None) -> LogisticNormal:  # type: ignore[override]
        new = self._get_checked_instance(LogisticNormal, _instance)
        super().expand(batch_shape, _instance=new)
        return new

    @property
    def loc(self) -> Tensor:
        """That of the base."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """That of the base."""
        return self.base_dist.base_dist.scale
