"""Convolutions and transposed convolutions of one to three spatial dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from ... import _native
from ..._native import Tensor
from ..._typing import Device, Dtype
from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

Size = int | tuple[int, ...]
Named = Literal["same", "valid"]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
_MODES = ("zeros", "reflect", "replicate", "circular")


def _each(value: Size, dims: int) -> tuple[int, ...]:
    """A number for each spatial dimension: one stands for all."""
    return (value,) * dims if isinstance(value, int) else tuple(value)


class _ConvNd(Module):
    __constants__ = [
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
        "output_padding",
        "in_channels",
        "out_channels",
        "kernel_size",
    ]
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Named | tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int
    padding_mode: PaddingMode
    weight: Parameter
    bias: Parameter  # None if there is none, as PyTorch has it

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: Named | tuple[int, ...],
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: PaddingMode,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__()
        self._check(in_channels, out_channels, stride, padding, groups, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._padding_of_pad()
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        shape = (first, second // groups, *kernel_size)
        self.weight = Parameter(_native.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(_native.empty((out_channels,), device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    @staticmethod
    def _check(
        in_channels: int,
        out_channels: int,
        stride: tuple[int, ...],
        padding: Named | tuple[int, ...],
        groups: int,
        padding_mode: PaddingMode,
    ) -> None:
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {padding!r}, should be one of 'same', 'valid'"
                )
            if padding == "same" and any(s != 1 for s in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in _MODES:
            raise ValueError(
                f"padding_mode must be one of {_MODES}, but got padding_mode='{padding_mode}'"
            )

    def _padding_of_pad(self) -> list[int]:
        """The padding as F.pad takes it: the last dimension first, before and behind each."""
        if isinstance(self.padding, str):
            spans = zip(self.dilation, self.kernel_size, strict=True)
            totals = [d * (k - 1) if self.padding == "same" else 0 for d, k in spans]
            ends = [(total // 2, total - total // 2) for total in totals]
        else:
            ends = [(p, p) for p in self.padding]
        return [p for pair in reversed(ends) for p in pair]

    def reset_parameters(self) -> None:
        """Draws new values from U(-b, b) with b = 1 / sqrt(elements that one output sums)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        s = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0,) * len(self.padding):
            s += f", padding={self.padding}"
        if self.dilation != (1,) * len(self.dilation):
            s += f", dilation={self.dilation}"
        if self.output_padding != (0,) * len(self.output_padding):
            s += f", output_padding={self.output_padding}"
        if self.groups != 1:
            s += f", groups={self.groups}"
        if self.bias is None:
            s += ", bias=False"
        if self.padding_mode != "zeros":
            s += f", padding_mode={self.padding_mode}"
        return s


class Conv1d(_ConvNd):
    """Convolution (cross-correlation) over 1 spatial dimension; see `functional.conv1d`.

    The weight is (out_channels, in_channels / groups, kernel_size), the bias (out_channels,).
    Both are drawn from U(-b, b), 1 / b^2 the number of weights of one output channel. `padding` is
    numbers, "same" or "valid". ValueError for channels that groups do not divide, and for an
    unknown padding.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Named | Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            _each(kernel_size, 1),
            _each(stride, 1),
            padding if isinstance(padding, str) else _each(padding, 1),
            _each(dilation, 1),
            False,
            _each(0, 1),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.padding_mode == "zeros":
            return F.conv1d(
                input, weight, bias, self.stride, self.padding, self.dilation, self.groups
            )
        padded = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return F.conv1d(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, l) -> (n, o, l), or without n"""
        return self._conv_forward(input, self.weight, self.bias)


class Conv2d(_ConvNd):
    """Convolution (cross-correlation) over 2 spatial dimensions; see `functional.conv2d`.

    The weight is (out_channels, in_channels / groups, kernel_size...), the bias (out_channels,).
    Both are drawn from U(-b, b), 1 / b^2 the number of weights of one output channel. `padding` is
    numbers, "same" or "valid". ValueError for channels that groups do not divide, and for an
    unknown padding.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Named | Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            _each(kernel_size, 2),
            _each(stride, 2),
            padding if isinstance(padding, str) else _each(padding, 2),
            _each(dilation, 2),
            False,
            _each(0, 2),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.padding_mode == "zeros":
            return F.conv2d(
                input, weight, bias, self.stride, self.padding, self.dilation, self.groups
            )
        padded = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return F.conv2d(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, o, h, w), or without n"""
        return self._conv_forward(input, self.weight, self.bias)


