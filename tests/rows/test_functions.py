"""Functions written in Python, and other names of ops, against NumPy."""

import inspect
import itertools
import pickle

import numpy as np
import pytest

import wengert as wg
from wengert import _native
from wengert.autograd import gradcheck

pytestmark = pytest.mark.quick
rng = np.random.default_rng(7)
SIZES = dict(zip("abcdijko", (2, 3, 4, 5, 3, 4, 2, 2), strict=True))


def real(*shape):
    return rng.standard_normal(shape)


def operands(equation, hidden=()):
    """An array for each operand of the equation; `hidden` sizes stand for the ellipsis."""
    for term in equation.partition("->")[0].replace(" ", "").split(","):
        before, dots, after = term.partition("...")
        shape = [SIZES[c] for c in before], list(hidden if dots else ()), [SIZES[c] for c in after]
        yield real(*(n for part in shape for n in part))


@pytest.mark.parametrize(
    "equation",
    [
        *("ij,jk->ik", "ij,jk", "ji", "ii", "ii->i", "aab->b", "aba->ab", "aaa->a", "i,j->ij"),
        *("i,i", "i,i->i", "ij->", "bij,bjk->bik", "bijk,bk,i->bj", "ij,ij,ij->i", "a,b,c"),
        *("abc,cd,db->a", "bi,oij,bj->bo", "ii,i->", " i j , j k -> k i ", "...i,...i->..."),
        *("...ij,...jk", "...ij,jk->...ik", "b...,b->...", "...ii->...i", "...,..."),
        "a...b->b...a",
    ],
)
@pytest.mark.parametrize("hidden", [(), (2, 3)], ids=str)
def test_einsum(equation, hidden):
    if hidden and "..." not in equation:
        pytest.skip("no ellipsis")
    arrays = list(operands(equation, hidden))
    tensors = [wg.tensor(a, requires_grad=True) for a in arrays]
    result = wg.einsum(equation, *tensors)
    np.testing.assert_allclose(
        result.detach().numpy(), np.einsum(equation, *arrays), rtol=1e-10, atol=1e-12
    )
    assert gradcheck(lambda *xs: wg.einsum(equation, *xs), tensors)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(2, 1), (3, 4)]),
        ("ij,jk->ik", [(2, 0), (0, 4)]),
        ("bij,bjk->bik", [(1, 2, 3), (4, 3, 2)]),
        ("bij,bjk->bik", [(0, 2, 3), (0, 3, 2)]),
        ("...i,...i", [(3, 1, 2), (4, 2)]),
    ],
)
def test_einsum_broadcasts(equation, shapes):
    arrays = [real(*shape) for shape in shapes]
    wide = arrays
    if equation == "ij,jk->ik" and shapes[0] == (2, 1):
        wide = [np.broadcast_to(arrays[0], (2, 3)), arrays[1]]
    result = wg.einsum(equation, [wg.tensor(a) for a in arrays])
    np.testing.assert_allclose(result.numpy(), np.einsum(equation, *wide), rtol=1e-10)


@pytest.mark.parametrize(
    ("equation", "shapes", "text"),
    [
        ("ij->ijk", [(2, 3)], "does not appear"),
        ("i", [(2, 3)], "1 subscripts"),
        ("ii", [(2, 3)], "repeated"),
        ("i->ii", [(3,)], "more than once"),
        ("i1", [(3, 3)], "invalid subscript"),
        ("i,i", [(3,)], "1 operands"),
        ("ij,jk", [(2, 3), (2, 3)], "does not broadcast"),
    ],
)
def test_einsum_errors(equation, shapes, text):
    with pytest.raises(RuntimeError, match=text):
        wg.einsum(equation, *(wg.ones(*shape) for shape in shapes))
    with pytest.raises(TypeError, match="einsum: operands must be Tensors"):
        wg.einsum("i", [1, 2])


@pytest.mark.parametrize("dims", [0, 1, 2, ([1], [0]), ([0, -1], [1, 0]), ([], [])], ids=str)
def test_tensordot(dims):
    a, b = real(3, 3), real(3, 3)
    result = wg.tensordot(wg.tensor(a), wg.tensor(b), dims)
    np.testing.assert_allclose(result.numpy(), np.tensordot(a, b, dims), rtol=1e-10)
    with pytest.raises(RuntimeError, match="equal sizes"):
        wg.tensordot(wg.ones(2, 3), wg.ones(2, 3), 1)


def test_equal_and_allclose():
    x = wg.ones(2)
    assert wg.equal(x, wg.ones(2)) is True
    assert not x.equal(wg.ones(3)) and not wg.equal(wg.tensor(np.nan), wg.tensor(np.nan))
    assert wg.allclose(x, x + 1e-9) is True and not x.allclose(x + 1e-3)
    assert wg.allclose(wg.tensor(np.nan), wg.tensor(np.nan), equal_nan=True)
    with pytest.raises(RuntimeError, match="allclose: .*int64 did not match"):
        wg.allclose(wg.tensor([1]), x)
    with pytest.raises(TypeError, match="equal: other must be a Tensor"):
        wg.equal(x, 1)


