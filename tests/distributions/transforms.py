"""The transforms and constraints, and what is asked of them: the same of wengert and torch."""

from __future__ import annotations

from typing import Any

from tests.distributions.table import numbers, outcome

X = [[0.3, -1.2, 2.0], [0.1, 0.7, -0.4]]
UP = [[0.3, 1.2, 2.0], [0.1, 0.7, 0.4]]
SQUARE = [[0.3, -1.2, 2.0], [0.1, 0.7, -0.4], [1.0, 0.5, -0.3]]


def double(T: Any, value: Any) -> Any:
    return T.tensor(value, dtype=T.float64)


#: name -> (the transform, an input in its domain)
TRANSFORMS: dict[str, tuple[Any, Any]] = {
    "Abs": (lambda T, D: D.AbsTransform(), UP),
    "Affine": (lambda T, D: D.AffineTransform(1.5, -2.0), X),
    "Affine of tensors": (
        lambda T, D: D.AffineTransform(double(T, [1.0, 2.0, 3.0]), double(T, [-1.0, 0.5, 2.0])),
        X,
    ),
    "Affine of events": (lambda T, D: D.AffineTransform(1.5, 2.0, event_dim=1), X),
    "Cat": (lambda T, D: D.CatTransform([D.ExpTransform(), D.TanhTransform()], 1, [1, 2]), X),
    "Cat of events": (
        lambda T, D: D.CatTransform(
            [D.AffineTransform(0.0, 2.0, event_dim=1), D.AffineTransform(1.0, 3.0, event_dim=1)],
        ),
        X,
    ),
    "Compose": (
        lambda T, D: D.ComposeTransform([D.AffineTransform(1.0, 2.0), D.ExpTransform()]),
        X,
    ),
    "Compose of events": (
        lambda T, D: D.ComposeTransform([D.TanhTransform(), D.StickBreakingTransform()]),
        X,
    ),
    "identity": (lambda T, D: D.identity_transform, X),
    "CorrCholesky": (lambda T, D: D.CorrCholeskyTransform(), X),
    "CumulativeDistribution": (
        lambda T, D: D.CumulativeDistributionTransform(D.Normal(0.0, 1.0)),
        X,
    ),
    "Exp": (lambda T, D: D.ExpTransform(), X),
    "Independent": (lambda T, D: D.IndependentTransform(D.ExpTransform(), 1), X),
    "inverse": (lambda T, D: D.SoftplusTransform().inv, UP),
    "LowerCholesky": (lambda T, D: D.LowerCholeskyTransform(), SQUARE),
    "PositiveDefinite": (lambda T, D: D.PositiveDefiniteTransform(), SQUARE),
    "Power": (lambda T, D: D.PowerTransform(double(T, 1.7)), UP),
    "Power of tensors": (lambda T, D: D.PowerTransform(double(T, [1.7, -1.0, 0.5])), UP),
    "Reshape": (lambda T, D: D.ReshapeTransform((3,), (3, 1)), X),
    "Sigmoid": (lambda T, D: D.SigmoidTransform(), X),
    "Softmax": (lambda T, D: D.SoftmaxTransform(), X),
    "Softplus": (lambda T, D: D.SoftplusTransform(), X),
    "Stack": (
        lambda T, D: D.StackTransform([D.ExpTransform(), D.TanhTransform(), D.ExpTransform()], 1),
        X,
    ),
    "StickBreaking": (lambda T, D: D.StickBreakingTransform(), X),
    "Tanh": (lambda T, D: D.TanhTransform(), X),
}


def make(T: Any, name: str) -> tuple[Any, Any]:
    """The transform and its input."""
    transform, x = TRANSFORMS[name]
    return transform(T, T.distributions), T.tensor(x, dtype=T.float64)


def answers(T: Any, name: str) -> dict[str, Any]:
    t, x = make(T, name)
    y = t(x)
    return {
        "forward": numbers(y),
        "inverse": outcome(lambda: t.inv(y)),
        "jacobian": outcome(lambda: t.log_abs_det_jacobian(x, y)),
        "inverse jacobian": outcome(lambda: t.inv.log_abs_det_jacobian(y, x)),
        "shape": outcome(lambda: t.forward_shape(x.shape)),
        "inverse shape": outcome(lambda: t.inverse_shape(y.shape)),
        "bijective": outcome(lambda: t.bijective),
        "sign": outcome(lambda: t.sign),
        "domain": outcome(lambda: [repr(t.domain), t.domain.event_dim]),
        "codomain": outcome(lambda: [repr(t.codomain), t.codomain.event_dim]),
    }


