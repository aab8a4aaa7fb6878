from __future__ import annotations

import math

from .. import _linalg, _native
from .._functions import broadcast_shapes
from .._native import Tensor
from .._types import finfo
from . import constraints
from ._scale_tril import ByScaleTril, given_form, half_log_det
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .utils import Param, Shape

__all__ = ["Wishart"]


def mvdigamma(x: Tensor, p: int) -> Tensor:
    """The derivative of `mvlgamma`: the sum of digamma(x - i / 2) over i < p."""
    return (x.unsqueeze(-1) - _native.arange(p, dtype=x.dtype) / 2).digamma().sum(-1)


class Wishart(ByScaleTril, ExponentialFamily):
    """The sum of `df` products x x', x of N(0, S) over vectors of p; df > p - 1 need be no integer

    S by one of three (..., p, p): covariance_matrix, its inverse precision_matrix, or its lower
    Cholesky factor scale_tril. Samples by Bartlett's decomposition; from df = p on they are
    regular. https://en.wikipedia.org/wiki/Wishart_distribution
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
        name, matrix = given_form((covariance_matrix, precision_matrix, scale_tril), AssertionError)
        count = df if isinstance(df, _native.Tensor) else _native.tensor(df, dtype=matrix.dtype)
        batch = broadcast_shapes(matrix.shape[:-2], count.shape)
        event = matrix.shape[-2:]
        self.df = count.expand(batch)
        p = event[-1]
        if (count <= p - 1).any():  # whether arguments are checked or not, as in PyTorch
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {p - 1}.")
        if (count < p).any():
            _native._warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 "
                "< df < ndim."
            )
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        super().__init__(batch, event, validate_args)
        self._factorize(name, matrix)
        # Of the squared diagonal of Bartlett's decomposition.
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - _native.arange(p, dtype=self.df.dtype))

    def expand(self, batch_shape: Shape, _instance: Wishart | None = None) -> Wishart:
        new = self._get_checked_instance(Wishart, _instance)
        batch_shape = _native.Size(batch_shape)
        new.df = self.df.expand(batch_shape)
        new._dist_chi2 = self._dist_chi2.expand((*batch_shape, self._event_shape[-1]))
        self._expand_matrix(new, batch_shape)
        return self._made(new, batch_shape)

    def _df_of_matrices(self) -> Tensor:
        return self.df.unsqueeze(-1).unsqueeze(-1)

    @property
    def mean(self) -> Tensor:
        return self._df_of_matrices() * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        """NaN for df <= p + 1, where the density has none."""
        factor = self._df_of_matrices() - self._event_shape[-1] - 1
        return _native.where(factor <= 0, math.nan, factor) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        S = self.covariance_matrix
        diagonal = S.diagonal(dim1=-2, dim2=-1)
        return self._df_of_matrices() * (S.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett(self, sample_shape: Shape) -> Tensor:
        """L A A' L': A has roots of chi2 on its diagonal and standard normals below it."""
        p = self._event_shape[-1]
        diagonal = self._dist_chi2.rsample(sample_shape).sqrt()
        diagonal = diagonal.clamp(min=finfo(diagonal.dtype).eps)
        shape = (*sample_shape, *self._batch_shape, p * (p - 1) // 2)
        below = _native.randn(shape, dtype=diagonal.dtype)
        places = [i * p + j for i in range(p) for j in range(i)]
        flat = below.new_zeros((*shape[:-1], p * p))
        flat = flat.index_copy(-1, _native.tensor(places, dtype=_native.int64), below)
        factor = self._unbroadcasted_scale_tril @ (
            flat.unflatten(-1, (p, p)) + diagonal.diag_embed()
        )
        return factor @ factor.mT

    def _any_of_batch(self, found: Tensor) -> Tensor:
        n = len(self._batch_shape)
        return found.flatten(found.dim() - n).any(-1) if n else found

    def rsample(self, sample_shape: Shape = (), max_try_correction: int | None = None) -> Tensor:
        """A sample; one that is singular is drawn again, at most `max_try_correction` times (10).

        A warning says that there were singular ones. PyTorch takes its first check the wrong way
        round and draws again what is regular, which is nearly always everything. So does this, for
        the same numbers; what is singular, which PyTorch keeps, is drawn again after it.
        """
        sample = self._bartlett(_native.Size(sample_shape))
        again = self._any_of_batch(self.support.check(sample.detach()))
        warned = False
        for _ in range(10 if max_try_correction is None else max_try_correction):
            count = int(again.sum())
            if count:
                sample = sample.clone()
                sample[again] = self._bartlett((count,))
            again = self._any_of_batch(~self.support.check(sample.detach()))
            if not again.any():
                break
            if not warned:
                _native._warn("Singular sample detected.")
                warned = True
        return sample

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
            - (nu - p - 1) / 2 * mvdigamma(nu / 2, p)
            + nu * p / 2
        )

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * (p * math.log(2) - _native.slogdet(-2 * x)[1]) + _native.mvlgamma(half, p)
