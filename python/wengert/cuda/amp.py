"""The old place of mixed precision on CUDA; see `wengert.amp`."""

from __future__ import annotations

from .. import amp as _amp
from .._typing import Dtype


class autocast(_amp.autocast):
    """`amp.autocast("cuda", ...)`: changes nothing."""

    def __init__(
        self, enabled: bool = True, dtype: Dtype = None, cache_enabled: bool = True
    ) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(_amp.GradScaler):
    """`amp.GradScaler("cuda", ...)`: scales by 1."""

    def __init__(
        self,
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__(
            "cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )


__all__ = ["GradScaler", "autocast"]
