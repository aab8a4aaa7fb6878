"""Libraries written for PyTorch, unedited, under `wengert run`.

Each script of `scripts/` uses one as its users do, knows nothing of wengert, and runs on both. Its
first line names the packages that it needs. What it prints behind "value" is compared, what it
prints behind "seconds" is the CPU's time of the work itself.

    python -m tests.ecosystem           # stores what they print on PyTorch
    python -m tests.ecosystem times     # a table of seconds on both, by turns
"""

import importlib.util
import json
import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = HERE / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
STORED = HERE / "values.json"
#: Nothing is downloaded, one thread, and warnings of the libraries are theirs.
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "WENGERT_NUM_THREADS": "1",
               "PYTHONWARNINGS": "ignore", "TOKENIZERS_PARALLELISM": "false"}  # fmt: skip
_VALUES = re.compile(r"^value(.*)$", re.MULTILINE)
_NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?|nan|inf")


def needs(name):
    """The packages that a script imports."""
    first = (SCRIPTS / f"{name}.py").read_text().splitlines()[0]
    return first.removeprefix("# needs:").split()


def missing(name):
    """Those of them that are not installed."""
    return [package for package in needs(name) if importlib.util.find_spec(package) is None]


def values(output):
    """The numbers of the lines that begin with "value"."""
    return [float(n) for line in _VALUES.findall(output) for n in _NUMBER.findall(line)]


def seconds(errors):
    """What stands behind "seconds" in the standard error."""
    return float(re.findall(r"^seconds (\S+)$", errors, re.MULTILINE)[-1])


def stored():
    """What PyTorch gives, by the name of the script."""
    return json.loads(STORED.read_text())


def environment(**more):
    """For a process that is not under wengert yet, whose `python` is this one."""
    paths = [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    kept = {k: v for k, v in os.environ.items() if k != "WENGERT_AS_TORCH"}
    programs = os.pathsep.join((os.path.dirname(sys.executable), kept.get("PATH", os.defpath)))
    return {**kept, "PATH": programs, "PYTHONPATH": os.pathsep.join(paths), **ENVIRONMENT, **more}
