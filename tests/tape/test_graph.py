"""The graph as Python sees it: nodes, what they lead to, their hooks; and that it is freed."""

import contextlib
import gc
import weakref

import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows.sample import build
from tests.rows.table import ROWS, SAMPLES, cases, in_torch, in_wengert, outputs
from wengert.autograd import Function
from wengert.autograd.graph import Node


class Scale(Function):
    @staticmethod
    def forward(ctx, x, factor=2.0, *, shift=0.0):
        ctx.save_for_backward(x, factor if isinstance(factor, wg.Tensor) else None)
        ctx.factor = factor
        return x * factor + shift

    @staticmethod
    def backward(ctx, g):
        x, factor = ctx.saved_tensors
        return g * ctx.factor, None if factor is None else (g * x).sum()


# ---- what leads where


def leaves_from(node, seen=None):
    """The leaves that a node leads to."""
    seen = {} if seen is None else seen
    if node is None or node in seen:
        return set()
    seen[node] = True
    found = {node.variable} if type(node).__name__ == "AccumulateGrad" else set()
    return found.union(*(leaves_from(n, seen) for n, _ in node.next_functions))


def test_nodes_lead_to_leaves():
    x, w = wg.ones(2, 3, requires_grad=True), wg.ones(3, requires_grad=True)
    for y in (
        x * w,
        (x * w)[0].exp().sum(),
        (x * w).view(6).mul_(2),
        (x * 1).add_(w),
        Scale.apply(x * w),
        Scale.apply(x, factor=w[0]),
        wg.cat([x, w[None]]).split(2)[1].unsqueeze(0),
        wg.nn.functional.prelu(x, w),
        wg.nn.functional.linear(x, w),
    ):
        assert leaves_from(y.grad_fn) == {x, w}
    assert (x * w.detach()).grad_fn.next_functions[1] == (None, 0)
    assert (x + 2).grad_fn.next_functions[1] == (None, 0)


def test_the_node_of_a_leaf():
    x = wg.ones(2, requires_grad=True)
    node, index = (x * 2).grad_fn.next_functions[0]
    assert node is x.exp().grad_fn.next_functions[0][0] and index == 0
    assert node.variable is x and x.grad_fn is None
    assert node.name().endswith("::AccumulateGrad") and node.next_functions == ()
    assert type(node).__name__ == "AccumulateGrad" and "AccumulateGrad object" in repr(node)
    assert isinstance(node, Node) and node.metadata == {} and hash(node) == hash(node)
    a, b = wg.ones(4, requires_grad=True).chunk(2)
    assert (a * b).grad_fn.next_functions == ((a.grad_fn, 0), (b.grad_fn, b.grad_fn is a.grad_fn))
    with pytest.raises(AttributeError, match="variable"):
        _ = a.grad_fn.variable


def test_nodes_are_themselves():
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    node = y.grad_fn
    assert node is y.grad_fn and node is (y + 1).grad_fn.next_functions[0][0]
    assert node.name() == type(node).__name__ == "MulBackward0" and node.requires_grad
    assert node != (x * 2).grad_fn and isinstance(node, Node) and node._sequence_nr() >= 0
    node.metadata["seen"] = True
    del node
    assert y.grad_fn.metadata == {"seen": True}
    with pytest.raises(TypeError):
        Node()
    with pytest.raises(AttributeError):
        y.grad_fn.anything = 1


def test_the_node_of_a_function_has_what_its_ctx_has():
    x = wg.ones(2, requires_grad=True)
    node = Scale.apply(x, 3.0).grad_fn
    assert node.name() == type(node).__name__ == "ScaleBackward" and node.factor == 3.0
    assert node.saved_tensors[0] is x and node.needs_input_grad == (True, False)
    node.more = 1
    assert node.more == 1
    with pytest.raises(AttributeError):
        _ = node.no_such


# ---- hooks of nodes


