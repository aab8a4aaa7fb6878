"""`vmap` in use: gradients of samples, ensembles, chunks, random numbers, what it refuses."""

import functools
import subprocess
import sys
import threading

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from wengert.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)

nn, F = wg.nn, wg.nn.functional


def close(a, b, rtol=1e-4, atol=1e-6):
    assert tuple(a.shape) == tuple(b.shape)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=atol)


def network(kind="linear"):
    if kind == "linear":
        return nn.Sequential(
            nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)
        )
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6, 3),
    )  # fmt: skip


def samples(kind, n):
    x = wg.randn(n, 5) if kind == "linear" else wg.randn(n, 1, 6, 6)
    return x, wg.randint(0, 3, (n,))


# ---- gradients of each sample ----------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("chunk_size", [None, 1, 3, 100])
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_gradients_of_each_sample(kind, chunk_size):
    model, (x, y) = network(kind), samples(kind, 7)
    params = {k: v.detach() for k, v in model.named_parameters()}

    def loss(params, x, y):
        return F.cross_entropy(functional_call(model, params, (x[None],)), y[None])

    found = vmap(grad(loss), in_dims=(None, 0, 0), chunk_size=chunk_size)(params, x, y)
    for b in range(7):
        F.cross_entropy(model(x[b : b + 1]), y[b : b + 1]).backward()
        for name, p in model.named_parameters():
            close(found[name][b], p.grad)
            p.grad = None


def test_gradients_of_gradients_of_each_sample():
    model, (x, _) = network(), samples("linear", 4)
    params = {k: v.detach() for k, v in model.named_parameters()}

    def output(params, x):
        return functional_call(model, params, (x,)).square().sum()

    def penalty(params, x):
        g = grad(output, argnums=1)(params, x)
        return g.square().sum()

    found = vmap(grad(penalty), in_dims=(None, 0))(params, x)
    for b in range(4):
        wanted = grad(penalty)(params, x[b])
        for name in params:
            close(found[name][b], wanted[name])


def test_recorded_outside():
    """The results of a vmap are recorded, by what is mapped over and by what is not."""
    w, x = wg.randn(3).requires_grad_(), wg.randn(4, 3).requires_grad_()
    vmap(lambda x: (w * x).sin().sum())(x).sum().backward()
    close(w.grad, (wg.cos(w * x) * x).sum(0))
    close(x.grad, wg.cos(w * x) * w)
    per_sample = vmap(grad(lambda x: (w * x).sin().sum()))(x)
    (second,) = wg.autograd.grad(per_sample.sum(), w)
    close(second, (wg.cos(w * x) - w * x * wg.sin(w * x)).sum(0))
    with wg.no_grad():
        assert not vmap(grad(lambda x: (w * x).sin().sum()))(x).requires_grad


def test_other_transforms_inside():
    m, x, v = wg.randn(2, 3), wg.randn(4, 3), wg.randn(4, 3)
    f = lambda x: (m @ x).sin()  # noqa: E731
    for transform in (jacrev, jacfwd, lambda f: hessian(lambda x: f(x).sum())):
        close(vmap(transform(f))(x), wg.stack([transform(f)(row) for row in x]))
    out, tangent = vmap(lambda x, v: jvp(f, (x,), (v,)))(x, v)
    close(tangent, wg.stack([jvp(f, (a,), (b,))[1] for a, b in zip(x, v, strict=True)]))
    close(out, (m @ x.T).sin().T)
    (pulled,) = vmap(lambda x: vjp(f, x)[1](wg.ones(2)))(x)
    close(pulled, wg.stack([vjp(f, row)[1](wg.ones(2))[0] for row in x]))
    _, value = vmap(grad_and_value(lambda x: f(x).sum()))(x)
    close(value, f(x.T).sum(0))
    close(vmap(vmap(grad(wg.sin)))(x), x.cos())
    close(grad(lambda x: vmap(wg.sin)(x).sum())(x), x.cos())
    close(vmap(grad(lambda x: vmap(lambda y: x[0] * y)(x).sum()))(x), vmap_by_hand(x))


