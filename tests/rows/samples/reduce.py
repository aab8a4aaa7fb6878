"""Samples of reductions, scans and sorting."""

import numpy as np

from tests.rows.sample import Dtype, S, Sample, distinct, index, mask, positive, real, special

SAMPLES: dict[str, list[Sample]] = {}
for name in ("sum", "mean", "nansum", "nanmean"):
    SAMPLES[name] = [
        S(real(3, 37)),
        S(real(3, 5, 4), 1),
        S(real(3, 5, 4), (0, -1), keepdim=True),
        S(real()),
        S(real(2, 0, 3), 1).forward_only(),
        S(real(4, 3), dim=[], keepdim=True),
        S(real(4, 3), 0, dtype=Dtype("float64")),
        S(special(), dim=0).forward_only().floats(),
    ]
SAMPLES["sum"] += [
    S(real(3, 4), dtype=Dtype("float32")).forward_only(),
    S(real(70, 3), 0),
    S(real(0)),
]
SAMPLES["prod"] = [
    S(real(7)),
    S(real(3, 5), 1),
    S(real(3, 5), 0, keepdim=True),
    S(np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0]]), 1),
    S(np.array([0.0, 2.0, 3.0])),
    S(real()),
    S(real(0)),
    S(real(2, 3), 1, dtype=Dtype("float64")),
]
for name in ("any", "all"):
    SAMPLES[name] = [
        S(index(2, 3, 4) * 1.0),
        S(index(2, 3, 4) * 1.0, 1),
        S(index(2, 3, 4, 2) * 1.0, (0, 2), keepdim=True),
        S(real(0, 2), 0),
        S(real()),
    ]
SAMPLES["count_nonzero"] = [
    S(index(3, 3, 4) * 1.0),
    S(index(3, 3, 4) * 1.0, 1),
    S(index(3, 3, 4, 2) * 1.0, (0, 2)),
    S(real(0)),
    S(real()),
]
SAMPLES["logsumexp"] = [
    S(real(3, 5), 1),
    S(real(3, 5), (0, 1), keepdim=True),
    S(real(), 0),
    S(np.array([[-np.inf, -np.inf], [np.inf, 1.0], [1e3, 1e3]]), 1).forward_only().floats(),
    S(real(0, 3), 1),
]
SAMPLES["normalize"] = [
    S(real(3, 4)),
    S(real(3, 4), 1.0, 0),
    S(real(3, 4), 3, dim=(0, 1)),
    S(distinct(3, 4), p=float("inf"), dim=-1),
    S(np.zeros((2, 3))).forward_only(),
    S(real(2, 3), eps=10.0),
    S(real(0, 3)),
]
SAMPLES["pairwise_distance"] = [
    S(real(3, 4), real(3, 4)),
    S(real(2, 3, 4), real(4), p=1.0),
    S(real(3, 4), real(3, 4), 3.0, 0.5, True),
    S(real(4), real(4)),
    S(real(0, 4), real(0, 4)),
]
SAMPLES["cosine_similarity"] = [
    S(real(3, 4), real(3, 4)),
    S(real(2, 3, 4), real(4), -1),
    S(real(3, 4), real(3, 4), dim=0, eps=0.5),
    S(real(4), real(4), 0),
    S(np.zeros((2, 3)), real(2, 3)).forward_only(),
]
SAMPLES["norm(Tensor, Number | None, ints | None, bool, dtype | None)"] = [
    S(real(3, 5)),
    S(real(3, 5), 1, 1),
    S(real(3, 5), 3, (0, 1), keepdim=True),
    S(real(3, 5), float("inf"), 1),
    S(real(3, 5), float("-inf"), 0),
    S(real(3, 5), 0, 1),
    S(real(3, 5), 0.5, 1),
    S(real(), 2),
    S(real(0, 2), 2, 0),
]
SAMPLES["norm(Tensor, 'fro' | 'nuc', ints | None, bool, dtype | None)"] = [
    S(real(3, 5), "fro"),
    S(real(3, 5), p="fro", dim=1, keepdim=True),
    S(real(3, 5), "nuc"),
    S(real(3, 2, 4), p="nuc", dim=(0, 2), keepdim=True),
    S(real(2, 3, 4), "nuc", (2, 1)),
]
SAMPLES["sum_to"] = [
    S(real(3, 4), (1, 4)),
    S(real(2, 3, 4), (3, 1)),
    S(real(2, 3), ()),
    S(real(2, 3), (2, 3)),
    S(real(0, 3), (1, 3)),
]
SAMPLES["sum_to_size"] = [S(real(3, 4), 1, 4), S(real(2, 3, 4), (3, 1)), S(real(2, 3), 2, 3)]

