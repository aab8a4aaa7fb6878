"""When operations ran and how long they took: `profile` and `record_function`.

The core notes every run of an operation while a profile is taken (`tape/profile.h`); blocks of
`record_function` are noted here. Names of operations begin with `wengert::`, where PyTorch's begin
with `aten::`.
"""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING

from .. import _native
from .._typing import UserFunction
from .profiler_util import EventList, FunctionEvent, nest, write_trace

if TYPE_CHECKING:
    import os

    from typing_extensions import Self

__all__ = ["EventList", "FunctionEvent", "Session", "profile", "record_function"]


class Session:
    """One profile at a time: what the core notes, and the blocks that Python names."""

    current: Session | None = None

    def __init__(self, shapes: bool = False, memory: bool = False) -> None:
        self._shapes, self._memory = shapes, memory
        self.blocks: list[tuple[str, int, int, int]] = []  # name, begin, end, thread

    def start(self) -> None:
        """RuntimeError if a profile is being taken."""
        if Session.current is not None:
            raise RuntimeError("profile: another one is being taken, and there is one at a time")
        Session.current = self
        self._began = time.perf_counter_ns()
        _native._start_profile(self._shapes)

    def stop(self) -> EventList:
        """The events, in order of their beginnings."""
        notes = _native._stop_profile()
        Session.current = None
        events = [
            FunctionEvent(
                f"wengert::{name}", thread, *self._times(begin, end),
                [list(shape) for shape in shapes], bytes if self._memory else 0,
            )
            for name, begin, end, thread, bytes, shapes in notes
        ]  # fmt: skip
        events += [
            FunctionEvent(name, thread, *self._times(begin, end), is_user_annotation=True)
            for name, begin, end, thread in self.blocks
        ]
        nest(events)
        return EventList(events, self._memory)

    def _times(self, begin: int, end: int) -> tuple[float, float]:
        return (begin - self._began) / 1e3, (end - self._began) / 1e3


class record_function:
    """A block, or a decorated function, that has a name in profiles."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._begun: list[int] = []

    def __enter__(self) -> Self:
        self._begun.append(time.perf_counter_ns())
        return self

    def __exit__(self, *exc: object) -> None:
        begun = self._begun.pop()
        session = Session.current
        if session is not None:
            end, thread = time.perf_counter_ns(), threading.get_ident()
            session.blocks.append((self.name, begun, end, thread))

    def __call__(self, function: UserFunction) -> UserFunction:
        @functools.wraps(function)
        def wrapped(*args: object, **kwargs: object) -> object:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return wrapped


class profile:
    """A block whose operations are timed: `table()`, `key_averages()`, `export_chrome_trace(path)`.

    The older of PyTorch's two; see `wengert.profiler.profile`. With `record_shapes` the shapes of
    inputs are kept, with `profile_memory` the bytes of results; other options are accepted.
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        **options: object,
    ) -> None:
        self.enabled = enabled
        self._session = Session(record_shapes, profile_memory)
        self.function_events: EventList | None = None

    def __enter__(self) -> Self:
        if self.enabled:
            self._session.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.enabled:
            self.function_events = self._session.stop()

    def _events(self) -> EventList:
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")
        return self.function_events

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: int) -> str:
        """See `EventList.table`."""
        return self._events().table(sort_by, row_limit, **options)  # type: ignore[arg-type]

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0
    ) -> EventList:
        """See `EventList.key_averages`."""
        return self._events().key_averages(group_by_input_shape, group_by_stack_n)

    def total_average(self) -> object:
        """See `EventList.total_average`."""
        return self._events().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events, each counted once."""
        return self._events().self_cpu_time_total

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Writes what chrome://tracing and Perfetto show."""
        write_trace(path, self._events(), {})

    def __str__(self) -> str:
        return str(self._events()) if self.function_events is not None else "<unfinished profile>"


class emit_nvtx:
    """RuntimeError: it marks what runs on a GPU."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        raise RuntimeError("emit_nvtx: wengert computes on the CPU only; profile() has the times")
