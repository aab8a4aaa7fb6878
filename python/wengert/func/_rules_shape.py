"""Rules of views and what puts tensors together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from ._batched import RULES, Call, Tensor, Unruled, by_name, method
from ._rules import aligned, place, places


def ints(args: tuple[object, ...]) -> tuple[int, ...]:
    """Numbers that are given one by one or as one sequence."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = tuple(args[0])
    if any(type(x) is not int for x in args):
        raise Unruled
    return cast("tuple[int, ...]", args)


def reshape(c: Call, input: object, *shape: object, **kwargs: object) -> object:
    """The same in front of another shape."""
    if "shape" in kwargs:
        shape = (kwargs["shape"],)
    wanted = list(ints(shape))
    if not c.level.size or wanted.count(-1) > 1:
        raise Unruled
    if -1 in wanted:
        known, total = 1, cast("Tensor", input).numel()
        for n in wanted:
            known *= 1 if n == -1 else n
        if known == 0 or total % known:
            raise RuntimeError(f"shape '{wanted}' is invalid for input of size {total}")
        wanted[wanted.index(-1)] = total // known
    name = "view" if c.function.__name__ == "view" else "reshape"
    return c.batched(method(name, c.value(input), (c.level.size, *wanted)))


def like(c: Call, input: object, other: object) -> object:
    """view_as, reshape_as and expand_as: the other tensor's shape, without its values."""
    name = c.function.__name__.removesuffix("_as")
    return method(name, input, tuple(cast("Tensor", other).shape))


def expand(c: Call, input: object, *size: object, **kwargs: object) -> object:
    """New dimensions stand behind the hidden one."""
    wanted = ints((kwargs["size"],) if "size" in kwargs else size)
    value = cast("Tensor", aligned(c, input, len(wanted)))
    if c.rank(input) > len(wanted):
        raise Unruled
    return c.batched(method("expand", value, (c.level.size, *wanted)))


def repeat(c: Call, input: object, *repeats: object, **kwargs: object) -> object:
    """As expand, with copies."""
    wanted = ints((kwargs["repeats"],) if "repeats" in kwargs else repeats)
    if len(wanted) < c.rank(input):
        raise Unruled
    return c.batched(method("repeat", aligned(c, input, len(wanted)), (1, *wanted)))


def moved(c: Call, input: object, *dims: object, **kwargs: object) -> object:
    """transpose, movedim, flip: every argument is a dimension, or several."""
    if kwargs or not dims:
        raise Unruled
    rank = c.rank(input)
    return c.batched(c.again(c.value(input), *(places(d, rank) for d in dims)))


def swapped(c: Call, input: object, dim0: object, dim1: object) -> object:
    """transpose and its other names."""
    rank = c.rank(input)
    if rank == 0:
        raise Unruled
    return c.batched(method("transpose", c.value(input), place(dim0, rank), place(dim1, rank)))


def permute(c: Call, input: object, *dims: object, **kwargs: object) -> object:
    """The hidden dimension stays in front."""
    order = ints((kwargs["dims"],) if "dims" in kwargs else dims)
    rank = c.rank(input)
    where = tuple(place(d, rank) for d in order)
    return c.batched(method("permute", c.value(input), (0, *where)))


def last_two(c: Call, input: object) -> object:
    """T, mT and t: dimensions from behind."""
    rank = c.rank(input)
    if c.function.__name__ in ("t", "T"):
        if rank > 2:
            raise Unruled
        return c.batched(method("transpose", c.value(input), 1, 2)) if rank == 2 else input
    if rank < 2:
        raise RuntimeError(f"tensor.{c.function.__name__} needs 2 dimensions or more, got {rank}")
    return c.batched(method("transpose", c.value(input), -2, -1))


def unsqueeze(c: Call, input: object, dim: object) -> object:
    """A dimension of 1."""
    return c.batched(method("unsqueeze", c.value(input), place(dim, c.rank(input) + 1)))


def squeeze(c: Call, input: object, dim: object = None) -> object:
    """Without dimensions of 1, but not the hidden one."""
    shape = cast("Tensor", input).shape
    rank = len(shape)
    if rank == 0:
        return input
    if dim is None:
        where = tuple(i + 1 for i, n in enumerate(shape) if n == 1)
        return c.batched(method("squeeze", c.value(input), where)) if where else input
    return c.batched(method("squeeze", c.value(input), places(dim, rank)))


