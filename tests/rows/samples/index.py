"""Samples of indexing and scattering rows."""

import numpy as np

from tests.rows.sample import S, Sample, distinct, index, mask, real

SAMPLES: dict[str, list[Sample]] = {}


def some(names, *samples):
    for name in names.split():
        SAMPLES[name] = [Sample(s.args, s.kwargs, s.differentiable, s.held) for s in samples]


# ---- indexing

some(
    "gather",
    S(real(3, 4), 1, index(4, 3, 2)),
    S(real(3, 4), 0, index(3, 2, 4)),
    S(real(2, 3, 4), -2, index(3, 1, 5, 2)),
    S(real(), 0, index(1)),
    S(real(3), 0, index(3, 0)),
)
some("take_along_dim", S(real(3, 4), index(4, 3, 2), 1), S(real(3, 4), index(12, 5)))
SAMPLES["take_along_dim"].append(S(real(3, 4), index(3, 1, 4), dim=0))
some(
    "index_select",
    S(real(3, 4), 0, index(3, 5)),
    S(real(3, 4), 1, index(4, 2)),
    S(real(3, 4), 1, index(4)),
    S(real(3, 4), -1, index(4, 0)),
)
some("take", S(real(3, 4), index(12, 5, low=-12)), S(real(3), index(3)), S(real(3), index(3, 0)))
SAMPLES["_nonzero"] = [S(mask(3, 4)), S(mask(5)), S(mask(2, 0)), S(np.array(True))]
some("nonzero argwhere", S(index(2, 3, 4) * 1.0), S(real()), S(real(0, 2)), S(index(2, 9) * 1.0))
SAMPLES["where(Tensor)"] = [S(mask(3, 4)), S(index(2, 5) * 1.0), S(np.array(True))]
SAMPLES["_masked_select_to"] = [S(real(3, 4), mask(3, 4), 12), S(real(0), mask(0), 2)]
SAMPLES["_masked_select"] = [S(real(3, 4), mask(3, 4)), S(real(0), mask(0))]
some(
    "masked_select",
    S(real(3, 4), mask(3, 4)),
    S(real(3, 4), mask(4)),
    S(real(4), mask(2, 1)),
    S(real(), np.array(True)),
)
SAMPLES["_one_hot"] = [S(index(4, 2, 3), 4), S(index(3), 3)]
SAMPLES["one_hot"] = [S(index(4, 2, 3)), S(index(4, 5), 6), S(index(3)), S(index(3, 0), 3)]
some(
    "index",
    S(real(3, 4), [index(3, 5, low=-3)]),
    S(real(3, 4), [index(3, 5), index(4, 5)]),
    S(real(3, 4), [None, index(4, 2, 2)]),
    S(real(3, 4, 2), [index(3, 2, 1), None, index(2, 3)]),
    S(real(3, 4), [mask(3)]),
)
SAMPLES["index"].pop()  # masks are turned into positions before this row
some(
    "_gather_backward",
    S(real(4, 5), index(3, 4, 5), (3, 5), 0),
    S(real(3, 2), index(5, 3, 2), (4, 5), 1),
)
some("_index_backward", S(real(5), (3,), [index(3, 5)]), S(real(5, 4), (3, 4), [index(3, 5)]))
SAMPLES["_index_backward"].append(S(real(3, 2), (3, 4), [None, np.array([1, 1])]))
# size, steps (0: a new axis), dims (four bits for each output dimension), offset
SAMPLES["__getitem__"] = [
    S(real(3, 4), (2, 2), (1, 2), 0x10, 5),
    S(real(3, 4), (4,), (1,), 0x1, 8),
    S(real(3, 4), (2, 1, 4), (2, 0, 1), 0x100, 0),
    S(real(3, 4), (2, 1, 4), (2, 1, 1), 0x1F0, 0),  # a new axis as files of version 0.1 have it
]
for name in ("_set_item", "__setitem__"):
    SAMPLES[name] = [
        S(real(3, 4), real(2, 2), (2, 2), (1, 2), 0x10, 5, False, []),
        S(real(3, 4), real(2), (2, 2), (1, 2), 0x10, 5, False, []),
        S(real(3, 4), 1.5, None, None, 0, 0, False, [np.array([0, 2])]),
        S(real(3, 4), real(1, 2, 4), None, None, 0, 0, False, [np.array([0, 2])]),
        S(real(3, 4), real(2, 4), None, None, 0, 0, True, [np.array([1, 1])]),
    ]

