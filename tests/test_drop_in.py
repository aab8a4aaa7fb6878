"""`import wengert as torch`: the script of the examples gives PyTorch's losses, step by step."""

import json
from pathlib import Path

import pytest

import wengert as wg

HERE = Path(__file__).parent
SCRIPT = HERE.parent / "examples" / "pytorch_script.py"
#: What the script's losses are with torch 2.13.0 on a CPU.
STORED = HERE / "drop_in_losses.json"
TOLERANCE = 1e-4


def losses(module):
    """The losses of the script run on the module of that name."""
    source = SCRIPT.read_text()
    assert len(source.splitlines()) <= 40
    line = "import wengert as torch\n"
    assert source.count(line) == 1
    names = {"__name__": "script"}
    exec(compile(source.replace(line, f"import {module} as torch\n"), SCRIPT.name, "exec"), names)
    return names["losses"]


@pytest.mark.quick
def test_losses_are_the_stored_ones_of_torch(capsys):
    assert losses("wengert") == pytest.approx(json.loads(STORED.read_text()), abs=TOLERANCE)


def test_losses_are_those_of_torch(oracle, capsys):
    assert losses("wengert") == pytest.approx(losses("torch"), abs=TOLERANCE)


def test_losses_do_not_depend_on_the_number_of_threads(capsys):
    wg.set_num_threads(1)
    one = losses("wengert")
    wg.set_num_threads(2)
    assert losses("wengert") == one
