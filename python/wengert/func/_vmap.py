"""`vmap`: a function of one tensor as one of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

from .. import _native, _pytree
from .._common import typename
from .._typing import UserFunction
from . import _draws, _rules_index, _rules_nn, _rules_shape, _user_functions  # noqa: F401  they register
from ._arguments import named_after, wraps
from ._batched import Batched, Tensor, Vmap, active, by_name, method, standing_in

Dims: TypeAlias = "int | tuple[object, ...] | None"


def _in_places(
    func: UserFunction, in_dims: object, args: tuple[object, ...]
) -> tuple[list[object], list[int | None], _pytree.TreeSpec]:
    """(the ends of the arguments, the dimension of each or None, the containers)."""
    about = f"vmap({named_after(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)) or isinstance(in_dims, bool):
        raise ValueError(
            f"{about}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(f"{about}: got no inputs. The function needs one to be mapped over.")
    ends, spec = _pytree.tree_flatten(args)
    dims = _pytree.broadcast_to_and_flatten(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{about}: in_dims is not compatible with the structure of `inputs`, which is "
            f"{_pytree.treespec_pprint(spec)}."
        )
    found = [_in_place(about, end, dim) for end, dim in zip(ends, dims, strict=True)]
    return ends, found, spec


def _in_place(about: str, end: object, dim: object) -> int | None:
    if dim is None:
        return None
    if not isinstance(dim, int) or isinstance(dim, bool):
        raise ValueError(
            f"{about}: Got in_dim={dim} for an input but in_dim must be either an integer "
            "dimension or None."
        )
    if not isinstance(end, Tensor):
        raise ValueError(
            f"{about}: Got in_dim={dim} for an input but the input is of type {typename(end)}. We "
            "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
        )
    rank = end.dim()
    if not -rank <= dim < rank:
        raise ValueError(
            f"{about}: Got in_dim={dim} for some input, but that input is a Tensor of "
            f"dimensionality {rank} so expected in_dim to satisfy -{rank} <= in_dim < {rank}."
        )
    return dim % rank


def _size(ends: list[object], dims: list[int | None]) -> int:
    sizes = [
        cast("Tensor", end).shape[dim]
        for end, dim in zip(ends, dims, strict=True)
        if dim is not None
    ]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0]


def _front(x: Tensor, dim: int) -> Tensor:
    return x if dim == 0 else method("movedim", x, dim, 0)


def _out_places(
    func: UserFunction, out_dims: object, output: object
) -> tuple[list[object], list[int | None], _pytree.TreeSpec]:
    about = f"vmap({named_after(func)}, ..., out_dims={out_dims})(<inputs>)"
    ends, spec = _pytree.tree_flatten(output)
    if spec is None and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    dims = _pytree.broadcast_to_and_flatten(out_dims, spec)
    if dims is None:
        raise ValueError(
            f"{about}: out_dims is not compatible with the structure of `outputs`, which is "
            f"{_pytree.treespec_pprint(spec)}."
        )
    if any(d is not None and (not isinstance(d, int) or isinstance(d, bool)) for d in dims):
        raise ValueError(
            f"{about}: `out_dims` must be an int, None or a python collection of ints representing "
            "where in the outputs the vmapped dimension should appear."
        )
    return ends, cast("list[int | None]", dims), spec


def _left(func: UserFunction, end: object, dim: int | None, level: Vmap) -> object:
    """A result without the level, its dimension at `dim`."""
    about = f"vmap({named_after(func)}, ...)"
    mine = type(end) is Batched and end.level is level
    if dim is None:
        if mine:
            raise ValueError(
                f"{about}: `{named_after(func)}` can not return a BatchedTensor when out_dim is "
                "None"
            )
        return end
    if not isinstance(end, Tensor):
        raise ValueError(
            f"{about}: `{named_after(func)}` must only return Tensors, got type {type(end)}. Did "
            "you mean to set out_dims= to None for output?"
        )
    if type(end) is Batched and end.level is level:
        value = end.value
    else:
        value = method("expand", end.unsqueeze(0), level.size, *end.shape)
    rank = value.dim()
    if not -rank <= dim < rank:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got "
            f"{dim})"
        )
    return value if dim % rank == 0 else method("movedim", value, 0, dim)


def _run(
    func: UserFunction,
    level: Vmap,
    given: tuple[list[object], list[int | None], _pytree.TreeSpec],
    out_dims: object,
    kwargs: dict[str, object],
) -> tuple[list[object], list[int | None], _pytree.TreeSpec]:
    """(the ends of the output, their dimensions, the containers)."""
    ends, dims, spec = given
    values = [
        end if dim is None else Batched(_front(cast("Tensor", end), dim), level)
        for end, dim in zip(ends, dims, strict=True)
    ]
    with standing_in([*active(), level]):
        args = cast("tuple[object, ...]", _pytree.tree_unflatten(values, spec))
        output = func(*args, **kwargs)
        outs, out_places, out_spec = _out_places(func, out_dims, output)
        made = [_left(func, end, dim, level) for end, dim in zip(outs, out_places, strict=True)]
        _draws.check_nothing_else_drew(level)
    level.alive = False
    return made, out_places, out_spec


def _chunks(
    given: tuple[list[object], list[int | None], _pytree.TreeSpec], start: int, size: int
) -> tuple[list[object], list[int | None], _pytree.TreeSpec]:
    ends, dims, spec = given
    own = [
        end if dim is None else method("narrow", end, dim, start, size)
        for end, dim in zip(ends, dims, strict=True)
    ]
    return own, dims, spec


def _in_chunks(
    func: UserFunction,
    size: int,
    chunk: int,
    randomness: str,
    given: tuple[list[object], list[int | None], _pytree.TreeSpec],
    out_dims: object,
    kwargs: dict[str, object],
) -> object:
    generator = _native._thread_generator()
    before = generator.get_state()
    parts = []
    for start in range(0, size, chunk):
        if randomness == "same":
            generator.set_state(before)
        length = min(chunk, size - start)
        own = _chunks(given, start, length)
        parts.append(_run(func, Vmap(length, randomness), own, out_dims, kwargs))
    _, places, spec = parts[0]
    columns = zip(*(part[0] for part in parts), strict=True)
    joined = [
        column[0] if dim is None else by_name("cat", list(column), dim)
        for column, dim in zip(columns, places, strict=True)
    ]
    return _pytree.tree_unflatten(joined, spec)


def vmap(
    func: UserFunction,
    in_dims: Dims = 0,
    out_dims: Dims = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., object]:
    """A function that calls `func` once for all slices of its arguments, and gives all results.

    `in_dims` says along which dimension each argument is sliced: a number for all, or a tuple with
    the arguments' containers, or their upper part; None for what is the same for all slices, as
    keyword arguments are. `out_dims` says where the slices stand in the results. Around `grad` it
    gives gradients of each sample, over `functional_call` and `stack_module_state` it runs many
    networks as one. `randomness` is "error", "different" for every slice or "same". With
    `chunk_size` that many slices are taken at a time.

    The function sees tensors without the mapped dimension. It cannot ask for a value of theirs, as
    `item()` and `if` do, nor write one for each slice into a tensor that is the same for all: these
    are a RuntimeError. Operations without a rule are called slice by slice, which is slower and
    warns once. ValueError for dimensions that do not fit.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    def wrapper(*args: object, **kwargs: object) -> object:
        given = _in_places(func, in_dims, args)
        size = _size(given[0], given[1])
        if chunk_size is not None and chunk_size < size:
            return _in_chunks(func, size, chunk_size, randomness, given, out_dims, kwargs)
        ends, _, spec = _run(func, Vmap(size, randomness), given, out_dims, kwargs)
        return _pytree.tree_unflatten(ends, spec)

    return wraps(func)(wrapper)
