"""`OptimizedModule`: what `compile` makes of a module."""

from __future__ import annotations

from typing import Any

from ..._capture.compiled import Compiled, compiled_form
from ..._typing import Kwargs
from .module import Module


class OptimizedModule(Module):
    """A module whose calls are compiled; the original is `_orig_mod`, and has all attributes."""

    _OWN = frozenset(("_orig_mod", "_compiled", "_fullgraph"))

    def __init__(self, module: Module, fullgraph: bool) -> None:
        super().__init__()
        del self.__dict__["training"]
        self._orig_mod = module
        self._fullgraph = fullgraph
        self._compiled = Compiled(module, fullgraph)

    def forward(self, *args: object, **kwargs: object) -> Any:
        """The original module's call."""
        return self._compiled(*args, **kwargs)

    @property
    def training(self) -> bool:
        """The mode of the original module."""
        return self._orig_mod.training

    @training.setter
    def training(self, mode: bool) -> None:
        self._orig_mod.training = mode

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if "_orig_mod" not in self.__dict__:
                raise
            return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name in self._OWN or name in self.__dict__ or hasattr(type(self), name):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __getstate__(self) -> Kwargs:
        state = super().__getstate__()
        del state["_compiled"]
        return state

    def __setstate__(self, state: Kwargs) -> None:
        super().__setstate__(state)
        del self.__dict__["training"]
        self._compiled = Compiled(self._orig_mod, self._fullgraph)


compiled_form.register(Module, OptimizedModule)
