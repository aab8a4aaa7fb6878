"""What holds for every distribution and transform, whatever the numbers."""

import copy
import math
import pickle

import numpy as np
import pytest

import wengert as wg
from tests.distributions import table, transforms
from wengert import distributions as D

every_case = pytest.mark.parametrize("c", table.CASES, ids=lambda c: c.key)
#: One case of each class.
FIRST = list({c.name: c for c in reversed(table.CASES)}.values())
every_class = pytest.mark.parametrize("c", FIRST, ids=lambda c: c.name)


def test_every_class_has_a_case():
    apart = {"Distribution", "ExponentialFamily", "Independent", "MixtureSameFamily"}
    apart |= {"TransformedDistribution"}
    classes = {n for n in D.__all__ if isinstance(getattr(D, n), type)}
    classes -= {n for n in classes if n.endswith("Transform")} | apart
    assert classes == {c.name for c in table.CASES}


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_and_dtypes(c, dtype):
    d = table.make(wg, c, dtype)
    for shape in [(), (2,), (2, 1)]:
        x = d.sample(shape)
        assert x.shape == wg.Size(shape) + d.batch_shape + d.event_shape
        assert not x.requires_grad
        assert d.support.check(x).all()
        log_prob = d.log_prob(x)
        assert log_prob.shape == wg.Size(shape) + d.batch_shape
        if any(isinstance(v, list) for v in c.params.values()):
            assert log_prob.dtype is getattr(wg, dtype)
    if d.has_rsample:
        assert d.rsample((3,)).shape == wg.Size((3,)) + d.batch_shape + d.event_shape


@every_case
def test_expand(c):
    d = table.make(wg, c)
    more = wg.Size((2, *d.batch_shape))
    e = d.expand(more)
    assert type(e) is type(d) and e.batch_shape == more and e.event_shape == d.event_shape
    wg.manual_seed(1)
    x = e.sample((3,))
    wg.manual_seed(1)
    if "ategorical" not in c.name and c.name != "Multinomial":  # they draw row by row
        assert wg.equal(d.sample((3, 2)), x)  # the same numbers, in the same order
    assert wg.allclose(e.log_prob(x), d.log_prob(x), equal_nan=True)
    again = e.expand((3, *more))
    assert again.batch_shape == wg.Size((3, *more))
    assert again.sample().shape == wg.Size((3, *more)) + d.event_shape


@every_case
def test_gradients_reach_parameters(c):
    d, params = table.make(wg, c, grad=True)
    if not (d.has_rsample and params):
        return
    x = d.rsample((2,))
    grads = wg.autograd.grad(x.square().sum(), params, allow_unused=True)
    for g in grads:
        assert g is not None and g.isfinite().all()


def average(d, f, n=40000):
    with wg.no_grad():
        values = f(d.sample((n,)))
        return values.mean(0), values.std(0) / math.sqrt(n)


@every_class
def test_moments(c):
    """Mean, variance and entropy are those of many samples."""
    d = table.make(wg, c)
    heavy = {"Cauchy", "HalfCauchy", "Pareto", "StudentT", "InverseGamma", "FisherSnedecor"}
    heavy |= {"Categorical", "VonMises", "GeneralizedPareto"}
    heavy |= {"LKJCholesky", "RelaxedBernoulli", "LogisticNormal", "RelaxedOneHotCategorical"}
    if c.name not in heavy:
        mean, error = average(d, lambda x: x)
        assert ((mean - d.mean).abs() <= 6 * error + 1e-9).all()
        square, error = average(d, lambda x: (x - d.mean) ** 2)
        assert ((square - d.variance).abs() <= 7 * error + 1e-9).all()
    try:
        entropy = d.entropy()
    except NotImplementedError:
        return
    found, error = average(d, lambda x: -d.log_prob(x))
    assert ((found - entropy).abs() <= 6 * error + 1e-9).all()


@every_class
def test_cdf(c):
    """icdf is its inverse, and its derivative is the density."""
    d = table.make(wg, c)
    u = wg.tensor([0.1, 0.35, 0.8], dtype=wg.float64).unsqueeze(-1).expand(3, *d.batch_shape)
    try:
        x = d.icdf(u)
        assert wg.allclose(d.cdf(x), u)
    except NotImplementedError:
        x = d.sample((3,))
    if not x.is_floating_point():
        return
    try:
        x = x.detach().requires_grad_()
        (slope,) = wg.autograd.grad(d.cdf(x).sum(), x)
    except NotImplementedError:
        return
    assert wg.allclose(slope, d.log_prob(x).exp(), rtol=1e-6)


