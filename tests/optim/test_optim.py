"""What all optimizers have in common, and schedules, against torch where it is installed."""

import copy
import gc
import warnings
import weakref
from collections import defaultdict

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim

X = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)


def array(x):
    return np.array(x.detach().numpy())


def parameters(t):
    p = [t.nn.Parameter(t.tensor(X)), t.nn.Parameter(t.tensor(X[0] * 2))]
    return [*p, t.nn.Parameter(t.ones(2))]  # the last never gets a gradient


def train(t, opt, ps, steps):
    for i in range(steps):
        opt.zero_grad()
        ((ps[0] * ps[1]).sin().sum() * (i + 1)).backward()
        opt.step()


def test_state_is_live():
    p = nn.Parameter(wg.tensor(X))
    opt = optim.Adam([p], lr=0.1)
    assert len(opt.state) == 0
    p.grad = wg.ones(5, 3)
    opt.step()
    state = opt.state[p]
    assert list(state) == ["step", "exp_avg", "exp_avg_sq"] and float(state["step"]) == 1
    opt.step()
    assert float(state["step"]) == 2
    state["exp_avg"].zero_()  # in place: seen by the next step
    opt.step()
    np.testing.assert_allclose(array(state["exp_avg"]), np.full((5, 3), 0.1), rtol=1e-6)
    state["exp_avg"] = wg.full((5, 3), 2.0)  # another tensor: seen as well
    opt.step()
    np.testing.assert_allclose(array(state["exp_avg"]), np.full((5, 3), 1.9), rtol=1e-6)
    opt.state.clear()
    opt.step()
    assert float(opt.state[p]["step"]) == 1
    opt.state = defaultdict(dict)
    opt.step()
    assert float(opt.state[p]["step"]) == 1


def test_replaced_parameter():
    p, q = nn.Parameter(wg.ones(2)), nn.Parameter(wg.ones(2))
    opt = optim.SGD([p], lr=1.0, momentum=0.5)
    p.grad, q.grad = wg.ones(2), wg.ones(2)
    opt.step()
    opt.param_groups[0]["params"][0] = q
    opt.step()
    assert q.tolist() == [0.0, 0.0] and p.tolist() == [0.0, 0.0]
    assert q in opt.state
    opt.param_groups[0]["lr"] = 0.0
    opt.step()
    assert q.tolist() == [0.0, 0.0]


def test_late_gradient_and_new_group():
    p, q = nn.Parameter(wg.ones(1)), nn.Parameter(wg.ones(1))
    opt = optim.Adam([p, q])
    p.grad = wg.ones(1)
    opt.step()
    opt.step()
    assert q not in opt.state
    q.grad = wg.ones(1)
    opt.step()
    assert float(opt.state[p]["step"]) == 3 and float(opt.state[q]["step"]) == 1
    r = nn.Parameter(wg.ones(1))
    opt.add_param_group({"params": r, "lr": 0.5})
    r.grad = wg.ones(1)
    opt.step()
    np.testing.assert_allclose(r.item(), 0.5, rtol=1e-5)
    assert float(opt.state[p]["step"]) == 4


def test_tensor_lr_and_zero_grad():
    p = nn.Parameter(wg.ones(2))
    opt = optim.SGD([p], lr=wg.tensor(0.5))
    p.grad = wg.ones(2)
    opt.step()
    assert p.tolist() == [0.5, 0.5]
    opt.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0, 0.0]
    opt.zero_grad()
    assert p.grad is None
    sched = optim.lr_scheduler.ExponentialLR(opt, 0.5)
    opt.step()
    sched.step()
    assert float(opt.param_groups[0]["lr"]) == 0.25


def test_closure():
    p = nn.Parameter(wg.tensor([2.0]))
    opt = optim.SGD([p], lr=0.25)

    def closure():
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with wg.no_grad():
        assert float(opt.step(closure)) == 4
    assert p.item() == 1.0


