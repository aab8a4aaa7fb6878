"""Samples of matrix products, losses and optimizer updates."""

import numpy as np

from samples import S, Sample, between, index, mask, positive, real

SAMPLES: dict[str, list[Sample]] = {}

# ---- products

SAMPLES["mm"] = [S(real(3, 5), real(5, 4)), S(real(2, 0), real(0, 3)), S(real(0, 2), real(2, 3))]
SAMPLES["bmm"] = [S(real(2, 3, 5), real(2, 5, 4)), S(real(0, 2, 3), real(0, 3, 2))]
SAMPLES["linear"] = [
    S(real(3, 5), real(4, 5), real(4)),
    S(real(3, 5), real(4, 5)),
    S(real(5), real(4, 5), real(4)),
    S(real(2, 3, 5), real(4, 5), bias=real(4)),
    S(real(0, 5), real(4, 5), real(4)),
    S(real(5), real(5)),
]
SAMPLES["linear_backward"] = [
    S(real(3, 4), real(3, 5), real(4, 5)),
    S(real(1, 4), real(1, 5), real(4, 5)),
    S(real(0, 4), real(0, 5), real(4, 5)),
    S(real(64, 120), real(64, 130), real(120, 130)).forward_only(),  # on two threads
]
# Activations are given by address: tests/cpp/test_tensor.cpp has them.
SAMPLES["linear_activation"] = [
    S(real(3, 5), real(4, 5), real(4), 0, 0.0, 0.0, 0.0, 0.0, False).forward_only(),
    S(real(3, 5), real(4, 5), None, 0, 0.0, 0.0, 0.0, 0.0, False).forward_only(),
    S(real(33, 40), real(50, 40), real(50), 0, 0.0, 0.0, 0.0, 0.0, False).forward_only(),
]
SAMPLES["mm_pointwise"] = [
    S(real(3, 5), real(5, 4), real(3, 4), 0, 0.0, 0.0, 0.0, 0.0).forward_only(),
    S(real(33, 40), real(40, 50), real(33, 50), 0, 0.0, 0.0, 0.0, 0.0).forward_only(),
]
SAMPLES["matmul"] = [
    S(real(5), real(5)),
    S(real(3, 5), real(5)),
    S(real(5), real(5, 4)),
    S(real(3, 5), real(5, 4)),
    S(real(2, 3, 5), real(5, 4)),
    S(real(2, 3, 5), real(5)),
    S(real(5), real(2, 5, 3)),
    S(real(2, 1, 3, 5), real(4, 5, 2)),
    S(real(0, 3, 5), real(5, 2)),
    S(real(19, 33), real(33, 17)),
]
SAMPLES["mv"] = [S(real(3, 5), real(5)), S(real(3, 0), real(0))]
SAMPLES["dot"] = [S(real(5), real(5)), S(real(0), real(0))]
SAMPLES["outer"] = [S(real(3), real(4)), S(real(0), real(2))]
SAMPLES["inner"] = [
    S(real(5), real(5)),
    S(real(3, 5), real(2, 4, 5)),
    S(real(3), real()),
    S(real(0, 3), real(2, 3)),
    S(real(2, 0), real(3, 0)),
]
SAMPLES["trace"] = [S(real(3, 3)), S(real(2, 4)), S(real(4, 2)), S(real(0, 3))]
SAMPLES["addmm"] = [
    S(real(3, 4), real(3, 5), real(5, 4)),
    S(real(4), real(3, 5), real(5, 4), beta=2, alpha=3),
    S(real(3, 1), real(3, 5), real(5, 4), beta=0),
    S(real(), real(3, 0), real(0, 4)),
]
SAMPLES["addmv"] = [S(real(3), real(3, 5), real(5)), S(real(), real(3, 5), real(5), beta=2)]
SAMPLES["addmv"].append(S(real(3), real(3, 5), real(5), alpha=3))
SAMPLES["baddbmm"] = [
    S(real(2, 3, 4), real(2, 3, 5), real(2, 5, 4)),
    S(real(4), real(2, 3, 5), real(2, 5, 4), beta=2, alpha=3),
]

# ---- losses over classes

