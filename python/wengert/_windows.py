"""The windows that the package itself has, one period of a longer window unless told otherwise."""

from __future__ import annotations

from ._native import Tensor, dtype
from ._typing import Device

__all__ = [
    "bartlett_window",
    "blackman_window",
    "hamming_window",
    "hann_window",
    "kaiser_window",
]


def _window(name: str, length: int, periodic: bool, **options: object) -> Tensor:
    from .signal import windows  # who makes no windows does not wait for them

    if length < 0:
        raise RuntimeError(f"{name}_window requires non-negative window_length, got {length}")
    return getattr(windows, name)(length, sym=not periodic, **options)


def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: dtype | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """signal.windows.bartlett(); without `periodic` it is symmetric."""
    return _window(
        "bartlett", window_length, periodic, dtype=dtype, device=device, requires_grad=requires_grad
    )


def blackman_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: dtype | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """signal.windows.blackman(); without `periodic` it is symmetric."""
    return _window(
        "blackman", window_length, periodic, dtype=dtype, device=device, requires_grad=requires_grad
    )


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: dtype | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """alpha - beta cos(2 pi k / N); without `periodic` it is symmetric."""
    return _window(
        "general_cosine",
        window_length,
        periodic,
        a=(alpha, beta),
        dtype=dtype,
        device=device,
        requires_grad=requires_grad,
    )


def hann_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: dtype | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """signal.windows.hann(); without `periodic` it is symmetric."""
    return _window(
        "hann", window_length, periodic, dtype=dtype, device=device, requires_grad=requires_grad
    )


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: dtype | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """signal.windows.kaiser(); without `periodic` it is symmetric."""
    return _window(
        "kaiser",
        window_length,
        periodic,
        beta=beta,
        dtype=dtype,
        device=device,
        requires_grad=requires_grad,
    )
