"""The tape: order, accumulation, hooks, saved tensors, modes, higher orders, long chains."""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import wengert as wg
from wengert import autograd


def leaf(*values, dtype=wg.float64):
    return wg.tensor(values, dtype=dtype, requires_grad=True)


# ---- backward and .grad


def test_gradients_accumulate():
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    assert x.grad is first
    assert x.grad.tolist() == [5.0, 7.0]
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0] and first.tolist() == [5.0, 7.0]


def test_grad_is_not_shared():
    """Two leaves that get the same gradient do not get the same memory."""
    x, y = leaf(1.0), leaf(1.0)
    seed = wg.ones(1, dtype=wg.float64)
    (x + y).backward(seed)
    x.grad.mul_(5)
    assert y.grad.item() == 1 and seed.item() == 1


def test_diamond_and_reuse():
    x = leaf(2.0)
    a = x * x
    b = a * a + a
    (b * a + x).sum().backward()
    assert x.grad.item() == pytest.approx(6 * 2**5 + 4 * 2**3 + 1)


def test_order_is_reverse_of_creation():
    seen = []
    x = leaf(1.0)
    a = x * 2
    b = x * 3
    c = a * b
    for name, t in (("a", a), ("b", b), ("c", c), ("x", x)):
        t.register_hook(lambda g, name=name: seen.append(name))
    c.backward()
    assert seen == ["c", "b", "a", "x"]
    assert a.grad_fn._sequence_nr() < b.grad_fn._sequence_nr() < c.grad_fn._sequence_nr()


def test_gradient_argument_and_roots():
    x = leaf(1.0, 2.0)
    (x * x).backward(wg.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]
    y, z = leaf(3.0), leaf(4.0)
    autograd.backward([y * z, y + z], [None, wg.tensor([2.0])])
    assert (y.grad.item(), z.grad.item()) == (6.0, 5.0)


def test_inputs_limit_accumulation():
    x, y = leaf(2.0), leaf(3.0)
    z = x * y
    w = z * z
    w.backward(inputs=[y])
    assert x.grad is None and y.grad.item() == 2 * 6 * 2
    z = x * y
    w = z * x
    w.backward(inputs=[z])
    assert z.grad.item() == 2 and x.grad is None


def test_grad_leaves_grad_alone():
    x = leaf(3.0)
    x.grad = wg.tensor([7.0], dtype=wg.float64)
    (g,) = autograd.grad((x * x).sum(), x)
    assert g.item() == 6 and x.grad.item() == 7


def test_grad_of_intermediate_and_leaf():
    x = leaf(2.0)
    y = x * x
    z = y * x
    gx, gy = autograd.grad(z, [x, y])
    assert (gx.item(), gy.item()) == (12.0, 2.0)
    assert autograd.grad(y, y)[0].item() == 1


def test_unused():
    x, y = leaf(1.0), leaf(1.0)
    assert autograd.grad(x * 2, [x, y], allow_unused=True)[1] is None
    assert autograd.grad(x * 2, [x, y], materialize_grads=True)[1].item() == 0
    with pytest.raises(RuntimeError, match="allow_unused"):
        autograd.grad(x * 2, y)


def test_only_what_is_needed_is_computed():
    """No entry that does not lead to an input runs its derivative."""
    ran = []

    class Spy(autograd.Function):
        @staticmethod
        def forward(ctx, x, name):
            ctx.name = name
            return x * 1

        @staticmethod
        def backward(ctx, g):
            ran.append(ctx.name)
            return g, None

    x, y = leaf(1.0), leaf(1.0)
    z = Spy.apply(Spy.apply(x, "x1"), "x2") * Spy.apply(y, "y")
    autograd.grad(z, y)
    assert ran == ["y"]
    ran.clear()
    middle = Spy.apply(x, "before")
    autograd.grad(Spy.apply(middle, "after"), middle)
    assert ran == ["after"]
    constant = wg.ones(2, 2)
    w = wg.ones(2, 2, requires_grad=True)
    (constant @ w).sum().backward()
    assert constant.grad is None