# ---- extremes: distinct values, whose order survives small steps

for name in ("max", "min"):
    SAMPLES[f"{name}(Tensor)"] = [
        S(distinct(3, 5)),
        S(distinct()),
        S(np.array([1.0, np.nan, 3.0])).forward_only().floats(),
        S(np.array([2.0, 1.0, 2.0, 1.0])).forward_only(),
    ]
    SAMPLES[f"{name}(Tensor, int, bool)"] = [
        S(distinct(3, 5), 1),
        S(distinct(3, 5, 2), 0, keepdim=True),
        S(distinct(), 0),
        S(distinct(0, 3), 1),
        S(np.array([[1.0, np.nan, 3.0], [2.0, 2.0, 1.0]]), 1).forward_only().floats(),
    ]
for name in ("amax", "amin"):
    SAMPLES[name] = [
        S(distinct(3, 5)),
        S(distinct(3, 5), 1),
        S(distinct(3, 5, 2), (0, -1), keepdim=True),
        S(distinct(), 0),
        S(distinct(0, 3), 1),
        S(np.array([[1.0, np.nan], [2.0, 2.0]]), 1).forward_only().floats(),
    ]
for name in ("argmax", "argmin"):
    SAMPLES[name] = [
        S(distinct(3, 5)),
        S(distinct(3, 5), 1),
        S(distinct(3, 5, 2), dim=0, keepdim=True),
        S(distinct(), 0),
        S(np.array([1.0, np.nan, 3.0, np.nan])).floats(),
        S(distinct(0, 3), 1),
    ]

# ---- moments

FORMS = (
    "Tensor, bool",
    "Tensor, ints | None, Number | None, bool",
    "Tensor, ints | None, bool, bool",
)
for name in ("var", "std", "var_mean", "std_mean"):
    SAMPLES[f"{name}({FORMS[0]})"] = [S(real(3, 5), False), S(real(7), True)]
    SAMPLES[f"{name}({FORMS[1]})"] = [
        S(real(3, 37)),
        S(real(3, 5), 1),
        S(real(3, 5, 4), (0, 2), correction=0, keepdim=True),
        S(real(3, 5), dim=0, correction=2),
        S(real(3, 5), None, correction=0.5),
    ]
    SAMPLES[f"{name}({FORMS[2]})"] = [S(real(3, 5), 1, False), S(real(3, 5), (0, 1), True, True)]
for name in ("var", "var_mean"):
    SAMPLES[f"{name}({FORMS[1]})"] += [
        S(real(1)).forward_only(),
        S(real(0, 3), 0).forward_only(),
        S(real(0, 3), 1).forward_only(),
    ]

# ---- scans

for name in ("cumsum", "cumprod"):
    SAMPLES[name] = [
        S(real(7), 0),
        S(real(3, 5), 1),
        S(real(3, 5), 0),
        S(real(2, 3, 4), -2),
        S(real(), 0),
        S(real(0, 2), 0),
        S(real(3, 4), 1, dtype=Dtype("float64")),
    ]
