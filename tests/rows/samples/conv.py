"""Samples of convolutions."""

import wengert as wg
from tests.rows.sample import S, Sample, real
from wengert import _native

SAMPLES: dict[str, list[Sample]] = {}

PLAIN, NAMED = "ints", "'valid' | 'same'"


def key(name: str, padding: str) -> str:
    """Of the rows of `name`, that whose padding is of this kind."""
    types = f"Tensor, Tensor, Tensor | None, ints, {padding}, ints, int"
    return f"{name}({types})"


SAMPLES[key("conv1d", PLAIN)] = [
    S(real(2, 3, 9), real(4, 3, 3), real(4)),
    S(real(2, 3, 9), real(4, 3, 3)),
    S(real(3, 9), real(4, 3, 2), real(4), stride=2),
    S(real(2, 4, 11), real(6, 2, 3), real(6), 2, 3, 2, 2),
    S(real(2, 4, 7), real(8, 1, 3), None, padding=(1,), groups=4),
    S(real(2, 20, 40), real(18, 20, 5), real(18), padding=2).fixed(),  # several registers
    S(real(0, 3, 9), real(4, 3, 3), real(4)),
    S(real(1, 1, 5), real(1, 1, 5)),
]
SAMPLES[key("conv1d", NAMED)] = [
    S(real(2, 3, 9), real(4, 3, 3), real(4), padding="valid", stride=2),
    S(real(2, 3, 9), real(4, 3, 4), padding="same", dilation=3),
    S(real(3, 8), real(4, 3, 2), real(4), padding="same"),
]
SAMPLES[key("conv2d", PLAIN)] = [
    S(real(2, 3, 6, 7), real(4, 3, 3, 3), real(4)),
    S(real(2, 3, 6, 7), real(4, 3, 3, 2)),
    S(real(3, 6, 7), real(4, 3, 3, 3), real(4), padding=1),
    S(real(2, 3, 9, 8), real(4, 3, 3, 3), real(4), stride=2, padding=1),
    S(real(1, 2, 9, 10), real(3, 2, 3, 2), None, (3, 2), (0, 2), (1, 3)),
    S(real(2, 4, 5, 6), real(6, 2, 3, 3), real(6), 1, 1, 1, 2),
    S(real(2, 4, 5, 6), real(8, 1, 3, 3), real(8), 2, 1, 1, 4),
    S(real(2, 4, 5, 6), real(4, 1, 3, 3), None, 1, 1, 1, 4),
    S(real(2, 5, 4, 4), real(3, 5, 1, 1), real(3)),
    S(real(2, 5, 5, 4), real(3, 5, 1, 1), stride=2),
    S(real(2, 20, 6, 5), real(34, 20, 3, 3), real(34), padding=1).fixed(),  # several registers
    S(real(0, 3, 6, 7), real(4, 3, 3, 3), real(4)),
]
SAMPLES[key("conv2d", NAMED)] = [
    S(real(2, 3, 6, 7), real(4, 3, 3, 3), real(4), padding="same"),
    S(real(2, 3, 6, 7), real(4, 3, 2, 4), padding="same", dilation=(2, 1)),
    S(real(3, 6, 7), real(4, 3, 3, 3), padding="valid", stride=2),
]
SAMPLES[key("conv3d", PLAIN)] = [
    S(real(2, 3, 4, 5, 4), real(4, 3, 3, 2, 3), real(4)),
    S(real(2, 4, 5, 4), real(3, 2, 2, 2, 2), None, 2, 1, 1, 1),
    S(real(2, 4, 4, 5, 3), real(2, 2, 2, 3, 2), real(2), (1, 2, 1), (0, 1, 1), (2, 1, 1), 2),
    S(real(0, 3, 4, 5, 4), real(4, 3, 3, 2, 3), real(4)),
]
SAMPLES[key("conv3d", NAMED)] = [
    S(real(1, 2, 3, 4, 3), real(2, 2, 3, 2, 1), real(2), padding="same"),
    S(real(2, 3, 4, 3), real(2, 2, 2, 2, 2), padding="valid"),
]
SAMPLES["conv_transpose1d"] = [
    S(real(2, 3, 5), real(3, 4, 3), real(4)),
    S(real(3, 5), real(3, 4, 3)),
    S(real(2, 4, 5), real(4, 3, 3), real(6), 3, 2, 1, 2, 2),
    S(real(2, 3, 4), real(3, 2, 2), stride=3, output_padding=2),
    S(real(0, 3, 5), real(3, 4, 3), real(4)),
]
SAMPLES["conv_transpose2d"] = [
    S(real(2, 3, 4, 5), real(3, 4, 3, 3), real(4)),
    S(real(3, 4, 5), real(3, 4, 2, 3), None, 2),
    S(real(2, 3, 4, 3), real(3, 4, 4, 4), real(4), stride=2, padding=1),
    S(real(2, 4, 3, 4), real(4, 3, 3, 2), real(6), (2, 3), (1, 0), (1, 2), 2, (2, 1)),
    S(real(2, 4, 3, 4), real(4, 1, 3, 3), None, 2, 1, 1, 4),
    S(real(2, 20, 5, 4), real(20, 18, 3, 3), real(18), padding=1).fixed(),  # several registers
    S(real(0, 3, 4, 5), real(3, 4, 3, 3)),
]
SAMPLES["conv_transpose3d"] = [
    S(real(2, 3, 2, 3, 3), real(3, 2, 2, 2, 3), real(2)),
    S(real(2, 3, 2, 3), real(2, 2, 3, 2, 2), None, 2, 1, (1, 0, 1)),
    S(real(1, 4, 2, 3, 2), real(4, 1, 2, 3, 2), real(2), (1, 2, 1), 0, 0, 2, (2, 1, 1)),
]
SAMPLES["conv_output"] = [
    S(real(2, 3, 5, 6), real(4, 3, 3, 2), real(4), (1, 2), (1, 0), (1, 2), 1, (5, 2)),
    S(real(2, 2, 5), real(4, 1, 3), None, (1,), (1,), (1,), 2, (6,)),
    S(real(16, 20, 30, 30), real(40, 20, 3, 3), None, (1, 1), (1, 1), (1, 1), 1, (30, 30))
    .floats()
    .forward_only(),  # on all threads
]
SAMPLES["conv_input"] = [
    S(real(2, 4, 5, 2), real(4, 3, 3, 2), real(3), (1, 2), (1, 0), (1, 2), 1, (5, 6)),
    S(real(2, 4, 6), real(4, 1, 3), None, (1,), (1,), (1,), 2, (5,)),
    S(real(16, 40, 30, 30), real(40, 20, 3, 3), None, (1, 1), (1, 1), (1, 1), 1, (30, 30))
    .floats()
    .forward_only(),
]
SAMPLES["conv_weight"] = [
    S(real(2, 3, 5, 6), real(2, 4, 5, 2), (1, 2), (1, 0), (1, 2), 1, (3, 2)),
    S(real(2, 2, 5), real(2, 4, 6), (1,), (1,), (1,), 2, (3,)),
    S(real(16, 20, 30, 30), real(16, 40, 30, 30), (1, 1), (1, 1), (1, 1), 1, (3, 3))
    .floats()
    .forward_only(),
]


