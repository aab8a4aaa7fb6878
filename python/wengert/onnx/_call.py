"""A node that is called: its attributes, its constant inputs, and the table of operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar, cast

from .. import _native
from .._native import Tensor
from ._read import Array, Node, dtype_of

Results: TypeAlias = "Tensor | tuple[Tensor, ...] | list[Tensor]"
Operator: TypeAlias = "Callable[..., Results]"

_F = TypeVar("_F", bound=Operator)

#: What operators do, by their names: called with a `Call` and the inputs, None for one left out.
OPERATORS: dict[str, Operator] = {}
#: Inputs that are no weights, by the name of the operator: initializers there are buffers.
SETTINGS: dict[str, tuple[int, ...]] = {}


def operator(*names: str, settings: tuple[int, ...] = ()) -> Callable[[_F], _F]:
    """Makes a function the operator of these names."""

    def register(function: _F) -> _F:
        for name in names:
            OPERATORS[name] = function
            SETTINGS[name] = settings
        return function

    return register


class Call:
    """One call of a node: what its operator asks for besides tensors."""

    __slots__ = ("node", "opset", "static", "training")

    def __init__(self, node: Node, opset: int, static: Sequence[bool], training: bool) -> None:
        self.node, self.opset, self.static, self.training = node, opset, static, training

    def _get(self, name: str, kinds: type | tuple[type, ...], what: str) -> object:
        value = self.node.attributes.get(name)
        if value is not None and not isinstance(value, kinds):
            raise ValueError(f"attribute {name!r} is {str(value)[:40]!r}, needed {what}")
        return value

    def has(self, name: str) -> bool:
        """Whether there is such an attribute."""
        return name in self.node.attributes

    def number(self, name: str, default: int = 0) -> int:
        """An attribute that is an integer."""
        value = self._get(name, int, "an integer")
        return default if value is None else cast("int", value)

    def real(self, name: str, default: float = 0.0) -> float:
        """An attribute that is a number."""
        value = self._get(name, (int, float), "a number")
        return default if value is None else float(cast("float", value))

    def text(self, name: str, default: str = "") -> str:
        """An attribute that is a text."""
        value = self._get(name, str, "a text")
        return default if value is None else cast("str", value)

    def numbers(self, name: str) -> list[int] | None:
        """An attribute that is a list of integers."""
        value = self._get(name, list, "a list")
        if value is None:
            return None
        if not all(isinstance(n, int) for n in cast("list", value)):
            raise ValueError(f"attribute {name!r} is no list of integers")
        return cast("list[int]", value)

    def reals(self, name: str) -> list[float] | None:
        """An attribute that is a list of numbers."""
        value = self._get(name, list, "a list")
        return None if value is None else [float(n) for n in cast("list[float]", value)]

    def texts(self, name: str) -> list[str]:
        """An attribute that is a list of texts."""
        value = self._get(name, list, "a list")
        return [] if value is None else [str(n) for n in cast("list[object]", value)]

    def array(self, name: str) -> Tensor | None:
        """An attribute that is a tensor."""
        value = self._get(name, Array, "a tensor")
        return None if value is None else cast("Array", value).tensor()

    def dtype(self, name: str, default: _native.dtype) -> _native.dtype:
        """An attribute that names a dtype."""
        return dtype_of(self.number(name)) if self.has(name) else default

    def sizes(self, index: int, values: Tensor | None) -> list[int] | None:
        """The integers that input `index` holds, which decide about sizes; None if left out."""
        if values is None:
            return None
        static = self.static[index]
        found = _native._outside_capture(values.tolist) if static else values.tolist()
        return [int(n) for n in found] if isinstance(found, list) else [int(found)]

    def axes(self, index: int, given: Tensor | None) -> list[int] | None:
        """Axes, an attribute of older versions and an input of newer ones."""
        return self.numbers("axes") if given is None else self.sizes(index, given)

    def refuse(self, why: str) -> NotImplementedError:
        """The exception for what is not read of an operator."""
        return NotImplementedError(f"this is not supported: {why}")


__all__ = ["OPERATORS", "SETTINGS", "Call", "Operator", "Results", "operator"]
