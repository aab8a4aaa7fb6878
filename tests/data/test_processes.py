"""Workers as processes: every way to start them, what they send, how they fail and how they end."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from tests.data import worker_data as data
from wengert.utils.data import DataLoader

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]
ROOT = Path(__file__).resolve().parents[2]
METHODS = ("fork", "spawn", "forkserver")
# What worker 1 of 2 draws first for the base seed that manual_seed(3) gives: as PyTorch's does.
STORED = [2.7470175623893738, 2.8290408253669739, 0.09049729754573688, 0.13554666]


def loaded(dataset, seed=3, **options):
    wg.manual_seed(seed)
    loader = DataLoader(dataset, 2, **options)
    found = [[_plain(part) for part in batch] for batch in loader]
    return found, wg.rand(1).tolist()


def _plain(part):
    return part.tolist() if isinstance(part, wg.Tensor) else part


def use_threads():
    """The pool's threads and one of Python's, which hold locks while processes begin."""
    x = wg.rand(300, 300)
    (x @ x).sum().item()
    thread = threading.Thread(target=lambda: [x @ x for _ in range(30)])
    thread.start()
    return thread


def ended(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


# ---- the same batches --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workers", "dataset", "shuffle"), [(1, data.Streaming(), None), (3, data.Drawing(), True)]
)
def test_every_start_method_makes_the_same_batches(workers, dataset, shuffle):
    use_threads().join()
    found = [
        loaded(dataset, shuffle=shuffle, num_workers=workers, multiprocessing_context=method)
        for method in METHODS
    ]
    assert found[0] == found[1] == found[2] and len(found[0][0]) == 7


def test_no_hang_after_threads():
    wanted = loaded(data.Drawing(), num_workers=3, multiprocessing_context="fork")
    for _ in range(5):
        thread = use_threads()
        assert loaded(data.Drawing(), num_workers=3, multiprocessing_context="fork") == wanted
        thread.join()


def test_draws_of_a_worker_are_pytorch_s():
    batches, _ = loaded(data.Drawing(), num_workers=2, multiprocessing_context="fork")
    tensors, python, numpy, _ = batches[1]
    found = [*tensors[0], python[0], numpy[0]]
    assert found == pytest.approx(STORED, abs=1e-6)


def test_each_worker_has_its_number_seed_and_copy():
    wg.manual_seed(3)
    base = int(wg.empty((), dtype=wg.int64).random_().item())
    wg.manual_seed(3)
    where = data.Where()
    found = [
        [int(part) for part in batch]
        for batch in DataLoader(where, 1, num_workers=2, worker_init_fn=data.set_offset)
    ]
    pids = [row.pop() for row in found]
    assert found == [[i + 10 * (i % 2), i % 2, 2, base + i % 2, base + i % 2, 1] for i in range(4)]
    assert pids[0] == pids[2] != pids[1] and os.getpid() not in pids and where.offset == 0
    assert wg.utils.data.get_worker_info() is None


def test_persistent_workers_stay_and_others_do_not():
    def pids(loader):
        return [int(batch[-1]) for batch in loader]

    loader = DataLoader(data.Where(), 1, num_workers=2, persistent_workers=True)
    before = pids(loader)
    first = iter(loader)
    next(first)
    assert pids(loader) == before
    with pytest.raises(RuntimeError, match="another pass"):
        list(first)
    del loader, first
    gc.collect()
    assert wait_until(lambda: all(map(ended, before)))
    again = DataLoader(data.Where(), 1, num_workers=2)
    assert not set(pids(again)) & set(pids(again))


# ---- what is sent ------------------------------------------------------------------------------


def test_all_that_a_batch_may_hold():
    plain = data.Kinds()[0]
    (found,) = DataLoader(
        data.Kinds(), None, num_workers=1, collate_fn=data.as_they_are,
        multiprocessing_context="fork",
    )  # fmt: skip
    assert list(found) == list(plain)
    for name, value in plain.items():
        other = found[name]
        assert type(other) is type(value), name
        if isinstance(value, wg.Tensor):
            assert other.dtype == value.dtype and other.tolist() == value.tolist()
            assert other.requires_grad == value.requires_grad
        elif isinstance(value, np.ndarray):
            assert other.dtype == value.dtype and other.tolist() == value.tolist()
            assert other.flags.writeable or other.dtype.kind == "U"
        else:
            assert other == value
    assert found["t"].stride() == plain["t"].stride()
    found["big"].add_(1)
    assert found["big"][0] == 100_000


def test_large_batches_are_sent_both_ways_and_need_no_descriptors():
    open_files = len(os.listdir("/proc/self/fd"))
    loader = DataLoader(
        data.Big(), 4, num_workers=2, collate_fn=data.as_they_are, prefetch_factor=4
    )
    kept = list(loader)
    assert len(os.listdir("/proc/self/fd")) <= open_files + 2
    for i, sample in enumerate(sample for batch in kept for sample in batch):
        assert sample["image"].mean() == i and sample["array"].mean() == i
        assert len(sample["text"]) == 80_000
    indices = [list(range(8)) * 20_000] * 3  # larger than a socket's buffer
    loader = DataLoader(range(8), batch_sampler=indices, num_workers=1)
    assert [len(batch) for batch in loader] == [160_000] * 3


# ---- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LookupError, KeyError, ValueError, StopIteration, "own"])
def test_what_a_worker_raises_comes_with_its_traceback_and_the_pass_goes_on(kind):
    raised = RuntimeError if kind in ("own", StopIteration) else kind
    batches = iter(DataLoader(data.Failing(kind), 2, num_workers=2))
    assert next(batches).tolist() == [0, 1]
    with pytest.raises(raised) as caught:
        next(batches)
    assert type(caught.value) is raised
    text = str(caught.value)
    assert "in DataLoader worker process 1.\nOriginal Traceback" in text and "__getitem__" in text
    assert next(batches).tolist() == [4, 5]
    assert next(batches, None) is None


@pytest.mark.parametrize(("kind", "text"), [("history", "detach"), ("lambda", "pickle")])
def test_what_cannot_be_sent_is_an_error(kind, text):
    batches = iter(DataLoader(data.Failing(kind), 1, num_workers=1, collate_fn=data.as_they_are))
    assert next(batches) == [0] and next(batches) == [1]
    with pytest.raises((RuntimeError, AttributeError), match=text):
        next(batches)
    assert next(batches) == [3]


@pytest.mark.parametrize(
    ("kind", "text"),
    [("kill", "killed by signal: Killed"), ("exit", "exit code 3"), ("interrupt", "exit code 0")],
)
def test_a_worker_that_is_gone_is_an_error_with_its_pid(kind, text):
    batches = iter(DataLoader(data.Failing(kind), 2, num_workers=2))
    assert next(batches).tolist() == [0, 1]
    with pytest.raises(RuntimeError, match=rf"pid.* \d+.*{text}"):
        next(batches)


def test_a_batch_that_does_not_come_times_out():
    batches = iter(DataLoader(data.Failing("sleep", 0), 2, num_workers=1, timeout=0.2))
    pid = batches._batches._crew.links[0].process.pid
    begun = time.monotonic()
    with pytest.raises(RuntimeError, match=r"timed out after 0.2 seconds"):
        next(batches)
    os.kill(pid, signal.SIGKILL)  # else ending it would take its grace
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("method", METHODS)
def test_what_worker_init_fn_raises_comes_with_the_first_batch(method):
    loader = DataLoader(
        range(4), 2, num_workers=1, worker_init_fn=data.fail_to_begin,
        multiprocessing_context=method,
    )  # fmt: skip
    with pytest.raises(LookupError, match="no file"):
        next(iter(loader))
    assert len(list(DataLoader(range(4), 2, worker_init_fn=data.fail_to_begin))) == 2


def test_wrong_contexts():
    with pytest.raises(ValueError, match="valid start method"):
        DataLoader(range(4), num_workers=1, multiprocessing_context="thread")
    with pytest.raises(TypeError, match="valid context"):
        DataLoader(range(4), num_workers=1, multiprocessing_context=3)


# ---- ends --------------------------------------------------------------------------------------


def test_a_pass_that_is_dropped_ends_its_processes():
    batches = iter(DataLoader(data.Where(), 1, num_workers=2))
    pids = [int(next(batches)[-1]) for _ in range(2)]
    assert not any(map(ended, pids))
    del batches
    gc.collect()
    assert wait_until(lambda: all(map(ended, pids)))


PROGRAM = """
import os, signal, sys, time
from tests.data import worker_data as data
from wengert.utils.data import DataLoader

