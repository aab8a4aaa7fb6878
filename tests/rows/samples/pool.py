"""Samples of pooling, padding and columns."""

import numpy as np

from tests.rows.sample import S, Sample, distinct, real

SAMPLES: dict[str, list[Sample]] = {}


def key(name: str, *kinds: str) -> str:
    """The key of a row among those of its name."""
    return f"{name}({', '.join(kinds)})"


OPTIONAL = "ints | None"
MAX = ("Tensor", "ints", OPTIONAL, "ints", "ints", "bool")

# ---- the largest element of windows

LARGEST: dict[int, list[Sample]] = {
    1: [
        S(distinct(2, 3, 9), 2),
        S(distinct(3, 10), 3, 2, 1),
        S(distinct(2, 2, 11), (3,), (3,), 1, 2, True),
        S(distinct(2, 2, 40), 3, 1, 1),
        S(distinct(0, 2, 6), 2),
    ],
    2: [
        S(distinct(2, 3, 6, 8), 2),
        S(distinct(2, 7, 9), 3, 2, 1),
        S(distinct(1, 2, 8, 36), (2, 3), (1, 2), (1, 1)),
        S(distinct(1, 2, 9, 9), 2, 3, padding=1, dilation=2, ceil_mode=True),
        S(distinct(1, 1, 6, 5), (3, 2), stride=1),
        S(distinct(0, 2, 4, 4), 2),
    ],
    3: [
        S(distinct(1, 2, 4, 4, 6), 2),
        S(distinct(2, 3, 5, 7), (1, 3, 2), 2, (0, 1, 1)),
        S(distinct(1, 1, 4, 6, 5), 2, (1, 2, 3), 1, (2, 1, 1), True),
        S(distinct(0, 2, 2, 4, 4), 2),
    ],
}
for n, samples in LARGEST.items():
    SAMPLES[key(f"max_pool{n}d", *MAX)] = samples
    SAMPLES[f"max_pool{n}d_with_indices"] = [S(*s.args, **s.kwargs).outputs(1) for s in samples]
    x = samples[0].args[0]
    SAMPLES[key(f"max_pool{n}d", *MAX, "bool")] = [
        S(x, 2, return_indices=False),
        S(x, 2, return_indices=True).outputs(1),
    ]
# Of NaNs the last, of equal elements the first; nothing but -inf.
HOLES = np.array([[[1.0, 1.0, np.nan, 3.0, np.nan, 0.0], [-np.inf, -np.inf, 2.0, 2.0, 5.0, 4.0]]])
for n, shape in ((1, (1, 2, 6)), (2, (1, 2, 6)), (3, (1, 1, 2, 6))):
    for name in (key(f"max_pool{n}d", *MAX), f"max_pool{n}d_with_indices"):
        SAMPLES[name].append(S(HOLES.reshape(shape), 2, 1, 1).floats().forward_only())
# Windows further apart than a register has lanes, and of more rows than are padded together.
SAMPLES["_max_pool1d_values"] = [
    S(*s.args, **s.kwargs).floats().forward_only()
    for s in (*SAMPLES[key("max_pool1d", *MAX)], S(distinct(2, 50), 2, 11), S(distinct(9, 20), 3))
]

TAPS = np.array([[[[0, 3], [1, 2]]]], np.uint8)
INSIDE = np.array([[[[2, 3], [1, 0]]]], np.uint8)  # of APART, not in the padding
WINDOWS = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}
APART = {"kernel_size": (2, 2), "stride": (1, 2), "padding": (1, 0), "dilation": (2, 1)}
SAMPLES["_max_pool_backward"] = [
    S(real(1, 1, 2, 2), TAPS, size=(1, 1, 4, 4), **WINDOWS).floats(),
    S(real(1, 1, 2, 2), INSIDE, size=(1, 1, 2, 5), **APART).floats(),
]
SAMPLES["_max_pool_take"] = [
    S(real(1, 1, 4, 4), TAPS, size=(1, 1, 4, 4), **WINDOWS).floats(),
]

# ---- means of windows

