"""NumPy's numbers and arrays on either side of operators, and its functions on tensors."""

import operator
import pickle

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from wengert._ufuncs import ROWS

NUMBERS = [
    np.float64, np.float32, np.float16, np.longdouble, np.int64, np.int32, np.int16, np.int8,
    np.uint64, np.uint32, np.uint16, np.uint8, np.bool_,
]  # fmt: skip
ARITHMETIC = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
COMPARISONS = ["eq", "ne", "lt", "le", "gt", "ge"]
BITS = ["and_", "or_", "xor", "lshift", "rshift"]
INPLACE = {name: getattr(operator, "i" + name.rstrip("_")) for name in (*ARITHMETIC, *BITS)}


def values(dtype):
    return wg.tensor([3, 1, 2]).to(dtype)


def plain(number):
    """The Python number."""
    if isinstance(number, np.bool_):
        return bool(number)
    return float(number) if isinstance(number, np.floating) else int(number)


def same(actual, expected):
    assert type(actual) is wg.Tensor and actual.dtype is expected.dtype
    np.testing.assert_array_equal(actual.detach().numpy(), expected.detach().numpy())


@pytest.mark.parametrize("kind", NUMBERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS, *BITS])
def test_numbers_on_either_side_are_python_numbers(name, kind):
    """Whatever their type, on both sides: the result is a tensor, of the dtype of 2's or True's."""
    function = getattr(operator, name)
    number = kind(True) if kind is np.bool_ else kind(2)
    whole = name in BITS
    if (whole and isinstance(number, np.floating)) or (name == "sub" and kind is np.bool_):
        return  # refused by both
    for dtype in (wg.int64, wg.int32) if whole else (wg.float32, wg.float64, wg.int64):
        x = values(dtype)
        same(function(x, number), function(x, plain(number)))
        same(function(number, x), function(plain(number), x))
        if torch is None:
            continue
        y = torch.from_numpy(x.numpy())
        for ours, theirs in [
            (function(x, number), function(y, plain(number))),
            (function(number, x), function(plain(number), y)),
        ]:
            assert str(ours.dtype).split(".")[1] == str(theirs.dtype).split(".")[1]
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_literal_results_of_numbers():
    x = wg.tensor([1.0, 4.0], requires_grad=True)
    for result, expected in [
        (np.float64(2) * x, [2.0, 8.0]),
        (np.float64(2) - x, [1.0, -2.0]),
        (np.float32(2) ** x, [2.0, 16.0]),
        (np.int64(2) / x, [2.0, 0.5]),
        (sum([np.float64(1), x]), [2.0, 5.0]),
        (x @ np.array([1.0, 2.0]), 9.0),
        (np.array([[1.0, 2.0]]) @ x, [9.0]),
    ]:
        assert type(result) is wg.Tensor and result.requires_grad
        assert result.tolist() == expected
    assert (np.float64(2) * x).dtype is wg.float32
    (np.float64(3) * x * np.float32(2)).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]
    assert (np.float64(2) < x).tolist() == [False, True]


@pytest.mark.parametrize(
    "kind", ["float64", "float32", "float16", "int64", "int8", "uint16", "uint32", "bool"]
)
@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS])
def test_arrays_on_either_side_are_tensors(name, kind):
    array = np.array([2, 1, 1]).astype(kind)
    if kind == "bool" and name == "sub":
        return
    function, held = getattr(operator, name), array.astype(np.result_type(kind, "uint8"))
    other = (
        wg.tensor(held, dtype=None)
        if (kind in ("float64", "float32", "float16", "int64", "int8"))
        else wg.tensor(array.astype("int64" if kind == "uint32" else "int32"))
    )
    if kind == "bool":
        other = wg.tensor(array)
    for x in (values(wg.float64), values(wg.float32).requires_grad_()):
        same(function(x, array), function(x, other))
        same(function(array, x), function(other, x))
        if name in ARITHMETIC:
            assert function(x, array).requires_grad == x.requires_grad
            assert function(array, x).requires_grad == x.requires_grad


