"""Capture: a function of tensors is recorded once and replayed natively.

Note [capture]
The first call with arguments of a kind runs the function and records every operation (forward,
backward, optimizer). Later calls copy the arguments into the program's memory and replay it without
Python. What the function does beside operations on tensors, such as printing a line, therefore
happens when it is captured, not when it is replayed. What it keeps for later calls, by putting new
tensors into variables, lists or attributes, is an error at once (at the second call, if it may have
done so because it looked there first, as for what is made once); so is a number, at the second
call: change
tensors in place instead, or return them. So are random numbers that are not this package's, items
of an iterator from outside, and a list or dict among the arguments that the function changes; and
if it calls a function of C that may give something else the next time (the clock, a file), it is
recorded twice, and two calls that do different things are an error.

A replay must never be wrong, so a program has conditions, asked before each replay: arguments of
the same structure, shapes, dtypes and Python values; the same modes of recording; parameters,
buffers, modules, optimizers, and all that it read of Python's state, as they were; see Note
[reads]. If one fails the function is captured anew; programs for other conditions are kept. Where
that happens at most calls they become plain calls, with a warning. Parameters, buffers, optimizer
state and data are used where they lie, so changing them in place needs no new capture. Learning
rates and other hyper-parameters of the optimizers of this package are read at every replay.
Arguments are copied in: a result that is an argument is a copy of it, and an argument that the
function asks gradients for (`requires_grad_()`) has them inside the function only. An object that
knows better has a method `__capture_conditions__`, see Note [conditions].
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any, cast, overload

from .. import _native
from .._native import Tensor
from .._typing import Args, Kwargs, UserFunction
from .cache import Cached, CacheInfo, ProgramCache
from .program import Program, three_batches
from .record import CaptureError, name_of, record
from .structures import Data, fill, flatten_call, flatten_result
from .verify import interval, verified

__all__ = ["CaptureError", "Captured", "capture", "explain"]


class Captured:
    """A function that is recorded at its first call and replayed natively at later ones.

    Made by `capture`. Called like the function. `program` is the one used last; `cache_info()`
    counts; `cache_clear()` forgets all programs.
    """

    def __init__(self, fn: UserFunction, maxsize: int = 16, verify: int | None = None) -> None:
        if not callable(fn):
            raise TypeError(f"capture: a function is expected, got {type(fn).__name__}")
        if maxsize < 1:
            raise ValueError(f"capture: maxsize must be at least 1, got {maxsize}")
        functools.update_wrapper(self, fn, updated=())
        self._fn = fn
        self._cache = ProgramCache(maxsize)
        self._warned = False
        self._verify = interval(verify)
        self._unverified = 0  # replays since the last one that was verified

    def __call__(self, *args: object, **kwargs: object) -> Any:
        if _native._is_capturing():  # part of a larger capture
            return self._fn(*args, **kwargs)
        tensors: list[Tensor] = []
        key, structure = self._key(args, kwargs, tensors)
        if self._verify and (cached := self._to_verify(key)):
            return verified(
                name_of(self._fn),
                cached.program,
                tensors,
                functools.partial(fill, cached.result),
                functools.partial(self._run_plainly, structure, tensors),
            )
        cached, results = self._cache.replay(key, tensors)
        if cached is not None:
            return fill(cached.result, results)
        if self._cache.tires():
            return self._call_plainly(structure, tensors)
        if _native._runs_as_written():  # see the modes
            return self._fn(*args, **kwargs)
        return self._capture(key, structure, tensors)

    def _key(self, args: Args, kwargs: Kwargs, tensors: list[Tensor]) -> tuple[object, object]:
        """What programs for these arguments are kept under, and their structure."""
        modes = _native._capture_modes()
        if not (args or kwargs):
            return modes, None
        parts: list[object] = [modes]
        structure = flatten_call(args, kwargs, tensors, parts)
        return tuple(parts), structure

    def _to_verify(self, key: object) -> Cached | None:
        """The program that would be replayed, if the call is one to verify."""
        self._unverified += 1
        if self._unverified < self._verify:
            return None
        cached = self._cache.use(key)
        if cached is not None:
            self._unverified = 0
        return cached

    def __reduce__(self) -> Args:
        return Captured, (self._fn, self._cache.maxsize, self._verify)  # a copy has no programs

    def __get__(self, instance: object, owner: type | None = None) -> Captured | _Method:
        return self if instance is None else _Method(self, instance)

    def run(
        self,
        data: Data,
        batch_size: int = 1,
        *,
        epochs: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: _native.Generator | None = None,
        progress: Callable[[int, int, float], object] | None = None,
    ) -> Tensor:
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
        how = (batch_size, epochs, shuffle, drop_last, generator, progress)
        return _loop(self, (), data, *how)

    def _call_plainly(self, structure: object, tensors: list[Tensor]) -> object:
        if not self._warned:
            self._warned = True
            _native._warn(
                f"capture: {name_of(self._fn)} was captured {self._cache.misses} times for "
                f"{self._cache.hits} replays, as its arguments or what it reads differ at most "
                "calls; most of these are plain calls from now on"
            )
        return self._run_plainly(structure, tensors)

    def _run_plainly(self, structure: object, tensors: list[Tensor]) -> object:
        args, kwargs = ((), {}) if structure is None else fill(structure, tensors)
        results: list[Tensor] = []
        result = flatten_result(self._fn(*args, **kwargs), results)
        return fill(result, [t.detach() for t in results])

    def _capture(self, key: object, structure: object, tensors: list[Tensor]) -> object:
        waiting = self._cache.begin(key)
        done = record(
            self._fn, structure, tensors, _native.Tensor.detach, True, waiting is not None
        )
        if tensors:
            _write_back(tensors, done.copies)
            done.copies.clear()
        program = _native._finish_recording(done.recording, done.tensors)
        if reason := done.odd(waiting, program.provisional):
            raise CaptureError(f"capture: {reason}")
        waits = done.waits(waiting, program.provisional)
        self._cache.add(key, Cached(program, done.result, waits, done.seen.lines))
        return fill(done.result, done.tensors)

    @property
    def program(self) -> Program:
        """The program of the last call. RuntimeError before the first."""
        if self._cache.last is None:
            raise RuntimeError("capture: the function has not been called yet")
        return Program(self._cache.last.program)

    def save(self, path: str | os.PathLike[str], *args: object, **kwargs: object) -> None:
        """Writes a forward program for batches of every size to one safetensors file.

        `args` and `kwargs` are a call. Tensors among them whose first dimension has the size of the
        first tensor's are batches: the function is called with three numbers of their rows, and
        what it does must grow in proportion to these. `load_program` and `wengert::Program::load`
        read the file.

        Raises ValueError if there is no batch, RuntimeError as `Program.save` does.
        """
        programs = []
        for batch in three_batches(args, kwargs):
            captured = Captured(self._fn)
            captured(*batch[0], **batch[1])
            programs.append(captured.program)
        programs[0].save(path, *programs[1:])

    def profile(self, runs: int = 10) -> Program:
        """Times every step of the program of the last call; see `Program.profile`."""
        return self.program.profile(runs)

    def cache_info(self) -> CacheInfo:
        """Calls replayed and captured, and the number of programs."""
        return self._cache.info()

    def cache_clear(self) -> None:
        """Forgets all programs; the next call captures anew."""
        self._cache.clear()


def _loop(
    step: Captured, instance: tuple[object, ...], data: Data, *args: Any, **options: Any
) -> Tensor:
    from .loop import Loop  # here, as importing the package should not pay for it

    by_call = step._verify > 0
    return Loop(step, step._cache, by_call, instance, data, *args, **options).run()


def _write_back(tensors: list[Tensor], copies: list[Tensor]) -> None:
    """What the function did to its copies of the arguments, done to the arguments."""
    for tensor, copy in zip(tensors, copies, strict=True):
        if copy._version:
            tensor.data.copy_(copy)


class _Method(functools.partial):
    """A captured function as a method of an instance."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.func, name)

    @property
    def __self__(self) -> object:
        return self.args[0]

    def run(self, data: Data, batch_size: int = 1, **options: Any) -> Tensor:
        """See `Captured.run`."""
        return _loop(cast("Captured", self.func), self.args, data, batch_size, **options)


