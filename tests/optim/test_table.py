"""Every optimizer of the table: values, state, saving, errors, captured steps, C++ defaults."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import wengert as wg
from tests.optim.table import CASES, TABLE, case_name
from wengert import _native, nn, optim

rng = np.random.default_rng(7)
# A matrix, a vector, one without gradients, and one that gets its first gradient late.
PARAMS = [rng.standard_normal(shape) for shape in ((5, 3), (4,), (2,), (3,))]
GRADS = [[rng.standard_normal(p.shape) for p in PARAMS] for _ in range(10)]
LATE = 4
RATE = 0.02  # of the second group
TOLERANCES = {"float32": (1e-4, 1e-5), "float64": (1e-10, 1e-12)}

every_case = pytest.mark.parametrize(("row", "options"), CASES, ids=case_name)
every_row = pytest.mark.parametrize("row", TABLE, ids=case_name)
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def array(x):
    return np.array(x.detach().numpy())


def has_grad(i, step):
    return i in (0, 1) or (i == 3 and step >= LATE)


def leaves(t, dtype):
    """Parameters, the first of them transposed in memory."""
    made = [t.tensor(p.astype(dtype)) for p in PARAMS]
    made[0] = t.tensor(PARAMS[0].T.astype(dtype)).t()
    return [p.requires_grad_() for p in made]


def make(t, row, options, dtype="float32"):
    ps = leaves(t, dtype)
    groups = [{"params": ps[:1]}, {"params": ps[1:], "lr": RATE}]
    return ps, getattr(t.optim, row.name)(groups, **options)


def step(t, ps, opt, i):
    for k, p in enumerate(ps):
        g = GRADS[i][k].astype(array(p).dtype)
        p.grad = t.tensor(g) if has_grad(k, i) else None
    opt.step()


def train(t, row, options, dtype="float32", steps=range(10)):
    ps, opt = make(t, row, options, dtype)
    for i in steps:
        step(t, ps, opt, i)
    return ps, opt


def expected(row, options):
    """Parameters and state by the reference, in float64."""
    ps, state = [p.copy() for p in PARAMS], [row.begin(p, options) for p in PARAMS]
    for i in range(10):
        for k in range(len(ps)):
            own = {**options, "lr": RATE} if k else options
            if has_grad(k, i):
                ps[k] = row.step(ps[k], GRADS[i][k], state[k], **own)
    return ps, state


def assert_alike(ours, theirs, dtype):
    """Lists of parameters, and dicts of state by parameter."""
    rtol, atol = TOLERANCES[dtype]
    for a, b in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
    for a, b in zip(ours[1], theirs[1], strict=True):
        assert list(a) == list(b)
        for name in a:
            np.testing.assert_allclose(a[name], b[name], rtol=rtol, atol=atol, err_msg=name)


def found(ps, opt):
    state = opt.state_dict()["state"]
    return [array(p) for p in ps], [
        {n: array(v) for n, v in state.get(i, {}).items()} for i in range(len(ps))
    ]


def assert_same_bits(ours, theirs):
    for a, b in zip(ours[0], theirs[0], strict=True):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()
    for a, b in zip(ours[1], theirs[1], strict=True):
        assert list(a) == list(b)
        assert all(a[n].tobytes() == b[n].tobytes() for n in a)


# ---- values, state


def test_every_optimizer_is_in_the_table():
    classes = {
        name
        for name in optim.__all__
        if inspect.isclass(getattr(optim, name)) and name != "Optimizer"
    }
    # Those whose step is no rule have tests of their own, in test_composed.py.
    assert classes == {row.name for row in TABLE} | {"Adafactor", "LBFGS", "Muon", "SparseAdam"}


@every_dtype
@every_case
def test_values_and_state(row, options, dtype):
    ps, opt = train(wg, row, options, dtype)
    assert_alike(found(ps, opt), expected(row, options), dtype)
    numbers = {name for name, number in row.states if number}
    for p in ps:
        for name, value in opt.state.get(p, {}).items():
            assert value.dtype == (wg.float32 if name in numbers else p.dtype)
            assert value.shape == (() if name in numbers else p.shape)


@every_dtype
@every_case
def test_values_against_torch(row, options, dtype):
    torch = pytest.importorskip("torch")
    ours, theirs = (train(t, row, options, dtype) for t in (wg, torch))
    assert_alike(found(*ours), found(*theirs), dtype)
    for p, q in zip(ours[0], theirs[0], strict=True):
        state, other = ours[1].state.get(p, {}), theirs[1].state.get(q, {})
        assert {k: str(v.dtype)[8:] for k, v in state.items()} == {
            k: str(v.dtype)[6:] for k, v in other.items()
        }
    assert ours[1].state_dict()["param_groups"] == theirs[1].state_dict()["param_groups"]
    assert repr(ours[1]) == repr(theirs[1])


@every_case
def test_large_parameters(row, options):
    """Enough for all threads, in parts that end anywhere; the threads change no bit."""
    numbers = rng.standard_normal((2, 2, 100_003))
    before, results = wg.get_num_threads(), []
    try:
        for threads in (1, 2):
            wg.set_num_threads(threads)
            ps = [wg.tensor(n, dtype=wg.float32).requires_grad_() for n in numbers[0]]
            for p, g in zip(ps, numbers[1], strict=True):
                p.grad = wg.tensor(g, dtype=wg.float32)
            getattr(optim, row.name)(ps, **options).step()
            results.append([array(p) for p in ps])
    finally:
        wg.set_num_threads(before)
    for a, b, p, g in zip(*results, *numbers, strict=True):
        assert a.tobytes() == b.tobytes()
        np.testing.assert_allclose(a, row.step(p, g, {}, **options), rtol=2e-5, atol=1e-5)


@every_row
def test_numbers_in_the_default_dtype(row):
    before = wg.get_default_dtype()
    wg.set_default_dtype(wg.float64)
    try:
        _, opt = train(wg, row, row.variants[-1], steps=range(1))
    finally:
        wg.set_default_dtype(before)
    numbers = {name for name, number in row.states if number}
    for state in opt.state.values():
        assert all(state[name].dtype == wg.float64 for name in numbers & set(state))


@every_row
def test_arguments_are_those_of_torch(row):
    torch = pytest.importorskip("torch")

    def arguments(t):
        parameters = inspect.signature(getattr(t.optim, row.name)).parameters.values()
        return [(p.name, p.default, p.kind) for p in parameters]

    assert arguments(wg) == arguments(torch)


@every_row
def test_the_rule_has_the_defaults_of_the_class(row):
    """The row's signature, which C++ users' options follow, and Python's constructor."""
    (signature,) = (r["signature"] for r in _native.registry if r["name"] == row.op)
    parts = [part.split(":") for part in signature[1 : signature.index(")")].split(", ")]
    stated = {p[0]: eval(p[1].split("=")[1]) for p in parts if "=" in "".join(p)}
    del stated["fresh"]
    ours = row.attributes(getattr(optim, row.name)([wg.ones(1)]).defaults)
    assert {**stated, **row.implied} == {name: ours[name] for name in stated}


