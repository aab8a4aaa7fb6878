"""Recording one call of a function."""

from __future__ import annotations

import gc
import linecache
from collections.abc import Callable

from .. import _native
from .._native import CaptureError, Tensor
from .._typing import UserFunction
from . import uses
from .conditions import Conditions, is_own_code
from .structures import fill, flatten_result

__all__ = ["CaptureError", "Recorded", "record"]


class Recorded:
    """A function that has run: its recording, arguments and result."""

    __slots__ = ("copies", "effects", "recording", "result", "tensors")

    def __init__(
        self,
        recording: object,
        copies: list[Tensor],
        result: object,
        tensors: list[Tensor],
        effects: list[Callable[[], str]],
    ) -> None:
        self.recording = recording
        self.copies = copies
        self.result = result  # with slots in place of `tensors`
        self.tensors = tensors
        self.effects = effects  # what calls do that a replay would not


def record(
    fn: UserFunction,
    structure: object,
    tensors: list[Tensor],
    keep: Callable[[Tensor], Tensor],
    strict: bool,
    again: bool,
) -> Recorded:
    """Calls the function and records it.

    `structure` and `tensors` are its arguments, `keep` gives what is to be returned of a tensor,
    `again` says that an earlier program waits for this one. If `strict` a function that cannot be
    replayed is a CaptureError, which names the line.
    """
    recording, copies = _native._start_recording(tensors, strict)
    results: list[Tensor] = []
    used: dict[int, object] = {}
    uses.captures[id(used)] = used
    try:
        args, kwargs = ((), {}) if structure is None else fill(structure, copies)
        conditions = Conditions()
        conditions.start(fn, (*args, *kwargs.values()))
        result = flatten_result(fn(*args, **kwargs), results, strict)
        results = [keep(t) for t in results]
        effects = conditions.hand_over(used)
        del args, kwargs, conditions
        if again:
            gc.collect()  # so that what has survived is what the function keeps
    except CaptureError as error:
        where = _where(error)
        if not where or where in str(error):
            raise
        raise CaptureError(f"{error} (at {where})") from None
    finally:
        del uses.captures[id(used)]
        _native._stop_recording(recording)
    return Recorded(recording, copies, result, results, effects)


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
