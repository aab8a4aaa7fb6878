"""Samples of images of another size, at computed places, and of shuffled channels."""

from tests.rows.sample import S, Sample, between, real

SAMPLES: dict[str, list[Sample]] = {}

# ---- images of another size

MODES = {3: ["linear"], 4: ["bilinear", "bicubic"], 5: ["trilinear"]}
IMAGES = {3: (1, 2, 5), 4: (1, 2, 4, 5), 5: (1, 1, 3, 4, 2)}
SIZES = {3: (8,), 4: (7, 3), 5: (2, 6, 3)}
SCALES = {3: (1.7,), 4: (1.6, 0.7), 5: (1.5, 0.6, 2.0)}

SAMPLES["interpolate"] = [
    S(real(2, 3, 2, 3), (4, 6), mode="bilinear").floats(),
    S(real(1, 2, 2, 3), (4, 6)).floats(),
    S(real(1, 2, 2, 3), 4).floats(),
    S(real(2, 3, 2, 3), scale_factor=2).floats(),
    S(real(1, 2, 2, 3), scale_factor=2.0, mode="bilinear").floats(),
    S(real(1, 2, 4, 5), (4, 5), mode="bicubic").floats(),
    S(real(0, 3, 4, 5), (2, 2), mode="bilinear").floats(),
    S(real(2, 1, 1, 1), (3, 4), mode="bilinear").floats(),
    S(real(1, 1, 2, 40), (3, 24), mode="bilinear").floats(),
]
for dims, modes in MODES.items():
    for mode in modes:
        for corners in (None, True):
            SAMPLES["interpolate"] += [
                S(real(*IMAGES[dims]), SIZES[dims], None, mode, corners).floats(),
                S(real(*IMAGES[dims]), None, SCALES[dims], mode, corners).floats(),
            ]
    for mode in ("nearest", "nearest-exact", "area"):
        SAMPLES["interpolate"] += [
            S(real(*IMAGES[dims]), SIZES[dims], mode=mode).floats(),
            S(real(*IMAGES[dims]), None, SCALES[dims], mode).floats(),
            S(real(*IMAGES[dims]), None, SCALES[dims], mode, recompute_scale_factor=True).floats(),
        ]
SAMPLES["interpolate"] += [
    S(real(1, 1, 9, 6), None, (0.4, 1.3), "bilinear", False, True).floats(),
    *(
        S(real(1, 1, 9, 6), size, None, mode, corners, None, True).floats()
        for mode in ("bilinear", "bicubic")
        for corners in (False, True)
        for size in ((4, 3), (12, 7))
    ),
    S(real(1, 1, 9, 6), (4, 8), mode="lanczos", antialias=True).floats(),
    S(real(1, 1, 9, 6), None, 0.45, "bicubic", antialias=True).floats(),
]
SAMPLES["upsample"] = [
    S(real(1, 2, 2, 3), (4, 6), mode="bilinear").floats(),
    S(real(1, 2, 4), None, 2.0, "linear", True).floats(),
    S(real(1, 2, 2, 3), scale_factor=2).floats(),
]
SAMPLES["upsample_nearest"] = [
    S(real(1, 2, 2, 3), (4, 6)).floats(),
    S(real(1, 2, 2, 3), None, 2).floats(),
]
SAMPLES["upsample_bilinear"] = [
    S(real(1, 2, 2, 3), (4, 6)).floats(),
    S(real(1, 2, 2, 3), None, 2).floats(),
]
HOW = ("nearest", "nearest-exact", "linear", "cubic", "area")
SMOOTH = ("smooth-linear", "smooth-cubic", "smooth-lanczos")
SAMPLES["_resample"] = [S(real(2, 3, 4, 5), (7, 3), how).floats() for how in HOW + SMOOTH]
SAMPLES["_resample"] += [
    S(real(2, 3, 4), (7,), "linear", True).floats(),
    S(real(2, 3, 4, 5, 2), (7, 2, 4), "linear").floats(),
    S(real(2, 3, 4, 5), (6, 9), "linear", False, (1.6, 1.9)).floats(),
    S(real(0, 3, 4), (7,), "linear").floats(),
]
SAMPLES["_resample_backward"] = [S(real(2, 3, 7, 3), (4, 5), how).floats() for how in HOW + SMOOTH]
SAMPLES["_resample_backward"] += [
    S(real(2, 3, 7), (4,), "linear", True).floats(),
    S(real(2, 3, 7, 2, 4), (4, 5, 2), "linear").floats(),
    S(real(2, 3, 6, 9), (4, 5), "linear", False, (1.6, 1.9)).floats(),
    S(real(0, 3, 7), (4,), "linear").floats(),
]

