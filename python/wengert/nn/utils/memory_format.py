"""The order in memory of the weights of convolutions."""

from __future__ import annotations

from typing import TypeVar

from ..._types import memory_format as _memory_format
from ..modules.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d
from ..modules.module import Module

_M = TypeVar("_M", bound=Module)


def convert_conv2d_weight_memory_format(module: _M, memory_format: _memory_format) -> _M:
    """Lays the weights of all Conv2d and ConvTranspose2d of a module out in this format."""
    return _converted(module, (Conv2d, ConvTranspose2d), memory_format)


def convert_conv3d_weight_memory_format(module: _M, memory_format: _memory_format) -> _M:
    """Lays the weights of all Conv3d and ConvTranspose3d of a module out in this format."""
    return _converted(module, (Conv3d, ConvTranspose3d), memory_format)


def _converted(module: _M, kinds: tuple[type[Module], ...], memory_format: _memory_format) -> _M:
    for part in module.modules():
        if isinstance(part, kinds):
            weight = part.weight
            weight.data = weight.detach().clone(memory_format=memory_format)
    return module
