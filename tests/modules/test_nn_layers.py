"""Layers and losses against torch, initialisers and nn.utils."""

import warnings

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

# ---- layers and losses against torch


def array(x):
    return np.asarray(x.detach().numpy())


X = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)

LAYERS = [
    lambda n: n.ReLU(),
    lambda n: n.ReLU6(),
    lambda n: n.LeakyReLU(0.1),
    lambda n: n.ELU(0.7),
    lambda n: n.CELU(0.7),
    lambda n: n.SELU(),
    lambda n: n.GELU(),
    lambda n: n.GELU("tanh"),
    lambda n: n.SiLU(),
    lambda n: n.Mish(),
    lambda n: n.Sigmoid(),
    lambda n: n.Tanh(),
    lambda n: n.Softplus(2, 1),
    lambda n: n.Hardtanh(-0.5, 0.3),
    lambda n: n.Hardsigmoid(),
    lambda n: n.Hardswish(),
    lambda n: n.LogSigmoid(),
    lambda n: n.Softsign(),
    lambda n: n.Tanhshrink(),
    lambda n: n.Hardshrink(),
    lambda n: n.Softshrink(),
    lambda n: n.Threshold(0.1, 3),
    lambda n: n.Softmax(1),
    lambda n: n.Softmin(1),
    lambda n: n.LogSoftmax(0),
    lambda n: n.GLU(),
    lambda n: n.PReLU(6),
    lambda n: n.Flatten(0),
    lambda n: n.Unflatten(1, (2, -1)),
    lambda n: n.Identity(),
]