@every_case
def test_enumerated_probabilities_add_up(c):
    d = table.make(wg, c)
    if not d.has_enumerate_support:
        return
    if c.name == "Binomial" and isinstance(c.params["total_count"], list):
        with pytest.raises(NotImplementedError, match="Inhomogeneous"):
            d.enumerate_support()
        return
    values = d.enumerate_support()
    assert ((d.log_prob(values).exp().sum(0) - 1).abs() < 1e-6).all()
    assert d.enumerate_support(expand=False).shape[0] == values.shape[0]


@every_case
def test_refused_parameters(c):
    if c.bad is None:
        return
    given = {**c.params, **c.bad}
    name = next(iter(c.bad))
    if name == "probs":
        given.pop("logits", None)
    make = getattr(D, c.name)
    params = table.tensors(wg, given, "float64")
    with pytest.raises(ValueError, match="Expected parameter|invalid values"):
        make(**params, validate_args=True)
    make(**params, validate_args=False)


@every_class
def test_refused_values(c):
    d = table.make(wg, c)
    shape = (2, *d.batch_shape, *d.event_shape)
    with pytest.raises(ValueError, match="within the support"):
        d.log_prob(wg.full(shape, float("nan"), dtype=wg.float64))
    if d.event_shape:
        with pytest.raises(ValueError, match="right-most size"):
            d.log_prob(wg.zeros(*d.event_shape[:-1], 7, dtype=wg.float64))
    else:
        with pytest.raises(ValueError, match="not broadcastable"):
            d.log_prob(wg.zeros(5, dtype=wg.float64))
    with pytest.raises(ValueError, match="must be a Tensor"):
        D.Normal(0.0, 1.0).log_prob(0.5)


def test_validation_can_be_turned_off():
    D.Normal(0.0, -1.0, validate_args=False).log_prob(wg.tensor(float("nan")))
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        D.Distribution.set_default_validate_args("no")
    with pytest.raises(ValueError, match="scale"):
        D.Normal(0.0, -1.0)


@every_class
def test_copies(c):
    d = table.make(wg, c)
    for other in (copy.deepcopy(d), pickle.loads(pickle.dumps(d))):
        wg.manual_seed(2)
        x = d.sample((2,))
        wg.manual_seed(2)
        assert wg.equal(other.sample((2,)), x)
        assert wg.equal(other.log_prob(x), d.log_prob(x))


