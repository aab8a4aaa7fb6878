"""`wengert.autograd.forward_ad`: against `func.jvp`, and against torch where it is installed."""

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.func.test_transforms import assert_same, values
from wengert.autograd import forward_ad

RNG = np.random.default_rng(3)
X, V, W = (RNG.standard_normal((3, 4)) for _ in range(3))

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def libraries():
    ours = [(wg, forward_ad)]
    if torch is not None:
        import torch.autograd.forward_ad as theirs

        ours.append((torch, theirs))
    return ours


def given(T, *arrays, leaf=False):
    return [T.tensor(a, dtype=T.float64, requires_grad=leaf) for a in arrays]


@case
def one_dual(T, fw):
    x, v = given(T, X, V)
    with fw.dual_level() as level:
        assert level == 0
        d = fw.make_dual(x, v)
        y = fw.unpack_dual(d.sin() * d.exp().sum(0))
        z = fw.unpack_dual(d @ d.t())
        same = fw.unpack_dual(d)
    assert fw.unpack_dual(y.primal) == (y.primal, None)
    return y, z, same


@case
def several_duals(T, fw):
    x, y, v = given(T, X, W, V)
    with fw.dual_level():
        a, b = fw.make_dual(x, v), fw.make_dual(y, x)
        both = (a * b).cumsum(1) + a / (1 + b * b)
        return fw.unpack_dual(both), fw.unpack_dual(a * y), fw.unpack_dual(b.softmax(1))


@case
def results_without_tangents(T, fw):
    x, v = given(T, X, V)
    with fw.dual_level():
        d = fw.make_dual(x, v)
        return [
            fw.unpack_dual(z) for z in (x * 2, (d * 2).detach(), T.ones(3), T.tensor(1), d.floor())
        ] + [(d > 0), d.argmax()]


@case
def unpacked_primals_have_no_tangent(T, fw):
    x, v = given(T, X, V)
    with fw.dual_level():
        d = fw.make_dual(x, v)
        primal, tangent = fw.unpack_dual(d * d)
        return fw.unpack_dual(primal * d), fw.unpack_dual(tangent * d), fw.unpack_dual(primal * 2)


@case
def changes_in_place(T, fw):
    x, v, w = given(T, X, V, W)
    x, v = x.clone(), v.clone()
    with fw.dual_level():
        d = fw.make_dual(x, v)
        buffer = w.clone()
        buffer[0] = d[1]
        d.mul_(w).add_(1)
        d[:, 0] = buffer[:, 1]
        return fw.unpack_dual(d), fw.unpack_dual(buffer), x


@case
def gradients_of_tangents(T, fw):
    x, v = given(T, X, V, leaf=True)
    with fw.dual_level():
        d = fw.make_dual(x, v)
        primal, tangent = fw.unpack_dual((d**3).sum(1))
    return (
        T.autograd.grad(tangent.sum(), (x, v), retain_graph=True),
        T.autograd.grad(primal.sum(), x),
    )


@case
def tangents_of_gradients(T, fw):
    (x,), (v,) = given(T, X, leaf=True), given(T, V)
    with fw.dual_level():
        d = fw.make_dual(x, v)
        (g,) = T.autograd.grad((d**3).sum(), d)
        product = fw.unpack_dual(g)
        (again,) = T.autograd.grad((d**4).sum(), d, create_graph=True)
        tangent = fw.unpack_dual(again).tangent
    return product, T.autograd.grad(tangent.sum(), x)


@case
def without_gradients_around(T, fw):
    (x,), (v,) = given(T, X, leaf=True), given(T, V)
    with T.no_grad(), fw.dual_level():
        found = fw.unpack_dual(fw.make_dual(x, v).exp())
    assert T.is_grad_enabled()
    return found


