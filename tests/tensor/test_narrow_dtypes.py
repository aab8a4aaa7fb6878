"""float16, bfloat16, int8 and int16 tensors: made, cast, printed, saved, trained."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

FLOATS, INTEGERS = (wg.float16, wg.bfloat16), (wg.int8, wg.int16)
NARROW = FLOATS + INTEGERS
ALL = (wg.bool, wg.uint8, wg.int32, wg.int64, wg.float32, wg.float64, *NARROW)
every_narrow = pytest.mark.parametrize("dtype", NARROW)


def name(dtype):
    return str(dtype).split(".")[1]


def test_every_float16_is_read_exactly():
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    ours, wide = wg.from_numpy(every.copy()), every.astype(np.float32)
    np.testing.assert_array_equal(ours.float().numpy(), wide)
    back = ours.float().half().numpy()
    np.testing.assert_array_equal(back, every)


def floats():
    """Random bits, halfway cases and their neighbours, the ends of float16's range."""
    some = np.random.RandomState(0).randint(0, 2**32, 200_000, dtype=np.uint32)
    halfway = (np.arange(65536, dtype=np.uint32) << 16) | 0x8000
    steps = np.arange(65536, dtype=np.uint32) << 13
    bits = np.concatenate([some, halfway, halfway - 1, halfway + 1, steps + 0x38000FFF, steps])
    ends = np.array([65504, 65519.996, 65520, 2**-24, 2**-25, 2**-25 * 1.001, 2**-14], np.float32)
    return np.concatenate([bits.view(np.float32), ends, -ends])


def test_rounding_to_nearest_even():
    x = floats()
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(wg.from_numpy(x).half().numpy(), x.astype(np.float16))
    bits = x.view(np.uint32).astype(np.uint64)
    nearest = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint32) << 16
    expected = np.where(np.isnan(x), x, nearest.view(np.float32))
    np.testing.assert_array_equal(wg.from_numpy(x).bfloat16().float().numpy(), expected)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize(("source", "target"), itertools.product(ALL, NARROW))
@pytest.mark.parametrize("strided", [False, True])
def test_casts_are_those_of_torch(source, target, strided):
    values = torch.tensor([[0, 1, 3, 100], [127, 5, 2, 77]]).to(getattr(torch, name(source)))
    ours = wg.tensor(values.tolist(), dtype=source)
    if strided:
        values, ours = values.t(), ours.t()
    for a, b in ((ours.to(target), values.to(getattr(torch, name(target)))),
                 (ours.to(target).to(source), values.to(getattr(torch, name(target))).to(
                     getattr(torch, name(source))))):  # fmt: skip
        assert a.tolist() == b.tolist() and a.stride() == b.stride()


@pytest.mark.parametrize(("a", "b"), itertools.product(ALL, ALL))
def test_promotion(a, b):
    found = wg.promote_types(a, b)
    assert found is (wg.ones(2, dtype=a) + wg.ones(2, dtype=b)).dtype or a is b is wg.bool
    assert found is wg.promote_types(b, a)
    if torch is not None:
        assert name(found) == name(
            torch.promote_types(getattr(torch, name(a)), getattr(torch, name(b)))
        )


@every_narrow
def test_made_and_shown(dtype):
    x = wg.tensor([[1, 2], [3, 100]], dtype=dtype)
    assert x.tolist() == [[1, 2], [3, 100]] and x.dtype is dtype and x[1, 1].item() == 100
    assert name(dtype) in repr(x) and x.element_size() == dtype.itemsize
    for made in (wg.zeros(3, dtype=dtype), wg.ones(3, dtype=dtype), wg.full((3,), 7, dtype=dtype),
                 wg.arange(3, dtype=dtype), wg.eye(3, dtype=dtype), wg.empty(3, dtype=dtype),
                 wg.zeros_like(x), x.new_ones(2), wg.linspace(0, 4, 3, dtype=dtype)):  # fmt: skip
        assert made.dtype is dtype
    assert wg.arange(4, dtype=dtype).tolist() == [0, 1, 2, 3]


