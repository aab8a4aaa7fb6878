"""Operators of ONNX that move, choose and make elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from .. import _native
from .._native import Tensor
from ..nn import functional as F
from ._call import Call, Results, operator


@operator("Identity")
def _identity(call: Call, x: Tensor) -> Tensor:
    return x


@operator("Cast")
def _cast(call: Call, x: Tensor) -> Tensor:
    return x.to(call.dtype("to", _native.float32))


@operator("CastLike")
def _cast_like(call: Call, x: Tensor, like: Tensor) -> Tensor:
    return x.to(like.dtype)


# ---- sizes -------------------------------------------------------------------------------------


@operator("Shape")
def _shape(call: Call, x: Tensor) -> Tensor:
    end = call.number("end") if call.has("end") else None
    return _native.tensor(list(x.shape[call.number("start") : end]), dtype=_native.int64)


@operator("Size")
def _size(call: Call, x: Tensor) -> Tensor:
    return _native.tensor(x.numel(), dtype=_native.int64)


@operator("Reshape", settings=(1,))
def _reshape(call: Call, x: Tensor, shape: Tensor | None = None) -> Tensor:
    sizes = call.numbers("shape") if shape is None else call.sizes(1, shape)
    sizes = list(sizes or [])
    if not call.number("allowzero"):
        sizes = [x.shape[i] if n == 0 and i < x.dim() else n for i, n in enumerate(sizes)]
    return x.reshape(sizes)


@operator("Flatten")
def _flatten(call: Call, x: Tensor) -> Tensor:
    axis = call.number("axis", 1)
    axis += x.dim() if axis < 0 else 0
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@operator("Transpose")
def _transpose(call: Call, x: Tensor) -> Tensor:
    order = call.numbers("perm")
    return x.permute(list(range(x.dim()))[::-1] if order is None else order)


@operator("Squeeze", settings=(1,))
def _squeeze(call: Call, x: Tensor, given: Tensor | None = None) -> Tensor:
    axes = call.axes(1, given)
    if axes is None:
        return x.squeeze()
    for axis in axes:
        if x.shape[axis] != 1:
            raise ValueError(f"axis {axis} of {tuple(x.shape)} is not 1")
    return x.squeeze(tuple(axes))


@operator("Unsqueeze", settings=(1,))
def _unsqueeze(call: Call, x: Tensor, given: Tensor | None = None) -> Tensor:
    axes: list[int] = call.axes(1, given) or []
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


@operator("Expand", settings=(1,))
def _expand(call: Call, x: Tensor, shape: Tensor) -> Tensor:
    from .._functions import broadcast_shapes

    return x.expand(broadcast_shapes(tuple(x.shape), tuple(call.sizes(1, shape) or ())))


@operator("Tile", settings=(1,))
def _tile(call: Call, x: Tensor, repeats: Tensor) -> Tensor:
    return x.repeat(call.sizes(1, repeats) or [])


# ---- parts -------------------------------------------------------------------------------------


@operator("Concat")
def _concat(call: Call, *inputs: Tensor) -> Tensor:
    return _native.cat(list(inputs), call.number("axis"))


@operator("Split", settings=(1,))
def _split(call: Call, x: Tensor, given: Tensor | None = None) -> Results:
    sizes = call.numbers("split") if given is None else call.sizes(1, given)
    axis = call.number("axis")
    if sizes is None:
        each = -(-x.shape[axis] // len(call.node.outputs))
        return x.split(each, axis)
    return x.split(sizes, axis)


def _slice_axis(x: Tensor, axis: int, start: int, end: int, step: int) -> Tensor:
    """As a slice of Python's; backwards as well."""
    chosen = range(x.shape[axis])[start:end:step]
    if not chosen:
        return x.narrow(axis, 0, 0)
    low, high = min(chosen), max(chosen)
    part = [slice(None)] * (axis % x.dim())
    part.append(slice(low, high + 1, abs(step)))
    found = x[tuple(part)]
    return found.flip(axis) if step < 0 and len(chosen) > 1 else found


