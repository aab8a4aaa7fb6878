"""Changes between the calls of a captured function: none goes unnoticed."""

import copy
import functools
import itertools

import pytest

import wengert as wg
from captures import Net, bits, differing, leaf, ones

CALLS = 4
LATER = {}


def later(f):
    """First yields a function, or one and tensors to watch; changes something before each other."""
    LATER[f.__name__] = f
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
    hook = p.register_post_accumulate_grad_hook(lambda q: q.grad.mul_(3))
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
SGD = [("momentum", 0.9), ("dampening", 0.1), ("dampening", 0), ("nesterov", True)]
ADAM = [("betas", (0.8, 0.9)), ("eps", 1e-3), ("amsgrad", True), ("betas", (0.5, 0.99))]
for name, changes in {"SGD": SGD, "Adam": ADAM, "AdamW": ADAM}.items():
    make = functools.partial(getattr(wg.optim, name), lr=0.01)
    LATER[f"hyper_parameters_{name}"] = functools.partial(hyper_parameters, make, changes + COMMON)


@pytest.mark.parametrize("name", LATER)
def test_changes_are_noticed(name):
    eager, _ = call_between_changes(LATER[name], False)
    captured, hits = call_between_changes(LATER[name], True)
    wrong = differing(eager, captured)
    assert not wrong, f"{wrong}: {CALLS} calls after each change"
    assert len(set(hits)) == len(hits) and hits[0] > 0, "replays after each change"