def vmap_by_hand(x):
    return wg.stack([grad(lambda x: (x[0] * x).sum())(row) for row in x])


def test_over_functions_that_were_recorded_before():
    m, x = wg.randn(2, 3), wg.randn(3)
    f = lambda x: (m @ x).sin()  # noqa: E731
    pull = vjp(f, x)[1]
    close(vmap(pull)(wg.eye(2))[0], jacrev(f)(x))
    push = linearize(f, x)[1]
    close(vmap(push, out_dims=1)(wg.eye(3)), jacrev(f)(x))


# ---- ensembles -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_an_ensemble_trains_as_its_networks(kind):
    models = [network(kind) for _ in range(3)]
    x, y = samples(kind, 8)
    params, _ = stack_module_state(models)
    together = wg.optim.SGD(params.values(), 0.1, momentum=0.9)
    alone = [wg.optim.SGD(m.parameters(), 0.1, momentum=0.9) for m in models]
    base = models[0]
    run = vmap(lambda p, x: functional_call(base, p, (x,)), in_dims=(0, None))
    for _ in range(3):
        together.zero_grad()
        vmap(F.cross_entropy, in_dims=(0, None))(run(params, x), y).sum().backward()
        together.step()
        for model, optimizer in zip(models, alone, strict=True):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    for name, p in params.items():
        close(p, wg.stack([dict(m.named_parameters())[name] for m in models]), atol=1e-5)


def test_running_moments_of_an_ensemble():
    models = [nn.BatchNorm1d(4) for _ in range(3)]
    x = wg.randn(3, 6, 4)
    params, buffers = stack_module_state(models)
    base = models[0]
    call = vmap(lambda p, b, x: functional_call(base, (p, b), (x,)))
    wanted = wg.stack([m(row) for m, row in zip(models[1:], x[1:], strict=True)])
    base.num_batches_tracked = None
    del buffers["num_batches_tracked"]
    close(call(params, buffers, x)[1:], wanted)
    close(buffers["running_mean"][1:], wg.stack([m.running_mean for m in models[1:]]))
    close(buffers["running_var"][1:], wg.stack([m.running_var for m in models[1:]]))
    with pytest.raises(RuntimeError, match="replace_all_batch_norm_modules_"):
        vmap(models[0])(x)


# ---- dimensions and containers ---------------------------------------------------------------


def test_dimensions():
    x, y = wg.randn(3, 4), wg.randn(4, 3)
    close(vmap(wg.dot, in_dims=(0, 1))(x, y), (x * y.T).sum(1))
    close(vmap(lambda x: x * 2, in_dims=1, out_dims=1)(x), x * 2)
    close(vmap(lambda x: x * 2, in_dims=-1, out_dims=-1)(x), x * 2)
    a, b = vmap(lambda x: (x, {"s": x.sum()}), out_dims=(1, {"s": 0}))(x)
    close(a, x.T)
    close(b["s"], x.sum(1))
    close(
        vmap(lambda t: t["a"] * t["b"][0], in_dims=({"a": 0, "b": [None]},))(
            {"a": x, "b": [y[:, 0]]}
        ),
        x * y[:, 0],
    )
    close(vmap(lambda x, k: x * k, in_dims=(0, None))(x, 3), x * 3)
    close(vmap(lambda x, *, k: x * k.sum())(x, k=y), x * y.sum())
    close(vmap(lambda x: wg.ones(2))(x), wg.ones(3, 2))
    assert vmap(lambda x: 5, out_dims=None)(x) == 5
    close(vmap(lambda x: x.sum(), chunk_size=2)(x), x.sum(1))
    close(vmap(lambda x: x.expand(2, 4), out_dims=1, chunk_size=2)(x), x.expand(2, 3, 4))
    assert vmap(lambda x: x.sin().sum(0) + 1)(wg.zeros(0, 4)).shape == (0,)


