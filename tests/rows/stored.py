"""What torch gives for the samples of the rows, kept in `values`: a file for each family, a line
for each sample. `python -m tests.rows.store` writes them.

    "row": [["sample", {"float64": results, "float32": digests, ..., "gradients": arrays}], ...]

Results of float64 are kept in full, [dtype, shape, values]; of each other dtype under test [dtype,
digest], where the digest is a weighted sum. Where torch raises, the type of its exception stands in
place of the results; where we differ on purpose, nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.rows.oracles import DIFFERENCES
from tests.rows.reference import kind
from tests.rows.sample import Sample, arrays
from tests.rows.table import DTYPES, array, outputs

FOLDER = Path(__file__).with_name("values")
# Of stored numbers ten digits are kept.
FULL = {"rtol": 1e-9, "atol": 1e-11}
DIGESTS = {"float32": 3e-5, "float64": 1e-6}


def load() -> dict[str, dict[str, dict]]:
    """All stored values: by row and by the sample's fingerprint."""
    table = {}
    for path in sorted(FOLDER.glob("*.json")):
        table.update({key: dict(samples) for key, samples in json.loads(path.read_text()).items()})
    return table


def swept(sample: Sample) -> bool:
    """Whether the dtype under test changes anything."""
    return any(a.dtype == sample.sweep for a in arrays(sample))


def dtypes(key: str, sample: Sample) -> list[str]:
    """The dtypes of which results are stored."""
    names = (sample.only or DTYPES) if swept(sample) else ("float64",)
    return [d for d in names if (key, d) not in DIFFERENCES]


def scaled(values: np.ndarray) -> tuple:
    """The digest and the size of its terms, for the tolerance: exact for integers."""
    places = [(37 * k + 11) % 101 - 40 for k in range(values.size)]
    if values.dtype.kind != "f":
        return sum(w * int(v) for w, v in zip(places, values.flat, strict=True)), 0
    x = np.nan_to_num(values.astype(float).reshape(-1), nan=3.0, posinf=5.0, neginf=-7.0)
    return float(np.dot(places, x)), float(np.abs(places * x).sum()) + values.size


def digests(result) -> list | str:
    if error := kind(result):
        return error.__name__
    return [[array(t).dtype.name, scaled(array(t))[0]] for t in outputs(result)]


def in_full(result) -> list | str:
    if error := kind(result):
        return error.__name__
    arrays = [array(t) for t in outputs(result)]
    return [[a.dtype.name, list(a.shape), a.reshape(-1).tolist()] for a in arrays]


def compare_digests(result, expected, what: str) -> None:
    """Asserts that a result of another dtype than float64 is the stored one."""
    if isinstance(expected, str) or isinstance(result, Exception):
        assert digests(result) == expected, f"{what}: {result!r}"
        return
    for t, (dtype, digest) in zip(outputs(result), expected, strict=True):
        a = array(t)
        assert a.dtype.name == dtype, what
        ours, size = scaled(a)
        assert abs(ours - digest) <= size * DIGESTS.get(dtype, 0), f"{what}: {a} gives {ours}"


def compare_in_full(result, expected, what: str) -> None:
    """Asserts that a result of float64 is the stored one."""
    if isinstance(expected, str) or isinstance(result, Exception):
        assert in_full(result) == expected, f"{what}: {result!r}"
        return
    for t, (dtype, shape, values) in zip(outputs(result), expected, strict=True):
        a = array(t)
        assert (a.dtype.name, list(a.shape)) == (dtype, shape), what
        if values is None:
            continue
        theirs = np.array(values, a.dtype).reshape(shape)
        if a.dtype.kind != "f":
            np.testing.assert_array_equal(a, theirs, err_msg=what)
        else:
            loose = {"rtol": 3e-5, "atol": 3e-6} if dtype == "float32" else FULL
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(a, theirs, err_msg=what, **loose)
