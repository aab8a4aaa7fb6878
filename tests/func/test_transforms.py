"""`wengert.func` without vmap: against formulas, and against torch where it is installed."""

import itertools
import subprocess
import sys
from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

Pair = namedtuple("Pair", "a b")
RNG = np.random.default_rng(0)
X, Y, V = (RNG.standard_normal(3) for _ in range(3))
M = RNG.standard_normal((4, 3))


def values(tree):
    """Plain numbers and containers of what a case gives, to be compared."""
    if isinstance(tree, dict):
        return {k: values(v) for k, v in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree).__name__, *map(values, tree)
    if isinstance(tree, (tuple, list)):
        return type(tree)(map(values, tree))
    if hasattr(tree, "requires_grad"):
        return tree.detach().numpy(), tree.requires_grad
    return tree


def assert_same(ours, theirs):
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for key in ours:
            assert_same(ours[key], theirs[key])
    elif isinstance(ours, (tuple, list)):
        assert len(ours) == len(theirs), (ours, theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)
    elif isinstance(ours, np.ndarray):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    else:
        assert ours == theirs


# ---- the same program on both ----------------------------------------------------------------

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def tensors(T):
    return T.tensor(X), T.tensor(Y), T.tensor(V), T.tensor(M)


@case
def gradients(T, F):
    x, y, _, m = tensors(T)
    yield F.grad(lambda x: (x.sin() * x).sum())(x)
    yield F.grad(lambda x, y: (x * y.exp()).sum(), argnums=(1, 0))(x, y)
    yield F.grad(lambda x, y: (x * y.exp()).sum(), argnums=-1)(x, y)
    yield F.grad_and_value(lambda x: (m @ x).tanh().sum())(x)
    yield F.grad_and_value(lambda x, k: (k * x.sum(), {"x": x}), has_aux=True)(x, k=2)
    yield F.grad(lambda x: (x.sum(), [x * 2]), has_aux=True)(x)
    yield F.grad(lambda x, y: x.sum(), argnums=(0, 1))(x, y)
    yield F.grad(lambda x: T.tensor(2.0))(x)


@case
def containers(T, F):
    x, y, _, _ = tensors(T)
    tree = {"a": x, "b": [y, (x + 1,)]}
    yield F.grad(lambda t: (t["a"] * t["b"][0] + t["b"][1][0] ** 2).sum())(tree)
    yield F.grad(lambda p: (p.a * p.b).sum())(Pair(x, y))
    yield F.grad(lambda t: t["u"].sum())(OrderedDict(u=x))
    yield F.jacrev(lambda t: {"p": t[0] * t[1], "q": (t[0].sum(),)})((x, y))
    yield F.jacfwd(lambda t: {"p": t[0] * t[1], "q": (t[0].sum(),)})((x, y))
    out, pull = F.vjp(lambda t: [t["a"] * 2, t["b"][0].exp()], tree)
    yield out, pull([x, y])
    yield F.jvp(lambda t: [t["a"] ** 2, t["b"][0].exp()], (tree,), (tree,))


@case
def nesting(T, F):
    x = T.tensor(0.7, dtype=T.float64)
    f = T.sin
    for _ in range(4):
        f = F.grad(f)
        yield f(x)
    # Of x * d/dy (x + y): a derivative by y alone must not see x.
    yield F.grad(lambda x: x * F.grad(lambda y: x + y)(x))(x)
    yield F.grad(lambda x: x * F.grad(lambda y: x * y * y)(x))(x)
    yield F.grad(lambda x: F.jvp(lambda y: x * y**3, (x,), (x,))[1])(x)
    yield F.jvp(F.grad(lambda x: x**4), (x,), (x * 0 + 1,))
    yield F.jvp(lambda x: F.jvp(lambda y: y.exp() * x, (x,), (x,))[1], (x,), (x,))
    yield F.grad(lambda x: F.vjp(lambda y: (x * y).sin(), x)[1](x)[0])(x)


