"""Prints a hash of the bits of many results, to compare two builds of the library.

    python -m tests.bits > one.txt

Every sample of every row in three dtypes, and the large ones of test_threads.py, which threads
share. What a build may not change (the ways of having threads, say) must not show here.
"""

import hashlib

import wengert as wg
from tests.rows.table import CASES, ROWS, SAMPLES, UNINITIALISED, outputs, run
from tests.test_threads import LARGE


def digest(tensors: list) -> str:
    bits = hashlib.sha256()
    for t in tensors:
        if isinstance(t, wg.Tensor):
            bits.update(f"{t.dtype} {tuple(t.shape)}".encode())
            bits.update(t.detach().contiguous().numpy().tobytes())
        else:
            bits.update(repr(t).encode())
    return bits.hexdigest()[:16]


def sample_bits(key: str, i: int, dtype: str) -> str:
    try:
        return digest(outputs(run(ROWS[key], SAMPLES[key][i], dtype=dtype)))
    except Exception as e:  # what cannot take the dtype: both builds refuse it in the same words
        return f"{type(e).__name__}: {e}".splitlines()[0]


def main() -> None:
    wg.set_num_threads(4)
    for key, i in CASES:
        if ROWS[key]["name"] not in UNINITIALISED:
            for dtype in ("float32", "float64", "int64"):
                print(f"{key} {i} {dtype}: {sample_bits(key, i, dtype)}")
    for name, large in LARGE.items():
        print(f"large {name}: {digest(outputs(large()))}")


if __name__ == "__main__":
    main()
