"""PyTorch's names outside of `nn.functional` and `linalg` for what is there."""

from __future__ import annotations

from typing import Literal, TypeAlias

from . import _native, linalg
from ._composed import frombuffer
from ._native import Tensor
from ._out import written
from ._types import layout as _layout
from ._typing import Device, Dtype
from .nn import functional

__all__ = [
    "binary_cross_entropy_with_logits",
    "conv_tbc",
    "cosine_embedding_loss",
    "from_file",
    "hinge_embedding_loss",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "kl_div",
    "lu",
    "margin_ranking_loss",
    "poisson_nll_loss",
    "set_anomaly_enabled",
    "triplet_margin_loss",
]


_Reduction: TypeAlias = Literal["none", "mean", "sum"]


def _reduction(number: int) -> _Reduction:
    """The name of 0, 1 or 2, which these functions take in its place."""
    names: tuple[_Reduction, ...] = ("none", "mean", "sum")
    if not isinstance(number, int) or not 0 <= number < len(names):
        raise ValueError(f"reduction must be 0 (none), 1 (mean) or 2 (sum) here, got {number!r}")
    return names[number]


# ---- losses ------------------------------------------------------------------------------------


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 1,
) -> Tensor:
    """nn.functional's, with a number for the reduction: 0 none, 1 mean, 2 sum."""
    return functional.binary_cross_entropy_with_logits(
        input, target, weight, reduction=_reduction(reduction), pos_weight=pos_weight
    )


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 1
) -> Tensor:
    """nn.functional's, with a number for the reduction: 0 none, 1 mean, 2 sum."""
    return functional.cosine_embedding_loss(
        input1, input2, target, margin, reduction=_reduction(reduction)
    )


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 1
) -> Tensor:
    """nn.functional's, with a number for the reduction: 0 none, 1 mean, 2 sum."""
    return functional.hinge_embedding_loss(input, target, margin, reduction=_reduction(reduction))


def kl_div(
    input: Tensor, target: Tensor, reduction: int = 1, *, log_target: bool = False
) -> Tensor:
    """nn.functional's, with a number for the reduction: 0 none, 1 mean, 2 sum."""
    return functional.kl_div(input, target, reduction=_reduction(reduction), log_target=log_target)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 1
) -> Tensor:
    """nn.functional's, with a number for the reduction: 0 none, 1 mean, 2 sum."""
    return functional.margin_ranking_loss(
        input1, input2, target, margin, reduction=_reduction(reduction)
    )


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int
) -> Tensor:
    """nn.functional's, with a number for the reduction: 0 none, 1 mean, 2 sum."""
    return functional.poisson_nll_loss(
        input, target, log_input, full, eps=eps, reduction=_reduction(reduction)
    )


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-06,
    swap: bool = False,
    reduction: int = 1,
) -> Tensor:
    """nn.functional's, with a number for the reduction: 0 none, 1 mean, 2 sum."""
    return functional.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=_reduction(reduction)
    )


# ---- the rest ----------------------------------------------------------------------------------


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """conv1d of sequences (time, batch, channels) with a weight (time, in, out)."""
    if input.dim() != 3 or weight.dim() != 3 or bias.dim() != 1:
        raise RuntimeError(
            "conv_tbc: input and weight must have 3 dims, bias 1; got "
            f"{input.dim()}, {weight.dim()} and {bias.dim()}"
        )
    channels_second = input.permute(1, 2, 0)  # (batch, channels, time)
    y = functional.conv1d(channels_second, weight.permute(2, 1, 0), bias, padding=pad)
    return y.permute(2, 0, 1)


def lu(
    A: Tensor, pivot: bool = True, get_infos: bool = False, *, out: tuple[Tensor, ...] | None = None
) -> tuple[Tensor, ...]:
    """(LU, pivots) of linalg.lu_factor(); with `get_infos` (LU, pivots, info), raising nothing."""
    if get_infos:
        found = tuple(linalg.lu_factor_ex(A, pivot=pivot))
    else:
        found = tuple(linalg.lu_factor(A, pivot=pivot))
    return written("lu", found, out)


def from_file(
    filename: str,
    shared: bool = False,
    size: int = 0,
    *,
    dtype: Dtype = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The first `size` elements of a file, of the default dtype unless one is given.

    `shared` maps the file, so that what is written to the tensor is written to the file, which
    becomes as long as it must; else the tensor has a copy. OSError if the file is not there or,
    not shared, too short.
    """
    like = _native.empty(0, dtype=dtype, layout=layout, device=device, pin_memory=pin_memory)
    found = like if size == 0 else _mapped(filename, shared, size, like)
    return found.requires_grad_(requires_grad)


def _mapped(filename: str, shared: bool, size: int, like: Tensor) -> Tensor:
    import mmap  # here, as importing the package should not pay for it

    count = size * like.element_size()
    with open(filename, "r+b" if shared else "rb") as file:
        length = file.seek(0, 2)
        if shared:
            if length < count:
                file.truncate(count)
            memory: object = mmap.mmap(file.fileno(), count)
        elif length < count:
            raise OSError(f"from_file: {filename} has {length} bytes, {count} are asked for")
        else:
            file.seek(0)
            memory = bytearray(file.read(count))
    return frombuffer(memory, dtype=like.dtype, count=size)


def is_anomaly_enabled() -> bool:
    """Whether autograd.set_detect_anomaly() has been switched on."""
    return _native._anomaly()[0]


def is_anomaly_check_nan_enabled() -> bool:
    """Whether it looks for NaN too."""
    return _native._anomaly()[1]


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """autograd.set_detect_anomaly()."""
    _native._set_anomaly(bool(enabled), bool(check_nan))


def _is_nonzero(self: Tensor) -> bool:
    """Whether the one element is not 0."""
    return bool(self)


def _polygamma_(self: Tensor, n: int) -> Tensor:
    """polygamma(n, self) in place."""
    return self.copy_(self.polygamma(n))


def _to_dense(self: Tensor, dtype: Dtype = None, *, masked_grad: bool = True) -> Tensor:
    """The tensor, in this dtype: all are dense."""
    return self if dtype is None else self.to(dtype)


for _name, _method in (
    ("const_data_ptr", lambda self: self.data_ptr()),
    ("dense_dim", lambda self: self.dim()),
    ("is_distributed", lambda self: False),
    ("is_nonzero", _is_nonzero),
    ("polygamma_", _polygamma_),
    ("sparse_dim", lambda self: 0),
    ("to_dense", _to_dense),
):
    setattr(Tensor, _name, _method)
for _name in ("is_ipu", "is_maia", "is_mkldnn", "is_mtia", "is_sparse_csr", "is_vulkan", "is_xla"):
    setattr(Tensor, _name, False)
