from __future__ import annotations

import math

from .. import _native
from .._native import Tensor
from ..autograd.grad_mode import no_grad
from . import constraints
from .distribution import Distribution
from .utils import Param, Shape, broadcast_all, lazy_property

__all__ = ["VonMises"]

# I_0(x), and I_1(x) / x, in (x / 3.75)^2 below 3.75; sqrt(x) exp(-x) I(x) in 3.75 / x above.
# Abramowitz and Stegun, 9.8.1 to 9.8.4, as PyTorch has them.
_SMALL = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.360768e-1, 0.45813e-2),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.2658733e-1, 0.301532e-2, 0.32411e-3),
)
# fmt: off
_LARGE = (
    (0.39894228, 0.1328592e-1, 0.225319e-2, -0.157565e-2, 0.916281e-2, -0.2057706e-1,
     0.2635537e-1, -0.1647633e-1, 0.392377e-2),
    (0.39894228, -0.3988024e-1, -0.362018e-2, 0.163801e-2, -0.1031555e-1, 0.2282967e-1,
     -0.2895312e-1, 0.1787654e-1, -0.420059e-2),
)
# fmt: on


def _polynomial(y: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    result = _native.full_like(y, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = c + y * result
    return result


def _log_bessel(x: Tensor, order: int) -> Tensor:
    """log I_0(x) or log I_1(x), x > 0"""
    small = _polynomial((x / 3.75) * (x / 3.75), _SMALL[order])
    if order == 1:
        small = x.abs() * small
    large = x - 0.5 * x.log() + _polynomial(3.75 / x, _LARGE[order]).log()
    return _native.where(x < 3.75, small.log(), large)


class VonMises(Distribution):
    """An angle in [-pi, pi): exp(concentration cos(x - loc)) / (2 pi I_0(concentration))

    `mean` and `variance` are circular ones. Samples are drawn in float64 by rejection, Best and
    Fisher, "Efficient simulation of the von Mises distribution", 1979: how many numbers that
    takes depends on what is drawn, so a captured function cannot.
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Param, concentration: Param, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: VonMises | None = None) -> VonMises:
        return self._expand(VonMises, batch_shape, _instance, "loc", "concentration")

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        log_prob = self.concentration * (value - self.loc).cos()
        return log_prob - math.log(2 * math.pi) - _log_bessel(self.concentration, 0)

    def _proposal_r(self) -> Tensor:
        """The parameter of the wrapped Cauchy distribution that is proposed from."""
        kappa = self.concentration.double()
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return _native.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with no_grad():
            loc, kappa, r = self.loc.double(), self.concentration.double(), self._proposal_r()
            x = _native.zeros(self._extended_shape(sample_shape), dtype=_native.float64)
            done = _native.zeros(x.shape, dtype=_native.bool)
            while not done.all():
                u1, u2, u3 = _native.rand((3, *x.shape), dtype=x.dtype).unbind()
                z = (math.pi * u1).cos()
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                x = _native.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                done = done | accept
            return ((x + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Tensor:
        """1 - I_1(concentration) / I_0(concentration)"""
        c = self.concentration
        return 1 - (_log_bessel(c, 1) - _log_bessel(c, 0)).exp()
