"""Changes in place through views, and the history of all that shares the memory."""

import gc
import os

import numpy as np
import pytest

import wengert as wg
from tests.capture.captures import bits
from tests.conftest import torch
from tests.tape.views_programs import Program, array, loss_at

SEEDS = int(os.environ.get("WENGERT_FUZZ", 200))
FIRST = int(os.environ.get("WENGERT_FUZZ_FIRST", 0))
PART = 50
parts = pytest.mark.parametrize("part", range(FIRST, FIRST + SEEDS, PART))


# ---- random programs


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.filterwarnings("ignore")
@parts
def test_random_programs_equal_torch(part):
    for seed in range(part, part + PART):
        program, oracle = Program(seed, wg), Program(seed, torch)
        ours, needs, log, error = program.outcome()
        theirs, their_needs, their_log, their_error = oracle.outcome()
        if oracle.own_way:
            continue
        assert log == their_log, f"seed {seed}: refused {log}, torch {their_log}"
        assert needs == their_needs, f"seed {seed}: requires_grad"
        assert (error is None) == (their_error is None), f"seed {seed}: {error}, {their_error}"
        assert len(ours) == len(theirs), f"seed {seed}"
        if error is None:
            # Of a view that was used no more torch keeps None, where there may be zeros here.
            for a, b in zip(program.kept, oracle.kept, strict=True):
                ours.append(a if b is not None else None)
                theirs.append(b)
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert (a is None) == (b is None), f"seed {seed}, array {k}: {a}, torch {b}"
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11, err_msg=f"seed {seed}, {k}")


@parts
def test_random_programs_have_numeric_gradients(part):
    for seed in range(part, part + PART):
        program = Program(seed, wg, smooth=True)
        loss = program.run()
        try:
            grads = wg.autograd.grad(loss, program.leaves, allow_unused=True)
        except RuntimeError:
            continue
        rng = np.random.default_rng(seed)
        directions = [rng.standard_normal(v.shape) for v in program.values]
        up, down = (
            loss_at(seed, wg, [v + s * d for v, d in zip(program.values, directions, strict=True)])
            for s in (1e-6, -1e-6)
        )
        slope = sum(
            (array(g) * d).sum() for g, d in zip(grads, directions, strict=True) if g is not None
        )
        assert slope == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-5), f"seed {seed}"


@parts
def test_a_replay_of_a_random_program_is_the_program(part):
    for seed in range(part, part + PART):

        def step(x, v, w, seed=seed):
            program = Program(seed, wg, smooth=True)
            program.leaves = [t.detach().requires_grad_() for t in (x, v, w)]
            loss = program.run()
            return loss.detach(), wg.autograd.grad(loss, program.leaves, allow_unused=True)

        given = [wg.tensor(v) for v in Program(seed, wg).values]
        try:
            expected = bits(step(*given))
        except RuntimeError:
            continue
        captured = wg.capture(step)
        for _ in range(3):
            try:
                assert bits(captured(*given)) == expected, f"seed {seed}"
            except wg.CaptureError:
                break


# ---- the idioms


def leaf(*values):
    return wg.tensor(values, dtype=wg.float64, requires_grad=True)


def scaled_in_part(y, w):
    y[..., 0] *= 2
    return y


def added_to_a_row(y, w):
    y[0].add_(w)
    return y


def changed_through_view(y, w):
    y.view(-1).mul_(3)
    return y


def filled_row_by_row(y, w):
    out = wg.zeros(2, 2, dtype=y.dtype)
    for i in range(2):
        out[i].copy_(y[i] * w)
    return out


def summed_row_by_row(y, w):
    out = wg.zeros(2, 2, dtype=y.dtype)
    for i in range(2):
        out[i] += y[i]
        out[1 - i] += 2 * w
    return out


def less_in_a_row(y, w):
    y[0, :] -= 1
    return y * y


def the_view_of_what_has_changed(y, w):
    v = y[1]
    y.mul_(w)
    return v


def the_view_of_a_constant(y, w):
    base = wg.ones(2, 2, dtype=y.dtype)
    v, u = base[0], base[:, 0]
    v.mul_(w)
    return u + base.t()[1]


def through_a_detached(y, w):
    d = y.detach()
    u = d[0]
    d[:, 1].mul_(w)
    assert not d.is_leaf and u.requires_grad
    return u + y[1]


def reshaped_in_place(y, w):
    v = y[0]
    y.unsqueeze_(0).transpose_(1, 2)
    y.mul_(w)
    v.unsqueeze_(0).mul_(2)
    return y.squeeze_().t_() * v


def the_base_has_gone(y, w):
    def rows():
        z = (y * 1).view(-1)
        return z[:2], z[1:]

    a, b = rows()
    a.mul_(w)
    return a.sum() * b


def an_expanded_view(y, w):
    v = y.expand(3, 2, 2)
    y[0].mul_(w)
    return v


