"""What a captured function notices between its calls, and what it refuses."""

import copy
import dataclasses
import functools
import io
import itertools
import pickle

import numpy as np
import pytest

import wengert as wg
from tests.capture.captures import Net, bits, differing, leaf, observe, ones
from tests.optim.table import TABLE as OPTIMIZERS

F = wg.nn.functional
CALLS = 4
LATER, REFUSED = {}, {}


def later(f):
    """First yields a function, or one and tensors to watch; changes something before each other."""
    LATER[f.__name__] = f
    return f


def refused(f):
    """Yields the same captured or not, up to a CaptureError; `cap` captures or does nothing."""
    REFUSED[f.__name__] = f
    return f


def call_between_changes(script, capturing):
    wg.manual_seed(0)
    stages = script()
    fn, *watched = first if isinstance(first := next(stages), tuple) else (first,)
    step = wg.capture(fn) if capturing else fn
    seen, hits = [], []
    for _ in itertools.chain([fn], stages):
        for i in range(CALLS):
            seen.append(bits([step(wg.tensor([1.0 + i, 2.0])), [(t, t.grad) for t in watched]]))
        hits.append(step.cache_info().hits if capturing else 0)
    return seen, hits


class Plain:
    """An object with tensors, numbers and containers, called in several ways."""

    rate = 1.0

    def __init__(self):
        self.w, self.scale, self.parts = leaf(1, 2), 1.0, [wg.tensor([1.0])]
        self.table = {"k": {"z": 1.0}}

    def go(self, x):
        return self.w * x * self.scale * self.parts[0] * self.rate * self.table["k"]["z"]

    __call__ = go


# ---- changes between calls are noticed -----------------------------------------------------------


@later
def negative_zero_in_a_variable():
    s = 0.0
    yield lambda x: x / s
    s = -0.0
    yield
    s = 0.0
    yield


@later
def variables():
    k, w, g = 2.0, wg.tensor([3.0, 4.0]), wg.Generator().manual_seed(3)
    yield lambda x: x * k * w + wg.rand(2, generator=g)
    k = 5.0
    yield
    w = wg.tensor([7.0, 8.0])
    yield
    w.add_(1)
    yield
    g = wg.Generator().manual_seed(3)
    yield
    g.manual_seed(9)
    yield


@later
def hook_on_a_tensor():
    p = leaf(1, 2)

    def step(x):
        p.grad = None
        (p * x).sum().backward()

    yield step, p
    hook = p.register_hook(lambda g: g * 10)
    yield
    hook.remove()
    yield


@later
def hook_after_accumulation():
    p = leaf(1, 2)

    def step(x):
        p.grad = None
        (p * x).sum().backward()

    yield step, p
    hook = p.register_post_accumulate_grad_hook(lambda q: q.grad.mul_(3) is None or None)
    yield
    hook.remove()
    yield


def module_hooks(add):
    m = ones(wg.nn.Linear(2, 2))

    def step(x):
        m.zero_grad()
        y = m(x)
        y.sum().backward()
        return y.detach()

    yield step, m.weight
    hook = add(m)
    yield
    hook.remove()
    yield


for kind, add in {
    "forward": lambda m: m.register_forward_hook(lambda m, a, y: y * 10),
    "forward_pre": lambda m: m.register_forward_pre_hook(lambda m, a: (a[0] + 1,)),
    "full_backward": lambda m: m.register_full_backward_hook(lambda m, gi, go: None),
    "every_forward": lambda m: wg.nn.modules.module.register_module_forward_hook(
        lambda m, a, y: y * 10
    ),
}.items():
    LATER[f"hook_{kind}"] = functools.partial(module_hooks, add)


@later
def hook_on_an_optimizer():
    p = leaf(1, 2)
    o = wg.optim.SGD([p], lr=0.1)

    def step(x):
        o.zero_grad()
        (p * x).sum().backward()
        o.step()

    yield step, p

    def double(*_):
        with wg.no_grad():
            p.mul_(2)

    hook = o.register_step_post_hook(double)
    yield
    hook.remove()
    yield


