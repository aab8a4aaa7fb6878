"""`Timer`: how long a statement takes."""

from __future__ import annotations

import textwrap
import timeit
from collections.abc import Callable
from typing import NoReturn

from ... import _native
from .common import Measurement, TaskSpec

__all__ = ["Timer"]


class Timer:
    """Times a statement of Python, with a number of threads (default 1) that it sets meanwhile.

    `setup` runs once before each measurement; both see `globals`, and the package as `torch`.
    `label`, `sub_label`, `description` and `env` are what `Compare` sorts by.
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, object] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: object = "python",
    ) -> None:
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if str(getattr(language, "name", language)).lower() not in ("py", "python"):
            raise ValueError(f"Timer: statements of Python can be timed, not of {language}")
        if global_setup:
            raise ValueError("global_setup is C++ only")
        import wengert

        names = dict(globals or {})
        names.setdefault("torch", wengert)
        stmt, setup = (textwrap.dedent(text).strip() or "pass" for text in (stmt, setup))
        self._task_spec = TaskSpec(stmt, setup, "", label, sub_label, description, env, num_threads)
        self._timer = timeit.Timer(stmt, setup, timer, names)

    def _run(self, number: int) -> float:
        before = _native.get_num_threads()
        _native.set_num_threads(self._task_spec.num_threads)
        try:
            return max(self._timer.timeit(number), 1e-9)
        finally:
            _native.set_num_threads(before)

    def _measured(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, self._task_spec)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One measurement of `number` runs, after a hundredth of them, 2 at least, to warm up."""
        self._run(max(number // 100, 2))
        return self._measured(number, [self._run(number)])

    def autorange(self, callback: Callable[[int, float], object] | None = None) -> NoReturn:
        """NotImplementedError: see `blocked_autorange`."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def repeat(self, repeat: int = -1, number: int = -1) -> NoReturn:
        """NotImplementedError: see `blocked_autorange`."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def _block_size(self, min_run_time: float) -> int:
        """So many runs that reading the clock takes little of their time."""
        overhead = min(self._clock() for _ in range(5))
        number = 1
        while True:
            took = self._run(number)
            if (overhead / took <= 1e-4 and took >= min_run_time / 1000) or took > min_run_time:
                return number
            number *= 10

    def _clock(self) -> float:
        timer = timeit.Timer("pass")
        return timer.timeit(1)

    def blocked_autorange(
        self, callback: Callable[[int, float], object] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Measurements of so many runs that the clock's share is small, for `min_run_time` seconds.

        `callback(number, seconds)` is called after each.
        """
        number = self._block_size(min_run_time)
        times: list[float] = []
        while sum(times) < min_run_time or not times:
            times.append(self._run(number))
            if callback is not None:
                callback(number, times[-1])
        return self._measured(number, times)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], object] | None = None,
    ) -> Measurement:
        """Measures until the quartiles lie within `threshold` of the median, or `max_run_time`."""
        number = self._block_size(0.05)
        times: list[float] = []
        while True:
            times.append(self._run(number))
            if callback is not None:
                callback(number, times[-1])
            found = self._measured(number, times)
            spent = sum(times)
            enough = spent >= min_run_time and len(times) > 3
            if spent >= max_run_time or (enough and found.meets_confidence(threshold)):
                return found

    def collect_callgrind(self, *args: object, **kwargs: object) -> NoReturn:
        """NotImplementedError: instructions are not counted here."""
        raise NotImplementedError("Timer.collect_callgrind: run the script under valgrind itself")