@case
def products(T, F):
    x, y, v, m = tensors(T)
    out, pull = F.vjp(lambda x, y: (m @ x) * y.sum(), x, y)
    yield out, pull(T.ones_like(out)), pull(out)
    yield F.vjp(lambda x: (x.sin(), x.sum()), x, has_aux=True)[2]
    yield F.jvp(lambda x, y: (m @ (x * y)).tanh(), (x, y), (v, x))
    yield F.jvp(lambda x: (x.sin(), {"a": x}), (x,), (v,), has_aux=True)
    yield F.jvp(lambda x: (x * 2, y * 3), (x,), (v,))
    out, push = F.linearize(lambda x, y: (x * y).sum(), x, y)
    yield out, push(v, x), push(x, y)


@case
def matrices(T, F):
    x, y, _, m = tensors(T)
    f = lambda x, y: ((m @ x).sin() * y.sum(), x * y)  # noqa: E731
    for jacobian in (F.jacrev, F.jacfwd):
        yield jacobian(f)(x, y)
        yield jacobian(f, argnums=1)(x, y)
        yield jacobian(f, argnums=(0, 1))(x, y)
        yield jacobian(lambda x: (x**2, x + 1), has_aux=True)(x)
        yield jacobian(lambda m: m.sum(0))(m)
        yield jacobian(lambda x: x.sum())(x)
        yield jacobian(jacobian(lambda x: (m @ x) ** 2))(x)
        yield jacobian(lambda x: y * 2)(x)
    yield F.hessian(lambda x: (x**3).sum())(x)
    yield F.hessian(lambda x, y: (m @ (x * y)).sin().sum(), argnums=(0, 1))(x, y)
    yield F.hessian(lambda x: m @ x**2)(x)
    yield F.hessian(lambda t: (t["a"] * t["b"]).sum())({"a": x, "b": y})


@case
def what_is_recorded(T, F):
    """Results may be differentiated by what is outside, and are cut off from what is inside."""
    x, _, v, _ = tensors(T)
    w = T.tensor(Y).requires_grad_()
    g = F.grad(lambda x: (x**2 * w).sum())(x)
    yield g
    yield T.autograd.grad(g.sum(), w)[0]
    r = T.tensor(X).requires_grad_()
    g, value = F.grad_and_value(lambda x: (x**3).sum())(r)
    yield g, value, T.autograd.grad(g.sum() + value, r)[0]
    with T.no_grad():
        yield F.grad(lambda x: (x**2 * w).sum())(r)
        yield F.jacrev(lambda x: x**2 * w)(r)
        yield F.jvp(lambda x: x**2 * w, (r,), (v,))
    out, pull = F.vjp(lambda x: x**2, r)
    c = T.tensor(V).requires_grad_()
    yield out, pull(c), pull(v, create_graph=False)
    (g,) = pull(c)
    yield T.autograd.grad(g.sum(), (r, c))
    out, tangent = F.jvp(lambda x: x**2 * w, (x,), (c,))
    yield out, tangent, T.autograd.grad(tangent.sum(), (w, c))
    j = F.jacfwd(lambda x: x**2 * w)(x)
    yield j, T.autograd.grad(j.sum(), w)[0]
    yield F.grad(lambda x: (x.detach() * x).sum())(x)
    yield F.grad(lambda x: ((x * 2).sum(), w * 2), has_aux=True)(x)
    yield r.grad


@case
def modules(T, F):
    T.manual_seed(0)
    model = T.nn.Sequential(T.nn.Linear(3, 4), T.nn.Tanh(), T.nn.Linear(4, 2)).double()
    x = T.tensor(M)
    params = {k: v.detach() * 0 + 0.1 for k, v in model.named_parameters()}
    yield F.functional_call(model, params, x)
    yield F.functional_call(model, params, (x,), {})
    yield F.functional_call(
        model,
        ({"0.weight": params["0.weight"]}, {"0.bias": x[0, 0] * T.ones(4, dtype=T.float64)}),
        x,
    )
    yield F.grad(lambda p: F.functional_call(model, p, x).square().mean())(params)
    yield F.hessian(lambda b: F.functional_call(model, {"2.bias": b}, x).exp().sum())(
        T.tensor(X[:2])
    )
    yield [p.grad for p in model.parameters()]


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("name", CASES)
def test_as_torch(name):
    for ours, theirs in itertools.zip_longest(
        CASES[name](wg, wg.func), CASES[name](torch, torch.func)
    ):
        assert_same(values(ours), values(theirs))


