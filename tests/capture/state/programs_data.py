"""State in data of every shape."""

import argparse
import collections
import dataclasses
import types

import wengert as wg
from tests.capture.state.programs import module, replayed


@replayed
def slots(cap):
    class P:
        __slots__ = ("k", "late")

        def __init__(self):
            self.k = 2.0

    p = P()
    yield cap(lambda x: x * p.k * (p.late if hasattr(p, "late") else 1.0))
    p.k = 5.0
    yield
    p.late = 3.0
    yield
    del p.late
    yield


@replayed
def dataclass(cap):
    @dataclasses.dataclass
    class Config:
        k: float = 2.0
        tags: list = dataclasses.field(default_factory=lambda: [1.0])

        def total(self):
            return self.k + sum(self.tags)

    cfg = Config()
    yield cap(lambda x: x * cfg.total())
    cfg.k = 5.0
    yield
    cfg.tags.append(3.0)
    yield


@replayed
def frozen_dataclass_with_slots(cap):
    @dataclasses.dataclass(frozen=True, slots=True)
    class Config:
        k: float = 2.0
        parts: dict = dataclasses.field(default_factory=lambda: {"a": 1.0})

    cfg = Config()
    yield cap(lambda x: x * cfg.k + cfg.parts["a"])
    cfg = dataclasses.replace(cfg, k=5.0)
    yield
    cfg.parts["a"] = 7.0
    yield
    object.__setattr__(cfg, "k", 3.0)
    yield


@replayed
def dataclass_as_a_dict(cap):
    @dataclasses.dataclass
    class Config:
        k: float = 2.0
        s: float = 1.0

    cfg = Config()
    yield cap(lambda x: x * sum(dataclasses.asdict(cfg).values()) + dataclasses.astuple(cfg)[1])
    cfg.k = 5.0
    yield
    cfg.s = 3.0
    yield


@replayed
def dataclass_compared(cap):
    @dataclasses.dataclass
    class Config:
        k: float = 2.0

    a, b = Config(), Config()
    yield cap(lambda x: x if a == b else -x)
    b.k = 5.0
    yield


@replayed
def simple_namespace(cap):
    cfg = types.SimpleNamespace(model=types.SimpleNamespace(width=2.0), k=1.0)
    yield cap(lambda x: x * cfg.model.width * cfg.k)
    cfg.model.width = 5.0
    yield
    cfg.model = types.SimpleNamespace(width=7.0)
    yield


@replayed
def parsed_arguments(cap):
    args = argparse.Namespace(lr=0.1, momentum=0.0)
    yield cap(lambda x: x * args.lr + args.momentum)
    args.lr = 0.5
    yield
    vars(args)["momentum"] = 0.9
    yield


@replayed
def deep_config(cap):
    cfg = {"a": [{"b": ({"c": types.SimpleNamespace(d={"e": [1.0, {"k": 2.0}]})},)}]}
    yield cap(lambda x: x * cfg["a"][0]["b"][0]["c"].d["e"][1]["k"])
    cfg["a"][0]["b"][0]["c"].d["e"][1]["k"] = 5.0
    yield
    cfg["a"][0]["b"][0]["c"].d = {"e": [1.0, {"k": 7.0}]}
    yield


@replayed
def objects_eight_deep(cap):
    top = types.SimpleNamespace(k=2.0)
    last = top
    for _ in range(8):
        top = types.SimpleNamespace(next=top)

    def f(x):
        at = top
        while hasattr(at, "next"):
            at = at.next
        return x * at.k

    yield cap(f)
    last.k = 5.0
    yield
    last.next = types.SimpleNamespace(k=7.0)
    yield


@replayed
def long_list_summed(cap):
    values = [float(i) for i in range(500)]
    yield cap(lambda x: x * sum(values))
    values[400] = -1.0
    yield


@replayed
def long_list_indexed(cap):
    values = [float(i) for i in range(500)]
    yield cap(lambda x: x * values[-1] + values[250])
    values[250] = -1.0
    yield
    values.append(3.0)
    yield