def test_the_order_of_hooks():
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    z, seen = y.exp(), []
    node, end = z.grad_fn, y.grad_fn.next_functions[0][0]
    z.register_hook(lambda g: seen.append("z"))
    post = node.register_hook(lambda gi, go: seen.append(("post", len(gi), len(go))))
    pre = node.register_prehook(lambda go: seen.append(("pre", len(go))))
    end.register_hook(lambda gi, go: seen.append(("end post", gi, x.grad is not None)))
    end.register_prehook(lambda go: seen.append(("end pre", len(go), x.grad is not None)))
    x.register_hook(lambda g: seen.append("x"))
    x.register_post_accumulate_grad_hook(lambda t: seen.append("added"))
    loss = z.sum()
    loss.backward(retain_graph=True)
    leaf = ["x", ("end pre", 1, False), "added", ("end post", (), True)]
    assert seen == ["z", ("pre", 1), ("post", 1, 1), *leaf]
    for handle in (post, pre):
        handle.remove()
    x.grad = None
    seen.clear()
    loss.backward(retain_graph=True)
    assert seen == ["z", *leaf]
    x.grad = None
    seen.clear()
    loss.backward(inputs=[x], retain_graph=True)
    assert seen == ["z", *leaf]
    seen.clear()
    wg.autograd.grad(loss, x, retain_graph=True)
    assert seen == ["z", "x"]
    seen.clear()
    wg.autograd.grad(loss, z)
    assert seen == ["z"]


def test_hooks_replace_gradients():
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    y.grad_fn.register_prehook(lambda go: (go[0] * 10,))
    y.grad_fn.register_hook(lambda gi, go: (gi[0] * 100 + go[0], None))
    y.grad_fn.next_functions[0][0].register_prehook(lambda go: (go[0] / 2,))
    y.sum().backward()
    assert x.grad.tolist() == [1005.0, 1005.0]
    a, b = (wg.ones(4, requires_grad=True) * 1).split(2)
    seen = []
    a.grad_fn.register_prehook(lambda go: seen.append([g is None for g in go]))
    (a.sum() if a.grad_fn is b.grad_fn else wg.cat([a, b])[:2].sum()).backward()
    assert seen


@pytest.mark.parametrize(
    ("before", "hook", "error", "message"),
    [
        (False, lambda gi, go: 5, TypeError, "expected tuple"),
        (False, lambda gi, go: (gi[0],) * 3, RuntimeError, "got 3, but expected 2"),
        (False, lambda gi, go: (gi[0], gi[0]), RuntimeError, "can't replace a None"),
        (False, lambda gi, go: (wg.ones(3), None), RuntimeError, "changed the size"),
        (False, lambda gi, go: (gi[0].double(), None), RuntimeError, "changed the type"),
        (False, lambda gi, go: ("a", None), TypeError, "hook result"),
        (True, lambda go: go[0], TypeError, "expected tuple"),
        (True, lambda go: (go[0], go[0]), RuntimeError, "got 2, but expected 1"),
        (True, lambda go: 1 / 0, ZeroDivisionError, "division"),
    ],
)
def test_hooks_that_are_wrong(before, hook, error, message):
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    (y.grad_fn.register_prehook if before else y.grad_fn.register_hook)(hook)
    with pytest.raises(error, match=message):
        y.sum().backward()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_hooks_of_the_end_of_the_graph_return_nothing():
    x = wg.ones(2, requires_grad=True)
    end = (x * 2).grad_fn.next_functions[0][0]
    handle = end.register_hook(lambda gi, go: (go[0],))
    with pytest.raises(RuntimeError, match="got 1, but expected 0"):
        (x * 2).sum().backward()
    handle.remove()
    (x * 2).sum().backward()
    with pytest.raises(TypeError, match="node"):
        wg._native._add_node_hook(x, print, True)