@pytest.mark.parametrize("make", LAYERS)
def test_layer_against_torch(make):
    torch = pytest.importorskip("torch")
    grads = []
    for t in (wg, torch):
        x = t.tensor(X, requires_grad=True)
        y = make(t.nn)(x)
        (y * y).sum().backward()
        grads.append((array(y), array(x.grad)))
    np.testing.assert_allclose(grads[0][0], grads[1][0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(grads[0][1], grads[1][1], rtol=1e-5, atol=1e-5)


def _probabilities(t):
    return t.tensor(1 / (1 + np.exp(-X)))


W = np.linspace(0.5, 1.5, 6).astype(np.float32)
LOSSES = [
    lambda t, x, r: t.nn.CrossEntropyLoss(reduction=r)(x, t.tensor([0, 5, 2, 1])),
    lambda t, x, r: t.nn.CrossEntropyLoss(t.tensor(W), ignore_index=2, reduction=r)(
        x, t.tensor([0, 5, 2, 1])
    ),
    lambda t, x, r: t.nn.CrossEntropyLoss(label_smoothing=0.1, reduction=r)(
        x, t.tensor([0, 5, 2, 1])
    ),
    lambda t, x, r: t.nn.CrossEntropyLoss(reduction=r)(x, t.softmax(t.tensor(X[::-1].copy()), 1)),
    lambda t, x, r: t.nn.NLLLoss(t.tensor(W), reduction=r)(x, t.tensor([0, 5, 2, 1])),
    lambda t, x, r: t.nn.MSELoss(reduction=r)(x, t.tensor(X + 1)),
    lambda t, x, r: t.nn.L1Loss(reduction=r)(x, t.tensor(X * 2)),
    lambda t, x, r: t.nn.SmoothL1Loss(reduction=r, beta=0.5)(x, t.tensor(X * 2)),
    lambda t, x, r: t.nn.HuberLoss(r, 0.5)(x, t.tensor(X * 2)),
    lambda t, x, r: t.nn.BCELoss(reduction=r)(t.sigmoid(x), _probabilities(t)),
    lambda t, x, r: t.nn.BCEWithLogitsLoss(
        t.tensor(W), reduction=r, pos_weight=t.tensor(W[::-1].copy())
    )(x, _probabilities(t)),
    lambda t, x, r: t.nn.KLDivLoss(reduction=r)(x, _probabilities(t)),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("loss", LOSSES)
def test_loss_against_torch(loss, reduction):
    torch = pytest.importorskip("torch")
    results = []
    for t in (wg, torch):
        x = t.tensor(X, requires_grad=True)
        y = loss(t, x, reduction)
        y.sum().backward()
        results.append((array(y), array(x.grad)))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-5, atol=1e-6)


def test_legacy_reduction():
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert nn.CrossEntropyLoss(reduce=False).reduction == "none"


def test_linear_and_bilinear_against_torch():
    torch = pytest.importorskip("torch")
    values = []
    for t in (wg, torch):
        t.manual_seed(3)
        x = t.tensor(X)
        values.append((array(t.nn.Linear(6, 5)(x)), array(t.nn.Bilinear(6, 6, 2)(x, x))))
    for ours, theirs in zip(*values, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_dropout_modes():
    layer = nn.Dropout(0.5)
    x = wg.ones(1000)
    kept = float((layer(x) != 0).sum())
    assert 400 < kept < 600 and (layer.eval()(x) == 1).all()


@pytest.mark.parametrize("name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"])
def test_dropout_draws_what_torch_draws(name):
    torch = pytest.importorskip("torch")
    shape = {"Dropout1d": (4, 5, 3), "Dropout3d": (2, 5, 2, 2, 2)}.get(name, (4, 5, 3, 2))
    values = []
    for t in (wg, torch):
        t.manual_seed(5)
        values.append(array(getattr(t.nn, name)(0.3)(t.ones(shape))))
    if name in ("Dropout", "AlphaDropout"):  # torch's own draws differ between CPU makers
        assert values[0].shape == values[1].shape
    else:
        np.testing.assert_allclose(*values, rtol=1e-6)


INITS = [
    lambda i, t: i.uniform_(t.empty(5, 4), -1, 2),
    lambda i, t: i.normal_(t.empty(5, 4), 1, 2),
    lambda i, t: i.trunc_normal_(t.empty(50, 4)),
    lambda i, t: i.trunc_normal_(t.empty(50, 4), 0.0, 1.0, 1.5, 3.0),
    lambda i, t: i.constant_(t.empty(3), 2.5),
    lambda i, t: i.ones_(t.empty(3)),
    lambda i, t: i.zeros_(t.empty(3)),
    lambda i, t: i.eye_(t.empty(3, 4)),
    lambda i, t: i.dirac_(t.empty(4, 2, 3), 2),
    lambda i, t: i.dirac_(t.empty(4, 2, 3, 3)),
    lambda i, t: i.xavier_uniform_(t.empty(5, 4, 3), 2.0),
    lambda i, t: i.xavier_normal_(t.empty(5, 4)),
    lambda i, t: i.kaiming_uniform_(t.empty(5, 4), a=1),
    lambda i, t: i.kaiming_normal_(t.empty(5, 4), mode="fan_out", nonlinearity="relu"),
    lambda i, t: i.orthogonal_(t.empty(5, 4), 2.0),
    lambda i, t: i.orthogonal_(t.empty(4, 5)),
    lambda i, t: i.sparse_(t.empty(6, 5), 0.4),
    lambda i, t: i.xavier_normal(t.empty(5, 4)),
]


@pytest.mark.parametrize("case", INITS)
def test_init_draws_what_torch_draws(case):
    torch = pytest.importorskip("torch")
    values = []
    for t in (wg, torch):
        t.manual_seed(11)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values.append(array(case(t.nn.init, t)))
    np.testing.assert_allclose(*values, rtol=2e-5, atol=2e-6)


def test_gains():
    assert nn.init.calculate_gain("tanh") == 5 / 3
    assert nn.init.calculate_gain("leaky_relu", 1) == 1.0
    assert nn.init.calculate_gain("conv2d") == 1


# ---- nn.utils


@pytest.mark.parametrize("norm_type", [2, 1, float("inf"), 3])
@pytest.mark.parametrize("max_norm", [0.5, 100.0])
def test_clip_grad_norm(max_norm, norm_type):
    torch = pytest.importorskip("torch")
    results = []
    for t in (wg, torch):
        ps = [t.nn.Parameter(t.tensor(X)), t.nn.Parameter(t.tensor(W)), t.nn.Parameter(t.ones(1))]
        for p in ps[:2]:
            p.grad = p.detach() * 2
        total = t.nn.utils.get_total_norm([p.grad for p in ps[:2]], norm_type)
        norm = t.nn.utils.clip_grad_norm_(iter(ps), max_norm, norm_type)
        results.append([array(total), array(norm), *(array(p.grad) for p in ps[:2])])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_clip_grad_rest():
    p = nn.Parameter(wg.ones(3))
    p.grad = wg.full((3,), 5.0)
    nn.utils.clip_grad_value_([p], 2)
    assert float(p.grad.max()) == 2
    p.grad = wg.full((3,), float("inf"))
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert float(nn.utils.clip_grad_norm_([nn.Parameter(wg.ones(1))], 1.0)) == 0


def test_parameter_vectors():
    net = nn.Linear(3, 2)
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (8,)
    nn.utils.vector_to_parameters(wg.arange(8).float(), net.parameters())
    assert net.bias.tolist() == [6.0, 7.0]


def test_functional_says_what_is_missing():
    with pytest.raises(AttributeError, match=r"nn.functional.nothing"):
        _ = F.nothing


def test_import_paths():
    from wengert.nn.modules.container import Sequential
    from wengert.nn.modules.linear import Linear
    from wengert.nn.parameter import Parameter

    assert (Linear, Sequential, Parameter) == (nn.Linear, nn.Sequential, nn.Parameter)
