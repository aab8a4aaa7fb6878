"""Losses' old arguments, initialisers and nn.utils."""

import warnings

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.nn import functional as F


def array(x):
    return np.asarray(x.detach().numpy())


X = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)

W = np.linspace(0.5, 1.5, 6).astype(np.float32)


def test_legacy_reduction():
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert nn.CrossEntropyLoss(reduce=False).reduction == "none"


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
