"""What libraries reach for in `torch._C`, which is internal to PyTorch: a few names, no more."""

from __future__ import annotations

from types import SimpleNamespace

from . import _native
from ._common import parse_to
from ._drop_in import MissingName, place_of_caller
from ._overriding import disabled as DisableTorchFunctionSubclass
from ._types import device as device

__all__ = [
    "DisableTorchFunctionSubclass",
    "Generator",
    "PyTorchFileReader",
    "Size",
    "device",
    "dtype",
]

Generator, Size, dtype = _native.Generator, _native.Size, _native.dtype
_TensorMeta = type(_native.Tensor)


def _log_api_usage_once(event: str) -> None:
    """Does nothing."""


def _get_tracing_state() -> None:
    """None: nothing is being traced."""


def _cuda_isInBadFork() -> bool:
    """False: there is nothing that a fork could break."""
    return False


def _parse(*args: object, **kwargs: object) -> tuple[object, ...]:
    """(device, dtype, non_blocking, memory_format) of the arguments of `Tensor.to`."""
    dtype, where = parse_to(args, kwargs)
    flags = [arg for arg in args if isinstance(arg, bool)]
    non_blocking = bool(kwargs.get("non_blocking", flags[0] if flags else False))
    place = None if where is None else device(where)
    return place, dtype, non_blocking, kwargs.get("memory_format")


class PyTorchFileReader:
    """RuntimeError: `wengert.load` reads PyTorch's files."""

    def __init__(self, *args: object) -> None:
        raise RuntimeError("PyTorchFileReader: wengert.load reads PyTorch's files")


_nn = SimpleNamespace(_parse_to=_parse)


def __getattr__(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise MissingName(f"torch._C.{name}", place_of_caller())
