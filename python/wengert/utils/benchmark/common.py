"""What was timed, and the times."""

from __future__ import annotations

import dataclasses
import math
import statistics
import textwrap
from collections.abc import Iterable, Sequence

__all__ = ["Measurement", "TaskSpec", "select_unit", "trim_sigfig"]

_UNITS = ((1.0, "s", "seconds"), (1e-3, "ms", "milliseconds"), (1e-6, "us", "microseconds"),
          (1e-9, "ns", "nanoseconds"))  # fmt: skip
#: The spread of normal numbers between their quartiles, in standard deviations.
_IQR_OF_NORMAL = 1.349
_NOISY = 0.1  # spread by the median


def select_unit(t: float) -> tuple[str, float]:
    """The unit ("us") and its seconds in which a time is a number from 1 to 1000."""
    for seconds, unit, _ in _UNITS:
        if t >= seconds:
            return unit, seconds
    return _UNITS[-1][1], _UNITS[-1][0]


def unit_name(unit: str) -> str:
    """`us` in full."""
    return next(name for _, short, name in _UNITS if short == unit)


def trim_sigfig(x: float, n: int) -> float:
    """`x` rounded to n significant digits."""
    if not x:
        return 0.0
    scale = 10.0 ** (math.floor(math.log10(abs(x))) + 1 - n)
    return round(x / scale) * scale


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """A statement, and what it is called in tables."""

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label, or the statement."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        if "\n" not in self.stmt:
            return self.stmt + (f": {self.sub_label}" if self.sub_label else "")
        return f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}\n" + textwrap.indent(
            self.stmt, "  "
        )

    def setup_str(self) -> str:
        """The setup, as it is shown; empty if it does nothing."""
        if not self.setup or self.setup == "pass":
            return ""
        if "\n" in self.setup:
            return f"setup:\n{textwrap.indent(self.setup, '  ')}"
        return f"setup: {self.setup}"

    def summarize(self) -> str:
        """Title, description and setup, a line each."""
        more = self.description if self.label is not None or self.description else None
        return "\n".join(filter(None, (self.title, more, self.setup_str())))


@dataclasses.dataclass(init=False, repr=False)
class Measurement:
    """The seconds that runs of a statement took.

    `raw_times` are of `number_per_run` runs each; `times` are of one.
    """

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[object, object] | None

    def __init__(
        self,
        number_per_run: int,
        raw_times: Sequence[float],
        task_spec: TaskSpec,
        metadata: dict[object, object] | None = None,
    ) -> None:
        self.number_per_run, self.raw_times = number_per_run, list(raw_times)
        self.task_spec, self.metadata = task_spec, metadata

    @property
    def times(self) -> list[float]:
        """The seconds of one run, in order of the measurements."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self) -> float:
        """The median of `times`."""
        self._check()
        return statistics.median(self.times)

    @property
    def mean(self) -> float:
        """The mean of `times`."""
        self._check()
        return statistics.fmean(self.times)

    @property
    def iqr(self) -> float:
        """How far the quartiles of `times` lie apart."""
        self._check()
        low, high = self._quartiles()
        return high - low

    @property
    def significant_figures(self) -> int:
        """How many digits of the median the spread of the times lets one trust, 1 to 5.

        The median's standard error is about 1.253 of the mean's; the spread is taken from the
        quartiles, and from a thousandth of the median at least.
        """
        self._check()
        n = len(self.times)
        low, high = self._quartiles(), self._quartiles()
        spread = max((high[1] - low[0]) / _IQR_OF_NORMAL, self.median * 1e-3)
        error = 1.253 * spread / math.sqrt(n)
        # Within 1.645 standard errors lie nine in ten.
        width = 2 * 1.645 * error
        if not width:
            return 5
        digits = math.floor(math.log10(self.median / width)) + 1 if width < self.median else 1
        return max(1, min(5, digits))

    @property
    def has_warnings(self) -> bool:
        """Whether the times differ so much that the median says little."""
        return bool(self._warning())

    def _warning(self) -> str:
        if len(self.times) < 2 or not self.median:
            return ""
        share = self.iqr / self.median
        if share < _NOISY:
            return ""
        return (
            f"WARNING: Interquartile range is {share * 100:.1f}% of the median measurement.\n"
            "  This suggests significant environmental influence."
        )

    def _check(self) -> None:
        if not self.raw_times:
            raise ValueError("Measurement: there are no times")

    def _quartiles(self) -> tuple[float, float]:
        times = sorted(self.times)

        def at(share: float) -> float:
            place = share * (len(times) - 1)
            i = math.floor(place)
            j = min(i + 1, len(times) - 1)
            return times[i] + (place - i) * (times[j] - times[i])

        return at(0.25), at(0.75)

    def meets_confidence(self, threshold: float = _NOISY) -> bool:
        """Whether the quartiles lie closer together than `threshold` times the median."""
        return self.iqr / self.median < threshold

    @property
    def title(self) -> str:
        """That of the task."""
        return self.task_spec.title

    @property
    def env(self) -> str:
        """The name of what it was measured in."""
        return self.task_spec.env or "Unspecified env"

    @property
    def as_row_name(self) -> str:
        """What it is called in the table of `Compare`."""
        return self.task_spec.sub_label or self.task_spec.stmt or "[Unknown]"

    @property
    def description(self) -> str | None:
        """The column it is in."""
        return self.task_spec.description

    @property
    def label(self) -> str | None:
        """The table it is in."""
        return self.task_spec.label

    @property
    def stmt(self) -> str:
        """The statement."""
        return self.task_spec.stmt

    @property
    def num_threads(self) -> int:
        """How many threads an operation could use."""
        return self.task_spec.num_threads

    def __repr__(self) -> str:
        n = len(self.times)
        if not n:
            return f"{object.__repr__(self)}\n{self.task_spec.summarize()}\n  No measurements."
        unit, seconds = select_unit(self.median)
        lines = [object.__repr__(self), self.task_spec.summarize()]
        if n > 1:
            lines.append(f"  Median: {self.median / seconds:.2f} {unit}")
        if n > 3:
            low, high = self._quartiles()
            lines.append(
                f"  IQR:    {(high - low) / seconds:.2f} {unit} "
                f"({low / seconds:.2f} to {high / seconds:.2f})"
            )
        if n == 1:
            lines.append(f"  {self.median / seconds:.2f} {unit}")
        measured = f"{n} measurement{'s' * (n > 1)}, {self.number_per_run} runs "
        threads = f"{self.num_threads} thread{'s' * (self.num_threads > 1)}"
        lines.append(f"  {measured}{'per measurement, ' if n > 1 else ', '}{threads}")
        return "\n".join([*lines, *filter(None, [self._warning()])])

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """One measurement for each task, with the times of all of it."""
        groups: dict[TaskSpec, list[Measurement]] = {}
        for m in measurements:
            groups.setdefault(m.task_spec, []).append(m)
        return [Measurement(1, [t for m in group for t in m.times], spec, None)
                for spec, group in groups.items()]  # fmt: skip
