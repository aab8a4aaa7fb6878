"""Samples of embeddings."""

import numpy as np

from tests.rows.sample import S, Sample, index, real

SAMPLES: dict[str, list[Sample]] = {}

TWICE = np.array([[1, 0, 3], [1, 1, 4]])  # rows that come again, and one that does not come

# ---- rows

SAMPLES["embedding(Tensor, Tensor, int | None, float | None, float, bool, bool)"] = [
    S(TWICE, real(5, 3)),
    S(np.array(2), real(5, 3)),
    S(index(5, 2, 0), real(5, 3)),
    S(index(5, 7), real(5, 20)),
    S(TWICE.astype(np.int32), real(5, 3), padding_idx=1).forward_only(),
    S(TWICE, real(5, 3), -4, sparse=True).forward_only(),
    S(TWICE, real(5, 3), scale_grad_by_freq=True).forward_only(),
    S(TWICE, real(5, 3), None, 0.8).forward_only().floats(),
    S(TWICE, real(5, 3), max_norm=1.1, norm_type=1.0).forward_only().floats(),
]
SAMPLES["embedding(Tensor, Tensor, int, bool, bool)"] = [
    S(real(5, 3), TWICE),
    S(real(5, 3), np.array(4)),
    S(real(5, 3), TWICE, 1, True).forward_only(),
]
SAMPLES["embedding_rows"] = [
    S(real(5, 3), TWICE, -1, False),
    S(real(5, 20), TWICE.astype(np.int32), -1, False),
    S(real(5, 3), index(5, 0, 2), -1, False),
]
SAMPLES["_embedding_backward_add_"] = [
    S(real(6, 3), real(4, 3), index(6, 4), -1, False).fixed(),
    S(real(6, 3), real(2, 5, 3), index(6, 2, 5), 2, True).fixed(),
]
SAMPLES["embedding_dense_backward"] = [
    S(real(2, 3, 4), TWICE, 5, -1, False).floats(),
    S(real(2, 3, 4), TWICE, 5, 1, False).floats(),
    S(real(2, 3, 4), TWICE, 6, 0, True).floats(),
    S(real(2, 3, 20), TWICE.astype(np.int32), 5, -1, True).floats(),
    S(real(3), np.array(2), 4, -1, False).floats(),
    S(real(0, 3), index(1, 0), 2, -1, True).floats(),
]
SAMPLES["embedding_renorm_"] = [
    S(real(5, 3), TWICE, 0.8, 2.0).forward_only().floats(),
    S(real(5, 3), index(5, 3), 1, 1).forward_only().floats(),
    S(real(5, 3), index(5, 3), 0.7, float("inf")).forward_only().floats(),
    S(real(5, 3), index(5, 3), 1.5, 3.0).forward_only().floats(),
]

# ---- bags

FLAT = np.array([1, 0, 3, 1, 1, 4, 2])
STARTS = np.array([0, 2, 2, 5])  # the second is empty
ENDS = np.array([0, 2, 2, 7])  # with include_last_offset
SAMPLES["embedding_bag"] = [
    *(
        sample.floats()
        for mode in ("sum", "mean", "max")
        for sample in (
            S(FLAT, real(5, 3), STARTS, mode=mode),
            S(TWICE, real(5, 3), mode=mode),
            S(FLAT, real(5, 3), ENDS, mode=mode, include_last_offset=True),
            S(FLAT, real(5, 3), STARTS, mode=mode, padding_idx=-4),
        )
    ),
    S(FLAT, real(5, 3), STARTS, mode="sum", per_sample_weights=real(7)).floats(),
    S(TWICE, real(5, 20), mode="sum", per_sample_weights=real(2, 3), padding_idx=3).floats(),
    S(TWICE.astype(np.int32), real(5, 3), mode="sum").floats(),
    S(FLAT, real(5, 3), STARTS, None, 2, True, "mean", True).forward_only().floats(),
    S(FLAT, real(5, 3), STARTS, 0.8).forward_only().floats(),
    S(index(5, 0), real(5, 3), index(1, 0)).floats(),
    S(index(5, 0, 2), real(5, 3), mode="max").floats(),
]
SAMPLES["embedding_bag_forward"] = [
    S(real(5, 3), FLAT, STARTS, None, 0, -1, False, False).floats().outputs(1),
    S(real(5, 3), FLAT, STARTS, real(7), 1, 1, False, False).floats().outputs(1),
    S(real(5, 3), FLAT, ENDS, None, 2, 1, True, False).floats().outputs(1),
]
LARGEST = np.array([[1, 0, 1], [-1, -1, -1], [3, 1, 1], [2, 4, 4]])
SAMPLES["embedding_bag_backward"] = [
    S(real(4, 3), FLAT, STARTS, None, None, 0, -1, False, False, 5).floats(),
    S(real(4, 3), FLAT, STARTS, real(7), None, 0, 1, False, True, 6).floats(),
    S(real(4, 3), FLAT, STARTS, real(7), None, 1, 3, False, False, 5).floats(),
    S(real(3, 3), FLAT, ENDS, None, None, 1, -1, True, True, 5).floats(),
    S(real(4, 3), FLAT, STARTS, None, LARGEST, 2, -1, False, False, 5).floats(),
]
SAMPLES["embedding_bag_weights_backward"] = [
    S(real(4, 3), real(5, 3), FLAT, STARTS, 0, -1, False).floats(),
    S(real(3, 20), real(5, 20), FLAT, ENDS, 1, 1, True).floats(),
]