#: name -> (the constraint, values)
CONSTRAINTS: dict[str, tuple[Any, Any]] = {
    "boolean": (lambda c: c.boolean, [0.0, 1.0, 0.5]),
    "cat": (lambda c: c.cat([c.positive, c.real], 0, [2, 1]), [1.0, -1.0, -1.0]),
    "corr_cholesky": (lambda c: c.corr_cholesky, [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0], [1, 1]]]),
    "greater_than": (lambda c: c.greater_than(1.0), [0.5, 1.0, 2.0]),
    "greater_than_eq": (lambda c: c.greater_than_eq(1.0), [0.5, 1.0, 2.0]),
    "half_open_interval": (lambda c: c.half_open_interval(0.0, 1.0), [-1.0, 0.0, 0.5, 1.0]),
    "independent": (lambda c: c.independent(c.positive, 1), [[1.0, 2.0], [1.0, -2.0]]),
    "integer_interval": (lambda c: c.integer_interval(0, 3), [-1.0, 0.0, 1.5, 3.0, 4.0]),
    "interval": (lambda c: c.interval(-1.0, 1.0), [-2.0, -1.0, 0.5, 1.0, 3.0]),
    "less_than": (lambda c: c.less_than(1.0), [0.5, 1.0, 2.0]),
    "lower_cholesky": (lambda c: c.lower_cholesky, [[[1.0, 0], [2, 3]], [[1.0, 0], [2, -3]]]),
    "lower_triangular": (lambda c: c.lower_triangular, [[[1.0, 0], [2, 3]], [[1.0, 1], [2, 3]]]),
    "mixture": (lambda c: c.MixtureSameFamilyConstraint(c.positive), [1.0, -1.0]),
    "multinomial": (lambda c: c.multinomial(3), [[1.0, 2.0], [2.0, 2.0], [-1.0, 1.0]]),
    "nonnegative": (lambda c: c.nonnegative, [-1.0, 0.0, 1.0]),
    "nonnegative_integer": (lambda c: c.nonnegative_integer, [-1.0, 0.0, 0.5, 1.0]),
    "one_hot": (lambda c: c.one_hot, [[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]),
    "positive": (lambda c: c.positive, [-1.0, 0.0, 1.0]),
    "positive_definite": (
        lambda c: c.positive_definite,
        [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]],
    ),
    "positive_definite of others": (
        lambda c: c.positive_definite,
        [[[2.0, 1.0], [1.0, 2.0]], [[2.0, 1.0], [0.0, 1.0]]],
    ),
    "positive_integer": (lambda c: c.positive_integer, [0.0, 1.0, 1.5]),
    "positive_semidefinite": (
        lambda c: c.positive_semidefinite,
        [[[2.0, 1.0], [1.0, 2.0]], [[4.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [2.0, 1.0]]],
    ),
    "positive_semidefinite of others": (lambda c: c.positive_semidefinite, [[[2.0, 1.0]]]),
    "real": (lambda c: c.real, [0.0, float("inf"), float("nan")]),
    "real_vector": (lambda c: c.real_vector, [[0.0, 1.0], [float("nan"), 1.0]]),
    "simplex": (lambda c: c.simplex, [[0.3, 0.7], [0.5, 0.6], [-0.1, 1.1]]),
    "square": (lambda c: c.square, [[[1.0, 2.0], [3.0, 4.0]]]),
    "stack": (lambda c: c.stack([c.positive, c.real], 0), [1.0, -1.0]),
    "symmetric": (lambda c: c.symmetric, [[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [3.0, 4.0]]]),
    "unit_interval": (lambda c: c.unit_interval, [-0.5, 0.0, 1.0, 1.5]),
}


def checks(T: Any) -> dict[str, Any]:
    """What each constraint says of its values, and what is known of it."""
    found = {}
    for name, (make, value) in CONSTRAINTS.items():
        c = make(T.distributions.constraints)
        check = numbers(c.check(T.tensor(value, dtype=T.float64)))
        found[name] = [check, c.is_discrete, c.event_dim, repr(c)]
    return found