def test_arrays_in_place():
    x = wg.ones(3)
    y = x
    for name, expected in [("add", 3.0), ("mul", 6.0), ("sub", 4.0), ("truediv", 2.0)]:
        y = INPLACE[name](y, np.full(3, 2.0))
        assert y is x and x.tolist() == [expected] * 3 and x.dtype is wg.float32
    array = np.ones(3)
    again = array
    again += x
    assert again is array and array.tolist() == [3.0] * 3
    z = wg.ones(3, requires_grad=True) * 1
    z *= np.array([1.0, 2.0, 3.0])
    z.sum().backward()


def test_an_array_changed_later_changes_no_gradient():
    x, array = wg.ones(2, requires_grad=True), np.array([2.0, 3.0])
    y = (x * array).sum()
    array[:] = 100
    y.backward()
    assert x.grad.tolist() == [2.0, 3.0]


def test_arrays_in_captured_functions():
    """A replay reads the array that eager would read, as it is then."""
    array = np.array([1.0, 2.0], dtype=np.float32)
    step = wg.capture(lambda x: np.sqrt(x * array) + array)
    x = wg.ones(2)
    for _ in range(3):
        np.testing.assert_allclose(step(x).numpy(), np.sqrt(array) + array, rtol=1e-6)
        array += 1
    short = array.astype(np.uint16)
    with pytest.raises(wg.CaptureError, match="NumPy array"):
        wg.capture(lambda x: x * short)(x)


@pytest.mark.parametrize("array", [np.arange(4.0)[::-1], np.arange(3.0).astype(">f8"), np.ones(())])
def test_arrays_of_any_layout(array):
    x = wg.ones(array.shape, dtype=wg.float64)
    assert (x + array).tolist() == (array + x).tolist() == (array + 1.0).tolist()


@pytest.mark.parametrize("name", BITS)
def test_shifts_and_bits_in_place(name):
    x = wg.tensor([6, 5])
    expected = getattr(operator, name)(x, 2)
    y = INPLACE[name](x, np.int8(2))
    assert y is x
    same(x, expected)


def test_shifts():
    x = wg.tensor([1, -5])
    assert (x << 2).tolist() == [4, -20] and (x >> 1).tolist() == [0, -3]
    assert (x << 64).tolist() == (x << -1).tolist() == [0, 0]
    assert (x >> 64).tolist() == (x >> -1).tolist() == [0, -1]
    assert (2 << wg.tensor([1, 3])).tolist() == [4, 16]
    assert (wg.tensor([200], dtype=wg.uint8) << 1).tolist() == [144]
    assert (wg.tensor([True, False]) << 1).tolist() == [2, 0]
    with pytest.raises(NotImplementedError, match="bitwise_left_shift"):
        _ = wg.ones(1) << 1


@pytest.mark.parametrize("name", sorted(ROWS))
def test_functions_of_numpy_are_rows(name):
    """`np.f(t)` is `T.f(t)`, recorded."""
    function, row = getattr(np, name), getattr(wg, ROWS[name])
    whole = name.startswith("bitwise") or name.endswith("shift") or name in ("invert", "gcd", "lcm")
    x = wg.tensor([3, 1, 2]) if whole else wg.tensor([0.5, 0.25, 0.75], requires_grad=True)
    if name == "arccosh":
        x = (x.detach() + 1).requires_grad_()
    others = [()] if function.nin == 1 else [(x.detach(),), (x.detach().numpy(),)]
    for rest in others:
        result = function(x, *rest)
        same(result, row(x, *(wg.as_tensor(r) for r in rest)))
        assert result.requires_grad == row(x, *(wg.as_tensor(r) for r in rest)).requires_grad
    if function.nin == 2 and name != "matmul":
        number = 2 if whole else 0.5
        assert type(function(x, number)) is type(function(number, x)) is wg.Tensor


