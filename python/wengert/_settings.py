"""Settings that other back ends need; accepted here."""

from __future__ import annotations

import warnings
from typing import Any

from . import _native
from ._types import device as _device
from ._types import on_cpu as _on_cpu
from ._typing import Device

__all__ = [
    "are_deterministic_algorithms_enabled",
    "compiled_with_cxx11_abi",
    "get_default_device",
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_warn_always_enabled",
    "set_default_device",
    "set_default_tensor_type",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_warn_always",
    "use_deterministic_algorithms",
]

_DEBUG_MODES = ("default", "warn", "error")
_PRECISIONS = ("highest", "high", "medium")
_deterministic = 0  # one of _DEBUG_MODES
_precision = "highest"
_warn_always = False


def set_default_device(device: Device) -> None:
    """Accepts 'cpu'; RuntimeError for others."""
    if device is not None:
        _on_cpu(device)


def get_default_device() -> _native.device:
    """device('cpu')."""
    return _device("cpu")


def set_default_tensor_type(t: Any) -> None:
    """Sets the default dtype from a legacy tensor type or its name. TypeError for other devices."""
    dtypes = {"FloatTensor": _native.float32, "DoubleTensor": _native.float64}
    if not isinstance(t, str):
        return _native.set_default_dtype(t.dtype)
    place, _, name = t.rpartition(".")
    if name not in dtypes or place not in ("", "torch", "wengert"):
        raise TypeError(f"type {t} not available: there are FloatTensor and DoubleTensor, on CPUs")
    _native.set_default_dtype(dtypes[name])


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembers the mode. Every operation is deterministic in any."""
    global _deterministic
    _deterministic = 0 if not mode else 1 if warn_only else 2


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was last given, False before."""
    return _deterministic > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was last given `warn_only`."""
    return _deterministic == 1


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Remembers 0, 1, 2 or "default", "warn", "error". RuntimeError for others."""
    global _deterministic
    mode = _DEBUG_MODES.index(debug_mode) if debug_mode in _DEBUG_MODES else debug_mode
    if not isinstance(mode, int) or not 0 <= mode < len(_DEBUG_MODES):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, 2 or one of {_DEBUG_MODES}, "
            f"got {debug_mode!r}"
        )
    _deterministic = mode


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2: see `set_deterministic_debug_mode`."""
    return _deterministic


def set_float32_matmul_precision(precision: str) -> None:
    """Remembers "highest", "high" or "medium"; warns of others and ignores them.

    Products of float32 are computed in float32 in any.
    """
    global _precision
    if precision in _PRECISIONS:
        _precision = precision
    else:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            "setFloat32MatmulPrecision call has no effect.",
            stacklevel=2,
        )


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was last given, 'highest' before."""
    return _precision


def set_flush_denormal(mode: bool) -> bool:
    """Whether that could be set: only True, as numbers without a normal exponent are zeros."""
    return bool(mode)


def set_warn_always(b: bool, /) -> None:
    """Accepted: Python's filters decide how often a warning is shown."""
    global _warn_always
    _warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was last given, False before."""
    return _warn_always


def set_num_interop_threads(n: int) -> None:
    """Accepted: operations run one after another."""


def get_num_interop_threads() -> int:
    """1."""
    return 1


def compiled_with_cxx11_abi() -> bool:
    """True."""
    return True
