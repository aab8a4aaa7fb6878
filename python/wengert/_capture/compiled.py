"""`compile`: PyTorch's name for making calls faster, on top of `capture`.

Note [compile]
A compiled function must give what the function gives, gradients included, whatever it is. So its
calls are replayed where a program is all there is to a call, and are plain calls otherwise: if a
result will be asked for gradients afterwards, since a replay leaves no graph; if the course of the
function depends on values; if an argument has a history; and if a call has effects that a replay
would not have and that can be seen (attributes of modules set, tensors kept, hooks run). The first
call with arguments of a kind records and finds out; the first reason found is told in a warning.

What cannot be seen is what `capture` cannot see either: printing, appending numbers to lists,
random numbers that are not the package's.
"""

from __future__ import annotations

import functools
import types
from typing import Any

import numpy as np

from .. import _native
from .._native import Tensor
from .._typing import Args, UserFunction
from .cache import Cached
from .captured import Captured
from .conditions import tells_conditions
from .record import CaptureError, Recorded, name_of, record
from .structures import PLAIN, Containers, Data, Slot, fill, is_namedtuple
from .verify import verified

__all__ = ["compile"]

_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
#: What a program may depend on by identity: it is checked, or cannot change.
_FIXED = (type, types.FunctionType, types.BuiltinFunctionType)
_CONSTANT = (_native.dtype, _native.device, slice, type(Ellipsis))


def _obstacle(arg: Any) -> str:
    """Why there can be no program for a call with this argument; "" if there can."""
    kind = type(arg)
    if isinstance(arg, _native.Tensor):
        if arg.requires_grad and not arg.is_leaf and _native.is_grad_enabled():
            return "an argument has a history (requires_grad), which a replay could not reach into"
        return ""
    if kind in PLAIN or isinstance(arg, _FIXED) or kind in _CONSTANT or tells_conditions(kind):
        return ""
    items = arg.values() if kind is dict else arg
    if kind in (list, tuple, dict) or is_namedtuple(arg):
        return next(filter(None, map(_obstacle, items)), "")
    if isinstance(arg, np.ndarray):
        return "an argument is a NumPy array"
    return f"an argument is a {kind.__name__}, which could change unseen"


def _odd_result(result: Any) -> str:
    """The type of something in a result that is neither tensor, number nor structure of them."""
    kind = type(result)
    items = result.values() if kind is dict else result
    if kind in (list, tuple, dict) or is_namedtuple(result):
        return next(filter(None, map(_odd_result, items)), "")
    return "" if kind is Slot or kind in PLAIN or kind in _CONSTANT else kind.__name__


def _write_back(tensors: list[Tensor], copies: list[Tensor]) -> None:
    for tensor, copy in zip(tensors, copies, strict=True):
        if copy.requires_grad:  # it has a history now, and so has the argument
            tensor.copy_(copy)
        elif copy._version:
            tensor.data.copy_(copy)


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _placed(
    results: list[Tensor], copies: list[Tensor], tensors: list[Tensor]
) -> tuple[list[int | None], list[Tensor]]:
    """Which argument each result is, and the results as they would be of a plain call: those that
    are arguments, or lie in their memory, are so again."""
    origins: list[int | None] = []
    placed = []
    for result in results:
        origin, place = None, result
        for i, (copy, tensor) in enumerate(zip(copies, tensors, strict=True)):
            if copy is result:
                origin, place = i, tensor
            elif not result.requires_grad and place is result:
                view = _native._moved_view(result, copy, tensor)
                place = result if view is None else view
        origins.append(origin)
        placed.append(place)
    return origins, placed


def _returned(cached: Cached, tensors: list[Tensor], results: tuple[Tensor, ...]) -> object:
    """What a call returns whose replay had these results."""
    structure, origins = cached.result
    rest = iter(results)
    return fill(structure, [next(rest) if i is None else tensors[i] for i in origins])


