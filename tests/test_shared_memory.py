"""Tensors that processes share: by fork, by queue, as arguments; and `spawn`."""

import os
import pickle
import signal
import time

import numpy as np
import pytest

import wengert as wg
import wengert.multiprocessing as mp


def layouts():
    base = wg.arange(24.0).reshape(2, 3, 4)
    return {
        "whole": base.clone(),
        "transposed": base.clone().permute(2, 0, 1),
        "a part": base.clone()[1:, :, ::2],
        "a small part": wg.arange(100_000)[700:703],
        "expanded": wg.ones(1, 3).expand(4, 3),
        "a number": wg.tensor(3.5, dtype=wg.float64),
        "empty": wg.empty(0, 3),
        "bools": wg.tensor([True, False]),
        "bytes": wg.tensor([1, 255], dtype=wg.uint8),
        "a leaf": wg.ones(2, requires_grad=True),
    }


LAYOUTS = list(layouts())


def same(a, b):
    assert (a.dtype, a.shape, a.stride()) == (b.dtype, b.shape, b.stride())
    assert a.requires_grad == b.requires_grad and type(a) is type(b)
    assert np.array_equal(a.detach().numpy(), b.detach().numpy())


def fork(function):
    """Runs it in a forked child and waits."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_shared_tensor_is_as_it_was_and_children_write_to_it(name):
    t, before = layouts()[name], layouts()[name]
    assert t.is_shared() == (t.numel() == 0)
    assert t.share_memory_() is t and t.is_shared()
    same(t, before)
    if t.numel() and name != "expanded":
        with wg.no_grad():
            fork(lambda: t.zero_())
        assert (t.detach().numpy() == 0).all()
    address = t.data_ptr()
    assert t.share_memory_().data_ptr() == address


def test_views_of_a_shared_tensor_are_shared_and_copies_are_not():
    t = wg.arange(10.0).share_memory_()
    assert t[3:].is_shared() and t.view(2, 5).t().is_shared()
    assert not t.clone().is_shared() and not (t + 1).is_shared()


def test_segments_go_with_their_tensors():
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        wg.ones(100).share_memory_()
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_a_shared_module_trains_in_a_child():
    model = wg.nn.Sequential(wg.nn.Linear(2, 2), wg.nn.BatchNorm1d(2))
    model(wg.randn(4, 2)).sum().backward()
    optimizer = wg.optim.SGD(model.parameters(), lr=0.1)
    expected = {k: v.clone() for k, v in model.state_dict().items()}
    assert model.share_memory() is model
    tensors = [*model.parameters(), *model.buffers(), *(p.grad for p in model.parameters())]
    assert all(t.is_shared() for t in tensors)
    for key, value in model.state_dict().items():
        assert wg.equal(value, expected[key])
    fork(optimizer.step)
    moved = model[0].bias - expected["0.bias"]
    assert wg.allclose(moved, -0.1 * model[0].bias.grad) and moved.abs().sum() >= 0


def echo(inbox, outbox):
    for tensor in iter(inbox.get, None):
        with wg.no_grad():
            if tensor.numel() and 0 not in tensor.stride():
                tensor.add_(tensor)
        outbox.put(tensor)
    outbox.put(os.getpid())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_queues_send_memory(method):
    context = mp.get_context(method)
    inbox, outbox = context.Queue(), context.SimpleQueue()
    child = context.Process(target=echo, args=(inbox, outbox), daemon=True)
    child.start()
    for name, tensor in layouts().items():
        if name == "bools":
            continue
        doubled = tensor.detach() + tensor.detach()
        inbox.put(tensor)
        back = outbox.get()
        if tensor.numel() and name != "expanded":  # both processes wrote to the same memory
            assert np.array_equal(tensor.detach().numpy(), doubled.numpy()), name
            assert tensor.is_shared() and back.is_shared()
        same(back, tensor)
    parameter = wg.nn.Parameter(wg.ones(2))
    inbox.put(parameter)
    same(outbox.get(), parameter)
    assert parameter.tolist() == [2, 2]
    inbox.put(None)
    assert outbox.get() == child.pid
    child.join(30)
    assert child.exitcode == 0


def test_a_history_is_not_sent():
    y = wg.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor"):
        mp.reductions.reduce_tensor(y)
    mp.reductions.reduce_tensor(y.detach())


def test_strategies():
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    mp.set_sharing_strategy("file_system")
    assert mp.get_sharing_strategy() == "file_system"
    mp.set_sharing_strategy("file_descriptor")
    with pytest.raises(ValueError):
        mp.set_sharing_strategy("by hand")


# ---- spawn -----------------------------------------------------------------------------------


def work(rank, shared, fails):
    shared[rank] = rank + 1
    if fails and rank == 0:
        time.sleep(60)
    if fails == "raises":
        raise KeyError(f"of {rank}")
    if fails == "exits":
        os._exit(7)
    if fails == "dies":
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_one_function_in_several_processes(method):
    shared = wg.zeros(2).share_memory_()
    assert mp.start_processes(work, (shared, None), nprocs=2, start_method=method) is None
    assert shared.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("fails", "kind", "said"),
    [
        ("raises", mp.ProcessRaisedException, "KeyError: 'of 1'"),
        ("exits", mp.ProcessExitedException, "exit code 7"),
        ("dies", mp.ProcessExitedException, "signal SIGKILL"),
    ],
)
def test_what_a_process_fails_with_ends_all(fails, kind, said):
    shared = wg.zeros(2).share_memory_()
    context = mp.start_processes(work, (shared, fails), 2, join=False, start_method="fork")
    with pytest.raises(kind, match=said) as info:
        while not context.join():
            pass
    assert info.value.error_index == 1 and info.value.pid == context.pids()[1]
    assert not any(process.is_alive() for process in context.processes)
    again = pickle.loads(pickle.dumps(info.value))
    assert type(again) is kind and str(again) == str(info.value)


def test_what_is_no_function_is_refused_at_once():
    for wrong in ((3,), (work, [1]), (work, (), "x")):
        with pytest.raises(TypeError, match="spawn"):
            mp.spawn(*wrong)
