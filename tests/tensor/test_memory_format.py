"""Images whose channels come last in memory: strides as PyTorch has them, values as ever."""

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

pytestmark = pytest.mark.quick
SHAPES = [(2, 3, 4, 5), (1, 3, 4, 5), (2, 1, 4, 5), (2, 3, 1, 1), (1, 1, 1, 1)]


def image(*shape):
    return wg.arange(int(np.prod(shape)), dtype=wg.float32).reshape(shape)


def last(*shape):
    """The strides of (n, c, ...) with the channels last."""
    order = [0, *range(2, len(shape)), 1]
    strides, step = [0] * len(shape), 1
    for d in reversed(order):
        strides[d], step = step, step * max(shape[d], 1)
    return tuple(strides)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 2, 4, 5)], ids=str)
def test_channels_last(shape):
    x = image(*shape)
    format = wg.channels_last if len(shape) == 4 else wg.channels_last_3d
    for y in (
        x.contiguous(memory_format=format),
        x.to(memory_format=format),
        x.clone(memory_format=format),
        x.float(memory_format=format),
        x.cpu(memory_format=format),
    ):
        assert y.stride() == last(*shape) and (y.numpy() == x.numpy()).all()
        assert y.is_contiguous(memory_format=format) and not y.is_contiguous()
        assert y.contiguous(memory_format=format) is y and y.to(memory_format=format) is y
        assert y.contiguous().stride() == x.stride()
        assert (y * 2 + 1).stride() == y.stride()
    assert x.is_contiguous(memory_format=wg.contiguous_format)
    assert not x.is_contiguous(memory_format=format)
    assert x.contiguous(memory_format=wg.contiguous_format) is x
    assert x.to(memory_format=wg.preserve_format) is x
    assert x.to(wg.float64, memory_format=format).stride() == last(*shape)
    for make in (wg.empty_like, wg.zeros_like, wg.ones_like, wg.rand_like, wg.randn_like):
        y = make(x, memory_format=format, requires_grad=True)
        assert y.stride() == last(*shape) and y.requires_grad and y.is_leaf
    assert wg.full_like(x, 3, memory_format=format).stride() == last(*shape)
    assert wg.empty(*shape, memory_format=format).stride() == last(*shape)


def test_gradients_pass():
    x = image(2, 3, 4, 5).requires_grad_()
    (x.to(memory_format=wg.channels_last) * 3).sum().backward()
    assert (x.grad.numpy() == 3).all()


def test_modules():
    net = wg.nn.Sequential(wg.nn.Conv2d(3, 4, 3), wg.nn.Linear(2, 2))
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    assert net.to(memory_format=wg.channels_last) is net
    assert net[0].weight.stride() == last(4, 3, 3, 3)
    assert all((v.numpy() == before[k]).all() for k, v in net.state_dict().items())


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (0, 3, 1, 2)], ids=str)
def test_copies_keep_the_order_of_dimensions(order):
    memory = wg.rand(2, 3, 4, 5)
    x = memory.permute(order)
    likes = (wg.empty_like, wg.zeros_like, wg.ones_like, wg.rand_like, wg.randn_like)
    copies = [x.clone(), x.double(), x.to(wg.int64), x.to(copy=True), wg.full_like(x, 2)]
    for y in [*copies, *(f(x) for f in likes), wg.randint_like(x, 9)]:
        assert y.stride() == x.stride() and y.shape == x.shape
    assert copies[0].equal(x) and copies[1].equal(x.double().contiguous())
    gaps = x[:, :, ::2]
    inner_first = sorted(range(4), key=lambda d: x.stride(d))
    for y in (gaps.clone(), gaps.double(), wg.zeros_like(gaps)):
        assert sorted(range(4), key=lambda d: y.stride(d)) == inner_first
        assert y.permute(inner_first[::-1]).is_contiguous()
    assert x.clone(memory_format=wg.contiguous_format).is_contiguous()
    assert wg.ones_like(x, memory_format=wg.contiguous_format).is_contiguous()


def test_to_copies_what_it_is_asked_to():
    x = wg.zeros(2, 3, 4, 5)
    last = x.to(memory_format=wg.channels_last)
    for y in (x.to(x.dtype), x.to(memory_format=wg.contiguous_format), x.to("cpu", x.dtype, True)):
        assert y is x
    gaps = x[:, ::2]  # no image whose channels come last: contiguous, as PyTorch has it
    assert gaps.to(memory_format=wg.contiguous_format) is gaps
    assert last.to(memory_format=wg.channels_last) is last
    for y in (x.to(copy=True), x.to(x.dtype, False, True), x.to("cpu", x.dtype, copy=True)):
        assert y.data_ptr() != x.data_ptr()
    assert last.to(memory_format=wg.contiguous_format).is_contiguous()
    assert x.mT.to(wg.float64, memory_format=wg.contiguous_format).is_contiguous()