@overload
def capture(fn: UserFunction, *, maxsize: int = 16, verify: int | None = None) -> Captured: ...
@overload
def capture(
    fn: None = None, *, maxsize: int = 16, verify: int | None = None
) -> Callable[[UserFunction], Captured]: ...
def capture(
    fn: UserFunction | None = None, *, maxsize: int = 16, verify: int | None = None
) -> Captured | Callable[[UserFunction], Captured]:
    """Records `fn` when it is first called, and replays it natively from then on.

    For functions of tensors, most of all a whole training step: forward, `backward()`, clipping,
    `optimizer.step()`. The call returns what `fn` returns; tensors in it are detached and belong to
    the caller. A replay gives bit by bit what the function would: see Note [capture] for when it
    is captured anew. Also a decorator: `@wengert.capture`.

    Arguments may be tensors, NumPy arrays, lists, tuples and dicts of them, and Python values,
    which are part of what a program is for. `maxsize` programs are kept, the least recently
    captured goes first.

    With `verify=n` every n-th replay is verified: what it changed is put back, `fn` runs as well,
    and CaptureError says what differs in a bit. The default is never, or what the environment
    variable WENGERT_CAPTURE_VERIFY says when `capture` is called.

    What `fn` and what it calls read of Python's state (variables, attributes, containers, arrays,
    code) is a condition of a replay. An object of your own can say itself what a program that used
    it depends on:

        def __capture_conditions__(self, conditions):
            conditions.attribute(self, "scale")      # self.scale is as it was
            conditions.item(self.table, "rate")      # so is self.table["rate"], or is not there
            conditions.look_at(self.parts)           # and all that is in there
            conditions.check(lambda: self.ready)     # and this is true

    It is asked after `fn` has run and been captured, if that read or called it; what it leaves out
    may change unnoticed.

    What is no operation on tensors (printing) happens only when the function is captured. A
    function whose course depends on values (`item()`, `if tensor:`, `nonzero`) raises CaptureError,
    which names the line; so does one that draws random numbers of Python's or NumPy's, takes items
    of an iterator from outside, changes a list or dict among its arguments, or keeps new tensors or
    numbers for later calls in variables, lists or attributes: change tensors in place
    (`step.add_(1)`), or return them.
    """
    if fn is None:
        return functools.partial(capture, maxsize=maxsize, verify=verify)
    return Captured(fn, maxsize, verify)


def explain(fn: UserFunction, *args: object, **kwargs: object) -> Program:
    """Calls `fn(*args, **kwargs)` once, captured, and returns the steps that a replay runs.

    `print` shows them: what ran as one step, and, where an operation has several implementations,
    in brackets which of them takes these shapes:

        print(wengert.explain(model, images))
        ...  conv_output [depthwise]   %3: float32 (8, 32, 28, 28), ...

    `lines()` has the same as dicts, `profile()` times them. The call changes what it changes. `fn`
    may be a captured function as well.

    Raises CaptureError for a function that cannot be captured; see `capture`.
    """
    captured = fn if isinstance(fn, Captured) else Captured(fn)
    captured(*args, **kwargs)
    return captured.program
