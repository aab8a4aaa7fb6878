"""Stores what the scripts print on PyTorch 2.13."""

import json
import os
import subprocess
import sys
import tempfile

from tests.scripts.whole import HERE, NAMES, STORED, losses, words
from wengert import datasets


def main():
    environment = {**os.environ, "DATA": os.path.dirname(datasets.__file__), "OMP_NUM_THREADS": "1"}
    found = {}
    for name in NAMES:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, HERE / f"{name}.py", *words(name)],
                cwd=folder, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
        if done.returncode:
            sys.exit(f"{name}: {done.stderr}")
        found[name] = losses(done.stdout)
        print(name, len(found[name]), found[name][-1])
    lines = [f'"{name}": {json.dumps(numbers)}' for name, numbers in found.items()]
    STORED.write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
