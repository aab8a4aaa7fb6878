"""Properties of every row of the op registry, over its samples."""

import inspect

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows import reference
from tests.rows.oracles import DIFFERENCES, HIDDEN, NUMPY
from tests.rows.sample import SEED, arrays, build, key_of
from tests.rows.table import (
    DTYPES,
    GIVEN_CONTIGUOUS,
    ROWS,
    SAMPLES,
    UNINITIALISED,
    array,
    assert_same,
    cases,
    every_row,
    in_torch,
    in_wengert,
    outcome,
    outputs,
    repeated,
    rows,
    run,
    strided,
    transposed,
)
from wengert import _native

# ---- the registry


def test_every_row_has_samples():
    missing = sorted(key for key in ROWS if not SAMPLES.get(key))
    assert not missing, f"rows without samples in tests/rows/samples: {missing}"
    unknown = sorted(SAMPLES.keys() - ROWS.keys())
    assert not unknown, f"samples of rows that do not exist: {unknown}"


def test_tables_name_rows():
    for table in (NUMPY, HIDDEN, DIFFERENCES):
        unknown = {k if isinstance(k, str) else k[0] for k in table} - ROWS.keys()
        assert not unknown


@every_row
def test_documentation(key):
    row = ROWS[key]
    assert row["doc"].strip()
    rows = [r for r in ROWS.values() if r["name"] == row["name"]]
    for place, flag in ((wg, "module"), (wg.Tensor, "method"), (wg.nn.functional, "functional")):
        if not row[flag]:
            continue
        function = getattr(place, row["name"])
        assert function.__name__ == row["name"]
        assert row["name"] + row["signature"] in function.__doc__
        first = next(r for r in rows if r[flag])
        assert function.__text_signature__
        parameters = inspect.signature(function).parameters
        assert list(parameters) == [p["name"] for p in first["params"]]
        for p in first["params"]:
            given = parameters[p["name"]]
            assert (given.default is inspect.Parameter.empty) == (
                p["default"] is None or p["variadic"]
            )


@every_row
def test_wrong_arguments(key):
    row = ROWS[key]
    args, kwargs = build(SAMPLES[key][0], wg)
    forms = [in_wengert(row)]
    if row["functional"] and forms[0] is not getattr(wg.nn.functional, row["name"]):
        forms.append(getattr(wg.nn.functional, row["name"]))
    for function in forms:
        name = row["name"]
        with pytest.raises(TypeError, match=name) as info:
            function(*args, **kwargs, no_such_argument=1)
        assert "no_such_argument" in str(info.value) or "Possible forms" in str(info.value)
        wrong = object()
        with pytest.raises(TypeError, match=name) as info:
            function(wrong, *args[1:], **kwargs)
        if not row["params"][0]["variadic"]:
            assert "object" in str(info.value) or "Possible forms" in str(info.value)
        forms_of_it = [p for r in ROWS.values() if r["name"] == name for p in r["params"]]
        if any(p["variadic"] and p["annotation"] == "Tensors" for p in forms_of_it):
            continue  # no tensors, or many, are a list of them
        required = [p for p in row["params"] if p["default"] is None and not p["variadic"]]
        if required:
            with pytest.raises(TypeError, match=name):
                function()
        if not any(p["variadic"] for p in row["params"]):
            with pytest.raises(TypeError, match=name):
                function(*args, *([1] * 16), **kwargs)


# ---- forward


def torch_difference(row, sample, dtype):
    """How the results differ, or None. Both raising the same type is agreement."""
    theirs = reference.forward(row, sample, dtype)
    ours = outcome(lambda: run(row, sample, dtype=dtype))
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        same = reference.kind(ours) is reference.kind(theirs)
        return None if same else f"{ours!r} instead of {theirs!r}"
    if row["name"] in UNINITIALISED:
        ours, theirs = ours.shape, theirs.shape
    try:
        assert_same(ours, theirs)
    except AssertionError as error:
        return str(error) or "dtypes or shapes differ"
    return None


