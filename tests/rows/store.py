"""Writes what torch gives for the samples of the rows: python -m tests.rows.store [FAMILY ...]

Needs torch. Rows that torch does not have are left out: `oracles.py` has a formula for each.
"""

from __future__ import annotations

import json
import sys
import warnings

from tests.rows import reference, stored
from tests.rows.sample import Sample, fingerprint
from tests.rows.table import FAMILIES, ROWS, UNINITIALISED, in_torch


def rounded(value, digits: int):
    """The value with floats of so many digits."""
    if isinstance(value, float) and abs(value) < 1e300:  # the largest would become infinite
        return float(f"{value:.{digits}g}")
    if isinstance(value, list):
        return [rounded(v, digits) for v in value]
    return value


def values_of(key: str, sample: Sample) -> dict:
    row, entry = ROWS[key], {}
    for dtype in stored.dtypes(key, sample):
        result = reference.forward(row, sample, dtype)
        if dtype == "float64":
            full = stored.in_full(result)
            if row["name"] in UNINITIALISED and not isinstance(full, str):
                full = [[name, shape, None] for name, shape, _ in full]
            entry[dtype] = rounded(full, 10)
        elif row["name"] not in UNINITIALISED:
            entry[dtype] = rounded(stored.digests(result), 7)
    if reference.has_gradients(row, sample):
        gradients = reference.gradients(row, sample)
        if gradients and not isinstance(gradients, Exception):
            arrays = [[list(g.shape), g.reshape(-1).tolist()] for g in gradients]
            entry["gradients"] = rounded(arrays, 8)
    return entry


def write(family: str) -> None:
    rows = []
    for key in sorted(k for k in FAMILIES[family] if in_torch(ROWS[k]) is not None):
        lines = [
            json.dumps([fingerprint(s), values_of(key, s)], separators=(",", ":"))
            for s in FAMILIES[family][key]
        ]
        rows.append(json.dumps(key) + ": [\n" + ",\n".join(lines) + "]")
    if not rows:
        return
    path = stored.FOLDER / f"{family}.json"
    path.write_text("{" + ",\n".join(rows) + "}\n")
    print(f"{path.name}: {len(rows)} rows, {path.stat().st_size} bytes")


def main() -> None:
    warnings.simplefilter("ignore")
    stored.FOLDER.mkdir(exist_ok=True)
    for family in sys.argv[1:] or FAMILIES:
        write(family)


if __name__ == "__main__":
    main()