def test_hooks():
    p = nn.Parameter(wg.ones(1))
    opt = optim.SGD([p], lr=0.1)
    seen = []
    handles = [
        opt.register_step_pre_hook(lambda o, args, kwargs: seen.append(args[0] is opt)),
        opt.register_step_post_hook(lambda o, args, kwargs: seen.append("post")),
    ]
    opt.step()
    assert seen == [True, "post"]
    for handle in handles:
        handle.remove()
    opt.step()
    assert len(seen) == 2
    opt.register_state_dict_post_hook(lambda o, d: {**d, "more": 1})
    assert opt.state_dict()["more"] == 1


def test_subclasses():
    calls = []

    class Mine(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.5})

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["seen"] = self.state[p].get("seen", 0) + 1
                    p.data -= group["lr"] * p.grad

    class Louder(optim.SGD):
        def step(self, closure=None):
            calls.append("step")
            return super().step(closure)

    p = nn.Parameter(wg.ones(1))
    p.grad = wg.ones(1)
    mine, louder = Mine([p]), Louder([p], lr=0.5)
    for opt in (mine, louder):
        opt.register_step_pre_hook(lambda *a: calls.append("pre"))
        opt.step()
        assert opt._opt_called
    assert p.item() == 0.0 and calls == ["pre", "pre", "step"] and mine.state[p]["seen"] == 1


def test_optimizer_is_freed_at_once():
    opt = optim.Adam(parameters(wg))
    opt.step()
    gone = weakref.ref(opt)
    gc.disable()
    try:
        del opt
        assert gone() is None
    finally:
        gc.enable()


BAD = [
    lambda t, p: t.optim.SGD(p[0], lr=0.1),
    lambda t, p: t.optim.SGD([], lr=0.1),
    lambda t, p: t.optim.SGD([3], lr=0.1),
    lambda t, p: t.optim.SGD([p[0] * 2]),
    lambda t, p: t.optim.SGD([{"params": set(p)}]),
    lambda t, p: t.optim.SGD([{"params": p}, {"params": p[:1]}]),
    lambda t, p: t.optim.SGD([("a", p[0]), p[1]]),
    lambda t, p: t.optim.SGD(p).add_param_group(3),
    lambda t, p: t.optim.Adam(p, lr=t.zeros(2)),
    lambda t, p: t.optim.SGD(p).load_state_dict(t.optim.SGD(p[:1]).state_dict()),
    lambda t, p: t.optim.SGD(p).load_state_dict(
        t.optim.SGD([{"params": p[:1]}, {"params": p[1:]}]).state_dict()
    ),
    lambda t, p: t.optim.lr_scheduler.StepLR(3, 1),
    lambda t, p: t.optim.lr_scheduler.StepLR(t.optim.SGD(p), 1, last_epoch=3),
    lambda t, p: t.optim.lr_scheduler.LambdaLR(t.optim.SGD(p), [len, len]),
    lambda t, p: t.optim.lr_scheduler.OneCycleLR(t.optim.SGD(p), 0.1),
    lambda t, p: t.optim.lr_scheduler.OneCycleLR(t.optim.SGD(p), 0.1, total_steps=-1),
    lambda t, p: t.optim.lr_scheduler.ReduceLROnPlateau(t.optim.SGD(p), "x"),
    lambda t, p: t.optim.lr_scheduler.CosineAnnealingWarmRestarts(t.optim.SGD(p), 0),
    lambda t, p: t.optim.lr_scheduler.SequentialLR(t.optim.SGD(p), [], []),
    lambda t, p: t.optim.lr_scheduler.ChainedScheduler([]),
    lambda t, p: t.optim.lr_scheduler.ChainedScheduler([3], t.optim.SGD(p)),
    lambda t, p: t.optim.lr_scheduler.ChainedScheduler(
        [t.optim.lr_scheduler.ReduceLROnPlateau(t.optim.SGD(p))]
    ),
    lambda t, p: t.optim.lr_scheduler.ChainedScheduler(
        [t.optim.lr_scheduler.StepLR(t.optim.SGD(p), 1) for _ in range(2)]
    ),
    lambda t, p: t.optim.lr_scheduler.CyclicLR(3, 0.1, 1),
    lambda t, p: t.optim.lr_scheduler.CyclicLR(t.optim.SGD(p), [0.1, 0.2], 1),
    lambda t, p: t.optim.lr_scheduler.CyclicLR(t.optim.SGD(p), 0.1, 1, mode="square"),
    lambda t, p: t.optim.lr_scheduler.CyclicLR(t.optim.Rprop(p), 0.1, 1),
    lambda t, p: t.optim.swa_utils.SWALR(t.optim.SGD(p), [0.1, 0.2]),
    lambda t, p: t.optim.swa_utils.SWALR(t.optim.SGD(p), 0.1, anneal_strategy="steps"),
    lambda t, p: t.optim.swa_utils.SWALR(t.optim.SGD(p), 0.1, anneal_epochs=-1),
    lambda t, p: t.optim.swa_utils.get_ema_avg_fn(1.5),
    lambda t, p: t.optim.swa_utils.get_ema_multi_avg_fn(-0.5),
    lambda t, p: t.optim.swa_utils.AveragedModel(t.nn.Linear(1, 1), None, max, max),
    lambda t, p: t.optim.Adamax(p, betas=(0.9,)),
    lambda t, p: t.optim.NAdam(p, betas=0.9),
    lambda t, p: t.optim.Adam(p, betas=(0.9,)),
]


