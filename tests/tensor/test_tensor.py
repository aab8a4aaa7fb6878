"""Tensors as objects: NumPy both ways, lifetimes, views, versions, printing, items, promotion."""

import copy
import gc
import itertools
import pickle
import weakref

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch

DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


def values(dtype, *shape):
    x = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, shape)
    return x.astype(dtype)


# ---- NumPy, in


@every_dtype
def test_from_numpy_shares_memory(dtype):
    array = values(dtype, 3, 4)
    t = wg.from_numpy(array)
    assert t.shape == (3, 4) and t.dtype == getattr(wg, dtype)
    assert t.data_ptr() == array.ctypes.data
    array[1, 2] = 1
    assert t[1, 2].item() == 1
    t[0, 0] = 0
    assert array[0, 0] == 0
    np.testing.assert_array_equal(t.numpy(), array)


def test_from_numpy_keeps_strides():
    base = np.arange(24.0).reshape(4, 6)
    for array in (base.T, base[::2, 1::2], base[:, :0], base[1], base[3:]):
        t = wg.from_numpy(array)
        assert t.shape == array.shape
        np.testing.assert_array_equal(t.numpy(), array)
        if array.size:
            assert np.shares_memory(t.numpy(), base)


def test_tensor_copies():
    array = np.ones(3)
    t = wg.tensor(array)
    array[0] = 5
    assert t.tolist() == [1.0, 1.0, 1.0]
    s = wg.tensor(t)
    t[0] = 7
    assert s.tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_array_equal(wg.tensor(array[::-1]).numpy(), array[::-1])
    np.testing.assert_array_equal(wg.tensor(array.astype(">f8")).numpy(), array)
    assert wg.tensor(np.float32(2)).dtype == wg.float32
    assert wg.tensor(np.array(3)).shape == ()


def test_read_only_arrays_can_be_read():
    array = np.arange(3.0)
    array.flags.writeable = False
    t = wg.from_numpy(array)
    assert (t + 1).tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(RuntimeError, match="read-only"):
        t.zero_()
    assert array[1] == 1


def test_array_outlives_its_name_as_long_as_the_tensor():
    array = np.arange(5.0)
    gone = weakref.ref(array)
    t = wg.from_numpy(array)
    view = t[2:]
    del array, t
    gc.collect()
    assert gone() is not None
    assert view.tolist() == [2.0, 3.0, 4.0]
    del view
    gc.collect()
    assert gone() is None


# ---- NumPy, out


@every_dtype
def test_numpy_shares_memory(dtype):
    t = wg.tensor(values(dtype, 3, 4))
    array = t.numpy()
    assert array.dtype == dtype and array.shape == (3, 4)
    assert array.ctypes.data == t.data_ptr()
    t[1, 1] = 1
    assert array[1, 1] == 1
    part = t.t()[1:, ::2].numpy()
    np.testing.assert_array_equal(part, array.T[1:, ::2])
    assert np.shares_memory(part, array)


def test_tensor_lives_as_long_as_its_array():
    t = wg.arange(1000.0)
    array = t.numpy()
    gone = weakref.ref(t)
    del t
    gc.collect()
    churn = [wg.full((1000,), float(i)) for i in range(20)]
    np.testing.assert_array_equal(array, np.arange(1000.0))
    del churn, array
    gc.collect()
    assert gone() is None


def test_array_protocols():
    t = wg.arange(6, dtype=wg.float32).reshape(2, 3)
    assert np.asarray(t).ctypes.data == t.data_ptr()
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    assert np.array(t).ctypes.data != t.data_ptr()
    memory = memoryview(t)
    assert memory.shape == (2, 3) and memory.format == "f"
    np.testing.assert_array_equal(np.asarray(memory), t.numpy())
    assert np.exp(wg.zeros(2)).tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(np.ones(3) * wg.tensor([1.0, 2.0, 3.0]).numpy(), [1, 2, 3])
    with pytest.raises(RuntimeError, match="detach"):
        wg.ones(2, requires_grad=True).numpy()
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(wg.ones(2, requires_grad=True))
    assert wg.ones(2, requires_grad=True).numpy(force=True).tolist() == [1.0, 1.0]


