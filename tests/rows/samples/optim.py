"""Samples of optimizer steps: parameters, gradients, state."""

import numpy as np

from tests.rows.sample import S, Sample, positive, real

SAMPLES: dict[str, list[Sample]] = {}

PAIR = [real(3, 4), real(5), real(3, 4), real(5)]
STATE = [positive(3, 4), positive(5), positive(3, 4), positive(5)]
STEPS = [np.array(3.0), np.array(3.0)]
SAMPLES["sgd_update"] = [
    S(PAIR, 2, 0.1, 0.0, 0.0, 0.01, False, False, False).floats(),
    S(PAIR + STATE[:2], 2, 0.1, 0.9, 0.2, 0.01, True, True, False).floats(),
    S(PAIR + STATE[:2], 2, 0.1, 0.9, 0.2, 0.0, False, False, True).floats(),
]
SAMPLES["adam_update"] = [
    S(PAIR + STATE + STEPS, 2, 0.1, 0.9, 0.99, 1e-8, 0.01, False, False, False).floats(),
    S(PAIR + STATE + STEPS, 2, 0.1, 0.9, 0.99, 1e-8, 0.01, False, True, True).floats(),
    S(
        PAIR + STATE + [positive(3, 4), positive(5)] + STEPS,
        *(2, 0.1, 0.9, 0.99, 1e-8, 0.0, True, False, False),
    ).floats(),
]
SAMPLES["clip_update"] = [
    S([real(3, 4), real(5), np.array(4.0)], 2, 1.0).floats(),
    S([real(3, 4), np.array(0.5)], 1, 1.0).floats(),
]
for name in ("sgd_update", "adam_update", "clip_update"):
    for sample in SAMPLES[name]:
        sample.forward_only()
