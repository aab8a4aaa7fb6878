"""Transforms from all real numbers onto a region: `biject_to` and `transform_to`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from . import constraints, transforms
from .utils import NUMBERS

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]

_Factory: TypeAlias = Callable[..., transforms.Transform]


class ConstraintRegistry:
    """A transform for each kind of constraint; NotImplementedError for one that is unknown.

    The two registries are `biject_to`, whose transforms are bijective, for Hamiltonian Monte
    Carlo and the like, and `transform_to`, whose need not be, for optimization.
    """

    def __init__(self) -> None:
        self._registry: dict[type, _Factory] = {}
        super().__init__()

    def register(self, constraint: object, factory: _Factory | None = None) -> _Factory:
        """Has `factory(constraint)` make the transform onto a constraint of that class.

        `constraint` is a class of constraints or an instance. Without a factory: a decorator.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)  # type: ignore[return-value]
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, constraints.Constraint):
            raise TypeError(
                "Expected constraint to be either a Constraint subclass or instance, but got "
                f"{constraint}"
            )
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: constraints.Constraint) -> transforms.Transform:
        """The transform onto a constraint."""
        try:
            factory = self._registry[type(constraint)]
        except KeyError:
            raise NotImplementedError(
                f"Cannot transform {type(constraint).__name__} constraints"
            ) from None
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _interval(constraint: constraints._Between) -> transforms.Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, NUMBERS) and low == 0 and isinstance(high, NUMBERS) and high == 1:
        return transforms.SigmoidTransform()
    affine = transforms.AffineTransform(low, high - low)
    return transforms.ComposeTransform([transforms.SigmoidTransform(), affine])


def _from_bound(bound: float, sign: int) -> transforms.Transform:
    affine = transforms.AffineTransform(bound, sign)
    return transforms.ComposeTransform([transforms.ExpTransform(), affine])


def _onto(registry: ConstraintRegistry, *regions: object) -> Callable[[_Factory], None]:
    def register(factory: _Factory) -> None:
        for region in regions:
            registry.register(region, factory)

    return register


def _register_both(to: ConstraintRegistry) -> None:
    _onto(to, constraints.real)(lambda c: transforms.identity_transform)
    _onto(to, constraints.greater_than, constraints.greater_than_eq)(
        lambda c: _from_bound(c.lower_bound, 1)
    )
    _onto(to, constraints.less_than)(lambda c: _from_bound(c.upper_bound, -1))
    _onto(to, constraints.interval, constraints.half_open_interval)(_interval)
    _onto(to, constraints.corr_cholesky)(lambda c: transforms.CorrCholeskyTransform())
    _onto(to, constraints.independent)(
        lambda c: transforms.IndependentTransform(
            to(c.base_constraint), c.reinterpreted_batch_ndims
        )
    )
    _onto(to, constraints.cat)(
        lambda c: transforms.CatTransform([to(x) for x in c.cseq], c.dim, c.lengths)
    )
    _onto(to, constraints.stack)(
        lambda c: transforms.StackTransform([to(x) for x in c.cseq], c.dim)
    )


_register_both(biject_to)
_register_both(transform_to)
_onto(biject_to, constraints.simplex)(lambda c: transforms.StickBreakingTransform())
_onto(transform_to, constraints.simplex)(lambda c: transforms.SoftmaxTransform())
_onto(transform_to, constraints.lower_cholesky)(lambda c: transforms.LowerCholeskyTransform())
_onto(transform_to, constraints.positive_definite, constraints.positive_semidefinite)(
    lambda c: transforms.PositiveDefiniteTransform()
)
