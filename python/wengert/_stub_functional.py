"""The parts of the stubs of nn.functional that are not ops; see `_stubs`."""

FUNCTIONAL = """\
# Written by `python -m wengert._stubs` from the op registry; do not edit.
{imports}
from ._options import LinearCrossEntropyOptions as _LinearCrossEntropyOptions

{functions}
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Literal["none", "mean", "sum"] = "mean",
    ignore_index: _int | None = None,
    label_smoothing: _float = 0.0,
    options: _LinearCrossEntropyOptions | None = None,
) -> Tensor: ...
"""

#: Those of its functions that are written in Python.
FUNCTIONAL_PYTHON = """\
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor: ...
def gumbel_softmax(
    logits: Tensor,
    tau: _float = 1,
    hard: _bool = False,
    eps: _float = 1e-10,
    dim: _int = -1,
) -> Tensor: ...
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: _float = 1.0,
    swap: _bool = False,
    reduction: str = "mean",
) -> Tensor: ...
"""