SAMPLES["cumprod"].append(S(np.array([[2.0, 0.0, 3.0, 0.0, 5.0]]), 1))
for name in ("cummax", "cummin"):
    SAMPLES[name] = [
        S(distinct(7), 0),
        S(distinct(3, 5), 1),
        S(distinct(2, 3, 4), -2),
        S(real(), 0),
        S(real(0, 2), 0),
        S(real(2, 0), 1),
        S(np.array([1.0, 3.0, 3.0, np.nan, 5.0, -1.0]), 0).forward_only().floats(),
        S(index(3, 4, 70), 0).forward_only(),
    ]
for name in ("_cumsum_backward", "_cumprod_backward", "_prod_backward"):
    SAMPLES[name] = []
SAMPLES["_cumsum_backward"] += [
    S(real(3, 5), 1).floats(),
    S(real(2, 3, 4), -2).floats(),
    S(real(), 0).floats(),
]
for shape, dim in ((3, 5), 1), ((2, 3, 4), -2), ((5,), 0), ((), 0):
    x = real(*shape)
    SAMPLES["_cumprod_backward"].append(S(real(*shape), x, real(*shape), dim).floats())
for shape, dim in ((3, 5), 1), ((3, 5), 0), ((2, 3, 4), -2), ((9, 1), 0):
    SAMPLES["_prod_backward"].append(
        S(
            real(*(n if d != dim % len(shape) else 1 for d, n in enumerate(shape))),
            real(*shape),
            dim,
        ).floats()
    )
SAMPLES["linear_scan"] = [
    S(real(3, 5), real(3, 5), 1).floats(),
    S(real(3, 5), real(3, 5), 0, True).floats(),
    S(real(), real(), 0).floats(),
]

# ---- order

SAMPLES["sort"] = [
    S(distinct(3, 5)),
    S(distinct(3, 5), 0, True),
    S(distinct(2, 3, 4), dim=1, descending=False, stable=True),
    S(distinct()),
    S(distinct(0, 3), 0),
    S(np.array([2.0, np.nan, 1.0, np.inf])).forward_only().floats(),
    S(np.array([2.0, 1.0, 2.0, 1.0, 2.0]), stable=True).forward_only(),
]
SAMPLES["argsort"] = [
    S(distinct(3, 5)),
    S(distinct(3, 5), 0, True),
    S(distinct(4), stable=True),
    S(distinct()),
    S(distinct(0, 3), 0),
]
SAMPLES["topk"] = [
    S(distinct(3, 5), 2),
    S(distinct(3, 5), 3, 0, False),
    S(distinct(3, 5), 5, dim=1),
    S(distinct(), 1),
    S(distinct(3, 5), 0),
]
SAMPLES["median(Tensor)"] = [S(distinct(7)), S(distinct(2, 4)), S(distinct())]
SAMPLES["median(Tensor, int, bool)"] = [
    S(distinct(3, 5), 1),
    S(distinct(4, 2), 0, keepdim=True),
    S(distinct(), 0),
]

for name in ("topk", "median(Tensor, int, bool)"):
    for sample in SAMPLES[name]:  # which of equal elements is taken is not specified
        sample.only = ("float64", "float32", "int64", "int32")

# ---- lists of tensors

SAMPLES["total_norm"] = [
    S([real(3, 4), real(5)]).floats(),
    S([real(3), positive(2, 2)], norm_type=1.0).floats(),
    S([real(3), real(2)], float("inf")).floats(),
    S([real(0), real()]).floats(),
]

SAMPLES["all_equal"] = [
    S(real(3, 4), real(3, 4)),
    S(np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(3, 4)),
    S(real(3, 4), real(3)),
    S(real(0, 4), real(0, 4)),
    S(np.array([1.0, np.nan]), np.array([1.0, np.nan])).floats(),
]

# ---- one element of each line

