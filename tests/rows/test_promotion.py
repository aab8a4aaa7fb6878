"""Operands of several dtypes, and numbers that a dtype does not have, over the registry."""

import itertools

import numpy as np
import pytest

import wengert as wg
from tests.rows.sample import arrays, build, key_of
from tests.rows.table import ROWS, SAMPLES, array, in_wengert, outcome, outputs, rows
from wengert import _native

DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")
# What a narrower dtype loses: by wrapping, by overflow, by rounding.
VALUES = {
    "bool": [True, False, True],
    "uint8": [200, 255, 3, 100, 1],
    "int32": [2**30, 3, -(2**30) - 7, 2**31 - 1, 5],
    "int64": [2**40 + 1, -3, 2**62 + 3, 7, 2**24 + 1],
    "float32": [0.1, 3e38, 1e-30, 2.5, 0.7],
    "float64": [0.3, 1e200, 1e-200, 1.0 + 1e-12, 0.9],
}


def filled(array, dtype: str, first: int):
    """Of the array's shape, with the dtype's values from number `first` on."""
    values = VALUES[dtype]
    flat = [values[(first + i) % len(values)] for i in range(array.size)]
    return np.array(flat, dtype).reshape(array.shape)


def common(dtypes, shapes) -> str:
    """Dimensions outrank 0-d tensors unless these are of a higher category."""
    category = [0, 1, 1, 1, 2, 2]
    highest = [
        max(
            (DTYPES.index(d) for d, s in zip(dtypes, shapes, strict=True) if bool(s) == dims),
            default=-1,
        )
        for dims in (True, False)
    ]
    dims, zero = highest
    if dims < 0 or (zero >= 0 and category[zero] > category[dims]):
        return DTYPES[zero]
    return DTYPES[dims]


def results(row, sample, tensors, dtype=None):
    """The outputs, and the gradients of the floating ones of these tensors, cast first if asked."""
    made = [wg.from_numpy(t.copy()) for t in tensors]
    leaves = [t.requires_grad_() if t.is_floating_point() else t for t in made]
    queue = iter([t if dtype is None else t.to(getattr(wg, dtype)) for t in leaves])

    def tensor(a):
        return next(queue) if a.dtype == sample.sweep else wg.from_numpy(a.copy())

    args, kwargs = build(sample, wg, tensor=tensor)
    ys = outputs(in_wengert(row)(*args, **kwargs))
    roots = [y for y in ys if y.requires_grad]
    wanted = [x for x in leaves if x.requires_grad]
    grads = []
    if roots and wanted:
        ones = [wg.full_like(y, 1.5) for y in roots]
        grads = wg.autograd.grad(roots, wanted, ones, allow_unused=True)
    return [array(y) for y in ys], [None if g is None else array(g) for g in grads]


