"""Pooling: one number for the elements of each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ..._native import Tensor
from .. import functional as F
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]

Size = int | tuple[int, ...]
Ratio = float | tuple[float, ...]


def _all(size: Size, n: int) -> tuple[int, ...]:
    """One number for each of n dimensions."""
    return (size,) * n if isinstance(size, int) else tuple(size)


class _MaxPoolNd(Module):
    __constants__ = [
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "return_indices",
        "ceil_mode",
    ]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The largest element of each window of the last dimension; with `return_indices` also where
    it lies."""

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(n, c, l) or (c, l) -> (n, c, windows)"""
        pool = F.max_pool1d_with_indices if self.return_indices else F.max_pool1d
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )


class MaxPool2d(_MaxPoolNd):
    """The largest element of each window of the last two dimensions; with `return_indices` also
    where it lies in its plane."""

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(n, c, h, w) or (c, h, w) -> (n, c, windows, windows)"""
        pool = F.max_pool2d_with_indices if self.return_indices else F.max_pool2d
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )


class MaxPool3d(_MaxPoolNd):
    """The largest element of each window of the last three dimensions; with `return_indices` also
    where it lies in its volume."""

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(n, c, d, h, w) or (c, d, h, w) -> (n, c, windows, windows, windows)"""
        pool = F.max_pool3d_with_indices if self.return_indices else F.max_pool3d
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )


class _MaxUnpoolNd(Module):
    _dims = 0

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        self.kernel_size = _all(kernel_size, self._dims)
        self.stride = _all(stride if stride is not None else kernel_size, self._dims)
        self.padding = _all(padding, self._dims)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Zeros, and the input where `MaxPool1d` took it from."""

    _dims = 1

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """(n, c, windows), the same -> (n, c, l)"""
        size = None if output_size is None else tuple(output_size)
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, size)


class MaxUnpool2d(_MaxUnpoolNd):
    """Zeros, and the input where `MaxPool2d` took it from."""

    _dims = 2

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """(n, c, windows, windows), the same -> (n, c, h, w)"""
        size = None if output_size is None else tuple(output_size)
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, size)


class MaxUnpool3d(_MaxUnpoolNd):
    """Zeros, and the input where `MaxPool3d` took it from."""

    _dims = 3

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """(n, c, windows, windows, windows), the same -> (n, c, d, h, w)"""
        size = None if output_size is None else tuple(output_size)
        return F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, size)


class _AvgPoolNd(Module):
    __constants__ = ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"]

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    """The mean of each window of the last dimension."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = _all(kernel_size, 1)
        self.stride = _all(stride if stride is not None else kernel_size, 1)
        self.padding = _all(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, l) or (c, l) -> (n, c, windows)"""
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


class _AvgPoolWithDivisor(_AvgPoolNd):
    __constants__ = [*_AvgPoolNd.__constants__, "divisor_override"]

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override


