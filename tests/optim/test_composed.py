"""Optimizers whose step is no rule of the core: Muon, Adafactor, LBFGS, SparseAdam."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim

COMPOSED = {
    "Muon": [
        dict(lr=0.05),
        dict(lr=0.05, momentum=0.5, nesterov=False, adjust_lr_fn="match_rms_adamw", ns_steps=3),
        dict(lr=0.05, weight_decay=0.0),
    ],
    "Adafactor": [
        dict(lr=0.05),
        dict(lr=0.05, beta2_decay=-0.5, eps=(1e-4, 0.1), d=2.0, weight_decay=0.1, maximize=True),
    ],
    "SparseAdam": [dict(lr=0.05)],
}
CASES = [(name, options) for name, variants in COMPOSED.items() for options in variants]
every_case = pytest.mark.parametrize(("name", "options"), CASES)
every_class = pytest.mark.parametrize("name", ["Muon", "Adafactor", "LBFGS", "SparseAdam"])
X = np.random.default_rng(2).standard_normal((12, 5, 4)).astype(np.float32)


def network(name):
    wg.manual_seed(3)
    bias = name != "Muon"  # which is for matrices
    return nn.Sequential(nn.Linear(4, 6, bias), nn.Tanh(), nn.Linear(6, 2, bias))


def training(net, opt):
    def step(x):
        opt.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        opt.step()
        return loss

    return step


def found(net, opt):
    state = opt.state_dict()["state"]
    return [np.array(p.detach().numpy()).tobytes() for p in net.parameters()], {
        i: {name: v.numpy().tobytes() for name, v in values.items()} for i, values in state.items()
    }


@every_class
def test_arguments_are_those_of_torch(name):
    torch = pytest.importorskip("torch")

    def arguments(t):
        parameters = inspect.signature(getattr(t.optim, name)).parameters.values()
        return [(p.name, p.default, p.kind) for p in parameters]

    assert arguments(wg) == arguments(torch)


@every_case
def test_captured_steps_are_eager_ones(name, options):
    """With a rate that changes at every step, and is read anew at every replay."""

    def run(captured):
        net = network(name)
        layers = [net[0].parameters(), net[2].parameters()]
        groups = [{"params": layers[0]}, {"params": layers[1], "lr": 0.02}]
        opt = getattr(optim, name)(groups, **options)
        schedule = optim.lr_scheduler.ExponentialLR(opt, 0.9)
        step = training(net, opt)
        function = wg.capture(step) if captured else step
        losses = []
        for x in X:
            losses.append(float(function(wg.tensor(x))))
            schedule.step()
        return losses, found(net, opt), function.cache_info().hits if captured else 0

    eager, captured = run(False), run(True)
    assert eager[:2] == captured[:2] and captured[2] >= 9


@every_case
def test_another_hyper_parameter_is_another_program(name, options):
    runs = []
    for captured in (False, True):
        net = network(name)
        opt = getattr(optim, name)(net.parameters(), **options)
        step = wg.capture(training(net, opt)) if captured else training(net, opt)
        for i, x in enumerate(X):
            if i == 4:
                opt.param_groups[0]["weight_decay"] = 0.2
            if i == 6:
                opt.param_groups[0]["momentum" if name == "Muon" else "d"] = 1.5
            if i == 8:
                opt.state.clear()
            step(wg.tensor(x))
        runs.append(found(net, opt))
    assert runs[0] == runs[1]


@every_case
def test_saved_and_copied(name, options):
    net = network(name)
    opt = getattr(optim, name)(net.parameters(), **options)
    step = training(net, opt)
    for x in X[:4]:
        step(wg.tensor(x))
    other, twin = copy.deepcopy((net, opt)), pickle.loads(pickle.dumps((net, opt)))
    fresh = copy.deepcopy(net)
    loaded = getattr(optim, name)(fresh.parameters(), **options)
    loaded.load_state_dict(copy.deepcopy(opt.state_dict()))
    results = []
    for model, optimizer in ((net, opt), other, twin, (fresh, loaded)):
        again = training(model, optimizer)
        for x in X[4:]:
            again(wg.tensor(x))
        results.append(found(model, optimizer))
    assert all(result == results[0] for result in results)


def test_muon_is_nearly_orthogonal():
    p = nn.Parameter(wg.zeros(6, 9))
    opt = optim.Muon([p], lr=1.0, weight_decay=0.0, momentum=0.0)
    p.grad = wg.tensor(np.random.default_rng(1).standard_normal((6, 9)), dtype=wg.float32)
    opt.step()
    _, values, _ = np.linalg.svd(p.detach().numpy())
    assert (abs(values - 1) < 0.4).all()


def test_adafactor_of_a_rank_one_gradient_is_exact():
    """Then the product of the means is the square itself, and the first step is lr * sign."""
    p = nn.Parameter(wg.ones(3, 4))
    opt = optim.Adafactor([p], lr=0.1, eps=(1e-30, 1.0))
    p.grad = wg.tensor([[1.0], [-2.0], [3.0]]) * wg.tensor([1.0, 2.0, -0.5, 4.0])
    opt.step()
    expected = 1 - 0.1 * np.sign(p.grad.numpy())
    np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_finds_the_minimum(search):
    """Of Rosenbrock's function, from its usual start."""
    p = nn.Parameter(wg.tensor([-1.2, 1.0], dtype=wg.float64))
    lr = 1 if search else 1e-3
    opt = optim.LBFGS([p], lr=lr, max_iter=200 if search else 20, line_search_fn=search)

    def closure():
        opt.zero_grad()
        loss = 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2
        loss.backward()
        return loss

    first = float(opt.step(closure))
    assert abs(first - 24.2) < 1e-9
    if search:
        np.testing.assert_allclose(p.tolist(), [1, 1], rtol=1e-4)
    else:
        assert float(closure()) < first


