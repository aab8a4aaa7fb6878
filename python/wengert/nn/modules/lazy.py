"""Modules that find the shapes of their parameters at their first call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

from ..._native import Tensor
from ..._typing import Args, Kwargs
from ...autograd.grad_mode import no_grad
from ...utils.hooks import RemovableHandle
from ..parameter import UninitializedTensorMixin, is_lazy
from ._state_dict import State
from .module import Module

if TYPE_CHECKING:
    # What the class beside the mixin is, for those who read types only.
    _Beside = Module
else:
    _Beside = object

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin(_Beside):
    """Beside a module class, first in its bases: parameters whose shapes the first call finds.

    Until then they are `UninitializedParameter`s, or buffers `UninitializedBuffer`s, which can be
    cast, saved and loaded, but not computed with. At the first call `initialize_parameters` gets
    its arguments and gives them shapes and values; then the class of the module becomes
    `cls_to_become`. Loading a state whose tensors have shapes gives them these. RuntimeError if a
    parameter is left without a shape.
    """

    cls_to_become: type[Module] | None = None
    _load_hook: RemovableHandle
    _initialize_hook: RemovableHandle

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(
            self._infer_parameters, with_kwargs=True
        )

    def _tensors(self) -> Iterator[tuple[str, Tensor | None]]:
        yield from self._parameters.items()
        yield from self._buffers.items()

    def _save_to_state_dict(self, destination: State, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, True)
        if keep_vars:
            return
        for name, tensor in self._tensors():
            if prefix + name in destination and tensor is not None and not is_lazy(tensor):
                destination[prefix + name] = tensor.detach()

    def _lazy_load_hook(
        self,
        state_dict: Mapping[str, object],
        prefix: str,
        local_metadata: State,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Gives what has no shape the one that is loaded."""
        for name, tensor in self._tensors():
            found = state_dict.get(prefix + name)
            if is_lazy(tensor) and isinstance(found, Tensor) and not is_lazy(found):
                with no_grad():
                    cast("UninitializedTensorMixin", tensor).materialize(found.shape)

    def initialize_parameters(self, *args: object, **kwargs: object) -> None:
        """Gives all parameters and buffers shapes and values; called with the module's inputs."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(is_lazy(tensor) for _, tensor in self._tensors())

    def _infer_parameters(
        self, module: LazyModuleMixin, args: Args, kwargs: Kwargs | None = None
    ) -> None:
        """The hook before the first forward."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become  # type: ignore[assignment]
