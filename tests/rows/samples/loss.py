"""Samples of losses and softmax."""

import numpy as np

from tests.rows.sample import Dtype, S, Sample, between, index, mask, positive, real

SAMPLES: dict[str, list[Sample]] = {}

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
SAMPLES["_cross_entropy_backward_"] = [
    S(X, real(), CLASSES, lse(X, 5.0)).fixed(),
    S(X, real(5), CLASSES, lse(X, WEIGHT[CLASSES].sum()), WEIGHT, reduction="none").fixed(),
]
# ---- behind a linear layer

W = real(4, 3)
SAMPLES["linear_cross_entropy"] = [
    S(real(5, 3), real(4, 3), CLASSES).floats(),
    S(real(5, 3), real(4, 3), IGNORED, linear_bias=real(4), weight=WEIGHT).hold(4).floats(),
    S(real(5, 3), real(4, 3), CLASSES, reduction="none", label_smoothing=0.2).floats(),
    S(real(5, 3), real(4, 3), CLASSES, reduction="sum", ignore_index=3).floats(),
    S(real(3), real(4, 3), np.array(2)).floats(),
    S(real(3), real(4, 3), np.array(2), reduction="none", linear_bias=real(4)).floats(),
    S(real(0, 3), real(4, 3), index(4, 0), reduction="sum").floats(),
    S(real(2, 3), real(4, 5, 3), index(4, 2, 5), linear_bias=real(4, 5)).floats(),
    S(real(5, 3), real(4, 3), simplex(5, 4)).floats(),
]
SAMPLES["linear_cross_entropy_indices"] = [
    S(real(5, 3), W, CLASSES, None, None, -100, "mean", 0.0).floats().outputs(1),
    S(real(5, 3), W, IGNORED, real(4), WEIGHT, -100, "sum", 0.1).hold(4).floats().outputs(1),
    S(real(5, 3), W, CLASSES, real(4), None, 1, "none", 0.0).floats().outputs(1),
]
ROWS = real(5, 3)
STATE = lse(ROWS @ W.T, 5.0)
SAMPLES["linear_cross_entropy_backward"] = [
    S(ROWS, W, CLASSES, real(), STATE, None, None, -100, "mean", 0.0, True, True, False),
    S(ROWS, W, CLASSES, real(5), STATE, None, None, -100, "none", 0.1, False, True, False),
    S(
        *(ROWS, W, CLASSES, real(), lse(ROWS @ W.T + WEIGHT, 5.0), WEIGHT, WEIGHT, -100, "sum"),
        *(0.0, True, False, True),
    ),
]
for sample in SAMPLES["linear_cross_entropy_backward"]:
    sample.fixed().forward_only()  # as of cross_entropy_backward
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

# ---- margins, and distributions given by their parameters

SIGNS = np.array([1.0, -1.0, 1.0, -1.0])
SAMPLES["cosine_embedding_loss"] = [
    S(real(4, 3), real(4, 3), SIGNS, margin=-0.9).hold(2),
    S(real(4, 3), real(4, 3), np.array([1, -1, 1, 0]), reduction="none"),
    S(real(3), real(3), np.array(1), reduction="sum"),
    S(real(4, 3), real(4, 3), SIGNS, 0.1, False).hold(2).forward_only(),
]
SAMPLES["margin_ranking_loss"] = [
    S(real(4), real(4), SIGNS, margin=5.0).hold(2),
    S(real(3, 4), real(3, 4), mask(3, 4) * 2 - 1, reduction="none").forward_only(),
    S(real(3, 1), real(1, 4), real(3, 4), margin=9.0, reduction="sum"),
]
SAMPLES["hinge_embedding_loss"] = [
    S(real(4), SIGNS, margin=4.0).hold(1),
    S(real(3, 4), SIGNS.astype(np.int64), margin=5.0, reduction="none"),
    S(real(), np.array(1.0), reduction="sum").hold(1),
]
SAMPLES["soft_margin_loss"] = [
    S(real(3, 4), SIGNS).hold(1),
    S(real(3, 4), real(3, 4), reduction="none"),
    S(real(0, 4), SIGNS, reduction="sum").hold(1),
]
SAMPLES["multilabel_soft_margin_loss"] = [
    S(real(3, 4), mask(3, 4) * 1.0).hold(1),
    S(real(3, 4), inside(3, 4), positive(4), reduction="none").hold(2),
    S(real(4), mask(4) * 1.0, reduction="sum").hold(1),
]
SAMPLES["multi_margin_loss"] = [
    S(real(5, 4), CLASSES, margin=9.0),
    S(real(5, 4), CLASSES, 2, 8.0, positive(4), reduction="none").hold(1),
    S(real(4), np.array(2), margin=9.0),
    S(real(5, 4), CLASSES).forward_only(),
]
LABELS = np.array([[1, 3, -1, 0], [-1, 2, 2, 2], [0, 1, 2, 3], [2, 2, -1, -1]])
SAMPLES["multilabel_margin_loss"] = [
    S(real(4, 4) * 0.1, LABELS),
    S(real(4, 4) * 0.1, LABELS, reduction="none"),
    S(real(4) * 0.1, LABELS[0], reduction="sum"),
    S(real(4, 4), LABELS).forward_only(),
]
SAMPLES["_margins"] = [
    S(real(5, 40), index(40, 5, 1), 1, 9.0, 0),
    S(real(5, 4), index(4, 5, 1), 2, 9.0, 0),
    S(real(4, 4) * 0.1, LABELS, 1, 1.0, -1),
    S(real(0, 4), index(4, 0, 1), 1, 1.0, 0),
]
SAMPLES["_margins_backward"] = [
    S(real(len(s.args[0])), *s.args, **s.kwargs) for s in SAMPLES["_margins"]
]
for name in ("_margins", "_margins_backward"):
    for sample in SAMPLES[name]:
        sample.floats()
