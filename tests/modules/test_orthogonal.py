"""`parametrizations.orthogonal`: orthogonal to rounding, and torch's numbers where it is there."""

import itertools

import pytest

import wengert as wg
from tests.conftest import torch

SHAPES = [(4, 4), (5, 3), (3, 5), (2, 4, 3)]
MAPS = [None, "matrix_exp", "cayley", "householder"]


class Holder:
    """A module with one weight of a shape."""

    def __new__(cls, t, shape):
        module = t.nn.Module()
        t.manual_seed(3)
        module.weight = t.nn.Parameter(t.randn(*shape, dtype=t.float64))
        return module


def made(t, shape, how, moves):
    module = Holder(t, shape)
    t.nn.utils.parametrizations.orthogonal(module, "weight", how, use_trivialization=moves)
    return module


def eye_like(q):
    return wg.eye(q.shape[-1], dtype=q.dtype).expand(*q.shape[:-2], -1, -1)


@pytest.mark.parametrize("shape, how, moves", itertools.product(SHAPES, MAPS, [True, False]))
def test_orthogonal(shape, how, moves):
    rotates = how in ("matrix_exp", "cayley") or (how is None and shape[-1] == shape[-2])
    if not moves and rotates:
        module = made(wg, shape, how, moves)  # starts elsewhere than the weight that was there
        with pytest.raises(NotImplementedError, match="not possible to assign"):
            module.weight = wg.zeros(shape, dtype=wg.float64)
    else:
        module = made(wg, shape, how, moves)
    q = module.weight if shape[-2] >= shape[-1] else module.weight.mT
    assert wg.allclose(q.mT @ q, eye_like(q), atol=1e-12)
    (module.weight**3).sum().backward()
    assert module.parametrizations.weight.original.grad.isfinite().all()
    if torch is None:
        return
    theirs = made(torch, shape, how, moves)
    expected = wg.from_numpy(theirs.weight.detach().numpy())
    assert wg.allclose(module.weight, expected, rtol=1e-9, atol=1e-10)
    (theirs.weight**3).sum().backward()
    grad = theirs.parametrizations.weight.original.grad.numpy()
    found = module.parametrizations.weight.original.grad
    assert wg.allclose(found, wg.from_numpy(grad), rtol=1e-8, atol=1e-9)
    assert set(module.state_dict()) == set(theirs.state_dict())


def test_assigning_and_training():
    module = made(wg, (4, 4), None, True)
    q = wg.linalg.qr(wg.arange(16.0, dtype=wg.float64).reshape(4, 4) ** 0.5)[0]
    module.weight = q
    assert wg.allclose(module.weight, q)
    optimizer = wg.optim.SGD(module.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        module.weight.sum().backward()
        optimizer.step()
    w = module.weight
    assert not wg.allclose(w, q) and wg.allclose(w.mT @ w, eye_like(w), atol=1e-12)


def test_refusals():
    with pytest.raises(ValueError, match="no parameter or buffer"):
        wg.nn.utils.parametrizations.orthogonal(wg.nn.Linear(2, 2), "w")
    with pytest.raises(ValueError, match="Expected a matrix"):
        wg.nn.utils.parametrizations.orthogonal(wg.nn.Linear(2, 2), "bias")
    with pytest.raises(ValueError, match="has to be one of"):
        wg.nn.utils.parametrizations.orthogonal(wg.nn.Linear(2, 2), orthogonal_map="qr")
    module = made(wg, (3, 2), None, True)
    with pytest.raises(ValueError, match="shape"):
        module.weight = wg.zeros(2, 2, dtype=wg.float64)


def test_stateless():
    layer = wg.nn.Linear(2, 3)
    state = {name: wg.zeros_like(p) for name, p in layer.named_parameters()}
    from wengert.nn.utils.stateless import functional_call

    with pytest.warns(FutureWarning, match="functional_call"):
        assert functional_call(layer, state, wg.ones(1, 2)).tolist() == [[0, 0, 0]]