@pytest.mark.parametrize("name", CASES)
def test_cases_run(name):
    assert list(CASES[name](wg, wg.func))


# ---- formulas --------------------------------------------------------------------------------


def close(tensor, array):
    np.testing.assert_allclose(tensor.numpy(), array, rtol=1e-9)


def test_gradients_by_formula():
    x, y = wg.tensor(X), wg.tensor(Y)
    close(wg.func.grad(lambda x: x.sin().sum())(x), np.cos(X))
    gx, gy = wg.func.grad(lambda x, y: (x * y.exp()).sum(), argnums=(0, 1))(x, y)
    close(gx, np.exp(Y))
    close(gy, X * np.exp(Y))
    third = wg.func.grad(wg.func.grad(wg.func.grad(wg.sin)))
    close(third(x[0]), -np.cos(X[0]))


def test_jacobians_by_formula():
    x, m = wg.tensor(X), wg.tensor(M)
    wanted = np.cos(M @ X)[:, None] * M
    for jacobian in (wg.func.jacrev, wg.func.jacfwd):
        close(jacobian(lambda x: (m @ x).sin())(x), wanted)
    close(wg.func.jvp(lambda x: (m @ x).sin(), (x,), (wg.tensor(V),))[1], wanted @ V)
    close(
        wg.func.vjp(lambda x: (m @ x).sin(), x)[1](wg.ones(4, dtype=wg.float64))[0], wanted.sum(0)
    )
    close(wg.func.hessian(lambda x: (x**3).sum())(x), np.diag(6 * X))
    close(wg.func.hessian(lambda x: (m @ x).exp().sum())(x), M.T @ (np.exp(M @ X)[:, None] * M))


def test_perturbations_are_not_confused():
    x = wg.tensor(2.0)
    assert wg.func.grad(lambda x: x * wg.func.grad(lambda y: x + y)(x))(x).item() == 1.0
    inner = wg.func.grad(lambda x: wg.func.linearize(lambda y: x * y**2, x)[1](x))
    assert inner(x).item() == 24.0  # of 2 x^3


# ---- modules ---------------------------------------------------------------------------------


class Tied(wg.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = wg.nn.Parameter(wg.ones(2))
        self.b = self.a
        self.register_buffer("n", wg.zeros(1))

    def forward(self, x):
        self.n = self.n + 1
        return self.a * x + self.b


def test_functional_call_leaves_the_module_as_it_was():
    model = Tied()
    before = dict(model.named_parameters()), model.n
    given = {"a": wg.tensor([2.0, 3.0]), "n": wg.tensor([5.0])}
    out = wg.func.functional_call(model, given, wg.tensor([1.0, 1.0]))
    assert out.tolist() == [4.0, 6.0]
    assert given["n"].tolist() == [6.0]  # what the module has put there
    assert model.n is before[1] and model.a is before[0]["a"] and model.b is model.a
    with pytest.raises(TypeError):
        wg.func.functional_call(model, {"a": wg.ones(2)}, (1, 2, 3))
    assert model.a is before[0]["a"]


def test_ties_and_strictness():
    model, x = Tied(), wg.ones(2)
    a, b = wg.full((2,), 2.0), wg.full((2,), 3.0)
    with pytest.raises(ValueError, match="tied"):
        wg.func.functional_call(model, {"a": a, "b": b}, x)
    assert wg.func.functional_call(model, {"a": a, "b": b}, x, tie_weights=False)[0].item() == 5
    assert wg.func.functional_call(model, {"a": a}, x, tie_weights=False)[0].item() == 3
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\): 'c'.*\n.*Missing key\(s\): 'n'"):
        wg.func.functional_call(model, {"a": a, "c": b}, x, strict=True)
    with pytest.raises(ValueError, match="multiple dictionaries"):
        wg.func.functional_call(model, [{"a": a}, {"a": b}], x)
    with pytest.raises(ValueError, match="to be a dict"):
        wg.func.functional_call(model, 3, x)


