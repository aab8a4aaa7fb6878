"""No call with wrong arguments may crash the process, hang, or give an exception that is not meant
for users; see calls.py.

WENGERT_CALLS is how many calls are made of each name (0: all there are), WENGERT_SEED chooses them.
"""

import mmap
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.errors import calls

ROOT = Path(__file__).resolve().parents[2]
EACH = int(os.environ.get("WENGERT_CALLS", 25))
SEED = int(os.environ.get("WENGERT_SEED", 0))
SILENT = 60  # seconds without a new call, in native code that nothing interrupts
DEATHS = 10  # of processes, before the rest is left out


def hangs(process, journal):
    """Waits for the end of the process; whether it had to be stopped."""
    last, since = None, time.monotonic()
    while True:
        try:
            process.wait(timeout=1)
            return False
        except subprocess.TimeoutExpired:
            number = journal[:12]
            if number != last:
                last, since = number, time.monotonic()
            elif time.monotonic() - since > SILENT:
                process.kill()
                process.wait()
                return True


def run(part, first, file, journal):
    """One process, from call `first` on: its return code, what it printed, and its error."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.errors.calls", part]
    command += [f"--each={EACH}", f"--seed={SEED}", f"--first={first}", f"--journal={file}"]
    with open(f"{file}.out", "w+") as out, open(f"{file}.err", "w+") as err:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=err, env=calls.environment()
        )
        stopped = hangs(process, journal)
        out.seek(0)
        err.seek(0)
        why = f"hangs for {SILENT} s" if stopped else f"dies ({process.returncode})"
        return process.returncode, out.read().splitlines(), f"{why}\n{err.read()[-3000:]}"


def complaints(part, folder):
    """What is wrong with the calls of a part, and how many were made. A process that dies is
    followed by another, from the next call on."""
    file = folder / "journal"
    file.write_bytes(bytes(calls.JOURNAL))
    found, made, first = [], 0, 0
    with open(file, "r+b") as opened, mmap.mmap(opened.fileno(), calls.JOURNAL) as journal:
        for _ in range(DEATHS):
            code, lines, error = run(part, first, file, journal)
            if code == 0:
                return found + lines[:-1], made + int(lines[-1].split()[0])
            number, text = calls.last_of(journal)
            found += [*lines, f"{number} {text}: {error}"]
            made += number + 1 - first
            first = number + 1
    return [*found, f"{DEATHS} processes died; the rest was left out"], made


@pytest.mark.parametrize("part", calls.PARTS)
def test_wrong_arguments(part, tmp_path):
    found, made = complaints(part, tmp_path)
    assert not found, f"{len(found)} of {made} calls:\n" + "\n".join(found)
    assert made > 1000
