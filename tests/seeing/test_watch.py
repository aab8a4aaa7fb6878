"""`watch` finds planted faults and names the place; what it shows is what there is."""

import pytest

import wengert as wg
from wengert import nn


class Mlp(nn.Module):
    def __init__(self, dead=False, root=False):
        super().__init__()
        self.first = nn.Linear(6, 16)
        self.second = nn.Linear(16, 16)
        self.last = nn.Linear(16, 3)
        self.root = root
        if dead:
            with wg.no_grad():
                self.second.bias.fill_(-100.0)

    def forward(self, x):
        x = self.first(x).tanh()
        x = nn.functional.relu(self.second(x))  # the rectifier
        if self.root:
            x = (x - x).sqrt()  # the root
        return self.last(x)


def train(net, steps=6, lr=0.01, parameters=None, optimizer=wg.optim.SGD, **options):
    wg.manual_seed(1)
    x, t = wg.randn(12, 6), wg.randint(0, 3, (12,))
    opt = optimizer(parameters or net.parameters(), lr=lr)
    w = wg.watch(net, **{"every": 2, **options})
    for _ in range(steps):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), t)
        loss.backward()
        opt.step()
    w.close()
    return w


def only(w, kind):
    return [f for f in w.findings if f.kind == kind]


def test_a_sound_training_has_no_faults():
    wg.manual_seed(0)
    w = train(Mlp())
    assert w.findings == [] and w.count == 6
    assert [s.number for s in w.steps] == [0, 2, 4]
    assert "nothing that looks like a fault" in str(w)


def test_numbers_are_those_of_the_step():
    wg.manual_seed(0)
    net = Mlp()
    before = net.first.weight.detach().clone()
    w = train(net, steps=1)
    seen = w.steps[0].weights["first.weight"]
    assert seen.weight.norm == pytest.approx(before.norm().item())
    assert seen.grad.norm == pytest.approx(net.first.weight.grad.norm().item())
    assert seen.update.norm == pytest.approx((net.first.weight.detach() - before).norm().item())
    assert seen.ratio == pytest.approx(seen.update.norm / seen.weight.norm)
    assert sum(seen.grad.counts) == 96 and len(seen.grad.counts) == 30


def test_dead_units():
    wg.manual_seed(0)
    (found,) = only(train(Mlp(dead=True)), "dead units")
    assert found.line[0] == __file__ and "the rectifier" in found.line[2]
    assert "100%" in found.text


def test_frozen_layer():
    wg.manual_seed(0)
    net = Mlp()
    net.second.requires_grad_(False)
    found = only(train(net), "frozen")
    assert {f.place for f in found} == {"second.weight", "second.bias"}
    assert "asks for none" in found[0].text
    net = Mlp()
    found = only(train(net, parameters=[*net.first.parameters(), *net.last.parameters()]), "frozen")
    assert {f.place for f in found} == {"second.weight", "second.bias"}
    assert "not among the optimizer's" in found[0].text


@pytest.mark.parametrize("optimizer,lr", [(wg.optim.Adam, 0.1), (wg.optim.SGD, 10.0)])
def test_learning_rate(optimizer, lr):
    wg.manual_seed(0)
    (found,) = only(train(Mlp(), lr=lr, optimizer=optimizer), "learning rate")
    assert "times too large" in found.text
    assert not only(train(Mlp(), lr=lr / 100, optimizer=optimizer), "learning rate")


@pytest.mark.parametrize("every", [1, 4])
def test_a_nan_in_backward_has_its_line(every):
    """Also at a step that is not looked at: the root is switched on after the first."""
    wg.manual_seed(0)
    net, x = Mlp(), wg.randn(12, 6)
    net.root = True
    offset = wg.ones(())

    def forward(x):
        x = nn.functional.relu(net.second(net.first(x).tanh()))
        x = (x - x + offset).sqrt()  # the root
        return net.last(x)

    opt = wg.optim.SGD(net.parameters(), lr=0.01)
    with wg.watch(net, every=every) as w:
        for step in range(4):
            opt.zero_grad()
            if step == 2:
                offset = wg.zeros(())
            forward(x).sum().backward()
            opt.step()
    bad = w.non_finite
    assert bad.step == 2 and bad.backward
    assert "the gradient of sqrt" in bad.text and "the root" in bad.line[2]
    assert w.findings[0].kind == "not finite"