def test_bincount():
    x = wg.tensor([1, 1, 3])
    assert wg.bincount(x).tolist() == [0, 2, 0, 1]
    assert x.bincount(minlength=6).tolist() == [0, 2, 0, 1, 0, 0]
    sums = wg.bincount(x, wg.tensor([0.5, 0.25, 1.0]))
    assert sums.tolist() == [0, 0.75, 0, 1] and sums.dtype == wg.float32
    assert wg.bincount(x[:0]).shape == (0,)
    for bad in (wg.tensor([-1]), wg.tensor([[1]])):
        with pytest.raises(RuntimeError, match="bincount"):
            wg.bincount(bad)
    with pytest.raises(RuntimeError, match="same length"):
        wg.bincount(x, wg.ones(2))


@pytest.mark.parametrize("array", [[3, 1, 2, 1, 1], [[1.0, 2.0], [2.0, 1.0]], [], [True, False]])
def test_unique(array):
    array = np.array(array)
    results = wg.tensor(array).unique(return_inverse=True, return_counts=True)
    expected = np.unique(array, return_inverse=True, return_counts=True)
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_array_equal(ours.numpy().ravel(), theirs.ravel())
    assert results[1].shape == array.shape
    assert wg.unique(wg.tensor(array)).tolist() == expected[0].tolist()


def test_unique_of_slices_and_nan():
    x = wg.tensor([[1, 2], [0, 5], [1, 2]])
    found, inverse = wg.unique(x, dim=0, return_inverse=True)
    assert found.tolist() == [[0, 5], [1, 2]] and inverse.tolist() == [1, 0, 1]
    assert wg.unique(wg.tensor([np.nan, 1.0, np.nan])).shape == (3,)
    with pytest.raises(IndexError, match="Dimension out of range"):
        wg.unique(x, dim=2)


def test_isin():
    x = wg.tensor([[1, 2], [3, 4]])
    assert wg.isin(x, wg.tensor([2, 9])).tolist() == [[False, True], [False, False]]
    assert wg.isin(x, 3, invert=True).tolist() == [[True, True], [False, True]]
    assert wg.isin(2, x).item() is True
    with pytest.raises(TypeError, match="isin"):
        wg.isin(1, 2)


def test_searchsorted():
    edges = wg.tensor([1.0, 3.0, 5.0, 7.0])
    x = wg.tensor([[3.0, 6.0], [0.0, np.nan]])
    assert wg.searchsorted(edges, x).tolist() == [[1, 3], [0, 4]]
    assert wg.bucketize(x, edges, right=True).tolist() == [[2, 3], [0, 4]]
    assert wg.searchsorted(edges, 3.0).item() == 1
    assert wg.searchsorted(edges, x, side="right", out_int32=True).dtype == wg.int32
    rows = wg.tensor([[1.0, 3.0], [4.0, 8.0]])
    assert wg.searchsorted(rows, wg.tensor([[3.0], [5.0]])).tolist() == [[1], [1]]
    shuffled = wg.tensor([5.0, 1.0, 3.0])
    assert wg.searchsorted(shuffled, wg.tensor([2.0]), sorter=shuffled.argsort()).item() == 1
    for bad in ({"side": "middle"}, {"side": "left", "right": True}):
        with pytest.raises(RuntimeError, match="side"):
            wg.searchsorted(edges, x, **bad)
    with pytest.raises(RuntimeError, match="dtypes"):
        wg.searchsorted(edges, wg.tensor([1]))
    with pytest.raises(RuntimeError, match="leading dimensions"):
        wg.searchsorted(rows, wg.ones(3, 1))


def test_index_put():
    i, j = wg.tensor([0, 1, 0]), wg.tensor([1, 2, 1])
    x, values = wg.zeros(3, 4), wg.tensor([1.0, 2.0, 3.0])
    assert wg.index_put(x, (i, j), values, accumulate=True)[0, 1].item() == 4
    assert x.index_put([j], wg.tensor(1.0)).sum().item() == 8 and not x.any()
    assert x.index_put_((i,), wg.tensor(5.0)) is x and x.sum().item() == 40
    base, source = wg.ones(2, 3, requires_grad=True), wg.ones(2, requires_grad=True)
    (base.index_put((wg.tensor([0, 1]), wg.tensor([1, 1])), source) * 2).sum().backward()
    assert base.grad.tolist() == [[2, 0, 2]] * 2 and source.grad.tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="index_put: values must have the dtype"):
        x.index_put_((i,), wg.tensor(1))
    with pytest.raises(TypeError, match="index_put: indices must be a tuple"):
        x.index_put_(i, wg.tensor(1.0))


def test_views_in_place():
    x = wg.arange(6).reshape(1, 2, 3)
    assert x.squeeze_() is x and x.shape == (2, 3)
    assert x.t_().shape == (3, 2) and x.unsqueeze_(0).shape == (1, 3, 2)
    assert x.transpose_(0, 2).shape == (2, 3, 1) and x[1, 0, 0].item() == 3
    w, z = wg.ones(2, 2, requires_grad=True), wg.ones(2, 2)
    y = (w * z).sum()
    z.t_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        w.t_()