# ---- what is recorded


def test_leaves_and_history():
    x = leaf(1.0)
    assert x.is_leaf and x.grad_fn is None
    y = x * 2
    assert not y.is_leaf and y.requires_grad and "Mul" in y.grad_fn.name()
    assert y.detach().grad_fn is None and not y.detach().requires_grad
    assert not (wg.ones(1) * 2).requires_grad
    assert y.grad_fn.next_functions[0][0].variable is x
    assert (y + 1).grad_fn.next_functions[0][0] == y.grad_fn
    assert not (y > 0).requires_grad and not y.argmax().requires_grad
    assert y.requires_grad_() is y
    y.detach_()
    assert y.is_leaf and not y.requires_grad


def test_modes():
    x = leaf(1.0)
    with wg.no_grad():
        assert not (x * 2).requires_grad and x.requires_grad
        assert wg.ones(1, requires_grad=True).requires_grad
        x.add_(1)  # a leaf may be written here
    assert x.item() == 2 and (x * 2).requires_grad
    with wg.inference_mode():
        y = x * 2
    assert y.is_inference() and not y.requires_grad
    with pytest.raises(RuntimeError, match=r"[Ii]nference"):
        (y * x).sum().backward()

    @wg.no_grad()
    def off():
        return x * 2

    assert not off().requires_grad


def test_requires_grad_can_change():
    x = wg.ones(2)
    y = x * 2
    x.requires_grad_()
    z = x * 3
    x.requires_grad_(False)
    assert not y.requires_grad and z.requires_grad and not (x * 2).requires_grad


# ---- hooks and retain_grad


def test_hooks():
    x = leaf(1.0)
    y = x * 2
    handle = y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert x.grad.item() == 20
    handle.remove()
    x.grad = None
    (y2 := x * 2).register_hook(lambda g: None)
    y2.sum().backward()
    assert x.grad.item() == 2
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: g * 2)
    x.grad = None
    (x * 3).backward()
    assert x.grad.item() == 8


def test_post_accumulate_hook():
    x = leaf(1.0)
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.item())))
    (x * 3 + x * x).backward()
    assert seen == [(True, 5.0)]


def test_retain_grad():
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    z = y * 3
    z.backward(retain_graph=True)
    assert y.retains_grad and y.grad.item() == 3 and z.grad is None and x.grad.item() == 12
    (y * 2).sum().backward()
    assert y.grad.item() == 5


def test_hook_after_inplace():
    x = leaf(2.0)
    y = x * 1
    y.mul_(3)
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 5).backward()
    assert seen == [5.0] and x.grad.item() == 15


def test_hook_before_inplace():
    """It sees the gradient of what the tensor was; retain_grad keeps that of what it is."""
    x = leaf(2.0)
    y = x * 1
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    removed = y.register_hook(lambda g: g * 100)
    y.retain_grad()
    y.mul_(3)
    y.register_hook(lambda g: seen.append(-g.item()))
    y.add_(1)
    removed.remove()
    (y * 2).backward()
    assert seen == [-2.0, 6.0] and y.grad.item() == 2 and x.grad.item() == 6


def test_an_error_in_a_hook_leaves_the_graph_usable():
    x = leaf(2.0)
    y = x * x
    handle = y.register_hook(lambda g: 1 / 0)
    z = y * 1
    with pytest.raises(ZeroDivisionError):
        z.backward(retain_graph=True)
    handle.remove()
    z.backward()
    assert x.grad.item() == 4


# ---- saved tensors


def test_modified_saved_tensors():
    w, x = leaf(2.0), wg.ones(1, dtype=wg.float64)
    y = w * x
    x.add_(1)
    with pytest.raises(RuntimeError, match=r"(?i)mul.*version 1; expected version 0"):
        y.backward()
    e = w.exp()
    e.add_(1)  # what exp saved is its output
    with pytest.raises(RuntimeError, match=r"(?i)exp"):
        e.sum().backward()
    s = w + x
    s.mul_(2)  # addition saves nothing
    s.sum().backward()
    assert w.grad.item() == 2


