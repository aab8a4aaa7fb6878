"""Programs as people write them, run by `wengert run`: PyTorch's losses."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from tests.scripts.whole import HERE, NAMES, losses, stored, words
from tests.test_as_torch import environment, start
from wengert import datasets

DATA = str(Path(datasets.__file__).parent)
#: Relative, of float32 after so few steps. A game whose moves depend on the network goes on less.
TOLERANCE = {"dqn": 2e-3}
#: What a script imports that may be missing.
NEEDED = {"forecast": "pandas", "tabular": "sklearn", "unet": "tqdm"}


def test_the_scripts_know_nothing_of_wengert():
    assert len(NAMES) >= 20
    for name in NAMES:
        assert not re.search("wengert", (HERE / f"{name}.py").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_those_of_torch(name, tmp_path):
    if name in NEEDED:
        pytest.importorskip(NEEDED[name])
    status, out, err = start(
        "-m", "wengert", "run", HERE / f"{name}.py", *words(name),
        cwd=tmp_path, env=environment(DATA=DATA, PYTHONPATH=os.pathsep.join(paths())),
    )  # fmt: skip
    assert status == 0, err
    found, expected = losses(out), stored()[name]
    assert len(found) == len(expected) > 0, out
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE.get(name, 2e-4), atol=2e-5)


def paths():
    """Where Python finds this wengert, absolute, as the script runs elsewhere."""
    return [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
