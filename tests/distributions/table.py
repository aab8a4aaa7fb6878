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
case("Multinomial", total_count=7, probs=ROWS, bad={"probs": [[-0.5, 1.5]]})
case("Multinomial", total_count=4, logits=[0.1, 0.2, -0.3])
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
        T, {"loc": [ANY, UP], "scale": [UP, UP], "p": [ANY, LOGITS[0]], "up": UP}, "float64"
    )
    components = D.Normal(x["loc"], x["scale"])
    return {
        "Independent": D.Independent(components, 1),
        "Independent 2": D.Independent(D.Normal(x["loc"], x["scale"]), 2),
        "MixtureSameFamily": D.MixtureSameFamily(D.Categorical(logits=x["p"]), components),
        "MixtureSameFamily of vectors": D.MixtureSameFamily(
            D.Categorical(logits=x["p"][:, :2]),
            D.Independent(D.Normal(x["loc"].expand(2, 2, 3), x["scale"]), 1),
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
        return type(error).__name__


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
    for name, ask in {
        "log_prob": lambda: d.log_prob(value),
        "entropy": d.entropy,
        "rsample": lambda: d.rsample((3,)),
    }.items():
        T.manual_seed(SEED)

        def gradient(ask=ask):
            y = ask()
            weights = T.arange(1.0, y.numel() + 1, dtype=y.dtype).view(y.shape).cos()
            got = T.autograd.grad((y * weights).sum(), wanted, allow_unused=True)
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
        if c.name in of_class and all(isinstance(v, list) for v in c.params.values()):
            other = {k: _moved(v) for k, v in c.params.items()}
            q = make(T, Case(c.name, other))
            p = make(T, c)
            found[c.key] = outcome(lambda p=p, q=q: T.distributions.kl_divergence(p, q))
    for name, p in composed(T).items():
        found[name] = outcome(lambda p=p: T.distributions.kl_divergence(p, p))
    return found


def _moved(value: list[Any]) -> list[Any]:
    """The same numbers in another order, rows each for itself."""
    if isinstance(value[0], list):
        return [_moved(v) for v in value]
    return value[1:] + value[:1]