MEANS: dict[int, list[Sample]] = {
    1: [
        S(real(2, 3, 9), 2),
        S(real(3, 10), 3, 2, 1),
        S(real(2, 2, 11), (3,), (2,), (1,), True, False),
        S(real(2, 2, 40), 3, 1, 1),
        S(real(0, 2, 6), 2),
    ],
    2: [
        S(real(2, 3, 6, 8), 2),
        S(real(2, 7, 9), 3, 2, 1),
        S(real(1, 2, 8, 36), (2, 3), (1, 2), (1, 1), False, False),
        S(real(1, 2, 8, 9), 3, 2, padding=1, ceil_mode=True),
        S(real(1, 2, 8, 9), 3, 2, 1, True, False),
        S(real(1, 1, 6, 5), (3, 2), stride=1, divisor_override=4),
        S(real(0, 2, 4, 4), 2),
    ],
    3: [
        S(real(1, 2, 4, 4, 6), 2),
        S(real(2, 3, 5, 7), (1, 3, 2), 2, (0, 1, 1), False, False),
        S(real(1, 1, 4, 6, 5), 2, (1, 2, 3), 1, True, divisor_override=3),
        S(real(0, 2, 2, 4, 4), 2),
    ],
}
for n, samples in MEANS.items():
    SAMPLES[f"avg_pool{n}d"] = samples
SAMPLES["_avg_pool_backward"] = [
    S(real(2, 3, 4), (2,), None, (0,), False, True, None, (2, 3, 9), 1).floats(),
    S(real(2, 4, 5), (3,), (2,), (1,), True, False, None, (2, 7, 9), 2).floats(),
    S(real(1, 1, 6, 5), (3, 2), (1, 1), (1, 1), False, True, 4, (1, 1, 6, 4), 2).floats(),
]

for n, shape in ((1, (2, 2, 9)), (2, (2, 2, 6, 7)), (3, (1, 2, 4, 4, 6))):
    positive = np.abs(real(*shape))
    SAMPLES[f"lp_pool{n}d"] = [
        S(positive, 2.0, 2).floats(),
        S(real(*shape), 2, 3, 2, True).floats(),
        S(positive, 1.5, 2, stride=1).floats(),
        S(distinct(*shape), float("inf"), 2).floats(),
        S(distinct(*shape), -float("inf"), 2).floats(),
    ]

# ---- as many windows as wanted

PARTS: dict[int, list[tuple]] = {
    1: [((2, 3, 8), 4), ((3, 7), 3), ((2, 2, 3), (5,)), ((0, 2, 4), 2), ((1, 2, 5), 0)],
    2: [
        ((2, 3, 8, 6), (4, 3)),
        ((2, 3, 7, 5), 1),
        ((3, 2), 1),
        ((2, 7, 9), (3, 4)),
        ((1, 2, 3, 2), (5, 7)),
        ((0, 2, 4, 4), 2),
    ],
    3: [
        ((1, 2, 4, 4, 6), (2, 2, 3)),
        ((2, 3, 5, 7), (2, 3, 4)),
        ((1, 2, 3, 2, 4), 1),
        ((0, 2, 2, 4, 4), 2),
    ],
}
for n, parts in PARTS.items():
    SAMPLES[f"adaptive_avg_pool{n}d"] = [S(real(*shape), size).floats() for shape, size in parts]
    largest = [
        S(distinct(*shape), size).floats().outputs(1) for shape, size in parts if len(shape) > n
    ]
    SAMPLES[f"adaptive_max_pool{n}d_with_indices"] = largest
    name, (shape, size) = f"adaptive_max_pool{n}d", parts[1]
    either = [
        S(distinct(*shape), size).floats(),
        S(distinct(*shape), size, return_indices=True).floats().outputs(1),
    ]
    SAMPLES[key("adaptive_max_pool1d", "Tensor", "ints", "bool") if n == 1 else name] = either
SAMPLES[key("adaptive_max_pool1d", "Tensor", "ints")] = SAMPLES["adaptive_max_pool1d_with_indices"]
NUMBERS = np.array([[[0.1, 0.6, 0.95], [0.3, 0.0, 0.5]], [[0.8, 0.2, 0.4], [0.7, 0.99, 0.45]]])
for n, shape in ((2, (2, 2, 7, 9)), (3, (2, 2, 5, 6, 7))):
    draws, rest = {"_random_samples": NUMBERS[..., :n]}, shape[1:]
    both = [
        S(distinct(*shape), 2, (3, 4, 2)[:n], **draws),
        S(distinct(*rest), (1, 2, 3)[:n], None, (0.5,) * n, **draws),
        S(distinct(*shape), 2, output_ratio=(0.4, 0.5, 0.6)[:n], **draws),
    ]
    for name, more in (
        (f"fractional_max_pool{n}d_with_indices", {}),
        (f"fractional_max_pool{n}d", {"return_indices": True}),
    ):
        SAMPLES[name] = [S(*s.args, **s.kwargs, **more).floats().hold(1).outputs(1) for s in both]
    SAMPLES[f"fractional_max_pool{n}d"].append(S(distinct(*shape), 1, 2, **draws).floats().hold(1))
    SAMPLES[f"_fractional_max_pool{n}d"] = [
        S(distinct(*shape), NUMBERS[..., :n], (2, 1, 2)[:n], (3, 4, 2)[:n])
        .floats()
        .hold(1)
        .outputs(1)
    ]
