"""PyTorch's names outside of `nn.functional` and `linalg` for what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NoReturn, TypeAlias

from . import _native, linalg
from ._composed import frombuffer
from ._native import Tensor
from ._out import written
from ._types import layout as _layout
from ._typing import Device, Dtype
from .autograd.grad_mode import no_grad
from .nn import functional
from .nn.functional import conv_tbc

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


# ---- methods -----------------------------------------------------------------------------------


def removed(name: str, instead: str) -> Callable[..., NoReturn]:
    """A function that PyTorch had until 1.9: a RuntimeError as there, with what there is."""

    def function(*args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError(
            f"{name}: This function was deprecated since version 1.9 and is now removed; there is "
            f"{instead}"
        )

    function.__name__ = function.__qualname__ = name
    return function


def _lu(self: Tensor, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """lu()."""
    return lu(self, pivot, get_infos)


def map2_(
    self: Tensor, x: Tensor, y: Tensor, callable: Callable[[float, float, float], float]
) -> Tensor:
    """Writes callable(a, b, c) of the elements of three tensors of one shape; slow."""
    rows = (t.flatten().tolist() for t in (self, x, y))
    values = [callable(*row) for row in zip(*rows, strict=True)]
    with no_grad():
        return self.copy_(_native.tensor(values, dtype=self.dtype).reshape(self.shape))


def module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What a module keeps when `other` is loaded into this tensor: a copy in its dtype, or `other`
    detached with `assign`."""
    if assign:
        return other.detach()
    return self.copy_(other).detach()


def new(self: Tensor, *args: object) -> Tensor:
    """A tensor of this dtype: of these sizes, not filled, or of these values."""
    if args and not isinstance(args[0], int):
        given = args[0]
        if isinstance(given, _native.Size):
            return self.new_empty(tuple(given))
        return given if isinstance(given, Tensor) else self.new_tensor(given)
    return self.new_empty(args if args else (0,))  # type: ignore[arg-type]


def resize(self: Tensor, *sizes: int) -> Tensor:
    """view(), with a warning."""
    _native._warn("non-inplace resize is deprecated", UserWarning)
    return self.contiguous().view(sizes)


def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """view_as(), with a warning."""
    return resize(self, *tensor.shape)


for _name, _function in (
    ("lu", _lu), ("map2_", map2_), ("module_load", module_load), ("new", new), ("resize", resize),
    ("resize_as", resize_as), ("lstsq", removed("lstsq", "linalg.lstsq")),
    ("solve", removed("solve", "linalg.solve")), ("symeig", removed("symeig", "linalg.eigh")),
    ("eig", removed("eig", "linalg.eigh, as eigenvalues of others are complex")),
):  # fmt: skip
    setattr(Tensor, _name, _function)
