"""`out=` of functions, native and written in Python, against torch where it is installed."""

import pytest

import wengert as wg
from tests.conftest import torch


def values(t):
    return t.arange(6.0).reshape(2, 3), t.eye(3) * 2


# By name: of a library, x (2, 3), a matrix and `out`; each result is a float32.
FUNCTIONS = {
    "add": lambda t, x, s, o: t.add(x, x, out=o),
    "mm": lambda t, x, s, o: t.mm(x, s, out=o),
    "amax": lambda t, x, s, o: t.amax(x, 1, out=o),
    "ger": lambda t, x, s, o: t.ger(x[0], x[1], out=o),
    "frobenius_norm": lambda t, x, s, o: t.frobenius_norm(x, [1], out=o),
    "nuclear_norm": lambda t, x, s, o: t.nuclear_norm(x, out=o),
    "cholesky": lambda t, x, s, o: t.cholesky(s, out=o),
    "inverse": lambda t, x, s, o: t.inverse(s, out=o),
    "chain_matmul": lambda t, x, s, o: t.chain_matmul(x, s, s, out=o),
    "view_copy": lambda t, x, s, o: t.view_copy(x, [6], out=o),
    "tensordot": lambda t, x, s, o: t.tensordot(x, x, ([1], [1]), out=o),
    "matrix_power": lambda t, x, s, o: t.linalg.matrix_power(s, 2, out=o),
    "vecdot": lambda t, x, s, o: t.linalg.vecdot(x, x, out=o),
}
OUTS = {
    "empty": lambda t: t.empty(0),
    "another shape": lambda t: t.zeros(7, 7),
    "transposed": lambda t: t.zeros(3, 3).t(),
    "integers": lambda t: t.empty(0, dtype=t.int64),
    "requires a gradient": lambda t: t.empty(0).requires_grad_(),
    "no tensor": lambda t: 3,
    "a tuple": lambda t: (t.empty(0),),
}
# Results of several tensors.
SEVERAL = {
    "sort": lambda t, x, s: t.sort(x, out=(t.zeros(7), t.empty(3, 2, dtype=t.int64))),
    "lu": lambda t, x, s: t.lu(s, out=(t.empty(0), t.empty(0, dtype=t.int32))),
    "lu of a list": lambda t, x, s: t.lu(s, out=[t.empty(0), t.empty(0, dtype=t.int32)]),
    "lu of one": lambda t, x, s: t.lu(s, out=(t.empty(0),)),
    "lu of a tensor": lambda t, x, s: t.lu(s, out=t.empty(0)),
    "histogram": lambda t, x, s: t.histogram(x, 3, out=(t.empty(0), t.empty(0))),
    "histogram of one": lambda t, x, s: t.histogram(x, 3, out=(t.empty(0),)),
    "histogram of integers": lambda t, x, s: t.histogram(
        x, 3, out=(t.empty(0), t.empty(0, dtype=t.int64))
    ),
    "svd of two": lambda t, x, s: t.svd(x, out=(t.empty(0), t.empty(0))),
}


def outcome(call):
    try:
        result = call()
    except Exception as error:
        return "refused" if isinstance(error, (RuntimeError, TypeError)) else error
    found = result if isinstance(result, (tuple, list)) else (result,)
    return [(tuple(x.shape), [round(v, 4) for v in x.flatten().tolist()]) for x in found]


pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.skipif(torch is None, reason="torch is the oracle")
@pytest.mark.parametrize("out", OUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_torch(name, out):
    found, expected = (
        outcome(lambda t=t: FUNCTIONS[name](t, *values(t), OUTS[out](t))) for t in (wg, torch)
    )
    assert found == expected


@pytest.mark.skipif(torch is None, reason="torch is the oracle")
@pytest.mark.parametrize("name", SEVERAL)
def test_several_as_torch(name):
    found, expected = (outcome(lambda t=t: SEVERAL[name](t, *values(t))) for t in (wg, torch))
    assert found == expected


def test_it_is_the_tensor_and_tells_when_it_loses_its_shape():
    x, s = values(wg)
    out = wg.zeros(7, 7)
    with pytest.warns(UserWarning, match=r"shape \(7, 7\)"):
        assert wg.cholesky(s, out=out) is out
    assert out.shape == (3, 3)
    whole = wg.zeros(3, 4)
    with pytest.warns(UserWarning, match=r"shape \(12,\)"):
        wg.neg(x, out=whole.view(12))  # views keep the memory that they have
    assert whole.flatten()[:7].tolist() == [0, -1, -2, -3, -4, -5, 0]
    lu, pivots = into = wg.empty(0), wg.empty(0, dtype=wg.int32)
    found = wg.lu(s, out=into)
    assert found[0] is lu and found[1] is pivots
    named = wg.histogram(x, 3, out=(wg.empty(0), wg.empty(0)))
    assert type(named) is type(wg.histogram(x, 3)) and named.hist.tolist() == [2, 2, 2]


# Functions with a dtype of their own take that of `out`; the values are whole numbers.
OF_A_DTYPE = {
    "sum": lambda t, x, o: t.sum(x, 0, out=o),
    "prod": lambda t, x, o: t.prod(x, 0, out=o),
    "cumsum": lambda t, x, o: t.cumsum(x, 0, out=o),
    "arange": lambda t, x, o: t.arange(0, 6, 2, out=o),
    "linspace": lambda t, x, o: t.linspace(0, 3, 4, out=o),
    "zeros": lambda t, x, o: t.zeros(2, out=o),
    "full": lambda t, x, o: t.full((2,), 3, out=o),
    "eye": lambda t, x, o: t.eye(2, out=o),
}


@pytest.mark.parametrize("dtype", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("name", OF_A_DTYPE)
def test_the_dtype_is_that_of_out(name, dtype):
    def result(t):
        out = t.empty(0, dtype=getattr(t, dtype))
        return OF_A_DTYPE[name](t, t.tensor([[1.0, 2.0], [3.0, 4.0]]), out)

    found = result(wg)
    assert str(found.dtype) == f"wengert.{dtype}"
    if torch:
        assert found.tolist() == result(torch).tolist()


def test_nansum_of_integers_leaves_nan_out():
    x = wg.tensor([[1.0, float("nan")], [2.0, 3.0]])
    assert wg.nansum(x, 0, dtype=wg.int64).tolist() == [3, 3]
