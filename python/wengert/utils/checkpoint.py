"""Activation checkpointing: what a function computes is not kept for backward but computed again.

A checkpointed call costs the memory of its arguments and results, and its forward a second time:
Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174. Gradients are the
same, bit by bit, random numbers included.

Both of PyTorch's variants are here. With `use_reentrant=False` all ways of backward work, and
tensors anywhere among arguments, results and what the function closes over have their gradients.
Results are looked for in tuples, lists, dicts and dataclasses: a tensor in an object of another
kind has its gradient as well, but what leads to it stays in memory. With `use_reentrant=True` only
`backward()` without `inputs` works, and an argument must require a gradient.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias, TypeVar, cast

from .. import _native
from .._typing import Args, Kwargs
from ..autograd.grad_mode import enable_grad, no_grad
from ..nn.modules.container import Sequential

Tensor = _native.Tensor
_T = TypeVar("_T")
_Contexts: TypeAlias = tuple[AbstractContextManager[object], AbstractContextManager[object]]
_Step: TypeAlias = tuple[str, tuple[tuple[int, tuple[int, ...]], ...]]

__all__ = [
    "CheckpointError",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
    "set_device_states",
]


class CheckpointError(RuntimeError):
    """The function did something else when it was called again."""


class _Nothing:
    """A context that changes nothing. That of contextlib is code that a capture would look at."""

    def __enter__(self) -> None: ...

    def __exit__(self, *exc: object) -> None: ...


def noop_context_fn() -> _Contexts:
    """Two contexts that change nothing."""
    return _Nothing(), _Nothing()


def detach_variable(inputs: tuple[object, ...]) -> tuple[object, ...]:
    """The tensors of a tuple without their history, requiring a gradient where they did."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )
    return tuple(
        x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs
    )


def check_backward_validity(inputs: Iterable[object]) -> None:
    """Warns if no tensor of `inputs` requires a gradient."""
    if not any(x.requires_grad for x in inputs if isinstance(x, Tensor)):
        _native._warn("None of the inputs have requires_grad=True. Gradients will be None")


def get_device_states(*args: object) -> tuple[list[int], list[Tensor]]:
    """No devices and no states: there is the CPU's generator, whose state is always preserved."""
    return [], []


def set_device_states(
    devices: Sequence[int], states: Sequence[Tensor], *, device_type: str | None = None
) -> None:
    """Does nothing for what `get_device_states` gives; RuntimeError for any device."""
    if devices:
        raise RuntimeError(f"set_device_states: there are no devices {list(devices)} here")


_debug_enabled: bool | None = None


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """In this context `enabled` is used in place of `debug` of each checkpoint, unless None."""
    global _debug_enabled
    before, _debug_enabled = _debug_enabled, enabled
    try:
        yield
    finally:
        _debug_enabled = before


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Accepted: a function is always computed again to its end, which gives the same gradients."""
    yield


def _tensors_in(value: object) -> list[Tensor]:
    """The tensors of nested tuples, lists, dicts and dataclasses, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if not isinstance(value, (tuple, list)):
        return []
    return [tensor for item in value for tensor in _tensors_in(item)]


@contextlib.contextmanager
def _random_state(state: Tensor | None) -> Iterator[None]:
    """Draws as from `state` on; afterwards the generator goes on where it was."""
    if state is None:
        yield
        return
    before = _native.ops.exchange_rng_state(state)
    try:
        yield
    finally:
        _native.ops.exchange_rng_state(before)


@contextlib.contextmanager
def _autocast(state: tuple[bool, _native.dtype, bool]) -> Iterator[None]:
    before = _native.autocast_state()
    _native.set_autocast_state(*state)
    try:
        yield
    finally:
        _native.set_autocast_state(*before)


class _Call:
    """A checkpointed call: what it takes to make it again."""

    def __init__(self, function: Callable, args: Args, kwargs: Kwargs, preserve: bool) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.state = _native.ops.rng_state() if preserve else None
        self.cast = _native.autocast_state()
        self.versions = [arg._version for arg in args if isinstance(arg, Tensor)]

    def again(self) -> object:
        tensors = [arg for arg in self.args if isinstance(arg, Tensor)]
        for tensor, version in zip(tensors, self.versions, strict=True):
            if tensor._version != version:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: an argument of checkpoint of shape {tuple(tensor.shape)} "
                    f"is at version {tensor._version}; expected version {version} instead."
                )
        with _random_state(self.state), _autocast(self.cast), enable_grad():
            return self.function(*self.args, **self.kwargs)


class _Reentrant(_Call):
    """Makes the call again for a backward that has come to its results."""

    def __call__(self, selective: bool) -> list[Tensor]:
        if selective:
            raise RuntimeError(
                "When use_reentrant=True, checkpoint is incompatible with .grad() or passing an "
                "`inputs` parameter to .backward(). To resolve this error, you can either set "
                "use_reentrant=False, or call .backward() without passing the `inputs` argument."
            )
        result = self.again()
        outputs = [t for t in _listed(result) if isinstance(t, Tensor) and t.is_floating_point()]
        if not any(t.requires_grad for t in outputs):
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        return outputs


def _listed(result: object) -> list[object]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def _reentrant(call: _Reentrant) -> object:
    check_backward_validity(call.args)
    recorded = _native.is_grad_enabled()
    with no_grad():
        result = call.function(*call.args)
        inputs = [a for a in call.args if isinstance(a, Tensor) and a.requires_grad]
        if not inputs or not recorded:
            return result
        items = _listed(result)
        seen: list[Tensor] = []
        for i, item in enumerate(items):
            if not isinstance(item, Tensor) or not item.is_floating_point():
                continue
            # What has a history, or is there twice, is given as an alias.
            if item.requires_grad or any(item is other for other in seen):
                items[i] = item = item.detach()
            seen.append(item)
    if not seen:
        return result
    _native._record_segment(inputs, seen, call)
    return type(result)(items) if isinstance(result, (tuple, list)) else items[0]