@every_narrow
def test_views_and_places(dtype):
    x = wg.arange(12, dtype=dtype).reshape(3, 4)
    assert x.t()[1].tolist() == [1, 5, 9]
    x[0] = 7
    x[1, ::2] = wg.tensor([8, 9])
    x[x == 11] = 0
    assert x.tolist() == [[7, 7, 7, 7], [8, 5, 9, 7], [8, 9, 10, 0]]
    assert x[[2, 0], [1, 1]].tolist() == [9, 7]
    x.add_(1).mul_(2)
    assert x[0].tolist() == [16] * 4 and x.dtype is dtype
    assert wg.cat([x, x]).dtype is dtype and x.sum(0).tolist() == [52, 48, 58, 34]


def test_integers_wrap():
    x = wg.tensor([127, -128, 100], dtype=wg.int8)
    assert (x + 1).tolist() == [-128, -127, 101] and (-x).tolist() == [-127, -128, -100]
    assert (x * x).tolist() == [1, 0, 16] and (x // 7).tolist() == [18, -19, 14]
    assert wg.tensor([40000, -5]).short().tolist() == [-25536, -5]
    assert (x / 2).dtype is wg.float32 and x.sum().dtype is wg.int64
    with pytest.raises(RuntimeError, match="int8"):
        wg.full((2,), 300, dtype=wg.int8)
    with pytest.raises(RuntimeError, match="float16"):
        wg.full((2,), 1e6, dtype=wg.float16)


@every_narrow
def test_in_and_out_of_numpy(dtype):
    x = wg.tensor([1, 2, 3], dtype=dtype)
    if dtype is wg.bfloat16:
        with pytest.raises(TypeError, match="BFloat16"):
            x.numpy()
        with pytest.raises(BufferError, match="bfloat16"):
            memoryview(x)
        return
    array = x.numpy()
    assert array.dtype.name == name(dtype)
    shared = wg.from_numpy(array)
    shared[0] = 9
    assert x[0].item() == 9 and np.asarray(memoryview(x)).tolist() == [9, 2, 3]
    assert (x + array).dtype is dtype


@every_narrow
def test_copies_pickles_and_other_processes(dtype):
    x = wg.tensor([1, 2, 3], dtype=dtype)
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.clone(), copy.copy(x)):
        assert y.dtype is dtype and wg.equal(x, y)
    loader = wg.utils.data.DataLoader(wg.utils.data.TensorDataset(x), batch_size=3, num_workers=1)
    (batch,) = next(iter(loader))
    assert batch.dtype is dtype and wg.equal(batch, x)
    held = wg.tensor([1, 2, 3], dtype=dtype).share_memory_()
    assert held.dtype is dtype and wg.equal(held, x)


@pytest.mark.parametrize("dtype", FLOATS)
def test_modules_and_optimizers(dtype):
    wg.manual_seed(0)
    net = wg.nn.Sequential(
        wg.nn.Linear(6, 8), wg.nn.BatchNorm1d(8), wg.nn.ReLU(), wg.nn.Linear(8, 2)
    )
    net = net.half() if dtype is wg.float16 else net.bfloat16()
    assert net[1].running_mean.dtype is dtype and net[1].num_batches_tracked.dtype is wg.int64
    x, t = wg.randn(64, 6).to(dtype), wg.randint(2, (64,))
    t[:] = (x[:, 0] > 0).long()
    for optimizer in (wg.optim.SGD(net.parameters(), 0.1, momentum=0.9),
                      wg.optim.AdamW(net.parameters(), 0.01)):  # fmt: skip
        for _ in range(20):
            optimizer.zero_grad()
            loss = wg.nn.functional.cross_entropy(net(x), t)
            loss.backward()
            wg.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
    assert loss.dtype is dtype and loss.item() < 0.35
    assert all(p.dtype is dtype and p.grad.dtype is dtype for p in net.parameters())
    assert all(s["exp_avg"].dtype is dtype for s in optimizer.state.values())


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_of_leaves_and_twice(dtype):
    x = wg.tensor([1.0, 2.0, -0.5], dtype=dtype, requires_grad=True)
    (g,) = wg.autograd.grad((x**3).sum(), x, create_graph=True)
    assert g.dtype is dtype and g.tolist() == [3.0, 12.0, 0.75]
    (h,) = wg.autograd.grad(g.sum(), x)
    assert h.tolist() == [6.0, 12.0, -3.0]
    y = x.float().sum() + x.sum()
    y.backward()
    assert x.grad.dtype is dtype and x.grad.tolist() == [2.0] * 3


