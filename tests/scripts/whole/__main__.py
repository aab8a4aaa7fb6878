"""Stores what the scripts print on PyTorch 2.13; `times` prints what they take on both."""

import json
import os
import resource
import subprocess
import sys
import tempfile

from tests.scripts.whole import HERE, NAMES, STORED, losses, words
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


def store():
    found = {}
    for name in NAMES:
        found[name] = losses(run(name)[0])
        print(name, len(found[name]), found[name][-1])
    lines = [f'"{name}": {json.dumps(numbers)}' for name, numbers in found.items()]
    STORED.write_text("{" + ",\n".join(lines) + "}\n")


def times():
    """A table of the fastest of some runs, as Markdown."""
    print("| script | words | wengert | PyTorch |\n|---|---|--:|--:|")
    for name in NAMES:
        ours = min(run(name, "-m", "wengert", "run")[1] for _ in range(RUNS))
        theirs = min(run(name)[1] for _ in range(RUNS))
        print(f"| {name} | `{' '.join(words(name))}` | {ours:.2f} | {theirs:.2f} |", flush=True)


if __name__ == "__main__":
    times() if sys.argv[1:] == ["times"] else store()
