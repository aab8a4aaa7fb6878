"""Gradients and products with Jacobians, of functions as they are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from .. import _native, _pytree
from .._common import typename
from .._typing import UserFunction
from ..autograd.pushing import forward
from ._arguments import Argnums, fitted, only_tensors, prepared, shape_of, with_aux, wraps
from ._batched import Vmap, by_slices
from ._levels import Level, enable_grad, filled

Tensor = _native.Tensor


def _loss(output: object) -> Tensor:
    if not isinstance(output, Tensor):
        raise RuntimeError(
            "Expected f(*args) to return a tensor or, with has_aux, a tuple of one and aux; got "
            f"{typename(output)}"
        )
    if output.dim() != 0:
        raise RuntimeError(
            f"Expected f(*args) to return a scalar tensor, got tensor with {output.dim()} dims. "
            "Maybe you wanted to use the vjp or jacrev APIs instead?"
        )
    return output


def grad_and_value(
    func: UserFunction, argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., object]:
    """A function that gives (gradients of `func`, what `func` gives).

    Like `grad`; the value is (output, aux) with `has_aux`.
    """

    @wraps(func)
    def wrapper(*args: object, **kwargs: object) -> object:
        level = Level()
        with enable_grad():
            mine, spec = prepared(level, args, argnums)
            result = func(*mine, **kwargs)
            output, aux = with_aux(result, has_aux, "grad_and_value(f)(*args)")
            loss = _loss(output)
            graph = level.reaches((loss,))
            found = level.gradients((loss,), None, graph, retain=has_aux)
        grads = _pytree.tree_unflatten([level.left(g) for g in filled(found, level.inputs)], spec)
        value = level.left(loss)
        return grads, (value, _pytree.tree_map(level.left, aux)) if has_aux else value

    return wrapper


def grad(func: UserFunction, argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., object]:
    """A function that gives the gradients of `func`, which returns a scalar tensor.

    They have the shapes and containers of the arguments at `argnums`: a position, or a tuple of
    positions, which gives a tuple; what the output does not depend on has zeros. With `has_aux`
    `func` returns (output, aux) and the gradient function (gradients, aux). Around each other,
    transforms give higher derivatives. What the gradients depend on besides is recorded as usual,
    unless the caller stands in `no_grad`. RuntimeError for an output that is no scalar and for
    positions that are not there, ValueError for an argument that holds what is no tensor.

        >>> grad(lambda x: x.sin())(torch.tensor(0.0))
        tensor(1.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def wrapper(*args: object, **kwargs: object) -> object:
        grads, value = cast("tuple[object, object]", both(*args, **kwargs))
        return (grads, cast("tuple[object, object]", value)[1]) if has_aux else grads

    return wrapper


def _check_shapes(
    vectors: list[object], like: list[Tensor], where: str, name: str, other: str
) -> list[Tensor]:
    """The vectors, of the shape of the tensors they go with, in their dtypes."""
    for i, (vector, tensor) in enumerate(zip(vectors, like, strict=True)):
        if not isinstance(vector, Tensor):
            raise RuntimeError(
                f"{where}: Expected {name} to only contain Tensors, got {typename(vector)}"
            )
        if tuple(vector.shape) != tuple(tensor.shape):
            raise RuntimeError(
                f"{where}: {name}[{i}] has shape {tuple(vector.shape)}, its {other} "
                f"{tuple(tensor.shape)}"
            )
    return cast("list[Tensor]", vectors)


def vjp(
    func: UserFunction, *primals: object, has_aux: bool = False
) -> tuple[object, UserFunction] | tuple[object, UserFunction, object]:
    """(func(*primals), vjp_fn), with `has_aux` (output, vjp_fn, aux).

    vjp_fn(cotangents) gives the products v^T J by all primals, a tuple with the primals' shapes
    and containers (for one primal that alone in a tuple). The cotangents have the output's shapes
    and containers. It may be called again and again, and is recorded unless it is called in
    `no_grad` or with `create_graph=False`. RuntimeError for outputs that are no floating-point
    tensors and for cotangents of another structure or shape.
    """
    where = "vjp(f, *primals)"
    level = Level()
    with enable_grad():
        mine, spec = prepared(level, primals, tuple(range(len(primals))))
        output, aux = with_aux(func(*mine), has_aux, where)
        outputs, out_spec = only_tensors(output, where)
        for out in outputs:
            if not out.is_floating_point():
                raise RuntimeError(
                    "vjp(f, ...): All outputs of f must be floating-point Tensors, got Tensor "
                    f"with dtype {out.dtype}"
                )

    def vjp_fn(
        cotangents: object, retain_graph: bool = True, create_graph: bool | None = None
    ) -> object:
        given = fitted(cotangents, out_spec)
        if given is None:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {shape_of(cotangents)}, primal output: "
                f"{_pytree.treespec_pprint(out_spec)}"
            )
        extra = level.beyond(given)
        if extra is not None:  # mapped over outside of where the function was recorded
            return by_slices(extra, vjp_fn, cotangents, retain_graph, create_graph)
        vectors = _check_shapes(given, outputs, where, "cotangents", "output")
        now = Level()  # who calls may record where who made it did not
        wanted = now.tracked if create_graph is None else create_graph
        graph = wanted and (any(v.requires_grad for v in vectors) or level.reaches(outputs))
        found = level.gradients(outputs, vectors, graph, retain=retain_graph)
        grads = filled(found, level.inputs)
        kept = [level.kept(g) if graph else g.detach() for g in grads]
        return _pytree.tree_unflatten(kept, spec)

    left = _pytree.tree_unflatten([level.left(out) for out in outputs], out_spec)
    return (left, vjp_fn, _pytree.tree_map(level.left, aux)) if has_aux else (left, vjp_fn)


