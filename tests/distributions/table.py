"""The distributions and their parameters, and what is asked of each: the same of wengert and torch.

`T` is the library. Lists become tensors of the dtype under test, numbers stay numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SEED = 11


@dataclass
class Case:
    """A distribution with valid parameters.

    `value` is where it is evaluated, if not at a sample; `bad` are parameters that are refused.
    """

    name: str
    params: dict[str, Any]
    bad: dict[str, Any] | None = None
    value: Any = None

    @property
    def key(self) -> str:
        return f"{self.name} {self.params}"


CASES: list[Case] = []


def case(name: str, bad: dict[str, Any] | None = None, value: Any = None, **params: Any) -> None:
    CASES.append(Case(name, params, bad, value))


UP = [0.3, 1.2, 2.5]  # positive
ANY = [0.3, -1.2, 2.0]
PROBS = [0.2, 0.5, 0.9]
ROWS = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]  # of a simplex
LOGITS = [[0.2, -0.3, 1.5], [0.6, 0.3, 0.1]]
SIGMA = [  # positive-definite
    [[2.0, 0.3, -0.1], [0.3, 1.0, 0.4], [-0.1, 0.4, 0.8]],
    [[0.5, 0.1, 0.0], [0.1, 1.5, -0.2], [0.0, -0.2, 3.0]],
]
INDEFINITE = [[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
TRIL = [[0.7, 0.0, 0.0], [-0.4, 1.2, 0.0], [0.3, 0.1, 2.0]]
FACTOR = [[0.7, 0.2], [-0.4, 1.2], [0.3, 0.1]]

case("Bernoulli", probs=PROBS, bad={"probs": 1.5})
case("Bernoulli", logits=ANY, bad={"logits": float("nan")})
case("Bernoulli", probs=0.3)
case("Beta", concentration1=UP, concentration0=[2.0, 0.5, 1.5], bad={"concentration1": -1.0})
case("Beta", concentration1=2.0, concentration0=3.0)
case("Binomial", total_count=5, probs=PROBS, bad={"probs": -0.1})
case("Binomial", total_count=[3.0, 10.0, 100.0], logits=ANY)
case("Categorical", probs=ROWS, bad={"probs": [[-0.5, 1.5]]})
case("Categorical", logits=LOGITS)
case("Categorical", logits=[0.1, 0.2, 0.3, -2.0], bad={"logits": [float("nan"), 1.0]})
case("Cauchy", loc=ANY, scale=UP, bad={"scale": 0.0})
case("Chi2", df=UP, bad={"df": -1.0})
case("ContinuousBernoulli", probs=[0.2, 0.5, 0.9], bad={"probs": 2.0})
case("ContinuousBernoulli", logits=ANY)
case("Dirichlet", concentration=[[0.5, 1.5, 3.0], [2.0, 2.0, 0.3]], bad={"concentration": [-1.0]})
case("Dirichlet", concentration=[0.5, 0.3, 0.9])
case("Exponential", rate=UP, bad={"rate": 0.0})
case("Exponential", rate=2.0)
case("FisherSnedecor", df1=[5.0, 2.0, 1.0], df2=[3.0, 6.0, 12.0], bad={"df1": -1.0})
case("Gamma", concentration=UP, rate=[1.0, 0.5, 3.0], bad={"rate": -1.0})
case("Gamma", concentration=25.0, rate=2.0)
case("GeneralizedPareto", loc=ANY, scale=UP, concentration=[0.2, 0.0, -0.4], bad={"scale": 0.0})
case("Geometric", probs=PROBS, bad={"probs": 0.0})
case("Geometric", logits=ANY)
case("Gumbel", loc=ANY, scale=UP, bad={"scale": -1.0})
case("Gumbel", loc=0.5, scale=2.0)
case("HalfCauchy", scale=UP, bad={"scale": -1.0})
case("HalfNormal", scale=UP, bad={"scale": -1.0})
case("InverseGamma", concentration=[2.5, 1.5, 0.5], rate=UP, bad={"rate": -1.0})
case("Kumaraswamy", concentration1=UP, concentration0=[2.0, 0.5, 1.5], bad={"concentration1": 0.0})
case("LKJCholesky", dim=3, concentration=[0.5, 1.0, 2.0], bad={"concentration": -1.0})
case("LKJCholesky", dim=2)
case("Laplace", loc=ANY, scale=UP, bad={"scale": 0.0})
case("LogNormal", loc=ANY, scale=UP, bad={"scale": 0.0})
case("LogisticNormal", loc=[ANY, UP], scale=[UP, UP], bad={"scale": [0.0, 1.0, 1.0]})
case(
    "LowRankMultivariateNormal",
    loc=[ANY, UP],
    cov_factor=FACTOR,
    cov_diag=UP,
    bad={"loc": [ANY, [float("nan")] * 3]},
)
case("LowRankMultivariateNormal", loc=ANY, cov_factor=[FACTOR, FACTOR[::-1]], cov_diag=[UP, UP])
case("LowRankMultivariateNormal", loc=[[ANY], [UP]], cov_factor=[FACTOR] * 2, cov_diag=UP)
case("Multinomial", total_count=7, probs=ROWS, bad={"probs": [[-0.5, 1.5]]})
case("Multinomial", total_count=4, logits=[0.1, 0.2, -0.3])
case("MultivariateNormal", loc=[ANY, UP], covariance_matrix=SIGMA)
case("MultivariateNormal", loc=ANY, precision_matrix=SIGMA)
case("MultivariateNormal", loc=[ANY, UP], scale_tril=TRIL, bad={"scale_tril": INDEFINITE})
case("MultivariateNormal", loc=[[ANY], [UP]], covariance_matrix=SIGMA)
case("MultivariateNormal", loc=[[[ANY]], [[UP]]], scale_tril=[[TRIL], [TRIL], [TRIL]])
case("NegativeBinomial", total_count=[3.0, 0.5, 7.0], probs=[0.2, 0.5, 0.7], bad={"probs": 1.0})
case("NegativeBinomial", total_count=4.0, logits=ANY)
case("Normal", loc=ANY, scale=UP, bad={"scale": 0.0})
case("Normal", loc=0.5, scale=2.0, bad={"loc": float("nan")})
case("Normal", loc=[[0.0], [1.0]], scale=UP)
case("OneHotCategorical", probs=ROWS, bad={"probs": [[-0.5, 1.5]]})
case("OneHotCategorical", logits=LOGITS)
case("OneHotCategoricalStraightThrough", probs=ROWS)
case("Pareto", scale=UP, alpha=[2.5, 1.5, 0.5], bad={"alpha": 0.0})
case("Poisson", rate=[0.5, 3.0, 40.0], bad={"rate": -1.0})
case("RelaxedBernoulli", temperature=[0.7], probs=PROBS, bad={"probs": 2.0})
case("RelaxedBernoulli", temperature=[0.7], logits=ANY)
case("RelaxedOneHotCategorical", temperature=[0.7], probs=ROWS, bad={"probs": [[-0.5, 1.5]]})
case("RelaxedOneHotCategorical", temperature=[0.7], logits=LOGITS)
case("StudentT", df=[0.5, 1.5, 4.0], loc=ANY, scale=UP, bad={"df": -1.0})
case("StudentT", df=3.0)
case("Uniform", low=[0.0, -1.0, 2.0], high=[1.0, 3.0, 2.5], bad={"high": -5.0})
case("Uniform", low=0.0, high=2.0)
case("VonMises", loc=ANY, concentration=[0.5, 4.0, 1e-6], bad={"concentration": -1.0})
case("Weibull", scale=UP, concentration=[0.7, 1.0, 2.5], bad={"scale": 0.0})
case("Wishart", df=[4.0, 6.5], covariance_matrix=SIGMA)
case("Wishart", df=5.0, precision_matrix=SIGMA[0])
case("Wishart", df=[3.5, 5.0], scale_tril=TRIL, bad={"scale_tril": INDEFINITE})
case("Wishart", df=[[4.0], [6.5]], covariance_matrix=SIGMA)
case("Wishart", df=2.5, covariance_matrix=[[1.5]])

#: What is refused, by a check or whatever is checked: of one class after the other, its parameters.
REFUSED: dict[str, list[dict[str, Any]]] = {
    "MultivariateNormal": [
        {"loc": ANY},
        {"loc": ANY, "covariance_matrix": SIGMA, "scale_tril": TRIL},
        {"loc": 0.5, "covariance_matrix": SIGMA},
        {"loc": [float("nan")] * 3, "covariance_matrix": SIGMA},
        {"loc": [ANY, ANY, ANY], "covariance_matrix": SIGMA},
        {"loc": ANY, "covariance_matrix": UP},
        {"loc": ANY, "precision_matrix": UP},
        {"loc": ANY, "scale_tril": UP},
        {"loc": ANY, "covariance_matrix": FACTOR},
        {"loc": ANY, "covariance_matrix": TRIL},
        {"loc": ANY, "covariance_matrix": [*SIGMA, INDEFINITE]},
        {"loc": ANY, "precision_matrix": INDEFINITE},
        {"loc": ANY, "scale_tril": INDEFINITE},
    ],
    "LowRankMultivariateNormal": [
        {"loc": 0.5, "cov_factor": FACTOR, "cov_diag": UP},
        {"loc": [float("nan")] * 3, "cov_factor": FACTOR, "cov_diag": UP},
        {"loc": ANY, "cov_factor": UP, "cov_diag": UP},
        {"loc": UP[:2], "cov_factor": FACTOR, "cov_diag": UP},
        {"loc": ANY, "cov_factor": FACTOR, "cov_diag": [1.0]},
        {"loc": ANY, "cov_factor": FACTOR, "cov_diag": [0.0, 1.0, 1.0]},
        {"loc": ANY, "cov_factor": [[0.1], [0.1], [0.1]], "cov_diag": [-1.0, 1.0, 1.0]},
        {"loc": [ANY, ANY, ANY], "cov_factor": [FACTOR, FACTOR], "cov_diag": UP},
    ],
    "Wishart": [
        {"df": 4.0},
        {"df": 4.0, "covariance_matrix": SIGMA, "precision_matrix": SIGMA},
        {"df": 2.0, "covariance_matrix": SIGMA[0]},
        {"df": [4.0, 1.0], "covariance_matrix": SIGMA},
        {"df": [4.0, 4.0, 4.0], "covariance_matrix": SIGMA},
        {"df": float("nan"), "covariance_matrix": SIGMA[0]},
        {"df": 4.0, "covariance_matrix": UP},
        {"df": 4.0, "covariance_matrix": FACTOR},
        {"df": 4.0, "covariance_matrix": INDEFINITE},
        {"df": 4.0, "precision_matrix": INDEFINITE},
        {"df": 4.0, "scale_tril": INDEFINITE},
    ],
}


def tensors(T: Any, params: dict[str, Any], dtype: str, grad: bool = False) -> dict[str, Any]:
    """The parameters, lists as tensors."""
    return {
        k: T.tensor(v, dtype=getattr(T, dtype), requires_grad=grad) if isinstance(v, list) else v
        for k, v in params.items()
    }


def make(T: Any, c: Case, dtype: str = "float64", grad: bool = False, **more: Any) -> Any:
    """The distribution; with `grad`, and its parameters that are tensors."""
    params = tensors(T, c.params, dtype, grad)
    d = getattr(T.distributions, c.name)(**params, **more)
    return (d, [p for p in params.values() if isinstance(p, T.Tensor)]) if grad else d


def composed(T: Any) -> dict[str, Any]:
    """Distributions made of others, by name."""
    D = T.distributions
    x = tensors(
        T,
        {"loc": [ANY, UP], "scale": [UP, UP], "p": [ANY, LOGITS[0]], "up": UP, "sigma": SIGMA},
        "float64",
    )
    components = D.Normal(x["loc"], x["scale"])
    vectors = D.MultivariateNormal(x["loc"], x["sigma"])
    return {
        "Independent": D.Independent(components, 1),
        "Independent 2": D.Independent(D.Normal(x["loc"], x["scale"]), 2),
        "MixtureSameFamily": D.MixtureSameFamily(D.Categorical(logits=x["p"]), components),
        "MixtureSameFamily of vectors": D.MixtureSameFamily(
            D.Categorical(logits=x["p"][:, :2]),
            D.Independent(D.Normal(x["loc"].expand(2, 2, 3), x["scale"]), 1),
        ),
        "Independent of vectors": D.Independent(vectors, 1),
        "MixtureSameFamily of MultivariateNormal": D.MixtureSameFamily(
            D.Categorical(logits=x["p"][0, :2]), vectors
        ),
        "MultivariateNormal transformed": D.TransformedDistribution(
            vectors, [D.AffineTransform(0.5, -2.0, event_dim=1), D.StickBreakingTransform()]
        ),
        "TransformedDistribution": D.TransformedDistribution(
            D.Uniform(T.zeros(3, dtype=T.float64), x["up"]),
            [D.SigmoidTransform().inv, D.AffineTransform(loc=1.0, scale=x["up"])],
        ),
        "falling": D.TransformedDistribution(
            components, [D.AffineTransform(0.5, -2.0), D.ExpTransform()]
        ),
        "of an event": D.TransformedDistribution(
            D.Independent(components, 1), D.StickBreakingTransform()
        ),
    }


# ---- what is asked of a distribution


def numbers(value: Any) -> Any:
    """A tensor as nested lists, a shape as a list."""
    if hasattr(value, "detach"):
        return value.detach().tolist()
    return list(value) if isinstance(value, tuple) else value


def outcome(ask: Any) -> Any:
    """What it gives, or the name of its error."""
    try:
        return numbers(ask())
    except Exception as error:
        return type(error).__name__.lstrip("_")


PROPERTIES = ("mean", "mode", "variance", "stddev", "batch_shape", "event_shape", "has_rsample")


def answers(T: Any, d: Any) -> dict[str, Any]:
    """Values of a distribution and of a sample from it."""
    found = {name: outcome(lambda name=name: getattr(d, name)) for name in PROPERTIES}
    T.manual_seed(SEED)
    found["sample"] = outcome(lambda: d.sample((2,)))
    T.manual_seed(SEED)
    value = d.sample((4,))
    found["stream"] = T.rand(1).tolist()
    found["log_prob"] = outcome(lambda: d.log_prob(value))
    found["cdf"] = outcome(lambda: d.cdf(value))
    found["icdf"] = outcome(
        lambda: d.icdf(T.tensor([[0.1], [0.7]], dtype=T.float64).expand(2, *d.batch_shape[-1:]))
    )
    found["entropy"] = outcome(d.entropy)
    found["perplexity"] = outcome(d.perplexity)
    found["support"] = outcome(lambda: repr(d.support)[:20])
    found["enumerate_support"] = outcome(d.enumerate_support)
    found["not expanded"] = outcome(lambda: d.enumerate_support(expand=False))
    return found


def gradients(T: Any, c: Case) -> dict[str, Any]:
    """Of log_prob and entropy by the parameters and the value, and of a sample."""
    d, params = make(T, c, grad=True)
    T.manual_seed(SEED)
    value = d.sample((3,))
    value = value.requires_grad_() if value.dtype == T.float64 else value
    wanted = [*params, value] if value.requires_grad else params
    found = {}
    # PyTorch has no gradient of what Wishart draws again.
    once = {"max_try_correction": 0} if c.name == "Wishart" else {}
    for name, ask in {
        "log_prob": lambda: d.log_prob(value),
        "entropy": d.entropy,
        "rsample": lambda: d.rsample((3,), **once),
    }.items():
        T.manual_seed(SEED)

        def gradient(ask=ask):
            y = ask()
            weights = T.arange(1.0, y.numel() + 1, dtype=y.dtype).view(y.shape).cos()
            total = (y * weights).sum()
            got = T.autograd.grad(total, wanted, allow_unused=True, retain_graph=True)
            return [None if g is None else g.tolist() for g in got]

        found[name] = outcome(gradient)
    return found


#: What is no class of its own, or takes no parameters of three numbers.
NO_PAIR = ("LKJCholesky", "RelaxedBernoulli", "RelaxedOneHotCategorical")


def divergences(T: Any) -> dict[str, Any]:
    """Of all pairs of classes that there are formulas for, and of a few that there are none for.

    Each of two sets of parameters of one shape.
    """
    found = {}
    of_class: dict[str, Any] = {}
    for c in CASES:
        if c.name not in NO_PAIR and c.name not in of_class:
            of_class[c.name] = make(T, c)
    for name_p, p in of_class.items():
        for name_q, q in of_class.items():
            if p.batch_shape != q.batch_shape or p.event_shape != q.event_shape:
                continue
            found[f"{name_p} {name_q}"] = outcome(
                lambda p=p, q=q: T.distributions.kl_divergence(p, q)
            )
    for c in CASES:  # of one class, with other parameters
        # PyTorch adds up what it finds for Wishart along the batch.
        if c.name in of_class and c.name != "Wishart" and moved(c) is not None:
            p, q = make(T, c), make(T, moved(c))
            found[c.key] = outcome(lambda p=p, q=q: T.distributions.kl_divergence(p, q))
    wisharts = [
        make(T, Case("Wishart", {"df": df, "covariance_matrix": sigma}))
        for df, sigma in zip((4.0, 6.5), SIGMA, strict=True)
    ]
    for name, p, q in (("Wishart", *wisharts), ("Wishart reversed", *wisharts[::-1])):
        found[name] = outcome(lambda p=p, q=q: T.distributions.kl_divergence(p, q))
    for name, p in composed(T).items():
        found[name] = outcome(lambda p=p: T.distributions.kl_divergence(p, p))
    return found


def moved(c: Case) -> Case | None:
    """The same numbers in another order, rows each for itself, matrices as they are.

    None where parameters are single numbers.
    """
    if not all(isinstance(v, list) for v in c.params.values()):
        return None
    matrices = {"covariance_matrix", "precision_matrix", "scale_tril"}
    others = {
        k: (v[::-1] if v == SIGMA else v) if k in matrices else _moved(v)
        for k, v in c.params.items()
    }
    return Case(c.name, others)


def _moved(value: list[Any]) -> list[Any]:
    if isinstance(value[0], list):
        return [_moved(v) for v in value]
    return value[1:] + value[:1]


def refusals(T: Any) -> dict[str, list[Any]]:
    """For each of `REFUSED` what comes of it, with and without a check of arguments."""

    def tried(name: str, params: dict[str, Any], check: bool) -> Any:
        d = getattr(T.distributions, name)
        return outcome(lambda: repr(d(**tensors(T, params, "float64"), validate_args=check))[:7])

    return {
        name: [[tried(name, params, check) for check in (True, False)] for params in all_params]
        for name, all_params in REFUSED.items()
    }
