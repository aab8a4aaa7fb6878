"""`vmap` of an `autograd.Function`: its own rule, a generated one, jvp; against torch."""

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.func.test_transforms import assert_same, values

RNG = np.random.default_rng(5)
X, Y = RNG.standard_normal((2, 3, 4))


def scaled(T):
    """y = a x^2 + b, s = sign x: batched and plain arguments, a number, two outputs."""

    class Scaled(T.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, b, a):
            assert x.dim() == 1
            return a * x.square() + b, x.sign()

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, _, ctx.a = inputs
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            ctx.mark_non_differentiable(output[1])

        @staticmethod
        def backward(ctx, g, _):
            (x,) = ctx.saved_tensors
            return 2 * ctx.a * x * g, g if ctx.needs_input_grad[1] else None, None

        @staticmethod
        def jvp(ctx, t, u, _):
            (x,) = ctx.saved_tensors
            return 2 * ctx.a * x * t + u, None

    return Scaled.apply


def sorted_(T):
    """One with a rule of its own, as its forward leaves the library's operations."""

    class Sorted(T.autograd.Function):
        @staticmethod
        def forward(x, descending):
            x = x.detach()
            order = np.argsort(-x.numpy() if descending else x.numpy(), axis=0)
            order = T.tensor(order)
            return x.take_along_dim(order, 0), order

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.mark_non_differentiable(output[1])
            ctx.save_for_backward(output[1])

        @staticmethod
        def backward(ctx, g, _):
            (order,) = ctx.saved_tensors
            return T.zeros_like(g).scatter(0, order, g), None

        @staticmethod
        def vmap(info, in_dims, x, descending):
            assert info.batch_size == 3 and info.randomness == "error" and in_dims[1] is None
            y, order = Sorted.apply(x.movedim(in_dims[0], 1), descending)
            return (y, order), (1, 1)

    return Sorted.apply


def given(T, *arrays):
    return [T.tensor(a, dtype=T.float64) for a in arrays]


CASES = {
    "both mapped": lambda T, x, y: T.vmap(lambda x, y: scaled(T)(x, y, 3.0))(x, y),
    "one mapped": lambda T, x, y: T.vmap(lambda x: scaled(T)(x, y[0], 3.0), 0, 1)(x),
    "gradients": lambda T, x, y: T.vmap(
        T.func.grad(lambda x, y: scaled(T)(x, y, 3.0)[0].sum(), (0, 1))
    )(x, y),
    "gradient outside": lambda T, x, y: T.func.grad(
        lambda x, y: T.vmap(lambda x: scaled(T)(x, y, 3.0)[0].sin())(x).sum(), (0, 1)
    )(x, y[0]),
    "Hessian": lambda T, x, y: T.vmap(
        T.func.hessian(lambda x: scaled(T)(x, x, 3.0)[0].exp().sum())
    )(x),
    "nested": lambda T, x, y: T.vmap(
        lambda x: T.vmap(lambda y: scaled(T)(x, y, 2.0)[0])(y)
    )(x),
    "nested gradient": lambda T, x, y: T.func.grad(
        lambda x: T.vmap(lambda x: T.vmap(lambda y: scaled(T)(x, y, 2.0)[0])(y))(x).sin().sum()
    )(x),
    "jvp": lambda T, x, y: T.vmap(
        lambda x, y: T.func.jvp(lambda x: scaled(T)(x, y, 2.0)[0].sin(), (x,), (y,))
    )(x, y),
    "own rule": lambda T, x, y: T.vmap(lambda x: sorted_(T)(x, True))(x),
    "own rule, gradients": lambda T, x, y: T.vmap(
        lambda x, y: T.func.vjp(lambda x: sorted_(T)(x, False)[0], x)[1](y)
    )(x, y),
}  # fmt: skip


@pytest.mark.filterwarnings("error:vmap")
@pytest.mark.parametrize("name", CASES)
def test_as_torch(name):
    libraries = [wg] if torch is None else [wg, torch]
    found = [values(CASES[name](T, *given(T, X, Y))) for T in libraries]
    if torch is not None:
        assert_same(*found)


def test_backward_after_vmap():
    x, y = given(wg, X, Y)
    x, y = x.requires_grad_(), y[0].requires_grad_()
    out, _ = wg.vmap(lambda x: scaled(wg)(x, y, 3.0))(x)
    out.sum().backward()
    assert x.grad.allclose(6 * x) and y.grad.allclose(3 * wg.ones(4, dtype=y.dtype))


def test_refusals():
    class Bare(wg.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(ctx, x, others=()):
            return x * 2

    (x,) = given(wg, X)
    with pytest.raises(RuntimeError, match="must override the setup_context"):
        wg.vmap(Bare.apply)(x)

    class Both(Bare):
        @staticmethod
        def forward(x, others=()):
            return x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

    with pytest.raises(RuntimeError, match="a container of batched tensors"):
        wg.vmap(lambda x: Both.apply(x, [x]))(x)
    Both.vmap = staticmethod(lambda info, in_dims, x: (x, 0))
    with pytest.raises(RuntimeError, match="both generate_vmap_rule=True and an overridden vmap"):
        wg.vmap(Both.apply)(x)
    Both.generate_vmap_rule = False
    for given_back, words in (
        (lambda x: x, "two returns"),
        (lambda x: (x, (0, 1)), "out_dims is not compatible"),
        (lambda x: (x, 1), r"has size 4 in dimension 1, .* expected the batch, 3"),
        (lambda x: (7, 0), "got 0 for a int"),
    ):
        Both.vmap = staticmethod(lambda info, in_dims, x, made=given_back: made(x))
        with pytest.raises(RuntimeError, match=words):
            wg.vmap(Both.apply)(x)
    Both.vmap = staticmethod(lambda info, in_dims, x: (x[0], None))
    assert wg.vmap(Both.apply)(x).equal(x[0].expand(3, 4))
    assert wg.autograd.Function.generate_vmap_rule is False
    with pytest.raises(NotImplementedError, match="vmap staticmethod"):
        wg.autograd.Function.vmap(None, (0,), x)
