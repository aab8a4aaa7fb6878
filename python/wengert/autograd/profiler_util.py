"""What was profiled: events, their averages, tables of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval"]

_SORTS = {
    "cpu_time": "cpu_time",
    "cpu_time_total": "cpu_time_total",
    "self_cpu_time_total": "self_cpu_time_total",
    "cpu_memory_usage": "cpu_memory_usage",
    "self_cpu_memory_usage": "self_cpu_memory_usage",
    "count": "count",
}


class Interval(NamedTuple):
    """From `start` to `end`, in microseconds since the profile began."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """Its length."""
        return self.end - self.start


class FunctionEvent:
    """One run of an operation, or of a block of `record_function`.

    `cpu_time_total` are its microseconds, `self_cpu_time_total` those outside of the events within
    it, `cpu_memory_usage` the bytes that were made for its results.
    """

    def __init__(
        self,
        name: str,
        thread: int,
        start_us: float,
        end_us: float,
        input_shapes: list[list[int]] | None = None,
        memory: int = 0,
        is_user_annotation: bool = False,
    ) -> None:
        self.name = self.key = name
        self.thread, self.count = thread, 1
        self.time_range = Interval(start_us, end_us)
        self.input_shapes = input_shapes or []
        self.self_cpu_memory_usage, self.is_user_annotation = memory, is_user_annotation
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    @property
    def cpu_time_total(self) -> float:
        """Microseconds from its beginning to its end."""
        return self.time_range.elapsed_us()

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds that no event within it took."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def cpu_memory_usage(self) -> int:
        """Bytes of results, of those within it too."""
        return self.self_cpu_memory_usage + sum(c.cpu_memory_usage for c in self.cpu_children)

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent name={self.name} cpu_time={_time(self.cpu_time_total)} "
            f"thread={self.thread} input_shapes={self.input_shapes}>"
        )


class FunctionEventAvg:
    """All events of a name: how many, and what they took together."""

    def __init__(self, key: str, input_shapes: list[list[int]]) -> None:
        self.key, self.input_shapes = key, input_shapes
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.is_user_annotation = False

    @property
    def cpu_time(self) -> float:
        """Microseconds of one, on average."""
        return self.cpu_time_total / self.count if self.count else 0.0

    def add(self, event: FunctionEvent) -> Self:
        """Counts another."""
        self.count += event.count
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total
        self.cpu_memory_usage += event.cpu_memory_usage
        self.self_cpu_memory_usage += event.self_cpu_memory_usage
        self.is_user_annotation |= event.is_user_annotation
        return self

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={_time(self.self_cpu_time_total)} "
            f"cpu_time={_time(self.cpu_time)} input_shapes={self.input_shapes}>"
        )


class EventList(list["FunctionEvent | FunctionEventAvg"]):
    """Events, or averages of them; `table` shows them."""

    def __init__(
        self, events: Iterable[FunctionEvent | FunctionEventAvg] = (), memory: bool = False
    ):
        super().__init__(events)
        self._memory = memory

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all, each counted once."""
        return sum(event.self_cpu_time_total for event in self)

    def key_averages(
        self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0
    ) -> EventList:
        """One average for each name, or for each name with inputs of the same shapes."""
        groups: dict[tuple[str, str], FunctionEventAvg] = {}
        for event in self:
            if isinstance(event, FunctionEvent):
                shapes = event.input_shapes if group_by_input_shapes else []
                key = event.key, str(shapes)
                groups.setdefault(key, FunctionEventAvg(event.key, shapes)).add(event)
        return EventList(groups.values(), self._memory)

    def total_average(self) -> FunctionEventAvg:
        """All events as one."""
        total = FunctionEventAvg("Total", [])
        for event in self:
            if isinstance(event, FunctionEvent):
                total.add(event)
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """A table with a row for each, `row_limit` at most (-1 for all).

        `sort_by` is "cpu_time", "cpu_time_total", "self_cpu_time_total", "count",
        "cpu_memory_usage" or "self_cpu_memory_usage"; times of other devices are 0 and sort
        nothing. ValueError for others.
        """
        rows = list(self)
        if sort_by is not None and sort_by in _SORTS:
            rows.sort(key=lambda e: getattr(e, _SORTS[sort_by]), reverse=True)
        elif sort_by is not None and not sort_by.startswith(("cuda_", "self_cuda_", "device_",
                                                             "self_device_", "xpu_")):  # fmt: skip
            raise ValueError(f"sort_by: expected one of {sorted(_SORTS)}, got {sort_by!r}")
        if top_level_events_only:
            rows = [e for e in rows if getattr(e, "cpu_parent", None) is None]
        rows = rows if row_limit < 0 else rows[:row_limit]
        whole = self.self_cpu_time_total or 1.0
        columns = [
            ["Name", *(_cut(e.key, max_name_column_width) for e in rows)],
            ["Self CPU %", *(f"{100 * e.self_cpu_time_total / whole:.2f}%" for e in rows)],
            ["Self CPU", *(_time(e.self_cpu_time_total, time_unit) for e in rows)],
            ["CPU total %", *(f"{100 * e.cpu_time_total / whole:.2f}%" for e in rows)],
            ["CPU total", *(_time(e.cpu_time_total, time_unit) for e in rows)],
            ["CPU time avg", *(_time(e.cpu_time, time_unit) for e in rows)],
        ]
        if self._memory:
            columns.append(["CPU Mem", *(_bytes(e.cpu_memory_usage) for e in rows)])
            columns.append(["Self CPU Mem", *(_bytes(e.self_cpu_memory_usage) for e in rows)])
        columns.append(["# of Calls", *(str(e.count) for e in rows)])
        if any(e.input_shapes for e in rows):
            columns.append(
                [
                    "Input Shapes",
                    *(_cut(str(e.input_shapes), max_shapes_column_width) for e in rows),
                ]
            )
        return _lines(columns, header) + f"\nSelf CPU time total: {_time(whole, time_unit)}\n"

    def __str__(self) -> str:
        return self.table()

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Writes what chrome://tracing and Perfetto show; packed if the name ends in `.gz`."""
        write_trace(path, self, {})


