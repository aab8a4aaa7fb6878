"""Rows on float16, bfloat16, int8 and int16: the wide result, rounded. See Note [narrow]."""

import math

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows.sample import SEED, arrays, build, cast
from tests.rows.table import (
    CASES,
    ROWS,
    SAMPLES,
    UNINITIALISED,
    in_torch,
    in_wengert,
    outcome,
    outputs,
)

# Where torch's dtype is not that of the wide result: numbers that are cast to integers, a power
# taken in float16, a sum whose integers become int64.
OTHERS = {"addcmul", "threshold", "ldexp", "sum_to_size"}
# Bytes seen as another dtype, numbers drawn from the range of the dtype itself, and its steps.
OF_THE_DTYPE = {"view(Tensor, dtype)", "random_(Tensor, Generator | None)", "nextafter"}
WIDE = {"float16": "float32", "bfloat16": "float32", "int8": "int32", "int16": "int32"}


def narrow_dtypes(sample) -> tuple[str, ...]:
    floats = sample.only is None or "float32" in sample.only
    integers = sample.only is None or "int32" in sample.only
    return ("float16", "bfloat16") * floats + ("int8", "int16") * integers


def is_swept(key, sample) -> bool:
    swept = any(a.dtype == sample.sweep for a in arrays(sample))
    return swept and key not in UNINITIALISED | OF_THE_DTYPE


def made_of(library, a, dtype):
    """A swept array as a tensor of that dtype."""
    return library.from_numpy(cast(a, WIDE[dtype])).to(getattr(library, dtype))


def runs(key, sample, dtype, grad):
    """Outputs and gradients with the swept tensors of that dtype, and with the wide same values."""
    for kind in (dtype, WIDE[dtype]):
        leaves = []

        def tensor(a, kind=kind, leaves=leaves):
            if a.dtype != sample.sweep:
                return wg.from_numpy(a.copy())
            t = made_of(wg, a, dtype).to(getattr(wg, kind))
            leaves.append(t.requires_grad_() if grad else t)
            return t

        args, kwargs = build(sample, wg, tensor=tensor)
        wg.manual_seed(SEED)

        def call(args=args, kwargs=kwargs, leaves=leaves):
            ys = outputs(in_wengert(ROWS[key])(*args, **kwargs))
            roots = [y for y in ys if isinstance(y, wg.Tensor) and y.requires_grad]
            if not roots:
                return ys, []
            ones = [wg.full_like(y, 0.75) for y in roots]
            return ys, wg.autograd.grad(roots, leaves, ones, allow_unused=True)

        yield outcome(call)


def same(narrow, wide, exact: bool) -> None:
    if not isinstance(wide, wg.Tensor):
        assert narrow == wide or narrow != narrow
        return
    assert narrow.shape == wide.shape
    a, b = narrow.detach(), wide.detach()
    if a.dtype != b.dtype:
        b = b.to(a.dtype)
    if exact:
        wg.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


CHECKED = [
    pytest.param(key, i, id=f"{key}-{i}") for key, i in CASES if is_swept(key, SAMPLES[key][i])
]


@pytest.mark.parametrize(("key", "i"), CHECKED)
def test_the_wide_result_rounded(key, i):
    sample = SAMPLES[key][i]
    exact = not ROWS[key]["composite"]
    for dtype in narrow_dtypes(sample):
        grad = sample.differentiable and dtype.endswith("float16")
        narrow, wide = runs(key, sample, dtype, grad)
        if isinstance(wide, Exception):
            assert isinstance(narrow, Exception), f"{dtype}: {wide} not raised"
            continue
        if isinstance(narrow, Exception):
            raise AssertionError(dtype) from narrow
        assert len(narrow[0]) == len(wide[0])
        for a, b in zip(narrow[0], wide[0], strict=True):
            same(a, b, exact)
        for a, b in zip(narrow[1], wide[1], strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                same(a, b, exact)


def in_order(bits):
    """Floats of 16 bits as integers that count them from 0."""
    return np.where(bits < 0, -(bits.astype(np.int32) & 0x7FFF), bits)


@pytest.mark.parametrize("dtype", [wg.float16, wg.bfloat16])
@pytest.mark.parametrize("towards", [math.inf, -math.inf, 0.0, -0.0, 1.0, -3.5e-8, math.nan])
def test_every_step(dtype, towards):
    """Of all numbers of the dtype, by itself, in place, and in a captured function."""
    all_bits = np.arange(1 << 16, dtype=np.uint16).view(np.int16)
    x = wg.from_numpy(all_bits.copy()).view(dtype)
    y = wg.tensor(towards, dtype=dtype)
    y_bits = y.view(wg.int16).numpy()
    here, there = in_order(all_bits), in_order(y_bits)
    count = here + np.sign(there - here)
    up = np.where(count < 0, 0x8000 - count, count).astype(np.uint16).view(np.int16)
    exact = np.where(here == there, y_bits, up)
    exact = np.where((count == 0) & (here != 0), all_bits & -0x8000, exact)  # a zero's sign stays
    nan = (x.isnan() | y.isnan()).numpy()
    captured = wg.capture(wg.nextafter)
    for _ in range(3):
        captured(x, y)
    for found in (wg.nextafter(x, y), x.clone().nextafter_(y), captured(x, y)):
        assert found.dtype == dtype and found.isnan().numpy()[nan].all()
        np.testing.assert_array_equal(found.view(wg.int16).numpy()[~nan], exact[~nan])
    if torch is not None:
        theirs = torch.from_numpy(all_bits).view(getattr(torch, str(dtype).split(".")[1]))
        theirs = torch.nextafter(theirs, torch.tensor(towards, dtype=theirs.dtype))
        np.testing.assert_array_equal(theirs.view(torch.int16).numpy()[~nan], exact[~nan])
    table = wg.nextafter(x.view(256, 256)[:, ::3].t(), y)  # through blocks and buffers
    np.testing.assert_array_equal(
        table.float().numpy(), wg.nextafter(x, y).view(256, 256).float().numpy()[:, ::3].T
    )


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("key", sorted({key for key, _ in CASES}))
def test_dtypes_of_results_are_those_of_torch(key):
    function = in_torch(ROWS[key])
    if function is None or key in UNINITIALISED | OTHERS:
        pytest.skip("not in torch")
    for sample in SAMPLES[key]:
        if not is_swept(key, sample):
            continue
        for dtype in narrow_dtypes(sample):
            ours, theirs = (
                outcome(lambda lib=lib, call=call: call(lib))
                for lib, call in made(key, sample, dtype)
            )
            if isinstance(theirs, Exception) or isinstance(ours, Exception):
                continue
            for a, b in zip(outputs(ours), outputs(theirs), strict=True):
                if isinstance(a, wg.Tensor):
                    assert str(a.dtype).split(".")[1] == str(b.dtype).split(".")[1], dtype


def made(key, sample, dtype):
    for lib, function in ((wg, in_wengert(ROWS[key])), (torch, in_torch(ROWS[key]))):

        def call(lib, function=function):
            def tensor(a):
                swept = a.dtype == sample.sweep
                return made_of(lib, a, dtype) if swept else lib.from_numpy(a.copy())

            args, kwargs = build(sample, lib, tensor=tensor)
            lib.manual_seed(SEED)
            return function(*args, **kwargs)

        yield lib, call
