"""Libraries that are written for PyTorch run on wengert, with PyTorch's results."""

import re

import numpy as np
import pytest

from tests.ecosystem import NAMES, SCRIPTS, environment, missing, stored, values
from tests.test_as_torch import start

#: Of the numbers themselves, or absolutely: that of float32 after so few steps.
BOUND = 1e-4


def run(name, tmp_path, *launcher, words=(), **more):
    if missing(name):
        pytest.skip(f"not installed: {', '.join(missing(name))}")
    status, out, err = start(
        *launcher, SCRIPTS / f"{name}.py", *words, cwd=tmp_path, env=environment(**more)
    )
    assert status == 0, err
    return out


def agree(name, found, expected):
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(found, expected, rtol=BOUND, atol=BOUND, err_msg=name)


def test_the_scripts_know_nothing_of_wengert():
    for name in NAMES:
        assert not re.search("wengert", (SCRIPTS / f"{name}.py").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_torch(name, tmp_path):
    agree(name, values(run(name, tmp_path, "-m", "wengert", "run")), stored()[name])


@pytest.mark.parametrize(
    "name, way", [("transformers_gpt2", "to torch"), ("transformers_bert", "from torch")]
)
def test_saved_models_go_both_ways(name, way, tmp_path, oracle):
    """`save_pretrained` on one, `from_pretrained` on the other."""
    ours = ("-m", "wengert", "run")
    first, second = (ours, ()) if way == "to torch" else ((), ours)
    out = run(name, tmp_path, *first)
    again = run(name, tmp_path, *second, words=["--load"])
    agree(name, values(again), values(out.splitlines()[-1]))


def test_the_tests_of_einops(tmp_path):
    pytest.importorskip("einops")
    status, out, err = start(
        "-m", "wengert", "run", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs",
        "einops.tests", cwd=tmp_path, env=environment(EINOPS_TEST_BACKENDS="numpy,torch"),
    )  # fmt: skip
    assert status == 0 and re.search(r"\b6\d passed", out), out + err
