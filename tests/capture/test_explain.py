"""Which implementation takes a call: `explain`, and the listings of captured programs."""

import pytest

import wengert as wg
from tests.capture.captures import bits

F = wg.nn.functional

# Shapes of x and the weight, options; what does the output, the gradients of input and weight.
CONVOLUTIONS = [
    ((2, 8, 12, 12), (16, 8, 1, 1), {}, "pointwise pointwise along rows"),
    ((2, 8, 3, 3), (16, 8, 1, 1), {}, "gathered gathered along rows"),
    ((2, 8, 12, 12), (16, 8, 1, 1), {"stride": 2}, "gathered gathered along rows"),
    ((2, 8, 9, 9), (8, 1, 3, 3), {"groups": 8, "padding": 1}, "depthwise depthwise depthwise"),
    ((2, 8, 9, 9), (8, 4, 3, 3), {"groups": 2}, "gathered gathered along rows"),
    ((2, 3, 9, 9), (4, 3, 3, 3), {}, "gathered gathered along rows"),
    ((2, 3, 90), (4, 3, 5), {"dilation": 2}, "gathered gathered along rows"),
    ((0, 3, 9, 9), (4, 3, 3, 3), {}, "gathered gathered zeros"),
]


def ways(program):
    return {line["op"]: line["way"] for line in program.lines() if line["way"]}


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
@pytest.mark.parametrize("shape,weight,options,expected", CONVOLUTIONS)
def test_convolutions(shape, weight, options, expected, dtype):
    convolve = F.conv1d if len(shape) == 3 else F.conv2d
    w = wg.randn(*weight, dtype=dtype)

    def step(x, w):
        x.requires_grad_(), w.requires_grad_()
        return wg.autograd.grad(convolve(x, w, **options).square().sum(), (x, w))

    program = wg.explain(step, wg.randn(*shape, dtype=dtype), w)
    # What follows a convolution may have moved into it.
    found = {op.split(" & ")[0]: way for op, way in ways(program).items()}
    passes = ("conv_output", "conv_input", "conv_weight")
    assert " ".join(found.get(name, "-") for name in passes) == expected
    for op, way in ways(program).items():
        assert f"{op} [{way}]" in repr(program)
        assert f"{op} [{way}]" in program.to_dot()


# A function, the shapes of its arguments, and what does it.
PRODUCTS = [
    (lambda a, b: a @ b, (40,), (40,), {"mm": "dot"}),
    (lambda a, b: a @ b, (1, 40), (40, 50), {"mm": "vector"}),
    (lambda a, b: a @ b, (40, 30), (30,), {"mm": "vector"}),
    (lambda a, b: a @ b, (40, 30), (30, 50), {"mm": "panels"}),
    (lambda a, b: a @ b.t(), (4, 2000), (50, 2000), {"mm": "dot tiles"}),
    (lambda a, b: a.t() @ b, (40, 300), (40, 3), {"mm": "turned"}),
    (lambda a, b: a @ b[::2, ::2], (40, 30), (60, 100), {"mm": "panels"}),
    (lambda a, b: a @ b, (6, 40, 30), (6, 30, 50), {"bmm": "panels"}),
    (lambda a, b: F.linear(a, b), (40, 30), (20, 30), {"linear": "panels"}),
    (lambda a, b: F.linear(a, b).tanh(), (1, 30), (20, 30), {"linear & tanh": "vector"}),
    (lambda a, b: (a @ b) * a, (30, 30), (30, 30), {"mm & mul": "panels"}),
]


@pytest.mark.parametrize("fn,first,second,expected", PRODUCTS)
def test_products(fn, first, second, expected):
    for dtype in (wg.float32, wg.float64):
        a, b = wg.randn(*first, dtype=dtype), wg.randn(*second, dtype=dtype)
        assert ways(wg.explain(fn, a, b)) == expected


def test_integers():
    x, w = wg.arange(50).reshape(1, 2, 5, 5), wg.ones(3, 2, 2, 2, dtype=wg.int64)
    assert ways(wg.explain(F.conv2d, x, w)) == {"conv_output": "plain loops"}
    assert ways(wg.explain(wg.mm, w[0, 0], w[0, 1])) == {"mm": "integers"}


def test_explain_is_a_call():
    model = wg.nn.Sequential(wg.nn.Conv2d(1, 4, 3), wg.nn.ReLU(), wg.nn.Dropout(0.5))
    x = wg.randn(2, 1, 8, 8)
    state = wg.get_rng_state()
    program = wg.explain(model, x)
    after = wg.get_rng_state()
    assert "[gathered]" in repr(program) and "relu" in repr(program)
    wg.set_rng_state(state)
    expected = model(x)
    assert bits(after) == bits(wg.get_rng_state())
    # A captured function is called like any other: its program is the one that is shown.
    step = wg.capture(model)
    wg.set_rng_state(state)
    assert bits(step(x)) == bits(expected)
    wg.explain(step, x)
    assert step.cache_info().hits == 1 and step.cache_info().misses == 1


def test_keywords_and_errors():
    assert "pow" in repr(wg.explain(lambda x, exponent: x**exponent, wg.ones(3), exponent=3.5))
    with pytest.raises(wg.CaptureError, match="needs a value"):
        wg.explain(lambda x: x * x.sum().item(), wg.ones(2))
    with pytest.raises(TypeError, match="a function is expected"):
        wg.explain(3)
