"""State that is reached through something else than a variable of the function."""

import functools
import operator
import types
import weakref

import wengert as wg
from tests.capture.captures import ones
from tests.capture.state.programs import module, refused, replayed


class Config:
    def __init__(self, **names):
        vars(self).update(names)


@replayed
def another_method(cap):
    class Net(wg.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.cfg = ones(wg.nn.Linear(2, 2)), Config(k=2.0)

        def forward(self, x):
            return self.scale(self.inner(x))

        def scale(self, x):
            return x * self.cfg.k

    net = Net()
    yield cap(net)
    net.cfg.k = 5.0
    yield
    net.cfg = Config(k=7.0)
    yield


@replayed
def property_of_an_object(cap):
    class Schedule:
        def __init__(self):
            self.epoch = 1

        @property
        def rate(self):
            return 0.5**self.epoch

    s = Schedule()
    yield cap(lambda x: x * s.rate)
    s.epoch = 3
    yield


@replayed
def property_replaced(cap):
    class Schedule:
        @property
        def rate(self):
            return 2.0

    s = Schedule()
    yield cap(lambda x: x * s.rate)
    Schedule.rate = property(lambda self: 5.0)
    yield
    Schedule.rate = 7.0
    yield


@replayed
def cached_property(cap):
    class Table:
        size = 3

        @functools.cached_property
        def weights(self):
            return [1.0 / (i + 1) for i in range(self.size)]

    t = Table()
    yield cap(lambda x: x * sum(t.weights))
    t.weights = [2.0]
    yield


@replayed
def static_and_class_methods(cap):
    class Tools:
        k = 2.0

        @staticmethod
        def twice(x):
            return x * 2

        @classmethod
        def scale(cls, x):
            return cls.twice(x) * cls.k

    class Mine(Tools):
        pass

    yield cap(lambda x: Mine.scale(x))
    Tools.k = 5.0
    yield
    Mine.k = 7.0
    yield
    Mine.twice = staticmethod(lambda x: x * 3)
    yield


@replayed
def function_of_another_module(cap):
    m = module("RATE = 2.0\ndef scale(x):\n    return x * RATE\n")
    yield cap(lambda x: m.scale(x))
    m.RATE = 5.0
    yield
    m.scale = lambda x: x + 1
    yield


@replayed
def function_of_another_module_by_name(cap):
    m = module("cfg = {'a': {'rate': 2.0}}\ndef rate():\n    return cfg['a']['rate']\n")
    rate = m.rate
    yield cap(lambda x: x * rate())
    m.cfg["a"]["rate"] = 5.0
    yield
    m.cfg = {"a": {"rate": 7.0}}
    yield


@replayed
def two_modules_deep(cap):
    low = module("K = 2.0\ndef f(x):\n    return x * K\n", "low")
    high = module("def g(x):\n    return low.f(x) + 1\n", "high", low=low)
    yield cap(high.g)
    low.K = 5.0
    yield


@replayed
def module_reloaded(cap):
    source = "def f(x):\n    return x * {}\n"
    m = module(source.format(2.0))
    yield cap(lambda x: m.f(x))
    exec(source.format(5.0), vars(m))
    yield


@replayed
def partial_of_a_function(cap):
    class Box:
        k = 2.0

    def scale(x, box, shift=0.0):
        return x * box.k + shift

    f = functools.partial(scale, box=Box, shift=1.0)
    yield cap(f)
    Box.k = 5.0
    yield
    f.keywords["shift"] = 3.0
    yield


@replayed
def partial_inside(cap):
    cfg = {"k": 2.0}
    f = functools.partial(lambda c, x: x * c["k"], cfg)
    yield cap(lambda x: f(x) + 1)
    cfg["k"] = 5.0
    yield
    f = functools.partial(lambda c, x: x * c, 3.0)
    yield


@replayed
def partialmethod(cap):
    class Act:
        base = 2.0

        def power(self, x, n):
            return x**n * self.base

        square = functools.partialmethod(power, n=2)

    a = Act()
    yield cap(lambda x: a.square(x))
    a.base = 5.0
    yield
    Act.square = functools.partialmethod(Act.power, n=3)
    yield


@replayed
def lru_cache(cap):
    k = 2.0

    @functools.lru_cache
    def factor(n):
        return k * n

    yield cap(lambda x: x * factor(3))
    k = 5.0
    factor.cache_clear()
    yield


@replayed
def wrapped_function(cap):
    k = 2.0

    def times(fn):
        @functools.wraps(fn)
        def inner(x):
            return fn(x) * k

        return inner

    f = times(times(lambda x: x + 1))
    yield cap(f)
    k = 3.0
    yield


@replayed
def singledispatch(cap):
    k = 2.0

    @functools.singledispatch
    def f(x):
        return x

    @f.register(wg.Tensor)
    def _(x):
        return x * k

    yield cap(lambda x: f(x) + 1)
    k = 5.0
    yield


@replayed
def metaclass(cap):
    class Meta(type):
        def __getattr__(cls, name):
            return cls.table[name]

        def __len__(cls):
            return cls.size

    class Constants(metaclass=Meta):
        table = {"rate": 2.0}
        size = 1

    yield cap(lambda x: x * Constants.rate + len(Constants))
    Constants.table["rate"] = 5.0
    yield
    Constants.size = 4
    yield


@replayed
def descriptor_of_the_users(cap):
    class Field:
        def __set_name__(self, owner, name):
            self.name = "_" + name

        def __get__(self, obj, owner=None):
            return getattr(obj, self.name) * 2

        def __set__(self, obj, value):
            setattr(obj, self.name, value)

    class Params:
        k = Field()

        def __init__(self):
            self.k = 2.0

    p = Params()
    yield cap(lambda x: x * p.k)
    p.k = 5.0
    yield


@replayed
def getattribute_of_the_users(cap):
    class Proxy:
        def __init__(self, target):
            object.__setattr__(self, "target", target)

        def __getattribute__(self, name):
            return getattr(object.__getattribute__(self, "target"), name)

    inner = Config(k=2.0)
    p = Proxy(inner)
    yield cap(lambda x: x * p.k)
    inner.k = 5.0
    yield
    object.__setattr__(p, "target", Config(k=9.0))
    yield


@replayed
def computed_names(cap):
    cfg, name = Config(a_rate=2.0, b_rate=3.0), "a"
    yield cap(lambda x: x * getattr(cfg, name + "_rate"))
    cfg.a_rate = 5.0
    yield
    name = "b"
    yield


@replayed
def getters_of_operator(cap):
    cfg = Config(inner=Config(k=2.0), table={"k": 2.0}, scale=lambda x: x * 2)
    k, item = operator.attrgetter("inner.k"), operator.itemgetter("k")
    scale = operator.methodcaller("scale", 2.0)
    yield cap(lambda x: x * k(cfg) * item(cfg.table) * scale(cfg))
    cfg.inner.k = 5.0
    yield
    cfg.table["k"] = 7.0
    yield
    cfg.scale = lambda x: x * 3
    yield


@refused  # a program would keep the object
def weak_reference(cap):
    cfg, other = Config(k=2.0), Config(k=9.0)
    ref = weakref.ref(cfg)
    table = weakref.WeakValueDictionary({"cfg": cfg})
    yield cap(lambda x: x * ref().k * table["cfg"].k)
    cfg.k = 5.0
    yield
    table["cfg"] = other
    yield


@refused
def weak_reference_dies(cap):
    cfg = Config(k=2.0)
    ref = weakref.ref(cfg)

    def f(x):
        c = ref()
        return x if c is None else x * c.k

    yield cap(f)
    cfg = None
    yield


@replayed
def class_attribute_inherited(cap):
    class Base:
        k = 2.0

    class Sub(Base):
        pass

    class Leaf(Sub):
        pass

    obj = Leaf()
    yield cap(lambda x: x * obj.k)
    Base.k = 5.0
    yield
    Sub.k = 7.0
    yield
    Leaf.k = 9.0
    yield
    obj.k = 11.0
    yield
    del obj.k
    yield


@replayed
def class_of_an_object_replaced(cap):
    class A:
        def f(self, x):
            return x * 2

    class B:
        def f(self, x):
            return x * 5

    obj = A()
    yield cap(lambda x: obj.f(x))
    obj.__class__ = B
    yield


@replayed
def bases_replaced(cap):
    class A:
        k = 2.0

    class B:
        k = 5.0

    class C(A):
        pass

    yield cap(lambda x: x * C.k + C().k)
    C.__bases__ = (B,)
    yield


@replayed
def object_made_inside(cap):
    class Scale:
        default = 2.0

        def __init__(self, k=None):
            self.k = self.default if k is None else k

        def __call__(self, x):
            return x * self.k

    yield cap(lambda x: Scale()(x) + Scale(3.0)(x))
    Scale.default = 5.0
    yield


@refused
def calls_are_counted_by_a_wrapper(cap):
    def counted(fn):
        def wrapper(x):
            wrapper.calls += 1
            return fn(x)

        wrapper.calls = 0
        return wrapper

    f = counted(lambda x: x * 2)
    yield cap(f), lambda: f.calls


@replayed
def attribute_of_a_function(cap):
    def f(x):
        return x * f.k

    f.k = 2.0
    yield cap(f)
    f.k = 5.0
    yield


@replayed
def bound_method_kept(cap):
    class A:
        def __init__(self, k):
            self.k = k

        def scale(self, x):
            return x * self.k

    a = A(2.0)
    scale = a.scale
    yield cap(lambda x: scale(x))
    a.k = 5.0
    yield
    scale = A(7.0).scale
    yield


@replayed
def method_type_by_hand(cap):
    owner = Config(k=2.0)
    f = types.MethodType(lambda self, x: x * self.k, owner)
    yield cap(f)
    owner.k = 5.0
    yield


@replayed
def table_of_functions(cap):
    acts = {"relu": lambda x: x.relu(), "scaled": lambda x: x * k}
    which, k = "scaled", 2.0
    yield cap(lambda x: acts[which](x))
    k = 5.0
    yield
    acts["scaled"] = lambda x: x * 7
    yield
    which = "relu"
    yield


@replayed
def recursion(cap):
    depth = 3

    def f(x, n=0):
        return x if n >= depth else f(x * 2, n + 1)

    yield cap(f)
    depth = 5
    yield


@replayed
def local_import(cap):
    def f(x):
        import sys

        return x * sys.modules["state_of_mine"].k

    import sys

    sys.modules["state_of_mine"] = module("k = 2.0")
    try:
        yield cap(f)
        sys.modules["state_of_mine"].k = 5.0
        yield
        sys.modules["state_of_mine"] = module("k = 7.0")
        yield
    finally:
        del sys.modules["state_of_mine"]


@replayed
def from_import_inside(cap):
    import sys

    def f(x):
        from state_of_mine import k

        return x * k

    sys.modules["state_of_mine"] = module("k = 2.0")
    try:
        yield cap(f)
        sys.modules["state_of_mine"].k = 5.0
        yield
        sys.modules["state_of_mine"] = module("k = 7.0")
        yield
    finally:
        del sys.modules["state_of_mine"]
