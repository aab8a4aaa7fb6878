"""Hooks for saved tensors, hooks of several tensors, and places of the graph as inputs."""

import contextlib
import gc
import weakref

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows.derivatives import as_function, gradients, leaves
from tests.rows.table import ROWS, SAMPLES, array
from wengert.autograd import Function, graph

FIRST = {
    key: next(s for s in SAMPLES[key] if s.differentiable)
    for key, row in ROWS.items()
    if row["differentiable"] and any(s.differentiable for s in SAMPLES[key])
}


def as_array(t):
    return t.detach().numpy().copy(order="K"), t.dtype


def from_array(packed):
    values, dtype = packed
    return wg.from_numpy(values.copy(order="K")).to(dtype)


def two_orders(row, sample, hooks):
    """First and second derivatives, as far as there are any."""
    function, values = as_function(row, sample)
    xs = leaves(values)
    with hooks:
        ys = [y for y in function(xs) if y.requires_grad]
        if not ys:
            return []
        ws = [wg.full_like(y, 0.5).requires_grad_() for y in ys]
        first = gradients(ys, ws, xs, create_graph=True)
        followed = [g for g in first if g.requires_grad]
        if not followed:
            return [array(g) for g in first]
        try:
            second = gradients(followed, [wg.ones_like(g) for g in followed], [*xs, *ws])
        except RuntimeError:  # has none
            second = []
    return [array(g) for g in [*first, *second]]


@pytest.mark.parametrize("key", sorted(FIRST))
def test_gradients_of_every_row_are_those_without_hooks(key):
    """What is saved becomes an array and is read back: bit for bit the same gradients."""
    row, sample = ROWS[key], FIRST[key]
    wg.manual_seed(0)
    plain = two_orders(row, sample, graph.save_on_cpu())
    wg.manual_seed(0)
    packed = two_orders(row, sample, graph.saved_tensors_hooks(as_array, from_array))
    assert len(plain) == len(packed)
    for a, b in zip(plain, packed, strict=True):
        np.testing.assert_array_equal(a, b)


def test_hooks_see_inputs_as_they_are():
    w = wg.nn.Parameter(wg.ones(3))
    seen = []
    with graph.saved_tensors_hooks(lambda t: seen.append(t) or t, lambda t: t):
        y = w * 2
        (w * y).exp().sum().backward()
    assert any(t is w for t in seen) and any(t is y for t in seen)
    assert not seen[-1].requires_grad and seen[-1].is_leaf  # the result of exp
    np.testing.assert_allclose(w.grad.numpy(), 4 * np.exp(2.0), rtol=1e-6)


def test_a_saved_tensor_is_unpacked_once_in_each_backward():
    x, count = wg.ones(3, requires_grad=True), []
    with graph.saved_tensors_hooks(lambda t: t, lambda t: count.append(1) or t):
        y = wg.nn.functional.layer_norm(x * x, (3,)).exp().sum()
    packed = sum(1 for _ in count)
    assert packed == 0
    y.backward(retain_graph=True)
    once = len(count)
    y.backward()
    assert len(count) == 2 * once > 0


def test_the_innermost_hooks_count():
    x, names = wg.ones(3, requires_grad=True), []

    def named(name):
        return graph.saved_tensors_hooks(lambda t: names.append(name) or t, lambda t: t)

    with named("outer"):
        x.exp()
        with named("inner"):
            x.exp()
        x.exp()
    x.exp()
    assert names == ["outer", "inner", "outer"]


def test_hooks_are_of_their_thread():
    from concurrent.futures import ThreadPoolExecutor

    x, count = wg.ones(3, requires_grad=True), []
    with (
        graph.saved_tensors_hooks(lambda t: count.append(1) or t, lambda t: t),
        ThreadPoolExecutor(1) as pool,
    ):
        pool.submit(lambda: x.exp()).result()
    assert not count