# ---- saving


@every_case
def test_state_dict_continues_the_run(row, options):
    ps, opt = train(wg, row, options, steps=range(5))
    qs, other = make(wg, row, options)
    with wg.no_grad():
        for p, q in zip(ps, qs, strict=True):
            q.copy_(p)
    other.load_state_dict(copy.deepcopy(opt.state_dict()))
    for i in range(5, 10):
        step(wg, ps, opt, i)
        step(wg, qs, other, i)
    assert_same_bits(found(ps, opt), found(qs, other))


@every_case
def test_state_of_torch_is_taken_over(row, options):
    torch = pytest.importorskip("torch")
    theirs, opt = train(torch, row, options, steps=range(5))
    ours, other = make(wg, row, options)
    with wg.no_grad():
        for p, q in zip(ours, theirs, strict=True):
            p.copy_(wg.tensor(array(q)))
    saved = copy.deepcopy(opt.state_dict())
    for state in saved["state"].values():
        for name, value in state.items():
            state[name] = wg.tensor(array(value))
    other.load_state_dict(saved)
    for i in range(5, 10):
        step(torch, theirs, opt, i)
        step(wg, ours, other, i)
    assert_alike(found(ours, other), found(theirs, opt), "float32")


@every_row
def test_old_state(row):
    """Step counts as numbers, and groups without the hyper-parameters of later versions."""
    ps, opt = train(wg, row, {}, steps=range(2))
    saved = copy.deepcopy(opt.state_dict())
    for state in saved["state"].values():
        if "step" in state:
            state["step"] = int(state["step"])
    for group in saved["param_groups"]:
        del group["maximize"], group["foreach"]
    opt.load_state_dict(saved)
    assert opt.param_groups[0]["maximize"] is False and opt.param_groups[0]["foreach"] is None
    step(wg, ps, opt, 2)
    qs, other = train(wg, row, {}, steps=range(3))
    assert_same_bits(found(ps, opt), found(qs, other))


