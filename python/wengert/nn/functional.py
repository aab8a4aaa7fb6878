"""The functions behind the layers: the core's own, under the names that PyTorch gives them."""

from __future__ import annotations

from typing import Literal, NoReturn

from .. import _native
from . import _functional
from ._options import LinearCrossEntropyOptions

Tensor = _native.Tensor

__all__: list[str] = []


def _collect() -> None:
    for name in dir(_native.functional):
        if not name.startswith("_"):
            globals()[name] = getattr(_native.functional, name)
            __all__.append(name)
    for name in _functional.__all__:
        globals()[name] = getattr(_functional, name)
        __all__.append(name)


_collect()


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Literal["none", "mean", "sum"] = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target, ...), to any order.

    `input` is (N, in_features) or (in_features), `linear_weight` (C, in_features), `linear_bias`
    (C), `target` (N) or () of class indices: the logits are computed in tiles, in backward again,
    and are never in memory as a whole. Whole they are for targets of probabilities, (N, C), and for
    a loss of K dimensions, `linear_weight` (C, d1, ..., dK, in_features), `linear_bias`
    (C, d1, ..., dK) and `target` (N, d1, ..., dK). The others are as in cross_entropy;
    `ignore_index` None is -100. `options` are checked and change nothing.

    RuntimeError for shapes that do not fit, or an `ignore_index` for probabilities; TypeError for
    other options.
    """
    if not isinstance(options, (LinearCrossEntropyOptions, type(None))):
        raise TypeError(
            "linear_cross_entropy: options must be LinearCrossEntropyOptions or None, got "
            f"{type(options).__name__}"
        )
    return _native.ops.linear_cross_entropy(
        input,
        linear_weight,
        target,
        linear_bias=linear_bias,
        weight=weight,
        reduction=reduction,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
    )


__all__.append("linear_cross_entropy")


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"nn.functional.{name} is not available in this version; see wengert.nn.functional.__all__"
    )