@replayed
def long_dict(cap):
    table = {f"k{i}": float(i) for i in range(300)}
    yield cap(lambda x: x * sum(v for k, v in table.items() if k.endswith("7")))
    table["k297"] = 0.0
    yield
    del table["k7"]
    yield


@replayed
def list_of_lists(cap):
    grid = [[1.0, 2.0], [3.0, 4.0]]
    yield cap(lambda x: x * sum(sum(row) for row in grid) + grid[1][0])
    grid[0][1] = 9.0
    yield
    grid[1] = [0.0]
    yield


@replayed
def list_given_to_an_operation(cap):
    shift, where = [1.0, 2.0], [0, 1]
    yield cap(lambda x: x[where] + wg.tensor(shift))
    shift[0] = 5.0
    yield
    where.reverse()
    yield
    shift[:] = [7.0, 8.0]
    yield


@replayed
def nested_list_given_to_an_operation(cap):
    m = [[1.0, 2.0], [3.0, 4.0]]
    yield cap(lambda x: wg.tensor(m) @ x)
    m[1][0] = 9.0
    yield


@replayed
def slice_of_a_list(cap):
    values, n = [1.0, 2.0, 3.0, 4.0], 2
    yield cap(lambda x: x * sum(values[:n]) - values[-1])
    values[1] = 7.0
    yield
    n = 3
    yield


@replayed
def set_contains(cap):
    frozen = {"bias"}
    yield cap(lambda x: x if "weight" in frozen else x * 2)
    frozen.add("weight")
    yield
    frozen.clear()
    yield


@replayed
def set_of_numbers(cap):
    s = {1.0, 2.0}
    yield cap(lambda x: x * sum(sorted(s)) * len(s))
    s.add(5.0)
    yield
    s -= {1.0}
    yield
    s = frozenset(s | {8.0})
    yield


@replayed
def set_operations(cap):
    a, b = {1, 2, 3}, {2, 3}
    yield cap(lambda x: x * len(a & b) + len(a - b) + (b <= a))
    b.add(1)
    yield
    a.discard(3)
    yield


@replayed
def deque(cap):
    d = collections.deque([1.0, 2.0, 3.0], maxlen=3)
    yield cap(lambda x: x * d[0] + sum(d))
    d.append(9.0)
    yield
    d.rotate(1)
    yield


@replayed
def ordered_dict(cap):
    d = collections.OrderedDict(a=1.0, b=2.0)
    yield cap(lambda x: x * next(iter(d.values())) + list(d)[-1].count("a"))
    d.move_to_end("a")
    yield
    d["b"] = 5.0
    yield


@replayed
def default_dict(cap):
    d = collections.defaultdict(lambda: 2.0, a=1.0)
    yield cap(lambda x: x * d["a"] * d["b"])
    d["b"] = 5.0
    yield
    d["a"] = 7.0
    yield


@replayed
def counter(cap):
    c = collections.Counter("aab")
    yield cap(lambda x: x * c["a"] + c["z"] + c.most_common(1)[0][1])
    c.update("zzzz")
    yield


@replayed
def chain_map(cap):
    base, over = {"k": 2.0, "s": 1.0}, {}
    cfg = collections.ChainMap(over, base)
    yield cap(lambda x: x * cfg["k"] + cfg.get("s", 0.0))
    base["k"] = 5.0
    yield
    over["k"] = 7.0
    yield
    cfg.maps.insert(0, {"s": 3.0})
    yield


@replayed
def mapping_proxy(cap):
    inner = {"k": 2.0}
    view = types.MappingProxyType(inner)
    yield cap(lambda x: x * view["k"] * view.get("s", 1.0) * len(view))
    inner["k"] = 5.0
    yield
    inner["s"] = 3.0
    yield


@replayed
def user_dict(cap):
    class Config(collections.UserDict):
        pass

    cfg = Config(k=2.0)
    yield cap(lambda x: x * cfg["k"] * len(cfg))
    cfg["k"] = 5.0
    yield
    cfg["s"] = 1.0
    yield


@replayed
def user_list(cap):
    values = collections.UserList([1.0, 2.0])
    yield cap(lambda x: x * values[0] + sum(values))
    values[0] = 5.0
    yield
    values.append(3.0)
    yield