def test_functions_that_numpy_computes():
    x = wg.tensor([1.0, 8.0])
    assert type(np.cbrt(x)) is wg.Tensor and np.cbrt(x).tolist() == [1.0, 2.0]
    assert type(np.add.reduce(x)) is wg.Tensor and np.add.reduce(x).item() == 9.0
    fraction, whole = np.modf(x)
    assert fraction.tolist() == [0.0, 0.0] and whole.tolist() == [1.0, 8.0]
    out = np.zeros(2)
    assert np.add(x, 1, out=out) is out and out.tolist() == [2.0, 9.0]
    version = x._version
    assert np.add(x, 1, out=x) is x and x.tolist() == [2.0, 9.0] and x._version > version
    assert np.round(wg.tensor([1.6])).tolist() == [2.0]
    assert np.concatenate([x, x]).tolist() == [2.0, 9.0, 2.0, 9.0]
    with pytest.raises(RuntimeError, match="requires grad"):
        np.cbrt(wg.ones(2, requires_grad=True))


def test_what_is_no_number_is_refused():
    x = wg.ones(2)
    for other in (1j, "a", object(), [1, 2], np.str_("a")):
        with pytest.raises(TypeError):
            _ = x * other
        with pytest.raises(TypeError):
            _ = other * x
    assert (x == "a") is False and (x != None) is True  # noqa: E711


@pytest.mark.parametrize("name", ["add", "mul", "lt"])
def test_integers_beyond_64_bits_beside_floats(name):
    function, x = getattr(operator, name), wg.tensor([1.0], dtype=wg.float64)
    for number in (2**63, -(2**64), 2**70):
        same(function(x, number), function(x, float(number)))
        same(function(number, x), function(float(number), x))
        same(getattr(wg, name)(x, number), function(x, float(number)))
        with pytest.raises((RuntimeError, OverflowError)):
            function(wg.tensor([1]), number)
    x[0] = 2**70
    assert x.item() == 2.0**70 and x.clamp(max=2**65).item() == 2.0**65
    assert wg.tensor(2**70, dtype=wg.float64).item() == 2.0**70
    assert wg.tensor([1.0, 2**70]).tolist() == [1.0, 2.0**70]
    for dtype in (None, wg.int64):
        with pytest.raises(ValueError, match="Overflow"):
            wg.tensor(2**70, dtype=dtype)
    with pytest.raises(OverflowError):
        wg.tensor([1.0]) * 10**400


def test_numbers_in_a_tensor():
    x = wg.tensor([1, 2])
    for element in (1, 2.0, True, np.int64(1), np.float32(2), np.bool_(True), np.uint8(2)):
        assert element in x
    assert np.int64(3) not in x
    with pytest.raises(RuntimeError, match="str"):
        _ = "a" in x


def test_format():
    x = wg.tensor(1.5)
    assert f"{x}" == "1.5" and f"{x:.3f}" == "1.500" and f"{x:>6}" == "   1.5"
    assert f"{wg.tensor(3)}" == "3" and f"{wg.tensor(3):04d}" == "0003"
    assert f"{wg.tensor(True)}" == "True"
    assert f"{(x * 2).requires_grad_() * 1}" == "3.0"
    assert f"{wg.tensor([1.0, 2.0])}" == "tensor([1., 2.])"
    assert f"{wg.nn.Parameter(x)}".startswith("Parameter containing")
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{wg.ones(2):.2f}"


def test_sizes_of_what_stands_for_an_integer():
    size = wg.Size([wg.tensor(2), np.int64(3), 4])
    assert size == (2, 3, 4) and [type(n) for n in size] == [int] * 3
    assert repr(wg.Size(range(2))) == "wengert.Size([0, 1])" and wg.Size() == ()
    for wrong in (["a"], [1.5], [None], [wg.ones(2)]):
        with pytest.raises((TypeError, RuntimeError)):
            wg.Size(wrong)
    with pytest.raises(TypeError):
        wg.Size(5)


def test_dtypes_say_where_they_are():
    assert wg.dtype.__module__ == wg.float32.__module__ == "wengert"
    assert pickle.loads(pickle.dumps(wg.float32)) is wg.float32


def test_results_are_pickled_as_leaves():
    x = wg.ones(2, requires_grad=True)
    y = pickle.loads(pickle.dumps(x * 2))
    assert y.is_leaf and y.requires_grad and y.tolist() == [2.0, 2.0]
    assert not pickle.loads(pickle.dumps(x.detach() * 2)).requires_grad


