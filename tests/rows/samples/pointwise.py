"""Samples of the pointwise rows."""

import numpy as np

from tests.rows.sample import S, Sample, between, index, mask, positive, real, signed, special

SAMPLES: dict[str, list[Sample]] = {}


def one(names, make, *args, extreme=True, **kwargs):
    """Rows of one tensor: a vector that ends amid a register, a matrix, 0-d, empty."""
    for name in names.split():
        SAMPLES[name] = [
            S(make(37), *args, **kwargs),
            S(make(2, 3), *args, **kwargs),
            S(make(), *args, **kwargs),
            S(make(0, 3), *args, **kwargs),
        ]
        if extreme:
            SAMPLES[name].append(S(special(), *args, **kwargs).forward_only().floats())


one(
    "exp exp2 expm1 sin cos tan sinh cosh tanh sigmoid erf erfc atan asinh neg abs sign square "
    "floor ceil round(Tensor) trunc frac positive isnan isinf isfinite logical_not nan_to_num relu "
    "selu celu gelu silu softplus logsigmoid mish relu6 hardsigmoid hardswish softsign tanhshrink "
    "elu leaky_relu hardtanh hardshrink softshrink",
    real,
)
one("log log2 log10 log1p sqrt rsqrt reciprocal", positive)
one("asin acos atanh", lambda *shape: between(-0.9, 0.9, *shape))
one("acosh", lambda *shape: between(1.2, 4.0, *shape))
one("deg2rad rad2deg", real)
one("logit", lambda *shape: between(0.1, 0.9, *shape), extreme=False)
SAMPLES["logit"].append(S(np.array([np.nan, 0.0, 1.0, 0.5])).forward_only().floats())
SAMPLES["logit"].append(S(np.array([-0.1, 0.05, 0.4, 0.97, 1.2]), eps=0.1).floats())

SAMPLES["round(Tensor, int)"] = [
    S(real(3, 4), decimals=1).floats(),
    S(100 * real(2, 3), decimals=-1).floats(),
    S(real(), decimals=0).floats(),
    S(real(0, 3), decimals=2).floats(),
]
SAMPLES["celu"].append(S(real(5), alpha=0.7))
SAMPLES["elu"] += [S(real(5), 0.5), S(real(2, 3), alpha=1.5)]
SAMPLES["gelu"].pop()  # at infinity torch's two precisions differ
SAMPLES["gelu"] += [S(real(3, 4), approximate="tanh"), S(special()[3:]).forward_only().floats()]
SAMPLES["hardtanh"].append(S(real(3, 4), -0.5, max_val=2.0))
SAMPLES["hardshrink"] += [S(real(3, 4), 1.0), S(real(3), lambd=0.0)]
SAMPLES["softshrink"] += [S(real(3, 4), 1.0), S(real(3), lambd=0.0)]
SAMPLES["leaky_relu"] += [S(real(3, 4), slope) for slope in (0.2, 0.0, -0.3)]
SAMPLES["nan_to_num"].append(S(special(), 1.5, posinf=9.0, neginf=-7.0).forward_only().floats())
SAMPLES["softplus"].append(S(real(3, 4), beta=2.0, threshold=3.0))
SAMPLES["threshold"] = [S(real(3, 4), 0.1, 20.0), S(real(), 0.5, -1), S(real(0), 0.1, 0.2)]
SAMPLES["prelu"] = [
    S(real(2, 3, 4), real(3)),
    S(real(5), real(1)),
    S(real(5), real()),
    S(real(2, 4), real(4)),
    S(real(0, 3), real(3)),
]
SAMPLES["glu"] = [S(real(3, 4)), S(real(4, 2, 3), 0), S(real(0, 4)), S(real(6), dim=0)]
SAMPLES["bitwise_not"] = [
    S(index(100, 3, 4)).integers(),
    S(index(100)).integers(),
    S(index(100, 0)).integers(),
]

# ---- two operands


def two(names, left, right=None, numbers=(2, 0.5), first=()):
    """Rows of two operands: equal shapes, broadcasting both ways, 0-d, empty, numbers."""
    right = right or left
    for name in names:
        SAMPLES[name] = [
            S(left(4, 9), right(4, 9)),
            S(left(3, 1), right(2, 1, 4)),
            S(left(2, 3), right()),
            S(left(0, 3), right(1, 3)),
            *(S(left(2, 3), n) for n in numbers),
            *(S(n, right(2, 3)) for n in first),
        ]