@replayed
def subclass_of_dict(cap):
    class AttrDict(dict):
        def __getattr__(self, name):
            return self[name]

    cfg = AttrDict(opt=AttrDict(lr=2.0))
    yield cap(lambda x: x * cfg.opt.lr)
    cfg.opt["lr"] = 5.0
    yield
    cfg["opt"] = AttrDict(lr=7.0)
    yield


@replayed
def subclass_of_dict_with_missing(cap):
    class Defaults(dict):
        fallback = 2.0

        def __missing__(self, key):
            return self.fallback

    cfg = Defaults()
    yield cap(lambda x: x * cfg["k"])
    Defaults.fallback = 5.0
    yield
    cfg["k"] = 7.0
    yield


@replayed
def subclass_of_list(cap):
    class Scaled(list):
        scale = 2.0

        def __getitem__(self, i):
            return super().__getitem__(i) * self.scale

    values = Scaled([1.0, 2.0])
    yield cap(lambda x: x * values[1])
    values.scale = 5.0
    yield
    values[1] = 7.0
    yield


@replayed
def dictionary_views(cap):
    d = {"a": 1.0, "b": 2.0}
    keys, values = d.keys(), d.values()
    yield cap(lambda x: x * sum(values) + len(keys) + ("c" in keys))
    d["c"] = 5.0
    yield


@replayed
def keys_that_are_tuples_and_objects(cap):
    key = object()
    d = {(1, "a"): 2.0, key: 3.0, wg.float32: 4.0, int: 5.0}
    yield cap(lambda x: x * d[1, "a"] + d[key] + d[x.dtype] + d[int])
    d[1, "a"] = 7.0
    yield
    d[key] = 8.0
    yield
    d[wg.float32] = 9.0
    yield
    d[int] = 1.0
    yield


@replayed
def modules_in_a_list_of_configs(cap):
    layers = [("scale", {"by": 2.0}), ("shift", {"by": 1.0})]
    ops = {"scale": lambda x, by: x * by, "shift": lambda x, by: x + by}

    def f(x):
        for name, options in layers:
            x = ops[name](x, **options)
        return x

    yield cap(f)
    layers[1][1]["by"] = 5.0
    yield
    layers.append(("scale", {"by": -1.0}))
    yield
    layers.reverse()
    yield


@replayed
def class_as_a_config(cap):
    class Config:
        lr = 2.0

        class Model:
            width = 3.0

    yield cap(lambda x: x * Config.lr * Config.Model.width)
    Config.Model.width = 5.0
    yield
    Config.Model = type("Model", (), {"width": 7.0})
    yield


@replayed
def module_as_a_config(cap):
    cfg = module("LR = 2.0\nclass Net:\n    depth = 3\n")
    yield cap(lambda x: x * cfg.LR * cfg.Net.depth)
    cfg.LR = 5.0
    yield
    cfg.Net.depth = 4
    yield


@replayed
def dictionary_of_a_class(cap):
    class Config:
        k = 2.0

    yield cap(lambda x: x * Config.__dict__["k"] * vars(Config)["k"])
    Config.k = 5.0
    yield


@replayed
def sorted_by_an_attribute(cap):
    class Item:
        def __init__(self, rank, k):
            self.rank, self.k = rank, k

    items = [Item(1, 2.0), Item(2, 5.0)]
    yield cap(lambda x: x * sorted(items, key=lambda i: i.rank)[0].k)
    items[0].rank = 3
    yield
    items.append(Item(0, 9.0))
    yield


@replayed
def reduced_by_functions_of_c(cap):
    pairs = [(1.0, 2.0), (3.0, 4.0)]
    yield cap(lambda x: x * max(pairs)[1] + sum(map(min, pairs)) + dict(pairs)[1.0])
    pairs[0] = (1.0, 9.0)
    yield
    pairs.append((7.0, 0.5))
    yield


@replayed
def names_in_text(cap):
    spec = {"act": "tanh", "order": ["act", "double"]}

    def f(x):
        for step in spec["order"]:
            x = getattr(wg, spec["act"])(x) if step == "act" else x * 2
        return x

    yield cap(f)
    spec["order"].append("double")
    yield
    spec["act"] = "relu"
    yield
