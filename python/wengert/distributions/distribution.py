"""The base of all distributions."""

from __future__ import annotations

from typing import TypeVar

from .. import _native
from .._native import Tensor
from ..autograd.grad_mode import no_grad
from . import constraints
from .utils import Shape, lazy_property

__all__ = ["Distribution"]

Self = TypeVar("Self", bound="Distribution")


def _holds(constraint: constraints.Constraint, value: Tensor) -> bool:
    try:
        return bool(constraint.check(value).all())
    except _native.CaptureError as e:
        raise _native.CaptureError(
            f"{e}; a distribution in a captured function needs validate_args=False"
        ) from None


class Distribution:
    """A distribution over events of `event_shape`, independent over `batch_shape`.

    `validate_args` (default: that of `set_default_validate_args`, at first True) has parameters
    and the values given to `log_prob` and its like checked: a ValueError says what constraint
    does not hold. The check looks at values, which a captured function cannot: pass False there.

    A sample has the shape sample_shape + batch_shape + event_shape and the numbers that PyTorch
    draws from the same generator state.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether arguments are checked where `validate_args` is not given."""
        if value not in (True, False):
            raise ValueError(f"expected True or False, got {value}")
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Shape = (),
        event_shape: Shape = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = _native.Size(batch_shape)
        self._event_shape = _native.Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self) -> None:
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            _native._warn(
                f"{self.__class__} does not define `arg_constraints`. Please set "
                "`arg_constraints = {}` or initialize the distribution with "
                "`validate_args=False` to turn off validation."
            )
            return
        for name, constraint in arg_constraints.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(
                getattr(type(self), name, None), lazy_property
            ):
                continue  # computed from another parameter, which is checked
            value = getattr(self, name)
            if not _holds(constraint, value):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape "
                    f"{tuple(value.shape)}) of distribution {self!r} to satisfy the constraint "
                    f"{constraint!r}, but found invalid values:\n{value}"
                )

    def expand(self: Self, batch_shape: Shape, _instance: Self | None = None) -> Self:
        """The same distribution with its parameters expanded to `batch_shape`."""
        raise NotImplementedError

    def _expand(
        self: Self, cls: type[Distribution], shape: Shape, instance: Self | None, *names: str
    ) -> Self:
        """What `cls.expand` gives where `names` are parameters of the batch's shape.

        A name that is a lazy property is expanded only where it is held already.
        """
        new = self._get_checked_instance(cls, instance)
        batch_shape = _native.Size(shape)
        for name in names:
            if name in self.__dict__:
                setattr(new, name, self.__dict__[name].expand(batch_shape))
        return self._made(new, batch_shape)

    def _made(self: Self, new: Self, batch_shape: Shape) -> Self:
        """`new`, whose parameters are set, as a distribution of that batch."""
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def batch_shape(self) -> _native.Size:
        """The shape over which the parameters are batched."""
        return self._batch_shape

    @property
    def event_shape(self) -> _native.Size:
        """The shape of one event."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """A constraint for each parameter, by its name."""
        raise NotImplementedError

    @property
    def support(self) -> constraints.Constraint:
        """Where values may lie."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean, batch_shape + event_shape."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The mode, batch_shape + event_shape."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance, batch_shape + event_shape."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation, batch_shape + event_shape."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """A sample of shape sample_shape + batch_shape + event_shape, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """A sample through which gradients reach the parameters."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """The old name of `sample((n,))`."""
        _native._warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning
        )
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at `value`."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of what is at most `value`."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of `cdf`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, (values,) + batch_shape + event_shape.

        Without `expand` the batch's dimensions are 1.
        """
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy in nats, of shape batch_shape."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """exp(entropy), of shape batch_shape."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Shape = ()) -> _native.Size:
        return _native.Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _filled(self, like: Tensor, value: float) -> Tensor:
        return _native.full(self._extended_shape(), value, dtype=like.dtype)

    def _counted(self, values: Tensor, expand: bool) -> Tensor:
        """The values of a support, (n,), as `enumerate_support` gives them."""
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values

    def _checked(self, value: Tensor) -> None:
        """Checks a value if arguments are to be checked."""
        if self._validate_args:
            self._validate_sample(value)

    def _validate_sample(self, value: Tensor) -> None:
        if not isinstance(value, _native.Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape = value.shape
        if shape[len(shape) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {shape} vs "
                f"{self._event_shape}."
            )
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(shape), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{shape} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            _native._warn(
                f"{self.__class__} does not define `support` to enable sample validation. Please "
                "initialize the distribution with `validate_args=False` to turn off validation."
            )
            return
        if not _holds(support, value):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(shape)}) to be "
                f"within the support ({support!r}) of the distribution {self!r}, but found "
                f"invalid values:\n{value}"
            )

    def _get_checked_instance(
        self: Self, cls: type[Distribution], _instance: Self | None = None
    ) -> Self:
        """`_instance`, or a new one that is not initialised.

        A subclass with an `__init__` of its own would come out half made: NotImplementedError.
        """
        if _instance is not None:
            return _instance
        if type(self).__init__ is not cls.__init__:
            raise NotImplementedError(
                f"Subclass {self.__class__.__name__} of {cls.__name__} that defines a custom "
                "__init__ method must also define a custom .expand() method."
            )
        return self.__new__(type(self))

    def __repr__(self) -> str:
        held = [(n, self.__dict__[n]) for n in self.arg_constraints if n in self.__dict__]
        told = [f"{n}: {v if v.numel() == 1 else v.size()}" for n, v in held]
        return f"{self.__class__.__name__}({', '.join(told)})"
