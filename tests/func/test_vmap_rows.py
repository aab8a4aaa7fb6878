"""Every row's samples, mapped over and slice by slice: the same numbers, or an error."""

import numpy as np
import pytest

import wengert as wg
from tests.rows.sample import arrays, build
from tests.rows.table import ROWS, SAMPLES, outputs

SLICES = 2
FAILURES = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError)
#: What a sample of these holds is not determined, or drawn.
FREE = {"empty_like", "new_empty"}


def form_of(row):
    """The row as users call it, looked up at the call."""
    name = row["name"]
    if row["module"]:
        return lambda *args, **kwargs: getattr(wg, name)(*args, **kwargs)
    if row["functional"]:
        return lambda *args, **kwargs: getattr(wg.nn.functional, name)(*args, **kwargs)
    if row["method"]:
        return lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)
    return None


def shifted(array, b):
    """Other values of the same range for another slice; symmetric matrices stay so."""
    square = array.ndim == 2 and array.shape[0] == array.shape[1]
    if b == 0 or square:
        return array.copy()
    return np.roll(array.reshape(-1), b).reshape(array.shape)


def called(row, sample, form, given):
    count = iter(range(10**6))

    def tensor(_):
        k = next(count)
        return given[k].clone() if row["mutates"] and k == 0 else given[k]

    args, kwargs = build(sample, wg, None, tensor)
    return [t for t in outputs(form(*args, **kwargs)) if isinstance(t, wg.Tensor)]


def compare(key, sample, alone):
    """Whether a vmap over all of the tensors, or the first alone, gave numbers, which are right."""
    row, form = ROWS[key], form_of(ROWS[key])
    plain = arrays(sample)
    mapped = [k for k in range(len(plain)) if k == 0 or not alone]
    stacks = {k: np.stack([shifted(plain[k], b) for b in range(SLICES)]) for k in mapped}
    rest = {k: wg.from_numpy(a.copy()) for k, a in enumerate(plain) if k not in stacks}
    try:
        rows = [
            called(row, sample, form,
                   rest | {k: wg.from_numpy(s[b].copy()) for k, s in stacks.items()})
            for b in range(SLICES)
        ]  # fmt: skip
        wanted = [wg.stack(list(column)) for column in zip(*rows, strict=True)]
    except FAILURES:
        return False

    def function(*xs):
        return called(row, sample, form, rest | dict(zip(stacks, xs, strict=True)))

    try:
        found = wg.vmap(function)(*[wg.from_numpy(s) for s in stacks.values()])
    except FAILURES:
        return False
    for ours, theirs in zip(found, wanted, strict=True):
        assert tuple(ours.shape) == tuple(theirs.shape) and ours.dtype == theirs.dtype, key
        np.testing.assert_allclose(
            ours.detach().double().numpy(), theirs.detach().double().numpy(), rtol=1e-5, atol=1e-7,
            err_msg=key,
        )  # fmt: skip
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("alone", [False, True])
def test_rows(alone):
    right = tried = 0
    for key, samples in SAMPLES.items():
        if form_of(ROWS[key]) is None or ROWS[key]["name"] in FREE:
            continue
        for sample in samples[:2]:
            if arrays(sample):
                tried += 1
                right += compare(key, sample, alone)
    assert tried > 500 and right > 0.8 * tried
