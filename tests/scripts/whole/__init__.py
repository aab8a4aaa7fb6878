"""Programs written for PyTorch as people write them, which know nothing of wengert.

Each is run as it is, by `wengert run` and by Python on PyTorch, with the words of its first line
and the folder of the digits in DATA. What it prints behind the word "loss" is what is compared. No
bias stands before a batch norm: its gradient is rounding alone, which Adam makes a step of.

    python -m tests.scripts.whole

stores what they print on PyTorch.
"""

import json
import re
import shlex
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("__"))
STORED = HERE / "losses.json"
_LOSS = re.compile(r"loss:? ?\t?([-+]?\d[\d.]*(?:e[-+]?\d+)?)", re.IGNORECASE)


def words(name):
    """What stands behind the name of the script."""
    first = (HERE / f"{name}.py").read_text().splitlines()[0]
    return shlex.split(first.removeprefix("# run:"))


def losses(output):
    """The numbers behind the word."""
    return [float(number) for number in _LOSS.findall(output)]


def stored():
    """What PyTorch gives, by the name of the script."""
    return json.loads(STORED.read_text())
