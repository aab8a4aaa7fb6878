"""Samples of matrix products."""

import wengert as wg
from tests.rows.sample import S, Sample, real

SAMPLES: dict[str, list[Sample]] = {}

SAMPLES["mm"] = [S(real(3, 5), real(5, 4)), S(real(2, 0), real(0, 3)), S(real(0, 2), real(2, 3))]
SAMPLES["bmm"] = [S(real(2, 3, 5), real(2, 5, 4)), S(real(0, 2, 3), real(0, 3, 2))]
SAMPLES["linear"] = [
    S(real(3, 5), real(4, 5), real(4)),
    S(real(3, 5), real(4, 5)),
    S(real(5), real(4, 5), real(4)),
    S(real(2, 3, 5), real(4, 5), bias=real(4)),
    S(real(0, 5), real(4, 5), real(4)),
    S(real(5), real(5)),
]
SAMPLES["linear_backward"] = [
    S(real(3, 4), real(3, 5), real(4, 5)),
    S(real(1, 4), real(1, 5), real(4, 5)),
    S(real(0, 4), real(0, 5), real(4, 5)),
    S(real(64, 120), real(64, 130), real(120, 130)).forward_only(),  # on two threads
]
SAMPLES["linear_activation"] = [
    S(real(3, 5), real(4, 5), real(4), None, 0.0, 0.0, 0.0, 0.0, False).forward_only(),
    S(real(3, 5), real(4, 5), None, None, 0.0, 0.0, 0.0, 0.0, False).forward_only(),
    S(real(33, 40), real(50, 40), real(50), None, 0.0, 0.0, 0.0, 0.0, False).forward_only(),
    S(real(3, 5), real(4, 5), real(4), wg.relu, 0.0, 0.0, 0.0, 0.0, False).forward_only(),
]
SAMPLES["mm_pointwise"] = [
    S(real(3, 5), real(5, 4), real(3, 4), None, 0.0, 0.0, 0.0, 0.0).forward_only(),
    S(real(33, 40), real(40, 50), real(33, 50), None, 0.0, 0.0, 0.0, 0.0).forward_only(),
    S(real(3, 5), real(5, 4), real(3, 4), wg.hypot, 0.0, 0.0, 0.0, 0.0).forward_only(),
]
SAMPLES["matmul"] = [
    S(real(5), real(5)),
    S(real(3, 5), real(5)),
    S(real(5), real(5, 4)),
    S(real(3, 5), real(5, 4)),
    S(real(2, 3, 5), real(5, 4)),
    S(real(2, 3, 5), real(5)),
    S(real(5), real(2, 5, 3)),
    S(real(2, 1, 3, 5), real(4, 5, 2)),
    S(real(0, 3, 5), real(5, 2)),
    S(real(19, 33), real(33, 17)),
]
SAMPLES["mv"] = [S(real(3, 5), real(5)), S(real(3, 0), real(0))]
SAMPLES["dot"] = [S(real(5), real(5)), S(real(0), real(0))]
SAMPLES["bilinear"] = [
    S(real(4, 2), real(4, 3), real(5, 2, 3), real(5)),
    S(real(2, 4, 2), real(2, 4, 3), real(1, 2, 3)),
    S(real(2), real(3), real(2, 2, 3)),
]
SAMPLES["outer"] = [S(real(3), real(4)), S(real(0), real(2))]
SAMPLES["inner"] = [
    S(real(5), real(5)),
    S(real(3, 5), real(2, 4, 5)),
    S(real(3), real()),
    S(real(0, 3), real(2, 3)),
    S(real(2, 0), real(3, 0)),
]
SAMPLES["trace"] = [S(real(3, 3)), S(real(2, 4)), S(real(4, 2)), S(real(0, 3))]
SAMPLES["addmm"] = [
    S(real(3, 4), real(3, 5), real(5, 4)),
    S(real(4), real(3, 5), real(5, 4), beta=2, alpha=3),
    S(real(3, 1), real(3, 5), real(5, 4), beta=0),
    S(real(), real(3, 0), real(0, 4)),
]
SAMPLES["addmv"] = [S(real(3), real(3, 5), real(5)), S(real(), real(3, 5), real(5), beta=2)]
SAMPLES["addmv"].append(S(real(3), real(3, 5), real(5), alpha=3))
SAMPLES["baddbmm"] = [
    S(real(2, 3, 4), real(2, 3, 5), real(2, 5, 4)),
    S(real(4), real(2, 3, 5), real(2, 5, 4), beta=2, alpha=3),
]
