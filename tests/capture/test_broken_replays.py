"""What is wrong within a captured function: said as eager would, and left as eager would."""

import json
import subprocess
import sys

import pytest

import wengert as wg
from tests.capture.captures import bits, leaf

F = wg.nn.functional

# ---- errors within a replay ----------------------------------------------------------------


def labels(n):
    return wg.tensor([0, 1, n])


WRONG_AT_A_REPLAY = {
    "cross_entropy": lambda n: F.cross_entropy(wg.ones(3, 4), n),
    "cross_entropy with weights": lambda n: F.cross_entropy(wg.ones(3, 4), n, wg.ones(4)),
    "cross_entropy, smoothed": lambda n: F.cross_entropy(wg.ones(3, 4), n, label_smoothing=0.1),
    "nll_loss": lambda n: F.nll_loss(wg.ones(3, 4), n),
    "gather": lambda n: wg.ones(3, 4).gather(1, n[:, None]),
    "index_select": lambda n: wg.ones(3, 4).index_select(1, n),
    "take": lambda n: wg.ones(2, 2).take(n),
    "take_along_dim": lambda n: wg.take_along_dim(wg.ones(3, 4), n[:, None], 1),
    "scatter": lambda n: wg.zeros(3, 4).scatter(1, n[:, None], 1.0),
    "index_add": lambda n: wg.zeros(4, 2).index_add(0, n, wg.ones(3, 2)),
    "index_fill": lambda n: wg.zeros(4, 2).index_fill(0, n, 1.0),
    "indexing": lambda n: wg.ones(4, 2)[n],
}


@pytest.mark.parametrize("name", WRONG_AT_A_REPLAY)
def test_an_error_names_what_was_called(name):
    fn = WRONG_AT_A_REPLAY[name]
    with pytest.raises(Exception) as eager:
        fn(labels(9))
    step = wg.capture(fn)
    for n in (2, 3):
        step(labels(n))
    assert step.cache_info().hits == 1
    with pytest.raises(type(eager.value)) as replayed:
        step(labels(9))
    assert str(replayed.value) == str(eager.value)
    assert wg.equal(step(labels(3)), fn(labels(3)))  # and the program is as good as before


def zero_first(none):
    def step(opt, forward, loss_of):
        opt.zero_grad(set_to_none=none)
        loss_of(forward()).backward()
        opt.step()

    return step


def zero_after_forward(none):
    def step(opt, forward, loss_of):
        loss = loss_of(forward())
        opt.zero_grad(set_to_none=none)
        loss.backward()
        opt.step()

    return step


def zero_last(none):
    def step(opt, forward, loss_of):
        loss_of(forward()).backward()
        opt.step()
        opt.zero_grad(set_to_none=none)

    return step


def wrong_after_backward(none):
    def step(opt, forward, loss_of):
        opt.zero_grad(set_to_none=none)
        forward().sum().backward()
        loss_of(forward().detach())
        opt.step()

    return step


def accumulating(none):
    def step(opt, forward, loss_of):
        forward().sum().backward()
        loss_of(forward()).backward()

    return step


ORDERS = [zero_first, zero_after_forward, zero_last, wrong_after_backward, accumulating]


def states_around_an_error(order, none, capturing):
    """Parameters, gradients and state before, at and after a wrong label."""
    wg.manual_seed(0)
    model = wg.nn.Sequential(wg.nn.Linear(4, 5), wg.nn.ReLU(), wg.nn.Linear(5, 4))
    opt = wg.optim.Adam(model.parameters(), 0.1)
    run = order(none)

    def step(x, y):
        run(opt, lambda: model(x), lambda z: F.cross_entropy(z, y))

    step = wg.capture(step) if capturing else step
    seen = []
    for i, last in enumerate((0, 1, 2, 3, 9, 9, 1, 2)):
        x = wg.full((3, 4), 0.5 * i + 0.1)
        try:
            step(x, labels(last))
        except IndexError as error:
            seen.append(str(error))
        seen.append(bits([p.grad for p in model.parameters()]))
        seen.append(bits(list(model.parameters())))
    if capturing:
        assert step.cache_info().hits >= 4
    return seen


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("none", [True, False])
def test_an_error_leaves_gradients_as_eager_does(order, none):
    assert states_around_an_error(order, none, True) == states_around_an_error(order, none, False)