def test_where_as_a_method():
    x = wg.tensor([1, 2])
    assert x.where(x > 1, wg.tensor(-1)).tolist() == [-1, 2]
    assert x.where(x > 1, 0).tolist() == [0, 2]


@pytest.mark.parametrize("offset", range(-5, 6))
def test_triangles(offset):
    for rows, cols in itertools.product(range(4), range(4)):
        lower, upper = np.tril_indices(rows, offset, cols), np.triu_indices(rows, offset, cols)
        assert np.array_equal(wg.tril_indices(rows, cols, offset).numpy(), np.stack(lower))
        assert np.array_equal(wg.triu_indices(rows, cols, offset).numpy(), np.stack(upper))


def test_triangles_of_huge_matrices():
    """The time they take is that of the result, not of the matrix."""
    assert wg.triu_indices(2**59, 3).tolist() == [[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    rows = 2**59
    assert wg.tril_indices(rows, 3, 1 - rows).tolist() == [[rows - 1], [0]]
    assert wg.tril_indices(rows, 0).shape == wg.triu_indices(rows, 3, 2**63 - 1).shape == (2, 0)
    for sizes in ((2**62, 3), (3, 2**63 - 1, -5), (2**40, 2**40)):
        for function in (wg.tril_indices, wg.triu_indices):
            with pytest.raises(RuntimeError, match="is too large"):
                function(*sizes)


@pytest.mark.parametrize("alias", list(_native.aliases))
def test_alias(alias):
    name = _native.aliases[alias]
    rows = [row for row in _native.registry if row["name"] == name]
    for place in (wg, wg.Tensor) if rows[0]["method"] else (wg,):
        function, same = getattr(place, alias), getattr(place, name)
        assert function.__name__ == alias
        assert function.__doc__.splitlines()[0] == alias + rows[0]["signature"]
        assert inspect.signature(function) == inspect.signature(same)
    x = wg.tensor([0.25, 0.75]) + (1 if name == "acosh" else 0)
    args = (x, 0.5) if rows[0]["params"][1:] else (x,)
    args = (x, x) if name in ("atan2", "trapezoid") else args
    expected = getattr(wg, name)(*args)
    assert wg.equal(getattr(wg, alias)(*args), expected)
    if rows[0]["method"]:
        assert wg.equal(getattr(x.clone(), alias + "_")(*args[1:]), expected.to(x.dtype))


def test_public_names():
    for name in ("registry", "update_step", "run_backward", "build_info"):
        assert not hasattr(wg, name) and name not in _native.__all__
    assert wg.ops is not _native.ops and "ops" not in _native.__all__
    assert all(getattr(wg, name) is not None for name in _native.__all__)
    result = wg.tensor([[1.0, 3.0]]).max(1)
    assert type(result) is wg.return_types.max
    assert pickle.loads(pickle.dumps(type(result))) is type(result)


def test_a_bound_below_an_integer_type_limits_nothing():
    x = wg.tensor([0, 1, 5, 255], dtype=wg.uint8)
    f = wg.nn.functional
    assert f.hardtanh(x, 0.0).tolist() == [0, 1, 1, 1]
    assert f.hardtanh(x, 0.0, 1e30).tolist() == [0, 1, 5, 255]
    big = wg.tensor([-(2**63), 7, 2**63 - 1])
    assert f.hardtanh(big, -1e30, 1e30).tolist() == big.tolist()
    assert f.hardtanh(big, -3.0, 8.0).tolist() == [-3, 7, 8]


@pytest.mark.parametrize("again", [False, True])
def test_combinations_are_those_of_itertools(again):
    of = itertools.combinations_with_replacement if again else itertools.combinations
    for n, r in itertools.product(range(6), range(1, 6)):
        got = wg.combinations(wg.arange(n), r, again)
        expected = np.array(list(of(range(n), r)), "int64").reshape(-1, r)
        np.testing.assert_array_equal(got.numpy(), expected)


def test_more_combinations_than_can_be_counted():
    with pytest.raises(RuntimeError, match="more than 2\\^63 ways to take 200 of 500 elements"):
        wg.combinations(wg.arange(500), 200)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_histc_of_ranges_that_overflow_or_vanish(dtype):
    most = float(np.finfo(dtype).max)
    x = wg.tensor([0.0, most / 3, most * 0.67, most], dtype=getattr(wg, dtype))
    assert wg.histc(x, 100).nonzero().flatten().tolist() == [0, 33, 67, 99]
    both = wg.cat([x, -x[1:]])
    assert wg.histc(both, 2).tolist() == [3, 4]
    assert wg.histc(wg.full((5,), most / 2, dtype=x.dtype), 4).tolist() == [5, 0, 0, 0]
    if dtype == "float32":
        assert wg.histc(wg.ones(5), 3, 1, 1 + 1e-12).tolist() == [5, 0, 0]
