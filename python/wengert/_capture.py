"""Capture: a function of tensors is recorded once and replayed natively.

Note [capture]
The first call with arguments of a kind runs the function and records every operation (forward,
backward, optimizer). Later calls copy the arguments into the program's memory and replay it without
Python. What the function does beside operations on tensors, such as counting in Python or printing
a line, therefore happens when it is captured, not when it is replayed. Tensors that it keeps for
later calls, by putting new ones into variables, lists or attributes, are an error at the second
call: change them in place instead, or return them.

A replay must never be wrong, so a program has conditions, asked before each replay: arguments of
the same structure, shapes, dtypes and Python values; the same modes of recording; parameters,
buffers, modules, optimizers and the variables the function names as they were. If one fails the
function is captured anew; programs for other conditions are kept. Parameters, buffers, optimizer
state and data are used where they lie, so changing them in place needs no new capture. Learning
rates and other hyper-parameters of the optimizers of this package are read at every replay.
Arguments are copied in: a result that is an argument is a copy of it, and an argument that the
function asks gradients for (`requires_grad_()`) has them inside the function only. Of the user's
own objects the attributes that the code names are looked at, of lists and dicts up to 64 items.
"""

from __future__ import annotations

import functools
import gc
import linecache
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from . import _native
from ._conditions import PLAIN, Conditions, is_own_code
from ._native import CaptureError
from ._program import Program
from .nn.modules._hooks import noting_calls

__all__ = ["CaptureError", "Captured", "capture"]

#: Captures of one kind of arguments that differ in their other conditions.
_VARIANTS = 4


class CacheInfo(NamedTuple):
    """Calls replayed, calls captured, and how many programs may be and are kept."""

    hits: int
    misses: int
    maxsize: int
    currsize: int


# ---- structures of tensors ----------------------------------------------------------------------


class _Same:
    """A key that stands for one object."""

    __slots__ = ("object",)

    def __init__(self, obj: Any) -> None:
        self.object = obj

    def __hash__(self) -> int:
        return id(self.object)

    def __eq__(self, other: Any) -> bool:
        return type(other) is _Same and other.object is self.object


class _Slot:
    """Where in a structure a tensor belongs."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


def _is_namedtuple(obj: Any) -> bool:
    return isinstance(obj, tuple) and hasattr(obj, "_fields")


def _flatten_argument(obj: Any, tensors: list[Any], key: list[Any]) -> Any:
    """The structure of an argument with slots in place of tensors; `key` gets what identifies it.

    Tensors that are parameters (leaves that ask for gradients) are used where they lie.
    """
    if isinstance(obj, np.ndarray):
        obj = _native.from_numpy(obj)
    if isinstance(obj, _native.Tensor):
        if obj.requires_grad and obj.is_leaf:
            key.append(_Same(obj))
            return obj
        if obj.requires_grad and _native.is_grad_enabled():
            raise CaptureError(
                "capture: an argument has a history (requires_grad), which a captured function "
                "could not reach into; detach() it, or capture the whole step"
            )
        for i, other in enumerate(tensors):
            if other is obj:
                key.append(i)
                return _Slot(i)
        key.append(_native._tensor_key(obj))
        tensors.append(obj)
        return _Slot(len(tensors) - 1)
    if isinstance(obj, (list, tuple)):
        key.append((type(obj), len(obj)))
        items = [_flatten_argument(item, tensors, key) for item in obj]
        return type(obj)(*items) if _is_namedtuple(obj) else type(obj)(items)
    if isinstance(obj, dict):
        key.append((type(obj), tuple(obj)))
        return {name: _flatten_argument(item, tensors, key) for name, item in obj.items()}
    if isinstance(obj, (set, frozenset)):
        key.append((type(obj), frozenset(obj)))
        return obj
    key.append(_plain_key(obj) if isinstance(obj, PLAIN) else _Same(obj))
    return obj


def _plain_key(obj: Any) -> Any:
    """-0.0 is another argument than 0.0, and a NaN the same as itself."""
    return (type(obj), obj.hex() if isinstance(obj, float) else obj)


def _flatten_result(obj: Any, tensors: list[Any], strict: bool = True) -> Any:
    if isinstance(obj, _native.Tensor):
        tensors.append(obj)
        return _Slot(len(tensors) - 1)
    if isinstance(obj, (list, tuple)):
        items = [_flatten_result(item, tensors, strict) for item in obj]
        return type(obj)(*items) if _is_namedtuple(obj) else type(obj)(items)
    if isinstance(obj, dict):
        return {name: _flatten_result(item, tensors, strict) for name, item in obj.items()}
    if not strict or isinstance(obj, (*PLAIN, _native.dtype, _native.device)):
        return obj
    raise CaptureError(
        f"capture: the function returns an object of type {type(obj).__name__}; tensors, Python "
        "values, and lists, tuples and dicts of them can be returned"
    )


def _fill(obj: Any, tensors: Any) -> Any:
    """The structure with tensors in its slots."""
    if type(obj) is _Slot:
        return tensors[obj.index]
    if isinstance(obj, (list, tuple)):
        items = [_fill(item, tensors) for item in obj]
        return type(obj)(*items) if _is_namedtuple(obj) else type(obj)(items)
    if isinstance(obj, dict):
        return {name: _fill(item, tensors) for name, item in obj.items()}
    return obj


# ---- captured functions --------------------------------------------------------------------------


def _write_back(tensors: list[Any], copies: list[Any]) -> None:
    """What the function did to its copies of the arguments, done to the arguments."""
    for tensor, copy in zip(tensors, copies, strict=True):
        if copy._version:
            tensor.data.copy_(copy)


class _Recorded(NamedTuple):
    """A function that has run: its recording, arguments, result, and the modules it called."""

    recording: Any
    copies: list[Any]
    result: Any  # with slots in place of `tensors`
    tensors: list[Any]
    modules: dict[int, Any]
    again: bool  # because it seemed to make state the first time


class _Entry:
    """A program, the structure of its results, and whether it waits for a second capture.

    One that waits is never run: the function seemed to make state when it was captured.
    """

    __slots__ = ("program", "result", "waits")

    def __init__(self, program: Any, result: Any, waits: bool) -> None:
        self.program = program
        self.result = result
        self.waits = waits


def _where(error: BaseException) -> str:
    """The line outside this package that an error comes from."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if not is_own_code(code.co_filename):
            line = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            found = f"{code.co_filename}:{trace.tb_lineno}, in {code.co_name}: {line}"
        trace = trace.tb_next
    return found