def test_stack_module_state():
    models = [wg.nn.BatchNorm1d(3) for _ in range(2)]
    models[1].weight.requires_grad_(True)
    params, buffers = wg.func.stack_module_state(models)
    assert params["weight"].shape == (2, 3) and params["weight"].is_leaf
    assert params["weight"].requires_grad and not buffers["running_mean"].requires_grad
    assert buffers["num_batches_tracked"].shape == (2,)
    models[1].weight.requires_grad_(False)
    with pytest.raises(RuntimeError, match="same .requires_grad"):
        wg.func.stack_module_state(models)
    with pytest.raises(RuntimeError, match="at least one model"):
        wg.func.stack_module_state([])
    with pytest.raises(RuntimeError, match="same class"):
        wg.func.stack_module_state([models[0], wg.nn.Linear(1, 1)])
    with pytest.raises(RuntimeError, match="training/eval"):
        wg.func.stack_module_state([models[0], models[1].eval()])


def test_batch_norms_lose_their_statistics():
    model = wg.nn.Sequential(wg.nn.Linear(3, 3), wg.nn.BatchNorm1d(3)).eval()
    assert wg.func.replace_all_batch_norm_modules_(model) is model
    assert model(wg.randn(8, 3)).mean(0).abs().max() < 1e-6
    assert model[1].running_mean is None


# ---- errors ----------------------------------------------------------------------------------

x = wg.ones(3)
WRONG = {
    "scalar tensor, got tensor with 1 dims": lambda F: F.grad(lambda x: x)(x),
    "to return a tensor": lambda F: F.grad(lambda x: 3.0)(x),
    "should be a tuple": lambda F: F.grad(lambda x: x.sum(), has_aux=True)(x),
    "only 1 positional": lambda F: F.grad(lambda x: x.sum(), argnums=1)(x),
    "must be unique": lambda F: F.grad(lambda x: x.sum(), argnums=(0, 0))(x),
    "non-empty": lambda F: F.grad(lambda x: x.sum(), argnums=())(x),
    "argnums must be int": lambda F: F.grad(lambda x: x.sum(), argnums=[0])(x),
    "must be Tensor": lambda F: F.grad(lambda x: x.sum())([x, 3]),
    "floating": lambda F: F.grad(lambda x: x.sum())(x.long()),
    "same python structure": lambda F: F.jvp(lambda x: x, (x,), ((x,),)),
    "to be a tuple": lambda F: F.jvp(lambda x: x, x, (x,)),
    r"has shape \(2,\)": lambda F: F.jvp(lambda x: x, (x,), (x[:2],)),
    "not allowed with strict": lambda F: F.jvp(lambda y: x, (x,), (x,), strict=True),
    "to return only tensors": lambda F: F.jvp(lambda x: (x, 1), (x,), (x,)),
    "pytree structure of cotangents": lambda F: F.vjp(lambda x: x, x)[1]((x,)),
    r"cotangents\[0\] has shape": lambda F: F.vjp(lambda x: x, x)[1](x[:2]),
    "must be floating-point": lambda F: F.vjp(lambda x: x.long(), x),
    "non-empty output": lambda F: F.vjp(lambda x: None, x),
    "greater than 0": lambda F: F.jacrev(lambda x: x, chunk_size=0),
    "randomness": lambda F: F.jacfwd(lambda x: x, randomness="any"),
}


@pytest.mark.parametrize("message", WRONG)
def test_errors(message):
    with pytest.raises((RuntimeError, ValueError), match=message):
        WRONG[message](wg.func)


def test_the_package_is_loaded_late():
    code = "import sys, wengert; assert 'wengert.func' not in sys.modules; wengert.func.grad"
    subprocess.run([sys.executable, "-c", code], check=True)
