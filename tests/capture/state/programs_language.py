"""State that is read by every form of the language."""

import contextlib
import contextvars
import enum
from typing import NamedTuple

from tests.capture.state.programs import module, replayed


class Config:
    def __init__(self, **names):
        vars(self).update(names)


@replayed
def closures_three_deep(cap):
    k = 2.0

    def outer():
        def middle():
            def inner():
                return k

            return inner

        return middle

    yield cap(lambda x: x * outer()()())
    k = 5.0
    yield


@replayed
def generator_made_inside(cap):
    weights = [1.0, 2.0, 3.0]

    def scaled():
        for w in weights:
            yield w * 2

    yield cap(lambda x: sum(x * w for w in scaled()))
    weights[1] = 9.0
    yield
    weights.append(1.5)
    yield


@replayed
def comprehensions(cap):
    table = {"a": 1.0, "b": 2.0}
    yield cap(lambda x: x * sum({k: v * 2 for k, v in table.items() if k != "c"}.values()))
    table["b"] = 5.0
    yield
    table["d"] = 1.0
    yield


@replayed
def default_arguments(cap):
    def f(x, k=2.0, *, table={"s": 1.0}):  # noqa: B006
        return x * k * table["s"]

    yield cap(lambda x: f(x))
    f.__defaults__ = (5.0,)
    yield
    f.__kwdefaults__["table"]["s"] = 3.0
    yield
    f.__kwdefaults__ = {"table": {"s": 4.0}}
    yield


@replayed
def defaults_of_the_function_itself(cap):
    def f(x, k=2.0, *, s=1.0):
        return x * k * s

    yield cap(f)
    f.__defaults__ = (5.0,)
    yield
    f.__kwdefaults__["s"] = 3.0
    yield


@replayed
def super_calls(cap):
    class Base:
        k = 2.0

        def scale(self, x):
            return x * self.k

    class Middle(Base):
        def scale(self, x):
            return super().scale(x) + 1

    class Last(Middle):
        def scale(self, x):
            return super(Middle, self).scale(x) + super().scale(x)

    obj = Last()
    yield cap(obj.scale)
    Base.k = 5.0
    yield
    Base.scale = lambda self, x: x - self.k
    yield
    Middle.k = 7.0
    yield


class Mode(enum.Enum):
    MEAN = "mean"
    SUM = "sum"


@replayed
def enum_member(cap):
    mode = Mode.MEAN
    yield cap(lambda x: x.mean() if mode is Mode.MEAN else x.sum())
    mode = Mode.SUM
    yield
    mode = Mode("mean")
    yield


@replayed
def enum_attribute(cap):
    class Level(enum.IntEnum):
        LOW = 1
        HIGH = 3

        @property
        def factor(self):
            return self.value * scale

    level, scale = Level.LOW, 2.0
    yield cap(lambda x: x * level.factor)
    level = Level.HIGH
    yield
    scale = 0.5
    yield


class Pair(NamedTuple):
    a: float
    b: object

    def total(self):
        return self.a + self.b["k"]


@replayed
def namedtuple(cap):
    pair = Pair(1.0, {"k": 2.0})
    yield cap(lambda x: x * pair.total() + pair.a)
    pair.b["k"] = 5.0
    yield
    pair = pair._replace(a=3.0)
    yield


@replayed
def contextvar(cap):
    rate = contextvars.ContextVar("rate", default=2.0)
    yield cap(lambda x: x * rate.get())
    rate.set(5.0)
    yield


@replayed
def contextmanager(cap):
    level = [1.0]

    @contextlib.contextmanager
    def raised(by):
        yield level[0] * by

    def f(x):
        with raised(2.0) as k:
            return x * k

    yield cap(f)
    level[0] = 5.0
    yield


@replayed
def contextmanager_that_restores(cap):
    cfg = Config(k=1.0, hot=3.0)

    @contextlib.contextmanager
    def temporarily(**names):
        before = {n: getattr(cfg, n) for n in names}
        vars(cfg).update(names)
        try:
            yield
        finally:
            vars(cfg).update(before)

    def f(x):
        with temporarily(k=cfg.hot):
            y = x * cfg.k
        return y + x * cfg.k

    yield cap(f), lambda: vars(cfg)
    cfg.k = 2.0
    yield
    cfg.hot = 7.0
    yield


@replayed
def match_statement(cap):
    loss = {"kind": "huber", "delta": 2.0}

    def f(x):
        match loss:
            case {"kind": "huber", "delta": d}:
                return x * d
            case {"kind": "l1", **rest}:
                return x.abs() + len(rest)
            case _:
                return x

    yield cap(f)
    loss["delta"] = 5.0
    yield
    loss["kind"] = "l1"
    yield
    loss["more"] = 1
    yield
    loss = None
    yield


@replayed
def match_classes(cap):
    class Point:
        __match_args__ = ("a", "b")

        def __init__(self, a, b):
            self.a, self.b = a, b

    p = Point(1.0, 2.0)

    def f(x):
        match p:
            case Point(1.0, b):
                return x * b
            case Point(a, b=2.0):
                return x * a
            case [first, *rest]:
                return x * first * len(rest)
        return x

    yield cap(f)
    p.b = 5.0
    yield
    p.a, p.b = 3.0, 2.0
    yield
    p = [2.0, 1.0]
    yield
    p.append(5.0)
    yield


@replayed
def walrus_and_star_unpacking(cap):
    values, table = [1.0, 2.0, 3.0], {"scale": 2.0}

    def f(x):
        first, *rest = values
        if (s := table["scale"]) > 1:
            return x * first * s + len(rest)
        return x * rest[-1]

    yield cap(f)
    values[0] = 5.0
    yield
    values.append(9.0)
    yield
    table["scale"] = 0.5
    yield


@replayed
def keywords_unpacked(cap):
    options = {"k": 2.0, "s": 1.0}

    def g(x, k=0.0, s=0.0, t=0.0):
        return x * k + s + t

    yield cap(lambda x: g(x, **options))
    options["k"] = 5.0
    yield
    options["t"] = 3.0
    yield
    del options["s"]
    yield


@replayed
def f_string_names(cap):
    table, name = {"rate_1": 2.0, "rate_2": 3.0}, 1
    yield cap(lambda x: x * table[f"rate_{name}"])
    name = 2
    yield
    table["rate_2"] = 7.0
    yield


@replayed
def try_except_on_a_key(cap):
    table = {}

    def f(x):
        try:
            return x * table["k"]
        except KeyError:
            return x

    yield cap(f)
    table["k"] = 5.0
    yield
    del table["k"]
    yield


@replayed
def globals_of_a_module(cap):
    m = module("K = 2.0\ndef f(x):\n    return x * globals()['K'] * vars(me)['K']\n")
    m.me = m
    yield cap(m.f)
    m.K = 5.0
    yield


@replayed
def vars_of_an_object(cap):
    cfg = Config(k=2.0)
    yield cap(lambda x: x * vars(cfg)["k"] * cfg.__dict__["k"] * sum(vars(cfg).values()))
    cfg.k = 5.0
    yield
    cfg.s = 3.0
    yield


@replayed
def exec_and_eval(cap):
    names = {"k": 2.0}
    expression = "x * k"
    yield cap(lambda x: eval(expression, names, {"x": x}))
    names["k"] = 5.0
    yield
    expression = "x + k"
    yield
