"""Batch norm in evaluation, as part of the layer before it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeVar

from ... import _native
from ..._native import Tensor
from ..parameter import Parameter

if TYPE_CHECKING:
    from ..modules.batchnorm import _NormBase
    from ..modules.conv import _ConvNd
    from ..modules.linear import Linear
    from ..modules.module import Module

_Conv = TypeVar("_Conv", bound="_ConvNd")
_Linear = TypeVar("_Linear", bound="Linear")

__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]


def _statistics(layer: Module, bn: _NormBase) -> tuple[Tensor, Tensor]:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    return bn.running_mean, bn.running_var


def fuse_conv_bn_eval(conv: _Conv, bn: _NormBase, transpose: bool = False) -> _Conv:
    """A copy of `conv` that computes bn(conv(x)).

    Both must be in evaluation, and `bn` have running statistics (AssertionError); `transpose` for
    transposed convolutions.
    """
    mean, var = _statistics(conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight,
        fused.bias,
        mean,
        var,
        bn.eps,
        bn.weight,
        bn.bias,
        transpose,
    )
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the fused convolution: w s and (b - mean) s + bn_b, s = bn_w / std.

    Shapes are those of the convolution's weight and (channels,); dtypes are kept.
    """
    bias = _native.zeros_like(bn_rm) if conv_b is None else conv_b
    bn_w = _native.ones_like(bn_rm) if bn_w is None else bn_w
    bn_b = _native.zeros_like(bn_rm) if bn_b is None else bn_b
    scale = _native.rsqrt(bn_rv + bn_eps)
    shape = [1, -1] if transpose else [-1, 1]
    shape += [1] * (conv_w.dim() - 2)
    weight = (conv_w * (bn_w * scale).reshape(shape)).to(conv_w.dtype)
    shift = ((bias - bn_rm) * scale * bn_w + bn_b).to(
        conv_w.dtype if conv_b is None else conv_b.dtype
    )
    return Parameter(weight, conv_w.requires_grad), Parameter(shift, bias.requires_grad)


def fuse_linear_bn_eval(linear: _Linear, bn: _NormBase) -> _Linear:
    """A copy of `linear` that computes bn(linear(x)).

    Both must be in evaluation, `bn` have running statistics, and its features be those of `linear`
    or 1 (AssertionError).
    """
    mean, var = _statistics(linear, bn)
    if bn.num_features not in (linear.out_features, 1):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, "
            f"got linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, mean, var, bn.eps, bn.weight, bn.bias
    )
    return fused


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of the fused layer, as those of fuse_conv_bn_weights."""
    bias = _native.zeros_like(bn_rm) if linear_b is None else linear_b
    scale = bn_w * _native.rsqrt(bn_rv + bn_eps)
    weight = linear_w * scale.unsqueeze(-1).to(linear_w.dtype)
    shift = ((bias - bn_rm) * scale + bn_b).to(
        linear_w.dtype if linear_b is None else linear_b.dtype
    )
    return Parameter(weight, linear_w.requires_grad), Parameter(shift, bias.requires_grad)
