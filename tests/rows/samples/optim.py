"""Samples of optimizer steps, made of the table of optimizers, and of clipping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.optim.table import CASES, Row
from tests.rows.sample import S, Sample, real

SAMPLES: dict[str, list[Sample]] = {}


def samples(row: Row, options: dict[str, Any]) -> Iterator[Sample]:
    """The first step and the third: parameters, gradients, state."""
    params, found = [real(3, 4), real(5)], [{}, {}]
    for i in range(3):
        grads = [real(3, 4), real(5)]
        before = [dict(state) for state in found]
        after = [row.step(*x, **options) for x in zip(params, grads, found, strict=True)]
        lists = [
            np.asarray(old.get(name, 0 * new[name] + row.first(name, options)), dtype=float)
            for name, _ in row.states
            for old, new in zip(before, found, strict=True)
            if name in new
        ]
        if i != 1:
            yield S([*params, *grads, *lists], count=2, fresh=i == 0, **row.attributes(options))
        params = after


for row, options in CASES:
    for sample in samples(row, options):
        SAMPLES.setdefault(row.op, []).append(sample.floats())

SAMPLES["clip_update"] = [
    S([real(3, 4), real(5), np.array(4.0)], 2, 1.0).floats(),
    S([real(3, 4), np.array(0.5)], 1, 1.0).floats(),
]
for found in SAMPLES.values():
    for sample in found:
        sample.forward_only()