@pytest.mark.parametrize("dtype", FLOATS)
def test_captured_is_eager(dtype):
    def step(x, w):
        y = wg.nn.functional.layer_norm(x @ w, (4,))
        return (y * y.sigmoid()).sum(0), y[1]

    wg.manual_seed(0)
    x, w = wg.randn(3, 4).to(dtype), wg.randn(4, 4).to(dtype)
    run = wg.capture(step)
    for _ in range(3):
        for a, b in zip(run(x, w), step(x, w), strict=True):
            assert a.dtype is dtype and wg.equal(a, b)
        x = x + 0.5


def test_mixtures_that_torch_refuses():
    x, w = wg.ones(2, 3).bfloat16(), wg.ones(3, 2)
    for call in (
        lambda: x @ w,
        lambda: wg.nn.functional.linear(x, w.t()),
        lambda: x.half() @ x.t(),
    ):
        with pytest.raises(RuntimeError, match="dtype"):
            call()
    y = wg.nn.functional.layer_norm(x, (3,), wg.ones(3), wg.zeros(3))  # weights of float32
    assert y.dtype is wg.bfloat16
    with pytest.raises(TypeError, match="float32 and float64"):
        wg.set_default_dtype(wg.float16)


@pytest.mark.parametrize("dtype", ALL)
def test_limits(dtype):
    if dtype is wg.bool:
        return
    found = wg.finfo(dtype) if dtype.is_floating_point else wg.iinfo(dtype)
    if torch is not None:
        kind = torch.finfo if dtype.is_floating_point else torch.iinfo
        theirs = kind(getattr(torch, name(dtype)))
        of_floats = ("eps", "tiny", "resolution") * dtype.is_floating_point
        for field in ("bits", "max", "min", *of_floats):
            assert getattr(found, field) == getattr(theirs, field)
    assert wg.tensor(found.max, dtype=dtype).item() == found.max


@every_narrow
def test_what_numpy_computes(dtype):
    x = wg.tensor([3, 1, 2, 3], dtype=dtype)
    assert wg.unique(x).tolist() == [1, 2, 3] and wg.unique(x).dtype is dtype
    assert wg.isin(x, x[:1]).tolist() == [True, False, False, True]
    assert wg.searchsorted(wg.sort(x)[0], x).tolist() == [2, 0, 1, 2]
    assert wg.allclose(x, x) and wg.equal(x, x.clone())


@every_narrow
def test_random_numbers_stay_in_range(dtype):
    last = {wg.int8: 127, wg.int16: 32767, wg.float16: 2048, wg.bfloat16: 256}[dtype]
    x = wg.empty(50, 40, dtype=dtype).t().random_()
    assert x.min().item() >= 0 and 0.9 * last < x.max().item() <= last
    if torch is not None:
        wg.manual_seed(5), torch.manual_seed(5)
        theirs = torch.empty(50, dtype=getattr(torch, name(dtype))).random_()
        assert wg.empty(50, dtype=dtype).random_().tolist() == theirs.tolist()


@pytest.mark.parametrize("dtype", INTEGERS)
def test_short_integers_are_no_indices(dtype):
    with pytest.raises(IndexError, match="long, int, byte or bool"):
        wg.arange(5)[wg.tensor([1, 2], dtype=dtype)]


@pytest.mark.parametrize("dtype", FLOATS)
def test_attention_with_a_mask_of_float32(dtype):
    q, mask = wg.randn(1, 2, 4, 8).to(dtype), wg.zeros(4, 4)
    attention = wg.nn.functional.scaled_dot_product_attention
    assert wg.equal(attention(q, q, q, attn_mask=mask), attention(q, q, q))
