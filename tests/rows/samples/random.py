"""Samples of rows that draw numbers."""

import numpy as np

import wengert as wg
from tests.rows.sample import Dtype, S, Sample, between, positive, real

SAMPLES: dict[str, list[Sample]] = {}

GENERATOR = "Generator | None"
SAMPLES[f"randint(int, sizes, {GENERATOR}, dtype | None)"] = [
    S(10, (3, 4)),
    S(2, (5,), dtype=Dtype("bool")),
    S(7, [0]),
    S(2**40, (3,)),
]
SAMPLES[f"randint(int, int, sizes, {GENERATOR}, dtype | None)"] = [
    S(-5, 5, (3, 4)),
    S(3, 4, (2,), dtype=Dtype("float64")),
]
SAMPLES["randint_like(Tensor, int, dtype | None)"] = [S(real(3, 4), 10)]
SAMPLES["randint_like(Tensor, int, int, dtype | None)"] = [S(real(3, 4), -5, 5)]
for name in (
    "randint_like(Tensor, int, dtype | None)",
    "randint_like(Tensor, int, int, dtype | None)",
):
    SAMPLES[name].append(S(real(2), *SAMPLES[name][0].args[1:], dtype=Dtype("int64")))
SAMPLES["randperm"] = [S(10), S(0), S(1), S(7, dtype=Dtype("int32"))]
SAMPLES[f"normal(Tensor, Tensor, {GENERATOR})"] = [
    S(real(3, 4), positive(3, 4)),
    S(real(4), positive(5, 1)),
]
SAMPLES[f"normal(Tensor, float, {GENERATOR})"] = [S(real(3, 4), 2.0), S(real(20))]
SAMPLES[f"normal(float, Tensor, {GENERATOR})"] = [S(1.5, positive(3, 4)), S(0.0, positive(17))]
SAMPLES[f"normal(float, float, sizes, {GENERATOR}, dtype | None)"] = [
    S(1.0, 2.0, (3, 4)),
    S(0.0, 1.0, (33,), dtype=Dtype("float64")),
]
SAMPLES[f"bernoulli(Tensor, {GENERATOR})"] = [S(between(0.0, 1.0, 3, 40)), S(between(0.0, 1.0))]
SAMPLES[f"bernoulli(Tensor, float, {GENERATOR})"] = [S(real(3, 40), 0.3), S(real(0), 0.3)]
SAMPLES["multinomial"] = [
    S(positive(3, 6), 2),
    S(positive(6), 4, True),
    S(positive(6), 6, replacement=False),
]
SAMPLES["uniform_"] = [S(real(3, 4)), S(real(3, 4), -2.0, to=5.0), S(real(40), 1, 2), S(real(0))]
SAMPLES["normal_"] = [S(real(3, 4)), S(real(3, 11), 1.0, std=2.0), S(real(40)), S(real(0))]
SAMPLES["log_normal_"] = [S(real(3, 4)), S(real(20), 0.5, 0.3)]
SAMPLES["cauchy_"] = [S(real(3, 4)), S(real(20), 1.0, 0.3)]
SAMPLES["exponential_"] = [S(real(3, 4)), S(real(20), lambd=2.0)]
SAMPLES["geometric_"] = [S(real(3, 4), 0.3)]
SAMPLES[f"bernoulli_(Tensor, float, {GENERATOR})"] = [S(real(3, 4)), S(real(20), 0.2)]
SAMPLES[f"bernoulli_(Tensor, Tensor, {GENERATOR})"] = [
    S(real(3, 4), between(0.0, 1.0, 3, 4)).hold(1),
    S(real(3, 4), np.array([0.0, 0.5, 1.0, 0.3])).hold(1),
]
SAMPLES[f"random_(Tensor, {GENERATOR})"] = [S(real(3, 4)), S(real(0))]
SAMPLES[f"random_(Tensor, int, {GENERATOR})"] = [S(real(3, 4), 2), S(real(7), 100)]
SAMPLES[f"random_(Tensor, int, int | None, {GENERATOR})"] = [
    S(real(3, 4), 1, 9),
    S(real(3, 4), 5, None),
]
DROPOUT = "Tensor, float, bool, bool"
SAMPLES[f"dropout({DROPOUT})"] = [
    S(real(3, 40)),
    S(real(3, 4), 0.2, True),
    S(real(3, 4), 0.2, training=False),
    S(real(3, 4), 0.0),
    S(real(3, 4), 1.0),
    S(real(0)),
]
SAMPLES["dropout(Tensor, float, bool)"] = [S(real(3, 4), 0.3, True), S(real(3, 4), 0.3, False)]
SAMPLES["dropout1d"] = [S(real(3, 4, 2), 0.4), S(real(4, 2), 0.4), S(real(3, 4, 2), training=False)]
SAMPLES["dropout2d"] = [S(real(3, 4, 2, 2), 0.4), S(real(3, 4, 2, 2), 1.0)]
SAMPLES["dropout3d"] = [S(real(3, 4, 2, 1, 2), 0.4), S(real(4, 2, 1, 2), 0.4)]
SAMPLES[f"alpha_dropout({DROPOUT})"] = [
    S(real(3, 40), 0.3, True),
    S(real(3, 4), 0.3),
    S(real(3), 0.0, True),
]
SAMPLES["feature_alpha_dropout(Tensor, float, bool, bool)"] = [
    S(real(3, 40, 2), 0.3, True),
    S(real(3, 4), 0.3),
    S(real(3, 2, 2), 0.0, True),
]
SAMPLES["feature_alpha_dropout(Tensor, float, bool)"] = [
    S(real(3, 40, 2), 0.3, True),
    S(real(3, 4), 0.3, False),
]
SAMPLES["feature_dropout"] = [S(real(3, 4, 2), 0.3, False), S(real(3, 4, 2), 1.0, True).floats()]
SAMPLES["alpha_dropout(Tensor, float, bool)"] = [
    S(real(3, 4), 0.3, False),
    S(real(3), 1.0, True).floats(),
]
for name in ("dropout_", "feature_dropout_", "alpha_dropout_", "feature_alpha_dropout_"):
    SAMPLES[name] = [
        S(real(3, 4, 2), 0.3, False).forward_only(),
        S(real(3, 4, 2), 1.0, True).floats().forward_only(),
    ]
