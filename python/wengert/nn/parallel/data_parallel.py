"""`DataParallel`: the module on the one device there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from ...nn.modules.module import Module

__all__ = ["DataParallel", "data_parallel"]

_M = TypeVar("_M", bound=Module)


class DataParallel(Module, Generic[_M]):
    """Calls `module`, as PyTorch's does where there is no GPU.

    `device_ids`, `output_device` and `dim` are accepted. The keys of `state_dict` begin with
    `module.`, so that files are PyTorch's.
    """

    def __init__(
        self,
        module: _M,
        device_ids: Sequence[object] | None = None,
        output_device: object = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []

    def forward(self, *inputs: object, **kwargs: object) -> object:
        """What the module gives."""
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: object,
    device_ids: Sequence[object] | None = None,
    output_device: object = None,
    dim: int = 0,
    module_kwargs: dict[str, object] | None = None,
) -> object:
    """`module(*inputs, **module_kwargs)`; `inputs` is a tuple, or the only input."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))
