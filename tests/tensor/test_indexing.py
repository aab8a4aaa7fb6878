"""Indexing and assignment against NumPy, with random keys; gradients; what NumPy does otherwise."""

import numpy as np
import pytest

import wengert as wg
from wengert import autograd

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

settings = hypothesis.settings(max_examples=150, deadline=None, derandomize=True, database=None)

# ---- random keys


@st.composite
def basic_items(draw, size):
    """Integers and slices with positive steps, in range and around it."""
    if size and draw(st.booleans()):
        return draw(st.integers(-size, size - 1))
    bound = st.none() | st.integers(-size - 2, size + 2)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3)))


@st.composite
def array_shapes(draw):
    return tuple(draw(st.lists(st.integers(0, 4), min_size=0, max_size=4)))


@st.composite
def basic_keys(draw):
    """(shape, key) of integers, slices, None and an ellipsis."""
    shape = draw(array_shapes())
    count = draw(st.integers(0, len(shape)))
    key = [draw(basic_items(n)) for n in shape[:count]]
    if draw(st.booleans()):
        where = draw(st.integers(0, count))
        tail = [draw(basic_items(n)) for n in shape[len(shape) - (count - where) :]]
        key = [*key[:where], Ellipsis, *tail]
    for _ in range(draw(st.integers(0, 2))):
        key.insert(draw(st.integers(0, len(key))), None)
    return shape, tuple(key)


