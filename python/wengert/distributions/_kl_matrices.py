"""Divergences between distributions with a matrix."""

from __future__ import annotations

from typing import TypeAlias

from .. import _linalg, _native
from .._native import Tensor
from ._scale_tril import half_log_det, mahalanobis
from .kl import register_kl
from .lowrank_multivariate_normal import (
    LowRankMultivariateNormal,
    lowrank_log_det,
    lowrank_mahalanobis,
)
from .multivariate_normal import MultivariateNormal
from .wishart import Wishart, mvdigamma

_Vectors: TypeAlias = MultivariateNormal | LowRankMultivariateNormal


def _squares(x: Tensor) -> Tensor:
    """tr(X X')"""
    return x.square().sum((-2, -1))


def _log_det(d: _Vectors) -> Tensor:
    if isinstance(d, MultivariateNormal):
        return 2 * half_log_det(d._unbroadcasted_scale_tril)
    return lowrank_log_det(d._unbroadcasted_cov_diag, d._capacitance_tril)


def _distance(q: _Vectors, x: Tensor) -> Tensor:
    """x' S_q^-1 x"""
    if isinstance(q, MultivariateNormal):
        return mahalanobis(q._unbroadcasted_scale_tril, x)
    W, D = q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag
    return lowrank_mahalanobis(W, D, x, q._capacitance_tril)


def _trace(p: _Vectors, q: _Vectors) -> Tensor:
    """tr(S_q^-1 S_p), where no matrix is n x n unless that of p or q is."""
    if isinstance(q, MultivariateNormal):
        L = q._unbroadcasted_scale_tril
        if isinstance(p, MultivariateNormal):
            factor = p._unbroadcasted_scale_tril
            return _squares(_linalg.solve_triangular(L, factor, upper=False))
        root = p._unbroadcasted_cov_diag.sqrt().diag_embed()
        of_diagonal = _squares(_linalg.solve_triangular(L, root, upper=False))
        factor = p._unbroadcasted_cov_factor
        return of_diagonal + _squares(_linalg.solve_triangular(L, factor, upper=False))
    # S_q^-1 = 1/D - A' A by Woodbury's identity, A = C^-1 W'/D, C the factor of 1 + W' W/D
    W, D = q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag
    A = _linalg.solve_triangular(q._capacitance_tril, W.mT / D.unsqueeze(-2), upper=False)
    if isinstance(p, MultivariateNormal):
        factor = p._unbroadcasted_scale_tril
        return _squares(factor * D.rsqrt().unsqueeze(-1)) - _squares(A @ factor)
    diagonal, factor = p._unbroadcasted_cov_diag, p._unbroadcasted_cov_factor
    of_diagonal = (diagonal / D).sum(-1) - _squares(A * diagonal.sqrt().unsqueeze(-2))
    return of_diagonal + _squares(factor * D.rsqrt().unsqueeze(-1)) - _squares(A @ factor)


def _vectors(p: _Vectors, q: _Vectors) -> Tensor:
    """(log det S_q - log det S_p + tr(S_q^-1 S_p) + x' S_q^-1 x - n) / 2, x between the means

    https://en.wikipedia.org/wiki/Multivariate_normal_distribution#Kullback-Leibler_divergence
    """
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two (Low Rank) Multivariate Normals with different event shapes "
            f"cannot be computed: {p.event_shape} and {q.event_shape}"
        )
    logs = _log_det(q) - _log_det(p)
    return 0.5 * (logs + _trace(p, q) + _distance(q, q.loc - p.loc) - p.event_shape[0])


for _p in (MultivariateNormal, LowRankMultivariateNormal):
    for _q in (MultivariateNormal, LowRankMultivariateNormal):
        register_kl(_p, _q)(_vectors)


@register_kl(Wishart, Wishart)
def _wishart(p: Wishart, q: Wishart) -> Tensor:
    """E_p[log p - log q], of E_p[log det X] and E_p[X] = df S

    PyTorch takes the general formula of exponential families, which adds up over the last two
    dimensions of the batch: equal without a batch only.
    """
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Wishart distributions with different event shapes cannot be "
            f"computed: {p.event_shape} and {q.event_shape}"
        )
    n = p.event_shape[-1]
    L_p, L_q = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    trace = _squares(_linalg.solve_triangular(L_q, L_p, upper=False))
    logs = q.df * (half_log_det(L_q) - half_log_det(L_p)) + 0.5 * p.df * (trace - n)
    normalizers = _native.mvlgamma(q.df / 2, n) - _native.mvlgamma(p.df / 2, n)
    return logs + normalizers + 0.5 * (p.df - q.df) * mvdigamma(p.df / 2, n)
