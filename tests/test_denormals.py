"""Numbers without a normal exponent: kernels take them for zeros, everybody else keeps them."""

import numpy as np
import pytest

import wengert as wg

TINY = {np.float32: 1e-39, np.float64: 1e-309}


def tiny(shape, dtype):
    return wg.from_numpy(np.full(shape, TINY[dtype], dtype))


def callers_mode_is_exact():
    half = np.full(8, 1e-39, np.float32) * np.float32(0.5)
    return bool((half != 0).all())


@pytest.mark.parametrize("dtype", TINY)
@pytest.mark.parametrize("n", [1, 7, 300_000])  # of which the last is shared by the threads
def test_operands_and_results_are_flushed(dtype, n):
    assert (tiny(n, dtype) * 1e6).count_nonzero() == 0
    small = wg.from_numpy(np.full(n, np.finfo(dtype).tiny, dtype))
    assert (small * 0.5).count_nonzero() == 0
    assert (small * 2).count_nonzero() == n
    assert callers_mode_is_exact()


@pytest.mark.parametrize("dtype", TINY)
def test_copies_and_views_keep_them(dtype):
    x = tiny((4, 4), dtype)
    for y in (x.clone(), x.t().contiguous(), wg.cat([x, x]), x[1:], x.reshape(16)):
        assert set(y.flatten().tolist()) == {x[0, 0].item()}
    assert x[0, 0].item() != 0 and (x.numpy() != 0).all()


def test_products_and_updates_flush():
    a, b = wg.full((64, 64), 1e-25), wg.full((64, 64), 1e-25)
    assert (a @ b).count_nonzero() == 0
    p = wg.nn.Parameter(wg.zeros(10))
    step = wg.optim.SGD([p], lr=1e-3, momentum=0.5)
    p.grad = wg.full((10,), 2e-38)
    step.step()
    p.grad = wg.zeros(10)
    for _ in range(3):
        step.step()
    assert step.state[p]["momentum_buffer"].count_nonzero() == 0
    assert callers_mode_is_exact()


def test_hooks_functions_and_errors_see_the_callers_mode():
    seen = []

    class Look(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            seen.append(callers_mode_is_exact())
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append(callers_mode_is_exact())
            return g * 2

    x = wg.ones(3, requires_grad=True)
    x.register_hook(lambda g: seen.append(callers_mode_is_exact()))
    Look.apply(x).sum().backward()
    with pytest.raises(IndexError):
        wg.ones(3).index_select(0, wg.tensor([7]))
    assert seen == [True] * 3 and callers_mode_is_exact()


def test_a_replay_flushes_and_calls_out_exactly():
    x = wg.full((8,), float(wg.finfo(wg.float32).tiny))
    w = wg.ones(8, requires_grad=True)
    step = wg.optim.SGD([w], lr=0.1)
    modes = []

    class Schedule(wg.optim.lr_scheduler.LRScheduler):
        def get_lr(self):
            modes.append(callers_mode_is_exact())
            return [0.1]

    schedule = Schedule(step)

    @wg.capture
    def run():
        step.zero_grad()
        (w * x).sum().backward()
        step.step()
        schedule.step()
        return x * 0.5

    for _ in range(4):
        assert run().count_nonzero() == 0
    assert len(modes) >= 4 and all(modes) and callers_mode_is_exact()


def test_a_decayed_attention_flushes():
    """Weights and gradients too small for a normal exponent are zeros."""
    q, k = wg.zeros(1, 1, 100, 8), wg.zeros(1, 1, 100, 8)
    q[..., 0] = 1.0
    k[0, 0, 1:, 0] = -88.0  # e^-88 has no normal exponent
    v = wg.ones(1, 1, 100, 8)
    v[0, 0, 0] = 0.0
    for t in (q, k, v):
        t.requires_grad_()
    y = wg.nn.functional.scaled_dot_product_attention(q, k, v, scale=1.0)
    assert y.count_nonzero() == 0
    dq, dk, dv = wg.autograd.grad(y, (q, k, v), wg.full_like(y, 1e-30))
    assert dq.count_nonzero() == dk.count_nonzero() == 0
    assert dv[0, 0, 1:].count_nonzero() == 0 and dv[0, 0, 0].count_nonzero() == 8
    assert callers_mode_is_exact()
