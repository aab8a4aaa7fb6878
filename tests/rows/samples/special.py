"""Samples of the special functions."""

import numpy as np

from tests.rows.sample import S, Sample, between, positive, special

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
