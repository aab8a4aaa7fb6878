"""Samples of the special functions."""

import numpy as np

from tests.rows.sample import S, Sample, between, positive, real, special

SAMPLES: dict[str, list[Sample]] = {}


def below(*shape):
    """Between the poles at -4 and -3, and at -3 and -2."""
    return -2.2 - between(0.0, 0.6, *shape) - np.floor(between(0.0, 2.0, *shape))


for name in ("lgamma", "digamma"):
    SAMPLES[name] = [S(positive(*shape)) for shape in ((37,), (2, 3), (), (0, 3))]
    SAMPLES[name] += [S(below(7)).floats(), S(between(10.0, 900.0, 5))]
    SAMPLES[name].append(S(np.array([np.nan, 0.5, -2.5, 88.0, 1e30])).forward_only().floats())
for n in (0, 1, 2, 5):
    key = "polygamma(int, Tensor)"
    SAMPLES.setdefault(key, []).append(S(n, positive(3, 4)))
    SAMPLES[key].append(S(n, below(5)).floats())
SAMPLES["polygamma(Tensor, int)"] = [S(positive(3, 4), n) for n in (0, 1, 3)]
SAMPLES["erfinv"] = [S(between(-0.9, 0.9, *shape)) for shape in ((37,), (2, 3), (), (0, 3))]
SAMPLES["erfinv"].append(S(special()).forward_only().floats())
SAMPLES["erfinv"].append(S(np.array([1e-9, -1e-12, 0.9999, -0.99999])).forward_only().floats())
for name in ("igamma", "igammac"):
    SAMPLES[name] = [
        S(positive(4, 9), positive(4, 9)).hold(0),
        S(positive(3, 1), positive(2, 1, 4)).hold(0),
        S(between(5.0, 60.0, 7), between(5.0, 60.0, 7)).hold(0),
        S(positive(0, 3), positive(1, 3)).hold(0),
        S(
            np.array([0.0, 0.0, 1.0, np.inf, 2.0, -1.0, np.nan]),
            np.array([0.0, 2.0, 0.0, 2.0, np.inf, 1.0, 1.0]),
        )
        .forward_only()
        .floats(),
    ]
SAMPLES["gamma_density"] = [
    S(positive(4, 9), positive(4, 9)).floats(),
    S(between(21, 40, 3), between(5, 60, 3)).floats(),
]
SAMPLES["mvlgamma"] = [S(2.0 + positive(3, 4), p) for p in (1, 2, 5)] + [S(positive(), 1)]

# ---- Bessel functions, the normal distribution, polynomials

ANYWHERE = ("i0", "i0e", "i1", "i1e", "ndtr", "log_ndtr", "erfcx", "sinc")
for name in ANYWHERE:
    SAMPLES[name] = [S(real(*shape)) for shape in ((37,), (2, 3), (), (0, 3))]
    SAMPLES[name].append(S(between(-5.0, 5.0, 9)).floats())
    edges = special()
    if name in ("i0", "i1", "log_ndtr"):  # torch's are NaN at infinity, or their gradients are
        edges = edges[np.isfinite(edges)]
    SAMPLES[name].append(S(edges).forward_only().floats())
for name in ("i0e", "i1e", "ndtr", "log_ndtr"):
    SAMPLES[name].append(S(np.array([-60.0, -9.5, 40.0, 8.0])).forward_only().floats())
for name in ("sinc", "i0", "i1"):
    SAMPLES[name].append(S(np.array([0.0, 1.0, 2.5, -3.0])).forward_only().floats())
SAMPLES["ndtri"] = [S(between(0.05, 0.95, *shape)) for shape in ((37,), (2, 3), (), (0, 3))]
SAMPLES["ndtri"].append(
    S(np.array([0.0, 1.0, 1e-9, 0.5, 1 - 1e-6, -0.5, np.nan])).forward_only().floats()
)
SAMPLES["entr"] = [S(positive(*shape)) for shape in ((37,), (2, 3), (), (0, 3))]
SAMPLES["entr"].append(S(special()).forward_only().floats())
ALONE = (
    "bessel_j0 bessel_j1 bessel_y0 bessel_y1 modified_bessel_i0 modified_bessel_i1 "
    "modified_bessel_k0 modified_bessel_k1 scaled_modified_bessel_k0 scaled_modified_bessel_k1 "
    "spherical_bessel_j0 airy_ai"
)
for name in ALONE.split():
    SAMPLES[name] = [S(positive(*shape)) for shape in ((37,), (2, 3), (), (0, 3))]
    SAMPLES[name].append(S(between(2.0, 30.0, 9)).floats())
    for sample in SAMPLES[name]:
        sample.forward_only()
SAMPLES["airy_ai"].append(S(between(-30.0, -5.0, 9)).forward_only().floats())
SAMPLES["zeta"] = [
    S(1.5 + positive(3, 4), positive(3, 4)),
    S(2.0, positive(4)),
    S(1.5 + positive(4), 2),
    S(np.array([1.0, 0.5, 2.0, 2.5, 3.0]), np.array([2.0, 2.0, -1.0, -0.5, -0.5])).floats(),
]
POLYNOMIALS = (
    "chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w "
    "shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v "
    "shifted_chebyshev_polynomial_w hermite_polynomial_h hermite_polynomial_he "
    "laguerre_polynomial_l legendre_polynomial_p"
)
for name in POLYNOMIALS.split():
    SAMPLES[name] = [
        S(between(0.1, 0.9, 3, 1), np.arange(9.0)).floats(),
        S(between(-1.5, 1.5, 7), 3).floats(),
        S(0.5, np.arange(4.0)).floats(),
        S(np.array([0.3, 0.2]), np.array([-1.0, 2.0])).floats(),
    ]
for name in ("zeta", *POLYNOMIALS.split()):
    for sample in SAMPLES[name]:
        sample.forward_only()
