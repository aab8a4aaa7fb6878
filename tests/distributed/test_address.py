"""Processes that meet at an address: the server by itself, and with MPICH where that is there."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.distributed.launch import PROGRAMS, free_port
from wengert.distributed._address import Address, Line, told


def lines(port, size, ranks, seconds=20):
    """What each rank gets: its line, or the error."""
    found = {}

    def join(rank):
        try:
            found[rank] = Line(Address("127.0.0.1", port, rank, size), seconds)
        except OSError as error:
            found[rank] = str(error)

    threads = [threading.Thread(target=join, args=(rank,)) for rank in ranks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def until(holds, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    return False


def test_what_says_where_the_others_are(monkeypatch):
    for name in (
        "RANK",
        "WORLD_SIZE",
        "MASTER_ADDR",
        "MASTER_PORT",
        "TORCHELASTIC_USE_AGENT_STORE",
    ):
        monkeypatch.delenv(name, raising=False)
    assert told(None, -1, -1) is None and told("env://", 0, 1) is None
    assert told("tcp://10.0.0.1:295", 1, 2) == Address("10.0.0.1", 295, 1, 2)
    assert told("tcp://[fe80::1]:295", 1, 2) == Address("fe80::1", 295, 1, 2)
    assert told("tcp://10.0.0.1:295", 0, 1) is None
    for wrong in (("tcp://10.0.0.1", 0, 2), ("tcp://h:1", -1, 2), ("tcp://h:1", 2, 2)):
        with pytest.raises(ValueError, match="init_process_group"):
            told(*wrong)
    values = {"RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "a", "MASTER_PORT": "9"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert told(None, -1, -1) == Address("a", 9, 1, 4)
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    assert told("env://", -1, -1) == Address("a", 10, 1, 4)


def test_the_server_brings_all_together_and_tells_who_is_gone():
    port = free_port()
    found = lines(port, 3, range(3))
    assert all(isinstance(line, Line) for line in found.values()), found
    with socket.create_connection(("127.0.0.1", port)) as asker:
        asker.sendall(b"cmd=put kvsname=a key=k value=some words=1\n")
        asker.sendall(b"cmd=get kvsname=a key=k\ncmd=get kvsname=a key=other\n")
        text = b""
        while text.count(b"\n") < 3:
            text += asker.recv(1000)
        _, one, none = text.decode().splitlines()
        assert one.endswith("value=some words=1") and "rc=-1" in none
    assert found[0].gone() == []
    found[1].leave()
    found[1]._socket.close()
    found[2]._socket.close()
    assert until(lambda: found[0].gone() == [2]), "1 has taken its leave"
    server = found[0]._server
    found[0]._socket.close()
    assert server.wait(10) == 0
    server.stdout.close()


def test_those_who_do_not_meet_are_named():
    port = free_port()
    found = lines(port, 3, range(2), seconds=1)
    assert "a group of 3, of which ranks 0, 1 have come" in found[0]
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        found = lines(port, 2, [0, 1], seconds=1)
    assert "cannot listen" in found[0] and "does not answer" in found[1]


def mpich():
    """Whether mpi4py loads MPICH, asked in another process."""
    code = "from mpi4py import MPI; print(MPI.Get_library_version())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return "MPICH" in done.stdout


def started(port, size, program, *arguments):
    own = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMI_", "LOCAL_"))} | {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(size),
    }
    return [
        subprocess.Popen(
            [sys.executable, str(PROGRAMS / program), *map(str, arguments)],
            env=own | {"RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(size)
    ]  # fmt: skip


def test_a_group_of_processes_that_no_launcher_of_mpi_has_started(tmp_path):
    if not mpich():
        pytest.skip("no MPICH is here")
    ranks = started(free_port(), 2, "uneven.py")
    ends = [rank.communicate(timeout=60) for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], ends
    assert "as in one process" in ends[0][0]
    ranks = started(free_port(), 2, "endless.py", tmp_path)
    assert until(lambda: all((tmp_path / name).exists() for name in "01"), 30)
    os.kill(ranks[1].pid, signal.SIGKILL)
    _, err = ranks[0].communicate(timeout=30)
    assert ranks[0].returncode > 0 and "rank 1 is gone" in err
    ranks[1].communicate()
