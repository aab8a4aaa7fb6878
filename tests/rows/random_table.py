"""Draws whose values are PyTorch's, for any seed. `T` is the library, wengert or torch."""

from __future__ import annotations

from typing import Any

# name -> (draw, exact): exact values bit for bit, others to rounding of logarithm and cosine
DRAWS: dict[str, tuple[Any, bool]] = {}


def draw(name: str, do: Any, exact: bool = True) -> None:
    DRAWS[name] = (do, exact)


draw("rand", lambda T: T.rand(5))
draw("rand float64", lambda T: T.rand(2, 3, dtype=T.float64))
draw("rand many", lambda T: T.rand(700)[::70])
draw("two in a row", lambda T: (T.rand(3), T.randint(9, (2,)), T.rand(2))[2])
draw("randn below 16", lambda T: T.randn(5), False)
draw("randn 15", lambda T: T.randn(15), False)
draw("randn 16", lambda T: T.randn(16), False)
draw("randn 17", lambda T: T.randn(17), False)
draw("randn 40", lambda T: T.randn(5, 8), False)
draw("randn float64", lambda T: T.randn(19, dtype=T.float64), False)
draw("randn kept sine", lambda T: (T.randn(3), T.randn(3))[1], False)
draw("randint", lambda T: T.randint(10, (6,)))
draw("randint from", lambda T: T.randint(-5, 1000, (6,)))
draw("randint wide", lambda T: T.randint(2**40, (3,)))
draw("randint float", lambda T: T.randint(7, (4,), dtype=T.float32))
draw("randperm", lambda T: T.randperm(12))
draw("uniform_", lambda T: T.empty(5).uniform_(-2, 3))
draw("uniform_ float64", lambda T: T.empty(3, dtype=T.float64).uniform_())
draw("uniform_ strided", lambda T: T.zeros(3, 4)[:, ::2].uniform_())
draw("uniform_ transposed", lambda T: T.zeros(3, 4).t().uniform_())
draw("normal_", lambda T: T.empty(7).normal_(1, 2), False)
draw("normal_ 20", lambda T: T.empty(20).normal_(1, 2), False)
draw("normal_ strided", lambda T: T.zeros(6, 8)[:, ::2].normal_(), False)
draw("normal of tensors", lambda T: T.normal(T.arange(4.0), T.ones(4)), False)
draw("bernoulli_", lambda T: T.empty(12).bernoulli_(0.3))
draw("bernoulli", lambda T: T.bernoulli(T.full((12,), 0.4)))
draw("bernoulli double", lambda T: T.bernoulli(T.full((12,), 0.4, dtype=T.float64)))
draw("exponential_", lambda T: T.empty(5).exponential_(2.0), False)
draw("geometric_", lambda T: T.empty(8).geometric_(0.3))
draw("cauchy_", lambda T: T.empty(5).cauchy_(), False)
draw("log_normal_", lambda T: T.empty(5).log_normal_(), False)
draw("random_", lambda T: T.empty(4, dtype=T.int64).random_())
draw("random_ int32", lambda T: T.empty(4, dtype=T.int32).random_())
draw("random_ float", lambda T: T.empty(4).random_())
draw("random_ to", lambda T: T.empty(6).random_(50))
draw("random_ bool", lambda T: T.empty(9, dtype=T.bool).random_())
draw("dropout", lambda T: T.nn.functional.dropout(T.ones(12), 0.3))
draw("dropout2d", lambda T: T.nn.functional.dropout2d(T.ones(2, 4, 1, 1), 0.5))
draw("alpha_dropout", lambda T: T.nn.functional.alpha_dropout(T.ones(9), 0.5, True), False)
draw(
    "feature_alpha_dropout",
    lambda T: T.nn.functional.feature_alpha_dropout(T.ones(3, 4, 2), 0.5, True)[:, :, 0],
    False,
)
draw("multinomial", lambda T: T.multinomial(T.tensor([1.0, 2.0, 3.0, 4.0]), 3))
draw("multinomial with", lambda T: T.multinomial(T.tensor([1.0, 2.0, 3.0]), 8, True))
draw("multinomial rows", lambda T: T.multinomial(T.ones(3, 5), 2))
draw("poisson", lambda T: T.poisson(T.tensor([0.0, 0.3, 3.0, 9.9, 10.0, 40.0, 1e6])))
draw(
    "binomial",
    lambda T: T.binomial(
        T.tensor([0.0, 5.0, 30.0, 30.0, 200.0, 1e6]), T.tensor([0.5, 1.0, 0.2, 0.9, 0.7, 0.01])
    ),
)
draw("gamma", lambda T: T.distributions.Gamma(T.tensor([0.1, 1.0, 30.0]), 1.0).sample((3,)), False)
draw(
    "Dirichlet", lambda T: T.distributions.Dirichlet(T.tensor([0.1, 1.0, 9.0])).sample((2,)), False
)
draw("Linear", lambda T: T.nn.Linear(3, 2).weight.detach())
draw("Linear bias", lambda T: T.nn.Linear(4, 3).bias.detach())
draw("kaiming_normal_", lambda T: T.nn.init.kaiming_normal_(T.empty(3, 4)), False)
draw("xavier_uniform_", lambda T: T.nn.init.xavier_uniform_(T.empty(3, 4)))


def shuffled(T):
    data = T.utils.data.TensorDataset(T.arange(10))
    loader = T.utils.data.DataLoader(data, batch_size=4, shuffle=True)
    return T.cat([batch for (batch,) in loader])


def shuffled_twice(T):
    data = T.utils.data.TensorDataset(T.arange(6))
    loader = T.utils.data.DataLoader(data, batch_size=6, shuffle=True)
    return [list(loader), next(iter(loader))[0]][1]


draw("DataLoader", shuffled)
draw("DataLoader, second epoch", shuffled_twice)
draw("random_split", lambda T: T.tensor(T.utils.data.random_split(range(8), [5, 3])[0].indices))
draw("generator", lambda T: T.rand(3, generator=T.Generator().manual_seed(7)))
