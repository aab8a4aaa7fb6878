"""A call of a group: a generator of what MPI has begun, moved on until it is over.

Note [order of calls]
MPI matches the calls of a communicator by their order, which must be the same on all ranks. A call
may have several parts (an exchange: all-to-all, then all-gather); so before another call of a group
begins, those that are under way are finished.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from .. import _native
from .._native import Tensor
from ..autograd.grad_mode import no_grad
from . import _state
from ._errors import DistBackendError

if TYPE_CHECKING:
    from ..futures import Future
    from ._groups import Group

#: What a call waits for, one list of requests after the other.
Parts = Iterator[Sequence[object]]


def seconds_of(timeout: object, otherwise: float) -> float:
    """A timeout, a timedelta or a number of seconds. ValueError unless it is above 0."""
    if timeout is None:
        return otherwise
    if isinstance(timeout, datetime.timedelta):
        timeout = timeout.total_seconds()
    if not isinstance(timeout, (int, float)) or not timeout > 0:
        raise ValueError(f"timeout: a timedelta, or seconds above 0, expected, got {timeout!r}")
    return float(timeout)


class Call(_state.Work):
    """A call under way."""

    def __init__(
        self, name: str, group: Group, parts: Parts, filled: Sequence[object] = (),
        members: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        self.name, self._group, self._parts = name, group, parts
        self._filled = list(filled)
        self._members = group.ranks if members is None else members
        self._open: Sequence[object] | None = None
        self._over = False
        self._error: BaseException | None = None
        group.calls += 1
        self._where = f"{name} (call {group.calls} of {group.label})"

    def _move(self) -> bool:
        """Moves the call on; whether it is over."""
        wire = self._group.wire
        while not self._over:
            try:
                if self._open is not None and not wire.done(self._open):
                    return False
                self._open = next(self._parts)
                if not self._open:  # it asks itself
                    self._open = None
                    return False
            except StopIteration:
                self._finish(None)
            except wire.mpi.Exception as error:
                self._finish(
                    DistBackendError(f"{self.name}: rank {wire.rank} of {wire.size}: {error}")
                )
            except BaseException as error:
                self._finish(error)
        return True

    def _finish(self, error: BaseException | None) -> None:
        self._over, self._error, self._open = True, error, None
        if self in self._group.under_way:
            self._group.under_way.remove(self)

    def begin(self) -> None:
        """Begins it, after those of the group that are under way."""
        self._group.finish_calls()
        self._group.under_way.append(self)
        with self._group.lock:
            self._move()

    def is_completed(self) -> bool:
        with self._group.lock:
            return self._move()

    def is_success(self) -> bool:
        return self._over and self._error is None

    def exception(self) -> BaseException | None:
        return self._error

    def wait(self, timeout: object = None) -> bool:
        limit = seconds_of(timeout, self._group.seconds)
        with self._group.lock:
            if not self._over:
                try:
                    self._group.wire.wait(self._move, self.name, self._where, self._members, limit)
                except DistBackendError as error:
                    self._finish(error)
        if self._error is not None:
            raise self._error
        return True

    def source_rank(self) -> int:
        """The rank that a received message came from."""
        return self.source

    source = -1

    def result(self) -> list[object]:
        return self._filled

    def get_future(self) -> Future:
        from ..futures import Future

        call = self

        class _Result(Future):
            def wait(self) -> object:
                if not self.done():
                    try:
                        call.wait()
                        self.set_result(call.result())
                    except Exception as error:
                        self.set_exception(error)
                return super().wait()

        return _Result()


class Done(_state.Work):
    """A call that was over at once."""

    def __init__(self, filled: Sequence[object] = ()) -> None:
        self._filled = list(filled)

    def is_completed(self) -> bool:
        return True

    def is_success(self) -> bool:
        return True

    def exception(self) -> None:
        return None

    def wait(self, timeout: object = None) -> bool:
        return True

    def result(self) -> list[object]:
        return self._filled

    def get_future(self) -> Future:
        from ..futures import Future

        future = Future()
        future.set_result(self._filled)
        return future


def run(
    name: str, group: Group, parts: Callable[[], Parts], async_op: bool,
    filled: Sequence[object] = (), members: Sequence[int] | None = None,
) -> _state.Work | None:  # fmt: skip
    """Begins a call, and waits for it unless it is asynchronous."""
    call = Call(name, group, parts(), filled, members)
    call.begin()
    if async_op:
        return call
    call.wait()
    return None


def all_here(call: str, group: Group, seconds: float) -> None:
    """Returns when all ranks are in this call, which is told apart from other calls of the group.

    DistBackendError that names those that are not, and where they are, after so many seconds.
    """
    group.finish_calls()
    wire = group.wire
    with group.lock:
        request = wire.control.Ibarrier()
        wire.wait(lambda: bool(request.Test()), call, call, group.ranks, seconds)


def in_program(
    name: str, tensors: Sequence[Tensor], call: Callable[[list[Tensor]], object]
) -> None:
    """A call on tensors as a step of the program that is being captured.

    Memory of a program moves, so the tensors are copied to memory that stays, `call` gets that, and
    what it leaves there is copied back.
    """
    staged = _native._outside_capture(
        lambda: [_native.empty(list(t.shape), dtype=t.dtype) for t in tensors], True
    )

    def step() -> None:
        call(staged)

    with_no_grad(lambda: [s.copy_(t) for s, t in zip(staged, tensors, strict=True)])
    _native._capture_call(step, lambda: _nothing)
    _native._outside_capture(step, True)
    with_no_grad(lambda: [t.copy_(s) for s, t in zip(staged, tensors, strict=True)])


def with_no_grad(do: Callable[[], object]) -> None:
    """Does it without recording gradients."""
    with no_grad():
        do()


def _nothing() -> None:
    """Puts nothing back: a call leaves nothing that the next one reads."""