SAMPLES["_dropout"] = [S(real(3, 40), 0.3).floats().outputs(1)]
SAMPLES["_dropout_mask"] = [S(real(3, 4), (3, 1), 0.3).floats().forward_only()]
SAMPLES["_deviations"] = [S(positive(3, 4)).floats(), S(positive(0)).floats()]
SAMPLES["poisson"] = [  # a small step of a rate can be a large one of what is drawn
    S(between(0.5, 30.0, *shape)).forward_only() for shape in ((3, 40), (), (0,))
]
SAMPLES["binomial"] = [
    S(between(1.0, 90.0, 3, 40).round(), between(0.1, 0.9, 3, 40)).floats().forward_only(),
    S(between(1.0, 90.0, 3, 4).round(), between(0.1, 0.9, 4)).floats().forward_only(),
]
# Of these PyTorch approximates the gradients.
SAMPLES["standard_gamma"] = [S(positive(3, 40)).floats().forward_only().hold(0)]
SAMPLES["sample_dirichlet"] = [S(positive(3, 4)).floats().forward_only().hold(0)]
SAMPLES["standard_gamma_grad"] = [
    S(positive(3, 4), positive(3, 4)).floats().forward_only(),
    S(between(20.0, 30.0, 7), between(20.0, 30.0, 7)).floats().forward_only(),
]
SAMPLES["dirichlet_grad"] = [
    S(between(0.05, 0.95, 3, 4), positive(3, 4), 2.5 + positive(3, 4)).floats().forward_only()
]
SAMPLES["rrelu"] = [
    S(real(3, 7)),
    S(real(3, 7), 0.1, 0.3, True),
    S(real(), training=True),
    S(real(0, 2), 0.2, 0.4),
]
SAMPLES["_rrelu"] = [S(real(3, 7), 0.1, 0.3).outputs(1), S(real(), 0.2, 0.4).outputs(1)]
for name in ("rrelu", "_rrelu"):
    for sample in SAMPLES[name]:
        sample.floats()

SAMPLES["rng_state"] = [S()]
SAMPLES["exchange_rng_state"] = [S(wg.Generator().manual_seed(5).get_state().numpy())]
