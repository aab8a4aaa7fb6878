"""Functions that change a number, a flag or a container themselves."""

import collections

import wengert as wg
from tests.capture.state.programs import equal, module, refused, replayed


class Box:
    def __init__(self, **names):
        vars(self).update(names)


@refused
def attribute_counts(cap):
    b = Box(t=0)

    def f(x):
        b.t += 1
        return x / (1 - 0.9**b.t)

    yield cap(f), lambda: b.t


@refused
def attribute_counts_unread(cap):
    b = Box(calls=0)

    def f(x):
        b.calls += 1
        return x * 2

    yield cap(f), lambda: b.calls


@refused
def global_counts(cap):
    m = module("n = 0\ndef f(x):\n    global n\n    n += 1\n    return x * n\n")
    yield cap(m.f), lambda: m.n


@refused
def nonlocal_counts(cap):
    n = 0

    def f(x):
        nonlocal n
        n = n + 1
        return x * n

    yield cap(f), lambda: n


@refused
def class_attribute_counts(cap):
    class A:
        n = 0

        def f(self, x):
            type(self).n += 1
            return x * A.n

    yield cap(A().f), lambda: A.n


@refused
def list_item_counts(cap):
    n = [0]

    def f(x):
        n[0] += 1
        return x * n[0]

    yield cap(f), lambda: n


@refused
def dict_item_counts(cap):
    d = {"n": 0}

    def f(x):
        d["n"] += 1
        return x * d["n"]

    yield cap(f), lambda: d


@refused
def dict_of_names_counts(cap):
    d = collections.defaultdict(int)

    def f(x):
        d["calls"] += 1
        return x

    yield cap(f), lambda: d


@refused
def counter_updates(cap):
    c = collections.Counter()

    def f(x):
        c.update(["call"])
        return x * c["call"]

    yield cap(f), lambda: c


@refused
def slot_counts(cap):
    class S:
        __slots__ = ("n",)

    s = S()
    s.n = 0

    def f(x):
        s.n += 1
        return x * s.n

    yield cap(f), lambda: s.n


@refused
def setattr_counts(cap):
    b = Box(n=0)

    def f(x):
        setattr(b, "n", getattr(b, "n") + 1)  # noqa: B009, B010
        return x * b.n

    yield cap(f), lambda: b.n


@refused
def dictionary_of_an_object_counts(cap):
    b = Box(n=0)

    def f(x):
        b.__dict__["n"] += 1
        vars(b).update(m=b.n)
        return x * b.n

    yield cap(f), lambda: vars(b)


@refused
def object_setattr_counts(cap):
    b = Box(n=0)

    def f(x):
        object.__setattr__(b, "n", b.n + 1)
        return x * b.n

    yield cap(f), lambda: b.n


@refused
def module_counts(cap):
    class Net(wg.nn.Module):
        def __init__(self):
            super().__init__()
            self.steps = 0

        def forward(self, x):
            self.steps += 1
            return x * min(1.0, self.steps / 5)

    net = Net()
    yield cap(net), lambda: net.steps


@refused
def every_third_call(cap):
    b = Box(n=0)

    def f(x):
        y = x * 10 if b.n % 3 == 0 else x
        b.n += 1
        return y

    yield cap(f), lambda: b.n


@refused
def flag_toggles(cap):
    b = Box(on=False)

    def f(x):
        b.on = not b.on
        return x if b.on else -x

    yield cap(f), lambda: b.on


@refused
def flag_toggles_every_second_call(cap):
    b = Box(n=0)

    def f(x):
        b.n = (b.n + 1) % 2
        return x * (b.n + 1)

    yield cap(f), lambda: b.n


@replayed
def first_call_only(cap):
    b = Box(first=True, scale=None)

    def f(x):
        if b.first:
            b.first, b.scale = False, 3.0
        return x * b.scale

    yield cap(f), lambda: (b.first, b.scale)


@replayed
def made_when_first_needed(cap):
    b = Box(weights=None, cache={})

    def f(x):
        if b.weights is None:
            b.weights = [1.0, 2.0]
        if "table" not in b.cache:
            b.cache["table"] = wg.tensor([3.0, 4.0])
        return x * b.weights[1] + b.cache["table"]

    yield cap(f), lambda: b.weights


@equal
def stops_counting(cap):
    b = Box(n=0)

    def f(x):
        if b.n < 3:
            b.n += 1
        return x * b.n

    yield cap(f), lambda: b.n


@equal
def counter_set_back_by_the_caller(cap):
    b = Box(n=0)

    def f(x):
        b.n += 1
        return x * b.n

    step = cap(f)

    def call(x):
        b.n = 0
        return step(x)

    yield call, lambda: b.n


@replayed
def set_to_what_it_is(cap):
    b = Box(k=2.0)

    def f(x):
        b.k = 2.0
        b.k = float("2.0")
        return x * b.k

    yield cap(f), lambda: b.k


@replayed
def changed_and_put_back(cap):
    b = Box(k=2.0, stack=[])

    def f(x):
        before, b.k = b.k, 9.0
        b.stack.append(x)
        y = b.stack.pop() * b.k
        b.k = before
        return y

    yield cap(f), lambda: (b.k, b.stack)
    b.k = 5.0
    yield


@refused
def list_appended(cap):
    log = []

    def f(x):
        log.append(len(log))
        return x * len(log)

    yield cap(f), lambda: log


@refused
def list_appended_unread(cap):
    log = []

    def f(x):
        log.append("step")
        return x

    yield cap(f), lambda: log


@refused
def list_extended_in_place(cap):
    log = []

    def f(x):
        nonlocal log
        log += [1, 2]
        return x

    yield cap(f), lambda: log


@refused
def list_item_assigned_by_a_slice(cap):
    log = [0]

    def f(x):
        log[1:] = [*log[1:], len(log)]
        return x * sum(log)

    yield cap(f), lambda: log


@refused
def list_popped(cap):
    rates = [float(i) for i in range(50)]
    yield cap(lambda x: x * rates.pop()), lambda: rates


@refused
def list_item_deleted(cap):
    rates = [float(i) for i in range(50)]

    def f(x):
        k = rates[0]
        del rates[0]
        return x * k

    yield cap(f), lambda: rates


@refused
def list_sorted_and_rotated(cap):
    order = [3, 1, 2]

    def f(x):
        order.insert(0, order.pop())
        return x * order[0]

    yield cap(f), lambda: order


@refused
def deque_rotates(cap):
    d = collections.deque([1.0, 2.0, 3.0])

    def f(x):
        d.rotate(1)
        return x * d[0]

    yield cap(f), lambda: d


@refused
def deque_as_a_window(cap):
    d = collections.deque(maxlen=3)

    def f(x):
        d.append(len(d) + 1.0)
        return x * sum(d)

    yield cap(f), lambda: d


@refused
def set_grows(cap):
    s = set()

    def f(x):
        s.add(len(s))
        return x * len(s)

    yield cap(f), lambda: s


@refused
def dict_popped(cap):
    d = {i: float(i) for i in range(50)}
    yield cap(lambda x: x * d.popitem()[1]), lambda: d


@refused
def dict_updated(cap):
    d = {}

    def f(x):
        d.update({len(d): 1.0})
        d.setdefault("n", 1)
        return x * len(d)

    yield cap(f), lambda: d
