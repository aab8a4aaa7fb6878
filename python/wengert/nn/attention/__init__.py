"""The choice of a kernel for `functional.scaled_dot_product_attention`, as PyTorch has it.

There is one, which takes every call, so that a choice is accepted and changes nothing.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator

from ...backends import cuda

__all__ = ["WARN_FOR_UNFUSED_KERNELS", "SDPBackend", "sdpa_kernel"]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(enum.IntEnum):
    """The implementations that PyTorch has of `scaled_dot_product_attention`."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __repr__(self) -> str:
        return f"<SDPBackend.{self.name}: {self.value}>"

    def __str__(self) -> str:
        return f"SDPBackend.{self.name}"


@contextlib.contextmanager
def sdpa_kernel(
    backends: list[SDPBackend] | SDPBackend, set_priority: bool = False
) -> Iterator[dict[str, object]]:
    """A context in which PyTorch uses these implementations only, in that order with
    `set_priority`. Here it sets what `backends.cuda` tells of them. AssertionError for anything
    but a backend or a list of them."""
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, "
            f"got {type(backends).__name__}"
        )
    chosen = [backends] if isinstance(backends, SDPBackend) else backends
    with cuda.sdp_kernel(
        SDPBackend.FLASH_ATTENTION in chosen,
        SDPBackend.MATH in chosen,
        SDPBackend.EFFICIENT_ATTENTION in chosen,
        SDPBackend.CUDNN_ATTENTION in chosen,
    ):
        yield {}