class Captured:
    """A function that is recorded at its first call and replayed natively at later ones.

    Made by `capture`. Called like the function. `program` is the one used last; `cache_info()`
    counts; `cache_clear()` forgets all programs.
    """

    def __init__(self, fn: Callable[..., Any], maxsize: int = 16) -> None:
        if not callable(fn):
            raise TypeError(f"capture: a function is expected, got {type(fn).__name__}")
        if maxsize < 1:
            raise ValueError(f"capture: maxsize must be at least 1, got {maxsize}")
        functools.update_wrapper(self, fn, updated=())
        self._fn = fn
        self._maxsize = maxsize
        self._entries: OrderedDict[Any, list[_Entry]] = OrderedDict()
        self._last: _Entry | None = None
        self._hits = self._misses = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _native._is_capturing():  # part of a larger capture
            return self._fn(*args, **kwargs)
        tensors: list[Any] = []
        key, structure = self._key(args, kwargs, tensors)
        entry, results = self._replay(key, tensors)
        if entry is not None:
            return _fill(entry.result, results)
        return self._capture(key, structure, tensors)

    def _key(self, args: Any, kwargs: Any, tensors: list[Any]) -> tuple[Any, Any]:
        """What programs for these arguments are kept under, and their structure."""
        modes = _native._capture_modes()
        if not (args or kwargs):
            return modes, None
        parts = [modes]
        structure = _flatten_argument((args, kwargs), tensors, parts)
        return tuple(parts), structure

    def _replay(self, key: Any, tensors: list[Any]) -> tuple[_Entry | None, Any]:
        """The program that fits, and the results of running it; None if there is none."""
        entries = self._entries.get(key)
        if entries is not None:
            for entry in entries:
                if entry.waits:
                    continue
                results = entry.program.replay(tensors)
                if results is not None:
                    self._hits += 1
                    self._last = entry
                    return entry, results
        return None, None

    def __reduce__(self) -> Any:
        return Captured, (self._fn, self._maxsize)  # a copy has no programs

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else _Method(self, instance)

    def run(
        self,
        data: Any,
        batch_size: int = 1,
        *,
        epochs: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: _native.Generator | None = None,
        progress: Callable[[int, int, float], Any] | None = None,
    ) -> _native.Tensor:
        """Calls the function on every batch of `data`, in native code where a program fits.

        The same bit by bit, random numbers included, as

            loader = DataLoader(TensorDataset(*data), batch_size, shuffle,
                                drop_last=drop_last, generator=generator)
            losses = [step(*batch) for epoch in range(epochs) for batch in loader]

        Args:
          data: a tensor or NumPy array, or a tuple or list of them with equal first sizes;
            used where it lies.
          batch_size: rows per batch (default 1).
          epochs: passes over the data (default 1).
          shuffle: visit the rows in a new random order on each pass.
          drop_last: leave out a last batch that is short.
          generator: what the order is drawn from, default the global one.
          progress: called as `progress(epoch, batches, loss)` at the end of each epoch, and
            before that about twice a second: the epoch from 0, the batches done in all, the mean
            loss since the last call. What it raises ends the loop.

        Returns the losses of all batches, 1-d. The loss is the first tensor in what the function
        returns and must have one element.

        Ctrl-C, and whatever else a signal handler raises, ends the loop between two replayed
        batches (or in a learning-rate schedule that the function calls, as that is Python).
        Changes that the function makes to its arguments in place are lost with the batch.

        Raises ValueError for a batch size below 1, epochs below 0, no rows to shuffle;
        RuntimeError for first sizes that differ and for a loss of more than one element;
        TypeError for data that is no tensor or array, and for a function that returns none.
        """
        from ._loop import Loop

        how = (batch_size, epochs, shuffle, drop_last, generator, progress)
        return Loop(self, (), data, *how).run()

    def _record(
        self, key: Any, structure: Any, tensors: list[Any], keep: Any, strict: bool
    ) -> _Recorded:
        """Calls the function and records it; `keep` gives what is to be returned of a tensor."""
        self._misses += 1
        entries = self._entries.get(key)
        again = entries is not None and any(entry.waits for entry in entries)
        recording, copies = _native._start_recording(tensors, strict)
        results: list[Any] = []
        called: dict[int, Any] = {}
        noting_calls[id(called)] = called
        try:
            args, kwargs = ((), {}) if structure is None else _fill(structure, copies)
            conditions = Conditions(called)
            conditions.look_at(self._fn, (*args, *kwargs.values()))
            result = _flatten_result(self._fn(*args, **kwargs), results, strict)
            results = [keep(t) for t in results]
            conditions.hand_over()
            del args, kwargs, conditions
            if again:
                gc.collect()  # so that what has survived is what the function keeps
        except CaptureError as error:
            where = _where(error)
            if not where or where in str(error):
                raise
            raise CaptureError(f"{error} (at {where})") from None
        finally:
            del noting_calls[id(called)]
            _native._stop_recording(recording)
        return _Recorded(recording, copies, result, results, called, again)

    def _capture(self, key: Any, structure: Any, tensors: list[Any]) -> Any:
        done = self._record(key, structure, tensors, _native.Tensor.detach, True)
        if tensors:
            _write_back(tensors, done.copies)
            done.copies.clear()
        program = _native._finish_recording(done.recording, done.tensors)
        provisional = program.provisional
        if provisional and done.again:
            raise CaptureError(
                "capture: the function keeps tensors of one call outside for later ones, where a "
                "replay would not put new ones. Change what is kept in place (copy_, mul_, add_), "
                "or return it"
            )
        self._remember(key, _Entry(program, done.result, provisional))
        return _fill(done.result, done.tensors)

    def _remember(self, key: Any, entry: _Entry) -> None:
        self._last = entry
        entries = self._entries.get(key)
        if entries is None:
            self._entries[key] = [entry]
        else:
            self._entries.move_to_end(key)
            entries[:] = [entry, *(e for e in entries if not e.waits)][:_VARIANTS]
        while sum(map(len, self._entries.values())) > self._maxsize:
            oldest = next(iter(self._entries))
            self._entries[oldest].pop()
            if not self._entries[oldest]:
                del self._entries[oldest]

    @property
    def program(self) -> Program:
        """The program of the last call. RuntimeError before the first."""
        if self._last is None:
            raise RuntimeError("capture: the function has not been called yet")
        return Program(self._last.program)

    def profile(self, runs: int = 10) -> Program:
        """Times every step of the program of the last call; see `Program.profile`."""
        return self.program.profile(runs)

    def cache_info(self) -> CacheInfo:
        """Calls replayed and captured, and the number of programs."""
        count = sum(map(len, self._entries.values()))
        return CacheInfo(self._hits, self._misses, self._maxsize, count)

    def cache_clear(self) -> None:
        """Forgets all programs; the next call captures anew."""
        self._entries.clear()
        self._last = None
        self._hits = self._misses = 0