@case
def a_module_with_dual_parameters(T, fw):
    T.manual_seed(0)
    net = T.nn.Sequential(T.nn.Linear(4, 5), T.nn.Tanh(), T.nn.LayerNorm(5), T.nn.Linear(5, 2))
    params = {name: p.detach() for name, p in net.named_parameters()}
    (x,) = (T.tensor(X, dtype=T.float32),)
    with fw.dual_level():
        duals = {name: fw.make_dual(p, p.cos()) for name, p in params.items()}
        out = fw.unpack_dual(T.func.functional_call(net, duals, x))
    return [z.double().round(decimals=4) for z in out]


@case
def the_same_draws(T, fw):
    x, v = given(T, X, V)
    T.manual_seed(1)
    with fw.dual_level():
        out = T.nn.functional.dropout(fw.make_dual(x, v), 0.5)
        primal, tangent = fw.unpack_dual(out)
    return (primal == 0) == (tangent == 0)


@case
def a_function_with_jvp(T, fw):
    class Power(T.autograd.Function):
        @staticmethod
        def forward(ctx, x, n):
            ctx.n = n
            y = x**n
            ctx.save_for_backward(x)
            ctx.save_for_forward(x, y)
            return y, x.sign()

        @staticmethod
        def backward(ctx, g, _):
            raise AssertionError("not asked")

        @staticmethod
        def jvp(ctx, t, n):
            x, y = ctx.saved_tensors
            assert n is None
            return ctx.n * t * y / x, t * 0

    x, v = given(T, X, V)
    with fw.dual_level():
        y, sign = Power.apply(fw.make_dual(x, v).exp(), 3)
        return fw.unpack_dual(y.sin()), fw.unpack_dual(sign)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:Mem Efficient")
def test_as_torch(name):
    found = []
    for T, fw in libraries():
        out = CASES[name](T, fw)
        found.append(values(_plain(out)))
    if len(found) > 1:
        assert_same(*found)


def _plain(tree):
    """Without whether they require gradients, as duals do here."""
    if isinstance(tree, (tuple, list)):
        return [_plain(x) for x in tree]
    return tree if tree is None else np.array(tree.detach().numpy())


