"""Tensors that a module owns: parameters, which are trained, and buffers, which are not."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NoReturn, SupportsIndex, TypeVar

from .. import _native
from .._common import plain_results
from .._native import Tensor
from .._typing import Device, Dtype, Memo, UserFunction

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]

if TYPE_CHECKING:
    # What the class beside the mixin is, for those who read types only.
    _Beside = Tensor
else:
    _Beside = object

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


setattr(Parameter, "__torch_function__", classmethod(plain_results))  # noqa: B010


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


setattr(Buffer, "__torch_function__", classmethod(plain_results))  # noqa: B010


class UninitializedTensorMixin(_Beside):
    """What parameters and buffers without a shape have in common.

    They have a dtype and can be cast; every function refuses them with ValueError, and `shape`
    with RuntimeError, until `materialize` has given them a shape.
    """

    cls_to_become: ClassVar[type[Tensor]]
    _CASTS = frozenset(("to", "cpu", "float", "double", "int", "long", "short", "char", "half",
                        "bfloat16"))  # fmt: skip
    _ALLOWED = frozenset(
        ("materialize", "share_memory_", "size", "copy_", "is_complex", "is_floating_point")
    )

    def __getattribute__(self, name: str) -> object:
        value = super().__getattribute__(name)
        if not callable(value) or name.startswith("__") or isinstance(value, type):
            return value
        if name in type(self)._CASTS:
            return functools.partial(_cast, self, name)
        return value if name in type(self)._ALLOWED else _refusal(type(self), name)

    def materialize(self, shape: Sequence[int], device: Device = None, dtype: Dtype = None) -> None:
        """Becomes an ordinary parameter or buffer of that shape, with values still to be set.

        The dtype is the one it has, unless another is given.
        """
        wanted = self.dtype if dtype is None else dtype
        self.data = _native.empty(shape, device=device, dtype=wanted)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]

    @property
    def shape(self) -> NoReturn:
        """There is none (RuntimeError)."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def share_memory_(self) -> NoReturn:
        """There is none to be shared (RuntimeError)."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def copy_(self, src: Tensor, non_blocking: bool = False) -> Self:
        """Of another without a shape, which has no values either."""
        self.data.copy_(src.data)
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def __deepcopy__(self, memo: Memo) -> Self:
        if id(self) not in memo:
            memo[id(self)] = _promised(self, self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[object, ...]:
        return type(self), (self.requires_grad, None, self.dtype)


def _promised(like: _T, dtype: Dtype) -> _T:
    """Another without a shape."""
    more = {"persistent": like.persistent} if isinstance(like, UninitializedBuffer) else {}
    make: UserFunction = type(like)
    return make(like.requires_grad, dtype=dtype, **more)


def _cast(self: _T, name: str, *args: object, **kwargs: object) -> _T:
    dtype = getattr(self.data, name)(*args, **kwargs).dtype
    return self if dtype == self.dtype else _promised(self, dtype)


def _refusal(cls: type, name: str) -> Callable[..., NoReturn]:
    def refuse(*args: object, **kwargs: object) -> NoReturn:
        _native._refuse_uninitialized(name, cls.__name__)

    return refuse


def _refuse_operators() -> None:
    """Those, too, which Python looks up in the class."""
    binary = (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift",
        "and", "or", "xor",
    )  # fmt: skip
    names = [
        *(prefix + name for prefix in ("", "r", "i") for name in binary),
        "neg", "pos", "abs", "invert", "lt", "le", "gt", "ge", "eq", "ne",
        "getitem", "setitem", "len", "iter", "contains",
        "bool", "float", "int", "index", "complex", "array", "format",
    ]  # fmt: skip
    for name in names:

        def refuse(self: object, *args: object, of: str = f"__{name}__") -> NoReturn:
            _native._refuse_uninitialized(of, type(self).__name__)

        setattr(UninitializedTensorMixin, f"__{name}__", refuse)


_refuse_operators()
_native._set_uninitialized(UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape the first forward of a lazy module finds.

    Its dtype is that of the parameter it becomes (default: the default dtype).
    """

    cls_to_become = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: Device = None, dtype: Dtype = None
    ) -> Self:
        return _native.make_parameter(
            cls, _native.empty(0, device=device, dtype=dtype), requires_grad
        )

    def __init__(
        self, requires_grad: bool = True, device: Device = None, dtype: Dtype = None
    ) -> None:
        """All is done in `__new__`."""


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose shape the first forward of a lazy module finds."""

    cls_to_become = _native.Tensor

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Device = None,
        dtype: Dtype = None,
        persistent: bool = True,
    ) -> Self:
        data = _native.empty(0, device=device, dtype=dtype)
        result = _native.make_parameter(cls, data, requires_grad)
        result.persistent = persistent
        return result

    def __init__(
        self,
        requires_grad: bool = False,
        device: Device = None,
        dtype: Dtype = None,
        persistent: bool = True,
    ) -> None:
        """All is done in `__new__`."""


def is_lazy(param: object) -> bool:
    """True for a parameter or buffer that has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)
