"""What einops must know of tensors: a backend, as it has for every library that it knows itself.

einops asks every subclass of its `AbstractBackend` whether a tensor is its own, so defining one is
enough. It is defined when einops is imported, before or after this package, and never imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np

from . import _native
from ._einsum import einsum
from ._native import Tensor

_WHERE = "einops._backends"


class _Operations:
    """The methods of a backend, by the names and arguments that einops calls them with."""

    framework_name = __package__

    def is_appropriate_type(self, tensor: object) -> bool:
        return isinstance(tensor, Tensor)

    def from_numpy(self, x: np.ndarray) -> Tensor:
        tensor = _native.from_numpy(x)
        return tensor.requires_grad_() if self.is_float_type(tensor) else tensor

    def to_numpy(self, x: Tensor) -> np.ndarray:
        return x.detach().numpy()

    def arange(self, start: int, stop: int) -> Tensor:
        return _native.arange(start, stop, dtype=_native.int64)

    def reduce(self, x: Tensor, operation: str, axes: Sequence[int]) -> Tensor:
        axes = tuple(axes)
        if operation in ("min", "max"):
            return x.amin(axes) if operation == "min" else x.amax(axes)
        if operation in ("sum", "mean", "any", "all"):
            return getattr(x, operation)(axes)
        if operation != "prod":
            raise NotImplementedError(f"einops: no reduction '{operation}'")
        for axis in sorted(axes, reverse=True):
            x = x.prod(axis)
        return x

    def transpose(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        return x.permute(tuple(axes))

    def stack_on_zeroth_dimension(self, tensors: list[Tensor]) -> Tensor:
        return _native.stack(tensors)

    def add_axis(self, x: Tensor, new_position: int) -> Tensor:
        return x.unsqueeze(new_position)

    def add_axes(self, x: Tensor, n_axes: int, pos2len: dict[int, int]) -> Tensor:
        sizes = [-1] * n_axes
        for position, length in pos2len.items():
            x = x.unsqueeze(position)
            sizes[position] = length
        return x.expand(sizes)

    def tile(self, x: Tensor, repeats: Sequence[int]) -> Tensor:
        return x.repeat(tuple(repeats))

    def concat(self, tensors: list[Tensor], axis: int) -> Tensor:
        return _native.cat(tensors, axis)

    def is_float_type(self, x: Tensor) -> bool:
        return x.is_floating_point()

    def einsum(self, pattern: str, *x: Tensor) -> Tensor:
        return einsum(pattern, *x)


def _define(backends: ModuleType) -> None:
    """Makes a subclass of einops' own class, which keeps it."""
    base = getattr(backends, "AbstractBackend", None)
    if isinstance(base, type):
        vars(backends)["WengertBackend"] = type("WengertBackend", (_Operations, base), {})


class _Loader:
    """Loads a module as its own loader does, and then defines the backend in it."""

    def __init__(self, spec: ModuleSpec) -> None:
        self.own = spec.loader
        self.spec = spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.own.create_module(spec) if self.own else None

    def exec_module(self, module: ModuleType) -> None:
        if self.own:
            self.spec.loader = module.__loader__ = self.own
            self.own.exec_module(module)
        _define(module)


class _Finder:
    """Waits for einops' backends to be imported, once; all else is left to the others."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _WHERE:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                spec.loader = _Loader(spec)  # type: ignore[assignment]
                return spec
        return None


def introduce() -> None:
    """Defines the backend now if einops is there, else when it is imported."""
    found = sys.modules.get(_WHERE)
    if found is not None:
        _define(found)
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
