"""wengert.autograd: grad modes, backward and grad, Function, gradcheck, functional."""

import gc
import weakref

import numpy as np
import pytest

import wengert as wg
from wengert import autograd
from wengert.autograd import Function
from wengert.autograd.function import once_differentiable


def leaf(values, dtype=None):
    return wg.tensor(values, dtype=dtype or wg.float64, requires_grad=True)


# ---- grad modes


def test_modes_as_contexts_and_decorators():
    assert wg.is_grad_enabled()
    with wg.no_grad():
        assert not wg.is_grad_enabled()
        with wg.enable_grad():
            assert wg.is_grad_enabled()
        assert not wg.is_grad_enabled()

    @wg.no_grad()
    def off():
        return wg.is_grad_enabled()

    @wg.no_grad
    def bare():
        return wg.is_grad_enabled()

    @wg.inference_mode
    def inference():
        return wg.is_grad_enabled(), autograd.is_inference_mode_enabled()

    assert (off(), bare(), inference()) == (False, False, (False, True))
    assert off.__name__ == "off" and not autograd.is_inference_mode_enabled()
    with wg.no_grad(), wg.inference_mode(False):
        assert wg.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), wg.no_grad():
        _ = 1 / 0
    assert wg.is_grad_enabled()


def test_set_grad_enabled():
    with wg.set_grad_enabled(False):
        assert not wg.is_grad_enabled()
    assert wg.is_grad_enabled()
    wg.set_grad_enabled(False)
    assert not wg.is_grad_enabled()
    wg.set_grad_enabled(True)

    @wg.set_grad_enabled(False)
    def off():
        return wg.is_grad_enabled()

    assert wg.is_grad_enabled() and not off() and wg.is_grad_enabled()


def test_generator_in_a_mode():
    seen = []

    @wg.no_grad()
    def numbers():
        seen.append(wg.is_grad_enabled())
        try:
            got = yield 1
        except KeyError:
            got = "caught"
        seen.append(wg.is_grad_enabled())
        yield got
        return 5

    g = numbers()
    assert next(g) == 1 and wg.is_grad_enabled()
    assert g.send("x") == "x" and wg.is_grad_enabled()
    g = numbers()
    next(g)
    assert g.throw(KeyError()) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(g)
    assert stop.value.value == 5 and seen == [False] * 4


# ---- backward and grad


def test_backward_and_grad():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    autograd.backward((x * y).sum())
    assert x.grad.tolist() == [3.0, 4.0]
    autograd.backward([x * y, x.sum()], [wg.ones_like(x), None], inputs=[x])
    assert x.grad.tolist() == [7.0, 9.0] and y.grad.tolist() == [1.0, 2.0]
    (g,) = autograd.grad((x * x * x).sum(), x, create_graph=True)
    (h,) = autograd.grad(g.sum(), x)
    assert h.tolist() == [6.0, 12.0] and x.grad.tolist() == [7.0, 9.0]


def test_grad_of_unused_inputs():
    x, y = leaf([1.0]), leaf([1.0])
    with pytest.raises(RuntimeError):
        autograd.grad(x.sum(), y)
    assert autograd.grad(x.sum(), [x, y], allow_unused=True)[1] is None
    assert autograd.grad(x.sum(), [x, y], materialize_grads=True)[1].tolist() == [0.0]
    with pytest.raises(ValueError):
        autograd.grad(x.sum(), y, allow_unused=False, materialize_grads=True)


def test_batched_grads():
    x = leaf([1.0, 2.0, 3.0])
    vectors = wg.eye(3, dtype=wg.float64)
    (rows,) = autograd.grad(x * x, x, vectors, is_grads_batched=True)
    np.testing.assert_allclose(rows.numpy(), np.diag([2.0, 4.0, 6.0]))


def test_errors():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="implicitly created only for scalar"):
        autograd.backward(x * 2)
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        autograd.grad(x * 2, x, wg.ones(3, dtype=wg.float64))
    with pytest.raises(RuntimeError, match="got 1 tensors and 2 gradients"):
        autograd.backward([x * 2], [wg.ones_like(x)] * 2)
    with pytest.raises(TypeError):
        autograd.backward([x.sum()], [3.0])


