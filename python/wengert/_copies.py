"""Copies where PyTorch's functions of that name copy, and other spellings of what is there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias, cast

from . import _native
from ._native import Tensor
from ._out import written
from ._types import contiguous_format
from ._types import layout as _layout
from ._types import memory_format as _memory_format
from ._typing import Device, Dtype

__all__ = [
    "alias_copy",
    "as_strided_copy",
    "conj_physical_",
    "detach",
    "detach_",
    "detach_copy",
    "diagonal_copy",
    "empty_permuted",
    "empty_strided",
    "expand_copy",
    "fill_",
    "frobenius_norm",
    "ger",
    "get_device",
    "is_same_size",
    "is_signed",
    "narrow_copy",
    "nonzero_static",
    "norm_except_dim",
    "nuclear_norm",
    "permute_copy",
    "resize_as_",
    "segment_reduce",
    "select_copy",
    "slice_copy",
    "split_copy",
    "split_with_sizes_copy",
    "squeeze_copy",
    "t_copy",
    "threshold_",
    "transpose_copy",
    "unbind_copy",
    "unfold_copy",
    "unsafe_chunk",
    "unsafe_split",
    "unsafe_split_with_sizes",
    "unsqueeze_copy",
    "view_copy",
    "zero_",
]
_Out: TypeAlias = Tensor | None


# ---- copies of views ---------------------------------------------------------------------------


def _copied(name: str, view: Tensor, out: _Out) -> Tensor:
    if out is None:
        return view.clone(memory_format=contiguous_format)
    return written(name, view, out)


def _all_copied(
    name: str, views: Sequence[Tensor], out: Sequence[Tensor] | None
) -> tuple[Tensor, ...]:
    if out is None:
        return tuple(view.clone(memory_format=contiguous_format) for view in views)
    if len(out) != len(views):
        raise RuntimeError(
            f"{name}() expected an out= argument of size {len(views)}, got size {len(out)}"
        )
    return written(name, tuple(views), out)


def alias_copy(input: Tensor, *, out: _Out = None) -> Tensor:
    """A copy of the input."""
    return _copied("alias_copy", input, out)


def as_strided_copy(
    input: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
    *,
    out: _Out = None,
) -> Tensor:
    """A copy of as_strided()."""
    return _copied("as_strided_copy", input.as_strided(size, stride, storage_offset), out)


def detach_copy(input: Tensor, *, out: _Out = None) -> Tensor:
    """A copy of detach()."""
    return _copied("detach_copy", input.detach(), out)


def diagonal_copy(
    input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1, *, out: _Out = None
) -> Tensor:
    """A copy of diagonal()."""
    return _copied("diagonal_copy", input.diagonal(offset, dim1, dim2), out)


def expand_copy(
    input: Tensor, size: Sequence[int], *, implicit: bool = False, out: _Out = None
) -> Tensor:
    """A copy of expand()."""
    return _copied("expand_copy", input.expand(size), out)


def narrow_copy(input: Tensor, dim: int, start: int, length: int, *, out: _Out = None) -> Tensor:
    """A copy of narrow()."""
    return _copied("narrow_copy", input.narrow(dim, start, length), out)


def permute_copy(input: Tensor, dims: Sequence[int], *, out: _Out = None) -> Tensor:
    """A copy of permute()."""
    return _copied("permute_copy", input.permute(dims), out)


def select_copy(input: Tensor, dim: int, index: int, *, out: _Out = None) -> Tensor:
    """A copy of select()."""
    return _copied("select_copy", input.select(dim, index), out)


def slice_copy(
    input: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
    *,
    out: _Out = None,
) -> Tensor:
    """A copy of input[start:end:step] along `dim`."""
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    if not -input.dim() <= dim < input.dim():
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-input.dim()}, "
            f"{input.dim() - 1}], but got {dim})"
        )
    places = (slice(None),) * (dim % input.dim()) + (slice(start, end, step),)
    return _copied("slice_copy", input[places], out)


def split_copy(
    input: Tensor, split_size: int, dim: int = 0, *, out: Sequence[Tensor] | None = None
) -> tuple[Tensor, ...]:
    """Copies of split(); `out` are as many tensors."""
    return _all_copied("split_copy", input.split(split_size, dim), out)


def split_with_sizes_copy(
    input: Tensor,
    split_sizes: Sequence[int],
    dim: int = 0,
    *,
    out: Sequence[Tensor] | None = None,
) -> tuple[Tensor, ...]:
    """Copies of split_with_sizes(); `out` are as many tensors."""
    return _all_copied("split_with_sizes_copy", input.split_with_sizes(split_sizes, dim), out)


def squeeze_copy(
    input: Tensor, dim: int | Sequence[int] | None = None, *, out: _Out = None
) -> Tensor:
    """A copy of squeeze()."""
    return _copied("squeeze_copy", input.squeeze() if dim is None else input.squeeze(dim), out)


def t_copy(input: Tensor, *, out: _Out = None) -> Tensor:
    """A copy of t()."""
    return _copied("t_copy", input.t(), out)


def transpose_copy(input: Tensor, dim0: int, dim1: int, *, out: _Out = None) -> Tensor:
    """A copy of transpose()."""
    return _copied("transpose_copy", input.transpose(dim0, dim1), out)


def unbind_copy(
    input: Tensor, dim: int = 0, *, out: Sequence[Tensor] | None = None
) -> tuple[Tensor, ...]:
    """Copies of unbind(); `out` are as many tensors."""
    return _all_copied("unbind_copy", input.unbind(dim), out)


def unfold_copy(input: Tensor, dimension: int, size: int, step: int, *, out: _Out = None) -> Tensor:
    """A copy of Tensor.unfold()."""
    return _copied("unfold_copy", input.unfold(dimension, size, step), out)


def unsqueeze_copy(input: Tensor, dim: int, *, out: _Out = None) -> Tensor:
    """A copy of unsqueeze()."""
    return _copied("unsqueeze_copy", input.unsqueeze(dim), out)


def view_copy(input: Tensor, size: Sequence[int] | Dtype, *, out: _Out = None) -> Tensor:
    """A copy of view(), of a tensor with any strides."""
    if size is None or isinstance(size, _native.dtype):
        return _copied("view_copy", input.view(cast("_native.dtype", size)), out)
    return _copied("view_copy", input.reshape(size), out)


# ---- parts that may be changed in place --------------------------------------------------------


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """chunk(): views, which here may be changed in place where that of chunk() may."""
    return tuple(input.chunk(chunks, dim))


def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """split() into parts of one size."""
    return tuple(input.split(split_size, dim))


def unsafe_split_with_sizes(
    input: Tensor, split_sizes: Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """split_with_sizes()."""
    return tuple(input.split_with_sizes(split_sizes, dim))


# ---- memory ------------------------------------------------------------------------------------


def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: Dtype = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of this size and these strides, on memory of its own, its values not specified.

    RuntimeError for negative sizes or strides.
    """
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(
            "mismatch in length of strides and shape: dimensionality of sizes "
            f"({len(size)}) must match dimensionality of strides ({len(stride)})"
        )
    if any(n < 0 for n in size) or any(s < 0 for s in stride):
        raise RuntimeError(
            f"empty_strided: sizes and strides must not be negative, got {size} and {stride}"
        )
    count = 0 if 0 in size else 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    memory = _native.empty(count, dtype=dtype, layout=layout, device=device, pin_memory=pin_memory)
    return memory.as_strided(size, stride).detach().requires_grad_(requires_grad)