def flatten(c: Call, input: object, start_dim: int = 0, end_dim: int = -1) -> object:
    """Dimensions of the slices."""
    rank = c.rank(input)
    if rank == 0:
        return c.batched(c.value(input).unsqueeze(1))
    start, end = place(start_dim, rank), place(end_dim, rank)
    return c.batched(method("flatten", c.value(input), start, end))


def ravel(c: Call, input: object) -> object:
    """All dimensions."""
    return flatten(c, input)


def first_dim(*names: str) -> Callable[..., object]:
    """A function of (input, dim, ...), or with the dimension called so at another place."""

    def rule(c: Call, input: object, *args: object, **kwargs: object) -> object:
        own, rank = dict(zip(names, args, strict=False)), c.rank(input)
        own.update(kwargs)
        if len(args) > len(names) or rank == 0:
            raise Unruled
        if any(c.is_mine(x) for x in own.values()):
            raise Unruled
        own["dim"] = place(own.get("dim", 0), rank)
        return c.batched(c.again(c.value(input), **own))

    return rule


def split(c: Call, tensor: object, split_size_or_sections: object, dim: int = 0) -> object:
    """Views along a dimension."""
    if c.rank(tensor) == 0:
        raise Unruled
    where = place(dim, c.rank(tensor))
    return c.batched(c.again(c.value(tensor), split_size_or_sections, where))


def flip(c: Call, input: object, *dims: object) -> object:
    """From the other end."""
    rank = c.rank(input)
    return c.batched(c.again(c.value(input), tuple(place(d, rank) for d in ints(dims))))


def roll(c: Call, input: object, shifts: object, dims: object = None) -> object:
    """Along dimensions; without them the loop."""
    if dims is None or dims == () or c.rank(input) == 0:
        raise Unruled
    return c.batched(c.again(c.value(input), shifts, places(dims, c.rank(input))))


def corner(c: Call, input: object, diagonal: int = 0) -> object:
    """tril and triu, of the last two dimensions."""
    if c.rank(input) < 2:
        raise Unruled
    return c.batched(c.again(c.value(input), diagonal))


def embedded(c: Call, input: object, offset: int = 0) -> object:
    """diag_embed with its matrix in the last two dimensions."""
    if c.rank(input) == 0:
        raise Unruled
    return c.batched(c.again(c.value(input), offset))


def diagonal(c: Call, input: object, offset: int = 0, dim1: int = 0, dim2: int = 1) -> object:
    """The diagonal becomes the last dimension."""
    rank = c.rank(input)
    where = place(dim1, rank), place(dim2, rank)
    return c.batched(method("diagonal", c.value(input), offset, *where))


def cat(c: Call, tensors: object, dim: int = 0, *, axis: int | None = None) -> object:
    """Side by side; what is the same for all slices is repeated."""
    given = cast("Sequence[Tensor]", tensors)
    dim = dim if axis is None else axis
    if any(x.dim() == 0 for x in given) or len({x.dim() for x in given}) > 1:
        raise Unruled
    return c.batched(by_name("cat", [c.full(x) for x in given], place(dim, given[0].dim())))


def stack(c: Call, tensors: object, dim: int = 0) -> object:
    """Along a new dimension."""
    given = cast("Sequence[Tensor]", tensors)
    return c.batched(by_name("stack", [c.full(x) for x in given], place(dim, given[0].dim() + 1)))


def hstack(c: Call, tensors: object) -> object:
    """Along the second dimension, or the only one."""
    given = cast("Sequence[Tensor]", tensors)
    return cat(c, given, 0 if given[0].dim() == 1 else 1)


def vstack(c: Call, tensors: object) -> object:
    """Along the first dimension, of vectors a new one."""
    given = cast("Sequence[Tensor]", tensors)
    return stack(c, given) if all(x.dim() == 1 for x in given) else cat(c, given)


def gather(c: Call, input: object, dim: object, index: object) -> object:
    """Values of each slice."""
    rank = c.rank(input)
    if rank == 0 or c.rank(index) != rank:
        raise Unruled
    return c.batched(by_name("gather", c.full(input), place(dim, rank), c.full(index)))


