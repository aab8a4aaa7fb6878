"""`count`: multiply-adds, bytes and what is saved, against numbers worked out by hand."""

import math

import pytest

import wengert as wg
from wengert import nn


def test_mlp():
    net = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))
    x, t = wg.randn(8, 10), wg.randint(0, 5, (8,))
    costs = wg.count(lambda: nn.functional.cross_entropy(net(x), t), repeat=2)
    first, second = 8 * 10 * 20, 8 * 20 * 5
    assert costs.forward.multiply_adds == first + second
    assert costs.backward.multiply_adds == first + 2 * second  # nobody asks for dX of the data
    assert costs.ratio == pytest.approx((first + 2 * second) / (first + second))
    assert costs.weights == 10 * 20 + 20 + 20 * 5 + 5
    assert costs.one_by_one == costs.forward.multiply_adds * (costs.weights + 1)
    ahead, back = costs.modules["2: Linear"]
    assert (ahead.multiply_adds, back.multiply_adds) == (second, 2 * second)
    assert ahead.read == 4 * (8 * 20 + 20 * 5 + 5) and ahead.written == 4 * 8 * 5
    assert costs.ops["linear"][0].runs == 2
    assert costs.times.forward > 0 and costs.times.backward > 0 and costs.times.plain > 0
    assert all(p.grad is None for p in net.parameters())
    text = str(costs)
    assert "backward / forward: 1.333 in multiply-adds" in text and "2: Linear" in text
    assert costs._repr_html_().count("<table>") == 3


def cost_of(fn):
    costs = wg.count(fn, repeat=0)
    return costs.forward.multiply_adds, costs.backward.multiply_adds


def test_two_products_in_one_op():
    layer, x = nn.Linear(128, 128), wg.randn(64, 128, requires_grad=True)
    each = 64 * 128 * 128
    assert cost_of(lambda: layer(x).sum()) == (each, 2 * each)
    assert "linear_backward" in wg.count(lambda: layer(x).sum(), repeat=0).ops


def test_convolution():
    x = wg.randn(2, 4, 9, 9, requires_grad=True)
    for layer in (nn.Conv2d(4, 6, 3), nn.Conv2d(4, 8, 3, groups=2, stride=2, padding=1)):
        with wg.no_grad():
            out = layer(x)
        each = math.prod(out.shape) * math.prod(layer.weight.shape[1:])
        assert cost_of(lambda layer=layer: layer(x).sum()) == (each, 2 * each)
    layer = nn.ConvTranspose2d(4, 3, 3)
    each = x.numel() * math.prod(layer.weight.shape[1:])
    assert cost_of(lambda: layer(x).sum()) == (each, 2 * each)


def test_recurrent_and_attention():
    x = wg.randn(7, 2, 3, requires_grad=True)
    each = 7 * 2 * (20 * 3 + 20 * 5)
    lstm = nn.LSTM(3, 5)
    assert cost_of(lambda: lstm(x)[0].sum()) == (each, 2 * each)
    q = wg.randn(2, 4, 5, 8, requires_grad=True)
    each = 2 * 4 * 5 * 5 * 8
    attend = nn.functional.scaled_dot_product_attention
    assert cost_of(lambda: attend(q, q, q).sum()) == (2 * each, 5 * each)


def test_what_is_saved():
    x = wg.randn(100, requires_grad=True)
    assert wg.count(lambda: (x.exp() * x).sum(), repeat=0).saved == 800


def test_errors():
    with pytest.raises(RuntimeError, match="no tensor with a history"):
        wg.count(lambda: None)
