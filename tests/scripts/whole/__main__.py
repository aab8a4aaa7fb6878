"""Stores what the scripts print on PyTorch 2.13; `times` prints what they take on both.

python -m tests.scripts.whole [NAME...]
python -m tests.scripts.whole times [NAME...]
"""

import json
import os
import resource
import subprocess
import sys
import tempfile

from tests.scripts.whole import HERE, NAMES, STORED, losses, stored, words
from wengert import datasets

ENVIRONMENT = {**os.environ, "DATA": os.path.dirname(datasets.__file__), "OMP_NUM_THREADS": "1"}
RUNS = 3


def run(name, *launcher):
    """(standard output, seconds of the CPU) of a script."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, *launcher, HERE / f"{name}.py", *words(name)],
            cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(f"{name}: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def store(names):
    found = stored() if STORED.exists() else {}
    for name in names:
        found[name] = losses(run(name)[0])
        print(name, len(found[name]), found[name][-1])
    lines = [f'"{name}": {json.dumps(found[name])}' for name in NAMES if name in found]
    STORED.write_text("{" + ",\n".join(lines) + "}\n")


def times(names):
    """A table of the fastest of some runs, of which each follows one on the other, as Markdown."""
    print("| script | words | wengert | PyTorch |\n|---|---|--:|--:|")
    for name in names:
        pairs = [(run(name, "-m", "wengert", "run")[1], run(name)[1]) for _ in range(RUNS)]
        ours, theirs = map(min, zip(*pairs, strict=True))
        print(f"| {name} | `{' '.join(words(name))}` | {ours:.2f} | {theirs:.2f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["times"]:
        times(sys.argv[2:] or NAMES)
    else:
        store(sys.argv[1:] or NAMES)
