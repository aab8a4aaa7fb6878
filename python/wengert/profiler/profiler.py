"""`profile` with a schedule: which steps of a training are looked at."""

from __future__ import annotations

import enum
import os
import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..autograd.profiler import Session, record_function
from ..autograd.profiler_util import EventList, write_trace
from ..optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "kineto_available",
    "profile",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


class ProfilerActivity(enum.Enum):
    """What is looked at: the CPU; the others are accepted."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What is done in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


_RECORDS = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities() -> set[ProfilerActivity]:
    """The CPU."""
    return {ProfilerActivity.CPU}


def kineto_available() -> bool:
    """False: the core notes its operations itself."""
    return False


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:  # fmt: skip
    """What `profile` does in step n: after `skip_first` steps it waits, warms up and records, and
    begins anew, `repeat` times (0: for ever). With `skip_first_wait` the first wait is left out.
    """
    counts = (wait, warmup, active, repeat, skip_first)
    if min(counts) < 0 or active == 0:
        raise AssertionError("Invalid profiler schedule arguments")

    def action(step: int) -> ProfilerAction:
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        cycle = wait + warmup + active
        if repeat and step // cycle >= repeat:
            return ProfilerAction.NONE
        at = step % cycle
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def _always(step: int) -> ProfilerAction:
    return ProfilerAction.RECORD


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """For `on_trace_ready`: writes each trace into a file of that directory."""

    def write(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json{'.gz' if use_gzip else ''}"
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return write


class profile:
    """A block whose operations are timed, all of it or in the steps that `schedule` says.

    `step()` ends a step; when a step that is the last of its cycle has ended, `on_trace_ready` is
    called with this object. With `record_shapes` the shapes of inputs are kept, with
    `profile_memory` the bytes of results. Other options are accepted. A captured function's replay
    is one event: `Captured.profile()` times its steps.
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], object] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: object = None,
        execution_trace_observer: object = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: object = None,
    ) -> None:
        self.activities = set(activities) if activities else supported_activities()
        self.record_shapes, self.profile_memory = record_shapes, profile_memory
        self.schedule = schedule or _always
        self.on_trace_ready = on_trace_ready
        self._steps = schedule is not None
        self.step_num = 0
        self.current_action = self.schedule(0)
        self._session: Session | None = None
        self._events: EventList | None = None
        self._metadata: dict[str, object] = {}
        self._step: record_function | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begins step 0."""
        self._begin_recording()
        self._begin_step()

    def stop(self) -> None:
        """Ends the last step; calls `on_trace_ready` if it was being recorded."""
        self._end_step()
        if self._session is not None:
            self._end_recording()
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)

    def step(self) -> None:
        """Ends a step and begins the next."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        if before is ProfilerAction.RECORD_AND_SAVE or self.current_action not in _RECORDS:
            saved = self._session is not None
            self._end_recording()
            if saved and self.on_trace_ready is not None:
                self.on_trace_ready(self)
        self._begin_recording()
        self._begin_step()

    def _begin_step(self) -> None:
        if self._steps:
            self._step = record_function(f"ProfilerStep#{self.step_num}").__enter__()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__()
            self._step = None

    def _begin_recording(self) -> None:
        if self._session is None and self.current_action in _RECORDS:
            self._session = Session(self.record_shapes, self.profile_memory)
            self._session.start()
            blocks: list[record_function] = []

            def before(optimizer: Optimizer, args: object, kwargs: object) -> None:
                name = type(optimizer).__name__
                blocks.append(record_function(f"Optimizer.step#{name}.step").__enter__())

            def after(optimizer: Optimizer, args: object, kwargs: object) -> None:
                if blocks:
                    blocks.pop().__exit__()

            self._hooks = (
                register_optimizer_step_pre_hook(before),
                register_optimizer_step_post_hook(after),
            )

    def _end_recording(self) -> None:
        if self._session is not None:
            for hook in self._hooks:
                hook.remove()
            self._events = self._session.stop()
            self._session = None

    def events(self) -> EventList:
        """The events that were recorded last. RuntimeError if there are none yet."""
        if self._events is None:
            raise RuntimeError("profile: nothing has been recorded yet")
        return self._events

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:  # fmt: skip
        """The events by name; `print(prof.key_averages().table(sort_by="cpu_time_total"))`."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def add_metadata(self, key: str, value: str) -> None:
        """A text for the trace."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """A value for the trace, as JSON."""
        import json

        self._metadata[key] = json.loads(value)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Writes what chrome://tracing, Perfetto and TensorBoard show; packed for `.gz`."""
        write_trace(path, self.events(), self._metadata)

    def toggle_collection_dynamic(self, enable: bool, activities: object = None) -> None:
        """Accepted: all operations are recorded."""