WEIGHT = positive(4)
CLASSES = np.array([1, 0, 3, 2, 1])
IGNORED = np.array([1, -100, 3, 2, -100])
for name in ("nll_loss", "cross_entropy"):
    SAMPLES[name] = [
        S(real(5, 4), CLASSES),
        S(real(5, 4), IGNORED, WEIGHT).hold(2),
        S(real(5, 4), CLASSES, weight=WEIGHT, reduction="sum", ignore_index=3).hold(2),
        S(real(5, 4), IGNORED, reduction="none"),
        S(real(2, 4, 3), index(4, 2, 3)),
        S(real(2, 4, 2, 2), index(4, 2, 2, 2), WEIGHT, reduction="none").hold(2),
        S(real(4), np.array(2)),
        S(real(0, 4), index(4, 0)).forward_only(),
        S(real(0, 4), index(4, 0), reduction="sum"),
        S(real(2, 4), np.array([-100, -100])).forward_only(),
        S(real(5, 4), CLASSES, None, False, reduction="none"),
    ]


def simplex(*shape):
    p = positive(*shape)
    return p / p.sum(1, keepdims=True)


SAMPLES["cross_entropy"] += [
    S(real(5, 4), CLASSES, label_smoothing=0.2),
    S(real(5, 4), IGNORED, WEIGHT, label_smoothing=0.1).hold(2),
    S(real(2, 4, 3), index(4, 2, 3), WEIGHT, label_smoothing=0.1, reduction="none").hold(2),
    S(real(5, 4), simplex(5, 4)),
    S(real(5, 4), simplex(5, 4), WEIGHT, label_smoothing=0.3).hold(2),
    S(real(2, 4, 3), simplex(2, 4, 3), reduction="none"),
]
SAMPLES["cross_entropy_indices"] = [
    S(real(5, 4), CLASSES).floats().outputs(1),
    S(real(5, 4), IGNORED, WEIGHT, reduction="sum").hold(2).floats().outputs(1),
    S(real(2, 4, 3), index(4, 2, 3), reduction="none", label_smoothing=0.1).floats().outputs(1),
]
SAMPLES["cross_entropy_weights"] = [
    S(real(5, 4), CLASSES).floats(),
    S(real(5, 4), IGNORED, WEIGHT, label_smoothing=0.1).hold(2).floats(),
]
SAMPLES["nll_loss_indices"] = [
    S(real(5, 4), CLASSES).floats().outputs(1),
    S(real(5, 4), IGNORED, WEIGHT, reduction="none").hold(2).floats().outputs(1),
]


def lse(x, *more):
    """The state that the forward pass of cross entropy leaves."""
    return np.concatenate([np.log(np.exp(x).sum(1)).ravel(), np.array(more, float)])


X = real(5, 4)
SAMPLES["cross_entropy_backward"] = [
    S(real(), X, CLASSES, lse(X, 5.0)).fixed(),
    S(real(5), X, CLASSES, lse(X, 5.0), reduction="none", label_smoothing=0.1).fixed(),
    S(real(), X, CLASSES, lse(X, WEIGHT[CLASSES].sum()), WEIGHT).fixed(),
]
for sample in SAMPLES["cross_entropy_backward"]:
    sample.forward_only()  # its derivative takes the state to be the input's; see cross_entropy
SAMPLES["nll_loss_backward"] = [
    S(real(), CLASSES, np.array(5.0), size=(5, 4)).hold(2).fixed(),
    S(real(5), CLASSES, np.array(5.0), WEIGHT, reduction="none", size=(5, 4)).hold(2, 3).fixed(),
]

# ---- losses over pairs

for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
    PAIRS = [
        S(real(3, 4), real(3, 4)),
        S(real(3, 4), real(3, 4), reduction="sum"),
        S(real(3, 4), real(3, 4), reduction="none"),
        S(real(), real()),
        S(real(0, 3), real(0, 3), reduction="sum"),
        S(real(0, 3), real(0, 3)).forward_only(),
    ]
    if name != "huber_loss":
        PAIRS.append(S(real(3, 4), real(3, 4), None, False))
    SAMPLES[name] = PAIRS
SAMPLES["smooth_l1_loss"] += [S(real(9), real(9), beta=0.5), S(real(9), real(9), beta=0.0)]
SAMPLES["huber_loss"].append(S(real(9), real(9), delta=0.7))
LEGACY = "Tensor, Tensor, bool | None, bool | None, 'none' | 'mean' | 'sum'"
for name in ("mse_loss", "l1_loss"):
    SAMPLES[f"{name}({LEGACY})"] = SAMPLES.pop(name)
    SAMPLES[f"{name}({LEGACY}, Tensor | None)"] = [
        S(real(3, 4), real(3, 4), weight=positive(3, 4)),
        S(real(3, 4), real(3, 4), reduction="none", weight=positive(3, 4)),
    ]