two(["add(Operand, Operand)", "sub(Operand, Operand)", "mul"], real, numbers=(2, 0.5))
two(["div(Operand, Operand)"], real, signed, numbers=(2, 0.5))
two(["floor_divide", "remainder", "fmod", "trunc_divide"], real, signed, numbers=(2, -0.7))
two(["maximum", "minimum", "max(Tensor, Tensor)", "min(Tensor, Tensor)"], real, numbers=())
two(["atan2"], real, numbers=())
two(["copysign"], real, signed, numbers=(2, -0.5))
two(["hypot", "fmax", "fmin", "logaddexp"], real, numbers=())
two(["xlogy"], real, positive, numbers=(2, 0.5), first=(2, 0.5))
two(["pow"], positive, real, numbers=(2, 3, -1, 0.5, 0, 1, 2.5), first=(2, 0.5))
SAMPLES["pow"] += [
    S(real(3, 4), 2),
    S(real(3, 4), 3.0),
    S(np.array([0.0, 0.0, 2.0]), np.array([0.0, 1.5, 0.0])).forward_only(),
    S(special(), 0.5).forward_only().floats(),
    S(special(), 2.5).forward_only().floats(),
    S(special(), special()).forward_only().floats(),
    S(np.array([-2.0, 3.0, 0.0]), -1).forward_only().floats(),
    S(index(4, 3, 4), index(4, 3, 4)).integers(),
    S(index(4, 3, 4), 2).integers(),
]
for name in (
    "maximum",
    "minimum",
    "atan2",
    "fmod",
    "remainder",
    "floor_divide",
    "hypot",
    "fmax",
    "fmin",
    "logaddexp",
    "xlogy",
    "copysign",
):
    edges = special()
    SAMPLES[name].append(S(edges[:, None], edges[None]).forward_only().floats())
for name in ("maximum", "minimum"):  # ties share the gradient, which no numeric difference shows
    SAMPLES[name].append(S(np.array([1.0, 2.0]), np.array([1.0, 3.0])).forward_only())
for name in ("add", "sub"):
    SAMPLES[name + "(Operand, Operand, Number)"] = [
        S(real(3, 4), real(4), alpha=2),
        S(real(3, 4), real(3, 1), alpha=-0.5),
        S(real(), real(0, 2), alpha=3),
        S(real(2, 3), 1.5, alpha=2),
    ]
SAMPLES["rsub"] = [
    S(real(3, 4), real(4)),
    S(real(3, 4), 2.5),
    S(real(3, 4), real(3, 1), alpha=2),
    S(real(0), 1),
]
SAMPLES["div(Operand, Operand, 'trunc' | 'floor' | None)"] = [
    S(real(3, 4), signed(4), rounding_mode="trunc"),
    S(real(3, 4), signed(3, 1), rounding_mode="floor"),
    S(real(3, 4), signed(4), rounding_mode=None),
    S(real(0, 4), signed(4), rounding_mode="floor"),
    S(real(3), -0.7, rounding_mode="floor"),
]


def comparable(*shape):
    """Few different values, so that equal ones meet."""
    return np.asarray(index(4, *shape, low=-1) * 0.5)


two(
    ["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"],
    comparable,
    numbers=(1, 0.5),
)
for name in ("eq", "ne", "lt", "le", "gt", "ge"):
    edges = special()
    SAMPLES[name].append(S(edges[:, None], edges[None]).forward_only().floats())
for name in ("logical_and", "logical_or", "logical_xor"):
    SAMPLES[name] = SAMPLES[name][:4]  # tensors only, as in PyTorch
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    SAMPLES[name] = [
        S(index(99, 3, 4), index(99, 3, 4)).integers(),
        S(index(99, 3, 1), index(99, 4)).integers(),
        S(index(99, 3, 4), 6).integers(),
        S(index(99), index(99, 0)).integers(),
    ]
for name in ("bitwise_left_shift", "bitwise_right_shift"):
    SAMPLES[name] = [
        S(index(99, 3, 4), index(9, 3, 4)).integers(),
        S(index(99, 3, 1), index(99, 4)).integers(),
        S(index(99, 3, 4), 2).integers(),
        S(100 - index(200, 5), 3).integers(),
        S(index(99, 3), -1).integers(),
        S(index(99), index(99, 0)).integers(),
    ]
