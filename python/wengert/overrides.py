"""`__torch_function__`: subclasses of tensors that say what functions do with them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TypeVar

from . import _native
from ._overriding import asked, disabled, modes, set_modes
from ._overriding import overridable_functions as _functions
from ._overriding import overridable_methods as _methods
from ._typing import Args, Kwargs, UserFunction

__all__ = [
    "BaseTorchFunctionMode",
    "TorchFunctionMode",
    "enable_reentrant_dispatch",
    "get_ignored_functions",
    "get_overridable_functions",
    "handle_torch_function",
    "has_torch_function",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "resolve_name",
    "wrap_torch_function",
]


_Mode = TypeVar("_Mode", bound="TorchFunctionMode")


def has_torch_function(relevant_args: Iterable[object]) -> bool:
    """Whether one of them is asked: it has `__torch_function__`, and is no plain tensor."""
    return bool(asked(relevant_args))


def handle_torch_function(
    public_api: UserFunction, relevant_args: Iterable[object], *args: object, **kwargs: object
) -> object:
    """What the first of these arguments that takes the call gives. TypeError if none does."""
    for x in (found := asked(relevant_args)):
        method: UserFunction = type(x).__torch_function__  # type: ignore[attr-defined]
        result = method(public_api, tuple(type(y) for y in found), args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(
        f"no implementation found for '{getattr(public_api, '__name__', public_api)}' on types "
        f"that implement __torch_function__: {[type(x) for x in found]}"
    )


def is_tensor_like(inp: object) -> bool:
    """Whether it is a tensor, or has `__torch_function__`."""
    return type(inp) is _native.Tensor or hasattr(inp, "__torch_function__")


def wrap_torch_function(dispatcher: UserFunction) -> UserFunction:
    """A decorator for functions of one's own: `dispatcher(*args)` gives the relevant arguments."""

    def decorate(function: UserFunction) -> UserFunction:
        def wrapped(*args: object, **kwargs: object) -> object:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        wrapped.__name__, wrapped.__doc__ = function.__name__, function.__doc__
        return wrapped

    return decorate


def get_overridable_functions() -> dict[object, list[UserFunction]]:
    """The functions and methods that ask, by where they are."""
    package = sys.modules[__package__]
    functional = sys.modules[f"{__package__}.nn.functional"]
    inside = [
        value
        for value in vars(functional).values()
        if type(value).__name__ in ("builtin_function", "builtin_method", "Overridable")
    ]
    return {
        package: list(_functions().values()),
        functional: inside,
        _native.Tensor: list(_methods().values()),
    }


def get_ignored_functions() -> set[UserFunction]:
    """Public functions of the package that ask nobody."""
    asking = set(map(id, _functions().values()))
    public = vars(sys.modules[__package__]).items()
    return {v for n, v in public if callable(v) and not n.startswith("_") and id(v) not in asking}


def is_tensor_method_or_property(func: UserFunction) -> bool:
    """Whether it is a method of tensors, or `__get__` of a property of theirs."""
    return any(func is method for method in _methods().values()) or (
        getattr(func, "__name__", "") == "__get__"
    )


def resolve_name(f: UserFunction) -> str | None:
    """The name of an overridable function, such as `torch.Tensor.add`; None for others."""
    for home, functions in get_overridable_functions().items():
        if any(f is g for g in functions):
            place = getattr(home, "__name__", "").removeprefix(f"{__package__}")
            place = ".Tensor" if home is _native.Tensor else place
            return f"torch{place}.{f.__name__}"
    return None


def enable_reentrant_dispatch() -> AbstractContextManager[None]:
    """Accepted as a context: calls within `__torch_function__` ask as any others do."""
    import contextlib

    return contextlib.nullcontext()


class TorchFunctionMode(AbstractContextManager["TorchFunctionMode"]):
    """A block in which `__torch_function__` of the mode is asked for every call.

    These are calls of functions of the package, of methods and operators; not reading attributes,
    nor `torch.tensor` and other functions that make tensors of what is none. Within
    `__torch_function__` the modes around this one are asked. Blocks are a thread's own.
    """

    def __torch_function__(
        self, func: UserFunction, types: object, args: Args = (), kwargs: Kwargs | None = None
    ) -> object:
        """What `func(*args, **kwargs)` is; `types` are those of subclasses among the arguments."""
        raise NotImplementedError

    def __enter__(self: _Mode) -> _Mode:
        set_modes([*modes(), self])
        return self

    def __exit__(self, *exc: object) -> None:
        """Ends the block."""
        set_modes(modes()[:-1])


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that calls what it is asked for."""

    def __torch_function__(
        self, func: UserFunction, types: object, args: Args = (), kwargs: Kwargs | None = None
    ) -> object:
        """Calls it."""
        return func(*args, **(kwargs or {}))


#: Within it subclasses are not asked, and results are plain: what `torch._C` has.
DisableTorchFunctionSubclass = disabled