def test_as_tensor_and_asarray():
    array = np.ones(3)
    assert wg.as_tensor(array).data_ptr() == array.ctypes.data
    assert wg.asarray(array).data_ptr() == array.ctypes.data
    assert wg.asarray(array, copy=True).data_ptr() != array.ctypes.data
    t = wg.ones(2)
    assert wg.as_tensor(t) is t
    assert wg.as_tensor(t, dtype=wg.float64).dtype == wg.float64
    assert wg.as_tensor([1, 2]).dtype == wg.int64
    with pytest.raises(ValueError, match="alias"):
        wg.asarray([1.0], copy=False)


def test_dlpack():
    t = wg.arange(4.0)
    array = np.from_dlpack(t)
    assert array.ctypes.data == t.data_ptr()
    assert wg.from_dlpack(array).tolist() == t.tolist()


# ---- from Python


def test_inferred_dtypes():
    assert wg.tensor(1).dtype == wg.int64
    assert wg.tensor(1.0).dtype == wg.float32
    assert wg.tensor(True).dtype == wg.bool
    assert wg.tensor([1, 2.0]).dtype == wg.float32
    assert wg.tensor([True, 2]).dtype == wg.int64
    assert wg.tensor([]).dtype == wg.float32 and wg.tensor([]).shape == (0,)
    assert wg.tensor([[], []]).shape == (2, 0)
    assert wg.tensor([np.float64(1.5)]).dtype in (wg.float32, wg.float64)
    assert wg.tensor((range(3), range(3))).tolist() == [[0, 1, 2], [0, 1, 2]]
    assert wg.tensor([wg.tensor(1.5), 2]).tolist() == [1.5, 2.0]
    assert wg.tensor([wg.ones(2), wg.zeros(2)]).shape == (2, 2)
    assert wg.tensor([np.ones(2), np.zeros(2)]).shape == (2, 2)
    wg.set_default_dtype(wg.float64)
    assert wg.tensor(1.0).dtype == wg.ones(1).dtype == (wg.tensor(1) / 2).dtype == wg.float64


def test_nested_lists_are_read_alike_whatever_they_hold():
    """Plain numbers of Python are read in one go, what is between them one by one."""

    class Odd(float):
        pass

    for rows in ([[1.5, 2], [True, -3]], [[1, 2], [3, 4]], [[True, False], [False, True]]):
        for dtype in (None, wg.float32, wg.float64, wg.int64, wg.bool):
            plain = wg.tensor(rows, dtype=dtype)
            mixed = wg.tensor([tuple(rows[0]), [Odd(x) for x in rows[1]]], dtype=plain.dtype)
            assert plain.dtype == mixed.dtype and plain.tolist() == mixed.tolist()
    assert wg.tensor([[1, 2], [3, 4.5]]).dtype == wg.float32
    assert wg.tensor([2**70, 1.0]).tolist() == [float(np.float32(2.0**70)), 1.0]
    with pytest.raises(ValueError, match="Overflow"):
        wg.tensor([1, 2**70])
    with pytest.raises(RuntimeError):
        wg.tensor([1, 300], dtype=wg.uint8)
    for ragged in ([[1, 2], [3]], [[1], [2, 3]], [[1, 2], 3], [1, [2]]):
        with pytest.raises((ValueError, TypeError)):
            wg.tensor(ragged)


@every_dtype
def test_item_and_tolist(dtype):
    array = values(dtype, 2, 3)
    t = wg.from_numpy(array)
    assert t.tolist() == array.tolist()
    assert t.t().tolist() == array.T.tolist()
    assert t[0, 1].item() == array[0, 1].item()
    assert type(t[0, 1].item()) is type(array[0, 1].item())
    assert wg.from_numpy(array[:1, :1]).item() == array[0, 0].item()
    assert t[0, 1].tolist() == array[0, 1].item()
    assert wg.zeros(0, 2).tolist() == [] and wg.zeros(2, 0).tolist() == [[], []]


def test_numbers():
    t = wg.tensor(3.7)
    assert (float(t), int(t), bool(t)) == (pytest.approx(3.7), 3, True)
    assert [10, 20, 30][wg.tensor(1)] == 20
    assert list(range(5))[wg.tensor(1) : wg.tensor(3)] == [1, 2]
    assert f"{t:.2f}" == "3.70"
    assert 2 in wg.tensor([1, 2]) and 5 not in wg.tensor([1, 2])
    assert round(float(wg.tensor(2.5))) == 2
    assert len(wg.ones(3, 2)) == 3
    assert [x.tolist() for x in wg.tensor([[1, 2], [3, 4]])] == [[1, 2], [3, 4]]


