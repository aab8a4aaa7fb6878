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
    log1p,
    log_softmax,
    logit,
    logsumexp,
    polygamma,
    round,
    softmax,
    xlogy,
)

__all__ = [
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammainc",
    "gammaincc",
    "gammaln",
    "log1p",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "polygamma",
    "psi",
    "round",
    "softmax",
    "xlogy",
]

expit = _native.sigmoid
gammainc = _native.igamma
gammaincc = _native.igammac
gammaln = _native.lgamma
multigammaln = _native.mvlgamma
psi = _native.digamma