# ---- scattering

PLACES = np.array([[0, 1, 2, 0], [2, 0, 1, 1]])
SAMPLES["scatter(Tensor, int, Tensor, Tensor)"] = [
    S(real(3, 4), 0, PLACES, real(2, 4)),
    S(real(3, 4), 1, np.array([[3, 0], [1, 2], [0, 3]]), real(3, 3)),
    S(real(3), 0, index(3, 0), real(2)),
]
SAMPLES["scatter(Tensor, int, Tensor, Operand)"] = [
    S(real(3, 4), 0, PLACES, 2.5),
    S(real(3, 4), 1, index(4, 3, 2), 3),
]
for how in ("add", "multiply"):
    SAMPLES.setdefault("scatter(Tensor, int, Tensor, Tensor, 'add' | 'multiply')", []).append(
        S(real(3, 4), 0, PLACES, real(2, 4), reduce=how)
    )
    SAMPLES.setdefault("scatter(Tensor, int, Tensor, Operand, 'add' | 'multiply')", []).append(
        S(real(3, 4), 0, PLACES, 2.5, reduce=how)
    )
some(
    "scatter_add",
    S(real(3, 4), 0, index(3, 2, 4), real(2, 4)),
    S(real(3, 4), 1, index(4, 3, 6), real(3, 6)),
    S(real(3), 0, index(3, 0), real(2)),
)
some(
    "index_add",
    S(real(3, 4), 0, index(3, 5), real(5, 4)),
    S(real(3, 4), 1, index(4, 2), real(3, 2), alpha=2),
)
some(
    "index_copy",
    S(real(3, 4), 0, np.array([2, 0]), real(2, 4)),
    S(real(3, 4), 1, np.array([1, 3]), real(3, 2)),
)
some(
    "index_fill",
    S(real(3, 4), 0, index(3, 2), 2.5),
    S(real(3, 4), 1, np.array([-1, 0]), real()),
    S(real(3, 4), 1, index(4, 0), 1),
)
some(
    "masked_fill",
    S(real(3, 4), mask(3, 4), 2.5),
    S(real(3, 4), mask(4), 1),
    S(real(3, 4), np.array([[True], [False], [True]]), real()),
    S(real(0), mask(0), 1),
)
some("_masked_scatter", S(real(3, 4), mask(3, 4), real(12)), S(real(2), mask(2), real(2, 2)))
some(
    "masked_scatter",
    S(real(3, 4), mask(3, 4), real(12)),
    S(real(3, 4), mask(4), real(3, 4)),
    S(real(0), mask(0), real(2)),
)

# ---- many into one

for how in ("sum", "prod", "mean", "amax", "amin"):
    for own in (True, False):
        SAMPLES.setdefault("scatter_reduce", []).extend(
            [
                S(distinct(3, 5), 1, index(5, 3, 4), distinct(3, 4) + 0.13, how, include_self=own),
                S(distinct(4, 3), 0, index(4, 6, 3), distinct(6, 3) + 0.13, how, include_self=own),
            ]
        )
    SAMPLES["scatter_reduce"].append(S(distinct(), 0, index(1), np.asarray(distinct() + 0.13), how))
    if how != "sum":
        for own in (True, False):
            SAMPLES.setdefault("index_reduce", []).extend(
                [
                    S(distinct(3, 5), 1, index(5, 7), distinct(3, 7) + 0.13, how, include_self=own),
                    S(distinct(4, 3), 0, index(4, 2), distinct(2, 3) + 0.13, how, include_self=own),
                ]
            )
SAMPLES["scatter_reduce"] += [
    S(distinct(3, 4), 0, index(3, 0, 4), distinct(0, 4), "mean"),
    S(np.zeros((2, 2)), 0, index(2, 3, 2), np.zeros((3, 2)), "prod").forward_only(),
    S(np.array([np.nan, 1.0]), 0, np.array([0, 1, 1]), np.array([1.0, np.nan, 2.0]), "amax")
    .forward_only()
    .floats(),
]
for name in ("scatter_reduce", "index_reduce"):
    for sample in SAMPLES[name]:
        sample.only = sample.only or ("float64", "float32", "int64", "int32", "uint8")
SAMPLES["put"] = [
    S(real(3, 4), np.array([0, 5, -1]), real(3)),
    S(real(3, 4), np.array([[1, 5], [1, 2]]), real(2, 2), True),
    S(real(), np.array(0), real()),
    S(real(3), index(3, 0), real(0)),
]