ONE = wg.ones(3, 2)
WRONG = {
    "at least one Tensor": lambda: vmap(wg.sin, in_dims=(None,))(ONE),
    "expected `in_dims` to be int": lambda: vmap(wg.sin, in_dims=[0])(ONE),
    "not compatible with the structure of `inputs`": lambda: vmap(wg.sin, in_dims=(0, 0))(ONE),
    "got no inputs": lambda: vmap(lambda: 1)(),
    "same size in the mapped": lambda: vmap(wg.add)(ONE, wg.ones(2, 2)),
    "dimensionality 2": lambda: vmap(wg.sin, in_dims=2)(ONE),
    "non-Tensor": lambda: vmap(wg.mul)(ONE, 3),
    "must only return Tensors": lambda: vmap(lambda x: 3)(ONE),
    "can not return a BatchedTensor": lambda: vmap(wg.sin, out_dims=None)(ONE),
    "structure of `outputs`": lambda: vmap(wg.sin, out_dims=(0, 0))(ONE),
    "chunk_size should be": lambda: vmap(wg.sin, chunk_size=0),
    "values for randomness": lambda: vmap(wg.sin, randomness="some"),
    "data-dependent": lambda: vmap(lambda x: x if x.sum() > 0 else -x)(ONE),
    r"item\(\)": lambda: vmap(lambda x: x * x.sum().item())(ONE),
    "numpy": lambda: vmap(lambda x: x.numpy())(ONE),
    "backward": lambda: vmap(lambda x: x.sum().backward())(ONE),
    "while in randomness error": lambda: vmap(lambda x: x + wg.rand(2))(ONE),
    "operation dropout": lambda: vmap(lambda x: F.dropout(x))(ONE),
    "operation normal_": lambda: vmap(lambda x: x + wg.empty(2).normal_())(ONE),
    "not in place": lambda: vmap(lambda x: wg.zeros(2).add_(x))(ONE),
    "would write a result": lambda: vmap(plus_into_what_is_the_same)(ONE),
    "would write a value": lambda: vmap(assigned)(ONE),
    "out=": lambda: vmap(lambda x: wg.add(x, 1, out=wg.ones(2)))(ONE),
    "other numbers for each slice": lambda: vmap(
        lambda x: x + wg.ones(2).normal_(), randomness="different"
    )(ONE),
    "has returned": lambda: escaped(),
    "depends on the values": lambda: vmap(lambda x: x[x > 0])(wg.tensor([[1.0, -1], [1, 1]])),
    "Dimension out of range": lambda: vmap(lambda x: x.sum(1))(ONE),
    "cast": lambda: vmap(lambda x: x.long().add_(0.5))(ONE),
    "memory location": lambda: vmap(lambda x: x.expand(2, 2).add_(1))(ONE),
}  # fmt: skip


def plus_into_what_is_the_same(x):
    total = wg.zeros(2)
    total += x
    return total


def assigned(x):
    y = wg.zeros(2)
    y[0] = x[0]
    return y


def escaped():
    kept = []
    vmap(lambda x: (kept.append(x), x)[1])(ONE)
    return vmap(lambda x: x + kept[0])(ONE)


@pytest.mark.parametrize("message", WRONG)
def test_errors(message):
    with pytest.raises((RuntimeError, ValueError, IndexError, TypeError), match=message):
        WRONG[message]()
    assert wg.relu(ONE).equal(ONE.relu()) and wg.rand(1).shape == (1,)  # nothing asks any more


# ---- random numbers --------------------------------------------------------------------------


