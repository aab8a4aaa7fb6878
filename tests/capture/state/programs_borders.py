"""Containers and numbers that pass the function's border."""

import collections
import dataclasses
import types

import numpy as np

import wengert as wg
from tests.capture.state.programs import equal, refused, replayed


class AttrDict(dict):
    __getattr__ = dict.__getitem__


@dataclasses.dataclass
class Batch:
    x: object
    k: float = 2.0


def called(cap, f, *others):
    """f captured, called with x and these."""
    step = cap(f)
    return lambda x: step(x, *others)


@equal
def list_appended(cap):
    out = []
    yield called(cap, lambda x, o: o.append(x * 2), out), lambda: out


@equal
def list_appended_with_numbers(cap):
    out = []

    def f(x, o):
        o.append(len(o))
        return x * 2

    yield called(cap, f, out), lambda: out


@equal
def list_of_a_fresh_call_filled(cap):
    step = cap(lambda x, o: o.extend([x, x * 2]))

    def call(x):
        out = []
        step(x, out)
        return out

    yield call


@equal
def list_emptied(cap):
    step = cap(lambda x, parts: sum(parts.pop() for _ in range(2)) * x)

    def call(x):
        parts = [x, x + 1, x + 2]
        return step(x, parts), parts

    yield call


@equal
def list_item_replaced(cap):
    def f(parts):
        parts[0] = parts[0] * 2

    step = cap(f)

    def call(x):
        parts = [x, x + 1]
        step(parts)
        return parts

    yield call


@equal
def dict_filled(cap):
    def f(x, out):
        out["y"] = x * 2
        out["n"] = 3

    step = cap(f)

    def call(x):
        out = {}
        step(x, out)
        return out

    yield call


@equal
def dict_key_removed(cap):
    step = cap(lambda batch: batch.pop("x") * 2)

    def call(x):
        batch = {"x": x, "y": x + 1}
        return step(batch), batch

    yield call


@equal
def dict_of_lists_filled(cap):
    step = cap(lambda x, logs: logs["losses"].append(x.sum()))

    def call(x):
        logs = {"losses": []}
        step(x, logs)
        return logs

    yield call


@equal
def list_sorted_in_place(cap):
    def f(x, order):
        order.sort()
        return x * order[0]

    step = cap(f)

    def call(x):
        order = [3.0, 2.0]
        return step(x, order), order

    yield call


@equal
def array_argument_changed(cap):
    def f(x, a):
        a[0] += 1.0
        return x * 2

    step = cap(f)
    a = np.zeros(2, dtype=np.float32)
    yield lambda x: step(x, a), lambda: a


@replayed
def ordered_dict_argument(cap):
    step = cap(lambda d: d["x"] * d["k"])
    k = 2.0
    yield lambda x: step(collections.OrderedDict(x=x, k=k))
    k = 5.0
    yield


@replayed
def ordered_dict_result(cap):
    yield cap(lambda x: collections.OrderedDict(y=x * 2, z=x + 1))


@equal
def attribute_dict_argument(cap):
    step = cap(lambda batch: batch.x * batch.k)
    k = 2.0
    yield lambda x: step(AttrDict(x=x, k=k))
    k = 5.0
    yield


@equal
def attribute_dict_result(cap):
    yield cap(lambda x: AttrDict(y=x * 2, n=3))


@equal
def default_dict_result(cap):
    def f(x):
        d = collections.defaultdict(list)
        d["y"].append(x * 2)
        return d

    yield cap(f)


@equal
def dataclass_argument(cap):
    step = cap(lambda b: b.x * b.k)
    k = 2.0
    yield lambda x: step(Batch(x, k))
    k = 5.0
    yield


@equal
def dataclass_argument_kept(cap):
    step = cap(lambda x, b: x * b.k)
    b = Batch(None)
    yield lambda x: step(x, b)
    b.k = 5.0
    yield


@equal
def dataclass_result(cap):
    yield cap(lambda x: Batch(x * 2, 3.0))


@equal
def namespace_argument(cap):
    step = cap(lambda x, cfg: x * cfg.k)
    cfg = types.SimpleNamespace(k=2.0)
    yield lambda x: step(x, cfg)
    cfg.k = 5.0
    yield


@equal
def object_argument_changed(cap):
    def f(x, b):
        b.k += 1
        return x * b.k

    b = Batch(None)
    yield called(cap, f, b), lambda: b.k


@replayed
def namedtuple_argument_and_result(cap):
    pair = collections.namedtuple("pair", "a b")
    step = cap(lambda p: pair(p.a * p.b, p.b))
    k = 2.0
    yield lambda x: step(pair(x, k))
    k = 5.0
    yield


@replayed
def nested_argument_and_result(cap):
    step = cap(lambda b: {"y": [b["x"][0] * 2, (b["x"][1][0], b["k"])]})
    k = 2.0
    yield lambda x: step({"x": [x, (x + 1,)], "k": k})
    k = 5.0
    yield


@replayed
def array_of_no_dimensions_argument(cap):
    step = cap(lambda x, k: x * wg.as_tensor(k))
    k = np.array(2.0)
    yield lambda x: step(x, k)
    k = np.array(5.0)
    yield
    k[...] = 7.0
    yield


@replayed
def tensor_of_no_dimensions_argument(cap):
    step = cap(lambda x, k: x * k)
    k = wg.tensor(2.0)
    yield lambda x: step(x, k)
    k.fill_(5.0)
    yield


@replayed
def numpy_scalar_argument(cap):
    step = cap(lambda x, k: x * float(k))
    k = 2.0
    yield lambda x: step(x, np.float64(k))
    k = 5.0
    yield


