"""Distributions of the exponential family."""

from __future__ import annotations

from .._native import Tensor
from .distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """p(x; theta) = exp(<t(x), theta> - F(theta) + k(x))

    theta are the natural parameters, t is the sufficient statistic, F the log normalizer and k the
    carrier measure. Entropy and divergence follow from the derivative of F: Nielsen and Nock,
    "Entropies and cross-entropies of exponential families", 2010.
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        """The expected carrier measure."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """F(theta) - <theta, F'(theta)> - E k(x)"""
        from ..autograd import grad

        params = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*params)
        result = -self._mean_carrier_measure + normalizer
        for p, g in zip(params, grad(normalizer.sum(), params, create_graph=True), strict=True):
            result = result - (p * g).reshape((*self._batch_shape, -1)).sum(-1)
        return result
