"""`compile`: the same results as a plain call whatever the function is, replayed where possible."""

import copy
import pickle
import warnings

import pytest

import wengert as wg
from wengert import nn, optim
from wengert.nn.modules._optimized import OptimizedModule

pytestmark = pytest.mark.quick


def network(dropout=0.0):
    wg.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3))


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tolist() == b.tolist()


@pytest.fixture
def told():
    """The warnings of a test; every one counts, also a repeated one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def train(model, steps=20, compiled=False):
    called = wg.compile(model) if compiled else model
    optimizer = optim.Adam(called.parameters(), lr=1e-2)
    wg.manual_seed(1)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(called(wg.randn(6, 5)), wg.ones(6, 3))
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses


def test_a_training_loop_is_plain_and_says_so_once(told):
    plain, compiled = network(0.3), network(0.3)
    for a, b in zip(train(plain), train(compiled, compiled=True), strict=True):
        assert same(a, b)
    for a, b in zip(plain.parameters(), compiled.parameters(), strict=True):
        assert same(a, b) and same(a.grad, b.grad)
    assert [w.category for w in told] == [UserWarning]
    assert "need a gradient" in str(told[0].message) and "capture" in str(told[0].message)
    assert told[0].filename == __file__


def test_inference_is_replayed(told):
    model = network(0.5)
    compiled = wg.compile(model)
    for mode in (True, False):
        compiled.train(mode)
        for guard in (wg.no_grad, wg.inference_mode):
            for n in (4, 4, 7, 4, 7):
                x = wg.randn(n, 5)
                with guard():
                    wg.manual_seed(3)
                    expected = model(x)
                    wg.manual_seed(3)
                    assert same(compiled(x), expected)
    assert not told
    assert compiled._compiled.cache_info()[:2] == (12, 8)
    with wg.no_grad():  # parameters are used where they lie
        x = wg.ones(4, 5)
        model[3].bias.add_(1)
        assert same(compiled(x), model(x))
        model[3] = nn.Linear(8, 3)
        assert same(compiled(x), model(x))


def test_whole_step_with_its_own_backward_is_replayed(told):
    def run(wrap):
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step = wrap(step)
        wg.manual_seed(1)
        return [step(wg.randn(4, 5)) for _ in range(10)], step, list(model.parameters())

    plain, _, ours = run(lambda f: f)
    compiled, step, theirs = run(wg.compile)
    assert all(map(same, plain, compiled)) and all(map(same, ours, theirs))
    assert step.cache_info()[:2] == (9, 1) and not told


def test_a_live_graph_at_the_first_call_as_well():
    w = wg.ones(3, requires_grad=True)
    f = wg.compile(lambda x: (x * w).sum())
    with pytest.warns(UserWarning, match="need a gradient"):
        y = f(wg.arange(3.0))
    y.backward()
    assert w.grad.tolist() == [0, 1, 2]
    x = wg.zeros(3)
    g = wg.compile(lambda t: t.add_(w))
    with pytest.warns(UserWarning, match="need a gradient"):
        assert g(x) is x
    x.sum().backward()
    assert w.grad.tolist() == [1, 2, 3] and x.tolist() == [1, 1, 1]


def test_values_are_allowed_unless_fullgraph(told):
    def f(x):
        return x * 2 if x.sum().item() > 0 else -x

    g = wg.compile(f)
    for v in (1.0, -1.0, 2.0):
        assert same(g(wg.full((2,), v)), f(wg.full((2,), v)))
    assert len(told) == 1 and "item() needs a value" in str(told[0].message)
    with pytest.raises(wg.CaptureError, match=r"item\(\)"):
        wg.compile(f, fullgraph=True)(wg.ones(2))
    assert not wg._native._is_capturing()


def test_arguments_that_are_in_the_way(told):
    w = wg.ones(2, requires_grad=True)
    f = wg.compile(lambda x: wg.tensor(0.0) if x is None else wg.as_tensor(x).sum() * 2)
    f(w * 3).backward()
    assert w.grad.tolist() == [6, 6]
    assert len(told) == 1 and "history" in str(told[0].message)
    import numpy as np

    class Box(list):
        pass

    assert f(np.ones(2)).item() == 4 and f(Box([1.0])).item() == 2 and f(None).item() == 0
    assert len(told) == 1


def test_effects_that_a_replay_would_not_have(told):
    class Remembers(nn.Module):
        def forward(self, x):
            self.last = x * 2
            return self.last + 1

    kept, seen = [], []

    def keeps(x):
        kept.append(x + 1)
        return x * 2

    class Answer:
        def __init__(self, value):
            self.value = value

    hooked = nn.Identity()
    hooked.register_forward_hook(lambda m, args, out: seen.append(1))
    remembers = wg.compile(Remembers())
    hooked, keeps = wg.compile(hooked), wg.compile(keeps)
    answers = wg.compile(lambda x: Answer(x * 2))
    views = wg.compile(lambda x: x[1:])
    for i in range(5):
        x = wg.full((2,), float(i))
        remembers(x)
        assert remembers.last.tolist() == [2.0 * i] * 2
        keeps(x), hooked(x)
        assert kept[-1].tolist() == [i + 1.0] * 2
        assert answers(x).value.tolist() == [2.0 * i] * 2
        views(x).zero_()
        assert x.tolist() == [i, 0]
    assert len(kept) == len(seen) == 5
    reasons = (
        "sets attributes",
        "the contents of a list",
        "hooks",
        "returns a Answer",
        "view of an arg",
    )
    text = "\n".join(str(w.message) for w in told)
    assert len(told) == 5 and all(reason in text for reason in reasons)


def test_a_hook_that_comes_later_is_called(told):
    model, seen = network(), []
    compiled = wg.compile(model)
    x = wg.ones(2, 5)
    with wg.no_grad():
        before = compiled(x), compiled(x)
        handle = model[0].register_forward_hook(lambda m, args, out: seen.append(1) or out * 2)
        changed = compiled(x), compiled(x)
        handle.remove()
        after = compiled(x)
    assert len(seen) == 2 and same(changed[0], changed[1])
    assert same(before[0], before[1]) and same(before[0], after) and not same(before[0], changed[0])


def test_arguments_and_results_are_what_they_would_be(told):
    @wg.compile
    def f(x, flag, *, table):
        x.add_(1)
        return x, {"sum": x + table["y"], "flag": flag, "none": None}

    for i in range(4):
        x, y = wg.zeros(2), wg.full((2,), float(i))
        first, rest = f(x, i % 2 == 0, table={"y": y})
        assert first is x and x.tolist() == [1, 1]
        assert rest["sum"].tolist() == [i + 1.0] * 2 and rest["flag"] == (i % 2 == 0)
        assert rest["none"] is None
    assert f.cache_info()[:2] == (2, 2) and not told


def test_arguments_that_always_differ_end_in_plain_calls(told):
    f = wg.compile(lambda x, n: x * n)
    for n in range(40):
        assert f(wg.ones(1), n).item() == n
    assert f.cache_info().misses == 16 and len(told) == 1


def test_optimized_module(told):
    model = network()
    model.scale = 2
    compiled = wg.compile(model)
    assert isinstance(compiled, OptimizedModule) and compiled._orig_mod is model
    assert list(compiled.state_dict()) == ["_orig_mod." + key for key in model.state_dict()]
    assert next(compiled.named_parameters())[0] == "_orig_mod.0.weight"
    compiled.load_state_dict(compiled.state_dict())
    assert compiled.scale == 2
    compiled.scale = 3
    assert model.scale == 3 and "scale" not in vars(compiled)
    compiled.eval()
    assert not model.training and not model[2].training and not compiled.training
    model.train()
    assert compiled.training
    compiled.training = False
    assert not model.training
    with pytest.raises(AttributeError):
        _ = compiled.nothing
    assert repr(compiled).startswith("OptimizedModule(\n  (_orig_mod): Sequential(")
    seen = []
    compiled.register_forward_hook(lambda m, args, out: seen.append(m))
    x = wg.ones(2, 5)
    with wg.no_grad():
        expected = model(x)
        for other in (compiled, copy.deepcopy(compiled), wg.compile(compiled)):
            assert same(other(x), expected) and same(other(x), expected)
    assert len(seen) == 6  # a copy has the hook too
    del compiled._forward_hooks
    with wg.no_grad():
        assert same(pickle.loads(pickle.dumps(compiled))(x), expected)


def test_compiled_in_place(told):
    model, plain = network(), network()
    model.compile(fullgraph=True)
    assert list(model.state_dict()) == list(plain.state_dict())
    x = wg.ones(2, 5)
    with wg.no_grad():
        for _ in range(3):
            assert same(model(x), plain(x))
        assert vars(model)["_compiled_call_impl"].cache_info()[:2] == (2, 1)
        model[3].weight.mul_(2)
        model.tag = 1
        plain[3].weight.mul_(2)
        assert same(model(x), plain(x)) and same(copy.deepcopy(model)(x), plain(x))
    assert not told
    model(x).sum().backward()
    plain(x).sum().backward()
    assert same(model[0].weight.grad, plain[0].weight.grad) and len(told) == 1
    other = network()
    other.compile(disable=True)
    assert "_compiled_call_impl" not in vars(other)


def test_forms_of_the_decorator(told):
    def f(x):
        return x + 1

    @wg.compile
    def bare(x):
        """Adds one."""
        return x + 1

    @wg.compile(mode="reduce-overhead", dynamic=True, backend="eager")
    def called(x):
        return x + 1

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = 2

        @wg.compile
        def forward(self, x):
            return x * self.scale

    layer = Layer()
    for _ in range(3):
        assert bare(wg.ones(1)).item() == called(wg.ones(1)).item() == 2
        assert layer(wg.ones(1)).item() == 2
    layer.scale = 5
    assert layer(wg.ones(1)).item() == 5
    assert bare.__name__ == "bare" and bare.__doc__ == "Adds one." and not told
    assert wg.compile(f, disable=True) is f
    assert wg.compile(disable=True)(f) is f
    with pytest.raises(TypeError, match="function or module"):
        wg.compile(3)
    with pytest.raises(RuntimeError, match="Unrecognized mode"):
        wg.compile(f, mode="fast")
    with pytest.raises(RuntimeError, match="both"):
        wg.compile(f, mode="default", options={})


def test_within_a_capture_it_just_runs(told):
    compiled = wg.compile(network())
    optimizer = optim.SGD(compiled.parameters(), lr=0.1)

    @wg.capture
    def step(x):
        optimizer.zero_grad()
        loss = compiled(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    losses = [step(wg.ones(2, 5)).item() for _ in range(5)]
    assert losses == sorted(losses, reverse=True) and step.cache_info().hits == 4
    assert not told and compiled._compiled.cache_info().misses == 0
