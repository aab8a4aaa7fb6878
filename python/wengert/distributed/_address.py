"""A group made from an address: processes that no launcher of MPI has started.

Note [address]
MPICH asks the process manager that has started it who the others are, by lines of text over a
socket (PMI, version 1). Where a launcher only says rank, world size and the address of rank 0, as
torchrun and Ray do, rank 0 starts a small server that answers these questions, and each process
names it to MPI before that is loaded. Each keeps a line of its own to the server, which tells the
others when that breaks: a process that is killed is known at once.
Run as a program this file is the server; it needs nothing of the package.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import socket
import subprocess
import sys
import threading
import time
from typing import NamedTuple

_HELLO = "wengert"
#: The port for processes of torchrun, whose own server has the port that it names.
_BESIDE = 1


class Address(NamedTuple):
    """Where rank 0 is, and which of how many processes this one is."""

    host: str
    port: int
    rank: int
    size: int


# ---- a process -------------------------------------------------------------------------------


def told(init_method: str | None, rank: int, size: int) -> Address | None:
    """What `init_method` or the environment says; None if it says nothing of other processes.

    ValueError for an address that is none, or that lacks rank and world size.
    """
    tcp = init_method is not None and init_method.startswith("tcp://")
    env = os.environ
    rank = int(env.get("RANK", -1)) if rank < 0 else rank
    size = int(env.get("WORLD_SIZE", -1)) if size < 0 else size
    if tcp and init_method is not None:
        host, _, port = init_method[6:].partition("?")[0].rpartition(":")
        if not host or not port.isdecimal() or rank < 0 or size < 1:
            raise ValueError(
                "init_process_group: init_method 'tcp://HOST:PORT' needs both, and rank and "
                f"world_size; got {init_method!r}, rank {rank} and world_size {size}"
            )
        found = Address(host.strip("[]"), int(port), rank, size)
    elif rank >= 0 and size > 1 and "MASTER_ADDR" in env and "MASTER_PORT" in env:
        beside = _BESIDE if env.get("TORCHELASTIC_USE_AGENT_STORE") == "True" else 0
        found = Address(env["MASTER_ADDR"], int(env["MASTER_PORT"]) + beside, rank, size)
    else:
        return None
    if not 0 <= rank < size:
        raise ValueError(f"init_process_group: rank {rank}, of {size} from 0")
    return None if size == 1 else found


class Line:
    """The line to the server: `gone()` are the ranks whose lines have broken."""

    def __init__(self, address: Address, seconds: float) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        if address.rank == 0:
            self._server = _start(address)
        end = time.monotonic() + seconds
        while True:
            try:
                self._socket = socket.create_connection((address.host, address.port), timeout=5)
                break
            except OSError as error:
                if time.monotonic() > end or (self._server and self._server.poll() is not None):
                    raise OSError(
                        f"rank {address.rank}: no way to rank 0 at {address.host}:{address.port}: "
                        f"{error}"
                    ) from error
                time.sleep(0.05)
        self._text, self._broken = "", False
        self._join(address, end)

    def _join(self, address: Address, end: float) -> None:
        """Waits until all ranks have come."""
        self._say(f"{_HELLO} {address.rank} {address.size}")
        asked = False
        while True:
            self._socket.settimeout(max(1.0, end - time.monotonic()))
            try:
                answer = self._socket.recv(4096).decode(errors="replace").strip()
            except TimeoutError:
                if asked:
                    answer = "something that does not answer"
                else:
                    asked = True
                    self._say("who")
                    continue
            if answer == "welcome":
                return
            raise OSError(
                f"rank {address.rank} of {address.size}: at {address.host}:{address.port} there is "
                + (answer or "something else")
            )

    def _say(self, text: str) -> None:
        self._socket.sendall(text.encode() + b"\n")

    def gone(self) -> list[int]:
        """Ranks that have gone since this was asked last; -1 is the server."""
        while not self._broken and select.select([self._socket], [], [], 0)[0]:
            data = self._socket.recv(4096)
            self._broken = not data
            self._text += data.decode()
        *lines, self._text = self._text.split("\n")
        return [int(line) for line in lines if line] + ([-1] if self._broken else [])

    def leave(self) -> None:
        """This process ends, and nobody waits for it."""
        with contextlib.suppress(OSError):
            self._say("leave")


def _start(address: Address) -> subprocess.Popen[bytes]:
    host = address.host if address.host in ("localhost", "127.0.0.1", "::1") else ""
    server = subprocess.Popen(
        [sys.executable, "-I", __file__, host, str(address.port), str(address.size)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert server.stdout is not None
    said = server.stdout.readline().decode().strip()
    if said != "ready":
        raise OSError(f"rank 0 cannot listen at {address.host}:{address.port}: {said}")
    return server


def variables(address: Address) -> dict[str, str]:
    """What MPICH reads when it is loaded."""
    return {
        "PMI_PORT": f"{address.host}:{address.port}", "PMI_ID": str(address.rank),
        "PMI_RANK": str(address.rank), "PMI_SIZE": str(address.size),
    }  # fmt: skip


# ---- the server ------------------------------------------------------------------------------


class Server:
    """Answers the processes of one group, and ends with the last of them."""

    def __init__(self, host: str, port: int, size: int) -> None:
        self._listener = socket.create_server((host, port))
        self._size = size
        self._lock = threading.Lock()
        self._values: dict[str, str] = {}
        self._waiting: list[io.BufferedIOBase] = []
        self._lines: dict[int, socket.socket] = {}
        self._left: set[int] = set()
        self._open = 0
        self._name = f"wengert_{os.getpid()}_{time.time_ns()}"  # MPICH calls its memory by it

    def run(self) -> None:
        """Until all that have come are gone, or rank 0 before any has come."""
        self._listener.settimeout(1.0)
        parent = os.getppid()
        while self._open or os.getppid() == parent:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(None)
            with self._lock:
                self._open += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        stream = connection.makefile("rwb")
        rank: int | None = None
        try:
            for raw in stream:
                line = raw.decode(errors="replace").strip()
                if line.startswith(_HELLO + " "):
                    rank = self._welcome(connection, line)
                elif line == "leave" and rank is not None:
                    self._left.add(rank)
                elif line == "who":
                    here = ", ".join(map(str, sorted(self._lines)))
                    _tell(stream, f"a group of {self._size}, of which ranks {here} have come")
                elif line.startswith("cmd="):
                    with self._lock:
                        self._answer(stream, line)
                else:
                    break
        except (OSError, ValueError, KeyError):  # broken, or lines of something else
            pass
        connection.close()
        with self._lock:
            if rank is not None:
                self._broken(rank)
            self._open -= 1
            if not self._open:
                os._exit(0)

    def _welcome(self, connection: socket.socket, line: str) -> int | None:
        rank, size = (int(word) for word in line.split()[1:])
        with self._lock:
            wrong = ""
            if size != self._size:
                wrong = f"a group of {self._size} processes, not of {size}"
            elif rank in self._lines or rank in self._left:
                wrong = f"a group that has a rank {rank}"
            if wrong:
                connection.sendall(f"{wrong}\n".encode())
                return None
            self._lines[rank] = connection
            if len(self._lines) == self._size:
                for line_of in self._lines.values():
                    line_of.sendall(b"welcome\n")
        return rank

    def _broken(self, rank: int) -> None:
        """Tells the others, unless it has taken its leave."""
        del self._lines[rank]
        if rank in self._left:
            return
        self._left.add(rank)
        for other in self._lines.values():
            with contextlib.suppress(OSError):
                other.sendall(f"{rank}\n".encode())

    def _answer(self, stream: io.BufferedIOBase, line: str) -> None:
        """A question of MPICH."""
        words = dict(word.split("=", 1) for word in line.split(" ") if "=" in word)
        command = words["cmd"]
        if command == "barrier_in":
            self._waiting.append(stream)
            if len(self._waiting) == self._size:
                for other in self._waiting:
                    _tell(other, "cmd=barrier_out rc=0")
                self._waiting = []
            return
        if command == "put":
            self._values[words["key"]] = line.partition(" value=")[2]
        found = self._values.get(words.get("key", ""))
        get = f"cmd=get_result rc=0 msg=success value={found}"
        _tell(stream, *{
            "initack": ["cmd=initack rc=0", f"cmd=set size={self._size}",
                        f"cmd=set rank={words.get('pmiid')}", "cmd=set debug=0"],
            "init": ["cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0"],
            "get_maxes": ["cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024 rc=0"],
            "get_appnum": ["cmd=appnum appnum=0 rc=0"],
            "get_my_kvsname": [f"cmd=my_kvsname kvsname={self._name} rc=0"],
            "get_universe_size": [f"cmd=universe_size size={self._size} rc=0"],
            "put": ["cmd=put_result rc=0 msg=success"],
            "get": ["cmd=get_result rc=-1 msg=key_not_found value=unknown"
                    if found is None else get],
            "finalize": ["cmd=finalize_ack rc=0"],
        }.get(command, []))  # fmt: skip


def _tell(stream: io.BufferedIOBase, *lines: str) -> None:
    stream.write("".join(f"{line}\n" for line in lines).encode())
    stream.flush()


def main() -> None:
    """HOST PORT SIZE"""
    host, port, size = sys.argv[1:]
    try:
        server = Server(host, int(port), int(size))
    except OSError as error:
        print(error, flush=True)
        sys.exit(1)
    print("ready", flush=True)
    server.run()


if __name__ == "__main__":
    main()
