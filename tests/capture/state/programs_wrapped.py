"""Functions that the package wraps: modes, inner captures, hooks, Functions, optimizers."""

import functools

import wengert as wg
from tests.capture.captures import leaf, ones
from tests.capture.state.programs import refused, replayed

F = wg.nn.functional


@replayed
def no_grad_decorator(cap):
    k = 2.0

    @wg.no_grad()
    def f(x):
        return x * k

    yield cap(f)
    k = 5.0
    yield


@replayed
def no_grad_inside(cap):
    k = 2.0

    @wg.no_grad()
    def inner(x):
        return x * k

    yield cap(lambda x: inner(x) + 1)
    k = 5.0
    yield


@replayed
def inference_mode_decorator(cap):
    state = {"k": 2.0}

    @wg.inference_mode()
    def f(x):
        return x * state["k"]

    yield cap(f)
    state["k"] = 5.0
    yield


@replayed
def enable_grad_inside_no_grad(cap):
    w, rate = leaf(1, 2), 0.5

    @wg.enable_grad()
    def loss(x):
        return (w * x * rate).sum()

    @wg.no_grad()
    def step(x):
        w.grad = None
        loss(x).backward()

    yield cap(step), lambda: w
    rate = 3.0
    yield


@replayed
def set_grad_enabled_by_a_flag(cap):
    w, train = leaf(1, 2), True

    def step(x):
        w.grad = None
        with wg.set_grad_enabled(train):
            y = (w * x).sum()
        if y.requires_grad:
            y.backward()
        return y

    yield cap(step), lambda: w
    train = False
    yield
    train = True
    yield


@replayed
def inner_capture(cap):
    k = 2.0
    inner = wg.capture(lambda x: x * k)
    yield cap(lambda x: inner(x) + 1)
    k = 5.0
    yield


@replayed
def inner_compile(cap):
    k = 2.0
    inner = wg.compile(lambda x: x * k)
    yield cap(lambda x: inner(x) + 1)
    k = 5.0
    yield


@replayed
def captured_method_of_an_object(cap):
    class Agent:
        def __init__(self):
            self.gain = 2.0

        def act(self, x):
            return self.scaled(x) + 1

        def scaled(self, x):
            return x * self.gain

    agent = Agent()
    yield cap(agent.act)
    agent.gain = 5.0
    yield


@replayed
def captured_method_by_decorator(cap):
    class Agent:
        gain = 2.0

        @cap
        def act(self, x):
            return x * self.gain

    agent = Agent()
    yield lambda x: agent.act(x)
    Agent.gain = 5.0
    yield
    agent.gain = 7.0
    yield


def module_and_step():
    m = ones(wg.nn.Linear(2, 2))

    def step(x):
        m.zero_grad()
        y = m(x)
        y.sum().backward()
        return y.detach()

    return m, step


@replayed
def forward_hook_reads(cap):
    m, step = module_and_step()
    k = 2.0
    m.register_forward_hook(lambda m, a, y: y * k)
    yield cap(step), lambda: m.weight
    k = 5.0
    yield


@replayed
def forward_pre_hook_reads(cap):
    m, step = module_and_step()
    cfg = {"shift": 1.0}
    m.register_forward_pre_hook(lambda m, a: (a[0] + cfg["shift"],))
    yield cap(step), lambda: m.weight
    cfg["shift"] = 3.0
    yield


@replayed
def full_backward_hook_reads(cap):
    m, step = module_and_step()
    k = 2.0
    m.register_full_backward_hook(lambda m, gi, go: tuple(g and g * k for g in gi))
    m.weight.register_hook(lambda g: g * k)
    yield cap(step), lambda: m.weight
    k = 5.0
    yield


@replayed
def full_backward_pre_hook_reads(cap):
    m, step = module_and_step()

    class Box:
        k = 2.0

    m.register_full_backward_pre_hook(lambda m, go: (go[0] * Box.k,))
    yield cap(step), lambda: m.weight
    Box.k = 5.0
    yield


@replayed
def hook_of_a_tensor_reads(cap):
    w, clip = leaf(1, 2), 0.5
    w.register_hook(lambda g: g.clamp(-clip, clip))

    def step(x):
        w.grad = None
        (w * x).sum().backward()

    yield cap(step), lambda: w
    clip = 1.5
    yield


@replayed
def hook_of_an_inner_tensor_reads(cap):
    w, k = leaf(1, 2), 2.0

    def step(x):
        w.grad = None
        y = w * x
        y.register_hook(lambda g: g * k)
        y.sum().backward()

    yield cap(step), lambda: w
    k = 5.0
    yield


@replayed
def post_accumulate_hook_reads(cap):
    w, k = leaf(1, 2), 2.0
    w.register_post_accumulate_grad_hook(lambda p: (p.grad.mul_(k), None)[1])

    def step(x):
        w.grad = None
        (w * x).sum().backward()

    yield cap(step), lambda: w
    k = 5.0
    yield