class AvgPool2d(_AvgPoolWithDivisor):
    """The mean of each window of the last two dimensions, or its sum by `divisor_override`."""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, h, w) or (c, h, w) -> (n, c, windows, windows)"""
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool3d(_AvgPoolWithDivisor):
    """The mean of each window of the last three dimensions, or its sum by `divisor_override`."""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, d, h, w) or (c, d, h, w) -> (n, c, windows, windows, windows)"""
        return F.avg_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class _LPPoolNd(Module):
    __constants__ = ["norm_type", "kernel_size", "stride", "ceil_mode"]

    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """(sum of x^p over each window)^(1/p)"""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, l) or (c, l) -> (n, c, windows)"""
        return F.lp_pool1d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class LPPool2d(_LPPoolNd):
    """(sum of x^p over each window)^(1/p)"""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, h, w) or (c, h, w) -> (n, c, windows, windows)"""
        return F.lp_pool2d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class LPPool3d(_LPPoolNd):
    """(sum of x^p over each window)^(1/p)"""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, d, h, w) or (c, d, h, w) -> (n, c, windows, windows, windows)"""
        return F.lp_pool3d(
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class _FractionalMaxPoolNd(Module):
    __constants__ = ["kernel_size", "return_indices", "output_size", "output_ratio"]
    kernel_size: tuple[int, ...]
    output_size: tuple[int, ...] | None
    output_ratio: tuple[float, ...] | None
    _random_samples: Tensor | None

    def _set(
        self,
        dims: int,
        kernel_size: Size,
        output_size: Size | None,
        output_ratio: Ratio | None,
        return_indices: bool,
        samples: Tensor | None,
    ) -> None:
        def each(value: Ratio) -> tuple[float, ...]:
            return (value,) * dims if isinstance(value, (int, float)) else tuple(value)

        self.kernel_size = cast("tuple[int, ...]", each(kernel_size))
        self.return_indices = return_indices
        self.register_buffer("_random_samples", samples)
        self.output_size = None
        if output_size is not None:
            self.output_size = cast("tuple[int, ...]", each(output_size))
        self.output_ratio = None if output_ratio is None else each(output_ratio)
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{type(self).__name__} requires specifying either an output size, or a pooling "
                "ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The largest element of each of `output_size` windows, whose distances are drawn at random.

    There are int(size * output_ratio) of them if that is given; one of the two must be
    (ValueError). With `return_indices` also where each element lies in its plane.
    `_random_samples` are the numbers that are drawn in each call otherwise. Graham,
    arXiv:1412.6071.
    """

    def __init__(
        self,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: Ratio | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        self._set(2, kernel_size, output_size, output_ratio, return_indices, _random_samples)

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, h, w) or (c, h, w) -> (n, c, windows, windows)"""
        return F.fractional_max_pool2d(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """FractionalMaxPool2d for (n, c, d, h, w); ValueError for a kernel without elements."""

    def __init__(
        self,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: Ratio | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        if min((kernel_size,) if isinstance(kernel_size, int) else kernel_size) <= 0:
            raise ValueError(f"kernel_size must be greater than 0, but got {kernel_size}")
        self._set(3, kernel_size, output_size, output_ratio, return_indices, _random_samples)

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, d, h, w) or (c, d, h, w) -> (n, c, windows, windows, windows)"""
        return F.fractional_max_pool3d(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class _AdaptivePoolNd(Module):
    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveAvgPoolNd(_AdaptivePoolNd):
    __constants__ = ["output_size"]

    def __init__(self, output_size: int | Sequence[int | None]) -> None:
        super().__init__()
        self.output_size = output_size


class _AdaptiveMaxPoolNd(_AdaptivePoolNd):
    __constants__ = ["output_size", "return_indices"]

    def __init__(
        self, output_size: int | Sequence[int | None], return_indices: bool = False
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The means of `output_size` windows that divide the last dimension."""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, l) or (c, l) -> (n, c, output_size)"""
        return F.adaptive_avg_pool1d(input, cast(Size, self.output_size))


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The means of `output_size` windows that divide the last two dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, h, w) or (c, h, w) -> (n, c, *output_size)"""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The means of `output_size` windows that divide the last three dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, d, h, w) or (c, d, h, w) -> (n, c, *output_size)"""
        return F.adaptive_avg_pool3d(input, self.output_size)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The largest elements of windows that divide the last dimension; with `return_indices`
    also where they lie."""

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(n, c, l) or (c, l) -> (n, c, output_size)"""
        return F.adaptive_max_pool1d(input, cast(Size, self.output_size), self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The largest elements of windows that divide the last two dimensions; with `return_indices`
    also where they lie."""

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(n, c, h, w) or (c, h, w) -> (n, c, *output_size)"""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The largest elements of windows that divide the last three dimensions; with `return_indices`
    also where they lie."""

    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(n, c, d, h, w) or (c, d, h, w) -> (n, c, *output_size)"""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