@operator("Slice", settings=(1, 2, 3, 4))
def _slice(
    call: Call,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    if starts is None:
        first, last = call.numbers("starts") or [], call.numbers("ends") or []
        dims, strides = call.numbers("axes"), None
    else:
        first, last = call.sizes(1, starts) or [], call.sizes(2, ends) or []
        dims, strides = call.sizes(3, axes), call.sizes(4, steps)
    dims = list(range(len(first))) if dims is None else dims
    strides = [1] * len(first) if strides is None else strides
    if not len(first) == len(last) == len(dims) == len(strides):
        raise ValueError("starts, ends, axes and steps have several lengths")
    for axis, start, end, step in zip(dims, first, last, strides, strict=True):
        x = _slice_axis(x, axis, start, end, step)
    return x


def _from_front(indices: Tensor, size: int) -> Tensor:
    """Indices that count from the end, too."""
    return indices.where(indices >= 0, indices + size)


@operator("Gather")
def _gather(call: Call, x: Tensor, indices: Tensor) -> Tensor:
    axis = call.number("axis") % max(x.dim(), 1)
    chosen = _from_front(indices, x.shape[axis])
    if axis == 0 and x.dim() == 2:
        return F.embedding(chosen, x)
    if indices.dim() == 1:
        return x.index_select(axis, chosen)
    found = x.index_select(axis, chosen.reshape(-1))
    return found.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


@operator("GatherElements")
def _gather_elements(call: Call, x: Tensor, indices: Tensor) -> Tensor:
    axis = call.number("axis")
    return x.gather(axis, _from_front(indices, x.shape[axis]).long())


@operator("GatherND")
def _gather_nd(call: Call, x: Tensor, indices: Tensor) -> Tensor:
    if call.number("batch_dims"):
        raise call.refuse("batch_dims")
    return x[tuple(indices.unbind(-1))]


_REDUCTIONS: dict[str, Literal["sum", "prod", "amax", "amin"]] = {
    "add": "sum", "mul": "prod", "max": "amax", "min": "amin"
}  # fmt: skip


@operator("ScatterElements", "Scatter")
def _scatter_elements(call: Call, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    axis, how = call.number("axis"), call.text("reduction", "none")
    indices = _from_front(indices, x.shape[axis]).long()
    if how == "none":
        return x.scatter(axis, indices, updates)
    if how not in _REDUCTIONS:
        raise call.refuse(f"reduction {how!r}")
    return x.scatter_reduce(axis, indices, updates, _REDUCTIONS[how])


@operator("ScatterND")
def _scatter_nd(call: Call, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    how = call.text("reduction", "none")
    if how not in ("none", "add"):
        raise call.refuse(f"reduction {how!r}")
    return x.index_put(tuple(indices.unbind(-1)), updates, accumulate=how == "add")


@operator("NonZero")
def _nonzero(call: Call, x: Tensor) -> Tensor:
    return x.nonzero().t()


@operator("Trilu", settings=(1,))
def _trilu(call: Call, x: Tensor, k: Tensor | None = None) -> Tensor:
    (diagonal,) = call.sizes(1, k) or [0]
    return x.triu(diagonal) if call.number("upper", 1) else x.tril(diagonal)


# ---- what is made ------------------------------------------------------------------------------


@operator("Constant")
def _constant(call: Call) -> Tensor:
    found = call.array("value")
    if found is not None:
        return found
    for name, dtype in (("value_int", _native.int64), ("value_float", _native.float32)):
        for key in (name, name + "s"):
            value = call.node.attributes.get(key)
            if isinstance(value, (int, float, list)):
                return _native.tensor(value, dtype=dtype)
    raise call.refuse(f"a constant of {', '.join(call.node.attributes) or 'nothing'}")


@operator("ConstantOfShape", settings=(0,))
def _constant_of_shape(call: Call, shape: Tensor) -> Tensor:
    value = call.array("value")
    value = _native.zeros(1) if value is None else value
    return value.reshape([]).expand(call.sizes(0, shape) or []).clone()


@operator("Range", settings=(0, 1, 2))
def _range(call: Call, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    parts = (start, limit, delta)
    ends = [
        _native._outside_capture(part.item) if call.static[i] else part.item()
        for i, part in enumerate(parts)
    ]
    return _native.arange(*ends, dtype=start.dtype)


@operator("OneHot", settings=(1, 2))
def _one_hot(call: Call, indices: Tensor, depth: Tensor, values: Tensor) -> Tensor:
    (count,) = call.sizes(1, depth) or [0]
    axis = call.number("axis", -1)
    axis = axis + indices.dim() + 1 if axis < 0 else axis
    sizes = [count if i == axis else 1 for i in range(indices.dim() + 1)]
    places = _native.arange(count, dtype=_native.int64).view(sizes)
    hit = _from_front(indices, count).unsqueeze(axis) == places
    return values[1].where(hit, values[0])


_PADS: dict[str, Literal["reflect", "replicate", "circular"]] = {
    "reflect": "reflect", "edge": "replicate", "wrap": "circular"
}  # fmt: skip


@operator("Pad", settings=(1, 2, 3))
def _pad(
    call: Call,
    x: Tensor,
    pads: Tensor | None = None,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    """Sizes before all dimensions and then behind all, where `pad` takes pairs from the last."""
    given = (call.numbers("pads") if pads is None else call.sizes(1, pads)) or []
    dims = list(range(x.dim())) if axes is None else (call.sizes(3, axes) or [])
    if len(given) != 2 * len(dims):
        raise ValueError(f"{len(given)} sizes for {len(dims)} dimensions")
    pairs: list[Sequence[int]] = [(0, 0)] * x.dim()
    for i, dim in enumerate(dims):
        pairs[dim] = (given[i], given[i + len(dims)])
    while pairs and tuple(pairs[0]) == (0, 0):
        pairs = pairs[1:]
    flat = [n for pair in reversed(pairs) for n in pair]
    mode = call.text("mode", "constant")
    if mode == "constant":
        fill = call.real("value")
        if value is not None:
            fill = _native._outside_capture(value.item)
        return F.pad(x, flat, value=fill) if flat else x
    if mode not in _PADS:
        raise call.refuse(f"mode {mode!r}")
    return F.pad(x, flat, mode=_PADS[mode]) if flat else x


@operator("DepthToSpace")
def _depth_to_space(call: Call, x: Tensor) -> Tensor:
    b = call.number("blocksize", 1)
    if call.text("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, b)
    n, c, h, w = x.shape
    parts = x.reshape(n, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2)
    return parts.reshape(n, c // (b * b), h * b, w * b)


@operator("SpaceToDepth")
def _space_to_depth(call: Call, x: Tensor) -> Tensor:
    b = call.number("blocksize", 1)
    if call.text("mode", "DCR") == "CRD":
        return F.pixel_unshuffle(x, b)
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4)
    return parts.reshape(n, c * b * b, h // b, w // b)