NO_OP = (None, 0.0, 0.0, 0.0, 0.0)


def then(x, w, bias, other, *conv, norm=False, combine=None, activation=None, keep=(False, False)):
    """A convolution to the shape of `other`, and what it goes on with."""
    c = other.shape[1]
    numbers = (real(c), None, real(c), real(c) ** 2) if norm else (None,) * 4
    return S(
        *(x, w, bias, *numbers, other if combine else None, *conv),
        *(_native.ops.batch_norm_eval if norm else None, 1e-3, keep[1]),
        *(combine, *NO_OP[1:], activation, *NO_OP[1:], keep[0]),
    ).forward_only()


CONVOLVED = (real(2, 3, 5, 6), real(4, 3, 3, 2), real(4), real(2, 4, 5, 2))
HOW = ((1, 2), (1, 0), (1, 2), 1, (5, 2))
BACK = (real(2, 4, 5, 2), real(4, 3, 3, 2), real(3), real(2, 3, 5, 6))
BACK_HOW = (*HOW[:4], (5, 6))
for name, tensors, how in (
    ("conv_output_then", CONVOLVED, HOW),
    ("conv_input_then", BACK, BACK_HOW),
):
    SAMPLES[name] = [
        then(*tensors, *how).floats(),
        then(*tensors, *how, activation=wg.relu, keep=(True, False)).floats(),
        then(*tensors, *how, norm=True, activation=wg.relu, keep=(True, True)).floats(),
        then(*tensors, *how, norm=True, keep=(False, True)).floats(),
        then(*tensors, *how, combine=wg.hypot).floats(),
        then(*tensors, *how, norm=True, combine=wg.hypot, activation=wg.relu).floats(),
        then(*tensors, *how, combine=wg.hypot, activation=wg.relu, keep=(True, False)).floats(),
    ]
SAMPLES["conv_output_then"] += [
    then(real(16, 20, 30, 30), real(40, 20, 3, 3), None, real(16, 40, 30, 30), *how)
    .floats()
    .forward_only()  # on all threads
    for how in [((1, 1), (1, 1), (1, 1), 1, (30, 30))]
]
