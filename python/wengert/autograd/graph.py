"""The graph that backward walks: `tensor.grad_fn` is a node, its `next_functions` lead on."""

from __future__ import annotations

import contextlib

from .. import _native
from .._native import Node, Tensor
from .._typing import Hook
from ..utils.hooks import RemovableHandle, native_handle

__all__ = ["Node", "increment_version", "save_on_cpu"]


def _register_hook(self: Node, fn: Hook) -> RemovableHandle:
    """Calls `fn(grad_inputs, grad_outputs)` after the node has run.

    A tuple that it returns replaces `grad_inputs`. At the end of the graph, where gradients are
    added to `.grad` of a leaf, `grad_inputs` is empty.
    """
    number = _native._add_node_hook(self, fn, False)
    return native_handle(number, _native._remove_node_hook, self)


def _register_prehook(self: Node, fn: Hook) -> RemovableHandle:
    """Calls `fn(grad_outputs)` before the node runs; a tuple that it returns replaces them."""
    number = _native._add_node_hook(self, fn, True)
    return native_handle(number, _native._remove_node_hook, self)


for _function in (_register_hook, _register_prehook):
    _function.__name__ = _function.__name__[1:]
    setattr(Node, _function.__name__, _function)


def increment_version(tensor: Tensor) -> None:
    """Counts a change in place, made where the tape does not see it."""
    _native._bump_version(tensor)


class save_on_cpu(contextlib.AbstractContextManager["save_on_cpu"]):
    """A block whose operations keep what backward needs in the memory of the CPU, where they keep
    it in any case: accepted, with the arguments of PyTorch, and without effect."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        self.pin_memory, self.device_type = pin_memory, device_type

    def __exit__(self, *exc: object) -> None:
        """Nothing was changed."""
