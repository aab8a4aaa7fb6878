"""Loops in native code: `Captured.run` does what the loop over a DataLoader does, bit by bit."""

import itertools
import signal
import sys
import time

import numpy as np
import pytest

import wengert as wg
from wengert.nn import functional as F
from wengert.utils.data import DataLoader, TensorDataset

ROWS = 103


def data(rows=ROWS):
    generator = wg.Generator()
    generator.manual_seed(5)
    inputs = wg.randn(rows, 4, generator=generator)
    return inputs, wg.randint(0, 3, (rows,), generator=generator)


class Training:
    """A network with all that has state: Adam, dropout, a schedule within the step."""

    def __init__(self, scheduled=True):
        self.scheduled = scheduled
        wg.manual_seed(1)
        self.network = wg.nn.Sequential(
            wg.nn.Linear(4, 8), wg.nn.Tanh(), wg.nn.Dropout(0.2), wg.nn.Linear(8, 3)
        )
        self.optimizer = wg.optim.Adam(self.network.parameters(), lr=0.01)
        self.schedule = wg.optim.lr_scheduler.ExponentialLR(self.optimizer, 0.99)

    def __call__(self, inputs, wanted):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.network(inputs), wanted)
        loss.backward()
        self.optimizer.step()
        if self.scheduled:
            self.schedule.step()
        return loss

    def steps(self):
        return int(self.optimizer.state[self.network[0].weight]["step"])

    def state(self):
        """Everything the training changes, as lists."""
        values = [v.tolist() for v in self.network.state_dict().values()]
        for parameter in self.network.parameters():
            state = self.optimizer.state[parameter]
            values += [(name, wg.as_tensor(state[name]).tolist()) for name in sorted(state)]
        return [*values, self.optimizer.param_groups[0]["lr"], wg.get_rng_state().tolist()]


def plain(step, tensors, batch_size, epochs=1, after_epoch=None, **options):
    """The loop that `run` stands for."""
    loader = DataLoader(TensorDataset(*tensors), batch_size, **options)
    losses = []
    for epoch in range(epochs):
        for batch in loader:
            losses.append(step(*batch).item())
        if after_epoch is not None:
            after_epoch(epoch)
    return losses


def compare(tensors, batch_size, epochs=1, generator=None, **options):
    """Runs both loops from the same state; the captured function of the second."""

    def start():
        training = Training()
        wg.manual_seed(2)
        if generator is not None:
            options["generator"] = generator()
        return training

    training = start()
    losses, state = plain(training, tensors, batch_size, epochs, **options), training.state()
    drawn = options["generator"].get_state().tolist() if generator else None
    training = start()
    step = wg.capture(training)
    found = step.run(tensors, batch_size, epochs=epochs, **options)
    assert found.tolist() == losses
    assert found.dtype == wg.float32 and found.shape == (len(losses),)
    assert training.state() == state
    if generator:
        assert options["generator"].get_state().tolist() == drawn
    return step


# ---- the same as the loop over a loader ----------------------------------------------------------


@pytest.mark.quick
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [16, 103, 200, 51])
def test_same_as_the_loop_over_a_loader(shuffle, drop_last, batch_size):
    compare(data(), batch_size, 3, shuffle=shuffle, drop_last=drop_last)


def test_whole_and_partial_batches_are_replayed():
    step = compare(data(), 16, epochs=10, shuffle=True)
    hits, misses, _, programs = step.cache_info()
    assert hits + misses == 70
    assert misses <= 4
    assert programs == 2


def test_one_row_batches_and_batch_size_default():
    inputs = wg.arange(5.0)
    step = wg.capture(lambda x: x * 2)
    assert step.run(inputs).tolist() == [0, 2, 4, 6, 8]


def seeded():
    generator = wg.Generator()
    generator.manual_seed(9)
    return generator


@pytest.mark.parametrize("generator", [seeded, lambda: wg.default_generator])
def test_own_generator(generator):
    """Also the one that dropout draws from: then it matters when the order is drawn."""
    compare(data(), 16, epochs=3, shuffle=True, generator=generator)
    compare(data(), 16, epochs=2, generator=generator)


