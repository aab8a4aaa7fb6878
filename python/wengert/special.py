"""Special functions under the names of `torch.special`; most are also in the package itself."""

from __future__ import annotations

from . import _native
from ._native import (
    digamma,
    erf,
    erfc,
    erfinv,
    exp2,
    expm1,
    i0,
    log1p,
    log_softmax,
    logit,
    logsumexp,
    polygamma,
    round,
    sinc,
    softmax,
    xlogy,
)

__all__ = [
    "airy_ai",
    "bessel_j0",
    "bessel_j1",
    "bessel_y0",
    "bessel_y1",
    "chebyshev_polynomial_t",
    "chebyshev_polynomial_u",
    "chebyshev_polynomial_v",
    "chebyshev_polynomial_w",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammainc",
    "gammaincc",
    "gammaln",
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "modified_bessel_i0",
    "modified_bessel_i1",
    "modified_bessel_k0",
    "modified_bessel_k1",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1",
    "shifted_chebyshev_polynomial_t",
    "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w",
    "sinc",
    "softmax",
    "spherical_bessel_j0",
    "xlog1py",
    "xlogy",
    "zeta",
]

expit = _native.sigmoid
gammainc = _native.igamma
gammaincc = _native.igammac
gammaln = _native.lgamma
multigammaln = _native.mvlgamma
psi = _native.digamma

# What only this module has.
airy_ai = _native.ops.airy_ai
bessel_j0 = _native.ops.bessel_j0
bessel_j1 = _native.ops.bessel_j1
bessel_y0 = _native.ops.bessel_y0
bessel_y1 = _native.ops.bessel_y1
chebyshev_polynomial_t = _native.ops.chebyshev_polynomial_t
chebyshev_polynomial_u = _native.ops.chebyshev_polynomial_u
chebyshev_polynomial_v = _native.ops.chebyshev_polynomial_v
chebyshev_polynomial_w = _native.ops.chebyshev_polynomial_w
entr = _native.ops.entr
erfcx = _native.ops.erfcx
hermite_polynomial_h = _native.ops.hermite_polynomial_h
hermite_polynomial_he = _native.ops.hermite_polynomial_he
i0e = _native.ops.i0e
i1 = _native.ops.i1
i1e = _native.ops.i1e
laguerre_polynomial_l = _native.ops.laguerre_polynomial_l
legendre_polynomial_p = _native.ops.legendre_polynomial_p
log_ndtr = _native.ops.log_ndtr
modified_bessel_i0 = _native.ops.modified_bessel_i0
modified_bessel_i1 = _native.ops.modified_bessel_i1
modified_bessel_k0 = _native.ops.modified_bessel_k0
modified_bessel_k1 = _native.ops.modified_bessel_k1
ndtr = _native.ops.ndtr
ndtri = _native.ops.ndtri
scaled_modified_bessel_k0 = _native.ops.scaled_modified_bessel_k0
scaled_modified_bessel_k1 = _native.ops.scaled_modified_bessel_k1
shifted_chebyshev_polynomial_t = _native.ops.shifted_chebyshev_polynomial_t
shifted_chebyshev_polynomial_u = _native.ops.shifted_chebyshev_polynomial_u
shifted_chebyshev_polynomial_v = _native.ops.shifted_chebyshev_polynomial_v
shifted_chebyshev_polynomial_w = _native.ops.shifted_chebyshev_polynomial_w
spherical_bessel_j0 = _native.ops.spherical_bessel_j0
xlog1py = _native.ops.xlog1py
zeta = _native.ops.zeta