@pytest.mark.parametrize("pair", list(itertools.product(DTYPES, DTYPES)), ids="-".join)
def test_conversion(pair):
    source, target = pair
    x = np.array([0, 1, 2, 100, 255]) if source == "uint8" else np.array([0, 1, 2, 100, -3])
    x = x.astype(source)
    t = wg.from_numpy(x).to(getattr(wg, target))
    assert t.dtype == getattr(wg, target)
    np.testing.assert_array_equal(t.numpy(), x.astype(target))


def test_to():
    t = wg.ones(2)
    assert t.to(wg.float32) is t and t.float() is t and t.to("cpu") is t
    assert t.to(wg.float32, copy=True) is not t
    assert t.to("cpu", wg.int64).dtype == wg.int64
    assert t.to(wg.zeros(1, dtype=wg.bool)).dtype == wg.bool
    assert t.double().long().int().byte().bool().dtype == wg.bool
    assert t.type_as(wg.zeros(1, dtype=wg.int32)).dtype == wg.int32
    assert wg.tensor([1.9, -1.9]).long().tolist() == [1, -1]
    assert wg.tensor([float("nan"), 0.0, 0.5]).bool().tolist() == [True, False, True]
    x = wg.ones(2, requires_grad=True)
    x.double().sum().backward()
    assert x.grad.dtype == wg.float32


# ---- memory


def test_views_share_memory_and_version():
    x = wg.arange(12.0).reshape(3, 4)
    views = [
        x[1],
        x[:, 1:3],
        x.t(),
        x.view(12),
        x.unsqueeze(0),
        x.expand(2, 3, 4),
        x.detach(),
        x.diagonal(),
        x.squeeze(),
        x[None],
        x.narrow(0, 1, 2),
        x.flatten(),
        x.T,
        *x.split(2),
        *x.unbind(1),
        *x.chunk(2, 1),
    ]
    unseen = x.data
    x.zero_()
    assert all((v == 0).all() for v in [*views, unseen]) and unseen._version == 0
    assert {v._version for v in views} == {x._version}
    views[1].fill_(3)
    assert (x[:, 1:3] == 3).all() and x._version == views[0]._version


def test_versions():
    x = wg.zeros(3)
    assert x._version == 0
    x.add_(1)
    x += 1
    x[0] = 5
    assert x._version == 3
    _ = x + 1
    assert x._version == 3 and x.clone()._version == 0


def test_contiguity():
    x = wg.zeros(3, 4)
    assert x.is_contiguous() and x.stride() == (4, 1)
    assert not x.t().is_contiguous() and x.t().stride() == (1, 4)
    assert x.contiguous() is x and x.t().contiguous().is_contiguous()
    assert x[1:].storage_offset() == 4
    assert x[:, :1].stride(0) == 4
    assert wg.zeros(0, 3).is_contiguous()


COPY_DTYPES = pytest.mark.parametrize("dtype", ("bool", "float32", "float64", "int64"))
EDGES = (1, 4, 7, 8, 9, 16, 31, 33, 64, 65, 71, 72, 100, 129, 136, 200)


@COPY_DTYPES
@pytest.mark.parametrize("rows", EDGES)
def test_copies_of_transposed_matrices(rows, dtype):
    """Whole and partial tiles; the source and the result lie within larger memory."""
    for columns in EDGES:
        x = values(dtype, rows + 2, columns + 3)
        part = wg.from_numpy(x)[1 : 1 + rows, 2 : 2 + columns]
        expected = x[1 : 1 + rows, 2 : 2 + columns].T
        np.testing.assert_array_equal(part.t().contiguous().numpy(), expected)
        around = values(dtype, columns + 2, rows + 5)
        into = wg.tensor(around)
        into[1 : 1 + columns, 3 : 3 + rows] = part.t()
        around[1 : 1 + columns, 3 : 3 + rows] = expected
        np.testing.assert_array_equal(into.numpy(), around)