def loss_of(p):
    p.grad = None
    loss = (p - 3).square().sum()
    loss.backward()
    return loss


def test_lbfgs_is_not_captured():
    p = nn.Parameter(wg.ones(2))
    opt = optim.LBFGS([p])

    with pytest.raises(RuntimeError, match="captur"):
        wg.capture(lambda x: opt.step(lambda: loss_of(p)))(wg.ones(2))
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optim.LBFGS([p], line_search_fn="armijo").step(lambda: loss_of(p))


def sparse_training(t, steps, options, captured=False):
    """A table of words of which each step reads some, and what it is after them."""
    start = np.linspace(-1, 1, 36).reshape(9, 4)
    table = t.nn.Embedding(9, 4, 8, sparse=True, _weight=t.tensor(start))
    opt = t.optim.SparseAdam(table.parameters(), **options)
    goal = t.tensor([[1.0, -1.0, 0.5, 2.0]], dtype=t.float64)

    def step(words):
        opt.zero_grad()
        loss = (table(words) - goal).square().sum()
        loss.backward()
        opt.step()
        return loss

    step = wg.capture(step) if captured else step
    words = np.random.default_rng(5).integers(0, 9, (steps, 3))
    losses = [step(t.tensor(row)).item() for row in words]
    return losses, table.weight.detach().numpy(), opt.state_dict()["state"][0]


@pytest.mark.parametrize(
    "options", [{}, dict(lr=0.1, betas=(0.5, 0.9), eps=1e-3), dict(lr=0.05, maximize=True)]
)
def test_sparse_adam_is_torchs(options):
    torch = pytest.importorskip("torch")
    ours, theirs = (sparse_training(t, 12, options) for t in (wg, torch))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-12)
    assert float(ours[2]["step"]) == theirs[2]["step"] == 12
    for name in ("exp_avg", "exp_avg_sq"):
        np.testing.assert_allclose(ours[2][name].numpy(), theirs[2][name].numpy(), rtol=1e-12)


def test_sparse_adam_leaves_untouched_rows_alone():
    p = nn.Parameter(wg.ones(3, 2))
    opt = optim.SparseAdam([p], lr=0.1)
    for _ in range(2):
        p.grad = wg.tensor([[1.0, 0.0], [0.0, 0.0], [-2.0, 1.0]])
        opt.step()
    found = p.detach().numpy()
    np.testing.assert_allclose(found, [[0.8, 1], [1, 1], [1.2, 0.8]], rtol=1e-6)
    assert opt.state[p]["exp_avg"][1].tolist() == [0, 0]
    eager, captured = (sparse_training(wg, 8, {"lr": 0.1}, how) for how in (False, True))
    assert eager[0] == captured[0] and np.array_equal(eager[1], captured[1])
