"""Divergences between distributions of two classes; infinite where q is 0 and p is not."""

from __future__ import annotations

import math

from .. import _native
from .._native import Tensor
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .distribution import Distribution
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl import register_kl
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform
from .utils import euler_constant

inf = float("inf")

#: Classes of p with a parameter of the result's shape, and of q whose support is smaller.
_INFINITE: dict[type[Distribution], tuple[str, tuple[type[Distribution], ...]]] = {
    Beta: ("concentration1", (Pareto,)),
    ContinuousBernoulli: ("probs", (Pareto,)),
    Exponential: ("rate", (Beta, ContinuousBernoulli, Pareto, Uniform)),
    Gamma: ("concentration", (Beta, ContinuousBernoulli, Pareto, Uniform)),
    Gumbel: ("loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    Laplace: ("loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    Normal: ("loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    Pareto: ("scale", (Beta, ContinuousBernoulli, Uniform)),
    Poisson: ("rate", (Bernoulli, Binomial)),
}


def _register_infinite(p_type: type[Distribution], name: str, q_type: type[Distribution]) -> None:
    @register_kl(p_type, q_type)
    def infinite(p: Distribution, q: Distribution) -> Tensor:
        return _native.full_like(getattr(p, name), inf)


for _p, (_name, _qs) in _INFINITE.items():
    for _q in _qs:
        _register_infinite(_p, _name, _q)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous_bernoulli(p: Beta, q: ContinuousBernoulli) -> Tensor:
    return -p.entropy() - p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


@register_kl(Beta, Exponential)
def _beta_exponential(p: Beta, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Beta, Gamma)
def _beta_gamma(p: Beta, q: Gamma) -> Tensor:
    c = q.concentration
    a, total = p.concentration1, p.concentration1 + p.concentration0
    t3 = (c - 1) * (a.digamma() - total.digamma())
    return -p.entropy() + c.lgamma() - c * q.rate.log() - t3 + q.rate * a / total


@register_kl(Beta, Normal)
def _beta_normal(p: Beta, q: Normal) -> Tensor:
    mean, var = p.mean, q.scale.pow(2)
    total = p.concentration1 + p.concentration0
    squares = (mean * (1 - mean) / (total + 1) + mean.pow(2)) * 0.5
    t2 = 0.5 * (var * 2 * math.pi).log()
    return -p.entropy() + t2 + (squares - q.loc * mean + q.loc.pow(2) * 0.5) / var


@register_kl(Beta, Uniform)
def _beta_uniform(p: Beta, q: Uniform) -> Tensor:
    kl = -p.entropy() + (q.high - q.low).log()
    return _native.where((q.low > 0) | (q.high < 1), inf, kl)


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_bernoulli_exponential(p: ContinuousBernoulli, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(ContinuousBernoulli, Normal)
def _continuous_bernoulli_normal(p: ContinuousBernoulli, q: Normal) -> Tensor:
    mean = p.mean
    t2 = 0.5 * (math.log(2.0 * math.pi) + (q.loc / q.scale).square()) + q.scale.log()
    t3 = (p.variance + mean.square() - 2.0 * q.loc * mean) / (2.0 * q.scale.square())
    return -p.entropy() + t2 + t3


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: ContinuousBernoulli, q: Uniform) -> Tensor:
    # As PyTorch has it: infinite, too, where q begins at 0 or ends at 1.
    kl = -p.entropy() + (q.high - q.low).log()
    return _native.where((q.low >= 0) | (q.high <= 1), inf, kl)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Exponential, q: Gamma) -> Tensor:
    ratio, c = q.rate / p.rate, q.concentration
    return -c * ratio.log() + ratio + c.lgamma() + c * euler_constant - (1 + euler_constant)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Exponential, q: Gumbel) -> Tensor:
    product, loc = p.rate * q.scale, q.loc / q.scale
    return product.log() - 1 - loc + loc.exp() * product / (product + 1) + product.reciprocal()


@register_kl(Exponential, Normal)
def _exponential_normal(p: Exponential, q: Normal) -> Tensor:
    var, rate2 = q.scale.pow(2), p.rate.pow(2)
    t1 = 0.5 * (rate2 * var * 2 * math.pi).log()
    return t1 - 1 + (rate2.reciprocal() - q.loc / p.rate + q.loc.pow(2) * 0.5) / var


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Gamma, q: Exponential) -> Tensor:
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Gamma, q: Gumbel) -> Tensor:
    c, product, loc = p.concentration, p.rate * q.scale, q.loc / q.scale
    t1 = (c - 1) * c.digamma() - c.lgamma() - c
    t2 = product.log() + c / product
    return t1 + t2 + loc.exp() * (1 + product.reciprocal()).pow(-c) - loc


