"""Jacobians and Hessians of functions of several tensors in containers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from .. import _native, _pytree
from .._typing import UserFunction
from ._arguments import Argnums, only_tensors, prepared, with_aux, wraps
from ._levels import Level, enable_grad, filled
from ._transforms import Recorded

Tensor = _native.Tensor


def _basis(like: Tensor) -> Iterator[Tensor]:
    """A one at each element in turn."""
    for k in range(like.numel()):
        seed = _native.zeros(like.numel(), dtype=like.dtype)
        seed[k] = 1
        yield seed.reshape(like.shape)


def _rows(
    level: Level, output: Tensor, graph: bool
) -> list[Tensor]:  # (*output.shape, *input.shape) for each input
    """The Jacobian of one output, a backward for each of its elements."""
    parts: list[list[Tensor]] = [[] for _ in level.inputs]
    if output.requires_grad:
        for seed in _basis(output):
            found = filled(level.gradients((output,), (seed,), graph), level.inputs)
            for part, g in zip(parts, found, strict=True):
                part.append(level.kept(g) if graph else g.detach())
    shape = tuple(output.shape)
    return [
        _native.stack(part).reshape(shape + tuple(x.shape))
        if part
        else _native.zeros(shape + tuple(x.shape), dtype=x.dtype)
        for part, x in zip(parts, level.inputs, strict=True)
    ]


def _reverse(
    level: Level, outputs: list[Tensor], spec: _pytree.TreeSpec, out_spec: _pytree.TreeSpec
) -> object:
    graph = level.reaches(outputs)
    return _pytree.tree_unflatten(
        [_pytree.tree_unflatten(list(_rows(level, out, graph)), spec) for out in outputs], out_spec
    )


def _check_chunk(chunk_size: int | None, where: str) -> None:
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"{where}: `chunk_size` should be greater than 0.")


def jacrev(
    func: UserFunction,
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., object]:
    """A function that gives the Jacobian of `func`, by one backward for each element of its output.

    The containers of the output, at each end those of the arguments at `argnums` (a position, or a
    tuple of them, which gives a tuple), at each end of these a tensor of shape
    (*output.shape, *argument.shape). With `has_aux` `func` returns (output, aux), and this
    (Jacobian, aux). `chunk_size` is checked and changes nothing: rows are taken one by one.
    RuntimeError for outputs that are no tensors, ValueError for such arguments.
    """
    _check_chunk(chunk_size, "jacrev")

    @wraps(func)
    def wrapper(*args: object, **kwargs: object) -> object:
        level = Level()
        with enable_grad():
            mine, spec = prepared(level, args, argnums)
            output, aux = with_aux(func(*mine, **kwargs), has_aux, "jacrev(f)(*args)")
            outputs, out_spec = only_tensors(output, "jacrev(f)(*args)")
        with enable_grad():
            result = _reverse(level, outputs, spec, out_spec)
        return (result, _pytree.tree_map(level.left, aux)) if has_aux else result

    return wrapper


def _columns(recorded: Recorded) -> list[list[Tensor]]:
    """Of each input and each output the part of the Jacobian, (*output.shape, *input.shape)."""
    level, outputs = recorded.level, recorded.outputs
    blocks = []
    for i, x in enumerate(level.inputs):
        zeros = [_native.zeros_like(other.detach()) for other in level.inputs]
        columns: list[list[Tensor]] = [[] for _ in outputs]
        for seed in _basis(x):
            products = recorded.product([*zeros[:i], seed, *zeros[i + 1 :]])
            for column, p, y in zip(columns, products, outputs, strict=True):
                column.append(_native.zeros_like(y.detach()) if p is None else level.kept(p))
        blocks.append(
            [
                _native.stack(column, -1).reshape(tuple(y.shape) + tuple(x.shape))
                if column
                else _native.zeros(tuple(y.shape) + tuple(x.shape), dtype=y.dtype)
                for column, y in zip(columns, outputs, strict=True)
            ]
        )
    return blocks


def _forward(recorded: Recorded) -> object:
    blocks = _columns(recorded)
    parts = [
        _pytree.tree_unflatten([block[k] for block in blocks], recorded.spec)
        for k in range(len(recorded.outputs))
    ]
    return _pytree.tree_unflatten(parts, recorded.out_spec)


def jacfwd(
    func: UserFunction, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., object]:
    """A function that gives the Jacobian of `func`, by a product J v for each element of its input.

    Shapes, containers and errors as of `jacrev`, which is faster where the output is smaller than
    the input. `func` is called once, so that `randomness` ("error", "same" or "different") changes
    nothing.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )

    @wraps(func)
    def wrapper(*args: object, **kwargs: object) -> object:
        with_kwargs = functools.partial(func, **kwargs)
        recorded = Recorded(with_kwargs, args, argnums, has_aux, "jacfwd(f)(*args)")
        with enable_grad():
            result = _forward(recorded)
        return (result, _pytree.tree_map(recorded.left, recorded.aux)) if has_aux else result

    return wrapper


def _shorter(func: UserFunction, argnums: Argnums) -> Callable[..., object]:
    """The Jacobian of `func`, by rows where there are fewer of them than columns."""

    def wrapper(*args: object, **kwargs: object) -> object:
        level = Level()
        with enable_grad():
            mine, spec = prepared(level, args, argnums)
            outputs, out_spec = only_tensors(func(*mine, **kwargs), "hessian(f)(*args)")
            rows, columns = (sum(x.numel() for x in xs) for xs in (outputs, level.inputs))
            if rows <= columns:
                return _reverse(level, outputs, spec, out_spec)
        return jacfwd(func, argnums)(*args, **kwargs)

    return wrapper


def hessian(func: UserFunction, argnums: Argnums = 0) -> Callable[..., object]:
    """A function that gives the Hessian of `func`: the Jacobian of its Jacobian.

    The containers of the output, then twice those of the arguments at `argnums`, at the ends
    tensors of shape (*output.shape, *argument.shape, *argument.shape). Of a scalar function it
    costs one gradient and a backward of that for each element of the arguments. Errors as of
    `jacrev`.
    """
    return wraps(func)(_shorter(jacrev(func, argnums), argnums))
