"""What is not there when the function is captured, and appears later."""

import contextlib
import sys
import types

import wengert as wg
from tests.capture.captures import ones
from tests.capture.state.programs import module, replayed


class Thing:
    pass


@replayed
def key_by_get(cap):
    d = {}
    yield cap(lambda x: x * d.get("k", 2.0))
    d["k"] = 5.0
    yield
    d.clear()
    yield


@replayed
def key_contained(cap):
    d = {"a": 1.0}
    yield cap(lambda x: x * d["k"] if "k" in d else x)
    d["k"] = 5.0
    yield


@replayed
def key_tried(cap):
    d = {"inner": {}}

    def f(x):
        try:
            return x * d["inner"]["k"]
        except KeyError:
            return x

    yield cap(f)
    d["inner"]["k"] = 5.0
    yield


@replayed
def attribute_tried(cap):
    t = Thing()

    def f(x):
        with contextlib.suppress(AttributeError):
            x = x * t.k
        return x

    yield cap(f)
    t.k = 5.0
    yield
    del t.k
    yield


@replayed
def attribute_by_hasattr(cap):
    t = Thing()
    yield cap(lambda x: x * t.k if hasattr(t, "k") else x)
    t.k = 5.0
    yield


@replayed
def attribute_appears_on_the_class(cap):
    class Sub(Thing):
        pass

    t = Sub()
    yield cap(lambda x: x * getattr(t, "k", 2.0))
    Sub.k = 5.0
    yield
    t.k = 7.0
    yield
    del t.k, Sub.k
    yield


@replayed
def attribute_of_a_module_of_the_users(cap):
    m = module("")
    yield cap(lambda x: x * getattr(m, "SCALE", 2.0))
    m.SCALE = 5.0
    yield