# ---- Function


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class MulAdd(Function):
    """x * y + c, with a number among the arguments."""

    @staticmethod
    def forward(ctx, x, y, c):
        ctx.save_for_backward(x, y)
        return x * y + c

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        assert ctx.needs_input_grad[2] is False
        return g * y, g * x, None


def test_function_of_any_order():
    x = leaf([0.3, -0.2])
    assert autograd.gradcheck(Exp.apply, x) and autograd.gradgradcheck(Exp.apply, x)
    y = leaf([[1.0], [2.0]])
    f = lambda a, b: MulAdd.apply(a, b, 2.0)  # noqa: E731  (the gradients are un-broadcast)
    assert autograd.gradcheck(f, (x, y)) and autograd.gradgradcheck(f, (x, y))
    z = Exp.apply(x)
    assert z.requires_grad and not z.is_leaf
    with wg.no_grad():
        assert not Exp.apply(x).requires_grad


def test_function_is_freed_without_backward():
    class Marker:
        pass

    class Held(Exp):
        @staticmethod
        def forward(ctx, x):
            ctx.marker = Marker()
            markers.append(weakref.ref(ctx.marker))
            return Exp.forward(ctx, x)

    markers = []
    y = Held.apply(leaf([1.0]))
    assert markers[0]() is not None
    gc.disable()
    try:
        del y
        assert markers[0]() is None
    finally:
        gc.enable()


def test_setup_context():
    class Square(Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    assert autograd.gradcheck(Square.apply, leaf([1.0, 2.0]))


def test_several_outputs():
    class Split(Function):
        @staticmethod
        def forward(ctx, x):
            top = (x > 0).to(wg.int64)
            fixed = x * 5
            ctx.mark_non_differentiable(fixed)
            return x * 2, top, fixed, "text", x * 3

        @staticmethod
        def backward(ctx, *grads):
            assert len(grads) == 5 and grads[3] is None
            ctx.seen = grads
            return grads[0] * 2 + grads[4] * 3

    x = leaf([1.0, -1.0])
    a, top, fixed, text, b = Split.apply(x)
    assert text == "text" and not top.requires_grad and not fixed.requires_grad
    (a.sum() + 10 * b.sum()).backward()
    assert x.grad.tolist() == [32.0, 32.0]
    a, *_ = Split.apply(x)
    a.sum().backward()  # the unused output's gradient is zeros
    assert x.grad.tolist() == [34.0, 34.0]


def test_undefined_gradients():
    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, a, b):
            assert a is None
            return b * 2

    x = leaf([1.0])
    Two.apply(x)[1].sum().backward()
    assert x.grad.tolist() == [2.0]


def test_dirty():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf([1.0])
    y = x * 1
    z = Double.apply(y)
    assert z is y
    z.sum().backward()
    assert x.grad.tolist() == [2.0] and y.tolist() == [2.0]


def test_gradients_within_a_backward():
    """A `grad` within one stays on the way to its own inputs, though both see the same graph."""
    asked = []

    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            with wg.enable_grad():
                v = leaf([1.0, 1.0])
                (twice,) = autograd.grad((x * v + x * x).sum() * 2, v)
            return g * twice

    class Other(Exp):
        @staticmethod
        def backward(ctx, g):
            asked.append(g)
            return g

    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    for create in (False, True):
        middle = x.exp() + Other.apply(y)
        (g,) = autograd.grad(Square.apply(middle).sum(), x, create_graph=create)
        assert g.allclose(2 * middle * x.exp()) and not asked
        middle = x.exp() + y
        (g,) = autograd.grad(Square.apply(middle).sum(), middle, create_graph=create)
        assert g.allclose(2 * middle)


def test_function_errors():
    class Bad(Function):
        result: object = None

        @staticmethod
        def forward(ctx, x, y):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return Bad.result

    x = leaf([1.0, 2.0])
    for result, error, text in (
        (x, RuntimeError, "returned an incorrect number of gradients .expected 2, got 1."),
        ((x, x), RuntimeError, "different from None at position 2"),
        ((wg.ones(3), None), RuntimeError, "invalid gradient at index 0"),
        ((3, None), TypeError, "expected a Tensor or None"),
    ):
        Bad.result = result
        with pytest.raises(error, match=text):
            Bad.apply(x, 1.0).sum().backward()
    Bad.result = (None, None, None)
    Bad.apply(x, 1.0).sum().backward()
    assert x.grad is None
    with pytest.raises(RuntimeError, match="should not be instantiated"):
        Bad()
    with pytest.raises(TypeError, match="save_for_backward"):

        class Saves(Exp):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(3)
                return x

        Saves.apply(x)


