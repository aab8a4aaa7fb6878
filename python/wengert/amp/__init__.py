"""Mixed precision, as scripts write it: all is computed in the dtypes that tensors have.

There is no type of 16 bits here, so `autocast` changes nothing and `GradScaler` scales by 1:
the same script gives what it gives with mixed precision switched off.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TypeVar

from .. import _native
from .._typing import Closure, Dtype, StateDict, UserFunction
from ..optim.optimizer import Optimizer

__all__ = ["GradScaler", "autocast", "is_autocast_available"]

_Self = TypeVar("_Self", bound="autocast")
_Scaled = TypeVar("_Scaled", bound="_native.Tensor | Iterable[_native.Tensor]")


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` accepts the device: "cpu" alone changes nothing, the others warn."""
    return device_type == "cpu"


class autocast:
    """A context, or a decorator, in which operations are computed as they are outside of it.

    `device_type` is the name of any device, as scripts name "cuda" and switch it off elsewhere.
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
        self.device, self.enabled = device_type, enabled

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing was changed."""

    def __call__(self, function: UserFunction) -> UserFunction:
        @functools.wraps(function)
        def wrapped(*args: object, **kwargs: object) -> object:
            with self:
                return function(*args, **kwargs)

        return wrapped


class GradScaler:
    """Scales losses by 1: float32 gradients do not vanish, so they need no scale.

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