@replayed
def every_modules_hook_reads(cap):
    m, step = module_and_step()
    k = 2.0
    hook = wg.nn.modules.module.register_module_forward_hook(lambda m, a, y: y * k)
    try:
        yield cap(step), lambda: m.weight
        k = 5.0
        yield
    finally:
        hook.remove()


@replayed
def every_modules_pre_hook_added_later(cap):
    m, step = module_and_step()
    yield cap(step), lambda: m.weight
    register = wg.nn.modules.module.register_module_forward_pre_hook
    hook = register(lambda m, a: (a[0] * 3,))
    try:
        yield
    finally:
        hook.remove()


@replayed
def hook_that_is_a_method(cap):
    m, step = module_and_step()

    class Probe:
        def __init__(self):
            self.k = 2.0

        def __call__(self, m, args, y):
            return self.change(y)

        def change(self, y):
            return y + self.k

    probe = Probe()
    m.register_forward_hook(probe)
    yield cap(step), lambda: m.weight
    probe.k = 4.0
    yield
    probe.change = lambda y: y * 2
    yield


@refused
def hook_that_counts(cap):
    m, step = module_and_step()
    calls = 0

    def hook(m, args, y):
        nonlocal calls
        calls += 1
        return y * calls

    m.register_forward_hook(hook)
    yield cap(step), lambda: (m.weight, calls)


@refused
def hook_that_keeps_numbers(cap):
    m, step = module_and_step()
    shapes = []
    m.register_forward_hook(lambda m, a, y: shapes.append(tuple(y.shape)))
    yield cap(step), lambda: (m.weight, shapes)


@replayed
def checkpoint_like_wrapper(cap):
    w, k = leaf(1, 2), 2.0

    class Again(wg.autograd.Function):
        @staticmethod
        def forward(ctx, run, x):
            ctx.run = run
            ctx.save_for_backward(x)
            return run(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            with wg.enable_grad():
                x = x.detach().requires_grad_()
                y = ctx.run(x)
            return None, *wg.autograd.grad(y, x, g)

    def step(x):
        w.grad = None
        Again.apply(lambda t: (t * k).tanh(), w * x).sum().backward()

    yield cap(step), lambda: w
    k = 0.5
    yield


@replayed
def gradient_of_an_inner_function(cap):
    power = 2

    def energy(x):
        return (x**power).sum()

    def force(x):
        x = x.detach().requires_grad_()
        return wg.autograd.grad(energy(x), x)[0]

    yield cap(force)
    power = 3
    yield


@replayed
def functional_jacobian(cap):
    k = 2.0
    yield cap(lambda x: wg.autograd.functional.jacobian(lambda t: t * t * k, x))
    k = 5.0
    yield


@replayed
def decorator_of_the_users(cap):
    factor = 2.0

    def scaled(fn):
        @functools.wraps(fn)
        def wrapper(*args, **kwargs):
            return fn(*args, **kwargs) * factor

        return wrapper

    @scaled
    @wg.no_grad()
    @scaled
    def f(x):
        return x + 1

    yield cap(f)
    factor = 3.0
    yield


@replayed
def apply_to_all_modules(cap):
    m, noise = wg.nn.Sequential(ones(wg.nn.Linear(2, 2)), ones(wg.nn.Linear(2, 2))), 0.5

    @wg.no_grad()
    def decay(layer):
        if isinstance(layer, wg.nn.Linear):
            layer.weight.mul_(noise)

    def step(x):
        m.apply(decay)
        return m(x)

    yield cap(step), lambda: m[0].weight
    noise = 0.9
    yield


@replayed
def forward_calls_a_function_of_the_users(cap):
    slope = 0.1

    def activation(x):
        return wg.where(x > 2, x, x * slope)

    class Net(wg.nn.Module):
        def __init__(self, act):
            super().__init__()
            self.inner, self.act = ones(wg.nn.Linear(2, 2)), act

        def forward(self, x):
            return self.act(self.inner(x) - 4)

    net = Net(activation)
    yield cap(net)
    slope = 0.7
    yield
    net.act = wg.relu
    yield


@replayed
def state_dict_hook_reads(cap):
    m, k = ones(wg.nn.Linear(2, 2)), 2.0

    def scaled(m, state, prefix, meta):
        state["weight"] = state["weight"] * k

    m.register_state_dict_post_hook(scaled)

    def step(x):
        return sum(v.sum() for v in m.state_dict().values()) * x

    yield cap(step)
    k = 5.0
    yield


@replayed
def dropout_by_a_flag(cap):
    training = True
    yield cap(lambda x: F.dropout(x.expand(50, 2), 0.5, training).sum(0))
    training = False
    yield


@replayed
def inner_decorated_class_method(cap):
    class Policy:
        temperature = 1.0

        @classmethod
        @wg.no_grad()
        def probabilities(cls, x):
            return (x / cls.temperature).softmax(-1)

    yield cap(lambda x: Policy.probabilities(x))
    Policy.temperature = 4.0
    yield
