"""Code that is replaced between calls, as by a notebook's cell that is run again."""

import functools
import types

import wengert as wg
from tests.capture.captures import leaf, ones
from tests.capture.state.programs import module, replayed


class Holder:
    pass


def network():
    class Net(wg.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = ones(wg.nn.Linear(2, 2))

        def forward(self, x):
            return self.head(self.inner(x))

        def head(self, x):
            return x * 2

    return Net()


@replayed
def forward_assigned_on_the_class(cap):
    net = network()
    yield cap(lambda x: net(x))
    type(net).forward = lambda self, x: self.head(x) + 1
    yield


@replayed
def forward_assigned_on_the_object(cap):
    net = network()
    yield cap(lambda x: net(x))
    net.forward = lambda x: x * 7
    yield
    del net.forward
    yield


@replayed
def forward_of_an_inner_module(cap):
    net = network()
    yield cap(net)
    net.inner.forward = lambda x: x - 1
    yield


@replayed
def forward_of_a_class_of_the_package(cap):
    net, before = network(), wg.nn.Linear.forward
    try:
        yield cap(net)
        wg.nn.Linear.forward = lambda self, x: x * 5
        yield
    finally:
        wg.nn.Linear.forward = before


@replayed
def helper_assigned_on_the_class(cap):
    net = network()
    yield cap(net)
    type(net).head = lambda self, x: x * 5
    yield
    type(net).head = staticmethod(lambda x: x * 7)
    yield


@replayed
def helper_assigned_on_the_object(cap):
    net = network()
    yield cap(net)
    net.head = types.MethodType(lambda self, x: x * 5, net)
    yield


@replayed
def class_made_again(cap):
    make = "class Scale:\n    def __call__(self, x):\n        return x * {}\n"
    m = module(make.format(2.0) + "def f(x):\n    return Scale()(x)\n")
    yield cap(m.f)
    exec(make.format(5.0), vars(m))
    yield


@replayed
def code_of_a_function(cap):
    def f(x):
        return x * 2

    def g(x):
        return x * 5

    yield cap(f)
    f.__code__ = g.__code__
    yield


@replayed
def code_of_a_helper(cap):
    def helper(x):
        return x * 2

    yield cap(lambda x: helper(x) + 1)
    helper.__code__ = (lambda x: x * 5).__code__
    yield


@replayed
def code_of_a_method(cap):
    class A:
        def f(self, x):
            return x * 2

    a = A()
    yield cap(a.f)
    A.f.__code__ = (lambda self, x: x * 5).__code__
    yield


@replayed
def constants_of_code(cap):
    def f(x):
        return x * 2.5

    def helper(x):
        return f(x)

    yield cap(helper)
    consts = tuple(5.5 if c == 2.5 else c for c in f.__code__.co_consts)
    f.__code__ = f.__code__.replace(co_consts=consts)
    yield


@replayed
def defaults_of_a_method(cap):
    class A:
        def f(self, x, k=2.0):
            return x * k

    a = A()
    yield cap(lambda x: a.f(x))
    A.f.__defaults__ = (5.0,)
    yield


@replayed
def global_function_defined_again(cap):
    m = module("def loss(x):\n    return x * 2\ndef step(x):\n    return loss(x) + 1\n")
    yield cap(m.step)
    exec("def loss(x):\n    return x * 5\n", vars(m))
    yield


@replayed
def patched_function_of_the_package(cap):
    before = wg.nn.functional.relu

    def f(x):
        return wg.nn.functional.relu(x - 2)

    try:
        yield cap(f)
        wg.nn.functional.relu = lambda x: x * 5
        yield
    finally:
        wg.nn.functional.relu = before


@replayed
def patched_standard_function(cap):
    import math

    before = math.sqrt
    try:
        yield cap(lambda x: x * math.sqrt(4.0))
        math.sqrt = lambda v: 5.0
        yield
    finally:
        math.sqrt = before


@replayed
def list_of_callbacks(cap):
    callbacks = [lambda x: x * 2]

    def f(x):
        for call in callbacks:
            x = call(x)
        return x

    yield cap(f)
    callbacks[0] = lambda x: x * 5
    yield
    callbacks.append(lambda x: x + 1)
    yield


@replayed
def strategy_object_replaced(cap):
    class Add:
        def apply(self, x):
            return x + 1

    class Mul:
        def apply(self, x):
            return x * 5

    h = Holder()
    h.strategy = Add()
    yield cap(lambda x: h.strategy.apply(x))
    h.strategy = Mul()
    yield


@replayed
def special_method_on_the_class(cap):
    class A:
        def __add__(self, x):
            return x + 1

        def __call__(self, x):
            return x * 2

    a = A()
    yield cap(lambda x: a + a(x))
    A.__add__ = lambda self, x: x + 5
    yield
    A.__call__ = lambda self, x: x * 7
    yield


@replayed
def loss_function_swapped(cap):
    h, target = Holder(), wg.tensor([1.0, 5.0])
    h.loss = wg.nn.functional.mse_loss
    yield cap(lambda x: h.loss(x, target))
    h.loss = wg.nn.functional.l1_loss
    yield
    h.loss = lambda x, t: (x - t).sum()
    yield


@replayed
def wrapped_attribute_of_a_decorator(cap):
    def decorator(fn):
        @functools.wraps(fn)
        def wrapper(x):
            return wrapper.__wrapped__(x) + 1

        return wrapper

    f = decorator(lambda x: x * 2)
    yield cap(f)
    f.__wrapped__ = lambda x: x * 5
    yield


@replayed
def module_list_grows(cap):
    layers = wg.nn.ModuleList([ones(wg.nn.Linear(2, 2))])

    def f(x):
        for layer in layers:
            x = layer(x)
        return x

    yield cap(f)
    layers.append(ones(wg.nn.Linear(2, 2)))
    yield
    layers[0] = wg.nn.ReLU()
    yield


@replayed
def train_and_eval(cap):
    class Net(wg.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = ones(wg.nn.Linear(2, 2))

        def forward(self, x):
            return self.inner(x) * (2 if self.training else 5)

    net = Net()
    yield cap(net)
    net.eval()
    yield
    net.inner.train()
    yield
    net.train()
    yield


@replayed
def parameters_replaced_and_frozen(cap):
    m = ones(wg.nn.Linear(2, 2))

    def f(x):
        m.zero_grad()
        m(x).sum().backward()

    yield cap(f), lambda: list(m.parameters())
    m.bias.requires_grad_(False)
    yield
    m.weight = wg.nn.Parameter(wg.tensor([[5.0, 6.0], [7.0, 8.0]]))
    yield


@replayed
def function_in_a_cell_replaced(cap):
    def act(x):
        return x * 2

    def outer():
        def inner(x):
            return act(x)

        return inner

    f = outer()
    yield cap(lambda x: f(x))

    def act(x):  # noqa: F811
        return x * 5

    yield


@replayed
def optimizer_replaced(cap):
    w = leaf(1, 2)
    h = Holder()
    h.opt = wg.optim.SGD([w], lr=0.1)

    def step(x):
        h.opt.zero_grad()
        (w * x).sum().backward()
        h.opt.step()

    yield cap(step), lambda: w
    h.opt = wg.optim.SGD([w], lr=0.5)
    yield
    h.opt = wg.optim.Adam([w], lr=0.5)
    yield


@replayed
def step_of_an_optimizer_patched(cap):
    w = leaf(1, 2)
    opt = wg.optim.SGD([w], lr=0.1)

    def step(x):
        opt.zero_grad()
        (w * x).sum().backward()
        opt.step()

    yield cap(step), lambda: w
    opt.step = wg.no_grad()(lambda: w.sub_(w.grad, alpha=3.0))
    yield


@replayed
def lambda_in_a_default(cap):
    def f(x, act=lambda x: x * 2):
        return act(x)

    yield cap(lambda x: f(x))
    f.__defaults__ = (lambda x: x * 5,)
    yield


@replayed
def annotations_read_as_a_table(cap):
    class Config:
        k: "2.0"

    yield cap(lambda x: x * float(Config.__annotations__["k"]))
    Config.__annotations__["k"] = "5.0"
    yield


@replayed
def docstring_and_name(cap):
    def g():
        """2.0"""

    yield cap(lambda x: x * float(g.__doc__) * len(g.__name__))
    g.__doc__ = "5.0"
    yield
    g.__name__ = "longer"
    yield