def test_view_changes_are_noticed():
    w, x = leaf(1.0, 2.0), wg.ones(2, dtype=wg.float64)
    y = (w * x).sum()
    x[1] = 5
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.backward()


def test_second_backward():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8
    with pytest.raises(RuntimeError, match=r"(?i)second time.*mul"):
        y.backward()
    z = (x + 1).sum()  # saves nothing, so it may run again
    z.backward()
    z.backward()


def test_memory_is_released_by_backward():
    x = leaf(*[1.0] * 1000)
    before = wg.memory_stats()["current"]
    y = x.exp().sin().sum()
    y.backward()
    x.grad = None
    assert wg.memory_stats()["current"] - before < 4000


def test_graph_dies_with_its_output():
    x = leaf(1.0)
    mark = wg.ones(1)
    gone = weakref.ref(mark)
    y = x * mark
    del mark
    assert gone() is None or y is not None
    del y
    gc.collect()
    assert gone() is None


# ---- in place


def test_inplace_gradients():
    x = leaf(2.0, 3.0)
    y = x * x
    y.mul_(2).add_(1).exp_()
    y.sum().backward()
    v = np.array([2.0, 3.0])
    np.testing.assert_allclose(x.grad.numpy(), 4 * v * np.exp(2 * v * v + 1))


def test_inplace_leaves_no_cycle():
    x = wg.ones(1000, requires_grad=True)
    before = wg.memory_stats()["current"]
    for change in ("mul_", "add_", "div_", "pow_", "exp_", "relu_", "neg_", "tanh_"):
        for _ in range(3):
            y = x * 1
            getattr(y, change)(*[2] * (change in ("mul_", "add_", "div_", "pow_")))
            del y
    assert wg.memory_stats()["current"] - before < 1000


def test_inplace_on_a_constant_starts_history():
    x = leaf(2.0)
    y = wg.zeros(1, dtype=wg.float64)
    y.add_(x).mul_(3)
    assert y.requires_grad and not y.is_leaf
    y.backward(retain_graph=True)
    assert x.grad.item() == 3
    y.mul_(x)  # of which the gradient reads what y was
    x.grad = None
    y.backward()
    assert x.grad.item() == 12
    y = leaf(2.0) * 1
    (y.mul_(y)).backward()