@pytest.mark.parametrize("make", BAD)
def test_errors_are_those_of_torch(make):
    torch = pytest.importorskip("torch")
    texts = []
    for t in (wg, torch):
        with pytest.raises(Exception) as caught:
            make(t, [t.nn.Parameter(t.ones(1)), t.nn.Parameter(t.ones(1))])
        texts.append((caught.type.__name__, str(caught.value).replace("torch.", "wengert.")))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["Adam", "Adamax", "NAdam", "RAdam", "SparseAdam"])
def test_betas_are_two(name):
    with pytest.raises(ValueError, match="betas must be two numbers"):
        getattr(optim, name)([wg.ones(1)], betas=(0.9, 0.9, 0.9))
    with pytest.raises(ValueError, match="step_sizes must be two numbers"):
        optim.Rprop([wg.ones(1)], step_sizes=(0.1, 0.2, 0.3))


def test_shared_sums():
    p = nn.Parameter(wg.ones(3))
    opt = optim.Adagrad([p], lr=1.0)
    opt.share_memory()
    p.grad = wg.ones(3)
    opt.step()
    assert opt.state[p]["sum"].is_shared() and opt.state[p]["sum"].tolist() == [1.0] * 3


@pytest.mark.parametrize("name", ["Adamax", "NAdam", "RAdam"])
def test_tensor_betas(name):
    """A replay reads them anew, as it does numbers."""
    results = []
    for given in (lambda b: b, wg.tensor):
        p = nn.Parameter(wg.ones(3, dtype=wg.float64))
        opt = getattr(optim, name)([p], lr=given(0.1), betas=(given(0.5), given(0.75)))
        for i in range(7):
            p.grad = wg.full((3,), i - 3.0, dtype=wg.float64)
            opt.step()
        results.append(p.tolist())
    np.testing.assert_allclose(*results, rtol=1e-7)


def test_named_parameters():
    opt = optim.SGD(nn.Linear(2, 2).named_parameters(), lr=0.1)
    assert opt.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


# ---- schedules

