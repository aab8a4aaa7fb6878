"""A loader's `state_dict`: a pass that goes on in the middle, in this process or another one."""

import io
import random

import numpy as np
import pytest

import wengert as wg
from tests.data import worker_data as data
from wengert.utils.data import DataLoader, RandomSampler, TensorDataset, WeightedRandomSampler

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


def saved(value):
    stream = io.BytesIO()
    wg.save(value, stream)
    stream.seek(0)
    return wg.load(stream)


def plain(batch):
    parts = batch if isinstance(batch, (list, tuple)) else [batch]
    return [part.tolist() for part in parts]


def seed_all(n):
    wg.manual_seed(n)
    random.seed(n)
    np.random.seed(n)


def global_state():
    return wg.get_rng_state(), random.getstate(), np.random.get_state()


def set_global_state(state):
    wg.set_rng_state(state[0])
    random.setstate(state[1])
    np.random.set_state(state[2])


def table():
    return TensorDataset(wg.arange(13), wg.arange(26.0).reshape(13, 2))


def loaders():
    g = wg.Generator

    def seeded():
        return g().manual_seed(4)

    for workers in (0, 2):
        yield (
            f"shuffled-{workers}",
            lambda w=workers: DataLoader(data.Drawing(), 2, shuffle=True, num_workers=w),
        )
        yield (
            f"generator-{workers}",
            lambda w=workers: DataLoader(
                data.Drawing(), 2, shuffle=True, num_workers=w, generator=seeded()
            ),
        )
        yield f"sampler-{workers}", lambda w=workers: DataLoader(
            data.Drawing(), 2, num_workers=w,
            sampler=RandomSampler(range(13), True, 70, generator=seeded()),
        )  # fmt: skip
        yield (
            f"global-{workers}",
            lambda w=workers: DataLoader(
                data.Drawing(), 2, num_workers=w, sampler=WeightedRandomSampler([1.0] * 13, 13)
            ),
        )
        yield f"stream-{workers}", lambda w=workers: DataLoader(data.Streaming(), 2, num_workers=w)
        yield f"counting-{workers}", lambda w=workers: DataLoader(data.Counting(), 2, num_workers=w)
        yield (
            f"tensors-{workers}",
            lambda w=workers: DataLoader(table(), 3, shuffle=True, num_workers=w),
        )
    yield (
        "persistent",
        lambda: DataLoader(data.Drawing(), 2, shuffle=True, num_workers=2, persistent_workers=True),
    )


@pytest.mark.parametrize("done", [0, 1, 4])
@pytest.mark.parametrize(("name", "make"), list(loaders()), ids=[name for name, _ in loaders()])
def test_a_pass_goes_on_where_it_was(name, make, done):
    seed_all(7)
    loader = make()
    batches = iter(loader)
    for _ in range(done):
        next(batches)
        wg.rand(1)  # the program's own
    state, state_of_process = saved(loader.state_dict()), global_state()
    wanted = [plain(batch) for batch in batches]
    wanted_next = [plain(batch) for batch in loader] if name != "persistent" else None
    wanted_draw = wg.rand(1).tolist()

    seed_all(99)
    again = make()
    set_global_state(state_of_process)
    again.load_state_dict(state)
    assert [plain(batch) for batch in again] == wanted
    if wanted_next is not None:
        assert [plain(batch) for batch in again] == wanted_next
        assert wg.rand(1).tolist() == wanted_draw


def test_a_state_after_break_and_between_passes():
    seed_all(1)
    loader = DataLoader(data.Drawing(), 2, shuffle=True, generator=wg.Generator().manual_seed(2))
    for i, _ in enumerate(loader):
        if i == 2:
            break
    middle, process = loader.state_dict(), global_state()
    again = DataLoader(data.Drawing(), 2, shuffle=True, generator=wg.Generator())
    set_global_state(process)
    again.load_state_dict(middle)
    assert again.state_dict()["batches"] == 3
    assert len(list(again)) == len(loader) - 3
    state, process = again.state_dict(), global_state()
    assert state["batches"] is None
    wanted = [plain(batch) for batch in again]
    third = DataLoader(data.Drawing(), 2, shuffle=True, generator=wg.Generator())
    third.load_state_dict(state)
    set_global_state(process)
    assert [plain(batch) for batch in third] == wanted


def test_wrong_states():
    loader = DataLoader(table(), 2, num_workers=2)
    with pytest.raises(ValueError, match="what state_dict has given"):
        loader.load_state_dict({})
    with pytest.raises(ValueError, match="num_workers=0, this one has 2"):
        loader.load_state_dict(DataLoader(table()).state_dict())
    state = loader.state_dict()
    with pytest.raises(ValueError, match="lacks turn"):
        loader.load_state_dict({k: v for k, v in state.items() if k != "turn"})
    with pytest.raises(ValueError, match="2 workers"):
        loader.load_state_dict({**state, "asked": [5]})
    failing = DataLoader(data.Drawing(), 2, num_workers=2)
    next(batches := iter(failing))
    state = failing.state_dict()
    state["random"][0] = (b"abc", (3, b"", None), ("MT19937", b"", 0, 0, 0.0))
    del batches
    again = DataLoader(data.Drawing(), 2, num_workers=2)
    again.load_state_dict(state)
    with pytest.raises(ValueError, match="no state of random numbers"):
        [plain(batch) for batch in again]


def train(loader, model, optimizer, steps):
    losses = []
    while len(losses) < steps:
        for batch in loader:
            x = batch[0].float()
            loss = wg.nn.functional.dropout(model(x), 0.5).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) == steps:
                break
    return losses


@pytest.mark.parametrize("workers", [0, 2])
def test_training_resumes_bit_by_bit(workers):
    def make():
        model = wg.nn.Linear(2, 3)
        loader = DataLoader(data.Drawing(), 2, shuffle=True, num_workers=workers)
        return loader, model, wg.optim.Adam(model.parameters(), 0.1)

    seed_all(5)
    loader, model, optimizer = make()
    train(loader, model, optimizer, 10)
    state = [loader.state_dict(), model.state_dict(), optimizer.state_dict()]
    process = global_state()
    # What goes on is begun anew too: the loop has been left.
    seed_all(6)
    one = make()
    for part, value in zip(one, saved(state), strict=True):
        part.load_state_dict(value)
    set_global_state(process)
    first = train(*one, 10)
    two = make()
    for part, value in zip(two, saved(state), strict=True):
        part.load_state_dict(value)
    set_global_state(process)
    assert train(*two, 10) == first
    seed_all(5)
    whole = make()
    losses, batches = [], iter(whole[0])
    for _ in range(20):
        batch = next(batches, None)
        if batch is None:
            batches = iter(whole[0])
            batch = next(batches)
        loss = wg.nn.functional.dropout(whole[1](batch[0].float()), 0.5).pow(2).mean()
        whole[2].zero_grad()
        loss.backward()
        whole[2].step()
        losses.append(loss.item())
    assert losses[10:] == first