# Gradients of (result * [1, 2, ...]).sum() by x = [[1, 2], [3, 4]] and w = 5, where y = x * 1.
IDIOMS = {
    scaled_in_part: ([[2, 2], [6, 4]], 0),
    added_to_a_row: ([[1, 2], [3, 4]], 3),
    changed_through_view: ([[3, 6], [9, 12]], 0),
    filled_row_by_row: ([[5, 10], [15, 20]], 30),
    summed_row_by_row: ([[1, 2], [3, 4]], 20),
    less_in_a_row: ([[0, 4], [18, 32]], 0),
    the_view_of_what_has_changed: ([[0, 0], [5, 10]], 11),
    the_view_of_a_constant: ([[0, 0], [0, 0]], 2),
    through_a_detached: ([[0, 0], [1, 2]], 4),
    reshaped_in_place: ([[650, 1600], [150, 400]], 1180),
    the_base_has_gone: ([[140, 215], [30, 45]], 114),
    an_expanded_view: ([[75, 90], [21, 24]], 51),
}


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda f: f.__name__)
def test_idioms(idiom):
    x, w = wg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=wg.float64, requires_grad=True), leaf(5.0)
    x.grad, w.grad = wg.zeros_like(x), wg.zeros_like(w)

    def loss(x, w):
        z = idiom(x * 1, w)
        return (z * wg.arange(1.0, z.numel() + 1, dtype=z.dtype).view(z.shape)).sum()

    loss(x, w).backward()
    assert (x.grad.tolist(), w.grad.item()) == IDIOMS[idiom]
    if idiom is not through_a_detached:
        assert wg.autograd.gradcheck(loss, (x, w)) and wg.autograd.gradgradcheck(loss, (x, w))
    captured = wg.capture(lambda a, b: wg.autograd.grad(loss(a, b), (a, b), allow_unused=True))
    expected = bits(wg.autograd.grad(loss(x, w), (x, w), allow_unused=True))
    for _ in range(3):
        assert bits(captured(x, w)) == expected


def test_hooks_and_retained_gradients():
    """A hook of the base sees the gradient of what it was; what is retained is that of what is."""
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    v = y[:2]
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.retain_grad()
    v.retain_grad()
    v.mul_(3)
    v.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y.sum() + (v * 10).sum()).backward()
    assert seen == [[10, 10], [11, 11, 1], [33, 33, 1]]
    assert y.grad.tolist() == [11, 11, 1] and v.grad.tolist() == [10, 10]
    assert x.grad.tolist() == [33, 33, 1]
    y = x * 1
    v = y[:2]
    y[0] += 1
    assert [g.tolist() for g in wg.autograd.grad((v * 2 + y[1:]).sum(), (y, v))] == [
        [2, 3, 1],
        [2, 2],
    ]


# ---- views with many outputs


PARTS = [
    ("UnbindBackward0", lambda x: x.unbind()),
    ("UnbindBackward0", lambda x: x.unbind(-1)),
    ("UnbindBackward0", tuple),
    ("SplitBackward0", lambda x: x.split(3)),
    ("SplitBackward0", lambda x: x.chunk(2, 1)),
    ("SplitWithSizesBackward0", lambda x: x.split([1, 0, 3])),
    ("SplitWithSizesBackward0", lambda x: x.tensor_split([1, 2], -1)),
]


@pytest.mark.parametrize(("name", "cut"), PARTS)
def test_parts_are_the_outputs_of_one_node(name, cut):
    x = wg.arange(12.0).reshape(4, 3).requires_grad_()
    parts = cut(x * 1)
    assert {t.grad_fn.name() for t in parts} == {name}
    assert len({t.grad_fn for t in parts}) == 1
    assert [t.output_nr for t in parts] == list(range(len(parts)))
    assert parts[0].grad_fn.next_functions[0][0].name() == "MulBackward0"


@pytest.mark.parametrize("cut", [cut for _, cut in PARTS])
def test_gradients_of_parts_come_to_their_places(cut):
    def of_all(x):
        return sum(((t**3).sum() * k for k, t in enumerate(cut(x), 1)), (x**2).sum())

    def of_the_last(x):
        return (cut(x)[-1] ** 3).sum()

    def of_the_ends(x):
        parts = cut(x)
        return (parts[0] ** 3).sum() + (parts[-1] ** 2).sum() + (x * x).sum()

    x = wg.randn(4, 3, dtype=wg.float64, requires_grad=True)
    for function in (of_all, of_the_last, of_the_ends):
        assert wg.autograd.gradcheck(function, (x,))
        assert wg.autograd.gradgradcheck(function, (x,))
        once = wg.autograd.grad(function(x * 1), x)[0]
        function(x).backward()
        function(x).backward()  # into the gradient that is there
        assert wg.allclose(x.grad, 2 * once)
        x.grad = None


def test_parts_of_a_part_that_is_changed_later():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    y = x * 1
    whole = y.view(2, 2)
    first, second = whole.unbind()
    assert (first * 3).sum().item() == 9
    y.mul_(2)
    (whole * 1).sum().backward()
    assert x.grad.tolist() == [2, 2, 2, 2]
    with pytest.raises(RuntimeError, match="output of unbind is a view and its base"):
        second * 2


