"""Many threads that use the same tensors, hooks, graphs, generators and programs at once.

Here it is checked that nothing is lost or mixed up; the thread sanitizer, under which the file runs
as well, sees what happens unordered. Threads change at every chance, and sizes lie above and below
that from which on Python's lock is given away.
"""

import sys
import threading

import pytest

import wengert as wg
from wengert import autograd, nn
from wengert.utils.data import DataLoader, TensorDataset

F = nn.functional
THREADS = 4
SIZES = (20, 300)


@pytest.fixture(autouse=True)
def restless():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(work, rounds=6):
    """Runs `work(thread, round)` in all threads, which begin each round together."""
    barrier = threading.Barrier(THREADS)
    errors = []

    def run(thread):
        for i in range(rounds):
            try:
                barrier.wait(60)
                work(thread, i)
            except BaseException as error:  # reported below
                errors.append(error)
                barrier.abort()
                return

    threads = [threading.Thread(target=run, args=(t,)) for t in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    broken = [e for e in errors if not isinstance(e, threading.BrokenBarrierError)]
    if broken:
        raise broken[0]
    assert not errors


@pytest.mark.parametrize("n", SIZES)
def test_tensors_are_read_by_all(n):
    x = wg.randn(n, n)
    base, column = x * 2, x[:, :1]
    views = [base.t(), base[1:], base.reshape(-1), base.detach(), base.unsqueeze(0)]

    def use():
        out = [x @ base, (x + column).exp().sum(), base.sort(1).values, x.mean(0), x.softmax(1)]
        return out + [view.sum() for view in views]

    expected = [t.tolist() for t in use()]
    together(lambda thread, i: [t.tolist() for t in use()] == expected or pytest.fail("differs"))


@pytest.mark.parametrize("n", SIZES)
def test_gradients_of_shared_leaves_are_all_added(n):
    w, b = nn.Parameter(wg.ones(n, n)), nn.Parameter(wg.zeros(n))
    x = wg.ones(2, n)

    def work(thread, i):
        F.linear(x, w, b).sum().backward()

    together(work)
    runs = 6 * THREADS
    assert (w.grad == 2 * runs).all() and (b.grad == 2 * runs).all()


@pytest.mark.parametrize("n", SIZES)
def test_one_graph_is_read_by_many_runs(n):
    x = wg.randn(n, n, requires_grad=True)
    z = ((x @ x).tanh() @ x).sum()
    (expected,) = autograd.grad(z, x, retain_graph=True)
    (curved,) = autograd.grad(
        autograd.grad(z, x, retain_graph=True, create_graph=True)[0].sum(), x, retain_graph=True
    )

    def work(thread, i):
        if thread % 2:
            (g,) = autograd.grad(z, x, retain_graph=True)
            assert wg.equal(g, expected)
        else:
            (g,) = autograd.grad(z, x, retain_graph=True, create_graph=True)
            assert wg.equal(autograd.grad(g.sum(), x, retain_graph=True)[0], curved)

    together(work, 3)


def test_hooks_come_and_go_while_gradients_flow():
    x = wg.ones(40, 40, requires_grad=True)
    layer = nn.Linear(40, 40)
    y = x * 3
    z = layer(y).sum()
    calls, lock = [], threading.Lock()

    def count(*_):
        with lock:
            calls.append(1)

    def work(thread, i):
        if thread == 0:
            handles = [y.register_hook(count), x.register_hook(count)]
            handles += [layer.register_forward_hook(count), layer.weight.register_hook(count)]
            layer(x.detach())
            for handle in handles:
                handle.remove()
        else:
            autograd.grad(z, x, retain_graph=True)

    y.register_hook(count)
    together(work)
    assert len(calls) >= 6 * (THREADS - 1)


def test_a_function_of_python_runs_in_all_threads():
    class Double(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 + x * 0

    x = wg.ones(200, 200, requires_grad=True)
    shared = Double.apply(x).sum()

    def work(thread, i):
        assert (autograd.grad(shared, x, retain_graph=True)[0] == 2).all()
        Double.apply(x * thread).sum().backward()

    together(work)
    assert (x.grad == 2 * 6 * sum(range(THREADS))).all()


def test_generators_are_drawn_from_in_one_piece():
    own = wg.Generator()
    for generator in (None, own):
        wg.manual_seed(3), own.manual_seed(3)
        expected = sorted(wg.rand(500, generator=generator)[0].item() for _ in range(6 * THREADS))
        wg.manual_seed(3), own.manual_seed(3)
        found = []
        together(lambda *_, g=generator, to=found: to.append(wg.rand(500, generator=g)[0].item()))
        assert sorted(found) == expected

    def restart(thread, i):
        state = own.get_state()
        wg.randn(1000, generator=own)
        own.manual_seed(i) if thread % 2 else own.set_state(state)
        own.initial_seed(), F.dropout(wg.ones(300), 0.5)

    together(restart)


def test_memory_is_freed_by_other_threads():
    box, lock = [], threading.Lock()

    def work(thread, i):
        made = [wg.ones(size) * thread for size in (3, 1000, 200_000)]
        with lock:
            box.extend(made)
            taken, box[:] = box[: len(box) // 2], box[len(box) // 2 :]
        assert all((t == t[0]).all() for t in taken)
        if thread == 0:
            wg._native.empty_cache()

    together(work, 12)


def test_modes_belong_to_their_thread():
    x = wg.ones(30, requires_grad=True)

    def work(thread, i):
        with wg.set_grad_enabled(thread % 2 == 0), autograd.set_detect_anomaly(False):
            assert (x * 2).requires_grad == (thread % 2 == 0)
        with wg.inference_mode(thread % 2 == 1):
            assert (x + x).is_inference() == (thread % 2 == 1)

    together(work, 20)


def test_programs_are_shared_and_forgotten():
    model = nn.Sequential(nn.Linear(30, 60), nn.ReLU(), nn.Linear(60, 3))

    @wg.no_grad()
    def predict(x):
        return model(x)

    captured = wg.capture(predict)
    batches = [wg.randn(n, 30) for n in (1, 5, 200)]
    expected = [predict(x).tolist() for x in batches]

    def work(thread, i):
        for x, y in zip(batches, expected, strict=True):
            assert captured(x).tolist() == y
        if thread == 0:
            captured.cache_clear()
            captured.cache_info()

    together(work)


def test_each_thread_trains_a_model_of_its_own():
    def losses():
        model = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 1))
        for p in model.parameters():
            nn.init.constant_(p, 0.1)
        optimizer = wg.optim.AdamW(model.parameters(), lr=0.01)
        x = wg.arange(800.0).reshape(100, 8) / 800

        def step(x, y):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        eager = [step(x, x.sum(1, keepdim=True)).item() for _ in range(3)]
        captured = wg.capture(step)
        return eager + [captured(x, x.sum(1, keepdim=True)).item() for _ in range(4)]

    expected = losses()
    together(lambda *_: losses() == expected or pytest.fail("differs"), 2)


def test_loaders_read_ahead_beside_training():
    data = TensorDataset(wg.arange(300.0).reshape(100, 3), wg.arange(100))

    def work(thread, i):
        seen = []
        for x, y in DataLoader(data, 7, shuffle=True, num_workers=2):
            (x @ x.t()).sum()
            seen += y.tolist()
        assert sorted(seen) == list(range(100))

    together(work, 3)


def test_the_number_of_threads_changes_under_way():
    before = wg.get_num_threads()
    x = wg.randn(300, 300)
    expected = (x @ x).sum().item()

    def work(thread, i):
        wg.set_num_threads(1 + (thread + i) % 3)
        assert (x @ x).sum().item() == expected

    try:
        together(work)
    finally:
        wg.set_num_threads(before)