class Compiled(Captured):
    """A function whose calls are replayed where that is right. Made by `compile`.

    Called like the function. `cache_info()` counts calls replayed and recorded; calls that are
    neither are plain calls.
    """

    def __init__(self, fn: UserFunction, fullgraph: bool) -> None:
        super().__init__(fn)
        self._fullgraph = fullgraph
        self._plain_modes: set[int] = set()

    def __reduce__(self) -> Args:
        return Compiled, (self._fn, self._fullgraph)

    def cache_clear(self) -> None:
        """Forgets all programs, and which calls are plain calls."""
        super().cache_clear()
        self._plain_modes.clear()

    def __call__(self, *args: object, **kwargs: object) -> Any:
        if _native._is_capturing() or _native._capture_modes() in self._plain_modes:
            return self._fn(*args, **kwargs)
        for arg in (*args, *kwargs.values()) if kwargs else args:
            if type(arg) is _native.Tensor and not arg.requires_grad:
                continue
            obstacle = _obstacle(arg)
            if obstacle:
                self._warn(obstacle)
                return self._fn(*args, **kwargs)
        tensors: list[Tensor] = []
        key, structure = self._key(args, kwargs, tensors)
        cache = self._cache
        if key in cache.refused:
            return self._fn(*args, **kwargs)
        if self._verify and (cached := self._to_verify(key)):
            return verified(
                name_of(self._fn),
                cached.program,
                tensors,
                functools.partial(_returned, cached, tensors),
                functools.partial(self._fn, *args, **kwargs),
            )
        cached, results = cache.replay(key, tensors)
        if cached is not None:
            return _returned(cached, tensors, results)
        if cache.misses >= cache.maxsize and cache.hits < cache.misses:
            self._warn("its arguments or what it depends on differ at most calls")
            return self._fn(*args, **kwargs)
        if _native._runs_as_written():
            return self._fn(*args, **kwargs)
        return self._first_call(key, structure, tensors, (args, kwargs))

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def run(self, data: Data, *args: Any, **kwargs: Any) -> Tensor:
        """See `Captured.run`; what stands in the way of a replay is an error there."""
        return Captured(self._fn).run(data, *args, **kwargs)

    def _first_call(
        self, key: object, structure: object, tensors: list[Tensor], arguments: object
    ) -> object:
        """Calls the function as ever, and keeps a program if its calls can be replayed."""
        changes = _native._change_count()
        waiting = self._cache.begin(key)
        done = record(self._fn, structure, tensors, _same, self._fullgraph, waiting is not None)
        failure = _native._recording_failure(done.recording)
        if self._fullgraph and failure:
            raise CaptureError(f"compile: {failure}")
        live = any(map(_native._has_live_graph, [*done.tensors, *done.copies]))
        _write_back(tensors, done.copies)
        if done.written is not None:
            same: dict[int, object] = {id(c): t for c, t in zip(done.copies, tensors, strict=True)}
            done.written.write_to(Containers(arguments), same)
        origins, results = _placed(done.tensors, done.copies, tensors)
        returned = fill(done.result, results)
        if live:
            self._plain_modes.add(_native._capture_modes())
            reason = "its results need a gradient, which a replay leaves no graph for"
        elif any(
            r is not t for r, t, i in zip(results, done.tensors, origins, strict=True) if i is None
        ):
            reason = "it returns a view of an argument"
        else:
            reason = self._reason(done, changes)
        if not reason:
            own = [t for t, i in zip(done.tensors, origins, strict=True) if i is None]
            reason = self._keep(key, done, own, origins, waiting)
        if reason:
            self._plain(key, reason)
        return returned

    def _keep(
        self,
        key: object,
        done: Recorded,
        own: list[Tensor],
        origins: list[int | None],
        waiting: Cached | None,
    ) -> str:
        """Remembers the program of a recording; why not, if it can't be one."""
        done.copies.clear()
        done.tensors.clear()
        try:
            program = _native._finish_recording(done.recording, own)
        except CaptureError as error:
            if self._fullgraph:
                raise
            return str(error)
        reason = done.odd(waiting, program.provisional)
        if not reason:
            waits = done.waits(waiting, program.provisional)
            self._cache.add(key, Cached(program, (done.result, origins), waits, done.seen.lines))
        return reason

    def _reason(self, done: Recorded, changes: int) -> str:
        """Why the call that has just been recorded cannot be replayed; "" if it can."""
        failure = _native._recording_failure(done.recording)
        if failure:
            return failure
        if _native._change_count() != changes:
            return "it sets attributes of modules"
        effect = next(filter(None, (reason() for reason in done.effects)), "")
        if effect:
            return effect
        odd = _odd_result(done.result)
        return f"it returns a {odd}" if odd else ""

    def _plain(self, key: object, reason: str) -> None:
        if not self._cache.refuse(key):
            self._plain_modes.add(_native._capture_modes())
        self._warn(reason)

    def _warn(self, reason: str) -> None:
        if self._warned:
            return
        self._warned = True
        _native._warn(
            f"compile: {name_of(self._fn)} is called as it is, not replayed: {reason}. What can be "
            "replayed is a whole training step (forward, backward, optimizer), with wengert.capture"
        )


@functools.singledispatch
def compiled_form(model: UserFunction, fullgraph: bool) -> Any:
    """What `compile` makes of a function. Registered for other types where these are defined."""
    return Compiled(model, fullgraph)


def compile(
    model: UserFunction | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: object = "inductor",
    mode: str | None = None,
    options: dict[str, object] | None = None,
    disable: bool = False,
) -> Any:
    """A function or module with the same results, whose calls are replayed where that is right.

    The names of `torch.compile`, for scripts that have it. Of a module it makes an
    `OptimizedModule`; without an argument it is a decorator. Calls under `no_grad`, or of functions
    that call `backward()` themselves, are recorded once and replayed natively from then on; see
    Note [compile]. Calls that cannot be replayed, such as a model's in a training loop, are plain
    calls, and one warning names the reason: to replay a whole training step use `capture`.

    With `fullgraph` a function that depends on values raises CaptureError. `dynamic`, `backend`,
    `mode` and `options` are accepted and have no influence; `disable` returns `model` itself.
    RuntimeError for an unknown mode, or a mode and options together.
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if mode is not None and mode not in _MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(_MODES)}")
    if model is None:
        return lambda model: compile(model, fullgraph=fullgraph, disable=disable)
    if not callable(model):
        raise TypeError(f"compile: a function or module is expected, got {type(model).__name__}")
    if disable:
        return model
    return compiled_form(model, fullgraph)
