"""The benchmarks' own parts: which sizes of a sample grow, and by how much."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.rows.sample import arrays
from tests.rows.table import ROWS, SAMPLES, outputs, run

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))
import op_roles

KEYS = [key for key in ROWS if SAMPLES.get(key) and op_roles.roles(key, 0)]


def elements(key, sample):
    sizes = [a.size for a in arrays(sample)]
    return sizes + [int(np.prod(y.shape)) for y in outputs(run(ROWS[key], sample))]


@pytest.mark.parametrize("key", KEYS)
def test_rows_run_at_any_size_of_each_letter(key):
    for number, sample in enumerate(SAMPLES[key]):
        plain, letters = elements(key, sample), set("".join(op_roles.roles(key, number).values()))
        for letter in letters - {"."}:
            grown = elements(key, op_roles.scale(key, number, {letter: 2}))
            assert sum(grown) > sum(plain) or 0 in plain, (number, letter)


def test_kernels_stay_and_channels_agree():
    key = next(key for key in KEYS if key.startswith("conv2d("))
    x, w, b = op_roles.scale(key, 0, {"n": 4, "c": 5, "o": 6, "p": 7}).args
    assert (x.shape, w.shape, b.shape) == ((8, 15, 42, 49), (24, 15, 3, 3), (24,))
    depthwise = next(i for i, s in enumerate(SAMPLES[key]) if s.args[3:] == (1, 1, 1, 4))
    x, w, *_, groups = op_roles.scale(key, depthwise, {"c": 5}).args
    assert (x.shape[1], w.shape[1], groups) == (20, 1, 20)


@pytest.mark.parametrize("target", [1, 64, 60_000, 1_500_000])
def test_factors_reach_the_target_and_do_not_pass_it(target):
    tensors = ((252, {"n": 1.0, "c": 1.0, "p": 2.0}), (12, {"n": 0.0, "c": 1.0, "p": 0.0}))
    f = op_roles.factors_for(tensors, target)
    size = 252 * f["n"] * f["c"] * f["p"] ** 2
    assert size <= target or set(f.values()) == {1}
    assert all(size * (v + 1) / v > target for k, v in f.items() if k != "p")