# ---- tensors that are kept for later calls -------------------------------------------------


class Keeper:
    def __init__(self):
        self.last = self.mask = None
        self.log, self.table = [], {}
        self.calls = {"first": True}

    def attribute(self, x):
        self.last = x * 2
        return x + 1

    def appended(self, x):
        self.log.append(x * 2)
        return x + 1

    def item(self, x):
        self.table["y"] = x * 2
        return x + 1

    def within_a_tuple(self, x):
        self.last = (1, x * 2)
        return x + 1

    def made_once(self, x):
        if self.mask is None:
            self.mask = wg.ones(2) * 2
        return x * self.mask

    def made_in_a_table(self, x):
        if "mask" not in self.table:
            self.table["mask"] = wg.ones(2) * 2
        return x * self.table["mask"]

    def made_in_an_empty_list(self, x):
        if not self.log:
            self.log.append(wg.ones(2) * 2)
        return x * self.log[0]

    def made_if_a_flag_says_so(self, x):
        if self.calls["first"]:
            self.mask = wg.ones(2) * 2
            self.calls["first"] = False
        return x * self.mask


@pytest.mark.parametrize("name", ["attribute", "appended", "item", "within_a_tuple"])
def test_a_kept_tensor_is_refused_at_the_first_call(name):
    step = wg.capture(getattr(Keeper(), name))
    line = r"test_broken_replays.py:\d+, in " + name
    with pytest.raises(wg.CaptureError, match="keeps a tensor of one call.*" + line):
        step(wg.ones(2))


@pytest.mark.parametrize("name", [n for n in vars(Keeper) if n.startswith("made")])
def test_a_tensor_that_is_made_once_is_no_hindrance(name):
    step = wg.capture(getattr(Keeper(), name))
    for i in range(5):
        assert wg.equal(step(wg.full((2,), float(i))), wg.full((2,), 2.0 * i))
    assert step.cache_info().hits >= 2


# ---- memory --------------------------------------------------------------------------------

PEAK = """
import json, sys
import wengert as wg
from wengert import _native

F, nn, kind, how = wg.nn.functional, wg.nn, *sys.argv[1:]
if kind == "wide":
    model = nn.Sequential(nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(),
                          nn.Linear(1024, 10))
else:
    layers = [m for _ in range(8) for m in (nn.Linear(256, 256), nn.GELU(), nn.Dropout(0.1))]
    model = nn.Sequential(*layers, nn.Linear(256, 10))
opt = wg.optim.SGD(model.parameters(), 0.01)
x = wg.randn(32 if kind == "wide" else 128, model[0].in_features)
y = wg.zeros(len(x), dtype=wg.int64)

def step(x, y):
    opt.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    opt.step()
    return loss

if how == "captured":
    step = wg.capture(step)
for _ in range(4):
    step(x, y)
print(json.dumps(_native.memory_stats()))
"""


@pytest.mark.parametrize("kind", ["wide", "deep"])
def test_capturing_takes_no_more_memory_than_running(kind):
    def peak(how):
        command = [sys.executable, "-c", PEAK, kind, how]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["peak"]

    # Beside what running takes: a copy of the arguments, and sizes rounded up.
    assert peak("captured") <= 1.1 * peak("eager")


def test_an_adopted_gradient_is_nobody_elses():
    w = leaf(1, 2)

    def step(x):
        w.grad = None
        (w * x).sum().backward()

    replayed = wg.capture(step)
    replayed(wg.tensor([1.0, 2.0]))
    kept = w.grad
    replayed(wg.tensor([3.0, 4.0]))
    replayed(wg.tensor([5.0, 6.0]))
    assert kept.tolist() == [1, 2]
    assert w.grad.tolist() == [5, 6]