def test_einsum_of_lists_of_labels():
    a, b = wg.arange(6.0).reshape(2, 3), wg.arange(12.0).reshape(3, 4)
    same(wg.einsum(a, [0, 1], b, [1, 2], [0, 2]), a @ b)
    same(wg.einsum(a, [0, 1], b, [1, 2]), a @ b)
    same(wg.einsum(a, [Ellipsis, 30], [30, Ellipsis]), a.t())
    with pytest.raises(ValueError, match="0 to 51"):
        wg.einsum(a, [0, 52])
    with pytest.raises(TypeError):
        wg.einsum(a, ["i", "j"]) if False else wg.einsum(5, a)


def test_atleast_of_several():
    for n, function in enumerate((wg.atleast_1d, wg.atleast_2d, wg.atleast_3d), 1):
        several = function(wg.tensor(1.0), wg.ones(2))
        assert type(several) is tuple and [t.dim() for t in several] == [n, n]
        assert [t.shape for t in function([wg.tensor(1.0), wg.ones(2)])] == [
            t.shape for t in several
        ]
        assert function(wg.tensor(1.0)).dim() == n and function() == ()


def test_views_of_another_dtype():
    x = wg.tensor([1.0, 2.0])
    bits = x.view(wg.int32)
    assert bits.tolist() == [0x3F800000, 0x40000000] and bits.data_ptr() == x.data_ptr()
    bits[0] = 0x40400000
    assert x.tolist() == [3.0, 2.0] and x._version == bits._version == 1
    assert x.view(wg.uint8).shape == (8,) and x.view(dtype=wg.float64).shape == (1,)
    assert wg.zeros(2, 4)[:, 2:].view(wg.float64).shape == (2, 1)
    assert wg.zeros(2, 3).t().view(wg.int32).stride() == (1, 3)
    for wrong in (wg.zeros(3), wg.zeros(4)[1:3], wg.zeros(2, 3), wg.tensor(1.0)):
        with pytest.raises(RuntimeError, match="view"):
            wrong.view(wg.float64)
    with pytest.raises(RuntimeError, match="stride"):
        wg.zeros(2, 3).t().view(wg.uint8)
    leaf = wg.ones(2, requires_grad=True)
    assert not leaf.view(wg.int32).requires_grad and not (leaf * 2).view(wg.float64).requires_grad


def test_integers_and_bools():
    x, b = wg.tensor([[1, 2], [3, 4]]), wg.tensor([True, False])
    linear = wg.nn.functional.linear
    assert linear(x, x).tolist() == [[5, 11], [11, 25]] and linear(x, x).dtype is wg.int64
    assert linear(x, x, wg.tensor([1, 10])).tolist() == [[6, 21], [12, 35]]
    assert linear(x[0], x[1]).item() == 11
    with pytest.raises(NotImplementedError, match="linear"):
        linear(b, b)
    step = wg.capture(lambda x: wg.nn.functional.linear(x, x).relu())
    assert [step(x).tolist() for _ in range(2)] == [[[5, 11], [11, 25]]] * 2
    assert b.square().tolist() == [1, 0] and b.square().dtype is wg.int64
    assert wg.tensor([200], dtype=wg.uint8).square().tolist() == [64]
    with pytest.raises(RuntimeError, match="bool"):
        b.square_()


def test_sequences_as_indices():
    x = wg.arange(6.0).reshape(3, 2)
    assert x[range(2)].tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert x[range(3), [0, 1, 0]].tolist() == [0.0, 3.0, 4.0]
    assert x[np.int64(1), range(1)].tolist() == [2.0] and x[range(0)].shape == (0, 2)
    x[range(2), [1, 0]] = 9.0
    assert x.tolist() == [[0.0, 9.0], [9.0, 3.0], [4.0, 5.0]]
    for wrong in ("a", b"a", {0}, 1.0):
        with pytest.raises((TypeError, IndexError)):
            x[wrong]
    with pytest.raises(IndexError):
        x[range(4)]