def test_random_numbers():
    x = wg.zeros(3, 4)
    for draw in (
        lambda x: x + wg.rand(4), lambda x: x + wg.randn(2, 4)[1], lambda x: wg.rand_like(x),
        lambda x: F.dropout(x + 1), lambda x: x.clone().normal_(), lambda x: wg.bernoulli(x + 0.5),
        lambda x: x + wg.randperm(40)[:4],
        lambda x: F.feature_alpha_dropout(x[None] + 1, 0.5, True)[0],
        lambda x: wg.normal(x, 1.0), lambda x: x + wg.randint(0, 1000, (4,)),
    ):  # fmt: skip
        same = vmap(draw, randomness="same")(x)
        assert (same == same[0]).all()
        rows = [vmap(draw, randomness="different")(x) for _ in range(4)]
        assert any((r != r[0]).any() for r in rows)
        both = [vmap(draw, randomness="same", chunk_size=1)(x)]
        assert (both[0] == both[0][0]).all()
    assert (vmap(lambda x: F.dropout(x, training=False))(x + 1) == 1).all()


@pytest.mark.skipif(torch is None, reason="torch is not installed")
def test_random_numbers_as_torch():
    for draw in (lambda T, x: x + T.rand(20), lambda T, x: x * T.randn(20)):
        for how in ("same", "different"):
            wg.manual_seed(3), torch.manual_seed(3)
            ours = wg.vmap(functools.partial(draw, wg), randomness=how)(wg.ones(3, 20))
            theirs = torch.vmap(functools.partial(draw, torch), randomness=how)(torch.ones(3, 20))
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5)


# ---- how functions are reached ---------------------------------------------------------------

relu, normal_ = wg.relu, wg.Tensor.normal_


class Holder(wg.nn.Module):
    def __init__(self):
        super().__init__()
        self.activation = relu

    def forward(self, x):
        return self.activation(x)


def test_functions_that_were_taken_before():
    """Which function it is says its first argument, not where it was found."""
    x = wg.tensor([[-1.0, 2], [3, -4]])
    for f in (relu, wg.Tensor.relu, wg._native.ops.relu, Holder(), functools.partial(relu)):
        assert vmap(f)(x).equal(x.relu())
    assert vmap(lambda r: wg.ones(2).index_put((r.long().abs() % 2,), r))(x).shape == (2, 2)
    assert vmap(lambda r: ONE[0][r.long().abs() % 2])(x).shape == (2, 2)
    with pytest.raises(RuntimeError, match="randomness error mode"):
        vmap(lambda r: normal_(r.clone()))(x)


def test_functions_put_in_another_s_place(monkeypatch):
    monkeypatch.setattr(wg, "sin", wg.cos)
    close(vmap(lambda x: wg.sin(x))(ONE), ONE.cos())


def test_threads():
    """Another thread gets what it always gets: it runs no function of a vmap."""
    wrong = []

    def plain():
        x = wg.ones(4)
        for _ in range(300):
            x = wg.relu(x) + 0
            if x.sum().item() != 4 or wg.rand(1).item() > 1:
                wrong.append(x)

    threads = [threading.Thread(target=plain) for _ in range(2)]
    [t.start() for t in threads]
    for _ in range(30):
        close(vmap(lambda x: wg.relu(x).sum())(ONE), ONE.sum(1))
    [t.join() for t in threads]
    assert not wrong


SUBCLASS = """
import wengert as wg
x = wg.ones(3, 2)
f = wg.vmap(lambda x: wg.relu(x).sum())
f(x)
class Named(wg.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs)
assert f(x).tolist() == [2, 2, 2]
assert type(wg.relu(x.as_subclass(Named))) is Named
"""


def test_subclasses_keep_their_say():
    subprocess.run([sys.executable, "-c", SUBCLASS], check=True)


CAPTURED = {
    "one function": lambda x: vmap(lambda r: r.sin().sum())(x),
    "made before": vmap(grad(lambda r: r.exp().sum())),
    "gradients": lambda x: vmap(grad(lambda r: r.sin().sum()))(x),
    "jacobians": lambda x: vmap(jacrev(lambda r: r.sin() * r.sum()))(x),
    "nested": lambda x: vmap(lambda r: vmap(lambda s: s * r.sum())(r))(x),
    "in chunks": lambda x: vmap(lambda r: r.cumsum(0), chunk_size=2)(x),
    "by slices": lambda x: vmap(Squared.apply)(x),
    "in place": lambda x: vmap(lambda r: r.clone().add_(1).mul_(r))(x),
    "drawing": lambda x: vmap(lambda r: F.dropout(r) + wg.randn(4), randomness="different")(x),
    "drawing one": lambda x: vmap(lambda r: r + wg.rand(4), randomness="same")(x),
}


