"""Samples of creation, and of rows that write to a tensor."""

from tests.rows.sample import Dtype, S, Sample, real

SAMPLES: dict[str, list[Sample]] = {}

# ---- creation

for name in ("zeros", "ones", "rand", "randn"):
    SAMPLES[name] = [S(2, 3), S((4, 5)), S(()), S(0, 2), S(37, dtype=Dtype("float64"))]
for name in ("zeros", "ones"):
    SAMPLES[name] += [S(3, dtype=Dtype("bool")), S([2], dtype=Dtype("int64"))]
SAMPLES["empty"] = [S(2, 3), S(0, dtype=Dtype("int32"))]
for name in ("zeros_like", "ones_like", "rand_like", "randn_like", "empty_like"):
    SAMPLES[name] = [S(real(2, 3)), S(real()), S(real(0, 2)), S(real(20), dtype=Dtype("float32"))]
for name in ("new_zeros", "new_ones", "new_empty"):
    SAMPLES[name] = [S(real(2), 2, 3), S(real(2), (4,)), S(real(2), 0, dtype=Dtype("int64"))]
SAMPLES["full"] = [
    S((2, 3), 1.5),
    S((2,), 3),
    S((), True),
    S((2, 2), 7, dtype=Dtype("float64")),
    S((0,), 1),
]
SAMPLES["full_like"] = [S(real(2, 3), 2), S(real(), 1.5), S(real(2), 3, dtype=Dtype("int64"))]
SAMPLES["new_full"] = [S(real(1), (2, 3), 2.0), S(real(1), (2,), 3, dtype=Dtype("int64"))]
SAMPLES["arange(Number, dtype | None)"] = [
    S(5),
    S(4.5),
    S(0),
    S(5, dtype=Dtype("float64")),
    S(3, dtype=Dtype("uint8")),
]
SAMPLES["arange(Number, Number, Number, dtype | None)"] = [
    S(2, 9),
    S(1, 10, 3),
    S(9, 0, -2),
    S(0.0, 1.0, 0.1),
    S(1, 4, 0.5, dtype=Dtype("float64")),
    S(0, 10, 2.5, dtype=Dtype("int64")),
]
SAMPLES["linspace"] = [
    S(0, 1, 5),
    S(-2.5, 7, steps=8, dtype=Dtype("float64")),
    S(3, 3, 1),
    S(0, 1, 0),
    S(0, 10, 4, dtype=Dtype("int64")),
]
SAMPLES["logspace"] = [S(0, 2, 3), S(-1, 1, 5, base=2.0, dtype=Dtype("float64"))]
SAMPLES["eye"] = [S(3), S(2, 4), S(4, 2, dtype=Dtype("int64")), S(0)]
for name in ("tril_indices", "triu_indices"):
    SAMPLES[name] = [S(3, 4), S(4, 3, 1), S(3, 3, -1), S(0, 3), S(2, 3, 0, dtype=Dtype("int32"))]

# ---- writing

SAMPLES["copy_"] = [
    S(real(3, 4), real(3, 4)),
    S(real(3, 4), real(4)),
    S(real(3, 4), real()),
    S(real(0, 3), real(3)),
]
SAMPLES["fill_"] = [S(real(3, 4), 2.5), S(real(3, 4), real()), S(real(), 1), S(real(0), 1)]
SAMPLES["fill"] = [S(real(3, 4), 2.5), S(real(3, 4), real()), S(real(), 1), S(real(0), 1)]
SAMPLES["zero_"] = [S(real(3, 4)), S(real()), S(real(0))]
SAMPLES["fill_diagonal_"] = [
    S(real(3, 4), 5.0),
    S(real(7, 3), 2.0, wrap=True),
    S(real(3, 3, 3), 1),
]
