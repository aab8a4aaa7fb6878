"""Products with Jacobians and Hessians, and the matrices themselves, of Python functions.

Each function takes `func` (tensors in, a tensor or a tuple of them out) and `inputs` (a tensor or a
tuple of them) and returns results nested the same way. With `create_graph` results can be
differentiated again. With `strict`, an output that does not depend on an input is an error instead
of a zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from .. import _native
from .grad_mode import enable_grad
from .pushing import forward

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensor = _native.Tensor
_Tensors: TypeAlias = tuple[Tensor, ...]
_Nested: TypeAlias = Tensor | _Tensors
_Func: TypeAlias = Callable[..., _Nested]


def _tuple(value: Any, name: str, where: str) -> tuple[bool, _Tensors]:
    """(was it a tuple, the tuple), or PyTorch's TypeError."""
    is_tuple = isinstance(value, (tuple, list))
    values = tuple(value) if is_tuple else (value,)
    for i, item in enumerate(values):
        if not isinstance(item, Tensor):
            kind = f"element at index {i}" if is_tuple else name
            raise TypeError(
                f"The {name} given to {where} must be either a Tensor or a tuple of Tensors but "
                f"the given {kind} has type {type(item)}."
            )
    return is_tuple, values


def _prepared(inputs: _Tensors, create_graph: bool) -> _Tensors:
    """Fresh tensors to differentiate by: connected to the caller's if a graph is wanted."""
    if create_graph:
        return tuple(
            x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in inputs
        )
    return tuple(x.detach().requires_grad_() for x in inputs)


def _finished(values: Any, create_graph: bool) -> Any:
    if isinstance(values, tuple):
        return tuple(_finished(v, create_graph) for v in values)
    return values if create_graph else values.detach()


def _gradients(
    outputs: _Tensors,
    inputs: _Tensors,
    vectors: _Tensors | None,
    create_graph: bool,
    strict: bool,
    what: str,
) -> _Tensors:
    """Vector-Jacobian product of outputs that may be independent of inputs: zeros there."""
    used = [k for k, out in enumerate(outputs) if out.requires_grad]
    if strict and len(used) < len(outputs):
        raise RuntimeError(
            f"Output {next(k for k in range(len(outputs)) if k not in used)} of the user-provided "
            f"function does not require gradients. The outputs must be computed in a "
            f"differentiable manner from the input when running in strict mode."
        )
    grads: tuple[Tensor | None, ...] = (None,) * len(inputs)
    if used:
        made = tuple(_native.ones_like(outputs[k]) if vectors is None else vectors[k] for k in used)
        grads = _native.run_backward(
            tuple(outputs[k] for k in used), made, True, create_graph, inputs, True, False
        )
    if strict and any(g is None for g in grads):
        i = next(i for i, g in enumerate(grads) if g is None)
        raise RuntimeError(
            f"The output of the user-provided function is independent of input {i} ({what}). "
            "This is not allowed in strict mode."
        )
    return tuple(
        _native.zeros_like(x) if g is None else g for g, x in zip(grads, inputs, strict=True)
    )


