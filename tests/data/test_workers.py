"""Workers of a loader: PyTorch's batches and seeds, made ahead on a thread."""

import gc
import os
import threading
import time

import pytest

import wengert as wg
from wengert.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info


def _datasets(t):
    """A map-style dataset and an iterable one that draw, in either library."""

    class Map(t.utils.data.Dataset):
        def __len__(self):
            return 23

        def __getitem__(self, index):
            return t.rand(2) + index

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


def test_each_worker_has_its_number_seed_and_copy():
    class Data(Dataset):
        offset = 0

        def __len__(self):
            return 4

        def __getitem__(self, index):
            info = get_worker_info()
            assert info.dataset is self and self is not data
            assert wg.initial_seed() == info.seed
            return index + self.offset, info.id

    def init(worker):
        info = get_worker_info()
        info.dataset.offset = 10 * worker
        seeds.append((worker, info.num_workers, info.seed, wg.initial_seed()))

    data, seeds = Data(), []
    wg.manual_seed(3)
    base = int(wg.empty((), dtype=wg.int64).random_().item())
    wg.manual_seed(3)
    batches = [b for pair in DataLoader(data, 1, num_workers=2, worker_init_fn=init) for b in pair]
    assert [int(b) for b in batches] == [0, 0, 11, 1, 2, 0, 13, 1]
    assert seeds == [(0, 2, base, base), (1, 2, base + 1, base + 1)]
    assert data.offset == 0 and get_worker_info() is None


def test_persistent_workers_begin_once():
    calls = []
    loader = DataLoader(
        range(20), 2, num_workers=2, persistent_workers=True, worker_init_fn=calls.append
    )
    first = iter(loader)
    next(first)
    assert [b.tolist() for b in loader] == [[i, i + 1] for i in range(0, 20, 2)]
    assert calls == [0, 1]
    with pytest.raises(RuntimeError, match="another pass"):
        list(first)
    again = DataLoader(range(4), 2, num_workers=2, worker_init_fn=calls.append)
    assert len(list(again)) == len(list(again)) == len(again) == 2
    assert calls == [0, 1] * 3


@pytest.mark.parametrize("factor", [None, 1, 3])
def test_batches_are_made_before_they_are_asked_for(factor):
    made = [threading.Event() for _ in range(20)]

    class Data(Dataset):
        def __len__(self):
            return len(made)

        def __getitem__(self, index):
            made[index].set()
            return index

    batches = iter(DataLoader(Data(), 1, num_workers=2, prefetch_factor=factor))
    ahead = 2 * (factor or 2)
    assert made[ahead - 1].wait(30)
    time.sleep(0.05)
    assert not made[ahead].is_set()
    next(batches)
    assert made[ahead].wait(30)


class Faulty(Dataset):
    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 6

    def __getitem__(self, index):
        if index == 2:
            raise self.error
        return index


@pytest.mark.parametrize("error", [LookupError("no file"), SystemExit(3), KeyboardInterrupt()])
def test_what_a_worker_raises_comes_to_the_caller_who_may_go_on(error):
    batches = iter(DataLoader(Faulty(error), 2, num_workers=2))
    assert next(batches).tolist() == [0, 1]
    with pytest.raises(type(error)) as caught:
        next(batches)
    assert caught.traceback[-1].name == "__getitem__"
    assert next(batches).tolist() == [4, 5]
    assert next(batches, None) is None


def test_the_end_of_data_is_no_error_of_a_dataset():
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(DataLoader(Faulty(StopIteration()), 2, num_workers=1))


def test_what_worker_init_fn_raises_comes_with_the_first_batch():
    def init(worker):
        raise LookupError("no file")

    with pytest.raises(LookupError, match="no file"):
        next(iter(DataLoader(range(4), 2, num_workers=1, worker_init_fn=init)))
    assert len(list(DataLoader(range(4), 2, worker_init_fn=init))) == 2  # no worker, no call


def test_a_batch_that_does_not_come_times_out():
    goes_on = threading.Event()

    class Slow(Faulty):
        def __getitem__(self, index):
            goes_on.wait(30)
            return index

    batches = iter(DataLoader(Slow(None), 2, num_workers=1, timeout=0.05))
    with pytest.raises(RuntimeError, match=r"timed out after 0.05 seconds"):
        next(batches)
    goes_on.set()


def test_a_pass_that_is_dropped_ends_its_thread():
    def readers():
        return [t for t in threading.enumerate() if t.name == "wengert DataLoader"]

    deadline = time.monotonic() + 30
    while readers() and time.monotonic() < deadline:  # of other tests
        gc.collect()
        time.sleep(0.01)
    before = len(readers())
    batches = iter(DataLoader(range(1000), 1, num_workers=2))
    next(batches)
    assert len(readers()) == before + 1
    del batches
    while len(readers()) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(readers()) == before


def test_an_iterable_dataset_divides_itself_or_is_given_to_each():
    class Whole(IterableDataset):
        def __iter__(self):
            return iter(range(4))

    batches = [b.tolist() for b in DataLoader(Whole(), 3, num_workers=2)]
    assert batches == [[0, 1, 2], [0, 1, 2], [3], [3]]
    assert list(DataLoader(Whole(), None, num_workers=1)) == [0, 1, 2, 3]


def test_a_forked_child_is_told_that_its_reader_is_gone():
    batches = iter(DataLoader(TensorDataset(wg.arange(100)), 1, num_workers=1))
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
