"""Functions of `nn.functional` that are written in other operations.

`inplace` is accepted for the sake of the signature; these return a new tensor.
"""

from __future__ import annotations

import math
from typing import Any

from .. import _native

__all__ = [
    "alpha_dropout",
    "bilinear",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "hardshrink",
    "huber_loss",
    "kl_div",
    "normalize",
    "softshrink",
]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x where |x| > lambd, else 0"""
    return _native.where(input.abs() > lambd, input, _native.zeros_like(input))


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x moved by lambd towards 0, and 0 where |x| <= lambd"""
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found {lambd}")
    return input - input.clamp(-lambd, lambd)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """y_o = x1^T W_o x2 + b_o: (*, i), (*, j), (o, i, j) -> (*, o)"""
    out, size1, size2 = weight.shape
    if input1.shape[-1] != size1 or input2.shape[-1] != size2:
        raise RuntimeError(
            f"bilinear(): input sizes {input1.shape[-1]} and {input2.shape[-1]}, but the weight "
            f"needs {size1} and {size2}"
        )
    batch = list(input1.shape[:-1])
    x1 = input1.reshape(-1, size1)
    x2 = input2.reshape(-1, 1, size2)
    left = x1.matmul(weight.permute(1, 0, 2).reshape(size1, out * size2))  # (n, o*j)
    y = (left.reshape(-1, out, size2) * x2).sum(-1).reshape([*batch, out])
    return y if bias is None else y + bias


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """x / max(||x||_p, eps), the norm taken along dim."""
    if p == 2:
        norm = (input * input).sum(dim, keepdim=True).sqrt()
    elif p == math.inf:
        norm = input.abs().amax(dim, keepdim=True)
    else:
        norm = input.abs().pow(p).sum(dim, keepdim=True).pow(1 / p)
    result = input / norm.clamp(min=eps)
    return result if out is None else out.copy_(result)


def _reduced(values: Any, reduction: str) -> Any:
    if reduction == "mean":
        return values.mean()
    if reduction == "sum":
        return values.sum()
    if reduction == "none":
        return values
    raise ValueError(f"{reduction} is not a valid value for reduction")


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Any:
    """d^2 / 2 where d = |x - y| < delta, else delta * (d - delta / 2)"""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    d = (input - target).abs()
    values = _native.where(d < delta, d * d * 0.5, (d - 0.5 * delta) * delta)
    return _reduced(values if weight is None else values * weight, reduction)


def kl_div(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """y * (log y - x), 0 where y is 0; "batchmean" divides the sum by the first dimension."""
    if size_average is not None or reduce is not None:
        kept = True if reduce is None else reduce
        average = True if size_average is None else size_average
        reduction = ("mean" if average else "sum") if kept else "none"
    if log_target:
        values = target.exp() * (target - input)
    else:
        zero = _native.zeros_like(target)
        log = _native.where(target > 0, target, _native.ones_like(target)).log()
        values = _native.where(target > 0, target * log, zero) - target * input
    if reduction == "batchmean":
        return values.sum() / input.shape[0] if input.dim() else values.sum()
    return _reduced(values, reduction)


def _feature_dropout(input: Any, p: float, training: bool) -> Any:
    """One draw per (n, c)."""
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0 or input.numel() == 0:
        return input
    if p == 1.0:
        return input * _native.zeros((), dtype=input.dtype)
    shape = list(input.shape[:2]) + [1] * (input.dim() - 2)
    noise = _native.empty(shape, dtype=input.dtype).bernoulli_(1 - p)
    return input * (noise / (1 - p))


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeroes whole channels of (n, c, l) or (c, l)."""
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    if input.dim() == 2:
        return _feature_dropout(input.unsqueeze(0), p, training).squeeze(0)
    return _feature_dropout(input, p, training)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeroes whole channels of (n, c, h, w)."""
    return _feature_dropout(input, p, training)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zeroes whole channels of (n, c, d, h, w) or (c, d, h, w)."""
    if input.dim() == 4:
        return _feature_dropout(input.unsqueeze(0), p, training).squeeze(0)
    return _feature_dropout(input, p, training)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Sets elements to SELU's lower limit -s and rescales, so that mean 0 and variance 1 stay:
    y = a * (x or -s) + b, a = ((1 - p) (1 + p s^2))^-1/2, b = a p s (Klambauer et al. 2017)."""
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0 or input.numel() == 0:
        return input
    if p == 1.0:
        return input * _native.zeros((), dtype=input.dtype)
    limit = _SELU_ALPHA * _SELU_SCALE
    a = 1 / math.sqrt((limit * limit * p + 1) * (1 - p))
    keep = _native.empty_like(input).detach().bernoulli_(1 - p)
    return input * (keep * a) + ((keep - 1) * (limit * a) + limit * a * p)