def test_more_rows_than_a_chunk_of_indices():
    inputs = wg.arange(float((1 << 16) + 100))
    step = wg.capture(lambda x: x.sum())
    assert step.run(inputs, 1000).tolist() == plain(lambda x: x.sum(), [inputs], 1000)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.t(),
        lambda x: x[:, ::2],
        lambda x: x[::2],
        lambda x: x.flip(0).double(),
        lambda x: x[0].expand(20, 40),
        lambda x: x.reshape(10, 20, 2, 4).transpose(1, 3),
        lambda x: x > 0,
        lambda x: (x * 100).int(),
        lambda x: x[:, :0],
        lambda x: x[:, 0],
        lambda x: x.clone().requires_grad_(),
    ],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_data_of_any_layout(make, shuffle):
    tensor = make(wg.randn(40, 40))

    def step(x):
        return (x.double() * wg.arange(x.numel()).reshape(x.shape)).sum()

    wg.manual_seed(3)
    wanted = plain(step, [tensor.detach()], 3, 2, shuffle=shuffle)
    wg.manual_seed(3)
    found = wg.capture(step).run(tensor, 3, epochs=2, shuffle=shuffle)
    assert found.dtype == wg.float64
    assert found.tolist() == wanted


def test_numpy_arrays_are_used_where_they_lie():
    inputs, wanted = data()
    arrays = inputs.numpy().copy(), wanted.numpy().copy()
    training = Training()
    losses = wg.capture(training).run(arrays, 16, epochs=2)
    training = Training()
    assert losses.tolist() == plain(training, (inputs, wanted), 16, 2)
    step = wg.capture(lambda x: x.sum())
    array = np.zeros((4, 2), np.float32)

    def progress(epoch, batches, loss):
        array[:] = batches

    assert step.run(array, 2, epochs=2, progress=progress).tolist() == [0, 0, 8, 8]


def test_lists_of_tensors_and_structured_results():
    inputs, wanted = data()
    step = wg.capture(lambda x, y: {"loss": x.sum(), "all": [x, y]})
    assert step.run([inputs, wanted], 50).tolist() == [
        inputs[i : i + 50].sum().item() for i in (0, 50, 100)
    ]
    step = wg.capture(lambda x: ("name", x.sum().reshape(1, 1), x))
    assert step.run(inputs, 103).tolist() == [inputs.sum().item()]


def test_losses_that_are_arguments_or_outside_or_constant():
    total = wg.zeros(())

    def step(x):
        total.add_(x.sum())
        return total

    assert wg.capture(step).run(wg.ones(6), 2).tolist() == [2, 4, 6]
    assert wg.capture(lambda x: x).run(wg.arange(4)).tolist() == [0, 1, 2, 3]
    assert wg.capture(lambda x: wg.tensor(3)).run(wg.arange(4)).tolist() == [3] * 4


def test_arguments_changed_in_place_do_not_reach_the_data():
    inputs = wg.ones(6)
    assert wg.capture(lambda x: x.mul_(3).sum()).run(inputs, 2, epochs=2).tolist() == [6] * 6
    assert inputs.tolist() == [1] * 6


def test_nothing_to_do():
    step = wg.capture(lambda x: x.sum())
    assert step.run(wg.ones(5), epochs=0).tolist() == []
    assert step.run(wg.ones(0), 3).shape == (0,)
    assert step.run(wg.ones(5), 6, drop_last=True).tolist() == []
    assert step.cache_info().misses == 0


def test_a_method():
    class Trainer:
        def __init__(self, factor):
            self.factor = factor

        @wg.capture
        def step(self, x):
            return x.sum() * self.factor

    two, three = Trainer(2), Trainer(3)
    for _ in range(2):
        assert two.step.run(wg.ones(7), 3).tolist() == [6, 6, 2]
        assert three.step.run(wg.ones(7), batch_size=3, drop_last=True).tolist() == [9, 9]
    assert two.step(wg.ones(3)).item() == 6
    assert two.step.__self__ is two
    assert two.step.cache_info() == Trainer.step.cache_info()
    assert Trainer.step.run is not None
    assert Trainer.step(three, wg.ones(3)).item() == 9


def test_programs_are_shared_with_calls():
    step = wg.capture(lambda x: x.sum())
    step(wg.ones(4))
    step.run(wg.ones(8), 4)
    step(wg.ones(4))
    assert step.cache_info().misses == 1
    assert step.cache_info().hits == 3
    assert "sum" in str(step.program)


# ---- what changes meanwhile ----------------------------------------------------------------------


def changing(training):
    def after_epoch(epoch, *_):
        training.network.train(epoch % 2 == 1)
        training.optimizer.param_groups[0]["lr"] *= 0.5

    return after_epoch


def test_changes_between_epochs_are_seen():
    training = Training()
    losses = plain(training, data(), 16, 5, after_epoch=changing(training), shuffle=True)
    state = training.state()
    training = Training()
    step = wg.capture(training)
    found = step.run(data(), 16, epochs=5, shuffle=True, progress=changing(training))
    assert found.tolist() == losses
    assert training.state() == state


