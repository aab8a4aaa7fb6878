"""Automatic differentiation: gradients, grad modes, custom functions and their checks."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from .. import _after, _native
from .._common import typename
from .._native import Tensor
from .._typing import Args
from . import functional, graph
from . import profiler as profiler
from .anomaly_mode import detect_anomaly, set_detect_anomaly
from .function import Function, FunctionCtx
from .grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .pushing import here, of_slices, open_levels, over_slices

if TYPE_CHECKING:
    from . import forward_ad as forward_ad

__all__ = [
    "Function",
    "FunctionCtx",
    "GradcheckError",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def _later_or_never(name: str) -> object:
    if name == "forward_ad":  # it stands on `func`, which who does not use does not wait for
        return importlib.import_module(f"{__name__}.forward_ad")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


globals()["__getattr__"] = _later_or_never  # no `def`: to a type checker it would be every name

_Item = TypeVar("_Item")
_Tensors: TypeAlias = tuple[Tensor, ...]
_Grads: TypeAlias = tuple[Tensor | None, ...]
_Place: TypeAlias = Tensor | graph.GradientEdge
_Places: TypeAlias = _Place | Sequence[_Place]
_Vectors: TypeAlias = Tensor | Sequence[Tensor | None]


def Variable(data: Tensor, requires_grad: bool = False, volatile: bool = False) -> Tensor:
    """The old name of a tensor: returns `data` itself, or detached and requiring a gradient."""
    return data.detach().requires_grad_() if requires_grad else data


def _as_tuple(value: _Place | Sequence[_Item], name: str) -> tuple[_Item, ...]:
    if isinstance(value, (_native.Tensor, graph.GradientEdge)):
        return (cast("_Item", value),)
    if not isinstance(value, Sequence):
        raise TypeError(f"{name} must be a Tensor or a sequence of Tensors, got {typename(value)}")
    return tuple(cast("Sequence[_Item]", value))


def _placed(value: _Places, name: str) -> _Tensors:
    """The tensors; for a place of the graph a stand-in there."""
    items: tuple[_Place, ...] = _as_tuple(value, name)
    return tuple(
        _native._tensor_of_edge(item.node, item.output_nr)
        if isinstance(item, graph.GradientEdge)
        else item
        for item in items
    )


def _vectors(tensors: _Tensors, grads: _Vectors | None, name: str) -> _Grads:
    """As many gradients, or None, as tensors."""
    if grads is None:
        return (None,) * len(tensors)
    found = _as_tuple(grads, name)
    if len(found) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(found)} gradients")
    return found


def _make_grads(outputs: _Tensors, grads: _Grads) -> _Grads:
    """One gradient per output: the given one, checked, or 1 for a scalar."""
    made: list[Tensor | None] = []
    for i, (out, grad) in enumerate(zip(outputs, grads, strict=True)):
        if isinstance(grad, _native.Tensor):
            if tuple(grad.shape) != tuple(out.shape):
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {grad.shape} and "
                    f"output[{i}] has a shape of {out.shape}."
                )
            made.append(grad)
        elif grad is None:
            if not out.requires_grad:
                made.append(None)
                continue
            if out.numel() != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            made.append(_native.ones_like(out))
        else:
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(grad).__name__}"
            )
    return tuple(made)


def backward(
    tensors: _Places,
    grad_tensors: _Vectors | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: _Vectors | None = None,
    inputs: _Places | None = None,
) -> None:
    """Adds the gradients of `tensors` into `.grad` of the leaves they depend on.

    `grad_tensors` gives the vectors of the vector-Jacobian product, None for scalars.
    `retain_graph` defaults to `create_graph`. `inputs` limits the accumulation to these tensors.
    A `graph.GradientEdge` serves as a tensor in either; a gradient of one that is no leaf is lost.
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        _native._warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning)
        grad_tensors = grad_variables
    if create_graph:
        _native._warn(
            "Using backward() with create_graph=True will create a reference cycle between the "
            "parameter and its gradient which can cause a memory leak. We recommend using "
            "autograd.grad when creating the graph to avoid this. If you have to use this "
            "function, make sure to reset the .grad fields of your parameters to None after use "
            "to break the cycle and avoid the leak."
        )
    tensors = _placed(tensors, "tensors")
    if inputs is not None:
        inputs = _placed(inputs, "inputs")
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    grads = _vectors(tensors, grad_tensors, "grad_tensors")
    retain = create_graph if retain_graph is None else retain_graph
    made = _make_grads(tensors, grads)
    run = functools.partial(
        _native.run_backward, tensors, made, retain, create_graph, inputs, True, True
    )
    if _after.watchers:
        return _after.run(run)
    run()


def grad(
    outputs: _Places,
    inputs: _Places,
    grad_outputs: _Vectors | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Args:
    """The gradients of the sum of `outputs` with respect to each of `inputs`.

    `.grad` of no tensor changes. An input that the outputs do not depend on is an error, None with
    `allow_unused`, zeros with `materialize_grads`. With `is_grads_batched` the first dimension of
    each of `grad_outputs` is a batch of vectors, and of each result too.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True"
        )
    allow_unused = materialize_grads if allow_unused is None else allow_unused
    outputs, inputs = _placed(outputs, "outputs"), _placed(inputs, "inputs")
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    if not only_inputs:
        _native._warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To "
            "accumulate gradient for other parts of the graph, please use autograd.backward.",
            FutureWarning,
        )
    vectors = _vectors(outputs, grad_outputs, "grad_outputs")
    retain = create_graph if retain_graph is None else retain_graph
    if of_slices:
        rest = True, create_graph, True, allow_unused, is_grads_batched, materialize_grads
        found = over_slices(lambda own: grad(outputs, inputs, own, *rest), vectors)
        if found is not None:
            return cast("Args", found)
    if is_grads_batched:
        result = _batched(outputs, inputs, vectors, retain, create_graph, allow_unused)
    else:
        made = _make_grads(outputs, vectors)

        def run(record: bool) -> _Grads:
            keep = retain or record
            return _native.run_backward(outputs, made, keep, record, inputs, allow_unused, False)

        level = here.level if open_levels else None
        if level is None or create_graph:
            result = run(create_graph)
        else:  # tangents of gradients
            result = level.followed(run, (*outputs, *(v for v in made if v is not None)))
    if materialize_grads:
        if any(r is None and not i.requires_grad for r, i in zip(result, inputs, strict=True)):
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        result = tuple(
            _native.zeros_like(i, requires_grad=create_graph) if r is None else r
            for r, i in zip(result, inputs, strict=True)
        )
    return tuple(result)


def _batched(
    outputs: _Tensors,
    inputs: _Tensors,
    vectors: _Grads,
    retain: bool,
    create_graph: bool,
    allow_unused: bool,
) -> _Grads:
    """One backward per entry of the batch; the results are stacked."""
    count = next(v.shape[0] for v in vectors if v is not None)
    rows = []
    for b in range(count):
        row = tuple(None if v is None else v[b] for v in vectors)
        keep = retain or b + 1 < count
        rows.append(
            _native.run_backward(
                outputs, _make_grads(outputs, row), keep, create_graph, inputs, allow_unused, False
            )
        )
    return tuple(
        None if any(g is None for g in column) else _native.stack(list(column))
        for column in zip(*rows, strict=True)
    )
