"""The rows of the op registry, how they are run, and what their results are compared with."""

import warnings

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows.sample import SEED, Sample, build, keyed
from tests.rows.samples import load
from wengert import _native

ROWS = keyed(_native.registry)
FAMILIES = load()
SAMPLES = {key: samples for family in FAMILIES.values() for key, samples in family.items()}
DTYPES = ("float64", "float32", "int64", "int32", "uint8", "bool")
TOLERANCES = {"float32": (3e-5, 3e-6), "float64": (1e-9, 1e-11)}
# What is in the memory of these is not specified.
UNINITIALISED = {"empty", "empty_like", "new_empty"}

# Hidden rows whose callers see to it.
GIVEN_CONTIGUOUS = {
    "_nonzero",
    "_masked_select",
    "_strided_zero_",
    "_cross_entropy_backward_",
    "_embedding_backward_add_",
}

CASES = [(key, i) for key in ROWS for i in range(len(SAMPLES.get(key, ())))]


def rows(applies):
    """Parametrizes a test with the keys of the rows for which applies(row)."""
    return pytest.mark.parametrize("key", [key for key, row in ROWS.items() if applies(row)])


def cases(applies):
    """Parametrizes a test with the samples, by row and number, for which applies(row, sample)."""
    chosen = [(key, i) for key, i in CASES if applies(ROWS[key], SAMPLES[key][i])]
    return pytest.mark.parametrize(("key", "i"), chosen, ids=[f"{k}-{i}" for k, i in chosen])


every_row = rows(lambda row: True)
every_case = cases(lambda row, sample: True)


# ---- calling a row


def name_in_torch(row: dict) -> tuple:
    """The places where torch may have the op, in the order in which we have it."""
    places = []
    if row["module"]:
        places.append(torch)
    if row["functional"]:
        places.append(torch.nn.functional)
    if row["method"]:
        places.append(torch.Tensor)
    return tuple(places)


# Rows of ours that are torch's under a private name, and such as are private here.
PRIVATE = {
    "standard_gamma": "_standard_gamma",
    "sample_dirichlet": "_sample_dirichlet",
    "nonzero": "nonzero",
}


def in_torch(row: dict):
    if torch is not None and row["name"] in PRIVATE:
        return getattr(torch, PRIVATE[row["name"]])
    if torch is not None and row["name"].startswith("linalg_"):
        return getattr(torch._C._linalg, row["name"])
    places = name_in_torch(row)
    if torch is not None and not places and row["name"] in wg.special.__all__:
        places = (torch.special,)
    for place in places:
        if hasattr(place, row["name"]):
            return getattr(place, row["name"])
    return None


def in_wengert(row: dict):
    """The row's first public form, or its hidden one."""
    name = row["name"]
    if row["module"]:
        return getattr(wg, name)
    if row["functional"]:
        return getattr(wg.nn.functional, name)
    if row["method"]:
        return getattr(wg.Tensor, name)
    return getattr(_native.ops, name)


def run(row: dict, sample: Sample, function=None, dtype=None, tensor=None):
    args, kwargs = build(sample, wg, dtype, tensor)
    wg.manual_seed(SEED)
    with warnings.catch_warnings():  # samples may be what users are warned of
        warnings.simplefilter("ignore")
        return (function or in_wengert(row))(*args, **kwargs)


def outputs(result) -> list:
    """The tensors of a result: one, a tuple or a list, in which None may stand for one."""
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in outputs(r) if t is not None]
    return [result]


def array(t) -> np.ndarray:
    return t.detach().numpy(force=True) if hasattr(t, "detach") else np.asarray(t)


def assert_same(actual, expected, exact=False, factor=1.0):
    """Equal shapes, dtypes and values; floating ones up to rounding unless `exact`."""
    ours, theirs = outputs(actual), outputs(expected)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        a, b = array(a), array(b)
        assert a.shape == b.shape, f"{a.shape} instead of {b.shape}"
        assert a.dtype == b.dtype, f"{a.dtype} instead of {b.dtype}"
        if exact or a.dtype.kind != "f":
            np.testing.assert_array_equal(a, b)
        else:
            rtol, atol = TOLERANCES[a.dtype.name]
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(a, b, rtol=rtol * factor, atol=atol * factor)


def outcome(function):
    try:
        return function()
    except Exception as error:
        return error


# ---- layouts


def strided(a):
    """Every second element of a larger buffer, which starts with others."""
    buffer = np.zeros((*a.shape[:-1], 2 * a.shape[-1] + 1) if a.ndim else (3,), a.dtype)
    if a.ndim == 0:
        buffer[1] = a
        return wg.from_numpy(buffer)[1]
    buffer[..., 1::2] = a
    return wg.from_numpy(buffer)[..., 1::2]


def transposed(a):
    """The dimensions in reverse order in memory."""
    t = wg.from_numpy(a.T.copy())
    return t.permute(*reversed(range(a.ndim))) if a.ndim > 1 else t


def repeated(a):
    """The first row (or element) for all rows, by a stride of 0."""
    if a.ndim == 0 or a.dtype.kind != "f":
        return wg.from_numpy(a.copy())
    return wg.from_numpy(a[:1].copy()).expand(a.shape) if a.shape[0] else wg.from_numpy(a.copy())
