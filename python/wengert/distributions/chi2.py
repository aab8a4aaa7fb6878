from __future__ import annotations

from .._native import Tensor
from . import constraints
from .gamma import Gamma
from .utils import Param, Shape

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The sum of `df` squares of standard normals: Gamma(df / 2, 1 / 2)"""

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df: Param, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Chi2 | None = None) -> Chi2:  # type: ignore[override]
        new = self._get_checked_instance(Chi2, _instance)
        super().expand(batch_shape, new)
        return new

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return self.concentration * 2
