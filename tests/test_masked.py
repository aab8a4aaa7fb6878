"""`masked` and `fft` by formulas; tests/rows/test_op_database.py compares them with torch."""

import math

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

X = wg.tensor([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])
MASK = wg.tensor([[True, False, True], [False, False, False]])


def test_reductions():
    m = wg.masked
    assert m.sum(X, 1, mask=MASK).tolist() == [4, 0] and m.prod(X, 1, mask=MASK).tolist() == [3, 1]
    assert m.amax(X, mask=MASK).item() == 3 and m.amin(X, 1, mask=MASK).tolist() == [1, math.inf]
    assert m.mean(X, mask=MASK).item() == 2 and m.mean(X, 1, mask=MASK)[1].isnan()
    assert m.argmax(X, 1, mask=MASK)[0].item() == 2 and m.median(X, mask=MASK)[0].item() == 1
    assert m.var(X, 1, mask=MASK)[0].item() == 2 and m.norm(X, 1, mask=MASK).item() == 4
    assert m.sum(X, mask=MASK[:, :1]).item() == 2 and m.sum(X).item() == 5
    assert m.cumsum(X, 1, mask=MASK).tolist() == [[1, 1, 4], [0, 0, 0]]
    ints = wg.tensor([3, 1])
    assert m.amin(ints, mask=ints > 5).item() == 2**63 - 1
    assert m.sum(ints).dtype == m.prod(ints, mask=ints > 1).dtype == wg.int64


def test_gradients_stay_within_the_mask():
    x = X.clone().requires_grad_()
    wg.masked.softmax(x, 1, mask=MASK)[0, 0].backward()
    assert x.grad[0, 1] == 0 and x.grad[0, 0] > 0.1 and x.grad[1].isnan().sum() == 0
    assert wg.masked.normalize(X, 2.0, 1, mask=MASK)[1].tolist() == [0, 0, 0]


def test_refusals():
    m = wg.masked
    with pytest.raises(IndexError, match="broadcastable"):
        m.sum(X[0], mask=MASK)
    with pytest.raises(RuntimeError, match="multiple times"):
        m.sum(X, (0, 0))
    with pytest.raises(IndexError, match="out of range"):
        m.softmax(X, 2)
    with pytest.raises(ValueError, match="fully masked"):
        m.median(X.long(), mask=MASK)
    with pytest.raises(RuntimeError, match="one too many"):
        m.var(X, unbiased=True, correction=1)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_frequencies(n):
    for name in ("fftfreq", "rfftfreq"):
        ours = getattr(wg.fft, name)(n, 0.5, dtype=wg.float64)
        assert np.allclose(ours.numpy(), getattr(np.fft, name)(n, 0.5))
        assert getattr(wg.fft, name)(n).dtype == wg.float32
        out = wg.empty(0)
        assert getattr(wg.fft, name)(n, out=out) is out
        if torch is not None:
            theirs = getattr(torch.fft, name)(n, 0.5, requires_grad=True)
            assert ours.tolist() == pytest.approx(theirs.tolist())
    x = wg.arange(n)
    assert wg.equal(wg.fft.ifftshift(wg.fft.fftshift(x)), x)
    assert wg.fft.fftshift(x).tolist() == np.fft.fftshift(np.arange(n)).tolist()


def test_transforms_are_refused_with_what_there_is():
    with pytest.raises(AttributeError, match="numpy.fft"):
        _ = wg.fft.rfft
    with pytest.raises(RuntimeError, match="positive"):
        wg.fft.fftfreq(0)


def test_functional_is_the_package():
    from wengert import functional

    assert all(getattr(functional, name) is getattr(wg, name) for name in functional.__all__)
