"""Tensors that a module owns: parameters, which are trained, and buffers, which are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn, SupportsIndex, TypeVar

from .. import _native
from .._native import Tensor
from .._typing import Memo

if TYPE_CHECKING:
    from typing_extensions import Self


_T = TypeVar("_T", bound=Tensor)


class Parameter(_native.Tensor):
    """A leaf tensor that becomes one of `module.parameters()` when assigned to a module.

    `data` (default: an empty tensor) is shared, not copied.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Self:
        if data is None:
            data = _native.empty(0)
        return _native.make_parameter(cls, data, requires_grad)

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        """All is done in `__new__`."""

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    __str__ = __repr__

    def __deepcopy__(self, memo: Memo) -> Self:
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.data.clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[object, ...]:
        return _rebuild_parameter, (type(self), self.data, self.requires_grad, vars(self) or None)


def _rebuild_parameter(
    cls: type[_T], data: Tensor, requires_grad: bool, state: Mapping[str, object] | None
) -> _T:
    result = _native.make_parameter(cls, data, requires_grad)
    if state:
        vars(result).update(state)
    return result


class Buffer(_native.Tensor):
    """A tensor that becomes one of `module.buffers()` when assigned to a module.

    With `persistent=False` it is left out of `state_dict()`.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Self:
        if data is None:
            data = _native.empty(0)
        result = _native.make_parameter(cls, data.detach(), data.requires_grad)
        result.persistent = persistent
        return result

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        """All is done in `__new__`."""

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[object, ...]:
        return _rebuild_parameter, (type(self), self.data, self.requires_grad, vars(self) or None)


class UninitializedParameter(Parameter):
    """Named by scripts in `isinstance` checks; lazy modules are not available yet."""

    def __new__(cls, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError("UninitializedParameter: lazy modules are not available")


def is_lazy(param: object) -> bool:
    """True for a parameter that has no shape yet."""
    return isinstance(param, UninitializedParameter)