def scattered(c: Call, input: object, dim: object, index: object, src: object = None,
              *args: object, **kwargs: object) -> object:  # fmt: skip
    """Values into each slice."""
    rank = c.rank(input)
    src = kwargs.pop("value", src)
    if rank == 0 or c.rank(index) != rank or src is None:
        raise Unruled
    if isinstance(src, Tensor):
        if src.dim() != rank:
            raise Unruled
        src = c.full(src)
    return c.batched(c.again(c.full(input), place(dim, rank), c.full(index), src, *args, **kwargs))


def index_select(c: Call, input: object, dim: object, index: object) -> object:
    """Whole rows; those of each slice by gather."""
    rank = c.rank(input)
    if rank == 0 or c.rank(index) != 1:
        raise Unruled
    where = place(dim, rank)
    if not c.is_mine(index):
        return c.batched(by_name("index_select", c.value(input), where, index))
    shape = [c.level.size, *cast("Tensor", input).shape]
    shape[where] = cast("Tensor", index).shape[0]
    view = [1] * (rank + 1)
    view[0], view[where] = c.level.size, shape[where]
    rows = method("expand", method("reshape", c.value(index), view), shape)
    return c.batched(by_name("gather", c.full(input), where, rows))


def copy_(c: Call, input: object, src: object, non_blocking: bool = False) -> object:
    """The elements of another tensor, broadcast."""
    if not c.is_mine(input):
        raise RuntimeError(
            "vmap: copy_ would write a value for each slice into a tensor that is the same for all"
        )
    if c.rank(src) > c.rank(input):
        raise Unruled
    method("copy_", c.value(input), aligned(c, src, c.rank(input)))
    return input


def fill_(c: Call, input: object, value: object) -> object:
    """One number for each slice."""
    if isinstance(value, Tensor):
        return copy_(c, input, value)
    method("fill_", c.value(input), value)
    return input


def zero_(c: Call, input: object) -> object:
    """Zeros."""
    method("zero_", c.value(input))
    return input


def strided(c: Call, *args: object, **kwargs: object) -> object:
    """What reads memory by itself does not know where a slice is."""
    raise RuntimeError(f"vmap: {c.function.__name__} is not supported")


def new(c: Call, input: object, *size: object, **kwargs: object) -> object:
    """A tensor for each slice, of the dtype of the input unless one is given."""
    name = c.function.__name__
    first = size[0] if name == "new_full" else size
    rest = size[1:] if name == "new_full" else ()
    shape = ints((kwargs.pop("size"),) if "size" in kwargs else
                 (first,) if name == "new_full" else size)  # fmt: skip
    if any(c.is_mine(x) for x in (*rest, *kwargs.values())):
        raise Unruled
    return c.batched(method(name, c.value(input), (c.level.size, *shape), *rest, **kwargs))


RULES.update(dict.fromkeys(("as_strided", "as_strided_", "as_strided_scatter"), strided))
RULES.update(dict.fromkeys(("reshape", "view"), reshape))
RULES.update(dict.fromkeys(("view_as", "reshape_as", "expand_as"), like))
RULES.update(dict.fromkeys(("transpose", "swapaxes", "swapdims"), swapped))
RULES.update(dict.fromkeys(("movedim", "moveaxis"), moved))
RULES.update(dict.fromkeys(("t", "T", "mT", "H", "mH", "adjoint"), last_two))
RULES.update(dict.fromkeys(("cat", "concat", "concatenate"), cat))
RULES.update(dict.fromkeys(("scatter", "scatter_add", "scatter_reduce"), scattered))
RULES.update(dict.fromkeys(("tril", "triu"), corner))
RULES.update(dict.fromkeys(("vstack", "row_stack"), vstack))
RULES.update(hstack=hstack, diag_embed=embedded)
RULES.update(dict.fromkeys(("new_zeros", "new_ones", "new_empty", "new_full"), new))
RULES.update(expand=expand, repeat=repeat, permute=permute, unsqueeze=unsqueeze, squeeze=squeeze,
             flatten=flatten, ravel=ravel, split=split, flip=flip, roll=roll, diagonal=diagonal,
             stack=stack, gather=gather, index_select=index_select, copy_=copy_, fill_=fill_,
             zero_=zero_)  # fmt: skip
RULES.update(
    select=first_dim("dim", "index"),
    narrow=first_dim("dim", "start", "length"),
    chunk=first_dim("chunks", "dim"),
)
