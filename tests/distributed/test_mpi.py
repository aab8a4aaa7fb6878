"""Two ranks under an MPI, where there is one; what is said where there is none."""

import importlib.util
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

import wengert as wg
from tests.distributed.launch import begin, mpirun, run

needs_mpi = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or mpirun() is None, reason="no MPI is here"
)


def test_without_mpi4py_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(wg.distributed.DistNetworkError, match=r"wengert\[mpi\]"):
        wg.distributed.init_process_group()
    with pytest.raises(ValueError, match="backend 'nccl'"):
        wg.distributed.init_process_group("nccl")
    with pytest.raises(ValueError, match="has not been initialized"):
        wg.distributed.all_reduce(wg.ones(3))
    assert not wg.distributed.is_initialized()


def test_is_available_where_several_were_started(monkeypatch):
    assert not wg.distributed.is_available()
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    assert wg.distributed.is_available()
    monkeypatch.setenv("WENGERT_DISTRIBUTED", "0")
    assert not wg.distributed.is_available()


@needs_mpi
def test_collectives():
    status, out, err = run(2, "collectives.py")
    assert status == 0 and "all as NumPy has it" in out, err


@needs_mpi
def test_collectives_without_shared_memory():
    """As between nodes."""
    off = {"WENGERT_DISTRIBUTED_SHARED": "0"}
    status, out, err = run(2, "collectives.py", "few", environment=off)
    assert status == 0 and "all as NumPy has it" in out, err


@needs_mpi
def test_ranks_with_different_numbers_of_batches():
    status, out, err = run(2, "uneven.py")
    assert status == 0 and "as in one process" in out, err


@needs_mpi
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("train", "tabular.fit (all ranks together)"),
        ("shapes", "tabular.fit: rows, recipe and epochs must be the same on all ranks"),
        ("shard", "sharded gradients of the last exchange are there still"),
    ],
)
def test_what_only_some_ranks_do_is_an_error(what, message):
    status, _, err = run(2, "partly.py", what)
    assert status > 0 and message in err, err


KINDS = ["mlp:0:1:adam", "mlp:4:0:adam", "norm:4:1:adam", "dropout:4:0:adam", "mlp:0:0:zero",
         "mlp:0:1:zero", "mlp:0:0:shard", "mlp:4:1:shard"]  # fmt: skip


@needs_mpi
def test_two_ranks_train_as_one():
    runs = []
    for ranks, shared in ((1, "1"), (2, "1"), (2, "0")):
        own = {"WENGERT_DISTRIBUTED_SHARED": shared}
        status, out, err = run(ranks, "training.py", *KINDS, environment=own)
        assert status == 0, err
        runs.append([json.loads(line) for line in out.splitlines() if line.startswith("{")])
    one, two, apart = runs
    assert two == apart, "messages, as between nodes, give other bits than shared memory"
    assert [r["what"] for r in one] == [r["what"] for r in two] == KINDS
    for a, b in zip(one, two, strict=True):
        assert max(abs(x - y) for x, y in zip(a["losses"], b["losses"], strict=True)) < 1e-6
        if ":4:" in a["what"]:
            assert a == b, "the bits depend on the number of ranks"
    assert two[4]["bits"] == two[5]["bits"], "captured or not"


@needs_mpi
@pytest.mark.parametrize(("how", "call"), [("raise", "all_reduce"), ("stuck", "broadcast")])
def test_a_rank_that_fails_ends_all(how, call):
    status, _, err = run(2, "faults.py", how, call)
    assert status > 0, err
    assert ("this rank has failed" if how == "raise" else f"{call}: rank 0 of 2") in err
    if how == "stuck":
        assert "rank 1 does not answer" in err


def _lives(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@needs_mpi
@pytest.mark.parametrize("whom", ["launcher", "rank"])
def test_an_interrupt_ends_all(whom, tmp_path):
    child = begin(2, "endless.py", tmp_path)
    try:
        until = time.monotonic() + 30
        while not all((tmp_path / name).exists() for name in "01") and time.monotonic() < until:
            time.sleep(0.05)
        pids = [int((tmp_path / name).read_text()) for name in "01"]
        assert all(map(_lives, pids))
        time.sleep(0.2)
        os.kill(child.pid if whom == "launcher" else pids[1], signal.SIGINT)
        child.communicate(timeout=30)
        assert child.returncode != 0
        until = time.monotonic() + 10
        while any(map(_lives, pids)) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(map(_lives, pids))
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)


@needs_mpi
def test_a_run_goes_on_with_another_number_of_ranks(tmp_path):
    path = str(tmp_path / "run.pt")
    ends = []
    for ranks, what in ((4, "save"), (2, "resume"), (2, "whole")):
        status, out, err = run(ranks, "checkpoint.py", what, path)
        assert status == 0, err
        ends.append(out.split()[-1])
    assert ends[1] == ends[2] != ends[0]


@needs_mpi
def test_the_command_line_trains_on_all_ranks(tmp_path):
    path = tmp_path / "model.safetensors"
    status, out, err = run(2, "-m", "wengert", "train", "digits", "--epochs", "2", "--save", path)
    assert status == 0, err
    assert path.is_file() and out.count("test accuracy") == 1 and "2 ranks" in err
