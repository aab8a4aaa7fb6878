"""Every row gives the numbers that are stored from torch, or those of a formula of ours."""

import numpy as np

from tests.rows import stored
from tests.rows.derivatives import first_order
from tests.rows.oracles import HIDDEN, NUMPY
from tests.rows.sample import fingerprint
from tests.rows.table import ROWS, SAMPLES, outcome, rows, run

VALUES = stored.load()
STORE = "write it with `python -m tests.rows.store`, which needs torch"


def test_every_sample_has_numbers():
    missing = [
        f"{key}-{i}"
        for key, samples in SAMPLES.items()
        for i, sample in enumerate(samples)
        if key not in NUMPY and key not in HIDDEN
        if not VALUES.get(key, {}).get(fingerprint(sample))
    ]
    assert not missing, f"no formula in oracles.py and nothing stored of {missing}: {STORE}"


def test_nothing_else_is_stored():
    old = [
        f"{key} {mark}"
        for key, samples in VALUES.items()
        for mark in samples.keys() - {fingerprint(s) for s in SAMPLES.get(key, ())}
    ]
    assert not old, f"stored values of samples that are gone, {old}: {STORE}"


@rows(lambda row: True)
def test_stored_values(key):
    row = ROWS[key]
    for i, sample in enumerate(SAMPLES[key]):
        entry = VALUES.get(key, {}).get(fingerprint(sample), {})
        for dtype in entry.keys() - {"gradients"}:
            compare = stored.compare_in_full if dtype == "float64" else stored.compare_digests
            result = outcome(lambda sample=sample, dtype=dtype: run(row, sample, dtype=dtype))
            compare(result, entry[dtype], f"sample {i}, {dtype}")
        if "gradients" not in entry:
            continue
        ours = first_order(row, sample)
        for g, (shape, values) in zip(ours, entry["gradients"], strict=True):
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(
                    g,
                    np.array(values, float).reshape(shape),
                    rtol=1e-6,
                    atol=1e-9,
                    err_msg=f"gradients of sample {i}",
                )