def test_grad_mode_changed_between_epochs():
    weight = wg.ones((), requires_grad=True)
    step = wg.capture(lambda x: x.sum() * weight + wg.is_grad_enabled())
    try:
        losses = step.run(
            wg.ones(4), 2, epochs=2, progress=lambda epoch, *_: wg.set_grad_enabled(False)
        )
    finally:
        wg.set_grad_enabled(True)
    assert losses.tolist() == [3, 3, 2, 2]


def test_a_call_within_the_step_changes_a_variable():
    """A schedule is called out of the replay, so it can change what the next batch depends on."""
    parameter = wg.ones(1, requires_grad=True)
    factor = 1.0

    def rule(count):
        nonlocal factor
        factor = 10.0 if count == 6 else factor
        return 1.0

    def losses(loop):
        nonlocal factor
        factor = 1.0
        optimizer = wg.optim.SGD([parameter], lr=0.0)
        schedule = wg.optim.lr_scheduler.LambdaLR(optimizer, rule)

        def step(x):
            loss = (x * parameter).sum() * factor
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            return loss

        return loop(step)

    expected = losses(lambda step: plain(step, [wg.ones(10)], 1))
    assert expected == [1] * 6 + [10] * 4
    assert losses(lambda step: wg.capture(step).run(wg.ones(10)).tolist()) == expected


def test_a_callback_may_use_the_step_and_forget_it():
    step = wg.capture(lambda x: x.sum())

    def progress(epoch, batches, loss):
        assert step(wg.full((2,), 7.0)).item() == 14
        assert step.run(wg.ones(4), 2).tolist() == [2, 2]
        if epoch == 1:
            step.cache_clear()

    assert step.run(wg.ones(6), 2, epochs=3, progress=progress).tolist() == [2] * 9


# ---- progress, exceptions, signals ---------------------------------------------------------------


def test_progress_at_the_end_of_each_epoch():
    calls = []
    step = wg.capture(lambda x: x.sum())
    step.run(wg.arange(7.0), 2, epochs=3, progress=lambda *call: calls.append(call))
    assert calls == [(0, 4, 21 / 4), (1, 8, 21 / 4), (2, 12, 21 / 4)]


def test_progress_within_a_long_epoch(monkeypatch):
    from wengert._capture import loop

    monkeypatch.setattr(loop, "_SECONDS", 0.01)
    calls = []
    losses = wg.capture(lambda x: x.sum()).run(
        wg.arange(300_000.0), progress=lambda *call: calls.append((*call, time.perf_counter()))
    )
    assert len(calls) > 2
    done = [0, *(batches for _, batches, _, _ in calls)]
    assert done == sorted(set(done)) and done[-1] == 300_000
    for start, end, (_, _, loss, _) in zip(done, done[1:], calls, strict=False):
        assert loss == pytest.approx(losses[start:end].double().mean().item())
    gaps = np.diff([at for *_, at in calls])[:-1]
    assert (gaps > 0.009).all()


def check_whole_batches(training):
    """That a loop over unshuffled data which ended early ended between two batches."""
    steps, found = training.steps(), training.state()[:-1]
    reference = Training(training.scheduled)
    wg.manual_seed(2)
    loader = DataLoader(TensorDataset(*data()), 16)
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    for batch in itertools.islice(batches, steps):
        reference(*batch)
    assert reference.state()[:-1] == found


def test_what_progress_raises_ends_the_loop():
    def progress(epoch, batches, loss):
        if epoch == 2:
            raise LookupError("enough")

    training = Training()
    wg.manual_seed(2)
    step = wg.capture(training)
    with pytest.raises(LookupError, match="enough"):
        step.run(data(), 16, epochs=10, progress=progress)
    assert training.steps() == 21
    check_whole_batches(training)
    training = Training()
    step = wg.capture(training)
    with pytest.raises(LookupError):
        step.run(data(), 16, epochs=10, progress=progress)
    step.run(data(), 16)
    assert training.steps() == 28


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("error", [KeyboardInterrupt, LookupError])
@pytest.mark.parametrize("scheduled", [False, True])
def test_a_signal_ends_the_loop_between_two_batches(error, scheduled):
    def handler(*_):
        raise error

    def progress(epoch, batches, loss):
        if epoch == 1:  # every program is there
            signal.setitimer(signal.ITIMER_REAL, 0.05)

    training = Training(scheduled)
    wg.manual_seed(2)
    step = wg.capture(training)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(error):
            step.run(data(), 16, epochs=1_000_000, progress=progress)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert step.cache_info().hits > 20
    if not scheduled:  # a schedule is Python, which a signal may interrupt
        check_whole_batches(training)
    hits = step.cache_info().hits
    assert step.run(data(), 16).isfinite().all()
    assert step.cache_info().hits == hits + 7