class Conv3d(_ConvNd):
    """Convolution (cross-correlation) over 3 spatial dimensions; see `functional.conv3d`.

    The weight is (out_channels, in_channels / groups, kernel_size...), the bias (out_channels,).
    Both are drawn from U(-b, b), 1 / b^2 the number of weights of one output channel. `padding` is
    numbers, "same" or "valid". ValueError for channels that groups do not divide, and for an
    unknown padding.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Named | Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            _each(kernel_size, 3),
            _each(stride, 3),
            padding if isinstance(padding, str) else _each(padding, 3),
            _each(dilation, 3),
            False,
            _each(0, 3),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.padding_mode == "zeros":
            return F.conv3d(
                input, weight, bias, self.stride, self.padding, self.dilation, self.groups
            )
        padded = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return F.conv3d(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, d, h, w) -> (n, o, d, h, w), or without n"""
        return self._conv_forward(input, self.weight, self.bias)


class _ConvTransposeNd(_ConvNd):
    padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: PaddingMode,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            transposed,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding(
        self,
        input: Tensor,
        output_size: Sequence[int] | None,
        stride: Sequence[int],
        padding: Sequence[int],
        kernel_size: Sequence[int],
        num_spatial_dims: int,
        dilation: Sequence[int] | None = None,
    ) -> Sequence[int]:
        """What is missing to `output_size`; one of several sizes that the convolution maps here."""
        if output_size is None:
            return self.output_padding
        others = input.dim() - num_spatial_dims
        if len(output_size) == others + num_spatial_dims:
            output_size = output_size[others:]
        if len(output_size) != num_spatial_dims:
            raise ValueError(
                f"ConvTranspose{num_spatial_dims}D: for {input.dim()}D input, output_size must "
                f"have {num_spatial_dims} or {others + num_spatial_dims} elements "
                f"(got {len(output_size)})"
            )
        spans = zip(dilation or (1,) * num_spatial_dims, kernel_size, strict=True)
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, (d, k) in zip(input.shape[others:], stride, padding, spans, strict=True)
        ]
        most = [low + s - 1 for low, s in zip(least, stride, strict=True)]
        for size, low, high in zip(output_size, least, most, strict=True):
            if size < low or size > high:
                raise ValueError(
                    f"requested an output size of {output_size}, but valid sizes range "
                    f"from {least} to {most} (for an input of {input.shape[2:]})"
                )
        return [size - low for size, low in zip(output_size, least, strict=True)]


class ConvTranspose1d(_ConvTransposeNd):
    """The transposed convolution over 1 spatial dimension; see `functional.conv_transpose1d`.

    The weight is (in_channels, out_channels / groups, kernel_size), the bias (out_channels,).
    Both are drawn from U(-b, b), 1 / b^2 the number of weights of one input channel. ValueError for
    channels that groups do not divide, and for another padding_mode than "zeros".
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: PaddingMode = "zeros",
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            _each(kernel_size, 1),
            _each(stride, 1),
            _each(padding, 1),
            _each(dilation, 1),
            True,
            _each(output_padding, 1),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """(n, c, l) -> (n, o, l), or without n; of sizes `output_size` if given"""
        more = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, 1, self.dilation
        )
        return F.conv_transpose1d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            more,
            self.groups,
            self.dilation,
        )


class ConvTranspose2d(_ConvTransposeNd):
    """The transposed convolution over 2 spatial dimensions; see `functional.conv_transpose2d`.

    The weight is (in_channels, out_channels / groups, kernel_size...), the bias (out_channels,).
    Both are drawn from U(-b, b), 1 / b^2 the number of weights of one input channel. ValueError for
    channels that groups do not divide, and for another padding_mode than "zeros".
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: PaddingMode = "zeros",
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            _each(kernel_size, 2),
            _each(stride, 2),
            _each(padding, 2),
            _each(dilation, 2),
            True,
            _each(output_padding, 2),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """(n, c, h, w) -> (n, o, h, w), or without n; of sizes `output_size` if given"""
        more = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, 2, self.dilation
        )
        return F.conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            more,
            self.groups,
            self.dilation,
        )


class ConvTranspose3d(_ConvTransposeNd):
    """The transposed convolution over 3 spatial dimensions; see `functional.conv_transpose3d`.

    The weight is (in_channels, out_channels / groups, kernel_size...), the bias (out_channels,).
    Both are drawn from U(-b, b), 1 / b^2 the number of weights of one input channel. ValueError for
    channels that groups do not divide, and for another padding_mode than "zeros".
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: PaddingMode = "zeros",
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            _each(kernel_size, 3),
            _each(stride, 3),
            _each(padding, 3),
            _each(dilation, 3),
            True,
            _each(output_padding, 3),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """(n, c, d, h, w) -> (n, o, d, h, w), or without n; of sizes `output_size` if given"""
        more = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, 3, self.dilation
        )
        return F.conv_transpose3d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            more,
            self.groups,
            self.dilation,
        )