HUBER = "Tensor, Tensor, 'none' | 'mean' | 'sum', float"
SAMPLES[f"huber_loss({HUBER})"] = SAMPLES.pop("huber_loss")
SAMPLES[f"huber_loss({HUBER}, Tensor | None)"] = [
    S(real(3, 4), real(3, 4), weight=positive(3, 4)),
    S(real(3, 4), real(3, 4), "sum", 0.6, weight=positive(3, 4)),
]


def inside(*shape):
    return between(0.1, 0.9, *shape)


SAMPLES["binary_cross_entropy"] = [
    S(inside(3, 4), inside(3, 4)),
    S(inside(3, 4), inside(3, 4), positive(4), reduction="sum").hold(2),
    S(inside(3, 4), mask(3, 4) * 1.0, reduction="none").hold(1),
    S(np.array([0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0])).forward_only(),
    S(inside(0), inside(0), reduction="sum"),
]
SAMPLES["binary_cross_entropy_with_logits"] = [
    S(real(3, 4), inside(3, 4)),
    S(real(3, 4), inside(3, 4), positive(4), reduction="sum").hold(2),
    S(real(3, 4), mask(3, 4) * 1.0, pos_weight=positive(4), reduction="none").hold(1, 2),
    S(np.array([200.0, -200.0]), np.array([0.0, 1.0])).forward_only(),
    S(real(0), inside(0), reduction="sum"),
]
SAMPLES["binary_cross_entropy_pairs"] = [
    S(inside(3, 4), inside(3, 4)).floats(),
    S(inside(3, 4), inside(3, 4), "none").floats(),
]
SAMPLES["binary_cross_entropy_with_logits_pairs"] = [
    S(real(3, 4), inside(3, 4)).floats(),
    S(real(3, 4), inside(3, 4), "sum").floats(),
]
SAMPLES["kl_div"] = [
    S(np.log(inside(3, 4)), inside(3, 4)),
    S(np.log(inside(3, 4)), inside(3, 4), reduction="batchmean"),
    S(np.log(inside(3, 4)), np.log(inside(3, 4)), reduction="sum", log_target=True),
    S(np.log(inside(3, 4)), np.array([0.0, 0.2, 0.3, 0.5]), reduction="none").forward_only(),
]
for rule in ("mse", "l1", "smooth_l1", "huber"):
    param = 1.0 if rule in ("smooth_l1", "huber") else 0.0
    SAMPLES[f"{rule}_loss_backward"] = [
        S(real(), real(3, 4), real(3, 4), "mean", param).fixed(),
        S(real(3, 4), real(3, 4), real(3, 4), "none", param).fixed(),
    ]
SAMPLES["binary_cross_entropy_backward"] = [
    S(real(), inside(3, 4), inside(3, 4), "mean", 0.0).fixed(),
    S(real(3, 4), inside(3, 4), inside(3, 4), "none", 0.0).fixed(),
]
SAMPLES["binary_cross_entropy_with_logits_backward"] = [
    S(real(), real(3, 4), inside(3, 4), "sum", 0.0).fixed(),
    S(real(3, 4), real(3, 4), inside(3, 4), "none", 0.0).fixed(),
]

# ---- optimizer steps: parameters, gradients, state

PAIR = [real(3, 4), real(5), real(3, 4), real(5)]
STATE = [positive(3, 4), positive(5), positive(3, 4), positive(5)]
STEPS = [np.array(3.0), np.array(3.0)]
SAMPLES["sgd_update"] = [
    S(PAIR, 2, 0.1, 0.0, 0.0, 0.01, False, False, False).floats(),
    S(PAIR + STATE[:2], 2, 0.1, 0.9, 0.2, 0.01, True, True, False).floats(),
    S(PAIR + STATE[:2], 2, 0.1, 0.9, 0.2, 0.0, False, False, True).floats(),
]
SAMPLES["adam_update"] = [
    S(PAIR + STATE + STEPS, 2, 0.1, 0.9, 0.99, 1e-8, 0.01, False, False, False).floats(),
    S(PAIR + STATE + STEPS, 2, 0.1, 0.9, 0.99, 1e-8, 0.01, False, True, True).floats(),
    S(
        PAIR + STATE + [positive(3, 4), positive(5)] + STEPS,
        *(2, 0.1, 0.9, 0.99, 1e-8, 0.0, True, False, False),
    ).floats(),
]
SAMPLES["clip_update"] = [
    S([real(3, 4), real(5), np.array(4.0)], 2, 1.0).floats(),
    S([real(3, 4), np.array(0.5)], 1, 1.0).floats(),
]
for name in ("sgd_update", "adam_update", "clip_update"):
    for sample in SAMPLES[name]:
        sample.forward_only()