# ---- at computed places


def flat(n: int = 1):
    return real(n, n + 1, 4, 5), between(-1.4, 1.4, n, 3, 2, 2)


def deep(n: int = 1):
    return real(n, n, 3, 4, 2), between(-1.4, 1.4, n, 2, 1, 3, 3)


WAYS = [(mode, padding, corners) for mode in range(3) for padding in range(3) for corners in (0, 1)]
WORDS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
SAMPLES["grid_sample"] = [
    S(*flat(2), align_corners=False).floats(),
    S(*deep(2), align_corners=False).floats(),
    S(*flat()).floats(),
    S(*flat(0), "bilinear", "border", True).floats(),
    *(S(*flat(), WORDS[0][m], WORDS[1][p], bool(c)).floats() for m, p, c in WAYS),
    *(S(*deep(), WORDS[0][m], WORDS[1][p], bool(c)).floats() for m, p, c in WAYS if m < 2),
]
SAMPLES["grid_sampler"] = [S(*flat(), m, p, bool(c)).floats() for m, p, c in WAYS]
SAMPLES["grid_sampler"].append(S(*deep(2), 0, 0, False).floats())
SAMPLES["grid_sampler_2d"] = [S(*flat(), 0, 0, False).floats(), S(*flat(), 2, 1, True).floats()]
SAMPLES["grid_sampler_3d"] = [S(*deep(), 0, 0, False).floats(), S(*deep(), 0, 2, True).floats()]
SAMPLES["_grid_sampler_backward_input"] = [
    S(real(2, 3, 3, 2), between(-1.4, 1.4, 2, 3, 2, 2), m, p, bool(c), (2, 3, 4, 5)).floats()
    for m, p, c in WAYS
] + [
    S(
        real(2, 2, 2, 1, 3), between(-1.4, 1.4, 2, 2, 1, 3, 3), m, p, bool(c), (2, 2, 3, 4, 2)
    ).floats()
    for m, p, c in WAYS
    if m < 2
]
SAMPLES["_grid_sampler_backward_grid"] = [
    S(real(2, 3, 3, 2), real(2, 3, 4, 5), between(-1.4, 1.4, 2, 3, 2, 2), m, p, bool(c)).floats()
    for m, p, c in WAYS
] + [
    S(
        real(2, 2, 2, 1, 3),
        real(2, 2, 3, 4, 2),
        between(-1.4, 1.4, 2, 2, 1, 3, 3),
        m,
        p,
        bool(c),
    ).floats()
    for m, p, c in WAYS
    if m < 2
]
SAMPLES["affine_grid"] = [
    S(real(2, 2, 3), (2, 3, 2, 3), align_corners=False).floats(),
    S(real(2, 2, 3), (2, 3, 1, 5), True).floats(),
    S(real(2, 3, 4), (2, 1, 2, 1, 3), True).floats(),
    S(real(1, 3, 4), (1, 1, 2, 3, 2)).floats(),
]
SAMPLES["affine_grid_generator"] = [
    S(real(2, 2, 3), (2, 3, 2, 3), False).floats(),
    S(real(2, 3, 4), (2, 1, 2, 1, 3), True).floats(),
]

# ---- channels as pixels

SAMPLES["pixel_shuffle"] = [
    S(real(2, 8, 2, 3), 2),
    S(real(9, 2, 1), 3),
    S(real(2, 1, 4, 2, 3), 2),
    S(real(2, 3, 2, 2), 1),
    S(real(0, 4, 2, 2), 2),
]
SAMPLES["pixel_unshuffle"] = [
    S(real(2, 2, 4, 6), 2),
    S(real(1, 6, 3), 3),
    S(real(2, 1, 1, 4, 2), 2),
    S(real(2, 3, 2, 2), 1),
]
SAMPLES["channel_shuffle"] = [
    S(real(2, 6, 2, 3), 2),
    S(real(2, 6, 2), 3),
    S(real(1, 4, 2, 1, 3), 4),
    S(real(0, 4, 2, 2), 2),
]
SAMPLES["native_channel_shuffle"] = [S(real(2, 6, 2, 3), 2), S(real(2, 6, 2), 3)]
