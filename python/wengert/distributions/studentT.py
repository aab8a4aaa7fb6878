from __future__ import annotations

import math

from .. import _native
from .._native import Tensor
from . import constraints
from .chi2 import Chi2
from .distribution import Distribution
from .utils import Param, Shape, broadcast_all, standard_normal

__all__ = ["StudentT"]


class StudentT(Distribution):
    """loc + scale z / sqrt(v / df), z standard normal, v from Chi2(df)"""

    arg_constraints = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True

    def __init__(
        self, df: Param, loc: Param = 0.0, scale: Param = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df, validate_args=validate_args)
        super().__init__(self.df.size(), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: StudentT | None = None) -> StudentT:
        new = self._get_checked_instance(StudentT, _instance)
        new._chi2 = self._chi2.expand(batch_shape)
        return self._expand(StudentT, batch_shape, new, "df", "loc", "scale")

    @property
    def mean(self) -> Tensor:
        return _native.where(self.df <= 1, float("nan"), self.loc)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        df = self.df
        finite = df > 2
        result = self.scale.pow(2) * df / (_native.where(finite, df, 3.0) - 2)
        rest = _native.where(df > 1, float("inf"), float("nan")).to(df.dtype)
        return _native.where(finite, result, rest)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        x = standard_normal(self._extended_shape(sample_shape), self.df.dtype)
        z = self._chi2.rsample(sample_shape)
        return self.loc + self.scale * (x * (z / self.df).rsqrt())

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        y = (value - self.loc) / self.scale
        half = 0.5 * (self.df + 1.0)
        z = (
            self.scale.log()
            + 0.5 * self.df.log()
            + 0.5 * math.log(math.pi)
            + (0.5 * self.df).lgamma()
            - half.lgamma()
        )
        return -half * (y**2.0 / self.df).log1p() - z

    def entropy(self) -> Tensor:
        a, b = 0.5 * self.df, 0.5 * (self.df + 1)
        lbeta = a.lgamma() + math.lgamma(0.5) - b.lgamma()
        return self.scale.log() + b * (b.digamma() - a.digamma()) + 0.5 * self.df.log() + lbeta
