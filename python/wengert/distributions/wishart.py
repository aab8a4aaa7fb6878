from __future__ import annotations

import math

from .. import _linalg, _native
from .._functions import broadcast_shapes
from .._native import Tensor
from . import constraints
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import half_log_det, precision_to_scale_tril
from .utils import Param, Shape, lazy_property

__all__ = ["Wishart"]


def _mvdigamma(x: Tensor, p: int) -> Tensor:
    return (x.unsqueeze(-1) - _native.arange(p, dtype=x.dtype) / 2).digamma().sum(-1)


class Wishart(ExponentialFamily):
    """The distribution of sums of `df` products x x', x of N(0, Sigma), Sigma by one of
    covariance_matrix, its inverse precision_matrix, or its lower Cholesky factor scale_tril

    Samples by Bartlett's decomposition; `df` is above the number of rows less 1.
    https://en.wikipedia.org/wiki/Wishart_distribution
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self._event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: Param,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        names = ("covariance_matrix", "precision_matrix", "scale_tril")
        given = [
            (name, m)
            for name, m in zip(
                names, (covariance_matrix, precision_matrix, scale_tril), strict=True
            )
            if m is not None
        ]
        if len(given) != 1:
            raise AssertionError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        name, matrix = given[0]
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch "
                "dimensions"
            )
        df = df if isinstance(df, Tensor) else _native.tensor(df, dtype=matrix.dtype)
        batch = broadcast_shapes(matrix.shape[:-2], df.shape)
        event = matrix.shape[-2:]
        self.df = df.expand(batch)
        if self.df.le(event[-1] - 1).any():
            raise ValueError(
                f"Value of df={df} expected to be greater than ndim - 1 = {event[-1] - 1}."
            )
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        if self.df.lt(event[-1]).any():
            _native._warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 "
                "< df < ndim."
            )
        super().__init__(batch, event, validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = _linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = precision_to_scale_tril(matrix)
        # Of the squared diagonal of Bartlett's decomposition.
        rows = _native.arange(event[-1], dtype=self.df.dtype)
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - rows)

    def expand(self, batch_shape: Shape, _instance: Wishart | None = None) -> Wishart:
        new = self._get_checked_instance(Wishart, _instance)
        batch_shape = _native.Size(batch_shape)
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        new.df = self.df.expand(batch_shape)
        new._dist_chi2 = self._dist_chi2.expand((*batch_shape, self._event_shape[-1]))
        for name in ("covariance_matrix", "scale_tril", "precision_matrix"):
            if name in self.__dict__:
                setattr(new, name, self.__dict__[name].expand(batch_shape + self.event_shape))
        return self._made(new, batch_shape)

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        L = self._unbroadcasted_scale_tril
        return self._whole(L @ L.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        return self._whole(_linalg.cholesky_inverse(self._unbroadcasted_scale_tril))

    def _nu(self) -> Tensor:
        return self.df.unsqueeze(-1).unsqueeze(-1)

    @property
    def mean(self) -> Tensor:
        return self._nu() * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self._nu() - self.covariance_matrix.shape[-1] - 1
        return _native.where(factor <= 0, math.nan, factor) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        V = self.covariance_matrix
        diagonal = V.diagonal(dim1=-2, dim2=-1)
        return self._nu() * (V.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape: Shape) -> Tensor:
        p = self._event_shape[-1]
        diagonal = self._dist_chi2.rsample(sample_shape).sqrt().diag_embed()
        below = _native.randn(
            (*sample_shape, *self._batch_shape, p * (p - 1) // 2), dtype=self.df.dtype
        )
        places = _native.tensor(
            [i * p + j for i in range(p) for j in range(i)], dtype=_native.int64
        )
        flat = _native.zeros((*below.shape[:-1], p * p), dtype=below.dtype)
        lower = flat.index_copy(-1, places, below).unflatten(-1, (p, p))
        factor = self._unbroadcasted_scale_tril @ (diagonal + lower)
        return factor @ factor.mT

    def rsample(self, sample_shape: Shape = (), max_try_correction: int | None = None) -> Tensor:
        """A sample; singular ones are drawn again, `max_try_correction` times (default 10)."""
        tries = 10 if max_try_correction is None else max_try_correction
        sample = self._bartlett_sampling(_native.Size(sample_shape))
        singular = self._singular(sample)
        if not bool(singular.any()):
            return sample
        _native._warn("Singular sample detected.")
        for _ in range(tries):
            again = self._bartlett_sampling((int(singular.sum()),))
            still = self._singular(again)
            sample = sample.clone()
            sample[singular] = again
            singular = singular.clone()
            singular[singular.clone()] = still
            if not bool(singular.any()):
                break
        return sample

    def _singular(self, sample: Tensor) -> Tensor:
        """Which samples have a matrix that is not positive-definite."""
        bad = ~self.support.check(sample.detach())
        return bad.flatten(-len(self._batch_shape)).any(-1) if self._batch_shape else bad

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        nu, p, L = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        solved = _linalg.cholesky_solve(value, L)
        return (
            -nu * (p * math.log(2) / 2 + half_log_det(L))
            - _native.mvlgamma(nu / 2, p)
            + (nu - p - 1) / 2 * _native.slogdet(value)[1]
            - solved.diagonal(dim1=-2, dim2=-1).sum(-1) / 2
        )

    def entropy(self) -> Tensor:
        nu, p = self.df, self._event_shape[-1]
        return (
            (p + 1) * (p * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril))
            + _native.mvlgamma(nu / 2, p)
            - (nu - p - 1) / 2 * _mvdigamma(nu / 2, p)
            + nu * p / 2
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        p = self._event_shape[-1]
        return -self.precision_matrix / 2, (self.df - p - 1) / 2

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * (-_native.slogdet(-2 * x)[1] + math.log(2) * p) + _native.mvlgamma(half, p)