@st.composite
def advanced_keys(draw):
    """(shape, key) with at least one index array or mask, between basic items."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    common = draw(st.sampled_from([(2,), (3,), (2, 3), (1,), ()]))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    key, used, d = [], False, 0
    while d < len(shape):
        kind = draw(st.sampled_from(["basic", "array", "array", "mask", "list", "stop", "none"]))
        if kind == "stop" and used:
            break
        if kind == "none":
            key.append(None)
            continue
        if kind == "basic":
            key.append(draw(basic_items(shape[d])))
        elif kind == "mask" and not used:
            ranks = min(draw(st.integers(1, 2)), len(shape) - d)
            mask = rng.random(shape[d : d + ranks]) < 0.5
            key.append(mask)
            common = (int(mask.sum()),)  # others have to broadcast with it
            used = True
            d += ranks
            continue
        elif kind == "list" and common == (2,):
            key.append([int(i) for i in rng.integers(-shape[d], shape[d], 2)])
            used = True
        else:
            own = common if draw(st.booleans()) or not common else (1,) * len(common)
            key.append(rng.integers(-shape[d], shape[d], own))
            used = True
        d += 1
    if not used:
        key = [rng.integers(0, shape[0], (2,)), *key[1:]] if key and key[0] is not None else [[0]]
    return shape, tuple(key)


def in_wengert(key):
    return tuple(wg.from_numpy(np.asarray(k)) if isinstance(k, np.ndarray) else k for k in key)


def filled(shape):
    return np.asarray(np.arange(float(np.prod(shape, dtype=int))).reshape(shape) + 1)


def in_steps(x, key):
    """(view, rest): integers are taken first, so that x[key] is view[rest] by PyTorch's rule.

    For NumPy an integer beside an index array is an index array too, which moves dimensions.
    """
    first = []
    for k in key:
        if isinstance(k, int) or k is Ellipsis:
            first.append(k)
        elif k is not None:
            mask = isinstance(k, np.ndarray) and k.dtype == bool
            first.extend([slice(None)] * (k.ndim if mask else 1))
    if not any(k is Ellipsis for k in first):
        first.append(Ellipsis)  # a view even if all are integers
    return x[tuple(first)], tuple(k for k in key if not isinstance(k, int))


def read(x, key):
    view, rest = in_steps(x, key)
    return view[rest]


def write(x, key, value):
    view, rest = in_steps(x, key)
    view[rest] = value


def numpy_or_error(do):
    try:
        return do()
    except (IndexError, ValueError):
        return None


# ---- reading


@settings
@hypothesis.given(basic_keys())
def test_basic_get(case):
    shape, key = case
    x = filled(shape)
    expected = x[key]
    t = wg.from_numpy(x)
    result = t[in_wengert(key)]
    np.testing.assert_array_equal(result.numpy(), expected)
    assert result.shape == np.shape(expected)
    if result.numel():  # a view
        assert np.shares_memory(result.numpy(), x)
    if len(key) == 1:
        np.testing.assert_array_equal(t[key[0]].numpy(), expected)


@settings
@hypothesis.given(advanced_keys())
def test_advanced_get(case):
    shape, key = case
    x = filled(shape)
    expected = numpy_or_error(lambda: read(x, key))
    if expected is None:
        with pytest.raises(IndexError):
            wg.from_numpy(x)[in_wengert(key)]
        return
    result = wg.from_numpy(x)[in_wengert(key)]
    np.testing.assert_array_equal(result.numpy(), expected)
    assert result.shape == np.shape(expected)
    turned = wg.from_numpy(np.asfortranarray(x))[in_wengert(key)]
    np.testing.assert_array_equal(turned.numpy(), expected)


# ---- writing


@settings
@hypothesis.given(
    basic_keys() | advanced_keys(), st.sampled_from(["number", "full", "row", "lead"])
)
def test_set(case, kind):
    shape, key = case
    x = filled(shape)
    place = numpy_or_error(lambda: np.shape(read(x, key)))
    if place is None:
        return
    if kind == "row":
        place = place[1:]
    elif kind == "lead":
        place = (1, 1, *place)[-8:]
    value = -1.5 if kind == "number" else np.negative(filled(place), out=np.empty(place))
    t = wg.from_numpy(x.copy())
    expected = x.copy()
    # Where a place is named twice NumPy and we both keep the last value.
    write(expected, key, value if kind != "lead" else value.reshape(place[2:]))
    t[in_wengert(key)] = value if kind == "number" else wg.from_numpy(value)
    np.testing.assert_array_equal(t.numpy(), expected)
    turned = wg.from_numpy(np.asfortranarray(x))
    turned[in_wengert(key)] = value if kind == "number" else wg.from_numpy(value)
    np.testing.assert_array_equal(turned.numpy(), expected)


# ---- gradients: sums over random keys are linear, so their gradient is a count


@settings
@hypothesis.given(basic_keys() | advanced_keys())
def test_get_gradient(case):
    shape, key = case
    x = filled(shape)
    place = numpy_or_error(lambda: np.shape(read(x, key)))
    if place is None:
        return
    weights = np.asarray(np.random.default_rng(0).standard_normal(place))
    expected = np.zeros(shape)
    view, rest = in_steps(expected, key)
    np.add.at(view, rest, weights)
    t = wg.tensor(x, requires_grad=True)
    (t[in_wengert(key)] * wg.tensor(weights)).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), expected, atol=1e-12)


@settings
@hypothesis.given(basic_keys() | advanced_keys())
def test_set_gradient(case):
    shape, key = case
    x = filled(shape)
    place = numpy_or_error(lambda: np.shape(read(x, key)))
    if place is None:
        return
    source = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    source = read(source, key)
    if len(np.unique(source)) != np.size(source):
        return  # of values written to one place only the last counts
    weights = np.asarray(np.random.default_rng(0).standard_normal(shape))
    t = wg.tensor(x, requires_grad=True)
    v = wg.tensor(np.ones(place), requires_grad=True)
    y = t * 1
    y[in_wengert(key)] = v
    (y * wg.tensor(weights)).sum().backward()
    kept = weights.copy()
    write(kept, key, 0)
    np.testing.assert_allclose(t.grad.numpy(), kept)
    np.testing.assert_allclose(v.grad.numpy(), read(weights, key))


# ---- by hand


def test_forms_of_keys():
    x = wg.arange(12.0).reshape(3, 4)
    assert x[1][2].item() == x[1, 2].item() == x[wg.tensor(1), wg.tensor(2)].item() == 6
    assert x[np.int64(1), np.int32(2)].item() == 6
    assert x[[0, 2]].tolist() == x[wg.tensor([0, 2])].tolist() == x[np.array([0, 2])].tolist()
    assert x[...].shape == x[:].shape == x[()].shape == (3, 4)
    assert x[True].shape == (1, 3, 4) and x[False].shape == (0, 3, 4)
    assert x[x > 5].tolist() == [6, 7, 8, 9, 10, 11]
    assert x[wg.tensor([True, False, True])].shape == (2, 4)
    assert x[[]].shape == (0, 4)
    assert x[[True, False, True], 1].tolist() == [1, 9]
    assert x[wg.tensor([0, 1], dtype=wg.int32)].shape == (2, 4)
    assert x[:, None].shape == (3, 1, 4) and x[..., 0].shape == (3,)
    assert wg.tensor(5.0)[...].item() == 5 and wg.tensor(5.0)[None].shape == (1,)
    assert wg.tensor(5.0)[wg.tensor(True)].tolist() == [5.0]
    assert x[1:100].shape == (2, 4) and x[5:].shape == (0, 4)


def test_forms_of_values():
    x = wg.zeros(3, 4)
    x[0] = 1
    x[1] = [1, 2, 3, 4]
    x[2, :2] = np.array([5.0, 6.0])
    x[:, 3] = wg.tensor([7, 8, 9])
    assert x.tolist() == [[1, 1, 1, 7], [1, 2, 3, 8], [5, 6, 0, 9]]
    x[x > 6] = -1
    x[x == 1] += 10
    assert x.tolist() == [[11, 11, 11, -1], [11, 2, 3, -1], [5, 6, 0, -1]]
    i = wg.zeros(3, dtype=wg.int64)
    i[1] = 2.9
    assert i.tolist() == [0, 2, 0]
    x[:] = x.clone().flip(0) if hasattr(x, "flip") else x.clone()
    y = wg.arange(5.0)
    y[1:] = y[:-1].clone()
    assert y.tolist() == [0, 0, 1, 2, 3]
    y[:-1] = y[1:]
    assert y.tolist() == [0, 1, 2, 3, 3]


def test_overlapping_assignment():
    y = wg.arange(6.0)
    y[1:] = y[:-1]
    assert y.tolist() == [0, 0, 1, 2, 3, 4]


def test_accumulation_of_repeated_indices():
    x = wg.zeros(3, dtype=wg.float64, requires_grad=True)
    x[wg.tensor([0, 0, 2, 0])].sum().backward()
    assert x.grad.tolist() == [3, 0, 1]


def test_second_order():
    x = wg.tensor(filled((3, 4)), requires_grad=True)
    i = wg.tensor([2, 0, 2])

    def f(t):
        y = t * 1
        y[1:, ::2] = t[i, 1:2].pow(2)[:2]
        return y[i].pow(3)[..., 1:]

    assert autograd.gradcheck(f, (x / 10).detach().requires_grad_())
    assert autograd.gradgradcheck(f, (x / 10).detach().requires_grad_())


def test_dtypes():
    for dtype in (wg.bool, wg.uint8, wg.int32, wg.int64, wg.float32, wg.float64):
        x = wg.from_numpy(np.array([[0, 1, 1], [1, 0, 1]])).to(dtype)
        assert x[:, [2, 0]].tolist() == wg.tensor([[1, 0], [1, 1]]).to(dtype).tolist()
        x[wg.tensor([1, 0]), wg.tensor([0, 1])] = 0
        assert x.tolist() == wg.tensor([[0, 0, 1], [0, 0, 1]]).to(dtype).tolist()
        x[x == 1] = 0
        assert not x.any()


def test_sums_of_integers_wrap():
    most = 2**63 - 1
    x = wg.tensor([most, 1])
    assert x.index_add(0, wg.tensor([0]), wg.tensor([1])).tolist() == [-most - 1, 1]
    assert x.index_add(0, wg.tensor([1]), wg.tensor([most]), alpha=2).tolist() == [most, -1]
    assert x.scatter_add(0, wg.tensor([0]), wg.tensor([1])).tolist() == [-most - 1, 1]