def test_what_hooks_may_not_do():
    x = wg.ones(3, requires_grad=True)
    keep = graph.saved_tensors_hooks

    def changing(t):
        t.detach().add_(1)

    modifies = pytest.raises(RuntimeError, match="pack hook is modifying its input")
    with modifies, keep(changing, lambda t: t):
        x.exp()
    x = wg.ones(3, requires_grad=True)
    no_tensor = pytest.raises(TypeError, match="to be a Tensor but got result of type int")
    with no_tensor, keep(lambda t: t, lambda t: 3):
        x.exp().sum().backward()
    with (
        pytest.raises(RuntimeError, match=r"shape \(3,\) was packed.*returned one of shape \(2,\)"),
        keep(lambda t: t, lambda t: t[:2]),
    ):
        x.exp().sum().backward()
    with pytest.raises(ZeroDivisionError), keep(lambda t: 1 / 0, lambda t: t):
        x.exp()
    with pytest.raises(TypeError, match="pack_hook must be callable, got int"):
        keep(3, lambda t: t)
    not_here = pytest.raises(RuntimeError, match="not here")
    with graph.disable_saved_tensors_hooks("not here"), not_here, keep(lambda t: t, lambda t: t):
        pass
    nor_here = pytest.raises(RuntimeError, match="nor here")
    with nor_here, keep(lambda t: t, lambda t: t), graph.disable_saved_tensors_hooks("nor here"):
        pass
    assert wg._native._pack_saved(wg.ones(1), True) is None
    x.exp().sum().backward()  # nothing is left of all this


def test_narrower_values_are_cast_back():
    x = wg.tensor([1.0, 1.00001, 3.0], requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: t.half(), lambda t: t):
        (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 6.0]


class Product(Function):
    @staticmethod
    def forward(ctx, x, y):
        z = x * y
        ctx.save_for_backward(x, y, z)
        return z

    @staticmethod
    def backward(ctx, g):
        x, y, z = ctx.saved_tensors
        return g * y + 0 * z, g * x


@pytest.mark.parametrize("call", [wg.exp, wg.square, lambda x: Product.apply(x, x)])
def test_a_hook_may_end_its_own_block(call):
    def pack(t):
        block.__exit__(None, None, None)
        return t

    def unpack(t):
        unpacked.append(t)
        return t

    x, unpacked = wg.ones(3, requires_grad=True), []
    expected = wg.autograd.grad(call(x).sum(), x)[0]
    block = graph.saved_tensors_hooks(pack, unpack)
    block.__enter__()
    y = call(x)
    y.sum().backward()
    assert x.grad.equal(expected) and len(unpacked) == 1


def test_functions_ask_hooks_too():
    x, log = wg.ones(3, requires_grad=True), []
    with graph.saved_tensors_hooks(
        lambda t: log.append(("pack", t.requires_grad)) or t.clone(),
        lambda t: log.append("unpack") or t,
    ):
        y = Product.apply(x, x * 2)
    g = wg.autograd.grad(y.sum(), x, create_graph=True)[0]
    assert log == [("pack", True), ("pack", True), ("pack", False)] + ["unpack"] * 3
    assert g.tolist() == [4.0] * 3
    assert wg.autograd.grad(g.sum(), x)[0].tolist() == [4.0] * 3


def test_saved_tensors_may_be_changed_where_copies_are_kept():
    x = wg.rand(2, 3, requires_grad=True)
    with graph.allow_mutation_on_saved_tensors():
        y = x.clone()
        z = (y**2).sum()
        y.sin_()
        z.backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * x.detach().numpy())
    y = x.clone()
    z = (y**2).sum()
    y.sin_()
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        z.backward()


def test_what_a_node_has_saved():
    a = wg.ones(3, requires_grad=True)
    b = a * 2
    node = (a * b).grad_fn
    assert node._saved_self.tolist() == [1.0] * 3 and node._saved_other.tolist() == [2.0] * 3
    with pytest.raises(AttributeError, match="_saved_nothing"):
        node._saved_nothing  # noqa: B018
    y, log = a.exp(), []
    raw = y.grad_fn._raw_saved_result
    raw.register_hooks(lambda t: log.append("pack") or t, lambda t: log.append("unpack") or t)
    with pytest.raises(RuntimeError, match="hooks have already been set"):
        raw.register_hooks(lambda t: t, lambda t: t)
    with pytest.raises(TypeError, match="must be callable, got int"):
        (a * b).grad_fn._raw_saved_self.register_hooks(3, 4)
    y.sum().backward()
    assert log == ["pack", "unpack"]
    with pytest.raises(RuntimeError, match="second time"):
        y.grad_fn._saved_result  # noqa: B018
    with pytest.raises(RuntimeError, match="keeps this tensor no more"):
        raw.register_hooks(lambda t: t, lambda t: t)