def _vectors(v: _Nested | None, like: _Tensors, where: str, what: str) -> _Tensors:
    """The user's vector, checked against the tensors it goes with; 1 for a single scalar."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if the {what} is a single element Tensor "
                f"(input of {where})"
            )
        return (_native.ones_like(like[0]),)
    vectors = _tuple(v, "v", where)[1]
    if len(vectors) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}."
        )
    for i, (vector, tensor) in enumerate(zip(vectors, like, strict=True)):
        if tuple(vector.shape) != tuple(tensor.shape):
            raise RuntimeError(
                f"Entry {i} in v has invalid size: should be {tensor.shape} but got {vector.shape}."
            )
    return vectors


def _packed(values: _Tensors, as_tuple: bool) -> _Nested:
    return values if as_tuple else values[0]


def vjp(
    func: _Func,
    inputs: _Nested,
    v: _Nested | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[_Nested, _Nested]:
    """(func(inputs), v^T J): `v` like the outputs, the product like the inputs."""
    with enable_grad():
        many_in, inputs = _tuple(inputs, "inputs", "vjp")
        inputs = _prepared(inputs, create_graph)
        many_out, outputs = _tuple(func(*inputs), "outputs of the user-provided function", "vjp")
        vectors = _vectors(v, outputs, "vjp", "user-provided function output")
    with enable_grad():
        product = _gradients(outputs, inputs, vectors, create_graph, strict, "vjp")
    return (
        _packed(_finished(outputs, create_graph), many_out),
        _packed(_finished(product, create_graph), many_in),
    )


def jvp(
    func: _Func,
    inputs: _Nested,
    v: _Nested | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[_Nested, _Nested]:
    """(func(inputs), J v): `v` like the inputs, the product like the outputs.

    u^T J is linear in u, so its derivative by u in direction v is J v: two backward passes.
    """
    with enable_grad():
        inputs = _tuple(inputs, "inputs", "jvp")[1]
        vectors = _vectors(v, inputs, "jvp", "input to the user-provided function")
        inputs = _prepared(inputs, create_graph)
        many_out, outputs = _tuple(func(*inputs), "outputs of the user-provided function", "jvp")
        us = tuple(_native.zeros_like(out).requires_grad_() for out in outputs)
        with forward(us):
            rows = _gradients(outputs, inputs, us, True, strict, "jvp")
        product = _gradients(rows, us, vectors, create_graph, False, "jvp")
    return (
        _packed(_finished(outputs, create_graph), many_out),
        _packed(_finished(product, create_graph), many_out),
    )


def _scalar_output(func: _Func, inputs: _Tensors, where: str) -> Tensor:
    many, outputs = _tuple(func(*inputs), "outputs of the user-provided function", where)
    if many or outputs[0].numel() != 1:
        raise RuntimeError(
            f"The function given to {where} should return a single Tensor with a single element"
        )
    return outputs[0]


def vhp(
    func: _Func,
    inputs: _Nested,
    v: _Nested | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[_Nested, _Nested]:
    """(func(inputs), v^T H) of a scalar function: the gradient of the gradient times v."""
    with enable_grad():
        many_in, inputs = _tuple(inputs, "inputs", "vhp")
        vectors = _vectors(v, inputs, "vhp", "input to the user-provided function")
        inputs = _prepared(inputs, create_graph)
        output = _scalar_output(func, inputs, "vhp")
        first = _gradients((output,), inputs, None, True, strict, "first derivative")
        second = _gradients(first, inputs, vectors, create_graph, strict, "second derivative")
    return (
        _finished(output, create_graph),
        _packed(_finished(second, create_graph), many_in),
    )


def hvp(
    func: _Func,
    inputs: _Nested,
    v: _Nested | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[_Nested, _Nested]:
    """(func(inputs), H v) of a scalar function; H is symmetric, so this is `vhp`."""
    return vhp(func, inputs, v, create_graph, strict)


def jacobian(
    func: _Func,
    inputs: _Nested,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """J[i][j] of shape (*outputs[i].shape, *inputs[j].shape), one backward per output element.

    A single output or input drops its level of nesting. `vectorize` and `strategy` are hints.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
    with enable_grad():
        many_in, inputs = _tuple(inputs, "inputs", "jacobian")
        inputs = _prepared(inputs, create_graph)
        many_out, outputs = _tuple(
            func(*inputs), "outputs of the user-provided function", "jacobian"
        )
        rows = []
        for out in outputs:
            parts: list[list[Tensor]] = [[] for _ in inputs]
            for k in range(out.numel()):
                seed = _native.zeros_like(out).reshape(-1)
                seed[k] = 1
                grads = _gradients(
                    (out,), inputs, (seed.reshape(out.shape),), create_graph, strict, "jacobian"
                )
                for part, g in zip(parts, grads, strict=True):
                    part.append(g)
            rows.append(
                tuple(
                    _native.stack(part).reshape(tuple(out.shape) + tuple(x.shape))
                    if part
                    else _native.zeros(tuple(out.shape) + tuple(x.shape), dtype=x.dtype)
                    for part, x in zip(parts, inputs, strict=True)
                )
            )
    result = _finished(tuple(rows), create_graph)
    return _packed(tuple(cast("Tensor", _packed(row, many_in)) for row in result), many_out)


def hessian(
    func: _Func,
    inputs: _Nested,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """H[i][j] of shape (*inputs[i].shape, *inputs[j].shape): the Jacobian of the gradient."""
    many_in, inputs = _tuple(inputs, "inputs", "hessian")

    def gradient(*xs: Tensor) -> _Tensors:
        output = _scalar_output(func, xs, "hessian")
        return _gradients((output,), xs, None, True, strict, "hessian")

    rows = jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return rows if many_in else rows[0][0]