def test_numbers_are_drawn_in_the_order_of_memory():
    x = wg.zeros(2, 4, 5, 3).permute(0, 3, 1, 2)
    for draw in (wg.rand_like, lambda t, **k: wg.randint_like(t, 100, **k)):
        wg.manual_seed(3)
        expected = draw(wg.zeros(2, 4, 5, 3)).permute(0, 3, 1, 2)
        wg.manual_seed(3)
        assert draw(x).equal(expected)
        wg.manual_seed(3)
        assert draw(x.contiguous(), memory_format=wg.channels_last).equal(expected)


def test_errors():
    with pytest.raises(RuntimeError, match="required rank 4 tensor"):
        wg.zeros(2, 3).contiguous(memory_format=wg.channels_last)
    with pytest.raises(RuntimeError, match="preserve memory format"):
        wg.zeros(2, 3).T.contiguous(memory_format=wg.preserve_format)
    with pytest.raises(TypeError, match="memory_format"):
        wg.zeros(2, 3).contiguous(memory_format="channels_last")
    with pytest.raises(TypeError, match="memory_format"):
        wg.zeros(2, 3).is_contiguous(memory_format=3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'memory_format'"):
        wg.relu(wg.zeros(2, 3), memory_format=wg.preserve_format)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_strides_are_torchs(shape):
    ours, theirs = wg.zeros(shape), torch.zeros(shape)
    for use in (
        lambda t, x: x.contiguous(memory_format=t.channels_last),
        lambda t, x: x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2),
    ):
        a, b = use(wg, ours), use(torch, theirs)
        assert a.stride() == b.stride()
        for format in ("channels_last", "contiguous_format"):
            got = a.is_contiguous(memory_format=getattr(wg, format))
            assert got == b.is_contiguous(memory_format=getattr(torch, format))


WAYS = [("nearest", 4), ("nearest-exact", 4), ("bilinear", 4), ("bicubic", 4), ("area", 4)]
WAYS += [("nearest", 5), ("trilinear", 5), ("bilinear antialias", 4), ("bicubic antialias", 4)]


@pytest.mark.parametrize(("mode", "ndim"), WAYS, ids=str)
def test_resampling_keeps_the_channels_last(mode, ndim):
    """Bit for bit what contiguous images give, in strides and gradients too; without a copy."""
    shape, size = ((2, 19, 4, 5), (7, 3)) if ndim == 4 else ((2, 3, 3, 4, 5), (2, 7, 8))
    word, *more = mode.split()
    format = "channels_last" if ndim == 4 else "channels_last_3d"

    def use(lib, x):
        return lib.nn.functional.interpolate(x, size, mode=word, antialias=bool(more))

    x = wg.sin(image(*shape))
    last = x.clone(memory_format=getattr(wg, format))
    y, y_last = use(wg, x.requires_grad_()), use(wg, last.requires_grad_())
    assert y_last.is_contiguous(memory_format=getattr(wg, format)) and not y_last.is_contiguous()
    assert (y.detach().numpy() == y_last.detach().numpy()).all()
    g = wg.cos(y.detach())
    y.backward(g)
    y_last.backward(g.contiguous(memory_format=getattr(wg, format)))
    assert (x.grad.numpy() == last.grad.numpy()).all()
    if torch is not None:
        theirs = torch.zeros(shape).to(memory_format=getattr(torch, format))
        assert use(torch, theirs).stride() == y_last.stride()


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_sampling_reads_channels_last(mode):
    x, grid = wg.sin(image(2, 5, 4, 6)), wg.sin(image(2, 3, 30, 2)) * 1.2
    results = []
    for format in (wg.contiguous_format, wg.channels_last):
        a = x.clone(memory_format=format).requires_grad_()
        b = grid.clone().requires_grad_()
        y = wg.nn.functional.grid_sample(a, b, mode=mode, align_corners=False)
        y.backward(wg.cos(y.detach()))
        assert y.is_contiguous()
        results.append([t.detach().numpy() for t in (y, a.grad, b.grad)])
    for one, other in zip(*results, strict=True):
        assert (one == other).all()
