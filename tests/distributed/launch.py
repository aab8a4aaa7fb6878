"""Starting programs under an MPI, within a time."""

import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent / "programs"


@functools.cache
def mpirun():
    """The command, with what lets more ranks run than there are cores; None if there is none.

    Beside the interpreter first, where a package of the index puts it.
    """
    here = os.path.dirname(sys.executable)
    found = shutil.which("mpirun", path=os.pathsep.join((here, os.environ.get("PATH", ""))))
    if found is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    if "Open MPI" in version or "Open-MPI" in version:
        return [found, "--oversubscribe", "--bind-to", "none"]
    return [found]


def free_port():
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def begin(ranks, program, *arguments, environment=None):
    """Starts a program."""
    own = {
        **os.environ,
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        **(environment or {}),
    }
    start = [] if ranks == 0 else [*mpirun(), "-n", str(ranks)]
    return subprocess.Popen(
        [*start, sys.executable, *([program] if program == "-m" else [str(PROGRAMS / program)]),
         *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        env=own, start_new_session=True,
    )  # fmt: skip


def run(ranks, program, *arguments, seconds=100, environment=None):
    """Runs a program; (exit status, stdout, stderr). Its processes are gone afterwards."""
    child = begin(ranks, program, *arguments, environment=environment)
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGTERM)  # mpirun ends its ranks
        try:
            out, err = child.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, err = child.communicate()
        return -1, out, f"{err}\nnot over after {seconds} s"
    return child.returncode, out, err
