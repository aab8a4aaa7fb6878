"""`Compare`: measurements as tables."""

from __future__ import annotations

from collections.abc import Iterable

from .common import Measurement, select_unit, trim_sigfig, unit_name

__all__ = ["Compare"]

_BEST, _GOOD, _BAD, _END = "\033[92m\033[1m", "\033[32m", "\033[31m", "\033[0m"


class Compare:
    """Tables of measurements: one for each label, rows by `sub_label`, columns by `description`."""

    def __init__(self, results: list[Measurement]) -> None:
        self._results: list[Measurement] = []
        self.extend_results(results)
        self._trim = self._colour = self._rowwise = self._warn = False

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Adds measurements. ValueError for anything else."""
        for result in results:
            if not isinstance(result, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(result)}")
            self._results.append(result)

    def trim_significant_figures(self) -> None:
        """Shows the digits that the spread of the times lets one trust."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Colours the fastest, within each row if `rowwise`, else within each column."""
        self._colour, self._rowwise = True, rowwise

    def highlight_warnings(self) -> None:
        """Marks times that differ much."""
        self._warn = True

    def print(self) -> None:
        """Prints the tables."""
        print(str(self))

    def __str__(self) -> str:
        merged = Measurement.merge(self._results)
        tables: dict[str, list[Measurement]] = {}
        for m in merged:
            tables.setdefault(m.label or "", []).append(m)
        return "\n\n".join(self._table(label, results) for label, results in tables.items())

    def _table(self, label: str, results: list[Measurement]) -> str:
        unit, seconds = select_unit(min(m.median for m in results))
        columns = list(dict.fromkeys(m.description or "" for m in results))
        rows = list(dict.fromkeys((m.num_threads, m.env, m.as_row_name) for m in results))
        rows.sort(key=lambda row: row[0])
        several = len({env for _, env, _ in rows}) > 1
        names = [f"({env}) {name}" if several else name for _, env, name in rows]
        cells = {(m.num_threads, m.env, m.as_row_name, m.description or ""): m for m in results}
        grid = [[cells.get((*row, column)) for column in columns] for row in rows]
        texts = [[self._cell(m, seconds) for m in line] for line in grid]
        widths = [
            max(len(column), *(len(line[j]) for line in texts)) for j, column in enumerate(columns)
        ]
        first = max(len(name) for name in names) + 6
        head = " " * first + "".join(f"  |  {c:^{w}}" for c, w in zip(columns, widths, strict=True))
        title = f" {label} " if label else ""
        out = [f"[{title:-^{len(head) - 2}}]", head]
        for i, row in enumerate(rows):
            if i == 0 or rows[i - 1][0] != row[0]:
                out.append(f"{row[0]} threads: ".ljust(len(head), "-"))
            line = f"      {names[i]:<{first - 6}}"
            for j, width in enumerate(widths):
                line += f"  |  {self._coloured(grid, i, j, f'{texts[i][j]:>{width}}')}"
            out.append(line)
        out.append(f"\nTimes are in {unit_name(unit)} ({unit}).")
        if self._warn and any(m.has_warnings for m in results):
            out.append("(! XX%) Measurement has high variance, where XX is the IQR / median * 100.")
        return "\n".join(out)

    def _cell(self, m: Measurement | None, seconds: float) -> str:
        if m is None:
            return ""
        x = m.median / seconds
        text = f"{trim_sigfig(x, m.significant_figures):g}" if self._trim else f"{x:.1f}"
        if self._warn and m.has_warnings:
            text += f" (! {m.iqr / m.median * 100:.0f}%)"
        return text

    def _coloured(self, grid: list[list[Measurement | None]], i: int, j: int, text: str) -> str:
        m = grid[i][j]
        if not self._colour or m is None:
            return text
        beside = grid[i] if self._rowwise else [line[j] for line in grid]
        best = min(other.median for other in beside if other is not None)
        colour = _BEST if m.median <= best * 1.05 else _GOOD if m.median <= best * 1.25 else ""
        colour = _BAD if m.median > best * 2 else colour
        return f"{colour}{text}{_END}" if colour else text