SAMPLES["isclose"] = [
    S(np.array([1.0, 2.0, np.nan, np.inf]), np.array([1.0 + 1e-7, 2.1, np.nan, np.inf])),
    S(np.array([1.0, np.nan]), np.array([1.05, np.nan]), rtol=0.1, atol=0.0, equal_nan=True),
    S(real(2, 1), real(3)),
]
for sample in SAMPLES["isclose"][:2]:
    sample.floats()

# ---- three operands, and the like

SAMPLES["where(Tensor, Operand, Operand)"] = [
    S(mask(3, 4), real(3, 4), real(3, 4)),
    S(mask(3, 1), real(4), real()),
    S(mask(2, 3), real(2, 3), 0.5),
    S(mask(2, 3), 2.0, real(3)),
    S(mask(0, 3), real(3), real(1, 3)),
    S(mask(), real(2), real(2)),
]
for name in ("clamp", "clip"):
    SAMPLES[name] = [
        S(real(3, 4), -0.5, 0.6),
        S(real(3, 4), min=-0.3),
        S(real(3, 4), max=0.3),
        S(real(3, 4), real(4), real(3, 1)),
        S(real(3, 4), None, real(4)),
        S(real(), 0, 1),
        S(real(0), -1, 1),
        S(real(5), 0.5, -0.5),
    ]
SAMPLES["clamp"].append(S(special(), -1.0, 2.0).forward_only().floats())
SAMPLES["clamp_both"] = [
    S(real(3, 4), -0.5, 0.6),
    S(real(3, 4), real(4), real(3, 1)),
    S(real(0), -1, 1),
]
for name in ("clamp_min", "clamp_max"):
    SAMPLES[name] = [S(real(3, 4), 0.2), S(real(3, 4), real(4)), S(real(), 0.1), S(real(0), 1)]
SAMPLES["nan_to_num_float"] = [S(real(3, 4), 0.0, 1.0, -1.0).fixed()]
SAMPLES["lerp"] = [
    S(real(3, 4), real(3, 4), 0.3),
    S(real(3, 4), real(4), real(3, 1)),
    S(real(), real(), 0.7),
    S(real(0), real(0), 0.5),
]
for name in ("addcmul", "addcdiv"):
    SAMPLES[name] = [
        S(real(3, 4), real(4), signed(3, 1)),
        S(real(3, 4), real(3, 4), signed(3, 4), value=0.5),
        S(real(), real(), signed()),
        S(real(0), real(0), signed(0)),
    ]

SAMPLES["add_scaled"] = [
    S(real(3, 4), real(4), -0.5).floats(),
    S(real(3), 1.5, 2.0).floats(),
    S(2.5, real(3), 2.0).floats(),
]
for name in ("addcmul_float", "addcdiv_float"):
    SAMPLES[name] = [
        S(real(3, 4), real(4), signed(3, 1), -0.5).floats(),
        S(real(0), real(0), signed(0), 1.0).floats(),
    ]

SAMPLES["pow_odd"] = [S(signed(3, 4), 4.0).floats(), S(signed(5), -2.0).floats()]
SAMPLES["logit_bounded"] = [
    S(between(0.1, 0.9, 3, 4), -1.0),
    S(between(0.1, 0.9, 5), 0.25),
    S(between(0.1, 0.9, 0), -1.0),
]

SAMPLES["prelu_each"] = [S(real(3, 4), real(3, 1)), S(real(), real()), S(real(0, 2), real(2))]

# ---- backward rows

for name in ("sigmoid_backward", "tanh_backward"):
    SAMPLES[name] = [S(real(3, 4), between(0.1, 0.9, 3, 4)), S(real(), between(0.1, 0.9))]
for name in (
    "relu_backward",
    "silu_backward",
    "logsigmoid_backward",
    "mish_backward",
    "softsign_backward",
    "tanhshrink_backward",
    "hardsigmoid_backward",
    "hardswish_backward",
    "prelu_by_weight",
    "gate",
):
    SAMPLES[name] = [S(real(3, 4), real(3, 4)), S(real(), real()), S(real(0), real(0))]