class _Segment(_Call):
    """The same, for results at any place of what the function returns."""

    places: list[int]  # of the results among its tensors
    tensors = 0
    steps: list[_Step] | None = None
    debug = False
    context: AbstractContextManager[object]

    def __call__(self, selective: bool) -> list[Tensor]:
        since = _native._newest_entry()
        with self.context:
            found = _tensors_in(self.again())
        if len(found) != self.tensors:
            raise CheckpointError(
                f"checkpoint: the function returned {self.tensors} tensors, and {len(found)} when "
                "it was called again in backward"
            )
        outputs = [found[i] for i in self.places]
        if self.steps is not None:
            self._compare(self.steps, _native._steps_since(outputs, since))
        return outputs

    def _compare(self, before: list[_Step], now: list[_Step]) -> None:
        if before == now:
            return
        more = f"\nForward: {_names(before)}\nAgain: {_names(now)}" if self.debug else ""
        if len(before) != len(now):
            raise CheckpointError(
                "checkpoint: a different number of operations was recorded during the original "
                f"forward and recomputation: {len(before)} and {len(now)}.{more}"
            )
        for i, (was, is_now) in enumerate(zip(before, now, strict=True)):
            if was != is_now:
                raise CheckpointError(
                    "checkpoint: Recomputed values have different metadata than during the forward "
                    f"pass: operation {i} was {_described(was)} and is {_described(is_now)}.{more}"
                )


def _described(step: _Step) -> str:
    return f"{step[0]} of {', '.join(str(shape) for _, shape in step[1])}"


def _names(steps: list[_Step]) -> str:
    return ", ".join(name for name, _ in steps)


def _replayable(call: _Segment, contexts: _Contexts, checked: bool) -> object:
    """Calls the function and leaves one entry of the graph in place of what it recorded."""
    since = _native._newest_entry()
    finished = False
    with contexts[0]:
        result = call.function(*call.args, **call.kwargs)
        finished = True
    if not finished:
        raise RuntimeError(
            "checkpoint: the forward context provided by context_fn suppressed an exception raised "
            "during the checkpointed forward. This is not supported because checkpoint cannot "
            "return a value for a failed forward."
        )
    found = _tensors_in(result)
    first = {id(tensor): i for i, tensor in reversed(list(enumerate(found)))}
    call.places = sorted(i for i in first.values() if _native._made_since(found[i], since))
    if not call.places:
        return result
    call.tensors, call.context = len(found), contexts[1]
    outputs = [found[i] for i in call.places]
    call.steps = _native._steps_since(outputs, since) if checked else None
    _native._replace_segment(outputs, since, call)
    return result


def checkpoint(
    function: Callable[..., _T],
    *args: object,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], _Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: object,
) -> _T:
    """`function(*args, **kwargs)`, which is called again in backward in place of keeping anything.

    `use_reentrant` chooses the variant, see above; None warns and means True. With
    `preserve_rng_state` the second call draws the numbers of the first. `context_fn` gives two
    contexts, for the call and for the second one. `determinism_check="default"` raises a
    CheckpointError if the second call records other operations, or other shapes or dtypes, than the
    first; "none" does not look. `debug` names the operations in that error. `early_stop` is
    accepted: the function always runs to its end.

    With `use_reentrant=True` keyword arguments, `context_fn` and `debug` are a ValueError.
    RuntimeError if an argument was changed in place between the call and backward.
    """
    if use_reentrant is None:
        _native._warn(_EXPLICIT.format("checkpoint"))
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        return cast(_T, _reentrant(_Reentrant(function, args, {}, preserve_rng_state)))
    if _debug_enabled is not None:
        debug = _debug_enabled
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    contexts = context_fn()
    if not _native.is_grad_enabled():
        return function(*args, **kwargs)
    call = _Segment(function, args, kwargs, preserve_rng_state)
    call.debug = debug
    return cast(_T, _replayable(call, contexts, determinism_check == "default"))


_EXPLICIT = (
    "{}: the use_reentrant parameter should be passed explicitly. use_reentrant=False is "
    "recommended; use_reentrant=True is what leaving it out means."
)


def checkpoint_sequential(
    functions: Sequential | Sequence[Callable[[Tensor], Tensor]],
    segments: int,
    input: Tensor,
    use_reentrant: bool | None = None,
    *,
    preserve_rng_state: bool = True,
    **kwargs: object,
) -> Tensor:
    """Calls one after the other, checkpointed in `segments` parts of which the last is not.

    `functions` is a Sequential or a list of what takes one tensor and gives one.
    """
    if use_reentrant is None:
        _native._warn(_EXPLICIT.format("checkpoint_sequential"))
        use_reentrant = True
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions.children()) if isinstance(functions, Sequential) else list(functions)

    def part(begin: int, end: int) -> Callable[[Tensor], Tensor]:
        def run(x: Tensor) -> Tensor:
            for step in steps[begin:end]:
                x = step(x)
            return x

        return run

    size = len(steps) // segments
    end = 0
    for begin in range(0, size * (segments - 1), size):
        end = begin + size
        input = checkpoint(
            part(begin, end),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
    return part(end, len(steps))(input)