@pytest.mark.parametrize("case", CAPTURED)
def test_captured_functions(case):
    """A program holds what the vmap did with whole values, so that a replay never asks for it."""
    function = CAPTURED[case]
    program = wg.capture(function)
    runs = []
    for f in (function, program):
        wg.manual_seed(0)
        runs.append([f(wg.randn(3, 4)) for _ in range(4)])
    assert all(a.equal(b) for a, b in zip(*runs, strict=True))


def test_what_a_captured_function_cannot_draw():
    """The same numbers for every slice are drawn by putting the generator back, by its state."""
    same = wg.capture(lambda x: vmap(F.dropout, randomness="same")(x))
    with pytest.raises(wg.CaptureError, match="set_state"):
        same(ONE)


# ---- torch -----------------------------------------------------------------------------------


@pytest.mark.skipif(torch is None, reason="torch is not installed")
def test_as_torch():
    x = np.random.default_rng(0).standard_normal((3, 4, 5)).astype("float32")
    for f in (
        lambda T, x: x.sum(0) / x.norm(), lambda T, x: T.einsum("ij,kj->ik", x, x),
        lambda T, x: T.nn.functional.layer_norm(x, x.shape[1:]),
        lambda T, x: x.softmax(-1).log().mean(),
        lambda T, x: T.func.grad(lambda y: (y @ x.T).sin().sum())(x), lambda T, x: x.std(1),
        lambda T, x: T.vmap(lambda r: r / r.sum(), in_dims=1, out_dims=1)(x),
        lambda T, x: T.func.hessian(lambda r: r.pow(3).sum())(x[0]),
    ):  # fmt: skip
        for dim in range(3):
            ours = wg.vmap(functools.partial(f, wg), in_dims=dim)(wg.tensor(x))
            theirs = torch.vmap(functools.partial(f, torch), in_dims=dim)(torch.tensor(x))
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-4, atol=1e-5)


class Squared(wg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return g * 2 * ctx.saved_tensors[0]


class Holding(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.activation = nn.Linear(4, 2), wg.tanh

    def forward(self, x):
        return self.activation(self.inner(x))


def test_functions_of_users():
    x = wg.randn(3, 4)
    close(vmap(Squared.apply)(x), x * x)
    close(vmap(grad(lambda x: (Squared.apply(x) * x).sum()))(x), 3 * x * x)
    model = Holding()
    for f in (model, lambda x: model(x), lambda x: functional_call(model, {}, x)):
        close(vmap(f)(x), model(x))
    assert model.activation is wg.tanh


def test_the_package_s_modules():
    x = wg.randn(3, 5, 2, 4)
    for model in (
        nn.LSTM(4, 3), nn.GRU(4, 3), nn.RNN(4, 3, bidirectional=True), nn.MultiheadAttention(4, 2),
        nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), nn.Softmax(0), nn.Dropout().eval(),
        nn.BatchNorm1d(2).eval(), nn.PReLU(), nn.RMSNorm(4), nn.Bilinear(4, 4, 2),
        nn.CosineSimilarity(), nn.Flatten(), nn.Embedding(5, 4),
    ):  # fmt: skip
        y = wg.randint(0, 5, (3, 5)) if isinstance(model, nn.Embedding) else x
        two = isinstance(model, (nn.Bilinear, nn.CosineSimilarity))
        count = 3 if isinstance(model, nn.MultiheadAttention) else 2 if two else 1
        call = lambda y, model=model, n=count: model(*[y] * n)  # noqa: E731
        ours, rows = vmap(call)(y), [call(row) for row in y]
        if isinstance(ours, tuple):
            ours, rows = ours[0], [row[0] for row in rows]
        close(ours, wg.stack(rows), atol=1e-5)