SAMPLES["triplet_margin_loss"] = [
    S(real(4, 3), real(4, 3), real(4, 3), margin=9.0),
    S(real(4, 3), real(4, 3), real(4, 3), 9.0, 1.0, 0.1, True, reduction="none"),
    S(real(3), real(3), real(3), margin=9.0, p=3.0, reduction="sum"),
]
SAMPLES["gaussian_nll_loss"] = [
    S(real(3, 4), real(3, 4), positive(3, 4)),
    S(real(3, 4), real(3, 4), positive(3), True, reduction="none"),
    S(real(3, 4), real(3, 4), positive(3, 1), eps=0.01, reduction="sum"),
    S(real(3, 4), real(3, 4), 0.5),
    S(real(4), real(4), np.array([0.0, 1e-9, 0.5, 1.0])).forward_only(),
]
SAMPLES["_variance"] = [S(positive(3, 4), 0.01).floats()]
SAMPLES["poisson_nll_loss"] = [
    S(real(3, 4), positive(3, 4)),
    S(positive(3, 4), positive(3, 4), False, reduction="none"),
    S(real(3, 4), between(2.0, 4.0, 3, 4), full=True, reduction="sum"),
    S(real(4), np.array([0.0, 1.0, 1.5, 3.0]), full=True).hold(1).forward_only(),
]

# ---- unsegmented sequences: the gradient is that of logits, which no numeric difference shows

STEPS = simplex(6, 2 * 4).reshape(6, 2, 4)
LOG_PROBS = np.log(STEPS / STEPS.sum(2, keepdims=True))
LENGTHS = np.array([6, 4]), np.array([3, 2])
READ, READ_DENSE = np.array([[1, 1, 2], [3, 2, -1]]), np.array([1, 1, 2, 3, 2])
CTC, CTC_NUMBERS = (
    f"ctc_loss(Tensor, Tensor, {lengths}, {lengths}, int, 'none' | 'mean' | 'sum', bool)"
    for lengths in ("Tensor", "ints")
)
SAMPLES[CTC] = [
    S(LOG_PROBS, READ, *LENGTHS),
    S(LOG_PROBS, READ_DENSE, *LENGTHS, reduction="none"),
    S(LOG_PROBS[:, 0], READ[0], np.array(6), np.array(3), reduction="sum"),
    S(LOG_PROBS, READ, np.array([3, 4]), LENGTHS[1], 0, "none", True),
    S(LOG_PROBS, READ, np.array([3, 4]), LENGTHS[1], reduction="none"),
    S(LOG_PROBS, np.array([[0, 1, 2], [1, 2, 0]]), *LENGTHS, blank=3),
]
SAMPLES[CTC_NUMBERS] = [
    S(LOG_PROBS, READ, (6, 4), (3, 2)),
    S(LOG_PROBS, READ_DENSE, [6, 4], [3, 2], reduction="none"),
]
SAMPLES["ctc_loss_each"] = [S(LOG_PROBS, READ, *LENGTHS).floats()]
SAMPLES["ctc_loss_backward"] = [
    S(real(2), LOG_PROBS, READ, *LENGTHS, np.array([8.0, 4.0])).fixed(),
]
for sample in (s for n in SAMPLES if n.startswith("ctc_loss") for s in SAMPLES[n]):
    sample.forward_only()
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

# ---- softmax

for name in ("softmax", "log_softmax"):
    SAMPLES[f"{name}(Tensor, int, dtype | None)"] = [
        S(real(3, 5), 1),
        S(real(3, 5), 0),
        S(real(2, 37, 3), -2),
        S(real(), 0),
        S(real(0, 3), 1),
        S(real(3, 5), 1, dtype=Dtype("float64")),
        S(np.array([[1e3, -1e3, np.inf], [-np.inf, 0.0, 1.0]]), 1).forward_only().floats(),
    ]
    SAMPLES[f"{name}(Tensor, int | None, int, dtype | None)"] = [
        S(real(3, 5), 1),
        S(real(2, 5, 3), dim=0),
        S(real(3, 5), dim=-1, dtype=Dtype("float64")),
    ]
    SAMPLES[f"{name}_backward"] = [
        S(real(3, 5), between(-1.5, -0.2, 3, 5), 1).floats(),
        S(real(3, 5), between(-1.5, -0.2, 3, 5), 0).floats(),
        S(real(0, 3), real(0, 3), 1).floats(),
    ]
SAMPLES["softmin"] = [S(real(3, 5), 1), S(real(2, 5, 3), dim=0)]