def test_packed_values_are_freed_with_the_graph():
    class Box:
        def __init__(self, t):
            self.t = t

    x, boxes = wg.ones(3, requires_grad=True), []

    def pack(t):
        box = Box(t)
        boxes.append(weakref.ref(box))
        return box

    with graph.saved_tensors_hooks(pack, lambda box: box.t):
        y = (x.exp() * x).sum()
    assert all(ref() is not None for ref in boxes)
    y.backward()
    gc.collect()
    assert len(boxes) == 3 and all(ref() is None for ref in boxes)
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_hooks_may_not_move_what_an_operation_works_on():
    """They are called after the shapes were compared, and before a change in place is made."""
    x, a = wg.zeros(3000, requires_grad=True).clone(), wg.rand(3000, requires_grad=True)

    def pack_moving(t):
        x.data = wg.zeros(1)
        return t

    moved = pytest.raises(RuntimeError, match="other memory or another shape|modifying its input")
    with moved, graph.saved_tensors_hooks(pack_moving, lambda t: t):
        x.mul_(a)


def test_an_output_that_no_gradient_needs_is_none():
    raw = (wg.ones(3, requires_grad=True) / wg.ones(3)).grad_fn._raw_saved_result
    assert raw.unpack() is None


def test_packed_objects_may_look_at_their_node_as_they_go():
    class Packed:
        def __init__(self, t):
            self.t = t.clone()

        def __del__(self):
            with contextlib.suppress(Exception):
                nodes[0]._saved_result  # noqa: B018

    x, nodes = wg.ones(3, requires_grad=True), []
    for _ in range(200):
        with graph.saved_tensors_hooks(Packed, lambda p: p.t):
            y = x.exp()
        nodes[:] = [y.grad_fn]
        y.sum().backward()
        nodes.clear()


def test_a_hook_that_fails_later_changes_nothing():
    x = wg.rand(3, requires_grad=True)
    y = x.exp()
    with pytest.raises(ZeroDivisionError):
        y.grad_fn._raw_saved_result.register_hooks(lambda t: 1 / 0, lambda t: t)
    y.sum().backward()
    assert x.grad.equal(y.detach())


def test_a_pack_hook_may_wait_for_another_threads_backward():
    import threading

    x = wg.ones(3, requires_grad=True)
    y = (x.exp() * x).sum()

    def other():
        z = wg.ones(2, requires_grad=True)
        (z * z).sum().backward()

    def pack(t):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        return t

    with graph.saved_tensors_hooks(pack, lambda t: t):
        wg.autograd.grad(y, x, create_graph=True)