def write_trace(
    path: str | os.PathLike[str], events: Iterable[object], metadata: dict[str, object]
) -> None:
    """The events in Chrome's trace event format."""
    import json  # here, as importing the package should not pay for it

    process = os.getpid()
    traced = [
        {
            "ph": "X",
            "cat": "user_annotation" if e.is_user_annotation else "cpu_op",
            "name": e.name,
            "pid": process,
            "tid": e.thread,
            "ts": e.time_range.start,
            "dur": e.cpu_time_total,
            "args": {"Input Dims": e.input_shapes} if e.input_shapes else {},
        }
        for e in events
        if isinstance(e, FunctionEvent)
    ]
    whole = {"schemaVersion": 1, "displayTimeUnit": "ms", **metadata, "traceEvents": traced}
    data = json.dumps(whole).encode()
    if os.fspath(path).endswith(".gz"):
        import gzip

        data = gzip.compress(data)
    with open(path, "wb") as file:
        file.write(data)


def _cut(text: str, width: int) -> str:
    return text if width < 0 or len(text) <= width else text[: width - 3] + "..."


def _time(us: float, unit: str | None = None) -> str:
    for name, size in (("s", 1e6), ("ms", 1e3), ("us", 1.0)):
        if unit == name or (unit is None and (us >= size or name == "us")):
            return f"{us / size:.3f}{name}"
    raise ValueError(f"time_unit: expected 's', 'ms' or 'us', got {unit!r}")


def _bytes(n: int) -> str:
    for name, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(n) >= size:
            return f"{n / size:.2f} {name}"
    return f"{n} B"


def _lines(columns: list[list[str]], header: str | None) -> str:
    widths = [max(map(len, column)) for column in columns]
    rule = "  ".join("-" * width for width in widths)
    rows = [
        "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for row in zip(*columns, strict=True)
    ]
    title = ["=" * len(rule), header] if header else []
    return "\n".join([*title, rule, rows[0], rule, *rows[1:], rule])


def nest(events: list[FunctionEvent]) -> None:
    """Tells every event which one of its thread it runs within."""
    events.sort(key=lambda e: (e.time_range.start, -e.time_range.end))
    around: dict[int, list[FunctionEvent]] = {}
    for event in events:
        stack = around.setdefault(event.thread, [])
        while stack and stack[-1].time_range.end <= event.time_range.start:
            stack.pop()
        if stack and event.time_range.end <= stack[-1].time_range.end:
            event.cpu_parent = stack[-1]
            stack[-1].cpu_children.append(event)
        stack.append(event)
