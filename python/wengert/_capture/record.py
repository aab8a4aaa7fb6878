"""Recording one call of a function."""

from __future__ import annotations

import gc
import linecache
import re
from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple

from .. import _native
from .._native import CaptureError, Tensor
from .._typing import UserFunction
from . import uses
from .conditions import Conditions, is_own_code
from .structures import Containers, fill_arguments, flatten_result

if TYPE_CHECKING:
    from .cache import Cached

__all__ = ["CaptureError", "Recorded", "Seen", "record"]


class Seen(NamedTuple):
    """What watching a call has found that a replay would not do as it did."""

    #: What the function itself has changed of what it read or wrote outside.
    changed: list[str]
    #: Why there can be no replay.
    refusals: list[str]
    #: Its steps as text, if it called what may give something else the next time.
    lines: list[str]
    #: What it called then, and where.
    called: str
    #: Where it has put tensors of its own for later calls, and whether it does so at every call.
    kept: str
    keeps_always: bool


class Recorded:
    """A function that has run: its recording, arguments and result."""

    __slots__ = ("copies", "effects", "recording", "result", "seen", "tensors", "written")

    def __init__(
        self,
        recording: object,
        copies: list[Tensor],
        result: object,
        tensors: list[Tensor],
        effects: list[Callable[[], str]],
        seen: Seen,
        written: Containers | None,
    ) -> None:
        self.recording = recording
        self.copies = copies
        self.result = result  # with slots in place of `tensors`
        self.tensors = tensors
        self.effects = effects  # what calls do that a replay would not
        self.seen = seen
        self.written = written  # its arguments, if it has changed lists or dicts among them

    def odd(self, waiting: Cached | None, provisional: bool) -> str:
        """Why the function cannot be replayed, as far as this call and an earlier one, whose
        program waits for this one, show; "" if it can, or if that is not known yet."""
        if self.seen.refusals:
            return self.seen.refusals[0]
        if self.seen.keeps_always or (waiting is not None and provisional and self.seen.kept):
            return (
                f"the function keeps a tensor of one call for later ones, {self.seen.kept}, where "
                "a replay would not put a new one. Change what is kept in place (copy_, mul_, "
                "add_), or return it"
            )
        if waiting is None:
            return ""
        if self.seen.changed:
            return (
                f"the function changes {self.seen.changed[0]}, which a replay would not. Keep what "
                "changes in a tensor that is changed in place (step.add_(1)), or return it"
            )
        if provisional:
            return (
                "the function keeps tensors of one call outside for later ones, where a replay "
                "would not put new ones. Change what is kept in place (copy_, mul_, add_), or "
                "return it"
            )
        for before, now in zip(waiting.lines, self.seen.lines, strict=False):
            if before != now:
                return (
                    f"two calls in turn did different things, {_short(before)} and {_short(now)}. "
                    f"The function calls {self.seen.called}, which may have given something else"
                )
        if waiting.lines and self.seen.lines and len(waiting.lines) != len(self.seen.lines):
            return f"two calls in turn did different things. The function calls {self.seen.called}"
        return ""

    def waits(self, waiting: Cached | None, provisional: bool) -> bool:
        """Whether another call has to show that the function can be replayed."""
        return provisional or (waiting is None and bool(self.seen.lines))


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
    outer = uses.captures.get(get_ident())  # of a call that leaves another capture
    uses.captures[get_ident()] = used
    try:
        args, kwargs = ((), {}) if structure is None else fill_arguments(structure, copies, {})
        given = Containers((args, kwargs))
        collects = gc.isenabled()
        gc.disable()  # what the collector calls would be taken for the function's own doing
        try:
            reads = _native._watch_reads(fn, (args, kwargs))
            try:
                returned = fn(*args, **kwargs)
            finally:
                _native._stop_reads(reads)
        finally:
            if collects:
                gc.enable()
        result = flatten_result(returned, results, strict)
        changed, refusals, opaque, tellers, kept, always = _native._finish_reads(reads, returned)
        written = None
        if refused := given.change():
            refusals.append(refused)
            written = given
        lines = _native._recorded_lines() if opaque else []
        seen = Seen(changed, refusals, lines, opaque, kept, always)
        del returned, reads, given
        results = [keep(t) for t in results]
        effects = Conditions().hand_over(used, tellers)
        del args, kwargs, tellers
        if again:
            gc.collect()  # so that what has survived is what the function keeps
    except CaptureError as error:
        where = _where(error)
        if not where or where in str(error):
            raise
        raise CaptureError(f"{error} (at {where})") from None
    finally:
        if outer is None:
            del uses.captures[get_ident()]
        else:
            uses.captures[get_ident()] = outer
        _native._stop_recording(recording)
    return Recorded(recording, copies, result, results, effects, seen, written)


def name_of(fn: object) -> str:
    """A function's name, for messages."""
    return str(getattr(fn, "__qualname__", type(fn).__name__))


def _short(line: str) -> str:
    """A recorded step without the bits of its numbers."""
    return re.sub(r"#-?\d+", "", line)[:80]


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