@COPY_DTYPES
@pytest.mark.parametrize("shape", [(3, 9, 33), (2, 3, 31, 8), (5, 64, 7, 2), (4, 1, 100, 9)])
def test_copies_of_permuted_tensors(shape, dtype):
    x = values(dtype, *shape)
    for order in itertools.permutations(range(len(shape))):
        y = wg.from_numpy(x).permute(*order)
        np.testing.assert_array_equal(y.contiguous().numpy(), x.transpose(order))
        np.testing.assert_array_equal(y[1:].contiguous().numpy(), x.transpose(order)[1:])


@COPY_DTYPES
def test_copies_of_steps(dtype):
    for n in EDGES:
        x = values(dtype, 5, n)
        for step in (2, 3, 5):
            y = wg.from_numpy(x)[:, ::step]
            np.testing.assert_array_equal(y.contiguous().numpy(), x[:, ::step])
        np.testing.assert_array_equal(wg.from_numpy(x).flip(1).numpy(), x[:, ::-1])


@pytest.mark.parametrize("columns", [4096, 4099])
@COPY_DTYPES
def test_copies_beyond_the_caches(columns, dtype):
    """Large results are written past the caches, from lines that are whole and that are not."""
    rows = (34 << 20) // (np.dtype(dtype).itemsize * columns)
    x = np.arange(rows * columns, dtype="int64").reshape(rows, columns)
    x = (x % 3 == 0) if dtype == "bool" else x.astype(dtype)
    whole = wg.from_numpy(x)
    np.testing.assert_array_equal(whole.t().contiguous().numpy(), x.T)
    np.testing.assert_array_equal(whole.clone().numpy(), x)
    wide = wg.cat([whole, whole], 1)
    np.testing.assert_array_equal(wide[:, :columns].contiguous().numpy(), x)
    np.testing.assert_array_equal(wide[:, ::2].contiguous().numpy(), np.hstack([x, x])[:, ::2])


def test_alignment():
    for n in (1, 7, 64, 1000, 10**6):
        assert wg.empty(n).data_ptr() % 64 == 0


def test_identity_is_kept():
    """The same tensor is the same Python object, with its attributes."""
    x = wg.ones(2)
    x.note = "here"
    box = wg.nn.Parameter(x)
    assert x.requires_grad_() is x and x.grad is None
    y = (x * 2).sum()
    y.backward()
    assert x.grad is x.grad
    assert x.note == "here"
    assert box is not x and isinstance(box, wg.Tensor)


def test_objects_are_collected():
    class Watched:
        pass

    x = wg.ones(2)
    x.self = x
    x.watched = Watched()
    gone = weakref.ref(x.watched)
    del x
    gc.collect()
    assert gone() is None


def test_subclass_and_weak_references():
    p = wg.nn.Parameter(wg.ones(2))
    assert isinstance(p, wg.Tensor) and p.requires_grad
    assert type(p + 1) is wg.Tensor
    r = weakref.ref(p)
    assert r() is p
    del p
    assert r() is None


def test_hash_and_equality():
    a, b = wg.ones(2), wg.ones(2)
    assert len({a, b, a}) == 2
    assert (a == b).all()
    assert wg.equal(a, b) if hasattr(wg, "equal") else True


def test_copy_and_pickle():
    x = wg.randn(3, 2)
    for y in (
        copy.deepcopy(x),
        pickle.loads(pickle.dumps(x)),
        pickle.loads(pickle.dumps(x.t())).t(),
    ):
        assert y.tolist() == x.tolist() and y.data_ptr() != x.data_ptr()
    p = wg.nn.Parameter(wg.ones(2))
    q = copy.deepcopy(p)
    assert isinstance(q, wg.nn.Parameter) and q.requires_grad
    assert pickle.loads(pickle.dumps(wg.float32)) is wg.float32
    assert pickle.loads(pickle.dumps(wg.exp)) is wg.exp