class Recorded:
    """A function recorded for products J v.

    u^T J is linear in u, so that its derivative by u in direction v is J v: a backward of a
    backward, by the level's inputs and then by u, a leaf that stands for the first one's vector.
    """

    def __init__(
        self, func: UserFunction, args: tuple[object, ...], argnums: Argnums, aux: bool, where: str
    ) -> None:
        self.level = Level()
        self.where = where
        with enable_grad():
            mine, self.spec = prepared(self.level, args, argnums)
            output, self.aux = with_aux(func(*mine), aux, where)
            self.outputs, self.out_spec = only_tensors(output, where)
            self.us = [
                self.level.leaf(_native.zeros_like(y.detach())) if y.requires_grad else None
                for y in self.outputs
            ]
            pairs = [(y, u) for y, u in zip(self.outputs, self.us, strict=True) if u is not None]
            with forward(self):
                self.rows = self.level.gradients([y for y, _ in pairs], [u for _, u in pairs], True)
        self.beyond = self.level.reaches(self.outputs)

    def product(self, tangents: list[Tensor]) -> list[Tensor | None]:
        """J v for each output, None where it does not depend on the inputs."""
        used = [(r, v) for r, v in zip(self.rows, tangents, strict=True)
                if r is not None and r.requires_grad]  # fmt: skip
        graph = self.level.tracked and (self.beyond or any(v.requires_grad for _, v in used))
        us = [u for u in self.us if u is not None]
        found = iter(self.level.gradients([r for r, _ in used], [v for _, v in used], graph, us))
        products = [None if u is None else next(found) for u in self.us]
        return [p if p is None or graph else p.detach() for p in products]

    def left(self, value: object) -> object:
        """See Level.left."""
        return self.level.left(value)

    def output(self) -> object:
        """What the function gave, without the level."""
        return _pytree.tree_unflatten([self.left(out) for out in self.outputs], self.out_spec)

    def beyond_level(self, given: object) -> Vmap | None:
        """A vmap of the tangents that did not run when the function was recorded."""
        return self.level.beyond(_pytree.tree_flatten(given)[0])

    def tangents(self, given: object) -> list[Tensor]:
        """The tangents as they go with the inputs."""
        vectors = fitted(given, self.spec)
        if vectors is None:
            raise RuntimeError(
                f"{self.where}: Expected primals and tangents to have the same python structure. "
                f"For example, if primals is a tuple of 3 tensors, tangents also must be. Got "
                f"primals with structure {_pytree.treespec_pprint(self.spec)} and tangents with "
                f"structure {shape_of(given)}"
            )
        return _check_shapes(vectors, self.level.inputs, self.where, "tangents", "primal")

    def pushed(self, given: object, strict: bool = False) -> object:
        """J v with the output's containers, zeros where an output does not depend on inputs."""
        products = self.product(self.tangents(given))
        if strict and any(p is None for p in products):
            raise RuntimeError(
                f"{self.where}: The output of f is independent of the inputs. This is not allowed "
                "with strict=True."
            )
        left = [
            _native.zeros_like(y.detach()) if p is None else self.level.kept(p)
            for p, y in zip(products, self.outputs, strict=True)
        ]
        return _pytree.tree_unflatten(left, self.out_spec)


def _tuple_of(values: object, where: str, name: str) -> tuple[object, ...]:
    if not isinstance(values, tuple):
        raise RuntimeError(
            f"{where}: Expected {name} to be a tuple. E.g. it should be valid to call "
            f"f(*{name}). Got {typename(values)}"
        )
    return values


def jvp(
    func: UserFunction,
    primals: tuple[object, ...],
    tangents: tuple[object, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> tuple[object, ...]:
    """(func(*primals), J v), with `has_aux` (output, J v, aux).

    `tangents`, v, are a tuple with the shapes and containers of the tuple `primals`; J v has the
    output's. It costs two backward passes. An output that does not depend on the primals has
    zeros, or is a RuntimeError with `strict`.
    """
    where = "jvp(f, primals, tangents)"
    _tuple_of(primals, where, "primals")
    _tuple_of(tangents, where, "tangents")
    recorded = Recorded(func, primals, tuple(range(len(primals))), has_aux, where)
    pushed = recorded.pushed(tangents, strict)
    both = recorded.output(), pushed
    return (*both, _pytree.tree_map(recorded.left, recorded.aux)) if has_aux else both


def linearize(func: UserFunction, *primals: object) -> tuple[object, UserFunction]:
    """(func(*primals), jvp_fn): jvp_fn(*tangents) is J v at these primals.

    `func` is called once; each product costs one backward. The tangents have the shapes and
    containers of the primals, the product those of the output.
    """
    where = "linearize(f, *primals)"
    recorded = Recorded(func, primals, tuple(range(len(primals))), False, where)

    def jvp_fn(*tangents: object) -> object:
        extra = recorded.beyond_level(tangents)
        if extra is not None:
            return by_slices(extra, jvp_fn, *tangents)
        return recorded.pushed(tangents)

    return recorded.output(), jvp_fn