def test_node_hooks_of_second_order():
    x = wg.tensor(2.0, requires_grad=True)
    y = x**3
    y.grad_fn.register_hook(lambda gi, go: (gi[0] * x, *gi[1:]))
    (g,) = wg.autograd.grad(y, x, create_graph=True)
    (h,) = wg.autograd.grad(g, x)
    assert g.item() == 24.0 and h.item() == 36.0  # 3 x^3 and 9 x^2


# ---- Functions by keyword


def test_functions_by_keyword_have_gradients():
    x, w = wg.ones(2, requires_grad=True), wg.tensor(3.0, requires_grad=True)
    for y in (
        Scale.apply(x, w),
        Scale.apply(x, factor=w),
        Scale.apply(factor=w, x=x),
        Scale.apply(x, w, shift=0.0),
    ):
        x.grad = w.grad = None
        y.sum().backward()
        assert x.grad.tolist() == [3.0, 3.0] and w.grad.item() == 2.0
    Scale.apply(x=x).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]
    with pytest.raises(TypeError, match="'shift' requires a gradient"):
        Scale.apply(x, shift=w)
    with pytest.raises(TypeError, match="nothing"):
        Scale.apply(x, nothing=w)


def test_setup_context_sees_defaults():
    class Power(Function):
        @staticmethod
        def forward(x, n=2):
            return x**n

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.n = inputs
            ctx.save_for_backward(x)

        @staticmethod
        def backward(ctx, g):
            return g * ctx.n * ctx.saved_tensors[0] ** (ctx.n - 1), None

    x = wg.tensor(3.0, requires_grad=True)
    for y, expected in (
        (Power.apply(x), 6.0),
        (Power.apply(x, n=3), 27.0),
        (Power.apply(x=x), 6.0),
    ):
        assert wg.autograd.grad(y, x)[0].item() == expected


# ---- what is freed


class Keeps(Function):
    """Calls keep(ctx, result) with what it returns."""

    @staticmethod
    def forward(ctx, x, keep):
        y = x * 2
        keep(ctx, y)
        return y

    @staticmethod
    def backward(ctx, g):
        return g * 2, None


def keep_in_attribute(ctx, y):
    ctx.y = y


def keep_in_list(ctx, y):
    ctx.all = [{"y": y}]


def keep_in_closure(ctx, y):
    ctx.function = lambda: y


def result_of(keep):
    def make():
        return Keeps.apply(wg.ones(2, requires_grad=True), keep)

    make.__name__ = keep.__name__
    return make


def changed_in_place():
    y = result_of(keep_in_attribute)()
    return y.mul_(3)


def squared_in_place():
    y = result_of(keep_in_closure)()
    return y.mul_(y)


def hook_on_a_result():
    y = wg.ones(2, requires_grad=True) * 2
    y.register_hook(lambda g: y)
    return y


def hook_on_a_leaf():
    x = wg.ones(2, requires_grad=True)
    x.register_hook(x.mul)
    return x


def hook_before_a_change():
    y = wg.ones(2, requires_grad=True) * 2
    y.register_hook(lambda g: y)
    return y.mul_(2)


def hook_after_accumulation():
    x = wg.ones(2, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda t: x is None or None)
    return x


def hook_on_a_node():
    y = wg.ones(2, requires_grad=True) * 2
    y.grad_fn.register_hook(lambda gi, go: y)
    return y


def note_on_a_node():
    y = wg.ones(2, requires_grad=True) * 2
    y.grad_fn.metadata["y"] = y
    return y


def attribute():
    y = wg.ones(2, requires_grad=True) * 2
    y.itself = y
    return y


CYCLES = [
    result_of(keep_in_attribute),
    result_of(keep_in_list),
    result_of(keep_in_closure),
    changed_in_place,
    squared_in_place,
    hook_on_a_result,
    hook_on_a_leaf,
    hook_before_a_change,
    hook_after_accumulation,
    hook_on_a_node,
    note_on_a_node,
    attribute,
]