INTEGERS_TOO = ("float64", "float32", "int64", "int32")
SAMPLES["nanmedian(Tensor)"] = [
    S(distinct(7)),
    S(distinct()),
    S(np.array([1.0, np.nan, 3.0, 2.0, np.nan])).forward_only().floats(),
    S(np.array([np.nan, np.nan])).forward_only().floats(),
]
SAMPLES["nanmedian(Tensor, int, bool)"] = [
    S(distinct(3, 5), 1),
    S(distinct(4, 2), 0, keepdim=True),
    S(distinct(), 0),
    S(np.array([[1.0, np.nan, 3.0, 2.0], [5.0, 7.0, 6.0, 8.0]]), 1).forward_only().floats(),
]
SAMPLES["kthvalue"] = [
    S(distinct(3, 5), 2),
    S(distinct(3, 70), 60, 1, True),
    S(distinct(4, 3), 4, dim=0),
    S(distinct(), 1),
    S(np.array([1.0, np.nan, 3.0]), 3).forward_only().floats(),
]
SAMPLES["mode"] = [
    S(np.array([[1.0, 2.0, 2.0, 3.0], [4.0, 4.0, 4.0, 0.0]])).forward_only(),
    S(index(4, 12, 3) * 1.0, 0, keepdim=True).forward_only(),
    S(distinct(), 0),
]
SAMPLES["msort"] = [S(distinct(5, 3)), S(distinct(4)), S(distinct()), S(distinct(0, 2))]
for name in ("nanmedian(Tensor, int, bool)", "kthvalue", "mode"):
    for sample in SAMPLES[name]:  # which of equal elements is taken is not specified
        sample.only = sample.only or INTEGERS_TOO
SAMPLES["aminmax"] = [
    S(distinct(3, 5)),
    S(distinct(3, 5), dim=1),
    S(distinct(3, 5, 2), dim=-3, keepdim=True),
    S(distinct(), dim=0),
    S(distinct(0, 3), dim=1),
    S(np.array([1.0, np.nan, 3.0])).forward_only().floats(),
]

# ---- quantiles, counts, covariances

for name in ("quantile", "nanquantile"):
    SAMPLES[name] = [
        S(distinct(3, 7), 0.3),
        S(distinct(3, 7), 0.5, 1),
        S(distinct(3, 7, 2), 0.9, 0, True),
        S(distinct(3, 7), np.array([0.1, 0.6, 1.0])).hold(1),
        S(distinct(3, 7, 2), np.array([0.1, 0.6]), 1, True).hold(1),
        S(distinct(3, 7, 2), np.array([0.1, 0.6]), 2).hold(1),
        S(distinct(3, 7, 2), np.array(0.7), dim=-1).hold(1),
        S(distinct(), 0.2, 0),
        S(distinct(3, 4, 2, 5), 0.4, 0),
        S(distinct(3, 4, 2, 5), 0.4, 2),
        S(distinct(3, 4, 2, 5), np.array([0.1, 0.6]), 1).hold(1),
        S(np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 4.0]]), 0.4, 1).forward_only(),
        S(np.array([[np.nan, np.nan], [1.0, 2.0]]), 0.4, 1, keepdim=True).forward_only(),
    ]
    for how in ("linear", "lower", "higher", "midpoint", "nearest"):
        SAMPLES[name].append(S(distinct(3, 6), 0.33, 1, interpolation=how))
    for sample in SAMPLES[name]:
        sample.floats()
SAMPLES["histc"] = [
    S(real(40)),
    S(real(40), 5),
    S(real(4, 10), bins=7, min=-1, max=1),
    S(np.array([0.0, 1.0, 2.0, 0.5, np.nan]), 4, 0, 2),
    S(np.array([3.0, 3.0]), 3),
    S(np.arange(200) / 100, 20, 0, 3),  # numbers between bins
    S(real(0), 3),
    S(real(), 3, -1, 1),
]
for sample in SAMPLES["histc"]:
    sample.forward_only().floats()
SAMPLES["cov"] = [
    S(real(3, 5)),
    S(real(5)),
    S(real(3, 5), correction=0),
    S(real(3, 5), fweights=index(4, 5, low=1)),
    S(real(3, 5), aweights=positive(5)).hold(1),
    S(real(3, 5), correction=2, fweights=index(4, 5, low=1), aweights=positive(5)).hold(2),
]
for sample in SAMPLES["cov"][3:]:
    sample.floats()
