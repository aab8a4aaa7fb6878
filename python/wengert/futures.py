"""A result that may be waited for; here it is there when the future is made or set."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

__all__ = ["Future", "collect_all", "wait_all"]


class Future:
    """Holds the result of something, or what it raised, once either is set."""

    def __init__(self, *, devices: object = None) -> None:
        self._done = threading.Event()
        self._result: object = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future], object]] = []

    def done(self) -> bool:
        """Whether a result or an exception was set."""
        return self._done.is_set()

    def wait(self) -> object:
        """The result, as soon as it is set; raises the exception if one was."""
        self._done.wait()
        return self.value()

    def value(self) -> object:
        """The result, or raises the exception. RuntimeError if neither is set yet."""
        if not self.done():
            raise RuntimeError("Future.value: no result was set yet; use wait()")
        if self._error is not None:
            raise self._error
        return self._result

    def set_result(self, result: object) -> None:
        """Sets the result. RuntimeError if there is one."""
        self._set(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Sets what `wait` raises. TypeError unless it is an exception."""
        if not isinstance(result, BaseException):
            raise TypeError(f"{result} is of type {type(result)}, not an Exception.")
        self._set(None, result)

    def _set(self, result: object, error: BaseException | None) -> None:
        if self.done():
            raise RuntimeError("Future: a result was set already, and can be set only once")
        self._result, self._error = result, error
        self._done.set()
        for callback in self._callbacks:
            callback(self)

    def add_done_callback(self, callback: Callable[[Future], object]) -> None:
        """Calls `callback(self)` when a result is set, now if it is."""
        if self.done():
            callback(self)
        else:
            self._callbacks.append(callback)

    def then(self, callback: Callable[[Future], object]) -> Future:
        """The future of `callback(self)`, called when this one is done."""
        after = Future()

        def call(future: Future) -> None:
            try:
                after.set_result(callback(future))
            except Exception as error:
                after.set_exception(error)

        self.add_done_callback(call)
        return after


def collect_all(futures: Sequence[Future]) -> Future:
    """The future of the list of futures, done when all are."""
    whole, left = Future(), len(futures)
    if not left:
        whole.set_result([])

    def one(_: Future) -> None:
        nonlocal left
        left -= 1
        if not left:
            whole.set_result(list(futures))

    for future in futures:
        future.add_done_callback(one)
    return whole


def wait_all(futures: Sequence[Future]) -> list[object]:
    """The results of all; raises the first exception among them."""
    return [future.wait() for future in futures]
