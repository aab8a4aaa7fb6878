"""Samples of recurrent layers, and of sequences of mixed lengths."""

import numpy as np

from tests.rows.oracles_rnn import Layer
from tests.rows.sample import S, Sample, between, real

SAMPLES: dict[str, list[Sample]] = {}

BLOCKS = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}


def small(*shape):
    return between(-0.7, 0.7, *shape)


def params(mode, inputs, hidden, projected=None, biases=True):
    """w_ih, w_hh, b_ih, b_hh, w_hr."""
    n, out = BLOCKS[mode] * hidden, projected or hidden
    weights = [small(n, inputs), small(n, out)]
    weights += [small(n), small(n)] if biases else [None, None]
    return [*weights, small(projected, hidden) if projected else None]


SIZES = np.array([3, 2, 2])  # of packed sequences of 3, 3 and 1 steps


def layers(mode):
    lstm = mode == "lstm"

    def state(n, hidden, given=True):
        h = small(1, n, hidden) if given else None
        return h, small(1, n, hidden) if given and lstm else None

    def case(x, sizes, states, weights, batch_first=False, reverse=False):
        return S(x, sizes, *states, *weights, mode, batch_first, reverse).floats().outputs(3)

    cases = [
        case(real(3, 2, 4), None, state(2, 5), params(mode, 4, 5)),
        case(real(2, 3, 4), None, state(2, 5), params(mode, 4, 5), True, True),
        case(real(2, 3, 4), None, (None, None), params(mode, 4, 3, biases=False), False, True),
        case(real(7, 3), SIZES, state(3, 4), params(mode, 3, 4)),
        case(real(7, 3), SIZES, state(3, 4), params(mode, 3, 4), False, True),
        case(real(2, 3), None, state(2, 16), params(mode, 3, 16)),
    ]
    if lstm:
        h, c = small(1, 2, 2), small(1, 2, 4)
        cases += [
            case(real(2, 2, 3), None, (h, c), params(mode, 3, 4, 2)),
            case(real(7, 3), SIZES, (small(1, 3, 2), small(1, 3, 4)), params(mode, 3, 4, 2)),
            case(real(2, 3), None, (h, c), params(mode, 3, 4, 2, False)),
        ]
    return cases


SAMPLES["rnn_layer"] = [sample for mode in BLOCKS for sample in layers(mode)]


def backward(sample, wanted=255):
    """With all gradients coming in, or but one."""
    *inputs, mode, batch_first, reverse = sample.args
    y, h, c, gates, cells = Layer(*inputs, mode, batch_first, reverse).results()
    grads = [small(*v.shape) if v.size else None for v in (y, h, c)]
    if wanted != 255:
        grads[1:] = [None, None]
    return (
        S(*inputs, y, gates, cells, *grads, mode, batch_first, reverse, wanted)
        .forward_only()
        .fixed()
    )


SAMPLES["rnn_layer_backward"] = [backward(sample) for sample in SAMPLES["rnn_layer"]]
SAMPLES["rnn_layer_backward"] += [backward(SAMPLES["rnn_layer"][0], 0b00101001)]


def stack(mode, *, layers=1, both=False, biases=True, batch_first=False, sizes=None, **more):
    """What the functions of users take: two layers of width 3, of inputs of width 4."""
    directions, hidden, projected = 2 if both else 1, 3, more.get("projected")
    out, weights = projected or hidden, []
    for layer in range(layers):
        for _ in range(directions):
            inputs = out * directions if layer else 4
            made = params(mode, inputs, hidden, projected, biases)
            weights += [p for p in made if p is not None]
    batch = 2 if sizes is None else int(sizes[0])
    shape = (7,) if sizes is not None else (2, 3) if batch_first else (3, 2)
    x, states = real(*shape, 4), [small(layers * directions, batch, out)]
    if mode == "lstm":
        states.append(small(layers * directions, batch, hidden))
    options = (biases, layers, more.get("dropout", 0.0), more.get("train", False), both)
    if sizes is not None:
        return S(x, sizes, *states, weights, *options).floats()
    return S(x, *states, weights, *options, batch_first).floats()


OPTIONS = "Tensors, bool, int, float, bool, bool"
for name, mode, states in (
    ("rnn_tanh", "tanh", "Tensor"),
    ("rnn_relu", "relu", "Tensor"),
    ("gru", "gru", "Tensor"),
    ("lstm_layers", "lstm", "Tensor, Tensor"),
):
    SAMPLES[f"{name}(Tensor, {states}, {OPTIONS}, bool)"] = [
        stack(mode),
        stack(mode, layers=2, both=True, batch_first=True),
        stack(mode, both=True, biases=False, train=True),
        stack(mode, layers=2, batch_first=True, dropout=0.3),
    ]
    SAMPLES[f"{name}(Tensor, Tensor, {states}, {OPTIONS})"] = [
        stack(mode, sizes=SIZES),
        stack(mode, layers=2, both=True, sizes=SIZES),
    ]
    if mode == "lstm":
        SAMPLES[f"{name}(Tensor, {states}, {OPTIONS}, bool)"] += [
            stack(mode, layers=2, both=True, projected=2)
        ]
    else:  # numbers are drawn, which no formula knows
        SAMPLES[f"{name}(Tensor, {states}, {OPTIONS}, bool)"] += [
            stack(mode, layers=2, batch_first=first, dropout=0.5, train=True)
            for first in (False, True)
        ]
for name, mode in (
    ("rnn_tanh", "tanh"),
    ("rnn_relu", "relu"),
    ("gru", "gru"),
    ("lstm_layers", "lstm"),
):
    cases = []
    for batch, hidden, biases in ((2, 3, True), (3, 16, True), (2, 5, False)):
        states = [small(batch, hidden)] * (2 if mode == "lstm" else 1)
        weights = params(mode, 4, hidden, biases=biases)[:4]
        cases.append(S(real(batch, 4), *states, *weights).floats())
    SAMPLES["lstm_step" if mode == "lstm" else f"{name}_cell"] = cases

# ---- sequences of mixed lengths

SAMPLES["batch_sizes_of"] = [S([3, 3, 1]).forward_only(), S([1]).forward_only()]
SAMPLES["pack_rows"] = [
    S(real(3, 3, 2), SIZES, 7, False),
    S(real(3, 4), SIZES, 7, True),
    S(real(4, 3, 2, 2), SIZES, 7, False),
]
SAMPLES["pad_rows"] = [
    S(real(7, 2), SIZES, 3, 3, False, 0.0),
    S(real(7), SIZES, 4, 5, True, 1.5),
]
SAMPLES["pack_padded(Tensor, Tensor, bool)"] = [
    S(real(3, 3, 2), np.array([3, 3, 1]), False),
    S(real(2, 4), np.array([4, 2]), True),
]
SAMPLES["pack_padded(Tensor, ints, bool)"] = [
    S(real(4, 3, 2), [3, 3, 1], False),
    S(real(2, 4), [4, 2], True),
]
SAMPLES["pad_packed"] = [
    S(real(7, 2), SIZES, False, 0.0, 3),
    S(real(7, 2), SIZES, True, -1.0, 5, 3),
]
SAMPLES["pad_sequences"] = [
    S([real(2, 3), real(4, 3), real(1, 3)]),
    S([real(3), real(1)], True, 2.0, "left"),
    S([real(2, 2)], padding_value=1.0),
]
