"""Averages of weights, against torch where it is installed."""

import copy

import numpy as np
import pytest

import wengert as wg

AVERAGES = {
    "mean": dict(),
    "mean of each": dict(avg_fn="get_swa_avg_fn"),
    "mean of all": dict(multi_avg_fn="get_swa_multi_avg_fn"),
    "ema of each": dict(avg_fn="get_ema_avg_fn"),
    "ema of all": dict(multi_avg_fn="get_ema_multi_avg_fn"),
    "buffers": dict(multi_avg_fn="get_ema_multi_avg_fn", use_buffers=True),
}
X = np.random.default_rng(3).standard_normal((6, 8, 4)).astype(np.float32)


def averaged(t, options):
    """The average over a training of a network with batch norm."""
    t.manual_seed(1)
    net = t.nn.Sequential(t.nn.Linear(4, 3), t.nn.BatchNorm1d(3), t.nn.Linear(3, 1))
    swa = t.optim.swa_utils
    made = {k: getattr(swa, v)() if isinstance(v, str) else v for k, v in options.items()}
    average = swa.AveragedModel(net, **made)
    opt = t.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = swa.SWALR(opt, swa_lr=0.05, anneal_epochs=3)
    for x in X:
        opt.zero_grad()
        net(t.tensor(x)).square().mean().backward()
        opt.step()
        schedule.step()
        average.update_parameters(net)
    return net, average


def arrays(module):
    return {k: np.array(v.detach().numpy()) for k, v in module.state_dict().items()}


@pytest.mark.parametrize("options", AVERAGES.values(), ids=AVERAGES)
def test_averages_are_those_of_torch(options):
    torch = pytest.importorskip("torch")
    ours, theirs = (arrays(averaged(t, options)[1]) for t in (wg, torch))
    assert list(ours) == list(theirs) and ours["n_averaged"] == len(X)
    for name, value in theirs.items():
        assert ours[name].dtype == value.dtype
        np.testing.assert_allclose(ours[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_mean_is_one():
    net = wg.nn.Linear(2, 1)
    average = wg.optim.swa_utils.AveragedModel(net)
    seen = []
    for i in range(5):
        with wg.no_grad():
            net.weight.fill_(i * i)
        average.update_parameters(net)
        seen.append(i * i)
        np.testing.assert_allclose(average.module.weight.tolist()[0], np.mean(seen), rtol=1e-6)
    assert net.weight.tolist()[0][0] == 16 and average.module is not net


def test_update_bn():
    batches = [wg.tensor(x) for x in X]
    _, average = averaged(wg, {})
    norm = average.module[1]
    for loader in (batches, [(x, 0) for x in batches]):
        average.eval()
        norm.running_mean.fill_(9.0)
        wg.optim.swa_utils.update_bn(loader, average)
        assert not average.training and norm.momentum == 0.1
        hidden = wg.stack([average.module[0](x) for x in batches])
        np.testing.assert_allclose(
            norm.running_mean.tolist(), hidden.mean((0, 1)).tolist(), rtol=1e-4, atol=1e-6
        )
    wg.optim.swa_utils.update_bn(None, wg.nn.Linear(1, 1))  # without a norm no data are read


def test_the_average_resumes():
    _, average = averaged(wg, {})
    other = wg.optim.swa_utils.AveragedModel(copy.deepcopy(average.module))
    other.load_state_dict(average.state_dict())
    net = copy.deepcopy(average.module)
    for module in (average, other):
        module.update_parameters(net)
    for a, b in zip(average.parameters(), other.parameters(), strict=True):
        assert (a == b).all()
    assert int(other.n_averaged) == len(X) + 1


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 5])
def test_rates_of_swalr(strategy, epochs):
    torch = pytest.importorskip("torch")
    rows = []
    for t in (wg, torch):
        ps = [t.nn.Parameter(t.ones(1)) for _ in range(2)]
        opt = t.optim.SGD([{"params": ps[:1]}, {"params": ps[1:], "lr": 0.3}], lr=0.1)
        schedule = t.optim.swa_utils.SWALR(opt, [0.05, 0.6], epochs, strategy)
        row = []
        for _ in range(8):
            row.append([group["lr"] for group in opt.param_groups])
            opt.step()
            schedule.step()
        rows.append(row)
        state = schedule.state_dict()
        assert state["_anneal_strategy"] == strategy and "anneal_func" not in state
    np.testing.assert_allclose(*rows, rtol=1e-12)
