"""`check_numerics`: the first value that is not finite, with its op, module and line."""

import pytest

import wengert as wg
from wengert import nn


class Root(nn.Module):
    def forward(self, x):
        return x.sqrt()  # the line


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.root = Root()

    def forward(self, x):
        return self.root(self.fc(x) * 0)


def test_forward():
    with wg.check_numerics(), pytest.raises(wg.NonFiniteError) as raised:
        Root()(wg.tensor([1.0, -1.0, -2.0]))
    error = raised.value
    assert (error.op, error.backward) == ("sqrt", False)
    assert error.line[0] == __file__ and error.line[2] == "return x.sqrt()  # the line"
    assert "nan in 2 of 3 values, first at [1]" in str(error) and "module Root" in str(error)


def test_backward_names_the_forward_line():
    net = Net()
    with wg.check_numerics():
        loss = net(wg.ones(1, 2)).sum()
        with pytest.raises(wg.NonFiniteError, match="the gradient of sqrt") as raised:
            loss.backward()
    error = raised.value
    assert error.backward and error.module == "root"
    assert error.line[2] == "return x.sqrt()  # the line"
    assert "recorded at" in str(error) and "inf" in str(error)


def test_the_optimizer():
    p = wg.tensor([1.0], requires_grad=True)
    opt = wg.optim.SGD([p], lr=1e30)
    with wg.check_numerics():
        (p * 1e20).sum().backward()
        with pytest.raises(wg.NonFiniteError, match="sgd"):
            opt.step()


def test_data_with_a_nan():
    with wg.check_numerics(), pytest.raises(wg.NonFiniteError, match="input 0 has nan already"):
        wg.tensor([1.0, float("nan")]) * 2


def test_masks_are_no_faults():
    with wg.check_numerics():
        scores = wg.randn(3, 3, requires_grad=True)
        hidden = wg.ones(3, 3, dtype=wg.bool).triu(1)
        masked = scores.masked_fill(hidden, float("-inf"))
        (masked * 2.0).softmax(-1).sum().backward()
        wg.full((2,), float("inf"))
        wg.empty(1000)
        q = wg.randn(1, 1, 4, 8, requires_grad=True)
        out = nn.functional.scaled_dot_product_attention(q, q, q, is_causal=True)
        out.sum().backward()
        with pytest.raises(wg.NonFiniteError, match="log gives -inf"):
            wg.zeros(2).log()


def test_only_nan():
    with wg.check_numerics(allow_inf=True):
        assert wg.zeros(1).log().item() == -float("inf")
        with pytest.raises(wg.NonFiniteError):
            wg.tensor([-1.0]).log()


def test_captured_steps_are_called_plainly():
    w = wg.tensor([4.0], requires_grad=True)

    @wg.capture
    def step(x):
        w.grad = None
        loss = (w - x).sqrt().sum()
        loss.backward()
        return loss

    step(wg.tensor([1.0]))
    step(wg.tensor([2.0]))
    assert step.cache_info().hits == 1
    with wg.check_numerics():
        assert step(wg.tensor([3.0])).item() == 1
        with pytest.raises(wg.NonFiniteError, match="sqrt") as raised:
            step(wg.tensor([4.0]))
    assert raised.value.line[0] == __file__
    assert step.cache_info().hits == 1
    step(wg.tensor([3.0]))
    assert step.cache_info().hits == 2


def test_switched_off():
    wg.check_numerics()
    with pytest.raises(wg.NonFiniteError):
        wg.zeros(1).log()
    wg.check_numerics(False)
    wg.zeros(1).log()
    assert not wg._native._runs_as_written()


def test_finite_training_gives_the_same_bits():
    def train(check):
        wg.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        opt = wg.optim.Adam(net.parameters())
        losses = []
        for _ in range(3):
            if check:
                wg.check_numerics()
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(wg.randn(6, 4)), wg.tensor([0, 1, 2, 0, 1, 2]))
            loss.backward()
            opt.step()
            losses.append(loss.item())
        wg.check_numerics(False)
        return losses

    assert train(False) == train(True)
