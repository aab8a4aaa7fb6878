"""Mixed precision: `autocast` computes products in bfloat16 or float16 and losses in float32.

`GradScaler` scales by 1: it is what PyTorch's is when disabled.
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from .. import _native
from .._native import clear_autocast_cache
from .._typing import Closure, Dtype, StateDict, UserFunction
from ..optim.optimizer import Optimizer

__all__ = [
    "GradScaler",
    "autocast",
    "clear_autocast_cache",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_cache_enabled",
    "is_autocast_enabled",
]

if TYPE_CHECKING:
    from .functions import custom_bwd as custom_bwd
    from .functions import custom_fwd as custom_fwd

_Self = TypeVar("_Self", bound="autocast")
_Scaled = TypeVar("_Scaled", bound="_native.Tensor | Iterable[_native.Tensor]")
_DTYPES = (_native.bfloat16, _native.float16)
_depth = threading.local()


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` casts on that device: on "cpu" alone."""
    return device_type == "cpu"


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Whether an `autocast` region is being run."""
    return device_type == "cpu" and _native.autocast_state()[0]


def get_autocast_dtype(device_type: str) -> _native.dtype:
    """The dtype that `autocast` casts to unless told; within a region that region's."""
    return _native.autocast_state()[1] if device_type == "cpu" else _native.float16


def is_autocast_cache_enabled() -> bool:
    """Whether the casts of parameters are kept within a region."""
    return bool(_native.autocast_state()[2])


class autocast:
    """A context, or a decorator, in which each operation is computed in a dtype that suits it.

    Products (`linear`, `matmul`, convolutions, attention, recurrent layers) take their floating
    inputs as `dtype`, bfloat16 unless told, and give it; losses, and what sums many numbers, take
    float32; `cat` and `stack` the widest of their inputs. Everything else goes on with what it is
    given, as PyTorch's lists for the CPU say. float64 is left alone, as are operations in place.
    A parameter is cast once in a region (`cache_enabled`), so its gradient stays float32. Backward
    belongs outside; it has the dtypes of forward either way.

    `device_type` may be any device's name, as scripts name "cuda" and switch it off elsewhere: all
    but "cpu" change nothing. A dtype other than bfloat16 and float16 warns and changes nothing.
    """

    def __init__(
        self,
        device_type: str,
        dtype: Dtype = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(
                f"Expected `device_type` of type `str`, got: `{type(device_type).__name__}`"
            )
        self.device, self.enabled = device_type, enabled and device_type == "cpu"
        self.dtype = dtype if dtype is not None else get_autocast_dtype("cpu")
        self.cache_enabled = cache_enabled
        if self.enabled and self.dtype not in _DTYPES:
            _native._warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast. CPU "
                "Autocast only supports dtype of wengert.bfloat16, wengert.float16 currently."
            )
            self.enabled = False
        self._before: list[tuple[bool, _native.dtype, bool]] = []

    def __enter__(self: _Self) -> _Self:
        before = _native.autocast_state()
        self._before.append(before)
        if self.device == "cpu":
            _depth.value = getattr(_depth, "value", 0) + 1
            cache = before[2] if self.cache_enabled is None else self.cache_enabled
            dtype = self.dtype if self.dtype in _DTYPES else before[1]
            _native.set_autocast_state(self.enabled, dtype, cache)
        return self

    def __exit__(self, *exc: object) -> None:
        """Casts as before; at the end of the outermost region what is kept is forgotten."""
        before = self._before.pop()
        if self.device != "cpu":
            return
        _depth.value -= 1
        if _depth.value == 0:
            clear_autocast_cache()
        _native.set_autocast_state(*before)

    def __call__(self, function: UserFunction) -> UserFunction:
        @functools.wraps(function)
        def wrapped(*args: object, **kwargs: object) -> object:
            with self:
                return function(*args, **kwargs)

        return wrapped


class GradScaler:
    """Scales losses by 1: gradients of bfloat16 and float32 do not vanish, so they need no scale.

    The methods are those of a scaler that is disabled.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        """All is accepted."""

    def scale(self, outputs: _Scaled) -> _Scaled:
        """Its argument."""
        return outputs

    def unscale_(self, optimizer: Optimizer) -> None:
        """Does nothing."""

    def step(self, optimizer: Optimizer, *args: Closure, **kwargs: Closure) -> object:
        """`optimizer.step(...)`."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: float | _native.Tensor | None = None) -> None:
        """Does nothing."""

    def get_scale(self) -> float:
        """1."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> StateDict:
        """Empty."""
        return {}

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Accepts any state, which a scaler of 1 has no use for."""


def _later(name: str) -> object:
    if name in ("custom_bwd", "custom_fwd"):  # few programs write functions for `autocast`
        return getattr(importlib.import_module(f"{__name__}.functions"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


globals()["__getattr__"] = _later  # no `def`: to a type checker it would be every name