def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: Dtype = None,
    layout: _layout | None = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A dense tensor whose dimensions lie in memory in the order `physical_layout`.

    Its values are not specified. RuntimeError if that is no order of the dimensions.
    """
    size, order = tuple(size), tuple(physical_layout)
    if sorted(order) != list(range(len(size))):
        raise RuntimeError(
            f"empty_permuted: physical_layout must be an order of the {len(size)} dimensions, got "
            f"{order}"
        )
    strides, step = [0] * len(size), 1
    for d in reversed(order):
        strides[d] = step
        step *= max(size[d], 1)
    return empty_strided(
        size,
        strides,
        dtype=dtype,
        layout=layout,
        device=device,
        requires_grad=requires_grad,
        pin_memory=pin_memory,
    )


def _new_empty_strided(
    self: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
    layout: _layout | None = None,
    pin_memory: bool = False,
) -> Tensor:
    """empty_strided(), of this tensor's dtype unless another is given."""
    return empty_strided(
        size,
        stride,
        dtype=self.dtype if dtype is None else dtype,
        layout=layout,
        device=device,
        requires_grad=requires_grad,
        pin_memory=pin_memory,
    )


# ---- other spellings ---------------------------------------------------------------------------


def detach(input: Tensor) -> Tensor:
    """Tensor.detach()."""
    return input.detach()


def detach_(input: Tensor) -> Tensor:
    """Tensor.detach_()."""
    return input.detach_()


def fill_(input: Tensor, value: float | Tensor) -> Tensor:
    """Tensor.fill_()."""
    return input.fill_(value)


def zero_(input: Tensor) -> Tensor:
    """Tensor.zero_()."""
    return input.zero_()


def conj_physical_(input: Tensor) -> Tensor:
    """The input: there are no complex dtypes."""
    return input.conj_physical_()


def resize_as_(
    input: Tensor, the_template: Tensor, *, memory_format: _memory_format | None = None
) -> Tensor:
    """Tensor.resize_as_()."""
    return input.resize_as_(the_template, memory_format)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """nn.functional.threshold() in place."""
    return _native.functional.threshold_(input, threshold, value)


def get_device(input: Tensor) -> int:
    """-1: the CPU."""
    return input.get_device()


