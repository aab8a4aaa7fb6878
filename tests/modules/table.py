"""Constructor arguments and inputs for every module class of `nn.__all__`.

Arrays stand for tensors, as in the samples of rows: float64 ones are cast to the dtype under test
and get gradients. `New` stands for an object of the library's `nn` inside the arguments.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import wengert as wg
from tests.modules import adaptive, attention
from tests.rows.sample import S, Sample, between, distinct, fingerprint, index, mask, positive, real

SEED = 5  # of the initial parameters, and of what a forward pass draws


@dataclass
class New:
    """nn.name(*args) of whichever library."""

    name: str
    args: tuple = ()


@dataclass
class Case:
    args: tuple
    kwargs: dict
    inputs: Sample | None = None
    held: frozenset = field(default_factory=frozenset)  # inputs, by order, without gradient
    use: Any = None  # use(module, *inputs), in place of a call
    slope: bool = True  # whether gradients are those of what is computed
    replayed: bool = True  # whether a captured function may call it

    def on(self, *inputs: Any) -> Case:
        """What it is called with."""
        self.inputs = S(*inputs)
        return self

    def hold(self, *inputs: int) -> Case:
        self.held = frozenset(inputs)
        return self

    def no_slope(self) -> Case:
        """Its gradients leave something out on purpose, or it changes its weight."""
        self.slope = False
        return self

    def not_replayed(self) -> Case:
        """What it computes depends on values, which a captured function refuses."""
        self.replayed = False
        return self

    def called(self, use: Any) -> Case:
        self.use = use
        return self

    def mark(self) -> str:
        """Tells the case from others, on every machine."""
        inputs = self.inputs.args if self.inputs else ()
        return fingerprint(S(*self.args, *inputs, **self.kwargs))


def M(*args: Any, **kwargs: Any) -> Case:
    S()  # the inputs' numbers do not depend on the cases before
    return Case(args, kwargs)


MODULES = [name for name in wg.nn.__all__ if inspect.isclass(getattr(wg.nn, name))]
MODULES = [name for name in MODULES if issubclass(getattr(wg.nn, name), wg.nn.Module)]
CASES: dict[str, list[Case]] = {}

# ---- activations

IN_PLACE = ["Hardsigmoid", "Hardswish", "Mish", "ReLU", "ReLU6", "SELU", "SiLU"]
for name in [*IN_PLACE, "LogSigmoid", "Sigmoid", "Softsign", "Tanh", "Tanhshrink"]:
    CASES[name] = [M().on(real(4, 6)), M().on(real(3)), M().on(real(0, 2))]
for name in IN_PLACE:
    CASES[name].append(M(inplace=True).on(real(2, 3)))
for name, args in {
    "CELU": [(), (0.7,), (0.7, True)],
    "ELU": [(), (0.7,), (0.7, True)],
    "GELU": [(), ("tanh",)],
    "Hardshrink": [(), (0.3,)],
    "Hardtanh": [(), (-0.5, 0.3), (-2, 2, True)],
    "LeakyReLU": [(), (0.1,), (0.2, True)],
    "Softplus": [(), (2, 1)],
    "Softshrink": [(), (0.2,)],
    "Threshold": [(0.1, 3), (0.2, -1.5, True)],
}.items():
    CASES[name] = [M(*a).on(real(4, 6)) for a in args]
CASES["RReLU"] = [M().on(real(4, 6)), M(0.2, 0.4).on(real(3)), M(0.1, 0.3, True).on(real(2, 3))]
CASES["GLU"] = [M().on(real(4, 6)), M(0).on(real(4, 3)), M(dim=1).on(real(2, 4, 3))]
CASES["PReLU"] = [M().on(real(4, 6)), M(6).on(real(4, 6)), M(3, init=0.1).on(real(2, 3, 4))]
for name in ("Softmax", "LogSoftmax", "Softmin"):
    CASES[name] = [M(1).on(real(4, 6)), M(dim=0).on(real(4, 6)), M(-1).on(real(2, 3, 4))]
CASES["Softmax2d"] = [M().on(real(2, 3, 2, 2)), M().on(real(3, 2, 2))]

# ---- shapes

CASES["Flatten"] = [M().on(real(2, 3, 4)), M(0).on(real(2, 3)), M(0, 1).on(real(2, 3, 4))]
CASES["Unflatten"] = [M(1, (2, -1)).on(real(3, 6)), M(0, (3, 1)).on(real(3, 2))]
CASES["Identity"] = [M().on(real(2, 3)), M(54, unused=True).on(real(3))]

# ---- images of another size

CASES["Upsample"] = [
    M(scale_factor=2).on(real(2, 3, 2, 3)),
    M((4, 5), mode="bilinear").on(real(2, 3, 2, 3)),
    M(7, mode="linear", align_corners=True).on(real(2, 3, 4)),
    M(None, (1.5, 2.4), "bicubic", recompute_scale_factor=True).on(real(2, 1, 4, 3)),
]
CASES["UpsamplingNearest2d"] = [M(4).on(real(1, 2, 2, 3)), M(scale_factor=2).on(real(1, 2, 2, 3))]
CASES["UpsamplingBilinear2d"] = [
    M((4, 7)).on(real(1, 2, 2, 3)),
    M(scale_factor=(2, 1.5)).on(real(1, 2, 2, 3)),
]
CASES["PixelShuffle"] = [M(2).on(real(2, 8, 2, 3)), M(3).on(real(9, 2, 2))]
CASES["PixelUnshuffle"] = [M(2).on(real(2, 2, 4, 6)), M(3).on(real(1, 6, 3))]
CASES["ChannelShuffle"] = [M(2).on(real(2, 6, 2, 3)), M(3).on(real(2, 6, 4))]

# ---- layers with parameters

CASES["Linear"] = [
    M(6, 5).on(real(4, 6)),
    M(6, 5, bias=False).on(real(4, 6)),
    M(3, 1).on(real(3)),
    M(3, 2).on(real(2, 4, 3)),
    M(3, 2).on(real(0, 3)),
]
CASES["Bilinear"] = [
    M(3, 4, 2).on(real(5, 3), real(5, 4)),
    M(3, 4, 2, bias=False).on(real(5, 3), real(5, 4)),
    M(2, 2, 3).on(real(2, 3, 2), real(2, 3, 2)),
]

# ---- convolutions

CASES["Conv1d"] = [
    M(3, 4, 3).on(real(2, 3, 8)),
    M(4, 6, 3, 2, 1, 2, 2, False).on(real(2, 4, 9)),
    M(3, 4, (4,), padding="same").on(real(3, 8)),
    M(3, 4, 4, padding="same", padding_mode="circular").on(real(2, 3, 8)),
]
CASES["Conv2d"] = [
    M(3, 4, 3).on(real(2, 3, 6, 5)),
    M(4, 6, (3, 2), stride=(2, 1), padding=(0, 1), dilation=2, groups=2).on(real(2, 4, 7, 6)),
    M(3, 4, 3, padding="same", bias=False).on(real(3, 4, 5)),
    M(4, 8, 3, padding="valid", groups=4).on(real(2, 4, 4, 5)),
    M(2, 3, 3).on(real(0, 2, 4, 4)),
    M(2, 3, 3, 2, (1, 2), padding_mode="reflect").on(real(2, 2, 4, 5)),
]
CASES["Conv3d"] = [
    M(2, 3, 2, padding=1, padding_mode="replicate").on(real(2, 2, 3, 4, 3)),
    M(2, 3, 2).on(real(2, 2, 3, 4, 3)),
    M(2, 4, (2, 3, 1), 2, (0, 1, 0), 1, 2, False).on(real(2, 3, 4, 3)),
]
CASES["ConvTranspose1d"] = [
    M(3, 4, 3).on(real(2, 3, 5)),
    M(4, 6, 3, 3, 1, 2, 2, False, 2).on(real(2, 4, 4)),
    M(3, 2, 3, stride=2).on(real(2, 3, 4)).called(lambda m, x: m(x, [10])),
]
CASES["ConvTranspose2d"] = [
    M(3, 4, 3).on(real(2, 3, 4, 3)),
    M(3, 4, 4, stride=2, padding=1, bias=False).on(real(3, 4, 3)),
    M(4, 2, (3, 2), (2, 1), groups=2, dilation=(1, 2)).on(real(2, 4, 3, 3)),
    M(2, 3, 3, 2, 1).on(real(2, 2, 3, 3)).called(lambda m, x: m(x, output_size=(2, 3, 6, 5))),
]
CASES["ConvTranspose3d"] = [
    M(2, 3, 2).on(real(2, 2, 2, 3, 2)),
    M(2, 4, (2, 1, 2), 2, (0, 0, 1), (1, 0, 0), 2).on(real(2, 2, 3, 2)),
]

for n, shape in ((1, (2, 4, 9)), (2, (2, 4, 5, 6)), (3, (1, 4, 4, 3, 4))):
    CASES[f"LazyConv{n}d"] = [
        M(3, 2).on(real(*shape)),
        M(6, 3, 2, 1, groups=2, bias=False, padding_mode="circular").on(real(*shape[1:])),
    ]
    CASES[f"LazyConvTranspose{n}d"] = [
        M(3, 2).on(real(*shape)),
        M(6, 3, 2, 1, 1, 2, False).on(real(*shape[1:])),
    ]
CASES["LazyLinear"] = [M(3).on(real(2, 4)), M(3, bias=False).on(real(4))]

# ---- pooling, padding, columns


def values_and_indices(m: Any, x: Any) -> Any:
    values, indices = m(x)
    return values + indices


LINES, PLANES, VOLUMES = (2, 3, 9), (2, 2, 7, 8), (1, 2, 4, 6, 5)
for n, shape in ((1, LINES), (2, PLANES), (3, VOLUMES)):
    CASES[f"MaxPool{n}d"] = [
        M(2).on(distinct(*shape)),
        M(3, 2, 1).on(distinct(*shape[1:])),
        M(2, stride=3, padding=1, dilation=2, ceil_mode=True).on(distinct(*shape)),
        M((2,) * n, return_indices=True).on(distinct(*shape)).called(values_and_indices),
    ]
    CASES[f"AvgPool{n}d"] = [
        M(2).on(real(*shape)),
        M(3, 2, 1, True, False).on(real(*shape[1:])),
        M((2,) * n, stride=(1,) * n).on(real(*shape)),
    ]
    CASES[f"LPPool{n}d"] = [M(2, 2).on(real(*shape)), M(3.0, 2, 1, True).on(positive(*shape))]
    CASES[f"AdaptiveAvgPool{n}d"] = [
        M(3).on(real(*shape)),
        M((2, None, 4)[:n]).on(real(*shape)),
        M(1).on(real(*shape[1:])),
    ]
    CASES[f"AdaptiveMaxPool{n}d"] = [
        M(3).on(distinct(*shape)),
        M((2, None, 4)[:n], return_indices=True).on(distinct(*shape)).called(values_and_indices),
    ]
    for kind in ("CircularPad", "ReflectionPad", "ReplicationPad", "ZeroPad"):
        CASES[f"{kind}{n}d"] = [
            M(2).on(real(*shape)),
            M((1, 0, 2, 1, 0, 3)[: 2 * n]).on(real(*shape[1:])),
        ]
    CASES[f"ConstantPad{n}d"] = [
        M(2, 1.5).on(real(*shape)),
        M((1, 0, 2, -1, 0, 3)[: 2 * n], value=-2.0).on(real(*shape[1:])),
    ]
NUMBERS = np.array([[[0.1, 0.6, 0.95], [0.3, 0.0, 0.5]], [[0.8, 0.2, 0.4], [0.7, 0.99, 0.45]]])
for n, shape in ((2, PLANES), (3, VOLUMES)):
    places = {"_random_samples": NUMBERS[..., :n]}
    CASES[f"FractionalMaxPool{n}d"] = [
        M(2, output_ratio=0.5, **places).on(distinct(*shape)),
        M(2, (2, 3, 3)[:n], **places).on(distinct(*shape[1:])),
        M(2, (2, 3, 3)[:n], None, True, **places).on(distinct(*shape)).called(values_and_indices),
        M((1, 2, 2)[:n], output_ratio=(0.5, 0.6, 0.7)[:n], **places).on(distinct(*shape)),
    ]
CASES["AvgPool2d"].append(M(2, divisor_override=3).on(real(*PLANES)))
CASES["AvgPool3d"].append(M(2, divisor_override=3).on(real(*VOLUMES)))
CASES["MaxUnpool1d"] = [
    M(2).on(real(1, 1, 3), np.array([[[1, 2, 5]]])),
    M(2, stride=(2,)).on(real(1, 3), np.array([[1, 2, 5]])).called(lambda m, *x: m(*x, (7,))),
]
CASES["MaxUnpool2d"] = [
    M(2).on(real(1, 1, 2, 2), np.array([[[[0, 3], [9, 14]]]])),
    M(3, 2, 1).on(real(1, 2, 2), np.array([[[0, 2], [7, 8]]])),
]
CASES["MaxUnpool3d"] = [M(2).on(real(1, 1, 1, 1, 2), np.array([[[[[3, 10]]]]]))]
CASES["Unfold"] = [
    M(2).on(real(2, 2, 4, 5)),
    M((2, 3), dilation=1, padding=1, stride=2).on(real(2, 4, 5)),
]
CASES["Fold"] = [
    M((4, 5), 2).on(real(2, 8, 12)),
    M((4, 5), (2, 3), dilation=1, padding=1, stride=2).on(real(12, 9)),
]

# ---- recurrent layers


def flat(result: Any) -> Any:
    """The sum of all tensors of a result, each by a number of its own."""
    tensors, items = [], [result]
    while items:
        item = items.pop(0)
        items += list(item) if isinstance(item, tuple) else []
        tensors += [] if isinstance(item, tuple) or item is None else [item]
    return sum((k + 1) * t.sum() + (t * t).sum() for k, t in enumerate(tensors))


def states(m: Any, x: Any, *hx: Any) -> Any:
    return flat(m(x, hx if len(hx) > 1 else hx[0]) if hx else m(x))


RECURRENT: dict[str, int] = {"RNN": 1, "GRU": 1, "LSTM": 2}
for name, n in RECURRENT.items():
    CASES[name] = [
        M(4, 5).on(real(3, 2, 4)).called(states),
        M(4, 5).on(real(3, 2, 4), *[real(1, 2, 5) for _ in range(n)]).called(states),
        M(4, 3, 2, bidirectional=True, batch_first=True).on(real(2, 3, 4)).called(states),
        M(4, 16, bias=False).on(real(3, 4), *[real(1, 16) for _ in range(n)]).called(states),
        M(3, 4, num_layers=2, dropout=0.4).on(real(3, 2, 3)).called(states),
        M(3, 4, num_layers=2, dropout=0.4, batch_first=True).on(real(2, 3, 3)).called(states),
    ]
    CASES[f"{name}Cell"] = [
        M(4, 5).on(real(2, 4)).called(states),
        M(4, 5).on(real(2, 4), *[real(2, 5) for _ in range(n)]).called(states),
        M(4, 5, bias=False).on(real(4), *[real(5) for _ in range(n)]).called(states),
    ]
CASES["RNN"] += [M(4, 5, 1, "relu").on(real(3, 2, 4)).called(states)]
CASES["RNNCell"] += [M(4, 5, nonlinearity="relu").on(real(2, 4)).called(states)]
CASES["LSTM"] += [
    M(4, 5, proj_size=2).on(real(3, 2, 4)).called(states),
    M(4, 5, 2, proj_size=3, bidirectional=True).on(real(3, 4)).called(states),
]
CASES["RNNBase"] = [M("GRU", 3, 4, 2, bidirectional=True)]
CASES["RNNCellBase"] = [M(3, 4, True, 2)]

# ---- distances

CASES["CosineSimilarity"] = [
    M().on(real(3, 4), real(3, 4)),
    M(-1, 0.5).on(real(2, 3, 4), real(4)),
]
CASES["PairwiseDistance"] = [
    M().on(real(3, 4), real(3, 4)),
    M(1.0, 0.5, keepdim=True).on(real(2, 3, 4), real(4)),
]

# ---- dropout

for name in ("Dropout", "AlphaDropout"):
    CASES[name] = [M().on(real(4, 6)), M(0.2).on(real(7)), M(p=0.0).on(real(2, 3))]
CASES["Dropout"] += [M(0.4, True).on(real(3, 4)), M(1.0).on(real(2, 3))]
CASES["Dropout1d"] = [M().on(real(4, 5, 3)), M(0.3).on(real(5, 3))]
CASES["Dropout2d"] = [M().on(real(4, 5, 2, 2)), M(0.3, True).on(real(2, 5, 2, 3))]
CASES["FeatureAlphaDropout"] = [M().on(real(4, 5, 3)), M(0.3, True).on(real(3, 4, 2, 2))]
CASES["Dropout3d"] = [M().on(real(2, 5, 2, 1, 2)), M(0.3).on(real(5, 2, 2, 1))]

# ---- norms

CASES["BatchNorm1d"] = [
    M(5).on(real(4, 5)),
    M(5).on(real(3, 5, 4)),
    M(5, 1e-3, None).on(real(4, 5)),
    M(5, affine=False).on(real(4, 5)),
    M(5, track_running_stats=False).on(real(4, 5)),
    M(5, momentum=0.3, bias=False).on(real(4, 5)),
]
CASES["BatchNorm2d"] = [M(3).on(real(2, 3, 2, 4)), M(3, 1e-3, 0.2).on(real(2, 3, 5, 5))]
CASES["BatchNorm3d"] = [M(3).on(real(2, 3, 2, 1, 4)), M(3, affine=False).on(real(2, 3, 2, 3, 1))]
CASES["SyncBatchNorm"] = [M(3, 1e-3, 0.2, False, False)]  # torch's is for GPUs only
for name, inner in {
    "InstanceNorm1d": (5,),
    "InstanceNorm2d": (2, 3),
    "InstanceNorm3d": (2, 1, 3),
}.items():
    CASES[name] = [
        M(3).on(real(2, 3, *inner)),
        M(3, affine=True).on(real(3, *inner)),
        M(3, 1e-3, 0.2, True, True).on(real(2, 3, *inner)),
        M(3, affine=True, bias=False).on(real(2, 3, *inner)),
    ]
# Lazy ones have been called once; see make().
for n, inner in ((1, (5,)), (2, (2, 3)), (3, (2, 1, 3))):
    batch, unbatched = real(2, 3, *inner), real(3, *inner)
    CASES[f"LazyBatchNorm{n}d"] = [M().on(batch), M(1e-3, 0.2, bias=False).on(batch)]
    CASES[f"LazyInstanceNorm{n}d"] = [
        M().on(batch),
        M(affine=False, track_running_stats=False).on(batch),
    ]
CASES["GroupNorm"] = [
    M(2, 6).on(real(2, 6, 3)),
    M(3, 6, 1e-3, bias=False).on(real(2, 6, 2, 2)),
    M(1, 6, affine=False).on(real(3, 6)),
]
CASES["LayerNorm"] = [
    M(6).on(real(4, 6)),
    M([3, 4], 1e-3).on(real(2, 3, 4)),
    M((6,), elementwise_affine=False).on(real(2, 2, 6)),
    M(6, bias=False).on(real(6)),
]
TWICE = np.array([[1, 0, 3], [1, 1, 4]])
CASES["Embedding"] = [
    M(5, 3).on(TWICE),
    M(5, 3, 1).on(TWICE).no_slope(),
    M(5, 3, -2, scale_grad_by_freq=True).on(TWICE).no_slope(),
    M(5, 3, max_norm=1.0).on(TWICE).no_slope(),
    M(5, 3, None, 1.5, 1.0, sparse=False).on(np.array(4)).no_slope(),
    M(5, 3, _weight=real(5, 3)).on(TWICE),
]
FLAT, STARTS = np.array([1, 0, 3, 1, 1, 4, 2]), np.array([0, 2, 2, 5])
CASES["EmbeddingBag"] = [
    M(5, 3).on(TWICE),
    M(5, 3, mode="sum").on(FLAT, STARTS, real(7)),
    M(5, 3, 1.0, 1.0, mode="max").on(FLAT, STARTS).no_slope(),
    M(5, 3, padding_idx=1).on(FLAT, STARTS),
    M(5, 3, mode="sum", include_last_offset=True).on(FLAT, np.array([0, 2, 2, 7])),
]
CASES["LocalResponseNorm"] = [
    M(3).on(real(2, 5, 4)),
    M(4, 0.5, 0.6, 2.0).on(real(2, 5, 2, 3)),
]
# Torch's gradient sums a channel too far down, which these few channels do not show.
CASES["CrossMapLRN2d"] = [
    M(5).on(real(2, 2, 2, 3)),
    M(7, 0.5, 0.6, 2.0).on(real(2, 3, 2, 3)),
]
CASES["RMSNorm"] = [
    M(6).on(real(4, 6)),
    M([3, 4], 1e-3).on(real(2, 3, 4)),
    M((6,), elementwise_affine=False).on(real(6)),
]

# ---- attention

CASES.update(attention.cases(M, New))

# ---- losses

REDUCTIONS = ("mean", "sum", "none")
SIGNS = np.array([1.0, -1.0, 1.0, -1.0])
LOG_PROBS = np.log(positive(6, 2, 4) / positive(6, 2, 4).sum(2, keepdims=True))
LENGTHS = np.array([6, 5]), np.array([3, 2])
LABELS = np.array([[1, 3, -1, 0], [-1, 2, 2, 2], [0, 1, 2, 3], [2, 2, -1, -1]])
CLASSES, IGNORED = np.array([0, 5, 2, 1]), np.array([0, -100, 2, 1])


def probabilities(*shape: int) -> np.ndarray:
    p = positive(*shape)
    return p / p.sum(1, keepdims=True)


for r in REDUCTIONS:
    for name, variants in {
        "BCELoss": [
            M(reduction=r).on(between(0.1, 0.9, 4, 6), between(0.1, 0.9, 4, 6)),
            M(positive(6), reduction=r).on(between(0.1, 0.9, 4, 6), mask(4, 6) * 1.0).hold(1),
        ],
        "BCEWithLogitsLoss": [
            M(reduction=r).on(real(4, 6), between(0.1, 0.9, 4, 6)),
            M(positive(6), reduction=r, pos_weight=positive(6))
            .on(real(4, 6), mask(4, 6) * 1.0)
            .hold(1),
        ],
        "CrossEntropyLoss": [
            M(reduction=r).on(real(4, 6), CLASSES),
            M(positive(6), ignore_index=2, reduction=r).on(real(4, 6), CLASSES),
            M(label_smoothing=0.1, reduction=r).on(real(4, 6), IGNORED),
            M(reduction=r).on(real(2, 4, 3), index(4, 2, 3)),
            M(reduction=r).on(real(4, 6), probabilities(4, 6)),
        ],
        "LinearCrossEntropyLoss": [
            M(5, 6, reduction=r).on(real(4, 5), CLASSES),
            M(5, 6, bias=True, label_smoothing=0.1, reduction=r).on(real(4, 5), IGNORED),
            M(5, 6, weight=positive(6), ignore_index=2, reduction=r).on(real(4, 5), CLASSES),
            M(5, 6, out_features=(3,), bias=True, reduction=r).on(real(2, 5), index(6, 2, 3)),
            M(5, 6, reduction=r).on(real(4, 5), probabilities(4, 6)),
        ],
        "CTCLoss": [
            M(reduction=r).on(LOG_PROBS, np.array([[1, 1, 2], [3, 2, -1]]), *LENGTHS).no_slope(),
            M(3, r, True).on(LOG_PROBS, np.array([0, 1, 2, 1, 2]), *LENGTHS).no_slope(),
        ],
        "CosineEmbeddingLoss": [
            M(reduction=r).on(real(4, 3), real(4, 3), SIGNS).hold(2),
            M(-0.9, reduction=r).on(real(4, 3), real(4, 3), SIGNS).hold(2),
        ],
        "GaussianNLLLoss": [
            M(reduction=r).on(real(4, 6), real(4, 6), positive(4, 6)),
            M(full=True, eps=0.01, reduction=r).on(real(4, 6), real(4, 6), positive(4, 1)),
        ],
        "HingeEmbeddingLoss": [M(5.0, reduction=r).on(real(4), SIGNS).hold(1)],
        "MarginRankingLoss": [M(5.0, reduction=r).on(real(4), real(4), SIGNS).hold(2)],
        "MultiLabelMarginLoss": [M(reduction=r).on(real(4, 4) * 0.1, LABELS)],
        "MultiLabelSoftMarginLoss": [
            M(reduction=r).on(real(4, 6), mask(4, 6) * 1.0).hold(1),
            M(positive(6), reduction=r).on(real(4, 6), mask(4, 6) * 1.0).hold(1),
        ],
        "MultiMarginLoss": [
            M(margin=9.0, reduction=r).on(real(4, 6), CLASSES),
            M(2, 8.0, positive(6), reduction=r).on(real(4, 6), CLASSES),
        ],
        "PoissonNLLLoss": [
            M(reduction=r).on(real(4, 6), positive(4, 6)),
            M(False, eps=0.1, reduction=r).on(positive(4, 6), positive(4, 6)),
        ],
        "SoftMarginLoss": [M(reduction=r).on(real(3, 4), SIGNS).hold(1)],
        "TripletMarginLoss": [
            M(9.0, reduction=r).on(real(4, 3), real(4, 3), real(4, 3)),
            M(9.0, 1.0, 0.1, swap=True, reduction=r).on(real(4, 3), real(4, 3), real(4, 3)),
        ],
        "TripletMarginWithDistanceLoss": [
            M(margin=9.0, reduction=r).on(real(4, 3), real(4, 3), real(4, 3)),
            M(margin=9.0, swap=True, reduction=r).on(real(4, 3), real(4, 3), real(4, 3)),
        ],
        "HuberLoss": [
            M(r).on(real(4, 6), real(4, 6)),
            M(r, delta=0.5).on(real(4, 6), real(4, 6)),
        ],
        "KLDivLoss": [
            M(reduction=r).on(real(4, 6), probabilities(4, 6)),
            M(reduction=r, log_target=True).on(real(4, 6), real(4, 6)),
        ],
        "L1Loss": [M(reduction=r).on(real(4, 6), real(4, 6))],
        "MSELoss": [M(reduction=r).on(real(4, 6), real(4, 6))],
        "NLLLoss": [
            M(reduction=r).on(real(4, 6), CLASSES),
            M(positive(6), ignore_index=2, reduction=r).on(real(4, 6), CLASSES),
        ],
        "NLLLoss2d": [M(reduction=r).on(real(2, 4, 3, 2), index(4, 2, 3, 2))],
        "SmoothL1Loss": [
            M(reduction=r).on(real(4, 6), real(4, 6)),
            M(reduction=r, beta=0.5).on(real(4, 6), real(4, 6)),
        ],
    }.items():
        CASES.setdefault(name, []).extend(variants)
CASES.update(adaptive.cases(M))
CASES["KLDivLoss"].append(M(reduction="batchmean").on(real(4, 6), probabilities(4, 6)))

# ---- containers

CASES["Module"] = [M()]
CASES["Container"] = [M(a=New("Tanh"))]
CASES["Sequential"] = [
    M(New("Linear", (3, 4)), New("ReLU"), New("Linear", (4, 2))).on(real(5, 3)),
    M(OrderedDict(a=New("Tanh"), b=New("LeakyReLU", (0.2,)))).on(real(2, 3)),
    M(New("Sequential", (New("Linear", (2, 2)),)), New("Dropout", (0.4,))).on(real(5, 2)),
    M().on(real(2)),
]
LAYERS = [New("Linear", (3, 3)), New("Linear", (3, 3)), New("ReLU"), New("Linear", (3, 2))]
CASES["DataParallel"] = [M(New("Linear", (3, 2))).on(real(4, 3))]
CASES["ModuleList"] = [
    M(LAYERS).on(real(2, 3)).called(lambda m, x: m[3](m[2](m[0](x)) + m[1](x))),
    M([New("Sequential", (New("ELU"), New("ReLU6")))] * 3).on(real(3)).called(lambda m, x: m[0](x)),
    M(),
]
CASES["ModuleDict"] = [
    M({"x": New("Linear", (3, 2)), "y": New("Softmax", (1,))})
    .on(real(2, 3))
    .called(lambda m, x: m["y"](m["x"](x))),
    M(),
]
PARAMETERS = [New("Parameter", (np.array([0.5, -1.5, 2.0]),)), New("Parameter", (np.ones((2, 3)),))]
CASES["ParameterList"] = [
    M(PARAMETERS).on(real(2, 3)).called(lambda m, x: x * m[0] + m[1]),
    M(),
]
CASES["ParameterDict"] = [
    M({"b": PARAMETERS[0], "a": PARAMETERS[1]})
    .on(real(2, 3))
    .called(lambda m, x: x * m["a"] * m.b),
    M(),
]


# ---- use


def convert(value: Any, library: Any, dtype: str) -> Any:
    """The value with the library's tensors for arrays and its objects for `New`, also inside."""
    if isinstance(value, np.ndarray):
        array = value.astype(dtype) if value.dtype == np.float64 else value.copy()
        return library.from_numpy(array)
    if isinstance(value, New):
        args = [convert(v, library, dtype) for v in value.args]
        return getattr(library.nn, value.name)(*args)
    if isinstance(value, dict):
        return type(value)((k, convert(v, library, dtype)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return type(value)(convert(v, library, dtype) for v in value)
    return value


def make(name: str, case: Case, library: Any = wg, dtype: str = "float64") -> Any:
    """The module, with the parameters that the seed gives it; a lazy one after its first call."""
    library.manual_seed(SEED)
    args = convert(case.args, library, dtype)
    module = getattr(library.nn, name)(*args, **convert(case.kwargs, library, dtype))
    if name.startswith("Lazy"):
        module.eval()(*inputs(case, library, "float32"))
        module.train()
    return module.to(dtype=getattr(library, dtype))


def inputs(case: Case, library: Any = wg, dtype: str = "float64") -> list:
    """The inputs; those that get gradients are leaves."""
    tensors = convert(list(case.inputs.args), library, dtype)
    for k, (t, a) in enumerate(zip(tensors, case.inputs.args, strict=True)):
        t.requires_grad_(a.dtype == np.float64 and k not in case.held)
    return tensors


def call(case: Case, module: Any, xs: Any, library: Any = wg) -> Any:
    """The module's result; it gets copies, since it may write over them."""
    library.manual_seed(SEED)
    copies = [x.clone() for x in xs]
    return case.use(module, *copies) if case.use else module(*copies)


def gradients(case: Case, module: Any, library: Any = wg, dtype: str = "float64") -> list:
    """The result, and the gradients of each input that gets one and of the parameters."""
    xs = inputs(case, library, dtype)
    y = call(case, module, xs, library)
    places = [x for x in xs if x.requires_grad] + list(module.parameters())
    rng = np.random.RandomState(4)
    w = library.from_numpy(np.asarray(rng.standard_normal(tuple(y.shape))).astype(dtype))
    given = library.autograd.grad(y, places, w, allow_unused=True)
    pairs = zip(given, places, strict=True)
    return [y.detach(), *(library.zeros_like(x) if g is None else g for g, x in pairs)]