@pytest.mark.filterwarnings("ignore")
@cases(lambda row, sample: torch is not None and in_torch(row) is not None)
def test_forward_equals_torch(key, i):
    row, sample = ROWS[key], SAMPLES[key][i]
    wrong = {}
    for dtype in sample.only or DTYPES:
        if (key, dtype) in DIFFERENCES:
            continue
        if difference := torch_difference(row, sample, dtype):
            wrong[dtype] = difference
    assert not wrong, "\n".join(f"{dtype}: {text}" for dtype, text in wrong.items())


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.filterwarnings("ignore")
def test_listed_differences_exist():
    """A difference that is gone must be taken off the list."""
    gone = [
        (key, dtype)
        for key, dtype in DIFFERENCES
        if not any(
            torch_difference(ROWS[key], sample, dtype)
            for sample in SAMPLES[key]
            if dtype in (sample.only or DTYPES)
        )
    ]
    assert not gone


@cases(lambda row, sample: key_of(row) in NUMPY or key_of(row) in HIDDEN)
def test_forward_equals_numpy(key, i):
    row, sample = ROWS[key], SAMPLES[key][i]
    args, kwargs = build(sample, wg, tensor=lambda a: a)
    if any(not isinstance(v, (bool, int, float, str, list, tuple)) for v in kwargs.values()):
        kwargs.pop("dtype", None)
    with np.errstate(all="ignore"):
        expected = (NUMPY.get(key) or HIDDEN[key])(*args, **kwargs)
    actual = run(row, sample)
    for a, b in zip(outputs(actual), outputs(expected), strict=True):
        a, b = array(a), np.asarray(b)
        assert a.shape == b.shape, f"{a.shape} instead of {b.shape}"
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(a.astype(float), b.astype(float), rtol=1e-9, atol=1e-11)


# ---- layouts


# What these give is a matter of the memory.
OF_MEMORY = {"as_strided", "_as_strided", "as_strided_scatter"}
DRAWN_AS_THEY_LIE = {"rand_like", "randn_like", "randint_like", "dropout", "alpha_dropout"}


def has_layouts(row, sample):
    """Numbers that are drawn into a tensor come in the order of memory; see test_random.py."""
    draws = row["mutates"] and any(p["name"] == "generator" for p in row["params"])
    draws |= row["name"] in DRAWN_AS_THEY_LIE
    return arrays(sample) and not draws and row["name"] not in UNINITIALISED | GIVEN_CONTIGUOUS


@cases(has_layouts)
def test_layouts_do_not_matter(key, i):
    row, sample = ROWS[key], SAMPLES[key][i]
    if row["name"] in OF_MEMORY:
        return
    with wg.no_grad():
        for layout in (strided, transposed, repeated):
            if layout is repeated and row["mutates"]:
                continue
            make = repeated if layout is repeated else wg.from_numpy
            expected = outcome(lambda make=make: run(row, sample, tensor=lambda a: make(a).clone()))
            result = outcome(lambda layout=layout: run(row, sample, tensor=layout))
            if row["name"] in ("view", "view_as") and isinstance(result, RuntimeError):
                continue  # a view of memory in another order may not exist
            if "refers to a single memory location" in str(result):
                continue  # state, such as running means, that a row changes
            if isinstance(expected, Exception):
                assert type(result) is type(expected)
                continue
            assert not isinstance(result, Exception), result
            assert_same(result, expected, factor=0.01)


# ---- forms


def is_public(row, sample):
    public = row["module"] or row["functional"] or row["method"]
    # torch's own gives the indices as well, that of nn.functional on request.
    public &= row["name"] != "adaptive_max_pool1d"
    # torch's own takes the arguments in another order.
    public &= row["name"] != "embedding"
    return public and row["name"] not in UNINITIALISED