@pytest.mark.parametrize("make", CYCLES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("used", [False, True])
def test_cycles_are_collected(make, used):
    gc.collect()
    y = make()
    if used:
        with contextlib.suppress(TypeError):
            (y * 3).sum().backward()
    there = weakref.ref(y)
    gc.collect()
    assert there() is y  # what is in use stays
    (y * 3).sum().item()
    del y
    gc.collect()
    assert there() is None


@pytest.mark.parametrize("keep", [lambda ctx, y: ctx.save_for_backward(y), lambda ctx, y: None])
def test_what_is_in_no_cycle_is_free_at_once(keep):
    gc.disable()
    try:
        y = Keeps.apply(wg.ones(2, requires_grad=True), keep)
        there, ctx = weakref.ref(y), weakref.ref(y.grad_fn)
        z = y.sum()
        del y
        assert there() is None and ctx() is None
        z.backward()
    finally:
        gc.enable()


def test_the_graph_of_what_is_in_use_stays_whole():
    """A collection while a graph is held from elsewhere, by results or by nodes alone."""
    x = wg.ones(2, requires_grad=True)
    y = Keeps.apply(x, keep_in_attribute)
    z = (y * y).sum()
    node = y.grad_fn
    del y
    gc.collect()
    z.backward()
    assert x.grad.tolist() == [8.0, 8.0] and node.y.tolist() == [2.0, 2.0]
    del z
    gc.collect()
    assert node.next_functions[0][0].variable is x and node.y.tolist() == [2.0, 2.0]


def test_a_long_graph_behind_a_tracked_tensor():
    y = Keeps.apply(wg.ones(1, requires_grad=True), keep_in_attribute)
    for _ in range(100_000):
        y = y + 1
    y.seen = True
    gc.collect()
    y.sum().backward()


# ---- backward twice


#: Rounded quotients have no gradient, indices are numbers, means and places depend on shapes alone,
#: the gradient of an angle is 0, one element is its own sum: nothing is kept.
KEEPS_LESS = {
    "angle",
    "logcumsumexp",
    "cdist",
    "div",
    "take",
    "repeat_interleave",
    "pad",
    "interpolate",
}
KEEPS_LESS |= {f"{kind}avg_pool{n}d" for kind in ("", "adaptive_") for n in (1, 2, 3)}


@cases(
    lambda row, sample: (
        row["differentiable"]
        and sample.differentiable
        and not row["mutates"]
        and torch is not None
        and in_torch(row) is not None
        and row["name"] not in KEEPS_LESS
    )
)
def test_a_freed_graph_is_refused_where_torch_refuses_it(key, i, oracle):
    row, sample = ROWS[key], SAMPLES[key][i]

    def twice(library, function):
        def leaf(a):
            t = library.from_numpy(a)
            return t.requires_grad_() if t.is_floating_point() else t

        args, kwargs = build(sample, library, tensor=leaf)
        library.manual_seed(0)
        result = outputs(function(*args, **kwargs))
        results = [t for t in result if t.requires_grad]
        for _ in range(2):
            library.autograd.backward(results, [library.ones_like(t) for t in results])

    def message(library, function):
        try:
            twice(library, function)
        except RuntimeError as error:
            return str(error)
        return ""

    theirs, ours = message(oracle, in_torch(row)), message(wg, in_wengert(row))
    assert "second time" in ours or "second time" not in theirs


def test_numbers_are_freed_too():
    x = wg.ones(2, requires_grad=True)
    for make in (lambda: x * 2, lambda: x / 2, lambda: 2 / x, lambda: x**2, lambda: x.exp()):
        y = make().sum()
        y.backward()
        with pytest.raises(RuntimeError, match="second time"):
            y.backward()
        y = make().sum()
        y.backward(retain_graph=True)
        y.backward()
    for make in (lambda: x + 2, lambda: x.view(2, 1), lambda: -x):  # nothing is kept, nor freed
        y = make().sum()
        y.backward()
        y.backward()