def test_modified_saved_tensor():
    x = leaf([1.0])
    a, b = x * 1, x * 2
    y = MulAdd.apply(a, b, 0.0)
    with wg.no_grad():
        a.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_once_differentiable():
    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g

    x = leaf([2.0])
    (g,) = autograd.grad(Cube.apply(x).sum(), x)
    assert g.item() == 12.0
    v = leaf([1.0])
    (g,) = autograd.grad(Cube.apply(x), x, v, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


def test_anomaly_names_the_function():
    class Root(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g * float("nan")

    x = leaf([1.0])
    with (
        pytest.warns(UserWarning),
        autograd.detect_anomaly(),
        pytest.raises(RuntimeError, match="RootBackward' returned nan"),
    ):
        Root.apply(x).sum().backward()
    Root.apply(x).sum().backward()


# ---- gradcheck


def test_gradcheck_passes_and_fails():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3

    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    assert autograd.gradcheck(lambda a: (a * a, a.sum()), x)
    assert autograd.gradcheck(lambda a: a.sin() * a, (x,), fast_mode=True)
    assert autograd.gradgradcheck(lambda a: (a**3).sum(0), x)
    assert autograd.gradcheck(lambda a: a.t() @ a, x)
    for fast in (False, True):
        with pytest.raises(autograd.GradcheckError, match="mismatch for output 0"):
            autograd.gradcheck(Wrong.apply, x, fast_mode=fast)
        assert not autograd.gradcheck(Wrong.apply, x, fast_mode=fast, raise_exception=False)
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(ValueError, match="at least one input"):
        autograd.gradcheck(lambda a: a, wg.ones(2))
    with pytest.raises(autograd.GradcheckError, match="expected to be zero"):
        autograd.gradcheck(lambda a: a.detach() * 2, x)


# ---- functional


def test_functional_against_torch():
    torch = pytest.importorskip("torch")

    def everything(t):
        make = lambda v: t.tensor(v, dtype=t.float64)  # noqa: E731
        x, y = make([0.5, -1.0]), make([[2.0, 1.0], [0.3, 0.4]])
        api = t.autograd.functional
        f = lambda a, b: ((a * b).sin(), (a @ b).sum())  # noqa: E731
        s = lambda a, b: ((a * b).sin() * a).sum()  # noqa: E731
        v2 = (make([1.0, 2.0]), make([[1.0, 0.0], [2.0, 1.0]]))
        out = [
            api.jacobian(f, (x, y)),
            api.jacobian(lambda a: a * a, x),
            api.jacobian(lambda a: a.sum(), x, create_graph=True),
            api.hessian(s, (x, y)),
            api.hessian(lambda a: (a**3).sum(), x),
            api.vjp(f, (x, y), (make([[1.0, 2.0], [0.0, 1.0]]), make(2.0))),
            api.vjp(lambda a: a.sum(), x),
            api.jvp(f, (x, y), v2),
            api.vhp(s, (x, y), v2),
            api.hvp(s, (x, y), v2),
            api.jvp(lambda a: a * 0 + 1, x, make([1.0, 1.0])),
        ]
        flat = []

        def walk(value):
            if isinstance(value, (tuple, list)):
                flat.append(len(value))
                for item in value:
                    walk(item)
            else:
                flat.append(value.detach().numpy())

        walk(out)
        return flat

    for ours, theirs in zip(everything(wg), everything(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_functional_strict_and_errors():
    x = wg.ones(2, dtype=wg.float64)
    api = autograd.functional
    with pytest.raises(RuntimeError, match="strict mode"):
        api.jacobian(lambda a: wg.ones(2), x, strict=True)
    assert api.jacobian(lambda a: wg.ones(2, dtype=wg.float64), x).tolist() == [[0, 0], [0, 0]]
    with pytest.raises(TypeError, match="inputs given to vjp"):
        api.vjp(lambda a: a, 3)
    with pytest.raises(RuntimeError, match="v can only be None"):
        api.vjp(lambda a: a, x)
    with pytest.raises(RuntimeError, match="single element"):
        api.hessian(lambda a: a, x)
