"""Windows: weights w_k of M samples, largest in the middle.

`sym` makes a symmetric window, for the design of filters; without it the window is one period of M
of a symmetric window of M + 1, for spectral analysis. With N the M - 1, or M, steps of that period
the formulas are those of F. Harris, "On the use of windows for harmonic analysis with the discrete
Fourier transform", 1978. All take `dtype`, a floating one, the default dtype if left out; `layout`
and `device`, of which there is one each; and `requires_grad`. ValueError for a negative M.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from ... import _native
from ..._native import Tensor
from ..._types import layout as _layout
from ..._types import on_cpu as _on_cpu
from ..._typing import Device

_Weights = Callable[[Tensor, int], Tensor]


class _Options:
    """What every window takes, checked."""

    def __init__(
        self,
        name: str,
        m: int,
        sym: bool,
        dtype: _native.dtype | None,
        layout: _layout | None,
        device: Device,
        requires_grad: bool,
    ) -> None:
        if m < 0:
            raise ValueError(f"{name} requires non-negative window length, got M={m}")
        self.dtype = dtype or _native.get_default_dtype()
        if not self.dtype.is_floating_point:
            raise ValueError(f"{name} expects float32 or float64 dtypes, got: {self.dtype}")
        if layout is not None and str(layout) not in ("wengert.strided", "torch.strided"):
            raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
        if device is not None:
            _on_cpu(device)
        self.m, self.sym, self.requires_grad = m, sym, requires_grad

    def make(self, weights: _Weights) -> Tensor:
        """weights(k, N) of the places k = 0, 1, ..., M - 1, computed in float64."""
        if self.m == 0:
            window = _native.empty(0, dtype=self.dtype)
        elif self.m == 1:
            window = _native.ones(1, dtype=self.dtype)
        else:
            places = _native.arange(0, self.m, dtype=_native.float64)
            window = weights(places, self.m - 1 if self.sym else self.m)._to_dtype(self.dtype)
        return window.requires_grad_() if self.requires_grad else window


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = exp(-|k - center| / tau). ValueError unless tau > 0, and for a center if `sym`."""
    options = _Options("exponential", M, sym, dtype, layout, device, requires_grad)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    return options.make(
        lambda k, n: (-(k - (n / 2 if center is None else center)).abs() / tau).exp()
    )


def cosine(
    M: int,
    *,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = sin(pi (k + 1/2) / (N + 1))"""
    options = _Options("cosine", M, sym, dtype, layout, device, requires_grad)
    return options.make(lambda k, n: ((k + 0.5) * (math.pi / (n + 1))).sin())


def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = exp(-((k - N / 2) / std)^2 / 2). ValueError unless std > 0."""
    options = _Options("gaussian", M, sym, dtype, layout, device, requires_grad)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return options.make(lambda k, n: (-((k - n / 2) / std).square() / 2).exp())


def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = I_0(beta sqrt(1 - (2 k / N - 1)^2)) / I_0(beta). ValueError for a negative beta."""
    options = _Options("kaiser", M, sym, dtype, layout, device, requires_grad)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    largest = _native.tensor(beta, dtype=_native.float64).i0()

    def weights(k: Tensor, n: int) -> Tensor:
        return (beta * (1 - (2 * k / n - 1).square()).clamp(min=0).sqrt()).i0() / largest

    return options.make(weights)


def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = sum_i (-1)^i a_i cos(2 pi i k / N). TypeError unless `a` is a list, and not empty."""
    options = _Options("general_cosine", M, sym, dtype, layout, device, requires_grad)
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    factors = [float(v) for v in a]
    if not factors:
        raise ValueError("Coefficients cannot be empty")

    def weights(k: Tensor, n: int) -> Tensor:
        total = k * 0 + factors[0]
        for i, factor in enumerate(factors[1:], 1):
            total = total + (-1) ** i * factor * (k * (2 * math.pi * i / n)).cos()
        return total

    return options.make(weights)


def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = alpha - (1 - alpha) cos(2 pi k / N)"""
    return general_cosine(
        M,
        a=(alpha, 1.0 - alpha),
        sym=sym,
        dtype=dtype,
        layout=layout,
        device=device,
        requires_grad=requires_grad,
    )


def hamming(
    M: int,
    *,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = 0.54 - 0.46 cos(2 pi k / N)"""
    return general_hamming(
        M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


def hann(
    M: int,
    *,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = (1 - cos(2 pi k / N)) / 2"""
    return general_hamming(
        M,
        alpha=0.5,
        sym=sym,
        dtype=dtype,
        layout=layout,
        device=device,
        requires_grad=requires_grad,
    )


def blackman(
    M: int,
    *,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = 0.42 - 0.5 cos(2 pi k / N) + 0.08 cos(4 pi k / N)"""
    return general_cosine(
        M,
        a=(0.42, 0.5, 0.08),
        sym=sym,
        dtype=dtype,
        layout=layout,
        device=device,
        requires_grad=requires_grad,
    )


def bartlett(
    M: int,
    *,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """w_k = 1 - |2 k / N - 1|"""
    options = _Options("bartlett", M, sym, dtype, layout, device, requires_grad)
    return options.make(lambda k, n: 1 - (2 * k / n - 1).abs())


def nuttall(
    M: int,
    *,
    sym: bool = True,
    dtype: _native.dtype | None = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """The four cosines with the lowest side lobes; Nuttall 1981."""
    return general_cosine(
        M,
        a=(0.3635819, 0.4891775, 0.1365995, 0.0106411),
        sym=sym,
        dtype=dtype,
        layout=layout,
        device=device,
        requires_grad=requires_grad,
    )