def is_signed(input: Tensor) -> bool:
    """Whether the dtype has numbers below zero."""
    return input.is_signed()


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return tuple(input.shape) == tuple(other.shape)


def ger(input: Tensor, vec2: Tensor, *, out: _Out = None) -> Tensor:
    """outer()."""
    return input.outer(vec2) if out is None else written("ger", input.outer(vec2), out)


def frobenius_norm(
    input: Tensor, dim: int | Sequence[int], keepdim: bool = False, *, out: _Out = None
) -> Tensor:
    """The 2-norm of all elements along one or two dimensions."""
    dims = [dim] if isinstance(dim, int) else list(dim)
    if len(dims) > 2:
        raise RuntimeError(f"frobenius_norm: expected at most 2 dimensions, but got {len(dims)}")
    return written("frobenius_norm", input.norm("fro", dims or None, keepdim), out)


def nuclear_norm(
    input: Tensor,
    dim: Sequence[int] | bool | None = None,
    keepdim: bool = False,
    *,
    out: _Out = None,
) -> Tensor:
    """The sum of the singular values of matrices, along two dimensions.

    A bool in the place of `dim` is `keepdim`, as in PyTorch.
    """
    if isinstance(dim, bool):
        return written("nuclear_norm", input.norm("nuc", None, dim), out)
    return written("nuclear_norm", input.norm("nuc", dim, keepdim), out)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norms over all dimensions but `dim`, which are kept with size 1; over all for -1."""
    if dim == -1:
        return v.norm(pow)
    return v.norm(pow, [d for d in range(v.dim()) if d != dim % v.dim()], keepdim=True)


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1, out: _Out = None) -> Tensor:
    """The first `size` rows of nonzero(), rows of `fill_value` where it has less.

    int64 of shape (size, dimensions of the input).
    """
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found = input.nonzero()[:size]
    rest = found.new_full((size - found.shape[0], input.dim()), fill_value)
    return written("nonzero_static", _native.cat([found, rest]), out)


_How: TypeAlias = Literal["sum", "mean", "amax", "amin", "prod"]
_REDUCED: dict[str, tuple[_How, float]] = {
    "sum": ("sum", 0.0),
    "mean": ("mean", math.nan),
    "max": ("amax", -math.inf),
    "min": ("amin", math.inf),
    "prod": ("prod", 1.0),
}


def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
    out: _Out = None,
) -> Tensor:
    """The sum, mean, max, min or prod of each segment of dimension 0.

    `lengths` (segments,) say how many elements each has, or `offsets` (segments + 1,) where each
    begins; for data of more dimensions too. An empty segment gives `initial`, or what the
    reduction starts from. RuntimeError for other arguments, unless `unsafe` for lengths that do not
    add up.
    """
    if reduce not in _REDUCED:
        raise RuntimeError(
            f"reduce argument must be either sum, mean, max, min or prod; got {reduce}"
        )
    if indices is not None or axis != 0:
        raise RuntimeError("segment_reduce(): `indices` and an axis other than 0 are not supported")
    if offsets is not None:
        lengths = offsets.diff()
    if lengths is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined")
    if lengths.dim() != 1:
        raise RuntimeError(f"segment_reduce(): expected 1-d lengths, got {lengths.dim()} dims")
    count = lengths.shape[0]
    if not unsafe and (bool((lengths < 0).any()) or int(lengths.sum()) != data.shape[0]):
        raise RuntimeError(
            "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(axis) "
            f"when !unsafe; got {lengths.tolist()} for {data.shape[0]}"
        )
    how, neutral = _REDUCED[reduce]
    start = neutral if initial is None else float(initial)
    place = _native.arange(count).repeat_interleave(lengths.long())
    index = place.reshape((-1,) + (1,) * (data.dim() - 1)).expand(data.shape)
    shape = (count, *data.shape[1:])
    if reduce != "mean":
        begun = data.new_full(shape, start)
        return written("segment_reduce", begun.scatter_reduce(0, index, data, how), out)
    sums = data.new_full(shape, 0.0 if initial is None else start)
    sums = sums.scatter_reduce(0, index, data, "sum")
    sizes = lengths.to(data.dtype).reshape((-1,) + (1,) * (data.dim() - 1))
    empty = data.new_full((), math.nan if initial is None else start)
    return written("segment_reduce", _native.where(sizes > 0, sums / sizes, empty), out)


def _divided(self: Tensor, other: float | Tensor) -> Tensor:
    """other / self: Python 2's name, which PyTorch still has."""
    return other / self


for _name, _method in (
    ("__rdiv__", _divided),
    ("ger", ger),
    ("new_empty_strided", _new_empty_strided),
    ("nonzero_static", nonzero_static),
    ("unsafe_chunk", unsafe_chunk),
    ("unsafe_split", unsafe_split),
    ("unsafe_split_with_sizes", unsafe_split_with_sizes),
):
    setattr(Tensor, _name, _method)