def test_a_nan_in_forward_has_its_line():
    net, x = nn.Linear(2, 2), wg.zeros(1, 2)
    with wg.watch(net, every=5) as w:
        (net(x) * 0 - 1).log()  # the logarithm
    assert w.non_finite.op == "log" and "the logarithm" in w.non_finite.line[2]
    assert not w.non_finite.backward


def test_exploding_recurrent_weights():
    wg.manual_seed(0)
    rnn = nn.RNN(2, 8, nonlinearity="relu")
    with wg.no_grad():
        rnn.weight_hh_l0.mul_(4.0)
    x = wg.randn(40, 4, 2)
    opt = wg.optim.SGD(rnn.parameters(), lr=1e-12)
    with wg.watch(rnn, every=1) as w:
        for _ in range(2):
            opt.zero_grad()
            rnn(x)[0].square().mean().backward()
            opt.step()
    (found,) = only(w, "exploding")
    assert found.place == "weight_hh_l0" and "stretches" in found.text


def test_the_largest_stretch():
    from wengert._seeing.training import stretch

    weight = wg.diag(wg.tensor([3.0, -1.0, 0.5]))
    assert stretch(weight) == pytest.approx(3.0, rel=1e-3)
    assert stretch(wg.cat([weight, weight * 2])) == pytest.approx(6.0, rel=1e-3)


def test_captured_steps_are_replayed_between_looks():
    wg.manual_seed(0)
    net = Mlp()
    opt = wg.optim.SGD(net.parameters(), lr=0.01)

    @wg.capture
    def step(x, t):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), t)
        loss.backward()
        opt.step()
        return loss

    x, t = wg.randn(12, 6), wg.randint(0, 3, (12,))
    with wg.watch(net, every=5) as w:
        for _ in range(12):
            step(x, t)
            w.step()
    assert w.count == 12 and [s.number for s in w.steps] == [0, 5, 10]
    assert step.cache_info().hits >= 7
    assert all(s.weights["first.weight"].update.norm > 0 for s in w.steps)


def test_watching_changes_no_bit():
    def losses(watched):
        wg.manual_seed(0)
        net = Mlp()
        opt = wg.optim.Adam(net.parameters())
        w = wg.watch(net, every=2) if watched else None
        out = []
        for _ in range(5):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(wg.randn(6, 6)), wg.tensor([0, 1, 2, 0, 1, 2]))
            loss.backward()
            opt.step()
            out.append(loss.item())
        if w:
            w.close()
        return out

    assert losses(True) == losses(False)
    assert not wg._native._runs_as_written()


def test_plot_and_tensorboard(tmp_path):
    pytest.importorskip("matplotlib")
    wg.manual_seed(0)
    w = train(Mlp(), log_dir=tmp_path / "log")
    figure = w.plot(tmp_path / "w.png")
    assert figure._repr_png_().startswith(b"\x89PNG")  # as a notebook shows it
    assert (tmp_path / "w.png").stat().st_size > 5000
    (file,) = (tmp_path / "log").iterdir()
    data = file.read_bytes()
    for tag in (b"gradient norm/first.weight", b"update over weight/last.weight", b"dead units/"):
        assert tag in data
    assert w._repr_html_().count("<table>") == 2


def test_looks_are_early_ones_and_then_few():
    wg.manual_seed(0)
    w = train(Mlp(), steps=600, every=None)
    numbers = [s.number for s in w.steps]
    assert {0, 8, 64, 512} <= set(numbers) and len(numbers) < 100
    assert numbers == sorted(set(numbers)) and w.count == 600
    assert train(Mlp(), steps=10, every=3).count == 10


def test_errors():
    with pytest.raises(TypeError, match="got int"):
        wg.watch(3)
    with pytest.raises(ValueError, match="no parameters"):
        wg.watch(nn.ReLU())
    with pytest.raises(ValueError, match="at least 1"):
        wg.watch(nn.Linear(1, 1), every=0)