def attributes(make, call):
    m = make()
    yield call(m)
    if isinstance(m, Plain):
        m.w = leaf(7, 7)
        yield
        m.scale = 3.0
        yield
        m.parts[0] = wg.tensor([9.0])
    else:
        m.scales[0] = 9.0
        yield
        m.inner.weight = wg.nn.Parameter(wg.ones(2, 2) * 5)
        yield
        m.shift = wg.tensor([-1.0, -0.0])
    yield
    m.table["k"]["z"] = 4.0
    yield
    m.rate = 2.0
    yield
    del m.rate
    type(m).rate = 3.0
    try:
        yield
    finally:
        type(m).rate = 1.0


LATER["attributes_by_call"] = lambda: attributes(Plain, lambda m: lambda x: m(x))
LATER["attributes_by_method"] = lambda: attributes(Plain, lambda m: m.go)
LATER["attributes_by_other"] = lambda: attributes(Plain, lambda m: lambda x: m.go(x))
LATER["attributes_of_module"] = lambda: attributes(Net, lambda m: lambda x: m(x))
LATER["attributes_by_forward"] = lambda: attributes(Net, lambda m: lambda x: m.forward(x))
LATER["attributes_of_the_function"] = lambda: attributes(Net, lambda m: m)
LATER["attributes_by_partial"] = lambda: attributes(Plain, lambda m: functools.partial(Plain.go, m))


@later
def items():
    ws, table = [wg.tensor([1.0]), [wg.tensor([2.0])]], {"a": wg.tensor([1.0]), "lr": 2.0}
    yield lambda x: ws[0] * x * ws[1][0] * table["a"] * table["lr"]
    ws[0] = wg.tensor([5.0])
    yield
    ws[1][0] = wg.tensor([6.0])
    yield
    table["lr"] = 5.0
    yield
    table["a"] = wg.tensor([9.0])
    yield


@later
def helpers():
    k, table = 2.0, {"f": lambda x: x + k}

    def once(x, shift=1.0):
        return x * k + shift

    def twice(x):
        return once(once(x))

    class Helper:
        def go(self, x):
            return twice(table["f"](x))

    helper = Helper()
    yield lambda x: helper.go(x)
    k = 5.0
    yield
    table["f"] = lambda x: x - k
    yield
    once.__defaults__ = (4.0,)
    yield
    helper.go = lambda x: x * 9
    yield


@later
def objects_in_objects():
    class Scale:
        def __init__(self, part):
            self.part = part

        def __call__(self, x):
            return self.part(x) if callable(self.part) else x * self.part

    whole = Scale(Scale(2.0))
    yield whole
    whole.part.part = 5.0
    yield
    whole.part = Scale(7.0)
    yield


@later
def numbers_of_an_optimizer():
    p = leaf(1, 2)
    o = wg.optim.SGD([p], lr=0.1)
    yield lambda x: x * o.param_groups[0]["lr"]
    o.param_groups[0]["lr"] = 0.3
    yield


@later
def modules_in_a_list():
    layers = [ones(wg.nn.Linear(2, 2)) for _ in range(2)]
    yield lambda x: functools.reduce(lambda y, layer: layer(y), layers, x)
    layers.append(ones(wg.nn.Linear(2, 2)))
    yield
    layers[0].bias = None
    yield
    layers[1].weight.data = wg.full((2, 2), 3.0)
    yield


@later
def modes():
    m = wg.nn.Sequential(wg.nn.Linear(2, 4), wg.nn.Dropout(0.5), wg.nn.PReLU())
    yield lambda x: m(wg.stack([x, x * 2, -x]))
    m.eval()
    yield
    m.train()
    yield
    m[1].p = 0.1
    yield
    m.append(wg.nn.Tanh())
    yield
    m[0].weight.requires_grad_(False)
    yield
    m.load_state_dict({k: v * 2 for k, v in m.state_dict().items()})
    yield
    m.double().float()
    yield


def test_modes_that_are_set_again_change_nothing():
    m = wg.nn.Sequential(wg.nn.Linear(2, 4), wg.nn.Dropout(0.5))
    step = wg.capture(lambda x: m(x))
    for i in range(10):
        m.train(i % 2 == 0)
        step(wg.ones(2))
    assert step.cache_info().hits >= 6


@later
def settings():
    w = leaf(1, 2)
    yield lambda x: ((wg.ones(2) / 3 * w).sum() + (w * x)).requires_grad
    wg.set_default_dtype(wg.float64)
    yield
    with wg.no_grad():
        yield
    with wg.inference_mode():
        yield
    wg.set_default_dtype(wg.float32)
    yield


