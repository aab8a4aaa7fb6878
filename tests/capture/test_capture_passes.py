"""What the passes over a program may put together, and what they must leave apart."""

import pytest

import wengert as wg
from tests.capture.captures import bits

F = wg.nn.functional


def ops(step):
    return [line["op"] for line in step.program.lines()]


def both_ways(f, *args):
    """The ops of the program of f(a, b, c), whose replays give the bits of calls without it."""
    step = wg.capture(f)
    for _ in range(3):
        assert bits(step(*args)) == bits(f(*args))
    return ops(step)


def keeps_product(a, b, c):
    z = a @ b
    return z, z * c


def uses_product_twice(a, b, c):
    z = a @ b
    return z * c + z.sum()


def product_by_itself(a, b, c):
    z = a @ b
    return z * z


def product_second(a, b, c):
    return c - a @ b


def changes_other(a, b, c):
    c = c.clone()
    z = a @ b
    c.add_(1)
    return z * c


def other_is_broadcast(a, b, c):
    return (a @ b) * c[0]


def changes_product(a, b, c):
    z = a @ b
    z.add_(1)
    return z * c


def row_of_product(a, b, c):
    return (a @ b)[1] * c[0]


def integers(a, b, c):
    return (a.long() @ b.long()) * c.long()


@pytest.mark.parametrize(
    "f",
    [
        keeps_product,
        uses_product_twice,
        product_by_itself,
        product_second,
        changes_other,
        other_is_broadcast,
        changes_product,
        row_of_product,
        integers,
    ],
)
def test_a_product_that_stays_apart(f):
    wg.manual_seed(0)
    found = both_ways(f, wg.randn(5, 7), wg.randn(7, 3), wg.randn(5, 3))
    assert "mm" in found and not any("mm &" in op for op in found)


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
@pytest.mark.parametrize("sizes", [(5, 7, 3), (1, 9, 1), (130, 70, 90), (0, 2, 3), (3, 0, 2)])
def test_a_product_and_what_becomes_of_it(sizes, dtype):
    m, k, n = sizes
    wg.manual_seed(0)
    a, b, c = (wg.randn(s, dtype=dtype) for s in ((m, k), (n, k), (m, n)))
    assert "mm & mul" in both_ways(lambda a, b, c: (a @ b.t()) * c + 1, a, b, c)[0]
    assert "mm & add" in both_ways(lambda a, b, c: a @ b.t() + c, a, b, c)


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "gelu", "silu", "leaky_relu"])
def test_backward_of_activations(name):
    wg.manual_seed(0)
    w = [wg.randn(8, 8, requires_grad=True) for _ in range(2)]

    def f(x, y):
        h = getattr(F, name)(x @ w[0])
        return wg.autograd.grad(F.cross_entropy(h @ w[1], y), w)

    found = both_ways(f, wg.randn(5, 8), wg.randint(0, 8, (5,)))
    assert any(op == f"mm & {name}_backward" for op in found)


@pytest.mark.parametrize(
    "part", [lambda z: z[0], lambda z: z[1:2], lambda z: z[3:].relu_(), lambda z: z.view(-1)[:4]]
)
def test_part_of_a_linear_stays_apart(part):
    wg.manual_seed(0)
    x, w = wg.randn(5, 7), wg.randn(3, 7)
    found = both_ways(lambda x, w: part(F.linear(x, w)).relu(), x, w)
    assert "linear" in found and not any("linear &" in op for op in found)


def late_other(a, b, c):
    first, second = a @ b, a @ b.clone()
    return first * (second * c)


def test_what_a_fused_step_writes_is_as_late_as_it():
    wg.manual_seed(0)
    found = both_ways(late_other, wg.randn(5, 7), wg.randn(7, 3), wg.randn(5, 3))
    assert sum("mm & mul" in op for op in found) == 1


def loss_step(reads_logits):
    layer, x, t = wg.nn.Linear(4, 500), wg.randn(64, 4), wg.arange(64)

    def step():
        layer.zero_grad()
        logits = layer(x)
        loss = F.cross_entropy(logits, t)
        loss.backward()
        if reads_logits == "returned":
            return loss, layer.weight.grad.clone(), logits
        later = logits.detach().amax() if reads_logits == "read" else loss
        return loss, layer.weight.grad.clone(), later

    step.__name__ = reads_logits
    return step


@pytest.mark.parametrize("reads_logits, buffers", [("no", 1), ("read", 2), ("returned", 1)])
def test_a_gradient_lies_over_logits_that_nobody_reads(reads_logits, buffers):
    wg.manual_seed(0)
    step = loss_step(reads_logits)
    expected = bits(step())
    replayed = wg.capture(step)
    for _ in range(3):
        assert bits(replayed()) == expected
    size = 64 * 500 * 4
    assert buffers * size <= replayed.program._native.arena_bytes < (buffers + 0.5) * size


def test_the_gradient_of_masked_scatter_has_a_shape_that_no_value_changes():
    x, source = wg.randn(3, 4, requires_grad=True), wg.randn(15, requires_grad=True)

    def step(a):
        x.grad = source.grad = None
        x.masked_scatter(a > 0, source).square().sum().backward()
        return x.grad, source.grad

    captured = wg.capture(step)
    for _ in range(5):
        a = wg.randn(3, 4)
        for eager, replayed in zip(step(a), captured(a), strict=True):
            assert eager.tolist() == replayed.tolist()
    assert captured.cache_info().hits
