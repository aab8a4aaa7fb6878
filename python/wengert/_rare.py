"""Names that are rarely asked for, loaded when they are: normalizations with their statistics,
numbers that PyTorch's compiler would trace, `cond`, and functions that PyTorch has removed."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from typing import Literal

from . import _native, linalg
from ._native import Tensor
from ._out import with_out
from ._spellings import removed
from .nn import functional

__all__ = [
    "SymBool",
    "SymFloat",
    "SymInt",
    "cond",
    "convolution",
    "ctc_loss",
    "eig",
    "embedding_bag",
    "is_inference",
    "lobpcg",
    "lstsq",
    "matrix_rank",
    "native_batch_norm",
    "native_dropout",
    "native_group_norm",
    "native_layer_norm",
    "solve",
    "sym_float",
    "sym_int",
    "sym_ite",
    "sym_max",
    "sym_min",
    "sym_not",
    "sym_sqrt",
    "sym_sum",
    "symeig",
]


# ---- layers with what they compute besides -------------------------------------------------------


def _standardized(x: Tensor, dims: list[int], eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """(x less its mean, over its deviation; the mean; 1 / the deviation), of these dimensions."""
    mean = x.mean(dims, keepdim=True)
    scale = (_native.var(x, dims, correction=0, keepdim=True) + eps).rsqrt()
    return (x - mean) * scale, mean, scale


def native_layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """(layer_norm(), the means, 1 / the deviations), these with sizes of 1 where normalized."""
    y = functional.layer_norm(input, list(normalized_shape), weight, bias, eps)
    dims = list(range(input.dim() - len(normalized_shape), input.dim()))
    _, mean, scale = _standardized(input, dims, eps)
    return y, mean, scale


def native_group_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    N: int,
    C: int,
    HxW: int,
    group: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """(group_norm(), the means, 1 / the deviations), these (N, group)."""
    y = functional.group_norm(input, group, weight, bias, eps)
    _, mean, scale = _standardized(input.reshape(N, group, C // group * HxW), [2], eps)
    return y, mean.squeeze(2), scale.squeeze(2)


@with_out
def native_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """(batch_norm(), the batch's means, 1 / its deviations), these (C), (0) unless `training`."""
    y = functional.batch_norm(
        input, running_mean, running_var, weight, bias, training, momentum, eps
    )
    if not training:
        return y, input.new_empty(0), input.new_empty(0)
    _, mean, scale = _standardized(input, [0, *range(2, input.dim())], eps)
    return y, mean.reshape(-1), scale.reshape(-1)


def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """(dropout(), a bool mask of what is kept)."""
    if train is False or p == 0 or not input.numel():
        return input.clone(), _native.ones(input.shape, dtype=_native.bool)
    mask = functional.dropout(_native.ones(input.shape, dtype=input.dtype), p)
    return input * mask, mask.bool()


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """conv1d, conv2d or conv3d by the input's dimensions, or the transposed of it."""
    n = weight.dim() - 2
    if n not in (1, 2, 3):
        raise RuntimeError(f"convolution: weight must have 3 to 5 dims, got {weight.dim()}")
    sizes = [list(s) * n if len(s) == 1 else list(s) for s in (stride, padding, dilation)]
    if transposed:
        outer = list(output_padding) * (n if len(output_padding) == 1 else 1)
        function = getattr(functional, f"conv_transpose{n}d")
        result: Tensor = function(input, weight, bias, sizes[0], sizes[1], outer, groups, sizes[2])
        return result
    straight: Tensor = getattr(functional, f"conv{n}d")(input, weight, bias, *sizes, groups)
    return straight


def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(the bags of nn.functional.embedding_bag(), the bag of each index, the sizes of the bags, and
    the rows that the elements of a maximum are of); `mode` 0 is a sum, 1 a mean, 2 a maximum.

    As in PyTorch, a sum has zeros for sizes and, unless its dtype is float64 or there is padding,
    none for bags; what has no maximum has the sizes in place of rows. Padding does not count.
    """
    rows = weight.shape[0] if weight.dim() == 2 else 0  # else what is called below refuses it
    skipped = -1
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise RuntimeError(
                f"embedding_bag: padding_idx must be within the number of embeddings, {-rows} "
                f"through {rows - 1}, but got {padding_idx}"
            )
        skipped = padding_idx % rows
    bags, largest = _native.ops.embedding_bag_forward(
        weight, indices, offsets, per_sample_weights, mode, skipped, include_last_offset,
        scale_grad_by_freq and mode != 2,
    )  # fmt: skip
    kind = _native.int32 if indices.dtype == offsets.dtype == _native.int32 else _native.int64
    count = indices.numel()
    starts = offsets[:-1] if include_last_offset else offsets
    sizes = _native.zeros(starts.shape, dtype=kind)
    if mode == 0 and skipped < 0 and weight.dtype != _native.float64:
        return bags, _native.empty(0, dtype=kind), sizes, sizes.clone()
    begun = _native.zeros(count + 1, dtype=kind).index_add(0, starts, _native.ones_like(sizes))
    owners = begun.cumsum(0, dtype=kind)[:count] - 1
    if mode == 0:
        return bags, owners, sizes, sizes.clone()
    sizes = sizes.index_add(0, owners, (indices != skipped).to(kind))
    return bags, owners, sizes, largest.clamp(min=0).to(kind) if mode == 2 else sizes.clone()


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: int = 1,
    zero_infinity: bool = False,
) -> Tensor:
    """nn.functional's, with a number for the reduction: 0 none, 1 mean, 2 sum."""
    reductions: tuple[Literal["none", "mean", "sum"], ...] = ("none", "mean", "sum")
    if reduction not in (0, 1, 2):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    inputs, wanted = (
        x if isinstance(x, Tensor) else _native.tensor(list(x))
        for x in (input_lengths, target_lengths)
    )
    how = reductions[reduction]
    return functional.ctc_loss(log_probs, targets, inputs, wanted, blank, how, zero_infinity)


def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


# ---- eigenvalues ---------------------------------------------------------------------------------


def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Tensor | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Callable[..., object] | None = None,
    ortho_iparams: dict[str, int] | None = None,
    ortho_fparams: dict[str, float] | None = None,
    ortho_bparams: dict[str, bool] | None = None,
) -> tuple[Tensor, Tensor]:
    """The `k` largest eigenvalues of symmetric A (*, m, m), or the least unless `largest`, and
    their vectors (*, m, k); with B, positive definite, those of A x = lambda B x.

    They are found by a whole decomposition, so that the start `X`, which says how many there are
    unless `k` does, and all that steers an iteration is accepted and changes nothing. PyTorch's
    iterate until `tol`. RuntimeError for what is no matrix and if 3 k is more than m, as there.
    """
    if A.dim() < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"lobpcg: A must be square matrices, got shape {list(A.shape)}")
    count = k if k is not None else 1 if X is None else X.shape[-1]
    m = A.shape[-1]
    if m < 3 * count:
        raise ValueError(
            f"LPBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than "
            f"3 x the number of requested eigenpairs (={count})"
        )
    if B is None:
        values, vectors = linalg.eigh(A)
    else:  # with B = L L^T, those of L^-1 A L^-T, whose vectors are L^T x
        L = linalg.cholesky(B)
        half = linalg.solve_triangular(L, A, upper=False)
        values, vectors = linalg.eigh(linalg.solve_triangular(L, half.mT, upper=False))
        vectors = linalg.solve_triangular(L.mT, vectors, upper=True)
    if largest is None or largest:
        return values[..., m - count :].flip(-1), vectors[..., m - count :].flip(-1)
    return values[..., :count], vectors[..., :count]


