"""ONNX files out of forward passes, without other packages.

`export` records what a module or function does, as `capture` does, and writes the steps as nodes.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NoReturn, cast

from .. import _native
from .._capture import capture
from .._files import atomic_write
from .._native import Tensor
from .._typing import UserFunction
from ._export import OnnxExporterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..nn import Module
    from ._module import OnnxModule
    from ._script import Script

__all__ = ["OnnxExporterError", "dynamo_export", "export", "is_in_onnx_export", "load"]

_OPSETS = range(17, 22)
_EXTRA = (3, 7, 11, 17, 23)  # by so much sizes are told apart
_exporting = False


def is_in_onnx_export() -> bool:
    """Whether `export` is recording the model now."""
    return _exporting


def dynamo_export(*args: object, **kwargs: object) -> NoReturn:
    """OnnxExporterError: `export` is what there is."""
    raise OnnxExporterError("onnx.dynamo_export: wengert.onnx.export(model, args, f) writes files")


def export(
    model: Module | UserFunction,
    args: Tensor | Sequence[Tensor],
    f: str | os.PathLike[str] | IO[bytes] | None = None,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_axes: Mapping[str, Mapping[int, str] | Sequence[int]] | None = None,
    opset_version: int | None = None,
    export_params: bool = True,
    do_constant_folding: bool = True,
    verbose: bool | None = None,
    training: object = None,
    keep_initializers_as_inputs: bool = False,
    dynamo: bool = False,
    **others: object,
) -> bytes:
    """Writes what `model(*args)` computes as an ONNX model, to a path or a file object.

    Modules are exported in evaluation mode, and are left in the mode they were in. The model's
    parameters have their names in it. What Python decides while the model runs is decided by `args`
    for good.

    Args:
      args: tensors, one or a tuple of them.
      f: a path, which is replaced at once, a file object, or None. The bytes are returned too.
      input_names, output_names: defaults "input", "input_1", ... and "output", "output_1", ...
      dynamic_axes: for each input the dimensions whose sizes change from call to call, a list or,
        with names, a dict; equal names are equal sizes. The model is recorded with two sizes of
        each, to see what depends on them. Sizes of outputs follow and need not be given.
      opset_version: 17 (the default) to 21.
      export_params, do_constant_folding, verbose, training, keep_initializers_as_inputs, dynamo and
        others: accepted; parameters are always in the file.

    Raises OnnxExporterError, a RuntimeError, for a model with an operation that has no nodes here,
    which it names; ValueError for wrong names or versions.
    """
    tensors = (args,) if isinstance(args, Tensor) else tuple(args)
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise OnnxExporterError(
                f"onnx.export: argument {i} must be a tensor, not {type(tensor).__name__}"
            )
    for name in ("kwargs", "dynamic_shapes", "custom_translation_table"):
        if others.get(name):
            raise OnnxExporterError(f"onnx.export: {name} is not taken: use args and dynamic_axes")
    opset = 17 if opset_version is None else opset_version
    if opset not in _OPSETS:
        raise ValueError(f"onnx.export: opset_version is {opset}, needed 17 to 21")
    names = _names(input_names, len(tensors), "input")
    axes = _axes(dynamic_axes or {}, names, tensors)
    with _evaluated(model):
        data = _exported(model, tensors, names, output_names, axes, opset)
    if isinstance(f, (str, os.PathLike)):
        with atomic_write(f) as file:
            file.write(data)
    elif f is not None:
        f.write(data)
    return data


def load(f: str | os.PathLike[str] | bytes | IO[bytes]) -> OnnxModule:
    """A module that computes what an ONNX model says: a path, a file object or its bytes.

    Initializers of floating dtypes are its parameters, by their names, so that it trains on and
    loads the `state_dict` of the model that was exported; averages of batch norms, constants and
    integers are buffers. It is in evaluation mode. Inputs are given in the order of the file, or
    by name; several outputs are a tuple. Weights in files beside the model are read if `f` is a
    path and they lie in its folder.

    Raises ValueError for a file that is no model, is damaged or incomplete, and
    NotImplementedError for one with operators that are not here, which it names: control flow,
    quantization, and those of other domains. A node that asks for what its operator does not do
    here is a RuntimeError, which names it, when the module is called.
    """
    from ._module import OnnxModule, checked
    from ._read import Reader

    folder = None
    if isinstance(f, (str, os.PathLike)):
        folder = os.path.dirname(os.path.abspath(f))
        with open(f, "rb") as file:
            data = file.read()
    else:
        data = f if isinstance(f, bytes) else f.read()
    try:
        return OnnxModule(checked(Reader(folder).model(data)))
    except (ValueError, NotImplementedError) as error:
        raise type(error)(f"onnx.load: {error}") from None


def _names(given: Sequence[str] | None, count: int, default: str) -> list[str]:
    names = list(given or ())
    if len(names) > count:
        raise ValueError(f"onnx.export: {len(names)} names for {count} {default}s: {names}")
    rest = range(len(names), count)
    return [*names, *(default if i == 0 else f"{default}_{i}" for i in rest)]


def _axes(
    given: Mapping[str, Mapping[int, str] | Sequence[int]],
    names: list[str],
    tensors: tuple[Tensor, ...],
) -> dict[str, list[tuple[int, int]]]:
    """By the name of a size: the arguments and dimensions that have it."""
    found: dict[str, list[tuple[int, int]]] = {}
    for name, dims in given.items():
        if name not in names:
            continue  # of an output, which follows
        index = names.index(name)
        for dim in dims:
            rank = tensors[index].dim()
            if not -rank <= dim < rank:
                raise ValueError(f"onnx.export: dynamic_axes: {name!r} has no dimension {dim}")
            dim_name = dims[dim] if isinstance(dims, Mapping) else f"{name}_dim_{dim}"
            found.setdefault(dim_name, []).append((index, dim % rank))
    return found


@contextmanager
def _evaluated(model: object) -> Iterator[None]:
    global _exporting
    modules = [m for m in getattr(model, "modules", tuple)() if getattr(m, "training", False)]
    _exporting = True
    try:
        for module in modules:
            module.training = False
        yield
    finally:
        _exporting = False
        for module in modules:
            module.training = True


def _sized(
    tensors: tuple[Tensor, ...], axes: dict[str, list[tuple[int, int]]], more: bool
) -> list[Tensor]:
    """The arguments with at least 2 along dynamic axes, where one element would be broadcast; or
    with more, by another number along each."""
    result = [tensor.detach() for tensor in tensors]
    for places, extra in zip(axes.values(), itertools.cycle(_EXTRA), strict=False):
        for index, dim in places:
            size = result[index].size(dim)
            wanted = max(size, 2) + (extra if more else 0)
            order = _native.arange(wanted) % max(size, 1)
            result[index] = result[index].index_select(dim, order)
    return result


def _record(model: UserFunction, tensors: list[Tensor]) -> Script:
    from ..autograd import no_grad
    from ._script import read

    captured = capture(model)
    with no_grad():
        model(*tensors)  # what is done once, by Python's classes too, is no part of it
        captured(*tensors)
        program = captured.program
    if program is None:
        raise OnnxExporterError("onnx.export: the model cannot be recorded: see wengert.explain")
    return read(program)


def _exported(
    model: UserFunction,
    tensors: tuple[Tensor, ...],
    names: list[str],
    output_names: Sequence[str] | None,
    axes: dict[str, list[tuple[int, int]]],
    opset: int,
) -> bytes:
    from ._export import Call, Exporter, Symbol, key_of
    from ._model import array_in
    from ._rules import RULES

    sized = [_sized(tensors, axes, more) for more in (False, True)] if axes else [list(tensors)]
    scripts = [_record(model, each) for each in sized]
    one, other = scripts[0], scripts[-1]
    symbols = [
        Symbol(name, (sized[0][i].size(d), sized[-1][i].size(d)), names[i], d)
        for name, places in axes.items()
        for i, d in places[:1]
    ]
    state = cast("Callable[[], dict]", getattr(model, "state_dict", dict))()
    # What is equal has its names in the order in which it is used, as layers list their tensors.
    known: dict[bytes, list[str]] = {}
    for name, value in state.items():
        if isinstance(value, Tensor):
            known.setdefault(key_of(array_in(value.detach())), []).append(name)
    exporter = Exporter((one, other), known, symbols, opset)
    for i, pieces in enumerate(zip(one.inputs, other.inputs, strict=True)):
        exporter.graph.reserve(names[i])
        exporter.add_input(i, names[i], pieces)
    outputs = _names(output_names, len(one.results), "output")
    for name in outputs:
        exporter.graph.reserve(name)
    for steps in zip(one.steps, other.steps, strict=True):
        rule = RULES.get(steps[0].op)
        call = Call(exporter, *steps)
        if rule is None:
            raise call.refuse("there are no nodes of ONNX for it here")
        call.write(rule(call))
    for name, *results in zip(outputs, one.results, other.results, strict=True):
        exporter.add_output(name, results[0], results[1])
    from ..version import __version__

    return exporter.graph.model("wengert", __version__)