if __name__ == "__main__":
    # What a background job of a shell ignores, a program in a terminal does not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    loader = DataLoader(data.Where(), 1, num_workers=2, multiprocessing_context=sys.argv[1],
                        persistent_workers=True)
    batches = iter(loader)
    print(*(int(next(batches)[-1]) for _ in range(2)), flush=True)
    {end}
"""


@pytest.mark.parametrize(
    ("method", "end", "sent"),
    [
        ("fork", "pass", None),
        ("spawn", "raise SystemExit(0)", None),
        ("fork", "time.sleep(60)", signal.SIGINT),
        ("forkserver", "time.sleep(60)", signal.SIGKILL),
        ("fork", "time.sleep(60)", signal.SIGKILL),
    ],
)
def test_a_program_that_ends_leaves_no_process_behind(tmp_path, method, end, sent):
    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(PROGRAM).replace("{end}", end))
    program = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script), method],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )  # fmt: skip
    pids = [int(word) for word in program.stdout.readline().split()]
    if sent == signal.SIGINT:
        os.killpg(program.pid, sent)  # as a terminal does
    elif sent is not None:
        program.send_signal(sent)
    _, errors = program.communicate(timeout=60)
    assert len(pids) == 2, errors
    assert wait_until(lambda: all(map(ended, pids)), 20)
    assert errors.count("Traceback") == (sent == signal.SIGINT), errors
    assert program.returncode == (0 if sent is None else -sent)


# ---- batches as they are ready -----------------------------------------------------------------


def test_batches_that_come_as_they_are_ready():
    """Worker 0 waits at its first batch, with another asked for, until the last one has come."""
    dataset = data.Waits(8)
    loader = DataLoader(dataset, 1, num_workers=2, in_order=False,
                        multiprocessing_context="fork", timeout=60)  # fmt: skip
    batches = iter(loader)
    found = [int(next(batches))]
    with pytest.raises(RuntimeError, match="in_order=False"):
        loader.state_dict()
    for batch in batches:
        found.append(int(batch))
        dataset.done += found[-1] == 7
    assert found == [1, 3, 4, 5, 6, 7, 0, 2] and loader.state_dict()["batches"] is None