SAMPLES["corrcoef"] = [S(real(3, 5)), S(real(5)), S(real(2, 3))]

# ---- series

SAMPLES["logcumsumexp"] = [
    S(real(3, 5), 1),
    S(real(3, 5), 0),
    S(real(2, 3, 4), -2),
    S(real(), 0),
    S(real(0, 2), 0),
    S(np.array([[1e3, 999.0, -1e3], [-np.inf, 1.0, np.inf]]), 1).forward_only().floats(),
    S(np.array([[-np.inf, -np.inf, 2.0], [1.0, np.nan, 2.0]]), 1).forward_only().floats(),
]
SAMPLES["diff"] = [
    S(real(5)),
    S(real(3, 5), 2),
    S(real(3, 5), dim=0),
    S(real(3, 5), 1, 1, real(3, 2), real(3, 1)),
    S(real(3, 5), append=real(3, 1)),
    S(real(3, 5), 0),
    S(real(3, 2), 4),
    S(real(0, 2), 1, 0),
    S(mask(7)).forward_only(),
]
for name in ("trapezoid", "cumulative_trapezoid"):
    SAMPLES[f"{name}(Tensor, Number, int)"] = [
        S(real(5)),
        S(real(3, 5), dx=0.5, dim=0),
        S(real(3, 5), dx=2),
        S(real(3, 1)),
        S(real(3, 0), dim=1),
    ]
    SAMPLES[f"{name}(Tensor, Tensor, int)"] = [
        S(real(5), distinct(5)),
        S(real(3, 5), distinct(5)),
        S(real(3, 5), distinct(3), dim=0),
        S(real(3, 5), distinct(3, 5), dim=1),
        S(real(2, 3, 5), distinct(3, 5)),
    ]
SAMPLES["dist"] = [
    S(real(3, 4), real(3, 4)),
    S(real(3, 4), real(4), 1),
    S(real(3, 4), real(3, 4), 3.0),
    S(real(5), real(5), float("inf")),
    S(real(), real()),
]
for sample in SAMPLES["dist"]:
    sample.floats()
SAMPLES["renorm"] = [
    S(real(3, 4), 2, 0, 1.5),
    S(real(3, 4), 1, 1, 1),
    S(real(2, 3, 4), 3.0, -1, 2.0),
    S(real(3, 4), float("inf"), 0, 0.5),
    S(real(3, 4), 2, 0, 100),
]
for sample in SAMPLES["renorm"]:
    sample.floats()
SAMPLES["cdist"] = [
    S(real(3, 4), real(5, 4)),
    S(real(2, 3, 4), real(2, 4), 1.0),
    S(real(3, 4), real(5, 4), 3.0),
    S(distinct(3, 4), distinct(2, 4) + 0.13, float("inf")),
    S(real(30, 4), real(2, 4)),
    S(real(3, 4), real(2, 4), 2.0, "use_mm_for_euclid_dist"),
    S(real(0, 4), real(2, 4)),
    S(real(3, 0), real(2, 0)),
]
SAMPLES["pdist"] = [
    S(real(4, 3)),
    S(real(4, 3), 1.0),
    S(real(3, 5), 3.0),
    S(real(1, 3)),
    S(real(3, 0)),
]
SAMPLES["_pdist_euclidean"] = [
    S(real(4, 3)),
    S(real(5, 17)),
    S(real(1, 3)),
    S(real(0, 3)),
    S(real(3, 0)),
]
SAMPLES["_pdist_backward"] = [
    S(real(6), real(4, 3), positive(6)),
    S(real(10), real(5, 17), positive(10)),
    S(real(3), real(3, 2), np.array([0.0, 1.0, 2.0])).forward_only(),
    S(real(0), real(1, 3), real(0)),
]
for name in ("cdist", "pdist", "_pdist_euclidean", "_pdist_backward"):
    for sample in SAMPLES[name]:
        sample.floats()