# Rows of several tensors that refuse those of different dtypes;
REFUSE = {
    *(
        "binomial",
        "mm",
        "bmm",
        "matmul",
        "mv",
        "dot",
        "linear",
        "prelu",
        "addmm",
        "addmv",
        "baddbmm",
    ),
    *("scatter", "scatter_add", "index_add", "index_copy", "masked_scatter", "meshgrid"),
    *("addbmm", "vdot", "put", "scatter_reduce", "index_reduce", "heaviside", "cartesian_prod"),
    *("quantile", "nanquantile"),
    *("nll_loss", "binary_cross_entropy", "isclose", "embedding_bag"),
    *("grid_sample", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d"),
    *(f"conv{kind}{n}d" for kind in ("", "_transpose") for n in "123"),
    *("layer_norm", "group_norm", "batch_norm", "instance_norm"),
    *(f"fractional_max_pool{n}d{both}" for n in "23" for both in ("", "_with_indices")),
    *(f"{name}{cell}" for name in ("rnn_tanh", "rnn_relu", "gru") for cell in ("", "_cell")),
}
# whose result has the first one's dtype;
KEEP = {"fill", "masked_fill", "index_fill", "view_as", "reshape_as", "expand_as"}
KEEP |= {"scaled_dot_product_attention"}  # a mask of bools is none of numbers
KEEP |= {f"{name}_scatter" for name in ("select", "slice", "diagonal", "as_strided")}
KEEP |= {"broadcast_tensors", "normal", "rms_norm", "atleast_1d", "atleast_2d", "atleast_3d"}
# that PyTorch composes of operations of some of them.
COMPOSED = {
    "cov",
    "trapezoid",
    "cumulative_trapezoid",
    "ldexp",
    "float_power",  # always of float64
    "bilinear",
    "cross_entropy",
    "mse_loss",
    "l1_loss",
    "huber_loss",
    "binary_cross_entropy_with_logits",
    "kl_div",
    "cosine_embedding_loss",
    "margin_ranking_loss",
    "hinge_embedding_loss",
    "soft_margin_loss",
    "multilabel_soft_margin_loss",
    "multi_margin_loss",
    "triplet_margin_loss",
    "gaussian_nll_loss",
    "poisson_nll_loss",
}


def swept(sample):
    return [a for a in arrays(sample) if a.dtype == sample.sweep]


def several(row) -> bool:
    public = row["module"] or row["functional"] or row["method"]
    samples = SAMPLES.get(key_of(row), ())
    mixed = any(len(swept(s)) > 1 for s in samples)
    return bool(public and mixed) and not row["mutates"] and row["name"] not in KEEP | COMPOSED


@rows(several)
def test_operands_are_computed_in_their_common_dtype(key):
    """The same bits, forward and backward, as of operands that were cast before."""
    row, accepted = ROWS[key], False
    for sample in (s for s in SAMPLES[key] if len(swept(s)) > 1):
        shapes = [a.shape for a in swept(sample)]
        for one, other in itertools.permutations(DTYPES, 2):
            for place in range(len(shapes)):
                dtypes = [one if i == place else other for i in range(len(shapes))]
                tensors = [
                    filled(a, d, i)
                    for i, (a, d) in enumerate(zip(swept(sample), dtypes, strict=True))
                ]
                mixed = outcome(lambda s=sample, t=tensors: results(row, s, t))
                if isinstance(mixed, Exception):
                    continue
                accepted = True
                dtype = common(dtypes, shapes)
                if mixed[0][0].dtype.kind == "f" and not dtype.startswith("float"):
                    dtype = "float32"
                cast = results(row, sample, tensors, dtype)
                for a, b in zip(itertools.chain(*mixed), itertools.chain(*cast), strict=True):
                    assert (a is None) == (b is None)
                    if a is not None:
                        assert a.dtype == b.dtype, dtypes
                        np.testing.assert_array_equal(a, b, err_msg=str(dtypes))
    assert accepted != (row["name"] in REFUSE)


# ---- numbers that the dtype of a tensor does not have


def call(name, *args, **kwargs):
    """The function of that name of x and the number."""
    owner = wg if hasattr(wg, name) else wg.Tensor if hasattr(wg.Tensor, name) else _native.ops
    return lambda x, n: getattr(owner, name)(
        *(n if a is NUMBER else x if a is X else a for a in (args or (X, NUMBER))),
        **{k: n if v is NUMBER else v for k, v in kwargs.items()},
    )


X, NUMBER = object(), object()
FIRST = wg.tensor([0])
MASK = wg.tensor([True, False, True, False])

# Every row that takes a number, by what becomes of one that an integer dtype does not have.
BOUND = {  # it limits nothing, or is refused
    **{name: call(name) for name in ("clamp_min", "clamp_max", "maximum", "minimum")},
    **{name: call(name) for name in ("fmax", "fmin")},
    "clamp": call("clamp", X, min=NUMBER),
    "clip": call("clip", X, max=NUMBER),
    "clamp_both": lambda x, n: wg.clamp(x, min(n, 3), max(n, 3)),
}
REFUSED = {  # as PyTorch refuses it
    "pow": call("pow"),
    "where": lambda x, n: wg.where(MASK, n, x),
    "masked_fill": call("masked_fill", X, MASK, NUMBER),
    "index_fill": call("index_fill", X, 0, FIRST, NUMBER),
    "scatter": call("scatter", X, 0, FIRST, NUMBER),
    **{name: call(name) for name in ("fill", "fill_", "full_like")},
    "full": lambda x, n: wg.full((2,), n, dtype=x.dtype),
    "new_full": call("new_full", X, (2,), NUMBER),
    "fill_diagonal_": lambda x, n: x.reshape(2, 2).fill_diagonal_(n),
    "_set_item": lambda x, n: x.__setitem__(0, n),
    "__setitem__": lambda x, n: x.__setitem__(slice(2), n),
    "linspace": lambda x, n: wg.linspace(0, n, 3, dtype=x.dtype),
    "logspace": lambda x, n: wg.logspace(0, n, 3, dtype=x.dtype),
    "threshold": lambda x, n: wg.nn.functional.threshold(x, n, 0),
    "add": lambda x, n: wg.add(x, x, alpha=n),
    "sub": lambda x, n: wg.sub(x, x, alpha=n),
    "rsub": lambda x, n: wg.rsub(x, x, alpha=n),
    "addcmul": lambda x, n: wg.addcmul(x, x, x, value=n),
    "addmm": lambda x, n: wg.addmm(*[x.reshape(2, 2)] * 3, alpha=n),
    "addmv": lambda x, n: wg.addmv(x[:2], x.reshape(2, 2), x[:2], beta=n),
    "baddbmm": lambda x, n: wg.baddbmm(*[x.reshape(1, 2, 2)] * 3, alpha=n),
    "addbmm": lambda x, n: wg.addbmm(x.reshape(2, 2), *[x.reshape(1, 2, 2)] * 2, alpha=n),
    "addr": lambda x, n: wg.addr(x.reshape(2, 2), x[:2], x[:2], alpha=n),
    "index_add": lambda x, n: wg.index_add(x, 0, FIRST, x[:1], alpha=n),
}
WRAPPED = {  # as PyTorch wraps it
    name: call(name)
    for name in (
        *("add", "sub", "mul", "floor_divide", "remainder", "fmod", "trunc_divide"),
        *("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"),
        *("bitwise_and", "bitwise_or", "bitwise_xor"),
        *("bitwise_left_shift", "bitwise_right_shift"),
    )
}
FLOATING = {name: call(name) for name in ("div", "atan2", "copysign", "xlogy")}
FLOATING |= {name: getattr(wg.special, name) for name in ("xlog1py", "zeta")}
# Of floating tensors only, or no number of elements.
OTHERS = {
    "lerp",
    "add_scaled",
    "hypot",
    "logaddexp",
    "pow_odd",
    "addcdiv",
    "arange",
    "norm",
    "var",
    "std",
    "var_mean",
}
OTHERS |= {"std_mean", "float_power", "quantile", "nanquantile", "dist", "histc", "renorm"}
OTHERS |= {"trapezoid", "cumulative_trapezoid"}
OTHERS |= {name for name in dir(wg.special) if "_polynomial_" in name}  # a degree
OTHERS |= {"pad", "constant_pad_nd"}  # a number to fill with, cast to the dtype
OTHERS |= {"lp_pool1d", "lp_pool2d", "lp_pool3d"}  # an exponent
OTHERS |= {"gaussian_nll_loss"}  # a variance
BEYOND = [("uint8", 300), ("int32", 2**31), ("int32", -(2**40)), ("int32", 2**40 + 3)]


def integers(dtype):
    return wg.tensor([1, 5, 9, 200], dtype=getattr(wg, dtype))


def test_every_row_with_a_number_is_listed():
    taking = {
        row["name"]
        for row in ROWS.values()
        if any(p["annotation"].startswith(("Operand", "Number")) for p in row["params"])
    }
    assert taking == {*BOUND, *REFUSED, *WRAPPED, *FLOATING, *OTHERS}


@pytest.mark.parametrize(("dtype", "number"), BEYOND)
@pytest.mark.parametrize("name", BOUND)
def test_a_bound_beyond_the_dtype_limits_nothing_or_is_refused(name, dtype, number):
    x = integers(dtype)
    exact = BOUND[name](x.long(), number).tolist()
    if number in exact:
        with pytest.raises(RuntimeError, match=f"{name}|clamp"):
            BOUND[name](x, number)
    else:
        result = BOUND[name](x, number)
        assert result.dtype == x.dtype and result.tolist() == exact


@pytest.mark.parametrize(("dtype", "number"), BEYOND)
@pytest.mark.parametrize("name", REFUSED)
def test_a_number_beyond_the_dtype_is_refused(name, dtype, number):
    x = integers(dtype)
    with pytest.raises(RuntimeError, match="overflow|negative integer powers"):
        REFUSED[name](x, number)
    assert x.tolist() == integers(dtype).tolist()


@pytest.mark.parametrize(("dtype", "number"), BEYOND)
@pytest.mark.parametrize("name", WRAPPED)
def test_a_number_beyond_the_dtype_wraps(name, dtype, number):
    x = integers(dtype)
    inside = int(wg.tensor(number).to(x.dtype))
    wrapped, result = (outcome(lambda n=n: WRAPPED[name](x, n)) for n in (inside, number))
    if isinstance(wrapped, RuntimeError):  # a division by 0
        assert isinstance(result, RuntimeError)
    else:
        assert result.dtype == wrapped.dtype and result.tolist() == wrapped.tolist()


@pytest.mark.parametrize(("dtype", "number"), BEYOND)
@pytest.mark.parametrize("name", FLOATING)
def test_a_number_beyond_the_dtype_is_exact_in_floating_results(name, dtype, number):
    x = integers(dtype)
    results = (FLOATING[name](t, number).tolist() for t in (x, x.float()))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(("dtype", "most"), [("uint8", 256), ("bool", 2), ("float32", 2**24 + 1)])
def test_a_permutation_fits_its_dtype(dtype, most):
    dtype = getattr(wg, dtype)
    if most < 1000:
        assert sorted(wg.randperm(most, dtype=dtype).tolist()) == list(range(most))
    with pytest.raises(RuntimeError, match="randperm"):
        wg.randperm(most + 1, dtype=dtype)


# ---- in place


@rows(lambda row: row["inplace"])
def test_a_wider_result_is_not_written_in_place(key):
    """Of integers and floats together: refused, and nothing has changed."""
    row = ROWS[key]
    for sample in SAMPLES[key]:
        if not isinstance(sample.args[0], np.ndarray) or sample.args[0].dtype != np.float64:
            continue
        place = iter(range(99))

        def tensor(a, place=place):
            return wg.from_numpy(a.copy() if next(place) else np.array(np.ceil(a), "int64"))

        args, kwargs = build(sample, wg, tensor=tensor)
        result = outcome(lambda args=args, kwargs=kwargs: in_wengert(row)(*args, **kwargs))
        if isinstance(result, Exception) or not result.is_floating_point():
            continue
        before = args[0].tolist()
        with pytest.raises(RuntimeError, match=r"can't be cast|broadcast"):
            getattr(args[0], row["name"] + "_")(*args[1:], **kwargs)
        assert args[0].tolist() == before
