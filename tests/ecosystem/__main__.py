"""Stores what the scripts print on PyTorch 2.13; `times` prints what they take on both."""

import json
import subprocess
import sys
import tempfile

from tests.ecosystem import NAMES, SCRIPTS, STORED, environment, missing, seconds, values

TURNS = 3


def run(name, *launcher):
    """(standard output, standard error) of a script in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, *launcher, SCRIPTS / f"{name}.py"],
            cwd=folder, env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(f"{name}: {done.stderr}")
    return done.stdout, done.stderr


def store(names):
    found = json.loads(STORED.read_text()) if STORED.is_file() else {}
    for name in names:
        found[name] = values(run(name)[0])
        print(name, len(found[name]), found[name][-1])
    lines = [f'"{name}": {json.dumps(found[name])}' for name in sorted(found)]
    STORED.write_text("{" + ",\n".join(lines) + "}\n")


def times(names):
    """A table of medians, as Markdown. Runs alternate, so that a busy machine hinders both."""
    print("| script | wengert | PyTorch | ratio |\n|---|--:|--:|--:|")
    for name in names:
        pairs = [
            (seconds(run(name, "-m", "wengert", "run")[1]), seconds(run(name)[1]))
            for _ in range(TURNS)
        ]
        ours, theirs = (sorted(column)[TURNS // 2] for column in zip(*pairs, strict=True))
        ratio = sorted(b / a for a, b in pairs)[TURNS // 2]
        print(f"| {name} | {ours:.3f} | {theirs:.3f} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    chosen = [name for name in sys.argv[1:] if name in NAMES] or NAMES
    able = [name for name in chosen if not missing(name)]
    times(able) if "times" in sys.argv[1:] else store(able)