def test_an_error_within_a_batch():
    inputs, wanted = wg.randn(20, 3), wg.arange(20) % 3
    wanted[13] = 7
    step = wg.capture(lambda x, y: F.cross_entropy(x, y))
    with pytest.raises(IndexError, match="cross_entropy"):
        step.run((inputs, wanted), 2)
    assert step.cache_info().hits == 5
    wanted[13] = 1
    assert step.run((inputs, wanted), 2).shape == (10,)


# ---- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words", "tensors", "options"),
    [
        (RuntimeError, r"equal first sizes, got \[5, 4\]", (wg.ones(5), wg.ones(4)), {}),
        (ValueError, "batch_size", wg.ones(5), {"batch_size": 0}),
        (ValueError, "batch_size", wg.ones(5), {"batch_size": -1}),
        (ValueError, "batch_size", wg.ones(5), {"batch_size": None}),
        (ValueError, "batch_size", wg.ones(5), {"batch_size": 2.0}),
        (ValueError, "drop_last", wg.ones(5), {"drop_last": 1}),
        (ValueError, "epochs must not be negative, got -1", wg.ones(5), {"epochs": -1}),
        (TypeError, "float", wg.ones(5), {"epochs": 1.5}),
        (TypeError, "progress must be callable, got int", wg.ones(5), {"progress": 3}),
        (ValueError, "num_samples=0", wg.ones(0), {"shuffle": True}),
        (TypeError, r"data\[1\] must be a tensor or a NumPy array, got int", (wg.ones(5), 3), {}),
        (TypeError, "data must be a tensor.* got str", "text", {}),
        (TypeError, "data must be a tensor.* got TensorDataset", TensorDataset(wg.ones(3)), {}),
        (ValueError, "at least one tensor", (), {}),
        (RuntimeError, r"data\[0\] has no dimensions", wg.ones(()), {}),
        (RuntimeError, r"one element, got shape \(2,\)", wg.ones(4), {"batch_size": 2}),
    ],
)
def test_bad_arguments(error, words, tensors, options):
    state = wg.get_rng_state()
    step = wg.capture(lambda x: x)
    with pytest.raises(error, match=words):
        step.run(tensors, **options)
    if "one element" not in words:
        assert step.cache_info().misses == 0
        assert wg.equal(wg.get_rng_state(), state)


@pytest.mark.parametrize("result", [None, 3.0, (), {"loss": 1}])
def test_no_loss(result):
    with pytest.raises(TypeError, match=f"must return the loss.*returned {type(result).__name__}"):
        wg.capture(lambda x: result).run(wg.ones(4), 2)


def test_losses_of_two_dtypes():
    step = wg.capture(lambda x: x.sum() if x.shape[0] == 2 else x.sum().double())
    with pytest.raises(RuntimeError, match=r"batch 2 has a loss of float64, .* float32"):
        step.run(wg.ones(5), 2)


def test_no_loop_within_a_captured_function():
    inner = wg.capture(lambda x: x.sum())
    with pytest.raises(wg.CaptureError, match="loop cannot be part"):
        wg.capture(lambda x: inner.run(x, 2))(wg.ones(4))


def test_the_native_loop_checks_what_it_is_given():
    """Private, but nothing that Python calls may read beyond the data."""
    from wengert import _native

    step = wg.capture(lambda x: x.sum())
    step(wg.ones(2))
    program, loop = step._cache.last.program, _native._Loop([wg.ones(6)])
    order = wg.arange(6)
    assert loop.run(program, order, 0, 2, -1.0) == 3
    for index in (wg.tensor([0, 6]), wg.tensor([-1, 0])):
        with pytest.raises(IndexError):
            loop.run(program, index, 0, 2, -1.0)
    for bad in (order.int(), wg.arange(12)[::2], order.reshape(2, 3)):
        with pytest.raises(RuntimeError):
            loop.run(program, bad, 0, 2, -1.0)
    for first, rows in ((7, 2), (-1, 2), (0, 0), (0, -2)):
        with pytest.raises(IndexError):
            loop.run(program, order, first, rows, -1.0)
    for rows in (1, 3):
        with pytest.raises(RuntimeError):
            loop.run(program, order, 0, rows, -1.0)
    for tensors in ([wg.ones(6), wg.ones(6)], [wg.ones(6, dtype=wg.float64)], [wg.ones(6, 1)]):
        with pytest.raises(RuntimeError):
            _native._Loop(tensors).run(program, order, 0, 2, -1.0)
    for tensors in ([wg.ones(())], [wg.ones(6), wg.ones(5)]):
        with pytest.raises(RuntimeError):
            _native._Loop(tensors)
    with pytest.raises(TypeError):
        _native._Loop([])
    with pytest.raises(IndexError):
        loop.losses(4)
    assert loop.count == 3