def test_a_process_may_end_within_hooks():
    import subprocess
    import sys

    code = (
        "import wengert as wg; g = wg.autograd.graph;"
        "g.saved_tensors_hooks(lambda t: t, lambda t: t).__enter__();"
        "y = wg.ones(3, requires_grad=True).exp(); raise SystemExit(3)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 3


def test_a_gradient_within_a_hook_leaves_the_outer_one():
    x = wg.ones(3, requires_grad=True)

    def hook(grad):
        with wg.enable_grad():
            wg.autograd.grad((x * x).sum(), x)

    h = x * 3
    h.register_hook(hook)
    (g,) = wg.autograd.grad(h.sum() + (x * x).sum(), x)
    assert g.tolist() == [5.0] * 3


def test_what_a_hook_keeps_is_collected_with_the_graph():
    class Box:
        pass

    def use():
        x, box = wg.ones(3, requires_grad=True), Box()
        with graph.saved_tensors_hooks(lambda t: (box, t), lambda pair: pair[1]):
            box.y = x.exp() * 2
        return weakref.ref(box)

    gone = use()
    gc.collect()
    assert gone() is None


def test_a_change_in_place_whose_hook_fails_has_no_gradient():
    """The values are changed, and what the gradient would read is not there."""
    x = wg.ones(3, requires_grad=True)
    y = x * 1
    with pytest.raises(ZeroDivisionError), graph.saved_tensors_hooks(lambda t: 1 / 0, lambda t: t):
        y.exp_()
    with pytest.raises(RuntimeError, match="already been freed"):
        y.sum().backward()


def test_captured_functions():
    """Hooks around one: it runs as it is written. Hooks within: they are part of it."""
    x, count = wg.ones(3, requires_grad=True), []

    @wg.capture
    def step():
        x.grad = None
        (x.exp() * x).sum().backward()
        return x.grad.clone()

    plain = step()
    with graph.saved_tensors_hooks(lambda t: count.append(1) or t, lambda t: t):
        for _ in range(3):
            assert step().equal(plain)
    assert len(count) == 9
    assert step().equal(plain) and len(count) == 9

    @wg.capture
    def halved():
        x.grad = None
        with graph.saved_tensors_hooks(lambda t: t * 0.5, lambda t: t):
            (x * x).sum().backward()
        return x.grad.clone()

    assert [halved().tolist() for _ in range(3)] == [[1.0] * 3] * 3


# ---- hooks of several tensors


def test_all_gradients_of_a_run():
    a = wg.ones(3, requires_grad=True)
    b, c = a * 2, a * 3
    d, seen = (b + c) * a, []

    def see(grads):
        seen.append([None if g is None else g.tolist()[0] for g in grads])

    handle = graph.register_multi_grad_hook((b, c, d, a), see)
    b.sum().backward(retain_graph=True)
    d.sum().backward(retain_graph=True)
    wg.autograd.grad(d.sum(), b, retain_graph=True)
    wg.autograd.grad(d.sum(), a, retain_graph=True)
    assert seen == [
        [1.0, None, None, 2.0],
        [2.0 - 1.0, 1.0, 1.0, 10.0],
        [1.0, None, 1.0, None],
        [1.0, 1.0, 1.0, 10.0],
    ]
    handle.remove()
    d.sum().backward(retain_graph=True)
    assert len(seen) == 4


def test_the_first_gradient_of_a_run():
    a = wg.ones(3, requires_grad=True)
    b, seen = a * 2, []
    c = b * 3
    with graph.register_multi_grad_hook((b, c), lambda g: seen.append(g.tolist()), mode="any"):
        for _ in range(2):
            c.sum().backward(retain_graph=True)
    c.sum().backward()
    assert seen == [[1.0] * 3] * 2
    with pytest.raises(ValueError, match="one of"):
        graph.register_multi_grad_hook((b,), print, mode="some")
    with pytest.raises(TypeError, match="fn must be callable, got int"):
        graph.register_multi_grad_hook((a,), 3)


def test_hooks_of_several_tensors_let_the_graph_go():
    a = wg.ones(3, requires_grad=True)
    b = a * 2
    graph.register_multi_grad_hook((b, a * 3), lambda grads: None)
    gone = weakref.ref(b)
    del b
    assert gone() is None


# ---- places of the graph


@pytest.mark.parametrize("library", ["wengert", "torch"])
def test_places_stand_for_tensors(library):
    lib = wg if library == "wengert" else torch
    if lib is None:
        pytest.skip("needs torch")
    g = lib.autograd.graph
    a = lib.ones(3, requires_grad=True)
    b = a * 2
    c = (b * b).sum()
    edge = g.get_gradient_edge(b)
    leaf = g.get_gradient_edge(a)
    assert (edge.node, edge.output_nr) == (b.grad_fn, 0) and leaf.output_nr == b.output_nr == 0
    for inputs, expected in ((edge, [4.0]), ([a, edge], [8.0, 4.0]), (leaf, [8.0])):
        grads = lib.autograd.grad(c, inputs, retain_graph=True)
        assert [x.tolist() for x in grads] == [[e] * 3 for e in expected]
    c.backward(inputs=leaf, retain_graph=True)
    assert a.grad.tolist() == [8.0] * 3
    lib.autograd.backward(g.get_gradient_edge(c), retain_graph=True)
    assert a.grad.tolist() == [16.0] * 3
    assert lib.autograd.grad(edge, a, lib.ones(3), retain_graph=True)[0].tolist() == [2.0] * 3
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        lib.autograd.grad(edge, a, retain_graph=True)
    with pytest.raises(RuntimeError, match="not possible to get the gradient edge"):
        g.get_gradient_edge(lib.ones(3))
    parts = (a * 1).split(1)
    assert [g.get_gradient_edge(p).output_nr for p in parts] == [p.output_nr for p in parts]


def test_a_place_keeps_no_memory():
    a = wg.ones(1000, requires_grad=True)
    b = a * 2
    loss = b.sum()
    edge, gone = graph.get_gradient_edge(b), weakref.ref(b)
    del b
    assert gone() is None
    assert wg.autograd.grad(loss, edge)[0].shape == (1000,)
