"""NaN, infinities, zeros and denormals: the values, over the rows and one by one."""

import itertools
import math

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows.sample import arrays, build
from tests.rows.table import ROWS, SAMPLES, array, in_torch, in_wengert, outcome, outputs, rows

F = wg.nn.functional
NAN, INF = math.nan, math.inf
VALUES = (NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 20.0)


def test_powers_with_odd_exponents_that_float32_does_not_have():
    x = wg.tensor([-1.0, 1.0, -2.0, 0.0, -0.0, NAN, -INF])
    for exponent in (2**24 + 1, float(2**24 + 3), 2**31 - 1, 2**40 + 1):
        y = (x**exponent).tolist()
        assert y[:5] == [-1, 1, -INF, 0, 0] and math.isnan(y[5]) and y[6] == -INF
        y = (x ** (-exponent)).tolist()
        assert y[:5] == [-1, 1, 0, INF, -INF] and math.isnan(y[5]) and y[6] == 0
    assert (x[:1] ** 2**24).item() == 1
    x = wg.tensor([-1.0], requires_grad=True)
    y = x.clone()
    y **= 2**24 + 1
    y.backward(create_graph=True)
    assert y.item() == -1 and x.grad.item() == 2**24
    step = wg.capture(lambda x: x ** (2**24 + 1))
    for _ in range(3):
        assert step(wg.tensor([-1.0, 1.0])).tolist() == [-1, 1]


def test_no_power_modulo_a_number():
    for call in (lambda x: pow(x, 2, 5), lambda x: pow(2, x, 5), lambda x: wg.pow(x, 2, 5)):
        with pytest.raises(TypeError):
            call(wg.tensor(3))


def gradients(function, *values):
    """The value, and the gradient of each argument, of 0-d tensors."""
    xs = [wg.tensor(v, requires_grad=True) for v in values]
    y = function(*xs)
    return [y.item(), *(g.item() for g in wg.autograd.grad(y, xs, allow_unused=True))]


# Function, arguments, its value and gradients.
CASES = {
    "a weight of 1 gives the end": (wg.lerp, (1e10, 1.0, 1.0), (1.0, 0.0, 1.0, -1e10)),
    "a weight of 0 gives the start": (wg.lerp, (1.0, 1e10, 0.0), (1.0, 1.0, 0.0, 1e10)),
    "atan2 at the origin": (wg.atan2, (0.0, 0.0), (0.0, 0.0, 0.0)),
    "logit above 1": (wg.logit, (2.0,), (NAN, NAN)),
    "logit below 0": (wg.logit, (-0.5,), (NAN, NAN)),
    "logit at 0": (wg.logit, (0.0,), (-INF, INF)),
    "logit at 1": (wg.logit, (1.0,), (INF, INF)),
    "logit beyond eps": (lambda x: wg.logit(x, 0.25), (2.0,), (math.log(3), 0.0)),
    "logit with eps of NaN": (lambda x: wg.logit(x, 0.25), (NAN,), (NAN, NAN)),
    "maximum with NaN": (wg.maximum, (NAN, 1.0), (NAN, 1.0, 1.0)),
    "minimum with NaN": (wg.minimum, (1.0, NAN), (NAN, 1.0, 1.0)),
    "maximum of equals": (wg.maximum, (1.0, 1.0), (1.0, 0.5, 0.5)),
    "clamp of NaN": (lambda x: x.clamp(-1, 1), (NAN,), (NAN, 0.0)),
    "hardtanh of NaN": (F.hardtanh, (NAN,), (NAN, 1.0)),
    "relu6 of NaN": (F.relu6, (NAN,), (NAN, 1.0)),
    "relu of NaN": (F.relu, (NAN,), (NAN, 1.0)),
    "hardshrink of NaN": (F.hardshrink, (NAN,), (NAN, 1.0)),
    "softshrink of NaN": (F.softshrink, (NAN,), (NAN, 1.0)),
    "a certain and wrong logit": (
        F.binary_cross_entropy_with_logits,
        (INF, 0.0),
        (INF, 1.0, -INF),
    ),
    "a certain and right logit": (
        lambda x: F.binary_cross_entropy_with_logits(x, wg.tensor(0.0)),
        (-INF,),
        (0.0, 0.0),
    ),
    "prelu of infinity": (F.prelu, (INF, 0.25), (INF, 1.0, 0.0)),
    "prelu with a weight of NaN": (F.prelu, (2.0, NAN), (2.0, 1.0, 0.0)),
    "certain logits with pos_weight": (
        lambda x: F.binary_cross_entropy_with_logits(x, wg.tensor(0.0), pos_weight=wg.tensor(3.0)),
        (INF,),
        (INF, 1.0),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name):
    function, values, expected = CASES[name]
    np.testing.assert_allclose(gradients(function, *values), expected, rtol=1e-6)


def test_gradients_keep_the_precision_of_float64():
    """A number beside a tensor of float64 is not rounded to float32 on the way."""
    x = wg.tensor(0.3, dtype=wg.float64, requires_grad=True)
    for function, expected in [
        (lambda x: 2**x, 2**0.3 * math.log(2)),
        (lambda x: wg.atan2(x, 0.1), 0.1 / (0.3**2 + 0.1**2)),
        (lambda x: wg.xlogy(x, 0.1), math.log(0.1)),
        (lambda x: wg.lerp(x, x * 0, 0.1), 0.9),
    ]:
        (g,) = wg.autograd.grad(function(x), x)
        assert g.item() == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, 7, INF])