SAMPLES["elu_backward"] = [S(real(3, 4), real(3, 4), 1.5, 1.1, 0.7)]
SAMPLES["softplus_backward"] = [S(real(3, 4), real(3, 4), 2.0, 3.0)]
SAMPLES["hardtanh_backward"] = [S(real(3, 4), real(3, 4), -0.5, 2.0)]
SAMPLES["shrink_backward"] = [S(real(3, 4), real(3, 4), 0.5)]
SAMPLES["threshold_float"] = [S(real(3, 4), 0.1, 20.0), S(real(0), 0.1, 2.0)]
SAMPLES["threshold_float_backward"] = [S(real(3, 4), real(3, 4), 0.1, 20.0)]
SAMPLES["prelu_backward"] = [S(real(3, 4), real(3, 4), real(3, 1)), S(real(), real(), real())]
SAMPLES["logit_backward"] = [
    S(real(3, 4), between(0.1, 0.9, 3, 4), -1.0),
    S(real(5), np.array([-0.1, 0.05, 0.4, 0.97, 1.2]), 0.1),
]
SAMPLES["gate_backward"] = [S(real(3, 4), real(3, 4), real(3, 4)), S(real(), real(), real())]
SAMPLES["leaky_relu_backward"] = [S(real(3, 4), real(3, 4), 0.2)]
SAMPLES["gelu_backward"] = [S(real(3, 4), real(3, 4), how) for how in ("none", "tanh")]
for name in [n for n in SAMPLES if n.endswith("_backward")] + ["gate", "prelu_by_weight"]:
    for sample in SAMPLES[name]:
        sample.floats()
SAMPLES["threshold_float"][0].floats()

# ---- parts of numbers

for name in ("signbit", "isposinf", "isneginf", "isreal", "angle"):
    SAMPLES[name] = [S(real(3, 4)), S(real()), S(real(0, 2)), S(special()).forward_only().floats()]
SAMPLES["signbit"].append(S(np.array([-0.0, 0.0, -1.0])).floats())
SAMPLES["frexp"] = [S(real(3, 7)), S(real()), S(real(0)), S(special()).forward_only()]
for sample in SAMPLES["frexp"]:
    sample.floats().outputs(1)
SAMPLES["heaviside"] = [
    S(real(3, 4), real(3, 4)).forward_only(),
    S(np.array([-1.0, 0.0, 2.0]), np.array([0.5, 0.25, 3.0])).forward_only(),
    S(np.array([[-1.0], [0.0]]), np.array([0.5, 7.0])).forward_only(),
    S(special(), real(1)).forward_only().floats(),
]
for name in ("gcd", "lcm"):
    SAMPLES[name] = [
        S(index(40, 3, 4), index(40, 3, 4)).integers(),
        S(index(40, 3, 1, low=-40), index(40, 4)).integers(),
        S(np.array([0, 0, 6, -6]), np.array([0, 4, 0, 4])).integers(),
        S(index(40, 0), index(40)).integers(),
    ]
    for sample in SAMPLES[name]:
        sample.only = ("int64", "int32")
SAMPLES["nextafter"] = [
    S(real(3, 4), real(3, 4)).floats(),
    S(real(3, 1), real(4)).floats(),
    S(np.array([1.0, np.inf, np.nan, 2.0]), np.array([np.inf, 0.0, 1.0, 2.0]))
    .forward_only()
    .floats(),
]
SAMPLES["ldexp"] = [S(real(3, 4), index(9, 3, 4)), S(real(3, 4), real(4))]
SAMPLES["float_power"] = [
    S(positive(3, 4), real(3, 4)),
    S(positive(3, 4), 2.5),
    S(real(3, 4), 2),
    S(2, real(4)),
    S(positive(3, 1), real(4)),
]
two(["logaddexp2"], real, numbers=())
two(["xlog1py"], real, positive, numbers=(2, 0.5), first=(2, 0.5))
for name in ("logaddexp2", "xlog1py"):
    edges = special()
    SAMPLES[name].append(S(edges[:, None], edges[None]).forward_only().floats())
SAMPLES["addr"] = [
    S(real(3, 4), real(3), real(4)),
    S(real(4), real(3), real(4), beta=2, alpha=3),
    S(real(3, 4), real(3), real(4), beta=0),
    S(real(3, 4), real(3), real(4), beta=0.5, alpha=0.3).floats(),
]
SAMPLES["addbmm"] = [
    S(real(3, 5), real(2, 3, 4), real(2, 4, 5)),
    S(real(5), real(2, 3, 4), real(2, 4, 5), beta=2, alpha=3),
    S(real(3, 5), real(2, 3, 4), real(2, 4, 5), beta=0),
]
SAMPLES["vdot"] = [S(real(5), real(5)), S(real(0), real(0))]
for name in ("addbmm", "vdot"):
    for sample in SAMPLES[name]:
        sample.only = ("float64", "float32", "int64", "int32")