def test_copies_share_memory():
    """copy() is another tensor on the same memory; what shares memory still does when copied."""
    x = wg.ones(2, 3)
    x.note = [1]
    p = wg.nn.Parameter(wg.ones(2), requires_grad=False)
    for t in (x, p, x[:, 1], wg.ones(2, requires_grad=True) * 2):
        y = copy.copy(t)
        assert type(y) is type(t) and y is not t and y.data_ptr() == t.data_ptr()
        assert y.shape == t.shape and y.stride() == t.stride() and y.is_leaf
        assert y.requires_grad == t.requires_grad and vars(y) == vars(t)
    for buffer in (lambda t: t, wg.nn.Buffer):
        base = wg.arange(6.0).view(2, 3)
        model = wg.nn.Module()
        model.a, model.b = buffer(base), buffer(base[1])
        for pair in ([base, base[1], base.t()], model):
            twins = copy.deepcopy(pair)
            first, second = twins[:2] if isinstance(twins, list) else (twins.a, twins.b)
            first[1] = -1
            assert second.tolist() == [-1, -1, -1] and base.tolist() == [[0, 1, 2], [3, 4, 5]]
    twin = copy.deepcopy(wg.nn.Buffer(wg.ones(2), persistent=False))
    assert type(twin) is wg.nn.Buffer and not twin.persistent and twin.tolist() == [1, 1]


def test_data():
    x = wg.ones(2, requires_grad=True)
    x.data.mul_(3)
    assert x.tolist() == [3.0, 3.0] and x.is_leaf
    x.data = wg.zeros(3)
    assert x.shape == (3,) and x.requires_grad


# ---- promotion


def operands(library, dtype):
    """Of each rank that promotion tells apart."""
    t = library.ones(2, dtype=getattr(library, dtype))
    return {"vector": t, "0-d": t[0]}


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("pair", list(itertools.product(DTYPES, DTYPES)), ids="-".join)
def test_promotion_equals_torch(pair):
    ours = [operands(wg, d) for d in pair]
    theirs = [operands(torch, d) for d in pair]
    numbers = {"True": True, "2": 2, "2.5": 2.5}
    for a in ("vector", "0-d"):
        for b in ("vector", "0-d"):
            for f in ("add", "mul", "div", "maximum", "eq"):
                assert_same_dtype(
                    getattr(wg, f)(ours[0][a], ours[1][b]),
                    getattr(torch, f)(theirs[0][a], theirs[1][b]),
                )
            assert (
                repr(wg.result_type(ours[0][a], ours[1][b])).rpartition(".")[2]
                == str(torch.result_type(theirs[0][a], theirs[1][b])).rpartition(".")[2]
            )
        for n in numbers.values():
            for f in ("add", "mul", "div", "pow", "lt"):
                if f == "pow" and pair[0] == "bool" and n is True:
                    continue  # defined only by torch
                assert_same_dtype(getattr(wg, f)(ours[0][a], n), getattr(torch, f)(theirs[0][a], n))
    x, y = (getattr(wg, d) for d in pair)
    p, q = (getattr(torch, d) for d in pair)
    assert (
        repr(wg.promote_types(x, y)).rpartition(".")[2]
        == (str(torch.promote_types(p, q)).rpartition(".")[2])
    )
    assert wg.can_cast(x, y) == torch.can_cast(p, q)


def assert_same_dtype(ours, theirs):
    assert repr(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2]


def test_promotion():
    """The rules in short, for where torch is not installed."""
    i, f, d = wg.ones(2, dtype=wg.int32), wg.ones(2), wg.ones(2, dtype=wg.float64)
    assert (i + f).dtype == wg.float32 and (f + d).dtype == wg.float64
    assert (i + 1.5).dtype == wg.float32 and (f + d[0]).dtype == wg.float32
    assert (i + d[0]).dtype == wg.float64 and (i / i).dtype == wg.float32
    assert (i + True).dtype == wg.int32 and (i.bool() + 1).dtype == wg.int64
    assert (i.byte() * i).dtype == wg.int32 and (i == f).dtype == wg.bool
    assert wg.cat([i, f]).dtype == wg.float32


# ---- operators