@register_kl(Gamma, Normal)
def _gamma_normal(p: Gamma, q: Normal) -> Tensor:
    c, var, rate2 = p.concentration, q.scale.pow(2), p.rate.pow(2)
    t1 = 0.5 * (rate2 * var * 2 * math.pi).log() - c - c.lgamma()
    t2 = 0.5 * (c.pow(2) + c) / rate2 - q.loc * c / p.rate + 0.5 * q.loc.pow(2)
    return t1 + (c - 1) * c.digamma() + t2 / var


@register_kl(Gumbel, Normal)
def _gumbel_normal(p: Gumbel, q: Normal) -> Tensor:
    ratio = p.scale / q.scale
    t1 = (ratio / math.sqrt(2 * math.pi)).log()
    t2 = (math.pi * ratio * 0.5).pow(2) / 3
    t3 = ((p.loc + p.scale * euler_constant - q.loc) / q.scale).pow(2) * 0.5
    return -t1 + t2 + t3 - (euler_constant + 1)


@register_kl(Laplace, Normal)
def _laplace_normal(p: Laplace, q: Normal) -> Tensor:
    var = q.scale.pow(2)
    ratio = p.scale.pow(2) / var
    t1 = 0.5 * (2 * ratio / math.pi).log()
    t2 = 0.5 * p.loc.pow(2) - p.loc * q.loc + 0.5 * q.loc.pow(2)
    return -t1 + ratio + t2 / var - 1


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    mean, loc = p.loc / q.scale, q.loc / q.scale
    var = (p.scale / q.scale).pow(2)
    t3 = (-mean + 0.5 * var + loc).exp()
    return -var.log() * 0.5 + mean - loc + t3 - 0.5 * (1 + math.log(2 * math.pi))


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    distance = p.loc - q.loc
    z = distance / p.scale
    t2 = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.pow(2)).exp()
    t3 = distance * (math.sqrt(0.5) * z).erf()
    t1 = (p.scale / q.scale).log()
    return -t1 + (t2 + t3) / q.scale - 0.5 * (1 + math.log(0.5 * math.pi))


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Pareto, q: Exponential) -> Tensor:
    a, product = p.alpha, p.scale * q.rate
    kl = (a / product).log() - a.reciprocal() + a * product / (a - 1) - 1
    return _native.where(a <= 1, inf, kl)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Pareto, q: Gamma) -> Tensor:
    a, c = p.alpha, q.concentration
    common = p.scale.log() + a.reciprocal()
    t2 = c.lgamma() - c * q.rate.log()
    t4 = q.rate * a * p.scale / (a - 1)
    kl = a.log() - common + t2 + (1 - c) * common + t4 - 1
    return _native.where(a <= 1, inf, kl)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Pareto, q: Normal) -> Tensor:
    a, common = p.alpha, p.scale / (p.alpha - 1)
    t1 = (math.sqrt(2 * math.pi) * q.scale * a / p.scale).log()
    t3 = a * common.pow(2) / (a - 2) + (a * common - q.loc).pow(2)
    kl = t1 - a.reciprocal() + t3 / (2 * q.scale.pow(2)) - 1
    return _native.where(a <= 2, inf, kl)


def _mean_log(low: Tensor, high: Tensor) -> Tensor:
    """The mean of log x over [low, high]"""
    return (high.xlogy(high) - low.xlogy(low) - (high - low)) / (high - low)


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    t2 = (a - 1) * _mean_log(p.low, p.high)
    t3 = (b - 1) * _mean_log(1 - p.high, 1 - p.low)
    t4 = a.lgamma() + b.lgamma() - (a + b).lgamma()
    kl = t4 - t3 - (p.high - p.low).log() - t2
    return _native.where((p.high > 1) | (p.low < 0), inf, kl)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> Tensor:
    # As PyTorch has it: infinite, too, where p begins at 0 or ends at 1.
    kl = -p.entropy() - p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()
    return _native.where((p.high >= 1) | (p.low <= 0), inf, kl)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    kl = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    return _native.where(p.low < 0, inf, kl)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Uniform, q: Gamma) -> Tensor:
    c = q.concentration
    t2 = c.lgamma() - c * q.rate.log()
    t3 = (1 - c) * _mean_log(p.low, p.high)
    kl = t2 - (p.high - p.low).log() + t3 + q.rate * (p.high + p.low) / 2
    return _native.where(p.low < 0, inf, kl)


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Uniform, q: Gumbel) -> Tensor:
    common = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return common.log() + 0.5 * (high + low) - common * ((-high).exp() - (-low).exp())


@register_kl(Uniform, Normal)
def _uniform_normal(p: Uniform, q: Normal) -> Tensor:
    width = p.high - p.low
    t1 = (math.sqrt(math.pi * 2) * q.scale / width).log()
    t3 = ((p.high + p.low - 2 * q.loc) / 2).pow(2)
    return t1 + 0.5 * (width.pow(2) / 12 + t3) / q.scale.pow(2)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    t1 = (q.alpha * q.scale.pow(q.alpha) * (p.high - p.low)).log()
    kl = _mean_log(p.low, p.high) * (q.alpha + 1) - t1
    return _native.where(p.low < q.scale, inf, kl)
