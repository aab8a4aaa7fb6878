"""Workers of a loader: PyTorch's batches and seeds, of processes or, of plain tensors, of a thread.

What processes do is in `test_processes.py`.
"""

import gc
import os
import random
import threading
import time

import numpy as np
import pytest

import wengert as wg
from wengert.utils.data import DataLoader, TensorDataset

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


def _datasets(t):
    """A map-style dataset and an iterable one that draw, in either library."""

    class Map(t.utils.data.Dataset):
        def __len__(self):
            return 23

        def __getitem__(self, index):
            own = random.random(), float(np.random.rand())
            return t.rand(2) + index, t.tensor(own, dtype=t.float64)

    class Stream(t.utils.data.IterableDataset):  # worker 1 has one sample
        def __iter__(self):
            info = t.utils.data.get_worker_info()
            worker, step = (0, 1) if info is None else (info.id, info.num_workers)
            return iter(
                [t.rand(1) + i for i in range(worker, 17, step)][: 1 if worker == 1 else 99]
            )

    table = t.utils.data.TensorDataset(t.arange(23), t.arange(46).reshape(23, 2))
    return {"map": Map(), "stream": Stream(), "tensors": table}


def _passes(t, kind, shuffle, workers, persistent):
    """Two passes, one of them cut short, among draws of the program's own."""
    t.manual_seed(5)
    loader = t.utils.data.DataLoader(
        _datasets(t)[kind],
        3,
        shuffle=shuffle,
        num_workers=workers,
        persistent_workers=persistent,
        multiprocessing_context="fork",
    )
    found = []
    for epoch in range(2):
        for i, batch in enumerate(loader):
            found.append([part.tolist() for part in batch])
            if i == 1:
                found.append(t.rand(1).tolist())
            if epoch == 0 and i == 4 and not persistent:
                break
    return [*found, t.rand(1).tolist()]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    ("kind", "shuffle"), [("map", False), ("map", True), ("stream", None), ("tensors", True)]
)
def test_batches_are_those_of_torch(kind, shuffle, workers, persistent):
    torch = pytest.importorskip("torch")
    ours = _passes(wg, kind, shuffle, workers, persistent)
    assert ours == _passes(torch, kind, shuffle, workers, persistent)


# ---- the thread --------------------------------------------------------------------------------


def readers():
    return [t for t in threading.enumerate() if t.name == "wengert DataLoader"]


def table(n):
    return TensorDataset(wg.arange(n), wg.arange(2.0 * n).reshape(n, 2))


@pytest.mark.parametrize("batch_size", [1, 7, 50])
def test_tensors_are_gathered_on_a_thread(batch_size):
    wg.manual_seed(1)
    plain = [[p.tolist() for p in b] for b in DataLoader(table(50), batch_size, shuffle=True)]
    wg.manual_seed(1)
    loader = DataLoader(table(50), batch_size, shuffle=True, num_workers=2)
    batches = iter(loader)
    assert len(readers()) >= 1
    assert [[p.tolist() for p in b] for b in batches] == plain and len(batches) == len(loader)
    assert next(batches, None) is None


def test_a_pass_that_is_dropped_ends_its_thread():
    deadline = time.monotonic() + 30
    while readers() and time.monotonic() < deadline:  # of other tests
        gc.collect()
        time.sleep(0.01)
    before = len(readers())
    batches = iter(DataLoader(table(1000), 1, num_workers=2))
    next(batches)
    assert len(readers()) == before + 1
    del batches
    while len(readers()) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(readers()) == before


def test_an_index_out_of_range_comes_to_the_caller_who_may_go_on():
    sampler = wg.utils.data.SubsetRandomSampler([0, 1, 99])
    batches = iter(DataLoader(table(3), 1, sampler=sampler, num_workers=1))
    seen = []
    for _ in range(3):
        try:
            seen.append(int(next(batches)[0]))
        except IndexError:
            seen.append(99)
    assert sorted(seen) == [0, 1, 99] and next(batches, None) is None


@pytest.mark.parametrize("context", [None, "fork"])
def test_a_forked_child_is_told_that_its_workers_are_gone(context):
    loader = DataLoader(table(100), 1, num_workers=1, multiprocessing_context=context)
    batches = iter(loader)
    next(batches)
    child = os.fork()
    if child == 0:
        try:
            for _ in range(100):
                next(batches)
        except RuntimeError as error:
            os._exit(0 if "forked process" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(batches)) == 99