@later
def storage():
    w = wg.tensor([[1.0, 2.0], [3.0, 4.0]])
    yield lambda x: w @ x.to(w.dtype)
    w.data = w.data.t()
    yield
    w.data = wg.tensor([[9.0, 8.0], [7.0, 6.0]])
    yield
    w.data = w.data.double()
    yield
    w.data = wg.ones(3, 2)
    yield
    if hasattr(w, "t_"):
        w.data = wg.tensor([[1.0, 2.0], [3.0, 4.0]])
        w.t_()
        yield


@later
def gradients_in_one_storage():
    flat, p, q = wg.zeros(100_000), leaf(1, 2), leaf(3, 4)
    p.grad, q.grad = flat[:2], flat[1:3]

    def step(x):
        flat.mul_(0.5)
        (p * x + q * x * 2).sum().backward()
        return flat.sum()

    yield step, p, q
    q.grad = wg.zeros(2)
    yield
    p.grad = wg.zeros(2)
    yield
    p.grad = q.grad.detach()
    yield
    p.grad = None
    yield


def hyper_parameters(make, changes):
    p = leaf(1, 2)
    o = make([p])

    def step(x):
        o.zero_grad()
        (p * p * x).sum().backward()
        o.step()

    yield step, p
    for name, value in changes:
        group = o.param_groups[0]
        group[name] = value(group[name]) if callable(value) else value
        yield
    q = leaf(5)
    o.add_param_group({"params": [q], "lr": 0.5})
    yield
    o.state.clear()
    yield
    o.load_state_dict(copy.deepcopy(o.state_dict()))
    yield
    del o.param_groups[0]["params"][0]
    yield


COMMON = [("lr", 0.2), ("weight_decay", 0.1), ("maximize", True), ("lr", lambda _: wg.tensor(0.05))]
COMMON += [("lr", lambda lr: lr.fill_(0.01)), ("lr", lambda _: wg.tensor(0.3)), ("lr", 0.1)]
for row in OPTIMIZERS:
    make = functools.partial(getattr(wg.optim, row.name), lr=0.01)
    LATER[f"hyper_parameters_{row.name}"] = functools.partial(
        hyper_parameters, make, row.changes + COMMON
    )


@pytest.mark.parametrize("name", LATER)
def test_changes_are_noticed(name):
    eager, _ = call_between_changes(LATER[name], False)
    captured, hits = call_between_changes(LATER[name], True)
    wrong = differing(eager, captured)
    assert not wrong, f"{wrong}: {CALLS} calls after each change"
    assert len(set(hits)) == len(hits) and hits[0] > 0, "replays after each change"


# ---- what is refused -----------------------------------------------------------------------------


def calls(cap, fn):
    step = cap(fn)
    for i in range(6):
        yield step(wg.tensor([1.0 + i, 2.0]))


class Holder:
    pass


def held(x):
    holder = Holder()
    holder.loss = x * 2
    return holder


Loss = dataclasses.make_dataclass("Loss", ["loss"])
for name, fn in {
    "object": held,
    "dataclass": lambda x: Loss(x * 2),
    "set": lambda x: {x * 2},
    "generator": lambda x: (y for y in [x * 2]),
    "nested": lambda x: {"losses": [Loss(x * 2)]},
}.items():
    REFUSED[f"result_{name}"] = lambda cap, fn=fn: (None for _ in calls(cap, fn))


@refused
def variable_rebound(cap):
    average = wg.tensor([1.0, 1.0])

    def step(x):
        nonlocal average
        average = average * 0.5 + x
        return average

    yield from calls(cap, step)


@refused
def buffer_rebound(cap):
    net = Net()

    def step(x):
        net.shift = net.shift * 0.9 + x * 0.1
        return net(x)

    yield from calls(cap, step)


@refused
def item_rebound(cap):
    state = {"x": wg.zeros(2)}

    def step(x):
        state["x"] = state["x"] + x
        return x * 2

    yield from calls(cap, step)


@refused
def items_rotated(cap):
    kept = [wg.zeros(2), wg.ones(2)]

    def step(x):
        kept.append(kept.pop(0))
        kept[0].add_(x)
        return kept[0] - kept[1]

    yield from calls(cap, step)


