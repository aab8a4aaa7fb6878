"""What of `torch.fft` has real results: the frequencies of a transform, and their order.

The transforms are complex; `numpy.fft` of `x.numpy()`, which shares the memory of x, has them
without gradients.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import _native
from ._drop_in import absent_in
from ._native import Tensor
from ._out import written
from ._types import layout as _layout
from ._typing import Device, Dtype

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]

globals()["__getattr__"] = absent_in("fft")  # no `def`: to a type checker it would be every name


def _frequencies(
    name: str, counts: Tensor, n: int, d: float, out: Tensor | None, dtype: Dtype, grad: bool
) -> Tensor:
    kind = _native.get_default_dtype() if dtype is None else dtype
    result = counts.to(kind) * (1.0 / (n * d))
    return written(name, result.requires_grad_(grad), out)


def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: Dtype = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of a transform of n samples, d apart: [0, 1, ..., -2, -1] / (n d), (n,)."""
    if n <= 0:
        raise RuntimeError(f"fftfreq: n must be positive, got {n}")
    half = (n + 1) // 2
    counts = _native.cat([_native.arange(half), _native.arange(-(n - half), 0)])
    return _frequencies("fftfreq", counts, n, d, out, dtype, requires_grad)


def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: Dtype = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """Those of a transform of real samples: [0, 1, ..., n / 2] / (n d), (n // 2 + 1,)."""
    if n <= 0:
        raise RuntimeError(f"rfftfreq: n must be positive, got {n}")
    return _frequencies("rfftfreq", _native.arange(n // 2 + 1), n, d, out, dtype, requires_grad)


def _dims(input: Tensor, dim: int | Sequence[int] | None) -> list[int]:
    if dim is None:
        return list(range(input.dim()))
    return [dim] if isinstance(dim, int) else list(dim)


def fftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """The frequency 0 in the middle of the dimensions, of all if None."""
    dims = _dims(input, dim)
    return input.roll([input.size(d) // 2 for d in dims], dims) if dims else input.clone()


def ifftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """The inverse of fftshift()."""
    dims = _dims(input, dim)
    return input.roll([(input.size(d) + 1) // 2 for d in dims], dims) if dims else input.clone()