def test_setitem_gradients():
    x, v = leaf(1.0, 2.0, 3.0), leaf(10.0)
    y = x * 2
    y[1] = v
    y[2:] = y[0] * 5
    (y * wg.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [32.0, 0.0, 0.0] and v.grad.item() == 2


def test_inplace_through_views_of_constants():
    x = wg.ones(4)
    x[1:3].mul_(5)
    assert x.tolist() == [1, 5, 5, 1] and not x.requires_grad


def test_inplace_rules():
    x = leaf(1.0)
    for change in (
        lambda: x.add_(1),
        lambda: x.zero_(),
        lambda: x.__setitem__(0, 1.0),
        lambda: x.copy_(wg.ones(1)),
        lambda: x.uniform_(),
    ):
        with pytest.raises(RuntimeError, match="leaf"):
            change()
    with pytest.raises(RuntimeError):
        wg.tensor([1]).add_(leaf(1.0))
    assert x.item() == 1


def test_inplace_functional_forms():
    F = wg.nn.functional
    x = leaf(-1.0, 2.0)
    y = x * 1
    assert F.relu_(y) is y
    z = x * 1
    assert F.relu(z, inplace=True) is z
    (y + z).sum().backward()
    assert x.grad.tolist() == [0.0, 2.0]


# ---- higher orders


def test_higher_orders():
    x = leaf(2.0)
    y, orders = x**5, []
    for _ in range(5):
        (y,) = autograd.grad(y, x, create_graph=True)
        orders.append(y.item())
    assert orders == pytest.approx([80.0, 160.0, 240.0, 240.0, 120.0])


def test_backward_with_create_graph():
    x = leaf(3.0)
    (x * x * x).backward(create_graph=True)
    g = x.grad
    assert g.requires_grad
    x.grad = None
    g.backward()
    assert x.grad.item() == 18


def test_hessian_of_a_network():
    rng = np.random.default_rng(0)
    w1 = wg.tensor(rng.standard_normal((4, 3)), requires_grad=True)
    w2 = wg.tensor(rng.standard_normal((2, 4)), requires_grad=True)
    x, t = wg.tensor(rng.standard_normal((5, 3))), wg.tensor([0, 1, 1, 0, 1])

    def loss(a, b):
        h = wg.tanh(wg.nn.functional.linear(x, a))
        return wg.nn.functional.cross_entropy(wg.nn.functional.linear(h, b), t)

    assert autograd.gradcheck(loss, (w1, w2))
    assert autograd.gradgradcheck(loss, (w1, w2))


# ---- long graphs

LONG = """
import wengert as wg
x = wg.ones(1, requires_grad=True)
y = x
for _ in range(1_000_000):
    y = y * 1.0
y.backward()
assert x.grad.item() == 1.0
y = x
for _ in range(1_000_000):
    y = y + 1.0
del y          # destroyed without a backward
g, = wg.autograd.grad((x * 2), x)
print(g.item())
"""


def test_a_million_operations():
    """Backward through, and destruction of, a chain that recursion could not survive."""
    code = "import resource; resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))\n" + LONG
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "2.0"


def test_wide_graph():
    x = leaf(1.0)
    total = sum((x * k for k in range(3000)), start=leaf(0.0))
    total.backward()
    assert x.grad.item() == 2999 * 1500


def test_backward_within_backward():
    """A hook that runs a backward of its own."""
    x, w = leaf(2.0), leaf(5.0)

    def hook(g):
        with wg.enable_grad():
            (w * 3).backward()

    y = x * x
    y.register_hook(hook)
    y.sum().backward()
    assert x.grad.item() == 4 and w.grad.item() == 3


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "gelu", "silu", "softplus"])
def test_the_output_of_what_reads_its_input_may_be_changed(name):
    x = wg.randn(5, requires_grad=True)
    (expected,) = wg.autograd.grad(getattr(wg.nn.functional, name)(x).sum(), x)
    y = getattr(wg.nn.functional, name)(x * 1)
    y.add_(1)
    y.sum().backward()
    assert x.grad.tolist() == expected.tolist()


def test_the_gradients_of_parts_are_added_into_one():
    """The gradients of 500 rows take the memory of the whole once, not 500 times."""
    x = wg.randn(500, 400, requires_grad=True)

    def loss(h):
        rows = [h[i] * float(i) for i in range(500)]
        return sum((row.sum() for row in rows), start=wg.zeros(())) + h[:, 3:5].sum() + h.mean()

    h = x * 1
    h.retain_grad()
    loss(h).backward()
    expected = np.repeat(np.arange(500.0)[:, None], 400, 1) + 1 / 200000
    expected[:, 3:5] += 1
    assert np.allclose(h.grad.numpy(), expected) and np.array_equal(x.grad.numpy(), h.grad.numpy())
    (again,) = wg.autograd.grad(loss(x * 1), x, create_graph=True)
    assert np.array_equal(again.detach().numpy(), x.grad.numpy())

    step = wg.capture(lambda x: wg.autograd.grad(loss(x * 1), x)[0])
    for _ in range(2):
        assert np.array_equal(step(x).numpy(), x.grad.numpy())
    program = str(step.program)
    assert program.count("_strided_backward") <= 2, program.count("_strided_backward")


def test_a_hook_sees_the_sum_of_all_parts():
    x = wg.arange(6.0, requires_grad=True)
    h = x * 1
    seen = []
    h.register_hook(lambda g: seen.append(g.tolist()))
    (h[:2].sum() * 2 + h[1:4].sum() * 3 + h[5]).backward()
    assert seen == [[2, 5, 3, 3, 0, 1]] and x.grad.tolist() == seen[0]