@every_case
def test_copy_and_pickle(row, options):
    ps, opt = train(wg, row, options, steps=range(5))
    for twin in (copy.deepcopy(opt), pickle.loads(pickle.dumps(opt))):
        qs = [q for group in twin.param_groups for q in group["params"]]
        assert not any(p is q for p, q in zip(ps, qs, strict=True))
        assert_same_bits(found(qs, twin), found(ps, opt))
        before = found(ps, opt)
        step(wg, qs, twin, 5)
        assert_same_bits(found(ps, opt), before)
        assert_same_bits(found(qs, twin), found(*train(wg, row, options, steps=range(6))))
    state = pickle.loads(pickle.dumps(opt.state_dict()))["state"]
    assert all(type(value) is dict for value in state.values())


# ---- captured steps


@every_case
def test_captured_steps_are_eager_ones(row, options):
    def run(captured):
        wg.manual_seed(3)
        net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))
        opt = getattr(optim, row.name)(
            [{"params": net[0].parameters()}, {"params": net[2].parameters(), "lr": RATE}],
            **options,
        )
        schedule = optim.lr_scheduler.ExponentialLR(opt, 0.9)

        def training(x):
            opt.zero_grad()
            loss = net(x).square().mean()
            loss.backward()
            opt.step()
            return loss

        function = wg.capture(training) if captured else training
        losses = []
        for i in range(10):
            losses.append(float(function(wg.tensor(GRADS[i][1][None].astype(np.float32)))))
            schedule.step()
        replays = function.cache_info().hits if captured else 0
        return losses, found(list(net.parameters()), opt), replays

    eager, captured = run(False), run(True)
    assert eager[0] == captured[0] and captured[2] >= 7
    assert_same_bits(eager[1], captured[1])


# ---- errors


@pytest.mark.parametrize(
    ("row", "options"), [(row, bad) for row in TABLE for bad in row.bad], ids=case_name
)
def test_bad_arguments(row, options):
    kind = RuntimeError if "fused" in options else ValueError
    with pytest.raises(kind) as ours:
        make(wg, row, options)
    torch = pytest.importorskip("torch")
    with pytest.raises(kind) as theirs:
        make(torch, row, options)
    assert str(ours.value) == str(theirs.value)


@every_row
def test_arguments_without_support(row):
    with pytest.raises(RuntimeError, match="differentiable=True is not available"):
        make(wg, row, dict(differentiable=True))
    with pytest.raises(ValueError, match="Tensor lr must be 1-element"):
        make(wg, row, dict(lr=wg.ones(2)))


@every_row
def test_a_group_that_was_spoilt(row):
    ps, opt = make(wg, row, {})
    ps[0].grad = wg.ones(5, 3)
    opt.param_groups[0]["lr"] = "much"
    with pytest.raises(TypeError, match=rf"{row.rule}: lr must be a number, not str"):
        opt.step()
    del opt.param_groups[0]["lr"]
    with pytest.raises(KeyError, match="lr"):
        opt.step()
    np.testing.assert_array_equal(array(ps[0]), PARAMS[0].astype(np.float32))


@every_row
def test_wrong_gradients_and_state(row):
    ps, opt = train(wg, row, {"lr": 0.1}, steps=range(1))
    name = f"{row.rule.lower()}_update"
    for key, value in opt.state[ps[0]].items():
        opt.state[ps[0]][key] = wg.ones(7)
        with pytest.raises(RuntimeError, match=rf"{name}: {key} 0 has shape"):
            step(wg, ps, opt, 1)
        opt.state[ps[0]][key] = value
    one, bad = wg.ones(3).requires_grad_(), wg.ones(1).expand(3).requires_grad_()
    one.grad, bad.grad = wg.ones(3), wg.ones(3)
    with pytest.raises(RuntimeError, match=rf"{name}: parameter 1 is an expanded tensor"):
        getattr(optim, row.name)([one, bad]).step()
    assert one.tolist() == [1, 1, 1]
