"""The graph that backward walks: `tensor.grad_fn` is a node, its `next_functions` lead on."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from .. import _native
from .._common import typename
from .._native import Node, Tensor
from .._typing import Hook
from ..utils.hooks import RemovableHandle, native_handle

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]

Pack: TypeAlias = Callable[[Tensor], object]
Unpack: TypeAlias = Callable[..., Tensor]


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


# ---- places of the graph ----


class GradientEdge(NamedTuple):
    """A place of the graph, where a gradient arrives: output `output_nr` of `node`.

    `autograd.grad` and `backward` take it wherever they take a tensor. It keeps the graph, not the
    memory of the tensor that stands there. `ownership_token` keeps what the node needs; here the
    node does that itself, so it is None.
    """

    node: Node
    output_nr: int
    ownership_token: Node | None = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The place where the gradient of `tensor` arrives. RuntimeError unless it requires one."""
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    return GradientEdge(_node_of(tensor), tensor.output_nr)


def _node_of(tensor: Tensor) -> Node:
    if tensor.grad_fn is not None:
        return tensor.grad_fn
    before = _native.set_grad_enabled_(True)
    try:
        view = tensor.view_as(tensor).grad_fn  # whose only input is the leaf
    finally:
        _native.set_grad_enabled_(before)
    assert view is not None and view.next_functions[0][0] is not None
    return view.next_functions[0][0]


# ---- hooks of several tensors ----

_Run = TypeVar("_Run")
_KEPT_RUNS = 64  # of runs that ended early nothing tells, so the oldest are forgotten


def register_multi_grad_hook(
    tensors: Sequence[Tensor],
    fn: Callable[[Sequence[Tensor | None]], None] | Callable[[Tensor], None],
    *,
    mode: Literal["all", "any"] = "all",
) -> RemovableHandle:
    """Calls `fn` once in each backward that comes to these tensors.

    With `mode="all"` (the default) after the gradients of all of them that this backward comes to,
    `fn(grads)` with None for the others; with "any" after the first, `fn(grad)`. What it returns is
    ignored. The handle's `remove()` removes it. ValueError for another mode; RuntimeError for a
    tensor that requires no gradient.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if not callable(fn):
        raise TypeError(f"register_multi_grad_hook: fn must be callable, got {typename(fn)}")
    given = tuple(tensors)
    state = _AllGrads(given, fn) if mode == "all" else _AnyGrad(fn)
    handles = [t.register_hook(functools.partial(state, i)) for i, t in enumerate(given)]
    return _SeveralHandles(handles)


class _AllGrads:
    """Waits for the gradients that a run comes to.

    Neither tensors nor nodes are kept: they keep the hook. A node is known by its number, a leaf,
    which the hook may keep like any that is used in it, as itself.
    """

    def __init__(self, tensors: tuple[Tensor, ...], fn: Callable[..., object]) -> None:
        self._places = [t if t.grad_fn is None else t.grad_fn._sequence_nr() for t in tensors]
        self._fn = fn
        self._runs: dict[int, tuple[int, dict[int, Tensor]]] = {}  # how many, and those there

    def __call__(self, i: int, grad: Tensor) -> None:
        run = _native._backward_running()
        if run not in self._runs:
            expected = sum(map(_native._backward_reaches, self._places))
            _forget_oldest(self._runs)
            self._runs[run] = expected, {}
        expected, grads = self._runs[run]
        grads[i] = grad
        if len(grads) == expected:
            del self._runs[run]
            self._fn([grads.get(k) for k in range(len(self._places))])


class _AnyGrad:
    def __init__(self, fn: Callable[..., object]) -> None:
        self._fn = fn
        self._runs: dict[int, None] = {}

    def __call__(self, i: int, grad: Tensor) -> None:
        run = _native._backward_running()
        if run not in self._runs:
            _forget_oldest(self._runs)
            self._runs[run] = None
            self._fn(grad)


def _forget_oldest(runs: dict[int, _Run]) -> None:
    if len(runs) >= _KEPT_RUNS:
        del runs[next(iter(runs))]


class _SeveralHandles(RemovableHandle):
    def __init__(self, handles: list[RemovableHandle]) -> None:
        self._handles = handles

    def remove(self) -> None:
        """Removes the hook; a second call does nothing."""
        for handle in self._handles:
            handle.remove()

    def __getstate__(self) -> list[RemovableHandle]:  # type: ignore[override]
        return self._handles

    def __setstate__(self, state: list[RemovableHandle]) -> None:  # type: ignore[override]
        self._handles = state


# ---- what is saved ----


class saved_tensors_hooks(contextlib.AbstractContextManager[None]):
    """A block whose operations keep `pack_hook(tensor)` in place of each tensor that they save for
    backward, and get it back by `unpack_hook` of that when backward needs it.

    `pack_hook` gets an input of the operation as it is (a parameter is a Parameter), a result
    detached; nothing is recorded in it, and it may not change the tensor. It may return anything.
    `unpack_hook` must return a tensor of the shape that was packed, with the same values for the
    gradient to be right; another dtype is cast back. Changes in place of what was saved are its
    business: they are not looked for. The innermost block counts. A captured function runs as it
    is written in such a block; a block within a captured function is captured with it, as far as
    the hooks are operations on tensors.
    """

    def __init__(self, pack_hook: Pack, unpack_hook: Unpack) -> None:
        for name, hook in (("pack_hook", pack_hook), ("unpack_hook", unpack_hook)):
            if not callable(hook):
                raise TypeError(
                    f"saved_tensors_hooks: {name} must be callable, got {typename(hook)}"
                )
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        """Takes the hooks for the operations of this thread."""
        _native._push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exc: object) -> None:
        """Back to those before."""
        _native._pop_saved_hooks()


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """A block in which hooks for saved tensors are refused: RuntimeError(`error_message`). Also
    where the block stands within hooks."""
    before = _native._refuse_saved_hooks(error_message)
    try:
        yield
    finally:
        _native._refuse_saved_hooks(before)


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """A block whose operations save copies, so that what they saved may be changed in place.

    Everything that is saved is copied, parameters too, whether it is changed or not.
    """
    with saved_tensors_hooks(Tensor.clone, lambda copy: copy):
        yield


class save_on_cpu(contextlib.AbstractContextManager["save_on_cpu"]):
    """A block whose operations keep what backward needs in the memory of the CPU, where they keep
    it in any case: accepted, with the arguments of PyTorch, and without effect."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        self.pin_memory, self.device_type = pin_memory, device_type

    def __exit__(self, *exc: object) -> None:
        """Nothing was changed."""
