"""A module that computes what an ONNX file says."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from .. import _native
from .._native import Tensor
from ..nn.modules.module import Module
from ..nn.parameter import Parameter
from . import _layers_in, _pointwise_in, _recurrent_in, _shapes_in  # noqa: F401  their operators
from ._call import OPERATORS, SETTINGS, Call
from ._read import Array, Model, Node, Value

#: Those whose results are sizes, whatever their input is.
_SIZES = ("Shape", "Size")


class OnnxModule(Module):
    """What an ONNX file computes; `load` makes it.

    Initializers of floating dtypes are parameters under their own names, where a dot is a module
    within a module; those that are settings (averages of batch norms, limits, the constants of
    `wengert.onnx.export`) and those of other dtypes are buffers. It begins in evaluation mode, in
    which it computes what the file says. In training mode dropout drops, and batch norms take the
    mean and variance of the batch and follow it.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.opset, self.input_names = model.opset, [v.name for v in model.inputs]
        self.output_names = [v.name for v in model.outputs]
        self._inputs, self._nodes = model.inputs, model.nodes
        self._places: dict[str, list[str]] = {}
        self._constants: set[str] = set()
        settings, followed = _settings(model), _averages(model)
        for name, array in model.arrays.items():
            self._place(name, array, name in settings, name in followed)
        self._last = _last_uses(model)
        self.eval()

    def _place(self, name: str, array: Array, is_setting: bool, is_average: bool) -> None:
        """Registers an initializer, in modules within modules for the dots of its name."""
        *path, last = [part or "_" for part in name.split(".")] if name else ["_"]
        owner: Module = self
        taken: list[str] = []
        for part in path:
            while hasattr(owner, part) and not isinstance(getattr(owner, part), Module):
                part += "_"
            if not hasattr(owner, part):
                owner.add_module(part, Module())
            owner = getattr(owner, part)
            taken.append(part)
        while hasattr(owner, last):
            last += "_"
        tensor = array.tensor()
        if is_average:
            owner.register_buffer(last, tensor)
        elif is_setting or not tensor.is_floating_point():
            owner.register_buffer(last, tensor, persistent=False)
            self._constants.add(name)
        else:
            owner.register_parameter(last, Parameter(tensor))
        self._places[name] = [*taken, last]

    def _held(self) -> dict[str, Tensor | None]:
        values: dict[str, Tensor | None] = {"": None}
        for name, path in self._places.items():
            found: object = self
            for part in path:
                found = getattr(found, part)
            values[name] = found  # type: ignore[assignment]
        return values

    def forward(self, *args: Tensor, **kwargs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The output, or a tuple of several. Inputs in the order of the file, or by name."""
        values = self._held()
        for value, tensor in _bound(self._inputs, args, kwargs):
            _check(value, tensor)
            values[value.name] = tensor
        static = set(self._constants)
        for node, spent in zip(self._nodes, self._last, strict=True):
            known = [name in static or not name for name in node.inputs]
            inputs = [values[name] for name in node.inputs]
            call = Call(node, self.opset, known, self.training)
            run = functools.partial(OPERATORS[node.op], call, *inputs)
            is_static = node.op in _SIZES or (all(known) and node.op != "Dropout")
            try:
                found = _native._outside_capture(run) if is_static else run()
            except Exception as error:
                raise RuntimeError(f"onnx: {node}: {error}") from error
            results = (found,) if isinstance(found, Tensor) else tuple(found)
            if len(results) < len(node.outputs) and any(node.outputs[len(results) :]):
                raise RuntimeError(f"onnx: {node}: {len(node.outputs)} outputs are not supported")
            for name, result in zip(node.outputs, results, strict=False):
                if name:
                    values[name] = result
            if is_static:
                static.update(node.outputs)
            for name in spent:
                values.pop(name, None)
        outputs = [values[name] for name in self.output_names]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)  # type: ignore[return-value, arg-type]

    def extra_repr(self) -> str:
        return (
            f"{', '.join(self.input_names)} -> {', '.join(self.output_names)}, "
            f"{len(self._nodes)} nodes, opset {self.opset}"
        )


def _settings(model: Model) -> set[str]:
    """Initializers that are no weights: inputs that an operator takes for settings."""
    found = {
        node.inputs[i]
        for node in model.nodes
        for i in SETTINGS.get(node.op, ())
        if i < len(node.inputs)
    }
    for name, array in model.arrays.items():
        ours = model.producer == "wengert"
        if name.startswith("constant_") if ours else not array.array.ndim:
            found.add(name)
    return found | model.constants


def _hoisted(model: Model) -> Model:
    """With the tensors of Constant nodes among the initializers."""
    nodes = []
    for node in model.nodes:
        value = node.attributes.get("value")
        if node.op != "Constant" or len(node.outputs) != 1 or not isinstance(value, Array):
            nodes.append(node)
            continue
        (name,) = node.outputs
        if name in model.arrays:
            raise ValueError(f"{node} makes {name!r}, which there is already")
        model.arrays[name] = value
        model.constants.add(name)
    model.nodes = nodes
    return model


def _averages(model: Model) -> set[str]:
    """The means and variances of batch norms."""
    norms = (node for node in model.nodes if node.op == "BatchNormalization")
    return {name for node in norms for name in node.inputs[3:5]}


def _last_uses(model: Model) -> list[list[str]]:
    """For each node the values that nothing reads behind it."""
    kept = {value.name for value in model.outputs} | {""}
    spent: list[list[str]] = []
    for node in reversed(model.nodes):
        names = {*node.inputs, *node.outputs} - kept
        kept |= names
        spent.append(sorted(names))
    return spent[::-1]


def _bound(
    inputs: list[Value], args: tuple[Tensor, ...], kwargs: Mapping[str, Tensor]
) -> Iterable[tuple[Value, Tensor]]:
    names = [value.name for value in inputs]
    left = names[len(args) :]
    if len(args) > len(names) or set(left) != set(kwargs):
        given = f"{len(args)} and {', '.join(kwargs)}" if kwargs else str(len(args))
        raise TypeError(f"onnx: the inputs are {', '.join(names) or 'none'}; got {given}")
    return zip(inputs, [*args, *(kwargs[name] for name in left)], strict=True)


def _check(value: Value, tensor: Tensor) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"onnx: input {value.name!r} must be a tensor, not {type(tensor).__name__}")
    if value.dtype is not None and tensor.dtype != getattr(_native, value.dtype):
        raise TypeError(f"onnx: input {value.name!r} is {tensor.dtype}, needed {value.dtype}")
    if value.shape is None:
        return
    same = len(value.shape) == tensor.dim() and all(
        not isinstance(wanted, int) or wanted < 0 or size == wanted
        for size, wanted in zip(tensor.shape, value.shape, strict=True)
    )
    if not same:
        wanted = ", ".join("?" if n is None else str(n) for n in value.shape)
        raise ValueError(f"onnx: input {value.name!r} has {tuple(tensor.shape)}, needed ({wanted})")


def checked(model: Model) -> Model:
    """The model without inputs that have values; ValueError for what cannot be run."""
    if not model.opset >= 7:
        raise ValueError(f"the operators are of version {model.opset}, needed 7 or later")
    unknown = {
        f"{node.domain}.{node.op}" if node.domain else node.op
        for node in model.nodes
        if node.domain or node.op not in OPERATORS
    }
    if unknown:
        raise NotImplementedError(f"there is nothing here for {', '.join(sorted(unknown))}")
    _hoisted(model)
    model.inputs = [value for value in model.inputs if value.name not in model.arrays]
    known = {"", *model.arrays, *(value.name for value in model.inputs)}
    for node in model.nodes:
        for name in node.inputs:
            if name not in known:
                raise ValueError(f"{node} reads {name!r}, which nothing before it makes")
        _know(node, known)
    for value in model.outputs:
        if value.name not in known or not value.name:
            raise ValueError(f"nothing makes the output {value.name!r}")
    return model


def _know(node: Node, known: set[str]) -> None:
    for name in node.outputs:
        if name and name in known:
            raise ValueError(f"{node} makes {name!r}, which there is already")
        known.add(name)