@refused
def argument_is_changed_memory(cap):
    p = wg.tensor([1.0, 2.0])
    step = cap(lambda x: (p.add_(1), x * 2)[1])
    for _ in range(4):
        yield step(p), p


@refused
def argument_views_changed_memory(cap):
    d = wg.tensor([1.0, 2.0, 3.0, 4.0])
    step = cap(lambda x: (d.mul_(2), x * 2)[1])
    for _ in range(4):
        yield step(d[1:3]), d


@refused
def arguments_overlap(cap):
    d = wg.tensor([1.0, 2.0, 3.0, 4.0])
    step = cap(lambda x, y: (x.add_(1), y * 2)[1])
    for _ in range(4):
        yield step(d[0:3], d[1:4]), d


def argument_becomes_a_gradient(cap, view):
    p = leaf(1, 2)

    def step(x):
        p.grad = view(x)

    for _ in calls(cap, step):
        yield p.grad


REFUSED["argument_is_a_gradient"] = lambda cap: argument_becomes_a_gradient(cap, lambda x: x)
REFUSED["view_is_a_gradient"] = lambda cap: argument_becomes_a_gradient(cap, lambda x: x.detach())


@refused
def tensors_on_an_array(cap):
    array = np.arange(4, dtype=np.float32)
    a, b = wg.from_numpy(array), wg.from_numpy(array)
    step = cap(lambda x: (a.add_(x), b.sum(), a.mul_(0.5))[1])
    for i in range(4):
        yield step(wg.tensor([1.0 + i])), array


@refused
def argument_has_a_history(cap):
    w, step = leaf(1, 2), cap(lambda x: (x * 2).sum().backward())
    yield step(w * 2)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    eager, _, _ = observe(REFUSED[name], False)
    captured, error, _ = observe(REFUSED[name], True)
    assert captured == eager[: len(captured)]
    assert error is not None
    assert not wg._native._is_capturing() and wg.capture(wg.exp)(wg.zeros(1)) == 1


VALUES = {
    "item": lambda x: x.sum().item(),
    "float": lambda x: x * float(x.sum()),
    "int": lambda x: x * int(x.sum()),
    "index": lambda x: [1, 2, 3][x.sum().long()],
    "bool": lambda x: x if x.sum() > 0 else -x,
    "repr": lambda x: repr(x),
    "str": lambda x: str(x),
    "format": lambda x: f"{x.sum():.2f}",
    "print": lambda x: print(x, file=io.StringIO()),
    "tolist": lambda x: x.tolist(),
    "numpy": lambda x: x.numpy().sum(),
    "array": lambda x: np.asarray(x),
    "dlpack": lambda x: np.from_dlpack(x),
    "memoryview": lambda x: memoryview(x),
    "nonzero": lambda x: x.nonzero(),
    "where": lambda x: wg.where(x > 1),
    "masked_select": lambda x: x.masked_select(x > 1),
    "mask": lambda x: x[x > 1],
    "count": lambda x: x[: (x > 1).sum()],
    "equal": lambda x: x if wg.equal(x, x) else -x,
    "allclose": lambda x: x if wg.allclose(x, x) else -x,
    "contains": lambda x: x if 2.0 in x else -x,
    "tensor": lambda x: wg.tensor([x[0], x[1]]),
    "tensor_nested": lambda x: wg.tensor([[x[0], 1.0]]),
    "repeat_interleave": lambda x: wg.repeat_interleave(x, x.long()),
    "one_hot": lambda x: F.one_hot(x.long()),
    "save": lambda x: wg.save(x, io.BytesIO()),
    "pickle": lambda x: pickle.dumps(x),
    "manual_seed": lambda x: wg.manual_seed(3),
    "seed_of_a_generator": lambda x: wg.Generator().manual_seed(3),
    "set_rng_state": lambda x: wg.set_rng_state(wg.get_rng_state()),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_refused_with_their_line(name):
    fn = VALUES[name]

    def step(x):
        return fn(x * 2)

    line = fn.__code__.co_firstlineno
    with pytest.raises(wg.CaptureError, match=rf"test_capture_guards.py:{line}\b"):
        for i in range(3):
            wg.capture(step)(wg.tensor([1.0 + i, 2.0]))
    assert not wg._native._is_capturing()