SCHEDULES = [
    lambda s, o: s.StepLR(o, 3, 0.5),
    lambda s, o: s.MultiStepLR(o, [2, 4, 4, 9], 0.5),
    lambda s, o: s.ConstantLR(o, 0.5, 4),
    lambda s, o: s.LinearLR(o, 0.25, 0.75, 6),
    lambda s, o: s.ExponentialLR(o, 0.9),
    lambda s, o: s.PolynomialLR(o, 7, 2.0),
    lambda s, o: s.CosineAnnealingLR(o, 6, 0.01),
    lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    lambda s, o: s.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (t + 1)]),
    lambda s, o: s.MultiplicativeLR(o, lambda t: 0.95),
    lambda s, o: s.OneCycleLR(o, 0.5, total_steps=25),
    lambda s, o: s.OneCycleLR(o, [0.5, 0.3], epochs=5, steps_per_epoch=5, three_phase=True),
    lambda s, o: s.OneCycleLR(o, 0.5, total_steps=25, anneal_strategy="linear", pct_start=0.5),
    lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, 1.0, 4), s.CosineAnnealingLR(o, 10), s.StepLR(o, 2)], [4, 14]
    ),
    lambda s, o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.8)], [3]),
    lambda s, o: s.CyclicLR(o, 0.1, 0.5, 4),
    lambda s, o: s.CyclicLR(o, [0.1, 0.2], [0.5, 0.3], 3, 5, mode="triangular2", max_momentum=0.95),
    lambda s, o: s.CyclicLR(o, 0.1, 0.5, 2, mode="exp_range", gamma=0.9, base_momentum=[0.5, 0.6]),
    lambda s, o: s.CyclicLR(o, 0.1, 0.5, 3, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    lambda s, o: s.CyclicLR(o, 0.1, 1, 3, scale_fn=lambda x: 0.9**x, scale_mode="iterations"),
    lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 5), s.ExponentialLR(o, 0.9)]),
    lambda s, o: s.ChainedScheduler([s.StepLR(o, 3), s.CosineAnnealingLR(o, 10)], optimizer=o),
    lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2), s.CyclicLR(o, 0.1, 1, 3)], [7]),
]


def rates(t, make, name="SGD", steps=20):
    ps = [t.nn.Parameter(t.ones(1)), t.nn.Parameter(t.ones(1))]
    opt = getattr(t.optim, name)([{"params": ps[:1]}, {"params": ps[1:], "lr": 0.3}], lr=0.1)
    sched = make(t.optim.lr_scheduler, opt)
    rows = []
    for _ in range(steps):
        rows.append([g["lr"] for g in opt.param_groups] + list(sched.get_last_lr()))
        keys = ("momentum", "betas")
        rows[-1] += [np.ravel(g[k])[0] for g in opt.param_groups for k in keys if k in g]
        opt.step()
        sched.step()
    return rows


@pytest.mark.parametrize("name", ["SGD", "Adam"])
@pytest.mark.parametrize("make", SCHEDULES)
def test_schedule_against_torch(make, name):
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(rates(wg, make, name), rates(torch, make, name), rtol=1e-12)


def test_plateau_against_torch():
    torch = pytest.importorskip("torch")
    metrics = [5, 4, 4, 4, 4, 3.9999, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2]
    for options in (
        dict(patience=2),
        dict(patience=1, cooldown=2, factor=0.5),
        dict(mode="max", patience=1, min_lr=0.01, threshold_mode="abs", threshold=0.5),
    ):
        rows = []
        for t in (wg, torch):
            opt = t.optim.SGD([t.nn.Parameter(t.ones(1))], lr=0.1)
            sched = t.optim.lr_scheduler.ReduceLROnPlateau(opt, **options)
            row = []
            for value in metrics:
                sched.step(value)
                row.append(sched.get_last_lr()[0])
            rows.append(row)
        assert rows[0] == rows[1]


@pytest.mark.parametrize("make", SCHEDULES)
def test_schedule_resumes(make):
    def fresh():
        opt = optim.SGD([{"params": nn.Parameter(wg.ones(1))} for _ in range(2)], lr=0.1)
        return opt, make(optim.lr_scheduler, opt)

    opt, sched = fresh()
    for _ in range(7):
        opt.step()
        sched.step()
    other, resumed = fresh()
    other.load_state_dict(opt.state_dict())
    resumed.load_state_dict(copy.deepcopy(sched.state_dict()))
    for _ in range(5):
        opt.step()
        sched.step()
        other.step()
        resumed.step()
        assert sched.get_last_lr() == resumed.get_last_lr()


def test_order_warning():
    opt = optim.SGD([nn.Parameter(wg.ones(1))], lr=0.1)
    sched = optim.lr_scheduler.StepLR(opt, 1)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        sched.step()
    opt = optim.SGD([nn.Parameter(wg.ones(1))], lr=0.1)
    sched = optim.lr_scheduler.StepLR(opt, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opt.step()
        sched.step()
