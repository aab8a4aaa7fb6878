"""Samples of norms."""

import numpy as np

from tests.rows.sample import S, Sample, positive, real

SAMPLES: dict[str, list[Sample]] = {}

# ---- of each sample


def of_layers(**more):
    return [
        S(real(3, 5), (5,), **more),
        S(real(2, 3, 4), (3, 4), **more),
        S(real(2, 3, 4), (4,), real(4), **more),
        S(real(2, 3, 4), [3, 4], real(3, 4), eps=1e-2, **more),
        S(real(7), (7,), real(7), **more),
        S(real(0, 4), (4,), real(4), **more),
        S(real(2, 40), (40,), real(40), **more),
    ]


LAYER = [
    *of_layers(),
    S(real(2, 3, 4), (4,), real(4), real(4)),
    S(real(2, 3, 4), (4,), None, real(4)),
    S(real(2, 3, 4), (3, 4), real(3, 4), real(3, 4), 0.1),
    S(real(3, 0), (0,)).forward_only(),
]
GROUP = [
    S(real(2, 6, 3), 2),
    S(real(2, 6, 2, 2), 3, real(6)),
    S(real(2, 6, 3), 6, real(6), real(6)),
    S(real(3, 8), 2, real(8), real(8), eps=1e-2),
    S(real(3, 4), 1, None, real(4)),
    S(real(1, 4, 18), 2, real(4), real(4)),
    S(real(0, 4, 3), 2, real(4), real(4)),
]
FUNCTIONAL = "Tensor, {}, Tensor | None, Tensor | None, float"
SAMPLES[f"layer_norm({FUNCTIONAL.format('sizes')})"] = LAYER
SAMPLES[f"layer_norm({FUNCTIONAL.format('sizes')}, bool)"] = [
    S(real(2, 3, 4), (4,), real(4), real(4)),
    S(real(2, 3, 4), (3, 4), None, None, 0.1, False),
]
SAMPLES["rms_norm"] = of_layers()
SAMPLES[f"group_norm({FUNCTIONAL.format('int')})"] = GROUP
SAMPLES[f"group_norm({FUNCTIONAL.format('int')}, bool)"] = [
    S(real(2, 6, 3), 2, real(6), real(6)),
    S(real(2, 6, 2, 2), 3, None, None, 0.1, False),
]
VIEWS = [  # lead, spatial, groups
    (real(3, 5), 5, (1, 2, 1)),
    (real(2, 6, 3), 6, (1, 2, 3)),
    (real(2, 6), 6, (1, 2, 3)),
]
SAMPLES["group_norm_forward"] = [
    S(x, w, b, *view, 1e-3, centred).floats().outputs(1)
    for x, n, view in VIEWS
    for w, b, centred in [(real(n), real(n), True), (None, real(n), False), (real(n), None, True)]
]


def moments(x, dims, eps, centred=True):
    m = x.mean(dims) if centred else x.mean(dims) * 0
    d = x - np.expand_dims(m, dims)
    return m.ravel() if centred else np.zeros(0), (1 / np.sqrt((d * d).mean(dims) + eps)).ravel()


def of_groups(x, n, view, weight, centred, *wanted):
    lead, _, groups = view
    rows = x.reshape(int(np.prod(x.shape[:lead])) * groups, -1)
    mean, rstd = moments(rows, (1,), 1e-3, centred)
    w = real(n) if weight else None
    # Its derivative takes mean and rstd to be the input's.
    return (
        S(real(*x.shape), x, mean, rstd, w, *view, 1e-3, centred, *wanted).forward_only().floats()
    )


SAMPLES["group_norm_backward"] = [
    of_groups(*view, weight, centred, *wanted)
    for view in VIEWS
    for weight, centred, wanted in [
        (True, True, (True, True, True)),
        (False, False, (True, False, False)),
        (True, False, (False, True, False)),
    ]
]

# ---- over a batch