def test_normalize_of_rows_of_zeros(p):
    """Small rows have finite gradients, though their powers are no numbers."""
    for small in (0.0, 1e-30, 1e-20):
        x = wg.tensor([[small, 0.0, small], [1.0, -2.0, 3.0]], requires_grad=True)
        (g,) = wg.autograd.grad(F.normalize(x, p=p).sum(), x, create_graph=True)
        assert g.isfinite().all() and (g[0] > 1e11).all()
        if small == 0:
            (h,) = wg.autograd.grad((g[1] ** 2).sum(), x)
            assert h.isfinite().all()


PRODUCTS = {
    "addmm": (wg.addmm, (2, 2), (2, 3), (3, 2)),
    "addmv": (wg.addmv, (2,), (2, 3), (3,)),
    "baddbmm": (wg.baddbmm, (1, 2, 2), (1, 2, 3), (1, 3, 2)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_factor_of_0_ignores_what_it_multiplies(name):
    function, *shapes = PRODUCTS[name]
    x, a, b = (wg.ones(s) for s in shapes)
    nan = wg.full(shapes[0], NAN)
    wrong = wg.full(shapes[1], INF)
    assert function(nan, a, b, beta=0).equal(x * 3)
    assert function(x, wrong, b * 0, alpha=0).equal(x)
    assert function(nan, wrong, b, beta=0, alpha=0).equal(x * 0)
    leaf = nan.clone().requires_grad_()
    (g,) = wg.autograd.grad(function(leaf, a, b, beta=0).sum(), leaf)
    assert g.equal(x * 0)
    with pytest.raises(RuntimeError, match=name):
        function(wg.ones(5, 5, 5, 5), a, b, beta=0)
    with pytest.raises(RuntimeError, match="beta must not be a floating point number"):
        function(x.long(), a.long(), b.long(), beta=0.5)


# ---- denormals: see Note [denormals]


def has_tensors(row) -> bool:
    public = row["module"] or row["functional"] or row["method"]
    return bool(row["pointwise"] and public)


@rows(has_tensors)
def test_denormals_are_zeros_to_kernels(key):
    """An operand without a normal exponent gives what a zero gives, or comes out as it is."""
    row, seen = ROWS[key], 0
    for sample, dtype, sign in itertools.product(SAMPLES[key], ("float32", "float64"), (1, -1)):
        tiny = sign * np.finfo(dtype).tiny / 1000
        results = []
        for value in (tiny, sign * 0.0):

            def tensor(a, value=value, dtype=dtype):
                small = a.dtype == np.float64
                return wg.from_numpy(np.full(a.shape, value, dtype) if small else a.copy())

            args, kwargs = build(sample, wg, tensor=tensor)
            results.append(outcome(lambda a=args, k=kwargs: outputs(in_wengert(row)(*a, **k))))
        if any(isinstance(r, Exception) for r in results):
            assert type(results[0]) is type(results[1])
            continue
        for y, zero in zip(*(map(array, r) for r in results), strict=True):
            y = np.where(np.abs(y) == abs(tiny), np.copysign(y.dtype.type(0), y), y)
            np.testing.assert_array_equal(y, zero)
            seen += y.size
    assert seen or not any(a.dtype == np.float64 for s in SAMPLES[key] for a in arrays(s))


def test_the_square_root_of_a_denormal_is_0():
    for n in (1, 3, 40):
        assert wg.full((n,), 1e-40).sqrt().count_nonzero() == 0


# ---- every elementwise row at special values, against torch

ELEMENTWISE = {
    *("lerp", "clamp_min", "selu", "celu", "relu6", "softsign", "tanhshrink", "prelu", "logit"),
    *("addcmul", "addcdiv", "deg2rad", "rad2deg", "nan_to_num", "mse_loss", "smooth_l1_loss"),
    *("huber_loss", "binary_cross_entropy_with_logits"),
}
# Where torch differs from itself, between dtypes or forms of a function, or from the formula by the
# way in which it is computed: of which arguments.
TORCH_DIFFERS = {
    **{name: np.isnan for name in ("elu", "selu", "celu")},  # the gradient is 1, or NaN
    "logit": lambda x: x == 0,  # the sign of the infinite gradient at -0
    "gelu": np.isinf,  # 0 times infinity
    "softsign": np.isinf,  # the same, by the gradient of a ratio
    "binary_cross_entropy_with_logits": lambda x, t: np.isinf(x) | np.isinf(t),  # their difference
    # The root of a negative infinity, as torch has it for a number but not for a tensor.
    "pow": lambda x, y: (x == -np.inf) & (np.abs(y) == 0.5),
    "hardsigmoid": lambda x: np.abs(x) < 3,  # 1 / 6 of float32, in float64 too
}
NO_GRADIENT = {"floor_divide"}  # has one of zeros, and in torch none


def elementwise(row) -> bool:
    needed = [p["annotation"] for p in row["params"] if p["default"] is None]
    tensors = all(a in ("Tensor", "Operand") for a in needed)
    public = row["module"] or row["functional"] or row["method"]
    chosen = row["pointwise"] or row["name"] in ELEMENTWISE
    return bool(public and tensors and chosen) and row["name"] not in NO_GRADIENT | {"where"}


def at_points(function, library, points, dtype, **kwargs):
    """The values at these points and the gradients by each coordinate."""
    xs = [library.from_numpy(np.array(p, dtype)).requires_grad_() for p in points]
    y = function(*xs, **kwargs)
    if not y.requires_grad:
        return [array(y)]
    grads = library.autograd.grad(y, xs, library.ones_like(y), allow_unused=True)
    return [array(y), *(np.zeros(len(points[0]), dtype) if g is None else array(g) for g in grads)]


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.filterwarnings("ignore")
@rows(elementwise)
def test_special_values_equal_torch(key):
    """Torch is asked for one point at a time: its vector loops give other gradients at NaN."""
    row = ROWS[key]
    ours, theirs = in_wengert(row), in_torch(row)
    if theirs is None:
        return
    n = sum(p["default"] is None for p in row["params"])
    kwargs = {"reduction": "none"} if any(p["name"] == "reduction" for p in row["params"]) else {}
    points = list(itertools.product(VALUES if n < 3 else VALUES[::2], repeat=n))
    for dtype, rtol in (("float64", 1e-9), ("float32", 1e-5)):
        columns = [list(c) for c in zip(*points, strict=True)]
        results = outcome(lambda c=columns, d=dtype: at_points(ours, wg, c, d, **kwargs))
        if isinstance(results, NotImplementedError):  # of integers
            with pytest.raises(NotImplementedError):
                at_points(theirs, torch, columns, dtype)
            continue
        each = [at_points(theirs, torch, [[v] for v in point], dtype, **kwargs) for point in points]
        for k, a in enumerate(results):
            b = np.concatenate([e[k] for e in each])
            same = a == b
            if a.dtype != bool:
                with np.errstate(all="ignore"):
                    same = np.isclose(a, b, rtol=rtol, atol=0, equal_nan=True)
            if differs := TORCH_DIFFERS.get(row["name"]):
                same |= differs(*map(np.array, columns))
            wrong = [(*points[i], a[i], b[i]) for i in np.flatnonzero(~same)]
            assert not wrong, f"{dtype}, result {k}: {wrong}"
