"""The manipulation and indexing functions of the array API standard."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _functions, _native
from .._native import Tensor
from ._kinds import axes_of, expect, promoted

__all__ = [
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "concat",
    "expand_dims",
    "flip",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "repeat",
    "reshape",
    "roll",
    "squeeze",
    "stack",
    "take",
    "take_along_axis",
    "tile",
    "unstack",
]


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that shapes broadcast to. ValueError if they do not."""
    try:
        return tuple(_functions.broadcast_shapes(*shapes))
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def broadcast_to(x: Tensor, /, shape: tuple[int, ...]) -> Tensor:
    """A view of `x` in a shape that it broadcasts to. ValueError if it does not."""
    expect("broadcast_to", x)
    target = tuple(shape)
    if broadcast_shapes(tuple(x.shape), target) != target:
        raise ValueError(f"broadcast_to: {tuple(x.shape)} does not broadcast to {target}")
    return x.expand(target)


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """The arrays in the shape that they broadcast to, as views."""
    expect("broadcast_arrays", *arrays)
    shape = broadcast_shapes(*(tuple(x.shape) for x in arrays))
    return [x.expand(shape) for x in arrays]


def _several(name: str, arrays: Sequence[Tensor]) -> list[Tensor]:
    found = list(arrays)
    if not found:
        raise ValueError(f"{name}: at least one array is expected")
    expect(name, *found)
    return list(promoted(name, *found))


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """The arrays one after another along an axis; without one (None) all of them flat."""
    found = _several("concat", arrays)
    if axis is None:
        return _native.cat([x.reshape(-1) for x in found], 0)
    (axis,) = axes_of("concat", found[0].dim(), axis)
    for x in found[1:]:  # PyTorch lets an empty vector join arrays of any shape
        if x.dim() != found[0].dim():
            raise ValueError("concat: the arrays differ in their number of dimensions")
    return _native.cat(found, axis)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """The arrays, of one shape, along a new axis."""
    return _native.stack(_several("stack", arrays), axis)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of `x` along an axis, which they lack."""
    expect("unstack", x)
    (axis,) = axes_of("unstack", x.dim(), axis)
    return tuple(x.unbind(axis))


def expand_dims(x: Tensor, /, axis: int | tuple[int, ...] = 0) -> Tensor:
    """`x` with a new axis of size 1, or several, at those places. IndexError for another place."""
    expect("expand_dims", x)
    places = axis if isinstance(axis, (tuple, list)) else (axis,)
    for place in sorted(axes_of("expand_dims", x.dim() + len(places), tuple(places))):
        x = x.unsqueeze(place)
    return x


def squeeze(x: Tensor, /, axis: int | tuple[int, ...]) -> Tensor:
    """`x` without those axes. ValueError if one's size is not 1."""
    expect("squeeze", x)
    axes = axes_of("squeeze", x.dim(), axis)
    wrong = [a for a in axes if x.shape[a] != 1]
    if wrong:
        raise ValueError(f"squeeze: axis {wrong[0]} of {tuple(x.shape)} has not size 1")
    return x.squeeze(axes) if axes else x


def flip(x: Tensor, /, *, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """`x` backwards along those axes, all by default."""
    expect("flip", x)
    return x.flip(axes_of("flip", x.dim(), axis))


def moveaxis(
    x: Tensor, source: int | tuple[int, ...], destination: int | tuple[int, ...], /
) -> Tensor:
    """`x` with axes moved to other places; the others keep their order."""
    expect("moveaxis", x)
    return x.movedim(source, destination)


def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """`x` with its axes in that order."""
    expect("permute_dims", x)
    return x.permute(tuple(axes))


def matrix_transpose(x: Tensor, /) -> Tensor:
    """`x` with its last two axes exchanged. ValueError if there are fewer."""
    expect("matrix_transpose", x)
    if x.dim() < 2:
        raise ValueError(f"matrix_transpose: at least 2 dimensions are expected, got {x.dim()}")
    return x.mT


def repeat(x: Tensor, repeats: int | Tensor, /, *, axis: int | None = None) -> Tensor:
    """Each element of an axis so many times; without an axis (None) of the flat array.

    `repeats` is one number, or an array with one for each element.
    """
    expect("repeat", x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    if isinstance(repeats, Tensor):
        repeats = repeats.long().expand(x.shape[axis]) if repeats.numel() == 1 else repeats.long()
    return _native.repeat_interleave(x, repeats, axis)


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """`x` in another shape: a view where possible, with `copy=True` never.

    ValueError if `copy` is False and it has to be copied.
    """
    expect("reshape", x)
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if copy is False:
        try:
            return x.view(sizes)
        except RuntimeError as error:
            raise ValueError(f"reshape: copy=False, but {error}") from None
    result = x.reshape(sizes)
    return result.clone() if copy and result.data_ptr() == x.data_ptr() else result


def roll(
    x: Tensor, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None
) -> Tensor:
    """`x` moved along axes, what leaves at the end coming in at the front; flat without an axis.

    One shift serves several axes.
    """
    expect("roll", x)
    if axis is None:
        return x.reshape(-1).roll(shift, 0).reshape(x.shape)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = shift if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    if len(axes) == 1:
        axes *= len(shifts)
    return x.roll(tuple(shifts), tuple(axes))


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """`x` so many times along each axis."""
    expect("tile", x)
    return x.tile(tuple(repetitions))


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """The elements of an axis at `indices`, negative ones from the end.

    `axis` may be left out of an array with one. The axes of `indices` stand in its place.
    """
    expect("take", x, indices)
    if axis is None:
        if x.dim() != 1:
            raise ValueError(f"take: axis is required for an array of {x.dim()} dimensions")
        axis = 0
    (axis,) = axes_of("take", x.dim(), axis)
    flat = indices.reshape(-1).long()
    flat = _native.where(flat < 0, flat + x.shape[axis], flat)
    result = x.index_select(axis, flat)
    if indices.dim() == 1:
        return result
    return result.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """The elements of an axis at `indices`, which has the axes of `x`; the others broadcast."""
    expect("take_along_axis", x, indices)
    return _native.take_along_dim(x, indices.long(), axis)