class _Method(functools.partial):
    """A captured function as a method of an instance."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.func, name)

    @property
    def __self__(self) -> Any:
        return self.args[0]

    def run(self, data: Any, batch_size: int = 1, **options: Any) -> _native.Tensor:
        """See `Captured.run`."""
        from ._loop import Loop

        step: Any = self.func
        return Loop(step, self.args, data, batch_size, **options).run()


def capture(fn: Callable[..., Any] | None = None, *, maxsize: int = 16) -> Any:
    """Records `fn` when it is first called, and replays it natively from then on.

    For functions of tensors, most of all a whole training step: forward, `backward()`, clipping,
    `optimizer.step()`. The call returns what `fn` returns; tensors in it are detached and belong to
    the caller. A replay gives bit by bit what the function would: see Note [capture] for when it
    is captured anew. Also a decorator: `@wengert.capture`.

    Arguments may be tensors, NumPy arrays, lists, tuples and dicts of them, and Python values,
    which are part of what a program is for. `maxsize` programs are kept, the least recently
    captured goes first.

    What is no operation on tensors (printing, counting in Python, NumPy's random numbers) happens
    only when the function is captured. A function whose course depends on values (`item()`,
    `if tensor:`, `nonzero`) raises CaptureError, which names the line; so does one that keeps new
    tensors for later calls in variables, lists or attributes: change those in place, or return
    them.
    """
    if fn is None:
        return functools.partial(capture, maxsize=maxsize)
    return Captured(fn, maxsize)