@replayed
def numpy_integer_argument(cap):
    step = cap(lambda x, n: x * int(n) + x[int(n) % 2])
    n = 2
    yield lambda x: step(x, np.int64(n))
    n = 3
    yield


@equal
def float_that_changes_at_every_call(cap):
    step = cap(lambda x, t: x * t)
    n = 0

    def call(x):
        nonlocal n
        n += 1
        return step(x, n * 0.5)

    yield call


@equal
def numpy_scalar_that_changes_at_every_call(cap):
    step = cap(lambda x, t: x * float(t))
    n = 0

    def call(x):
        nonlocal n
        n += 1
        return step(x, np.float32(n))

    yield call


@replayed
def array_argument(cap):
    step = cap(lambda x, a: x * wg.as_tensor(a))
    a = np.array([1.0, 2.0], dtype=np.float32)
    yield lambda x: step(x, a)
    a[0] = 5.0
    yield
    a = a.astype(np.float64)
    yield


@replayed
def arrays_in_a_dict_argument(cap):
    step = cap(lambda b: b["x"] * wg.as_tensor(b["a"]))
    a = np.array([1.0, 2.0], dtype=np.float32)
    yield lambda x: step({"x": x, "a": a})
    a[0] = 5.0
    yield


@replayed
def text_argument(cap):
    step = cap(lambda x, how: x.mean() if how == "mean" else x.sum())
    how = "mean"
    yield lambda x: step(x, how)
    how = "sum"
    yield


@replayed
def function_argument(cap):
    step = cap(lambda x, act: act(x))
    k = 2.0
    act = lambda x: x * k  # noqa: E731
    yield lambda x: step(x, act)
    k = 5.0
    yield
    act = wg.relu
    yield


@replayed
def module_argument(cap):
    step = cap(lambda m, x: m(x) * m.k)
    m = wg.nn.Linear(2, 2)
    m.k = 2.0
    yield lambda x: step(m, x)
    m.k = 5.0
    yield


@replayed
def list_of_numbers_argument(cap):
    step = cap(lambda x, ks: x * ks[0] + sum(ks))
    ks = [1.0, 2.0]
    yield lambda x: step(x, ks)
    ks[0] = 5.0
    yield
    ks.append(3.0)
    yield


@equal
def set_argument(cap):
    step = cap(lambda x, names: x * (2 if "b" in names else 3))
    names = {"a"}
    yield lambda x: step(x, names)
    names.add("b")
    yield


@equal
def deque_argument(cap):
    step = cap(lambda x, d: x * d[0])
    d = collections.deque([2.0])
    yield lambda x: step(x, d)
    d[0] = 5.0
    yield


@replayed
def equal_arguments_of_other_types(cap):
    step = cap(lambda x, k: x * (2 if isinstance(k, bool) else 3 if isinstance(k, int) else k))
    k = 1
    yield lambda x: step(x, k)
    k = True
    yield
    k = 1.0
    yield
    k = -0.0
    yield
    k = 0.0
    yield


@replayed
def keyword_and_default(cap):
    step = cap(lambda x, *, k=2.0, **more: x * k + sum(more.values()))
    options = {}
    yield lambda x: step(x, **options)
    options["k"] = 5.0
    yield
    options["z"] = 1.0
    yield


@replayed
def list_result_is_the_callers(cap):
    step = cap(lambda x: [x * 2, [x + 1]])

    def call(x):
        out = step(x)
        out[1].append(3)
        out.append(4)
        return out

    yield call


@replayed
def dict_result_is_the_callers(cap):
    step = cap(lambda x: {"y": x * 2, "meta": {"n": 1}})

    def call(x):
        out = step(x)
        out["meta"]["n"] += 1
        return out

    yield call


@equal
def array_result(cap):
    a = np.array([1.0, 2.0])
    yield cap(lambda x: (x * 2, a))
    a[0] = 5.0
    yield


@equal
def object_result_is_kept_outside(cap):
    b = Batch(None, 2.0)
    yield cap(lambda x: (x * b.k, b))
    b.k = 5.0
    yield


@equal
def list_result_is_kept_outside(cap):
    values = [1.0, 2.0]
    yield cap(lambda x: (x * 2, values))
    values[0] = 5.0
    yield


@equal
def set_result(cap):
    yield cap(lambda x: (x * 2, {1, 2}))


@equal
def generator_result(cap):
    step = cap(lambda x: (x * k for k in (1.0, 2.0)))
    yield lambda x: list(step(x))


@equal
def iterator_argument(cap):
    step = cap(lambda x, it: x * next(it))
    it = iter(range(100))
    yield lambda x: step(x, it)


@equal
def range_argument(cap):
    step = cap(lambda x, r: x * sum(r))
    r = range(3)
    yield lambda x: step(x, r)
    r = range(5)
    yield


@equal
def tuple_subclass_argument(cap):
    class Scaled(tuple):
        __slots__ = ()

        def total(self):
            return sum(self)

    step = cap(lambda x, t: x * t.total())
    t = Scaled([1.0, 2.0])
    yield lambda x: step(x, t)
    t = Scaled([3.0])
    yield


@equal
def same_list_twice(cap):
    def f(x, a, b):
        a.append(1.0)
        return x * len(b)

    step = cap(f)

    def call(x):
        shared = [1.0]
        return step(x, shared, shared), shared

    yield call


@refused
def list_argument_remembered(cap):
    kept = []

    def f(x, names):
        kept.append(len(names))
        return x

    yield called(cap, f, ["a"]), lambda: kept