SAMPLES["adaptive_avg_pool2d"].append(S(real(2, 7, 9), (None, 4)).floats())
SAMPLES["adaptive_avg_pool3d"].append(S(real(2, 3, 5, 7), (2, None, None)).floats())
SAMPLES["_adaptive_avg_pool_backward"] = [
    S(real(2, 3, 4), (2, 3, 8), 1).floats(),
    S(real(2, 3, 4), (2, 7, 9), 2).floats(),
    S(real(1, 5, 3, 2), (1, 3, 2, 4), 3).floats(),
]

# ---- back to where elements were

LINE = np.array([[[1, 2, 5], [0, 3, 4]]])
PLANE = np.array([[[[0, 3], [9, 14]], [[5, 2], [12, 10]]]])
SPACE = np.array([[[[[1, 6], [8, 15]], [[20, 17], [40, 63]]]]])
SAMPLES["max_unpool1d"] = [
    S(real(1, 2, 3), LINE, 2).floats(),
    S(real(2, 3), LINE[0], (2,), (2,), 0, output_size=(7,)).floats(),
]
SAMPLES["max_unpool2d"] = [
    S(real(1, 2, 2, 2), PLANE, 2).floats(),
    S(real(2, 2, 2), PLANE[0], 2, stride=2, output_size=(5, 5)).floats(),
    S(real(1, 2, 2, 2), PLANE, 2, 2, 0, (1, 2, 5, 4)).floats(),
    S(real(1, 2, 2, 2), PLANE, 3, 2, 1, (4, 4)).floats(),
]
SAMPLES["max_unpool3d"] = [
    S(real(1, 1, 2, 2, 2), SPACE, 2).floats(),
    S(real(1, 2, 2, 2), SPACE[0], (2, 2, 2), (2, 2, 2), (0, 0, 0)).floats(),
]
SAMPLES["_max_unpool"] = [S(real(1, 2, 2, 2), PLANE, (4, 4)).floats()]

# ---- columns

SAMPLES["unfold(Tensor, int | ints, int | ints, int | ints, int | ints)"] = [
    S(real(2, 3, 5, 6), 2).floats(),
    S(real(2, 5, 6), (2, 3), dilation=(2, 1), padding=1, stride=(1, 2)).floats(),
    S(real(1, 2, 4, 36), 3, 1, 1, 1).floats(),
    S(real(1, 1, 6, 7), 2, 1, 0, 3).floats(),
    S(real(0, 2, 4, 4), 2).floats(),
]
SAMPLES["fold"] = [
    S(real(2, 12, 20), (5, 6), 2).floats(),
    S(real(12, 15), (5, 6), (2, 3), (2, 1), 1, (1, 2)).floats(),
    S(real(1, 18, 144), (4, 36), 3, 1, 1, 1).floats(),
    S(real(1, 4, 4), (6, 7), 2, stride=3).floats(),
    S(real(0, 4, 9), 4, 2).floats(),
]

# ---- padding

SAMPLES["constant_pad_nd"] = [
    S(real(2, 3), (1, 2)),
    S(real(2, 3, 4), (1, -1, 0, 2, 2, 0), 3),
    S(real(3), (-1, 4), -2.5).floats(),
    S(real(2, 0), (1, 1), 1),
    S(real(2, 3), (-2, -1)),
]
SAMPLES["pad"] = [
    S(real(2, 3), (1, 2)),
    S(real(2, 3, 4), (1, -1, 0, 2), "constant", 2),
    S(real(), ()),
    S(real(2, 3, 4), (2, 3), "reflect"),
    S(real(2, 3, 4, 5), (3, 2, 1, -1), mode="reflect"),
    S(real(2, 3, 4, 5), (1, 1, 2, 0, 1, 1), mode="reflect"),
    S(real(3, 4), (2, 5), "replicate"),
    S(real(3, 4, 5), (0, 6, 3, 2), "replicate"),
    S(real(1, 2, 3, 2, 3), (1, 2, 1, 0, 3, 1), "replicate"),
    S(real(3, 4), (4, 3), "circular"),
    S(real(2, 3, 4, 5), (-1, 2, 3, 1), "circular"),
    S(real(2, 3, 4, 5), (1, 2, 0, 1, 2, 2), "circular"),
    S(real(0, 3, 4, 5), (1, 2, 0, 1), "replicate"),
]
SAMPLES["_pad_mode"] = [S(real(2, 4), (2, 1), mode).floats() for mode in (1, 2, 3)]
SAMPLES["_pad_mode_backward"] = [S(real(2, 7), (2, 1), mode, (2, 4)).floats() for mode in (1, 2, 3)]