def test_operators():
    x, y = wg.tensor([7.0, -7.0]), wg.tensor([2.0, 2.0])
    assert (x + y).tolist() == [9, -5] and (1 + x).tolist() == [8, -6]
    assert (x - y).tolist() == [5, -9] and (1 - x).tolist() == [-6, 8]
    assert (x / y).tolist() == [3.5, -3.5] and (7 / y).tolist() == [3.5, 3.5]
    assert (x // y).tolist() == [3, -4] and (7 // y).tolist() == [3, 3]
    assert (x % y).tolist() == [1, 1] and (7 % y).tolist() == [1, 1]
    assert (y**3).tolist() == [8, 8] and (3**y).tolist() == [9, 9]
    assert (-x).tolist() == [-7, 7] and abs(x).tolist() == [7, 7] and (+x) is x
    assert (x @ y).item() == 0 and (x > y).tolist() == [True, False]
    i = wg.tensor([6, 3])
    assert (i & 2).tolist() == [2, 2] and (i | 1).tolist() == [7, 3] and (i ^ 1).tolist() == [7, 2]
    assert (~i).tolist() == [-7, -4] and (~wg.tensor([True])).tolist() == [False]
    for op in ("__iadd__", "__isub__", "__imul__", "__itruediv__"):
        z = x.clone()
        assert getattr(z, op)(2) is z
    with pytest.raises(TypeError):
        _ = x + "a"


# ---- printing


PRINTED = [
    lambda L: L.tensor([1.0, 2.0]),
    lambda L: L.tensor([[1.5, -2.25], [1e-3, 1000.0]]),
    lambda L: L.tensor(3.0),
    lambda L: L.tensor([1, -20, 300]),
    lambda L: L.tensor([True, False]),
    lambda L: L.zeros(2, 0),
    lambda L: L.tensor([1e-8, 1.0]),
    lambda L: L.tensor([float("nan"), float("inf"), -1.0]),
    lambda L: L.arange(2000.0),
    lambda L: L.arange(24).reshape(2, 3, 4),
    lambda L: L.ones(2, dtype=L.float64),
    lambda L: L.zeros(1000, 3, dtype=L.int32),
    lambda L: L.tensor([1.0], requires_grad=True),
    lambda L: L.tensor([]),
]


@pytest.mark.parametrize("make", PRINTED)
def test_printing_equals_torch(make, oracle):
    assert repr(make(wg)).replace("wengert.", "torch.") == repr(make(oracle))


def test_printing():
    assert repr(wg.tensor([1.0, 2.5])) == "tensor([1.0000, 2.5000])"
    assert repr(wg.tensor([[1], [2]])) == "tensor([[1],\n        [2]])"
    assert str(wg.tensor(True)) == "tensor(True)"
    x = wg.ones(1, requires_grad=True)
    assert "requires_grad=True" in repr(x) and "grad_fn=<" in repr(x * 2)
    assert repr(wg.float32) == "wengert.float32"
    wg.set_printoptions(precision=2)
    assert repr(wg.tensor([1.0, 2.5])) == "tensor([1.00, 2.50])"
    wg.set_printoptions(profile="default")


# ---- description


def test_description():
    x = wg.zeros(2, 3)
    assert x.shape == (2, 3) == tuple(x.size()) and x.size(-1) == 3
    assert isinstance(x.shape, tuple) and x.shape.numel() == 6
    assert (x.ndim, x.dim(), x.numel(), x.nelement()) == (2, 2, 6, 6)
    assert (x.itemsize, x.element_size(), x.nbytes) == (4, 4, 24)
    assert x.is_floating_point() and not x.is_complex() and x.is_leaf
    assert str(x.device) == "cpu" and x.device == wg.device("cpu")
    assert wg.is_tensor(x) and not wg.is_tensor(1)
    assert x.is_same_size(wg.ones(2, 3))
    assert wg.finfo(wg.float32).eps == np.finfo(np.float32).eps
    assert wg.iinfo(wg.int32).max == 2**31 - 1
    assert wg.broadcast_shapes((2, 1), (3,)) == (2, 3)


def test_copies_of_tensors_with_gradients():
    """Each gradient is copied for its own tensor, whatever else is copied with it."""
    tensors = [wg.ones(n, requires_grad=True) for n in range(1, 9)]
    for t in tensors:
        t.grad = wg.full(t.shape, float(len(t)))
    for copied, t in zip(copy.deepcopy(tensors), tensors, strict=True):
        assert copied.grad is not t.grad and copied.grad.tolist() == t.grad.tolist()


def test_memory_of_empty_arrays_is_empty():
    for shape in ((0,), (0, 3), (3, 0), (2, 0, 5)):
        t = wg.from_numpy(np.zeros(shape))
        assert wg._native._copy_memory(t).shape == (0,)
        assert copy.deepcopy([t, t])[1].shape == shape


def test_more_chunks_than_a_number_of_bytes_may_be():
    assert [c.tolist() for c in wg.arange(3).chunk(2**63 - 1)] == [[0], [1], [2]]
