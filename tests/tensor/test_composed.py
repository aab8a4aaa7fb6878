"""Functions of the package that are written in Python: derivatives by differences, runs, counts,
windows, and methods that give a tensor another shape or memory."""

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")
CURVE = [1.0, 4.0, 9.0, 25.0, 16.0]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("spacing", [1, 0.5, [0.0, 1.0, 3.0, 4.0, 7.0]])
def test_gradient_is_numpys(spacing, order):
    apart = [wg.tensor(spacing, dtype=wg.float64)] if isinstance(spacing, list) else spacing
    x = wg.tensor(CURVE, dtype=wg.float64)
    (found,) = wg.gradient(x, spacing=apart, edge_order=order)
    np.testing.assert_allclose(found, np.gradient(CURVE, spacing, edge_order=order))


def test_gradient_of_chosen_dimensions():
    x = np.arange(24.0).reshape(2, 3, 4) ** 2
    found = wg.gradient(wg.from_numpy(x), spacing=[2.0, 0.5], dim=(2, 0))
    wanted = np.gradient(x, 2.0, axis=2), np.gradient(x, 0.5, axis=0)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b)


def test_gradient_has_a_gradient():
    x = wg.tensor(CURVE, dtype=wg.float64, requires_grad=True)
    assert wg.autograd.gradcheck(lambda x: wg.gradient(x)[0], (x,))


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"edge_order": 3}, RuntimeError),
        ({"dim": 1}, IndexError),
        ({"dim": (0, 0)}, RuntimeError),
        ({"spacing": [1.0, 2.0]}, RuntimeError),
        ({"spacing": [wg.ones(3)]}, RuntimeError),
    ],
)
def test_gradient_refuses(arguments, kind):
    with pytest.raises(kind, match="gradient"):
        wg.gradient(wg.ones(5), **arguments)
    with pytest.raises(RuntimeError, match="at least edge_order"):
        wg.gradient(wg.ones(1))


def test_unique_consecutive():
    x = wg.tensor([1, 1, 2, 2, 3, 1, 1, 2])
    values, inverse, counts = wg.unique_consecutive(x, True, True)
    assert values.tolist() == [1, 2, 3, 1, 2]
    assert inverse.tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    assert counts.tolist() == [2, 2, 1, 2, 1]
    rows = wg.tensor([[1, 2], [1, 2], [3, 4]])
    assert rows.unique_consecutive(dim=0).tolist() == [[1, 2], [3, 4]]
    assert wg.unique_consecutive(wg.ones(0)).shape == (0,)
    assert wg.unique_consecutive(wg.ones(5, 1, 3), dim=1).shape == (5, 1, 3)
    with pytest.raises(IndexError, match="unique_consecutive"):
        wg.unique_consecutive(x, dim=1)


def test_histogram():
    x = wg.tensor([1.0, 2.0, 1.0, 4.0])
    counts, edges = wg.histogram(x, 4, range=(0.0, 4.0))
    assert counts.tolist() == [0, 2, 1, 1] and edges.tolist() == [0, 1, 2, 3, 4]
    weights = wg.tensor([1.0, 2.0, 4.0, 8.0])
    assert x.histogram(edges, weight=weights).hist.tolist() == [0, 5, 2, 8]
    density = wg.histogram(x, wg.tensor([0.0, 2.0, 6.0]), density=True).hist
    assert density.tolist() == [0.25, 0.125]
    points = wg.tensor([[0.0, 0.5], [0.6, 0.7], [0.9, 3.0]])
    counts, edges = wg.histogramdd(points, [2, 1], range=[0.0, 1.0, 0.0, 1.0])
    assert counts.tolist() == [[1], [1]] and [e.tolist() for e in edges] == [[0, 0.5, 1], [0, 1]]
    for wrong in (lambda: wg.histogram(x, 0), lambda: wg.histogram(x, 2, range=(2.0, 1.0))):
        with pytest.raises(RuntimeError, match="histogram"):
            wrong()


def test_windows():
    assert wg.hann_window(4).tolist() == pytest.approx([0, 0.5, 1, 0.5], abs=1e-7)
    assert wg.bartlett_window(5, periodic=False).tolist() == [0, 0.5, 1, 0.5, 0]
    assert wg.hamming_window(2).tolist() == pytest.approx([0.08, 1])
    assert wg.signal.windows.gaussian(3).tolist() == pytest.approx([0.60653, 1, 0.60653], abs=1e-5)
    assert wg.kaiser_window(1).tolist() == [1] and wg.blackman_window(0).shape == (0,)
    with pytest.raises(ValueError, match="non-negative"):
        wg.signal.windows.hann(-1)
    with pytest.raises(ValueError, match="float"):
        wg.signal.windows.hann(3, dtype=wg.int64)


@needs_torch
@pytest.mark.parametrize("sym", [True, False])
@pytest.mark.parametrize("name", wg.signal.windows.__all__)
def test_windows_are_torchs(name, sym):
    more = {"a": [0.3, 0.4, 0.2]} if name == "general_cosine" else {}
    for m in (0, 1, 2, 7, 16):
        ours = getattr(wg.signal.windows, name)(m, sym=sym, dtype=wg.float64, **more)
        theirs = getattr(torch.signal.windows, name)(m, sym=sym, dtype=torch.float64, **more)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-14)


def test_resize():
    x = wg.arange(6.0)
    y = x.view(6)
    assert x.resize_(2, 2).tolist() == [[0, 1], [2, 3]]
    assert x.data_ptr() == y.data_ptr()
    assert x.resize_((3, 3)).shape == (3, 3) and x.view(-1)[:4].tolist() == [0, 1, 2, 3]
    assert x.resize_as_(wg.ones(2)).shape == (2,)
    with pytest.raises(RuntimeError, match="require grad"):
        wg.ones(2, requires_grad=True).resize_(3)


def test_set():
    x, y = wg.ones(3), wg.zeros(2, 2)
    assert x.set_(y) is x and x.is_set_to(y) and x.shape == (2, 2)
    assert not x.is_set_to(y.t())
    with pytest.raises(RuntimeError, match="dtype"):
        x.set_(wg.arange(3))


def test_transposes():
    x = wg.arange(6.0).view(2, 3)
    assert x.H.tolist() == x.T.tolist() and x.mH.tolist() == x.adjoint().tolist() == x.T.tolist()
    for wrong in (lambda: wg.ones(3).H, lambda: wg.ones(2, 3, 4).H, lambda: wg.ones(3).adjoint()):
        with pytest.raises(RuntimeError, match="matrices"):
            wrong()
    assert x.real is x and wg.real(x) is x and x.conj() is x and not x.is_conj()


def test_range_and_buffers():
    with pytest.warns(UserWarning, match="deprecated"):
        assert wg.range(1, 2, 0.5).tolist() == [1, 1.5, 2]
    memory = bytearray(np.arange(4, dtype=np.int32).tobytes())
    x = wg.frombuffer(memory, dtype=wg.int32, offset=4)
    x[0] = 9
    assert x.tolist() == [9, 2, 3] and np.frombuffer(memory, np.int32)[1] == 9


def test_views_at_any_strides_change_their_base():
    x = wg.zeros(6, requires_grad=True)
    y = x * 1
    y.as_strided((2, 2), (3, 1)).mul_(0).add_(2)
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 1, 0, 0, 1]
    with pytest.raises(RuntimeError, match="out of bounds"):
        wg.ones(4).as_strided((3,), (2,))
    with pytest.raises(NotImplementedError, match="gaps"):
        wg.ones(4, requires_grad=True)[::2].as_strided((2,), (1,))
