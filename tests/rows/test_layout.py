"""How results lie in memory: as the inputs do, as in PyTorch."""

import itertools
import random

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

SHAPE = (3, 4, 2, 5)
ORDERS = list(itertools.permutations(range(4)))


def lying(order, shape=SHAPE, start=0):
    """An array of the shape whose dimensions lie in this order, the outermost first."""
    array = np.arange(start, start + np.prod(shape), dtype=np.float32)
    return array.reshape([shape[d] for d in order]).transpose(np.argsort(order))


def strides(array):
    return tuple(s // array.itemsize for s in array.strides)


@pytest.mark.parametrize("order", ORDERS)
def test_results_lie_as_the_inputs_do(order):
    a, b = lying(order), lying(order, start=7)
    x, y = (wg.from_numpy(v).requires_grad_() for v in (a, b))
    assert x.stride() == strides(a)
    for result, expected in (
        (x * y, a * b),
        (x + 2, a + 2),
        (x.relu(), a),
        (x < y, a < b),
        (wg.where(x < 9, x, y), np.where(a < 9, a, b)),
        (x.clamp(3, 30), a.clip(3, 30)),
    ):
        assert result.stride() == strides(a)
        assert np.array_equal(result.detach().numpy(), expected)
    (gradient,) = wg.autograd.grad((x * y).tanh(), x, wg.ones_like(x))
    assert gradient.shape == x.shape
    x = wg.from_numpy(a)
    assert x.add_(1).stride() == strides(a) and np.array_equal(x.numpy(), lying(order, start=1))


def test_a_captured_function_gives_the_same_layout():
    def step(x, y):
        return (x * y).relu() + 1

    captured = wg.capture(step)
    for first, second in itertools.product(ORDERS[::5], repeat=2):
        x, y = wg.from_numpy(lying(first)), wg.from_numpy(lying(second, start=3))
        for _ in range(2):
            result, expected = captured(x, y), step(x, y)
            assert result.stride() == expected.stride()
            assert np.array_equal(result.numpy(), expected.numpy())


def test_a_saved_program_keeps_layouts(tmp_path):
    captured = wg.capture(lambda x: x * 2 + 1)
    x = wg.from_numpy(lying((2, 0, 3, 1)))
    captured(x)
    captured.program.save(tmp_path / "step.safetensors")
    result = wg.load_program(tmp_path / "step.safetensors")(x)
    assert result.stride() == x.stride() and np.array_equal(result.numpy(), x.numpy() * 2 + 1)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
def test_layouts_of_mixed_inputs_are_those_of_torch():
    draw = random.Random(0)
    for _ in range(400):
        arrays = []
        for start in range(draw.randint(1, 3)):
            kept = [n if draw.random() < 0.8 else 1 for n in SHAPE]
            array = lying(draw.choice(ORDERS), kept, start)
            if draw.random() < 0.2:
                array = array[..., ::2]
            if draw.random() < 0.2:
                array = np.broadcast_to(array[:1], (kept[0], *array.shape[1:]))
            arrays.append(array[0] if draw.random() < 0.2 else array)
        function = {1: "exp", 2: "mul", 3: "addcmul"}[len(arrays)]
        try:
            shape = np.broadcast_shapes(*(a.shape for a in arrays))
        except ValueError:
            continue
        if 1 in shape:  # whose stride may be any
            continue
        results = [
            getattr(library, function)(*(library.from_numpy(a) for a in arrays))
            for library in (wg, torch)
        ]
        wide = [d for d, n in enumerate(shape) if n > 1]
        ours, theirs = ([r.stride(d) for d in wide] for r in results)
        assert ours == theirs, [(a.shape, strides(a)) for a in arrays]


REDUCTIONS = {
    "sum": lambda x, dim, keepdim: x.sum(dim, keepdim),
    "mean": lambda x, dim, keepdim: x.mean(dim, keepdim),
    "amax": lambda x, dim, keepdim: x.amax(dim or (0, 1, 2, 3), keepdim),
    "all": lambda x, dim, keepdim: x.all(dim or (0, 1, 2, 3), keepdim),
    "count_nonzero": lambda x, dim, keepdim: x.count_nonzero(dim or None),
    "norm": lambda x, dim, keepdim: x.norm(2, dim or None, keepdim),
    "var": lambda x, dim, keepdim: x.var(dim or None, correction=0, keepdim=keepdim),
    "logsumexp": lambda x, dim, keepdim: x.logsumexp(dim or (0, 1, 2, 3), keepdim),
    "max": lambda x, dim, keepdim: x.max(),
    "max of lines": lambda x, dim, keepdim: x.max(1, keepdim).indices,
    "sum_to_size": lambda x, dim, keepdim: x.sum_to_size(4, 1, 5) if keepdim else x.sum_to_size(1),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("order", ORDERS)
def test_reductions_read_memory_in_its_order(order, name):
    """Transposed, repeated along a dimension, with gaps."""
    inputs = (
        wg.from_numpy(lying(order)),
        wg.from_numpy(lying(order, (3, 4, 1, 5))).expand(SHAPE),
        wg.from_numpy(lying(order, (3, 4, 2, 10)))[..., ::2],
    )
    for x in inputs:
        for dim in ((), (1,), (3,), (0, 2), (1, 3), (0, 1, 2), (0, 1, 2, 3)):
            for keepdim in (False, True):
                result = REDUCTIONS[name](x, dim, keepdim)
                expected = REDUCTIONS[name](x.contiguous(), dim, keepdim)
                assert result.shape == expected.shape
                assert np.allclose(result.numpy(), expected.numpy(), rtol=1e-5), dim


def test_a_reduced_transpose_lies_as_what_is_left():
    x = wg.from_numpy(lying((3, 1, 0, 2)))
    assert x.sum(2).stride() == (1, 3, 12)
    assert x.sum(2, keepdim=True).sum(1).stride()[::2] == (1, 3)
    assert x.sum((0, 2)).stride() == (1, 4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("columns", [1, 5, 31, 32, 33, 127, 128, 129, 1500])
def test_an_element_repeated_along_a_row_is_that_of_a_whole_tensor(columns, dtype):
    wg.manual_seed(columns)
    shape = (2, 3, columns)
    x, wide = wg.randn(shape).mul(9), wg.randn(2, 3, 2 * columns).mul(9).add(0.5)
    column, row, single = wg.randn(3, 1).add(5), wg.randn(columns).add(5), wg.randn(()).add(2)
    inputs = [v.to(getattr(wg, dtype)) for v in (x, wide, column, row, single)]
    inputs[1] = inputs[1][..., ::2]
    inputs.append(inputs[0].new_ones(2, 3, 2 * columns)[..., :columns])
    for a, b, c in itertools.product(inputs, repeat=3):
        for f in (wg.add, wg.sub, wg.mul, wg.addcmul, wg.lerp):
            if f is wg.lerp and dtype == "int64":
                continue
            given = (a, b, c)[: 3 if f in (wg.addcmul, wg.lerp) else 2]
            whole = f(*(v.expand(shape).contiguous() for v in given))
            assert wg.equal(f(*given).expand(shape), whole)
            out = wg.empty(2, 3, 3 * columns, dtype=whole.dtype)[..., columns : 2 * columns]
            out.copy_(given[0].expand(shape))
            if f in (wg.add, wg.sub, wg.mul):
                assert wg.equal(getattr(out, f.__name__ + "_")(*given[1:]), whole)
