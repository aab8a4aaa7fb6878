"""Training steps that count, average and warm up by hand."""

import math
import os
import threading
import types

import numpy as np

import wengert as wg
from tests.capture.captures import leaf
from tests.capture.state.programs import equal, module, refused, replayed


class Box:
    def __init__(self, **names):
        vars(self).update(names)


@refused
def adam_by_hand(cap):
    class Adam:
        def __init__(self, params):
            self.params, self.t = list(params), 0
            self.m = [wg.zeros_like(p) for p in self.params]
            self.v = [wg.zeros_like(p) for p in self.params]

        @wg.no_grad()
        def step(self):
            self.t += 1
            for p, m, v in zip(self.params, self.m, self.v, strict=True):
                m.mul_(0.9).add_(p.grad, alpha=0.1)
                v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                rate = 0.1 * math.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
                p.addcdiv_(m, v.sqrt().add_(1e-8), value=-rate)

    w = leaf(1, 2)
    opt = Adam([w])

    def step(x):
        w.grad = None
        (w * x).sum().backward()
        opt.step()

    yield cap(step), lambda: (w, opt.t, opt.m)


@replayed
def momentum_by_hand(cap):
    w, v, cfg = leaf(1, 2), wg.zeros(2), Box(lr=0.1, mu=0.9)

    def step(x):
        w.grad = None
        (w * x).sum().backward()
        with wg.no_grad():
            v.mul_(cfg.mu).add_(w.grad)
            w.sub_(v, alpha=cfg.lr)

    yield cap(step), lambda: (w, v)
    cfg.lr = 0.5
    yield


@refused
def momentum_in_a_dict_of_tensors(cap):
    w, state = leaf(1, 2), {}

    def step(x):
        w.grad = None
        (w * x).sum().backward()
        with wg.no_grad():
            state["v"] = state.get("v", 0.0) * 0.9 + w.grad
            w.sub_(state["v"], alpha=0.1)

    yield cap(step), lambda: (w, state["v"])


@replayed
def average_by_hand(cap):
    w, average, b = leaf(1, 2), wg.zeros(2), Box(decay=0.9)

    @wg.no_grad()
    def step(x):
        w.add_(x)
        average.lerp_(w, 1 - b.decay)
        return average

    yield cap(step), lambda: (w, average)
    b.decay = 0.5
    yield


@refused
def decay_that_warms_up(cap):
    average, b = wg.zeros(2), Box(updates=0)

    def step(x):
        b.updates += 1
        decay = min(0.99, (1 + b.updates) / (10 + b.updates))
        average.mul_(decay).add_(x, alpha=1 - decay)

    yield cap(step), lambda: (average, b.updates)


@refused
def warm_up_of_the_rate(cap):
    w = leaf(1, 2)
    opt = wg.optim.SGD([w], lr=1.0)
    b = Box(n=0)

    def step(x):
        b.n += 1
        opt.param_groups[0]["lr"] = min(1.0, b.n / 4)
        opt.zero_grad()
        (w * x).sum().backward()
        opt.step()

    yield cap(step), lambda: (w, b.n)


@equal
def rate_decays_inside(cap):
    w = leaf(1, 2)
    opt = wg.optim.SGD([w], lr=1.0)

    def step(x):
        for group in opt.param_groups:
            group["lr"] *= 0.9
        opt.zero_grad()
        (w * x).sum().backward()
        opt.step()

    yield cap(step), lambda: (w, opt.param_groups[0]["lr"])


@replayed
def step_in_a_tensor(cap):
    step, w = wg.zeros(()), wg.tensor([1.0, 2.0])

    def f(x):
        step.add_(1)
        return x / (1 - 0.9**step) + w

    yield cap(f), lambda: step


@refused
def numpy_array_counts(cap):
    n = np.zeros(1)

    def f(x):
        n[0] += 1
        return x * float(n[0])

    yield cap(f), lambda: n


@refused
def numpy_array_added_in_place(cap):
    n = np.zeros(2)

    def f(x):
        np.add(n, 1.0, out=n)
        return x * float(n.sum())

    yield cap(f), lambda: n


@refused
def numpy_array_filled_from_a_result(cap):
    table = np.zeros((4, 2))
    b = Box(n=0)

    def f(x):
        table[b.n % 4] = (1.0, b.n)
        b.n += 1
        return x

    yield cap(f), lambda: (table, b.n)


@refused
def environment_counts(cap):
    os.environ["STATE_OF_MINE"] = "0"

    def f(x):
        os.environ["STATE_OF_MINE"] = str(int(os.environ["STATE_OF_MINE"]) + 1)
        return x

    try:
        yield cap(f), lambda: os.environ["STATE_OF_MINE"]
    finally:
        del os.environ["STATE_OF_MINE"]


@refused
def default_argument_fills(cap):
    def f(x, seen=[]):  # noqa: B006
        seen.append(1)
        return x * len(seen)

    yield cap(f), lambda: f.__defaults__


@refused
def attribute_of_the_function_counts(cap):
    def f(x):
        f.calls = getattr(f, "calls", 0) + 1
        return x * f.calls

    yield cap(f), lambda: f.calls


@refused
def thread_local_counts(cap):
    local = threading.local()
    local.n = 0

    def f(x):
        local.n += 1
        return x * local.n

    yield cap(f), lambda: local.n


@refused
def property_with_a_setter_counts(cap):
    class A:
        _n = 0

        @property
        def n(self):
            return self._n

        @n.setter
        def n(self, value):
            self._n = value

    a = A()

    def f(x):
        a.n += 1
        return x * a.n

    yield cap(f), lambda: a.n


@refused
def early_stopping_by_hand(cap):
    b = Box(patience=3, bad=0, stopped=False)

    def f(x):
        b.bad += 1
        if b.bad >= b.patience:
            b.stopped = True
        return x * 0 if b.stopped else x

    yield cap(f), lambda: (b.bad, b.stopped)


@refused
def two_that_alternate(cap):
    w = [leaf(1, 2), leaf(3, 4)]
    names = types.SimpleNamespace(now=0, other=1)

    def f(x):
        names.now, names.other = names.other, names.now
        return w[names.now] * x

    yield cap(f), lambda: (names.now, names.other)


@refused
def replay_buffer_position(cap):
    buffer, b = wg.zeros(4, 2), Box(at=0)

    def f(x):
        buffer[b.at] = x
        b.at = (b.at + 1) % 4
        return buffer.sum()

    yield cap(f), lambda: (buffer, b.at)


@refused
def module_global_list(cap):
    m = module("history = []\ndef f(x):\n    history.append(1)\n    return x * len(history)\n")
    yield cap(m.f), lambda: m.history


@refused
def exponential_temperature(cap):
    b = Box(t=1.0)

    def f(x):
        y = (x / b.t).softmax(-1)
        b.t = max(0.1, b.t * 0.9)
        return y

    yield cap(f), lambda: b.t


@refused
def cache_that_grows_by_lru(cap):
    import functools

    b = Box(n=0)

    @functools.lru_cache
    def factor(n):
        return n * 2.0

    def f(x):
        b.n += 1
        return x * factor(b.n)

    yield cap(f), lambda: factor.cache_info()