@replayed
def attribute_of_a_network(cap):
    class Net(wg.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = ones(wg.nn.Linear(2, 2))

        def forward(self, x):
            y = self.inner(x)
            if hasattr(self, "head"):
                y = self.head(y)
            return y * getattr(self, "scale", 1.0)

    net = Net()
    yield cap(net)
    net.scale = 5.0
    yield
    net.head = ones(wg.nn.Linear(2, 2))
    yield
    del net.head
    yield


@replayed
def optional_module_is_none(cap):
    class Net(wg.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.norm = ones(wg.nn.Linear(2, 2)), None
            self.register_parameter("gain", None)

        def forward(self, x):
            y = self.inner(x)
            if self.norm is not None:
                y = self.norm(y)
            return y if self.gain is None else y * self.gain

    net = Net()
    yield cap(net)
    net.norm = wg.nn.ReLU()
    yield
    net.gain = wg.nn.Parameter(wg.tensor([2.0, 3.0]))
    yield


@replayed
def empty_list_filled_later(cap):
    extra = []

    def f(x):
        for term in extra:
            x = x + term
        return x

    yield cap(f)
    extra.append(5.0)
    yield
    extra.clear()
    yield


@replayed
def empty_list_is_false(cap):
    extra = []
    yield cap(lambda x: x * 2 if extra else x)
    extra.append(None)
    yield


@replayed
def empty_dict_is_false(cap):
    t = types.SimpleNamespace(overrides={})
    yield cap(lambda x: x * t.overrides["k"] if t.overrides else x)
    t.overrides["k"] = 3.0
    yield


@replayed
def empty_set(cap):
    frozen = set()
    yield cap(lambda x: x * (2 if not frozen else 3))
    frozen.add("w")
    yield


@replayed
def or_default(cap):
    t = Thing()
    t.k = None
    yield cap(lambda x: x * (t.k or 2.0))
    t.k = 5.0
    yield
    t.k = 0.0
    yield


@replayed
def or_default_of_a_container(cap):
    d = {"rates": []}
    yield cap(lambda x: x * sum(d["rates"] or [2.0]))
    d["rates"].append(5.0)
    yield


@replayed
def getattr_falls_back(cap):
    class Config:
        defaults = {"k": 2.0}

        def __getattr__(self, name):
            try:
                return self.defaults[name]
            except KeyError:
                raise AttributeError(name) from None

    cfg = Config()
    yield cap(lambda x: x * cfg.k * getattr(cfg, "s", 1.0))
    cfg.defaults["k"] = 5.0
    yield
    cfg.k = 7.0
    yield
    Config.defaults["s"] = 3.0
    yield


@replayed
def global_by_name_error(cap):
    m = module(
        "def f(x):\n    try:\n        return x * LATE\n    except NameError:\n        return x\n"
    )
    yield cap(m.f)
    m.LATE = 5.0
    yield
    del m.LATE
    yield


@replayed
def global_shadows_a_builtin(cap):
    m = module("def f(x):\n    return x * max(1.0, 2.0)\n")
    yield cap(m.f)
    m.max = lambda *a: 5.0
    yield
    del m.max
    yield


@replayed
def global_in_globals(cap):
    m = module("def f(x):\n    return x * globals().get('LATE', 2.0)\n")
    yield cap(m.f)
    m.LATE = 5.0
    yield


@replayed
def unbound_variable_of_an_outer_function(cap):
    def f(x):
        try:
            return x * late
        except NameError:
            return x

    yield cap(f)
    late = 5.0
    yield


@replayed
def method_overridden_later(cap):
    class Base:
        def scale(self, x):
            return x * 2

    class Sub(Base):
        def go(self, x):
            return self.scale(x)

    obj = Sub()
    yield cap(obj.go)
    Sub.scale = lambda self, x: x * 5
    yield
    obj.scale = lambda x: x * 7
    yield


@replayed
def special_method_appears(cap):
    class Items:
        def __len__(self):
            return 3

    items = Items()
    yield cap(lambda x: x * 2 if items else x)
    Items.__bool__ = lambda self: False
    yield


@replayed
def module_imported_later(cap):
    def f(x):
        extra = sys.modules.get("state_of_mine")
        return x if extra is None else x * extra.k

    try:
        yield cap(f)
        sys.modules["state_of_mine"] = module("k = 5.0")
        yield
    finally:
        sys.modules.pop("state_of_mine", None)


@replayed
def import_that_fails(cap):
    def f(x):
        try:
            import state_of_mine
        except ImportError:
            return x
        return x * state_of_mine.k

    try:
        yield cap(f)
        sys.modules["state_of_mine"] = module("k = 5.0")
        yield
    finally:
        sys.modules.pop("state_of_mine", None)


@replayed
def index_tried(cap):
    values = [2.0]

    def f(x):
        try:
            return x * values[1]
        except IndexError:
            return x * values[0]

    yield cap(f)
    values.append(5.0)
    yield


@replayed
def next_with_a_default(cap):
    rules = []
    yield cap(lambda x: x * next((k for name, k in rules if name == "x"), 2.0))
    rules.append(("x", 5.0))
    yield


@replayed
def any_and_all(cap):
    flags = [False, False]
    yield cap(lambda x: x * 2 if any(flags) else x)
    flags[1] = True
    yield
    flags[:] = []
    yield


@replayed
def pop_with_a_default(cap):
    d = {}
    yield cap(lambda x: x * d.pop("k", 2.0))


@replayed
def list_counted_and_found(cap):
    names = ["a"]
    yield cap(lambda x: x * (names.count("b") + 1) + len([n for n in names if n == "b"]))
    names.append("b")
    yield


@replayed
def key_of_an_own_class(cap):
    class Key:
        def __init__(self, n):
            self.n = n

        def __hash__(self):
            return hash(self.n)

        def __eq__(self, other):
            return self.n == other.n

    d = {Key(1): 2.0}
    yield cap(lambda x: x * d.get(Key(2), 3.0) * d[Key(1)])
    d[Key(2)] = 5.0
    yield


@replayed
def gradient_is_none(cap):
    w, seen = wg.tensor([1.0, 2.0], requires_grad=True), []

    def f(x):
        return x * 2 if w.grad is None else x + w.grad

    yield cap(f), lambda: seen
    w.grad = wg.tensor([3.0, 4.0])
    yield
    w.grad = None
    yield


@replayed
def slot_unset(cap):
    class P:
        __slots__ = ("k",)

    p = P()
    yield cap(lambda x: x * getattr(p, "k", 2.0))
    p.k = 5.0
    yield
    del p.k
    yield


@replayed
def file_of_a_config(cap):
    import pathlib
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "rate.txt"
        cfg = {}

        def f(x):
            return x * cfg.get("rate", 2.0)

        yield cap(f)
        path.write_text("5.0")
        cfg["rate"] = float(path.read_text())
        yield
