"""Functions of `nn.functional` that take functions, or are made of others' random numbers."""

from __future__ import annotations

from collections.abc import Callable

from .. import _native
from .._native import Tensor

__all__ = ["conv_tbc", "gumbel_softmax", "triplet_margin_with_distance_loss"]


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A sample of the Gumbel-softmax distribution of unnormalised log-probabilities.

    softmax((logits + G) / tau) along `dim`, with G standard Gumbel numbers: (*) -> (*). With `hard`
    the largest becomes 1 and the rest 0, and the gradient is that of the soft sample. `eps` is
    deprecated and not used. Jang et al. 2017.
    """
    if not isinstance(logits, Tensor):
        raise TypeError(f"gumbel_softmax: logits must be a Tensor, got {type(logits).__name__}")
    if eps != 1e-10:
        _native._warn("`eps` parameter is deprecated and has no effect.")
    noise = -_native.empty(logits.shape, dtype=logits.dtype).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    most = soft.max(dim, keepdim=True)[1]
    chosen = _native.zeros(logits.shape, dtype=logits.dtype).scatter_(dim, most, 1.0)
    return chosen - soft.detach() + soft


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + d(anchor, positive) - d(anchor, negative)) for any distance d.

    d is pairwise_distance unless given. With `swap` the less of d(anchor, negative) and
    d(positive, negative) counts. ValueError for an unknown reduction, or a margin that is not
    positive; RuntimeError for different numbers of dimensions.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(
            f"triplet_margin_with_distance_loss: {reduction} is not a valid value for reduction"
        )
    if margin <= 0:
        raise ValueError(
            f"triplet_margin_with_distance_loss: margin must be greater than 0, got {margin}"
        )
    ranks = anchor.dim(), positive.dim(), negative.dim()
    if len(set(ranks)) > 1:
        raise RuntimeError(
            "triplet_margin_with_distance_loss: The anchor, positive, and negative tensors are "
            "expected to have the same number of dimensions, but got: anchor {}D, positive {}D, "
            "and negative {}D inputs".format(*ranks)
        )
    distance = distance_function or _native.pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = _native.minimum(far, distance(positive, negative))
    loss = _native.clamp_min(margin + near - far, 0)
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.mean()


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """conv1d of sequences (time, batch, channels) with a weight (time, in, out)."""
    if input.dim() != 3 or weight.dim() != 3 or bias.dim() != 1:
        raise RuntimeError(
            "conv_tbc: input and weight must have 3 dims, bias 1; got "
            f"{input.dim()}, {weight.dim()} and {bias.dim()}"
        )
    channels_second = input.permute(1, 2, 0)  # (batch, channels, time)
    y = _native.functional.conv1d(channels_second, weight.permute(2, 1, 0), bias, padding=pad)
    return y.permute(2, 0, 1)