BATCHES = [real(4, 3), real(3, 2, 4), real(2, 3, 2, 2), real(2, 2, 18), real(2, 2, 2, 1, 3)]
FUNCTIONAL = (
    "Tensor, Tensor | None, Tensor | None, Tensor | None, Tensor | None, bool, float, float"
)


def state(c):
    return real(c), positive(c)


def of_batches(x):
    """Of (n, c, *): without and with weights, by given moments and by its own."""
    c = x.shape[1]
    return [
        S(x, *state(c)).hold(1, 2),
        S(x, *state(c), real(c), real(c)).hold(1, 2),
        S(x, *state(c), real(c), None, True, 0.3, 1e-2).hold(1, 2),
        S(x, None, None, training=True),
        S(x, None, None, real(c), real(c), True),
    ]


SAMPLES[f"batch_norm({FUNCTIONAL})"] = [
    *(s for x in BATCHES for s in of_batches(x)),
    S(real(4, 3), *state(3), None, real(3), False, eps=0.1).hold(1, 2),
    S(real(0, 3), *state(3), real(3), real(3)).hold(1, 2).floats(),
    S(real(0, 3), *state(3), real(3), real(3), True).hold(1, 2).floats(),
]
SAMPLES[f"batch_norm({FUNCTIONAL}, bool)"] = [
    S(real(4, 3), None, None, *state(3), False, 0.1, 1e-5, False).hold(1, 2),
    S(real(3, 2, 4), real(2), real(2), *state(2), True, 0.1, 1e-5, False).hold(3, 4),
]
SAMPLES[f"instance_norm({FUNCTIONAL})"] = [
    S(real(2, 3, 5)),
    S(real(2, 3, 2, 3), weight=real(3), bias=real(3)),
    S(real(2, 3, 5), *state(3)).hold(1, 2),
    S(real(2, 3, 2, 3), *state(3), real(3), real(3), True, 0.3, 1e-2).hold(1, 2),
    S(real(2, 3, 5), *state(3), real(3), real(3), False).hold(1, 2),
]
SAMPLES[f"instance_norm({FUNCTIONAL}, bool)"] = [
    S(real(2, 3, 5), real(3), real(3), None, None, True, 0.1, 1e-5, False),
    S(real(2, 3, 5), real(3), real(3), *state(3), False, 0.1, 1e-5, False).hold(3, 4),
]
SAMPLES["batch_norm_train"] = [
    S(x, None, None, *state(x.shape[1]), 0.1, 1e-3).floats().hold(1, 2).outputs(1) for x in BATCHES
]
SAMPLES["batch_norm_train"] += [
    S(x, real(x.shape[1]), real(x.shape[1]), None, None, 0.1, 1e-3).floats().outputs(1)
    for x in BATCHES
]
SAMPLES["batch_norm_eval"] = [
    S(x, real(x.shape[1]), None, *state(x.shape[1]), 1e-3).floats().hold(2, 3) for x in BATCHES
]


def of_channels(x, weight, given, *wanted):
    mean, rstd = moments(x, (0, *range(2, x.ndim)), 1e-3)
    w = real(x.shape[1]) if weight else None
    return S(real(*x.shape), x, mean, rstd, w, given, 1e-3, *wanted).forward_only().floats()


SAMPLES["batch_norm_backward"] = [
    of_channels(x, weight, given, *wanted)
    for x in BATCHES
    for weight, given, wanted in [
        (True, False, (True, True, True)),
        (False, True, (True, False, False)),
        (True, True, (False, True, True)),
    ]
]

# ---- by neighbouring channels

SAMPLES["local_response_norm"] = [
    S(real(2, 5, 3), 3),
    S(real(2, 5, 2, 2), 2, 0.5, 0.6, 2.0),
    S(real(2, 4, 2, 1, 2), 7, alpha=0.3, k=0.7),
    S(real(1, 3, 4), 1, beta=2.0, alpha=1.0),
]
SAMPLES["_channel_window_sum"] = [
    S(real(2, 5, 3), 1, 1).floats(),
    S(real(3, 4), 0, 2).floats(),
    S(real(2, 3, 2, 2), 5, 0).floats(),
]