@cases(is_public)
def test_forms_agree(key, i):
    """Function, method, functional form and hidden form give the same, bit for bit."""
    row, sample = ROWS[key], SAMPLES[key][i]
    name = row["name"]
    forms = {"ops": getattr(_native.ops, name)}
    if row["module"]:
        forms["module"] = getattr(wg, name)
    if row["functional"]:
        forms["functional"] = getattr(wg.nn.functional, name)
    if row["method"] and isinstance(sample.args[0], np.ndarray):
        forms["method"] = getattr(wg.Tensor, name)
    results = {form: outcome(lambda f=f: run(row, sample, f)) for form, f in forms.items()}
    expected = results["ops"]
    for form, result in results.items():
        if isinstance(expected, Exception):
            assert type(result) is type(expected), form
        else:
            assert not isinstance(result, Exception), f"{form}: {result}"
            assert type(result) is type(expected), form
            assert_same(result, expected, exact=True)


@cases(lambda row, sample: is_public(row, sample))
def test_inplace_and_out(key, i):
    row, sample = ROWS[key], SAMPLES[key][i]
    name = row["name"]
    if isinstance(outcome(lambda: run(row, sample)), Exception):
        return
    expected = run(row, sample)
    if row["inplace"] and isinstance(sample.args[0], np.ndarray):
        check_inplace(row, sample, expected, lambda x, a, k: getattr(x, name + "_")(*a, **k))
        if row["module"]:
            check_inplace(
                row, sample, expected, lambda x, a, k: getattr(wg, name + "_")(x, *a, **k)
            )
    if row["inplace_functional"]:
        f = getattr(wg.nn.functional, name)
        check_inplace(row, sample, expected, lambda x, a, k: f(x, *a, inplace=True, **k))
    plain = row["module"] and not (row["view"] or row["mutates"] or row["returns_list"])
    if not plain or any(e is a for e in outputs(expected) for a in sample.args):
        return
    with wg.no_grad():
        results = outputs(expected)
        outs = tuple(wg.empty(0, dtype=r.dtype) for r in results)
        args, kwargs = build(sample, wg)
        wg.manual_seed(SEED)
        given = outs[0] if len(outs) == 1 else outs
        returned = outputs(getattr(wg, name)(*args, **kwargs, out=given))
        assert all(r is o for r, o in zip(returned, outs, strict=True))
        assert_same(outs, results, exact=True)


def check_inplace(row, sample, expected, call):
    args, kwargs = build(sample, wg)
    x = args[0]
    before, address = x._version, x.data_ptr()
    wg.manual_seed(SEED)
    fits = expected.shape == x.shape and wg.can_cast(expected.dtype, x.dtype)
    if not fits:
        with pytest.raises(RuntimeError):
            call(x, args[1:], kwargs)
        return
    result = call(x, args[1:], kwargs)
    assert result is x and x.data_ptr() == address
    assert x._version > before
    assert_same(x, expected.to(x.dtype), exact=True)


@rows(lambda row: row["mutates"] and len(row["outputs"]) < 2)
def test_mutating_rows_keep_identity(key):
    row, sample = ROWS[key], SAMPLES[key][0]
    args, kwargs = build(sample, wg)
    first = args[0][0] if isinstance(args[0], list) else args[0]
    version = first._version
    result = in_wengert(row)(*args, **kwargs)
    assert result is first
    assert first._version == version + 1


@rows(lambda row: row["view"])
def test_views_share_memory(key):
    row = ROWS[key]
    for sample in SAMPLES[key]:
        args, kwargs = build(sample, wg)
        base = args[0]
        results = in_wengert(row)(*args, **kwargs)
        for result in results if isinstance(results, tuple) else (results,):
            version = base._version
            if result.numel() and 0 not in result.stride():
                with wg.no_grad():
                    base.fill_(1)
                    result.zero_()
                assert base._version == result._version == version + 2
                assert (base == 0).sum() >= 1