def test_as_many_parts_as_there_are_elements():
    x = wg.ones(70000, requires_grad=True)
    for parts in (x.unbind(), x.split(1), x.split([1] * 70000)):
        (parts[3].sum() + 2 * parts[-1].sum()).backward()
    assert x.grad.sum().item() == 9 and x.grad[3].item() == 3 and x.grad[-1].item() == 6


def test_a_part_written_into_a_copy_is_one_node():
    x, part = leaf(1.0, 2.0, 3.0, 4.0), leaf(5.0, 6.0)
    for function in (
        lambda x, part: x.slice_scatter(part, 0, 1, 3),
        lambda x, part: x.as_strided_scatter(part, (2,), (1,), 1),
        lambda x, part: x.view(2, 2).t().diagonal_scatter(part),
    ):
        assert wg.autograd.gradcheck(function, (x.double(), part.double()))
    y = x.slice_scatter(part, 0, 1, 3)
    assert {type(e).__name__ for e, _ in y.grad_fn.next_functions} == {"AccumulateGrad"}
    y[2:].mul_(10)
    y.sum().backward()
    assert x.grad.tolist() == [1, 0, 0, 10] and part.grad.tolist() == [1, 10]


# ---- what is refused


def multi(y):
    return y.split(1)[0]


def without_grad(y):
    with wg.no_grad():
        return y[:1]


class Same(wg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view(-1)

    @staticmethod
    def backward(ctx, g):
        return g


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (multi, "multiple views"),
        (lambda y: y.chunk(2)[1], "multiple views"),
        (lambda y: y.unbind()[0], "multiple views"),
        (lambda y: y.tensor_split(2)[0][0], "multiple views"),
        (without_grad, "no_grad mode"),
        (lambda y: without_grad(y)[0], "no_grad mode"),
        (Same.apply, "custom Function"),
    ],
)
def test_what_is_refused(view, message):
    for change in ("view", "base"):
        y = leaf(1.0, 2.0, 3.0) * 1
        v = view(y)
        if change == "view":
            with pytest.raises(RuntimeError, match=message):
                v.mul_(2)
        elif message != "custom Function":
            y.mul_(2)
            with pytest.raises(RuntimeError, match=message):
                v * 2
            with pytest.raises(RuntimeError, match=message):
                v.requires_grad  # noqa: B018
            with wg.no_grad():
                assert (v.view(-1) >= 2).all()
    with wg.no_grad():
        v.mul_(2)


def test_views_of_leaves_are_refused():
    x, late = leaf(1.0, 2.0), wg.ones(2)
    v = late[:1]
    late.requires_grad_()
    for change in (lambda: x[0].mul_(2), lambda: x.view(-1).zero_(), x.t_, lambda: v.add_(1)):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            change()
    assert x.tolist() == [1, 2] and late.tolist() == [1, 1]


# ---- memory, versions


def test_histories_are_given_back():
    """No cycle is left, neither by saved outputs nor by views without their base."""

    def base(x):
        y = x * 1
        y.mul_(2)
        y[0].exp_()
        return y

    def views(x):
        y = x * 1
        a, b = y[0], y[1]
        del y
        b.mul_(2)
        a.exp_()
        return a + b

    def recurrent(x):
        out = wg.zeros(3, 500, dtype=wg.float64)
        for i in range(1, 3):
            out[i].copy_((out[i - 1] * x[0]).tanh())
        return out

    for make in (base, views, recurrent):
        for backward in (False, True):
            x = wg.ones(2, 500, dtype=wg.float64, requires_grad=True)
            before = wg.memory_stats()["current"]
            for _ in range(3):
                y = make(x)
                if backward and make is not recurrent:
                    y.sum().backward()
                    x.grad = None
                del y
            assert wg.memory_stats()["current"] - before < 1000, (make, backward)


def test_data_is_not_counted():
    """What is done to .data is unseen, as in PyTorch; detach() shares the version."""
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.data.zero_()
    assert y.tolist() == [0, 0] and y._version == 0
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]
    y = x.exp()
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.sum().backward()
    d = y.data
    z = x * d
    d.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        z.sum().backward()
    d = y.data
    d[0].mul_(x[1])
    assert d.requires_grad and d.data_ptr() == y.data_ptr()


def test_data_in_a_captured_function():
    """It is the same memory there, too."""
    w, x = wg.ones(3), wg.ones(3)

    def step(x):
        w.data.add_(x)
        v = w[1:]
        v.data.mul_(2)
        return w * 1

    def expected():
        v = wg.ones(3)
        for _ in range(4):
            v += 1
            v[1:] *= 2
            yield v.tolist()

    captured = wg.capture(step)
    for values in expected():
        assert captured(x).tolist() == values == w.tolist()


def test_a_detached_tensor_keeps_no_graph():
    w = wg.ones(100000, requires_grad=True)
    kept = []
    gc.collect()
    before = wg._native.memory_stats()["current"]
    for _ in range(3):
        loss = (w * w.exp()).sum()
        loss += 1
        kept.append(loss.detach())
        part = w.exp()[:3]
        part *= 2
        kept.append(part.detach())
    del loss, part
    gc.collect()
    # The memory of three results whose views are kept, and no more.
    assert wg._native.memory_stats()["current"] - before < 3.5 * w.nbytes