lstsq = removed("lstsq", "linalg.lstsq")
matrix_rank = removed("matrix_rank", "linalg.matrix_rank")
solve = removed("solve", "linalg.solve")
symeig = removed("symeig", "linalg.eigh")
eig = removed("eig", "linalg.eigh, as eigenvalues of others are complex")


# ---- what a compiler would trace -----------------------------------------------------------------


class SymInt:
    """What PyTorch's compiler traces in place of an int; nothing here is one."""

    def __init__(self, node: object) -> None:
        raise _no_symbols(type(self).__name__)


class SymFloat(SymInt):
    """In place of a float."""


class SymBool(SymInt):
    """In place of a bool."""


def _no_symbols(name: str) -> RuntimeError:
    return RuntimeError(f"{name}: there are no symbolic numbers here; capture sees Python's own")


def sym_int(a: float) -> int:
    """int(a)."""
    return builtins.int(a)


def sym_float(a: float) -> float:
    """float(a)."""
    return builtins.float(a)


def sym_not(a: bool) -> bool:
    """not a."""
    return not a


def sym_max(a: float, b: float) -> float:
    """The larger, a float if one of them is."""
    found = max(a, b)
    return builtins.float(found) if isinstance(a, float) or isinstance(b, float) else found


def sym_min(a: float, b: float) -> float:
    """The smaller, a float if one of them is."""
    found = min(a, b)
    return builtins.float(found) if isinstance(a, float) or isinstance(b, float) else found


def sym_sqrt(a: float) -> float:
    """The square root."""
    return math.sqrt(a)


def sym_ite(b: bool, t: object, f: object) -> object:
    """t if b else f."""
    return t if b else f


def sym_sum(*args: object) -> float:
    """The sum of numbers, or of those in one sequence."""
    given = args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args
    return sum(given)


def cond(
    pred: bool | float | Tensor,
    true_fn: Callable[..., object],
    false_fn: Callable[..., object],
    operands: tuple[object, ...] | list[object] = (),
) -> object:
    """true_fn(*operands) if `pred`, a bool or a tensor of one, else false_fn(*operands).

    As written in Python: a captured function may not ask for the tensor's value, where() can.
    """
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"cond: pred must be a bool or a tensor of one, got {pred.shape}")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("cond: expected true_fn and false_fn to be callables")
    return true_fn(*operands) if pred else false_fn(*operands)