@every_class
def test_captured(c):
    """A captured function gives what it gives without."""
    if c.name in ("VonMises", "Wishart"):  # how much they draw depends on what they drew
        return
    params = table.tensors(wg, c.params, "float64")
    names = [k for k, v in params.items() if isinstance(v, wg.Tensor)]
    held = {k: v for k, v in params.items() if k not in names}

    def draw(*values):
        given = dict(zip(names, values, strict=True))
        d = getattr(D, c.name)(**held, **given, validate_args=False)
        x = d.sample((3,))
        return x, d.log_prob(x)

    step = wg.capture(draw)
    for seed in (1, 2, 3):
        wg.manual_seed(seed)
        eager = draw(*(params[k] for k in names))
        wg.manual_seed(seed)
        captured = step(*(params[k] for k in names))
        for a, b in zip(eager, captured, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_checks_are_refused_in_a_captured_function():
    with pytest.raises(wg.CaptureError, match="validate_args=False"):
        wg.capture(lambda x: D.Normal(x, 1.0).sample())(wg.zeros(3))


@pytest.mark.parametrize("name", ["MultivariateNormal", "LowRankMultivariateNormal"])
def test_vectors_of_any_batches(name):
    """Values, samples and parameters of batches that broadcast, against one vector at a time."""
    for samples, of_loc, of_matrix in [
        ((5,), (), ()),
        ((), (2, 3), (3,)),
        ((4,), (1, 3), (2, 1)),
        ((4, 1), (), (2, 1, 3)),
        ((0,), (2,), (2,)),
    ]:
        loc = wg.randn(*of_loc, 3, dtype=wg.float64)
        factor = wg.randn(*of_matrix, 3, 2, dtype=wg.float64)
        diagonal = wg.rand(3, dtype=wg.float64) + 0.5
        if name == "MultivariateNormal":
            matrices = (factor @ factor.mT + diagonal.diag(),)
        else:
            matrices = (factor, diagonal)
        d = getattr(D, name)(loc, *matrices)
        x = d.sample(samples)
        S = d.covariance_matrix.expand((*samples, *d.batch_shape, 3, 3))
        apart = (x - d.loc).unsqueeze(-1)
        squares = (apart.mT @ wg.linalg.inv(S) @ apart).squeeze((-2, -1))
        found = -0.5 * (3 * math.log(2 * math.pi) + squares + wg.linalg.slogdet(S)[1])
        assert wg.allclose(d.log_prob(x), found)
        assert wg.allclose(d.variance, d.covariance_matrix.diagonal(dim1=-2, dim2=-1))
        L = d.scale_tril
        assert wg.allclose(L @ L.mT, d.covariance_matrix) and wg.equal(L, L.tril())
        unit = d.precision_matrix @ d.covariance_matrix
        assert wg.allclose(unit, wg.eye(3, dtype=wg.float64).expand(unit.shape), atol=1e-8)


def test_forms_of_a_matrix():
    """Each of the three gives the other two, and the same samples."""
    S, loc = wg.tensor(table.SIGMA, dtype=wg.float64), wg.tensor(table.ANY, dtype=wg.float64)
    given = {
        "covariance_matrix": S,
        "precision_matrix": wg.linalg.inv(S),
        "scale_tril": wg.linalg.cholesky(S),
    }
    for make in (lambda **m: D.MultivariateNormal(loc, **m), lambda **m: D.Wishart(5.5, **m)):
        drawn = []
        for form in given:
            d = make(**{form: given[form]})
            for name, matrix in given.items():
                assert wg.allclose(getattr(d, name), matrix), (form, name)
                assert wg.equal(getattr(d.expand((3, 2)), name)[1], getattr(d, name))
            wg.manual_seed(4)
            drawn.append(d.sample((2,)))
        assert wg.allclose(drawn[0], drawn[1]) and wg.allclose(drawn[0], drawn[2])


def test_wishart_of_few_degrees_of_freedom():
    """Singular samples are drawn again, with a warning, and the rest keeps its numbers."""
    with pytest.warns(UserWarning, match="Low df"):
        d = D.Wishart(wg.tensor(1.2), wg.eye(2))
    wg.manual_seed(0)
    assert not d.support.check(d.rsample((100,), max_try_correction=0)).all()
    wg.manual_seed(0)
    with pytest.warns(UserWarning, match="Singular sample"):
        x = d.sample((100,))
    assert d.support.check(x).all()
    assert d.log_prob(x).isfinite().all()


def test_gradients_of_what_wishart_draws_again():
    L = wg.tensor(table.TRIL, dtype=wg.float64, requires_grad=True)
    x = D.Wishart(4.0, scale_tril=L).rsample((5,))
    inverse = wg.linalg.inv(L.detach())
    same = L @ (inverse @ x.detach() @ inverse.mT) @ L.mT
    weights = wg.randn(5, 3, 3, dtype=wg.float64)
    (found,) = wg.autograd.grad((x * weights).sum(), L)
    (expected,) = wg.autograd.grad((same * weights).sum(), L)
    assert wg.allclose(found, expected)


def test_matrices_in_a_captured_function():
    S = wg.tensor(table.SIGMA[0], dtype=wg.float64)
    with pytest.raises(wg.CaptureError, match="validate_args=False"):
        wg.capture(lambda s: D.MultivariateNormal(wg.zeros(3), s).entropy())(S)
    W = D.Wishart(5.0, S, validate_args=False)
    assert wg.equal(wg.capture(W.log_prob)(2 * S), W.log_prob(2 * S))
    with pytest.raises(wg.CaptureError):
        wg.capture(lambda x: x + W.sample())(S)


# ---- transforms


@pytest.mark.parametrize("name", transforms.TRANSFORMS)
def test_transforms(name):
    t, x = transforms.make(wg, name)
    y = t(x)
    assert t.inv.inv is t or name == "inverse"
    assert t.forward_shape(x.shape) == y.shape
    assert t == copy.deepcopy(t) or type(t).__eq__ is D.Transform.__eq__
    if t.bijective:
        assert wg.allclose(t.inv(y), x)
        assert t.inverse_shape(y.shape) == x.shape
        assert t.codomain.check(y).all() and t.domain.check(x).all()
    cached = t.with_cache(1)
    out = cached(x)
    assert cached.inv(out) is x or name in ("Compose", "Compose of events", "identity", "inverse")
    if t.domain.event_dim == t.codomain.event_dim == 0 and t.bijective:
        x = x.requires_grad_()
        (slope,) = wg.autograd.grad(t(x).sum(), x)
        assert wg.allclose(t.log_abs_det_jacobian(x, t(x)), slope.abs().log())


def test_caches_have_one_size():
    with pytest.raises(ValueError, match="cache_size"):
        D.ExpTransform(cache_size=2)


CONSTRAINED = ["greater_than", "half_open_interval", "less_than", "positive", "simplex"]
CONSTRAINED += ["unit_interval", "interval", "corr_cholesky", "real", "cat", "stack"]
CONSTRAINED += ["independent", "nonnegative", "greater_than_eq"]


@pytest.mark.parametrize("name", CONSTRAINED)
@pytest.mark.parametrize("registry", [D.biject_to, D.transform_to])
def test_transforms_onto_regions(name, registry):
    region = transforms.CONSTRAINTS[name][0](D.constraints)
    t = registry(region)
    x = wg.randn(4, 3, dtype=wg.float64)
    if name in ("cat", "stack"):
        x = wg.randn(3 if name == "cat" else 2, dtype=wg.float64)
    y = t(x)
    assert region.check(y).all()
    if registry is D.biject_to:
        assert t.bijective
    assert wg.allclose(t(t.inv(y)), y)


@pytest.mark.parametrize("name", ["positive_definite", "positive_semidefinite", "lower_cholesky"])
def test_transforms_onto_matrices(name):
    region = getattr(D.constraints, name)
    t = D.transform_to(region)
    y = t(wg.randn(4, 3, 3, dtype=wg.float64))
    assert region.check(y).all() and wg.allclose(t(t.inv(y)), y)
    with pytest.raises(NotImplementedError, match="Cannot transform"):
        D.biject_to(region)


def test_regions_without_a_transform():
    with pytest.raises(NotImplementedError, match="Cannot transform"):
        D.biject_to(D.constraints.boolean)
    with pytest.raises(TypeError, match="Constraint subclass"):
        D.biject_to.register(3, lambda c: None)


# ---- divergences


SCALARS = ["Normal", "Gamma", "Beta", "Exponential", "Laplace", "Gumbel"]
MATRICES = ["MultivariateNormal", "LowRankMultivariateNormal", "Wishart"]


@pytest.mark.parametrize("name", [*SCALARS, *MATRICES])
def test_divergence_is_the_mean_of_what_it_says(name):
    case = next(c for c in FIRST if c.name == name)
    p = table.make(wg, case)
    for q_name in ("Normal", "Gamma", "Exponential", "Gumbel", *MATRICES[:2], name):
        other = next(c for c in FIRST if c.name == q_name)
        q = table.make(wg, table.moved(case) if other is case else other)
        try:
            kl = D.kl_divergence(p, q)
        except NotImplementedError:
            continue
        if kl.isinf().all():
            continue
        x = p.sample((40000,))
        ratio = p.log_prob(x) - q.log_prob(x)
        error = ratio.std(0) / 200
        assert ((ratio.mean(0) - kl).abs() <= 6 * error + 1e-9).all(), q_name


def test_registered_divergences():
    class Mine(D.Normal):
        pass

    p, q = Mine(0.0, 1.0), D.Normal(1.0, 1.0)
    assert D.kl_divergence(p, q) == 0.5
    D.register_kl(Mine, D.Normal)(lambda p, q: wg.tensor(7.0))
    assert D.kl_divergence(p, q) == 7.0 and D.kl_divergence(q, p) == 0.5
    with pytest.raises(NotImplementedError, match="No KL"):
        D.kl_divergence(D.Categorical(wg.ones(2)), q)
    with pytest.raises(TypeError, match="type_p"):
        D.register_kl(int, D.Normal)


def test_subclasses_with_their_own_constructor_say_how_to_expand():
    class Mine(D.Normal):
        def __init__(self):
            super().__init__(0.0, 1.0)

    with pytest.raises(NotImplementedError, match="custom .expand"):
        Mine().expand((2,))
