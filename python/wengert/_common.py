"""Small helpers shared by the Python layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from . import _native
from ._typing import Args, Kwargs, UserFunction


def typename(obj: object) -> str:
    """An object's type for error messages: `int`, `wengert.FloatTensor`, `pkg.Class`."""
    cls = type(obj)
    if callable(getattr(obj, "data_ptr", None)) and callable(getattr(obj, "type", None)):
        return cast("_native.Tensor", obj).type()
    if cls.__module__ in ("builtins", "", None):
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


def plain_results(
    cls: type, func: UserFunction, types: object, args: Args = (), kwargs: Kwargs | None = None
) -> object:
    """The `__torch_function__` of parameters and buffers, which have no say: calls the function."""
    return func(*args, **(kwargs or {}))


def parse_to(
    args: Args, kwargs: Kwargs
) -> tuple[_native.dtype | None, str | _native.device | None]:
    """(dtype, device) of `to`'s arguments, either may be None."""
    known = {"device", "dtype", "non_blocking", "memory_format", "tensor", "other", "copy"}
    for key in kwargs:
        if key not in known:
            raise TypeError(f"to() got an unexpected keyword argument '{key}'")
    dtype, device = kwargs.get("dtype"), kwargs.get("device")
    tensors = [kwargs[key] for key in ("tensor", "other") if key in kwargs]
    for arg in args:
        if isinstance(arg, _native.dtype):
            dtype = arg
        elif isinstance(arg, _native.Tensor):
            tensors.append(arg)
        elif isinstance(arg, (str, _native.device)):
            device = arg
        elif arg is not None and not isinstance(arg, bool):
            raise TypeError(f"to() received an invalid argument of type {typename(arg)}")
    if tensors:
        dtype, device = tensors[0].dtype, "cpu"
    return dtype, device


def returned(name: str, fields: Mapping[str, object]) -> str:
    """A named tuple of several results, as the native ones print."""
    shown = ",\n".join(f"{key}={value!r}" for key, value in fields.items())
    return f"wengert.return_types.{name}(\n{shown})"