FUNCTIONS = {
    "norms": lambda x: wg.nn.functional.layer_norm(x, (4,)) + x.norm(dim=0),
    "sorted": lambda x: x.sort(1).values.logsumexp(1),
    "matrix": lambda x: wg.linalg.inv(x @ x.mT + wg.eye(3, dtype=x.dtype)),
    "conv": lambda x: wg.nn.functional.conv1d(x[None, :, :], wg.ones(2, 3, 2, dtype=x.dtype)),
    "attention": lambda x: wg.nn.functional.scaled_dot_product_attention(x, x * 2, x.sin()),
    "where": lambda x: wg.where(x > 0, x.square(), x.neg()).prod(0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_jvp(name):
    x, v = given(wg, X, V)
    out, tangent = wg.func.jvp(FUNCTIONS[name], (x,), (v,))
    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(FUNCTIONS[name](forward_ad.make_dual(x, v)))
    assert found.primal.equal(out) and found.tangent.equal(tangent)
    assert not found.primal.requires_grad and not found.tangent.requires_grad


def test_jvp_of_the_user_in_func():
    """Without a backward too; in a gradient it is not asked for."""

    class Cube(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_forward(x)
            return x**3

        @staticmethod
        def jvp(ctx, t):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * t

    x, v = given(wg, X, V)
    assert wg.func.jvp(Cube.apply, (x,), (v,))[1].allclose(3 * x**2 * v)
    assert wg.func.linearize(Cube.apply, x)[1](v).allclose(3 * x**2 * v)
    assert wg.func.jacfwd(Cube.apply)(x[0]).allclose((3 * x[0] ** 2).diag())
    assert wg.autograd.functional.jvp(Cube.apply, x, v)[1].allclose(3 * x**2 * v)
    second = wg.func.jacfwd(wg.func.jacfwd(Cube.apply))(x[0, 0])
    assert second.allclose(6 * x[0, 0])
    with pytest.raises(NotImplementedError, match="backward"):
        Cube.apply(x.requires_grad_()).sum().backward()


def test_wrong_jvp():
    class Two(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x, x * 2

        @staticmethod
        def jvp(ctx, t):
            return t

    with pytest.raises(RuntimeError, match=r"Two.jvp: returned 1 tangents, forward 2 outputs"):
        wg.func.jvp(Two.apply, tuple(given(wg, X)), tuple(given(wg, V)))
    Two.jvp = staticmethod(lambda ctx, t: (t[0], t))
    with pytest.raises(RuntimeError, match=r"Two.jvp: a tangent of shape \(4,\)"):
        wg.func.jvp(Two.apply, tuple(given(wg, X)), tuple(given(wg, V)))


def test_within_transforms():
    x, v = given(wg, X, V)

    def product(x):
        with forward_ad.dual_level():
            return forward_ad.unpack_dual(forward_ad.make_dual(x, v[0]).sin())

    assert wg.vmap(lambda x: product(x).tangent)(x).allclose(x.cos() * v[0])
    grads = wg.func.grad(lambda x: product(x).tangent.sum())(x[0])
    assert grads.allclose(-x[0].sin() * v[0])
    # a tangent of the level is none of the transform around it, whose own goes through the primal
    assert wg.func.jvp(lambda x: product(x).primal, (x[0],), (v[1],))[1].allclose(x[0].cos() * v[1])
    with forward_ad.dual_level():
        d = forward_ad.make_dual(x[0], v[0])
        g = forward_ad.unpack_dual(wg.func.grad(lambda x: (x**3).sum())(d))
        assert g.tangent.allclose(6 * x[0] * v[0])
        with pytest.raises(RuntimeError, match="vmap that began after"):
            wg.vmap(lambda x: forward_ad.make_dual(x, x))(x)


def test_captured():
    x, v = given(wg, X, V)

    @wg.capture
    def product(x, v):
        with forward_ad.dual_level():
            return forward_ad.unpack_dual(forward_ad.make_dual(x, v).exp()).tangent

    for k in range(3):
        assert product(x + k, v).allclose((x + k).exp() * v)


def test_refusals():
    x, v = given(wg, X, V)
    with pytest.raises(RuntimeError, match="no level exists"):
        forward_ad.make_dual(x, v)
    with pytest.raises(RuntimeError, match="must be a positive number"):
        forward_ad.exit_dual_level()
    with forward_ad.dual_level():
        d = forward_ad.make_dual(x, v)
        for args, error, words in (
            ((x, v[0]), RuntimeError, r"size \[3, 4\] while .* \[4\]"),
            ((x.long(), v), ValueError, "Expected primal to be floating point"),
            ((x, v.long()), ValueError, "Expected tangent to be floating point"),
            ((d * 2, v), RuntimeError, "already has a forward gradient"),
            ((x, d), RuntimeError, "itself has a forward gradient"),
            ((x, 1.0), TypeError, "tangent must be a Tensor, got float"),
        ):
            with pytest.raises(error, match=words):
                forward_ad.make_dual(*args)
        with pytest.raises(RuntimeError, match="Nested forward mode"):
            forward_ad.enter_dual_level()
        with pytest.raises(RuntimeError, match="not the last one"):
            forward_ad.exit_dual_level(level=3)
        with pytest.raises(TypeError, match="a Tensor expected, got int"):
            forward_ad.unpack_dual(3)
    assert forward_ad.unpack_dual(d) == (d, None)


def test_recording_switched_off():
    x, v = given(wg, X, V)
    with forward_ad.dual_level():
        d = forward_ad.make_dual(x, v)
        assert forward_ad.unpack_dual(x).tangent is None
        with wg.no_grad():
            y = d * d
        with pytest.warns(UserWarning, match="its tangent is lost"):
            assert forward_ad.unpack_dual(y).tangent is None
    assert wg.is_grad_enabled()
    with forward_ad.dual_level():  # of the next level nothing is lost
        forward_ad.unpack_dual(x)
