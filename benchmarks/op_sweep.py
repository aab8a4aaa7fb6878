"""Every row of the op registry against PyTorch: forward, and forward with backward.

    python benchmarks/op_sweep.py [--threads 1] [--rows softmax,pow] [--every]
    python benchmarks/op_sweep.py --way vmap               # rows under vmap, against torch's
    python benchmarks/op_sweep.py --again --above 1.1      # times the slowest anew
    python benchmarks/op_sweep.py --stale                  # anew where a row's source has changed
    python benchmarks/op_sweep.py --list --rows sort       # what is stored, nothing is timed
    nohup nice python benchmarks/op_sweep.py --minutes 60 >build/op_sweep.log &    # a piece of it
    python benchmarks/op_sweep.py --page                   # writes op_sweep.md from what is stored

The arguments are the samples of the tests, scaled to sizes, in layouts and dtypes (op_cases.py), so
a new row is swept by being a row; PyTorch must have its name. Both libraries run in one process and
take turns; what is kept is the smallest of several times, of one thread in CPU time. Results are
stored case by case in build/op_sweep.json, and what is stored is not timed again without --again
or --stale, so that a sweep can be interrupted, and be made in parts; what time is left is told on
the way. Run it on an idle machine, or look at one thread only.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import gc
import hashlib
import importlib.metadata
import itertools
import json
import math
import statistics
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import op_cases  # noqa: E402  after the path
from op_cases import Case  # noqa: E402

STORE = ROOT / "build" / "op_sweep.json"
PAGE = ROOT / "benchmarks" / "op_sweep.md"
BLOCK = 1e-3  # seconds that calls are repeated for
SLOWEST = 60  # rows on the page
LIMIT, SMALL_LIMIT = 1.1, 0.5  # what a ratio should not exceed
EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.5, 2.0, 4.0)
NEWS = 30  # seconds between two lines on what is left


class Reason(NamedTuple):
    """Why some cases of rows may be above the limit; the page shows them apart."""

    rows: tuple[str, ...]
    layouts: tuple[str, ...]
    text: str


def limit_of(case: Case) -> float:
    """Of small calls the cost of a call is compared, which vmap's is Python's in both libraries."""
    return SMALL_LIMIT if case.size == "small" and case.way != "vmap" else LIMIT


# Only what cannot be otherwise, not what has not been done.
REASONS = (
    Reason(
        ("contiguous",),
        ("contiguous",),
        "The argument itself is returned: a call is timed that does nothing in either library.",
    ),
    Reason(
        ("positive",),
        op_cases.LAYOUTS,
        "The argument itself is returned: a call is timed that does nothing in either library.",
    ),
    Reason(
        ("gelu",),
        op_cases.LAYOUTS,
        "Three quarters of PyTorch's float32 values between -8 and 0 are off by more than 10 units "
        "in the last place, from -5.6 on by all digits; here they are within 2, as the normal "
        "distribution's tail is computed in float64.",
    ),
    Reason(
        ("sort", "argsort", "msort"),
        ("column",),
        "PyTorch does not sort along a dimension of stride 0; a sort here is given rows that lie "
        "in memory, where equal elements have to be looked at to be known as equal.",
    ),
)


class Result(NamedTuple):
    case: Case
    threads: int
    arguments: str
    ours: float  # seconds
    torch: float
    source: str = ""  # digest of the row's source

    @property
    def ratio(self) -> float:
        return self.ours / self.torch

    @property
    def row(self) -> str:
        return self.case.key.split("(")[0]

    @property
    def limit(self) -> float:
        return limit_of(self.case)

    @property
    def reason(self) -> Reason | None:
        for reason in REASONS:
            if self.row in reason.rows and self.case.layout in reason.layouts:
                return reason
        return None

    @property
    def missed(self) -> bool:
        return self.ratio > self.limit and self.reason is None


# ---- timing


def seconds_of(call: Callable[[], Any], count: int, clock: Callable[[], float]) -> float:
    """Of one call, when it is made so often."""
    repeats = range(count)
    start = clock()
    for _ in repeats:
        call()
    return (clock() - start) / count


def compare(calls: list[Callable[[], Any]], threads: int, seconds: float) -> list[float]:
    """The shortest time of each call; they take turns for so long, at least three each."""
    clock = time.process_time if threads == 1 else time.perf_counter
    best, counts = [], []
    for call in calls:
        call()
        once = max(seconds_of(call, 1, clock), 1e-7)
        best.append(math.inf)
        counts.append(max(1, int(BLOCK / once)))
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < 3 or time.perf_counter() < end:
        for i, call in enumerate(calls):
            if threads > 1:
                time.sleep(0.01)  # until the other library's threads sleep
            # Not timed: until its own are awake, which takes the system a millisecond at times,
            # and the tensors of the other have left the caches.
            start = time.perf_counter()
            while time.perf_counter() - start < (2 * BLOCK if threads > 1 else BLOCK / 4):
                call()
            best[i] = min(best[i], seconds_of(call, counts[i], clock))
        rounds += 1
    return best


def measure(case: Case, threads: int, seconds: float) -> Result | str:
    """The result of a case, or why there is none."""
    import torch

    import wengert
    from tests.rows.table import ROWS, in_torch, in_wengert

    try:
        sample = op_cases.scaled(case.key, case.sample, case.size)
    except MemoryError as error:
        return repr(error)
    if sample is None:
        return "does not grow"
    calls = []
    for library, find in ((wengert, in_wengert), (torch, in_torch)):
        library.set_num_threads(threads)
        try:
            calls.append(op_cases.call(case, sample, library, find(ROWS[case.key])))
            calls[-1]()
        except Exception as error:
            return f"{library.__name__}: {type(error).__name__}: {str(error)[:120]}"
    ours, theirs = compare(calls, threads, seconds)
    if ours / theirs > min(limit_of(case), 1.0):  # a disturbance, perhaps
        again = compare(calls, threads, 3 * seconds)
        ours, theirs = min(ours, again[0]), min(theirs, again[1])
    return Result(case, threads, op_cases.describe(sample), ours, theirs, source_of(case.key))


# ---- the store

# The folders under csrc/wengert that a family of rows is compiled from, beside those of its name;
# what all share (apply, allocation, vectors) does not make a result stale.
SOURCES = {
    "conv": ("kernels/gemm",),
    "matmul": ("kernels/gemm",),
    "pointwise": ("kernels/core",),
    "optim": ("kernels/update",),
    "create": ("kernels/core",),
    "shape": ("kernels/core",),
    "resample": ("kernels/pool",),
}


@functools.cache
def family_source(family: str) -> str:
    """A digest of a family's source."""
    digest = hashlib.sha256()
    for folder in (f"ops/{family}", f"kernels/{family}", *SOURCES.get(family, ())):
        for path in sorted((ROOT / "csrc" / "wengert" / folder).glob("*.*")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


@functools.cache
def family_of(key: str) -> str:
    from tests.rows.table import FAMILIES

    return next((family for family, rows in FAMILIES.items() if key in rows), "")


def source_of(key: str) -> str:
    """A digest of what the row is compiled from."""
    return family_source(family_of(key))


def load() -> dict[tuple[Case, int], Result]:
    """What is stored, the last of each case."""
    found = {}
    if STORE.exists():
        for line in STORE.read_text().splitlines():
            if not line.endswith("]"):
                continue  # what was being written when a sweep was stopped
            case, *rest = json.loads(line)
            result = Result(Case(*case), *rest)
            found[result.case, result.threads] = result
    return found


def chosen(options: argparse.Namespace) -> Iterator[Case]:
    """The cases that the options name."""

    def among(value: str, option: str | None) -> bool:
        return option is None or value in option.split(",")

    def wanted(key: str) -> bool:
        named = among(key.split("(")[0], options.rows) or key == options.rows
        return named and among(family_of(key), options.family)

    for case in op_cases.cases(options.every, wanted):
        if (
            among(case.size, options.size)
            and among(case.layout, options.layout)
            and among(case.dtype, options.dtype)
            and case.way in (options.way or "forward,backward").split(",")
        ):
            yield case


class Clock:
    """Tells now and then how long a sweep will still take, by sizes: large cases take longer."""

    def __init__(self, cases: list[Case]) -> None:
        self.left = Counter(case.size for case in cases)
        self.spent: dict[str, list[float]] = {size: [] for size in op_cases.SIZES}
        self.start = self.told = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start

    def note(self, case: Case, seconds: float) -> None:
        self.left[case.size] -= 1
        self.spent[case.size].append(seconds)
        if time.perf_counter() - self.told > NEWS:
            self.told = time.perf_counter()
            known = [t for times in self.spent.values() for t in times]
            left = sum(n * statistics.mean(self.spent[k] or known) for k, n in self.left.items())
            text = f"{sum(self.left.values())} cases left, about {left / 60:.0f} min"
            print(f"{text}, now {case.name}", file=sys.stderr, flush=True)


def wanted(options: argparse.Namespace, result: Result | None) -> bool:
    """Whether a case with that stored result is to be timed."""
    if options.list:
        return False
    stale = options.stale and result is not None and result.source != source_of(result.case.key)
    return result is None or options.again or stale


def sweep(options: argparse.Namespace) -> list[Result]:
    """The results of the chosen cases; those that are not stored are timed, and stored."""
    stored, results = load(), []
    STORE.parent.mkdir(exist_ok=True)
    with STORE.open("a") as store, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = [(case, stored.get((case, options.threads))) for case in chosen(options)]
        if options.above:
            known = [(case, r) for case, r in known if r and r.ratio > options.above]
        clock = Clock([case for case, r in known if wanted(options, r)])
        if store.tell() and not STORE.read_text().endswith("\n"):
            store.write("\n")
        for case, result in known:
            if wanted(options, result) and clock.seconds < 60 * options.minutes:
                start = time.perf_counter()
                measured = measure(case, options.threads, options.seconds)
                gc.collect()
                clock.note(case, time.perf_counter() - start)
                if isinstance(measured, str):
                    if options.verbose:
                        print(f"{case.name}: {measured}")
                    continue
                result = measured
                store.write(json.dumps(result) + "\n")
                store.flush()
            if result is not None:
                results.append(result)
                if options.verbose:
                    print(line_of(result), flush=True)
    return results


# ---- reports


def time_text(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def line_of(r: Result) -> str:
    times = f"{time_text(r.ours)} / {time_text(r.torch)}"
    return f"{r.ratio:6.2f}  {times:>20}  {r.case.name}  ({r.arguments})"


def histogram(results: list[Result]) -> list[tuple[str, int]]:
    """Numbers of cases by their ratio."""
    edges = (0.0, *EDGES, math.inf)
    rows = []
    for low, high in itertools.pairwise(edges):
        n = sum(low <= r.ratio < high for r in results)
        rows.append((f"{low:g} to {high:g}" if high < math.inf else f"above {low:g}", n))
    return rows


def summary(results: list[Result]) -> list[str]:
    """The table of sizes and ways."""
    lines = ["| threads | size | | cases | median | 90 % below | above the limit | worst |"]
    lines += ["|--:|---|---|--:|--:|--:|--:|--:|"]
    groups: dict[tuple[int, str, str], list[Result]] = {}
    for r in results:
        for size in (r.case.size, "all"):
            for way in (r.case.way,) if size != "all" else ("",):
                groups.setdefault((r.threads, size, way), []).append(r)
    sizes = [*op_cases.SIZES, "all"]
    for key in sorted(groups, key=lambda k: (k[0], sizes.index(k[1]), k[2] != "forward")):
        ratios = sorted(r.ratio for r in groups[key])
        above = sum(r.missed for r in groups[key])
        tenth = ratios[min(len(ratios) - 1, int(0.9 * len(ratios)))]
        lines.append(
            f"| {key[0]} | {key[1]} | {key[2]} | {len(ratios)} | {statistics.median(ratios):.2f} "
            f"| {tenth:.2f} | {above} | {ratios[-1]:.2f} |"
        )
    return lines


def slowest(results: list[Result]) -> list[Result]:
    """The worst case of every row and way, the one farthest above its limit first."""
    worst: dict[tuple[str, str, int], Result] = {}
    for r in sorted(results, key=lambda r: -r.ratio / r.limit):
        if r.reason is None:
            worst.setdefault((r.row, r.case.way, r.threads), r)
    return list(worst.values())


def report(results: list[Result], count: int) -> None:
    """To the terminal."""
    if not results:
        return print("nothing to show")
    print("\n".join(summary(results)))
    widest = max(n for _, n in histogram(results))
    for text, n in histogram(results):
        print(f"{text:>12} {n:6} {'#' * round(50 * n / widest)}")
    for r in slowest(results)[:count]:
        print(line_of(r))
    print("\n".join(reasons(results)))


HEAD = """\
# Every operation against PyTorch

Written by `python benchmarks/op_sweep.py --page`; do not edit. A ratio is wengert's time by
PyTorch's, in one process and in turns, the smallest of several times; smaller is better. Small is
64 elements, which shows what a call costs, middle 60,000 and large 1,500,000 in the largest tensor;
layouts are contiguous, transposed, every second element, a row and a column that is repeated, and
channels_last where tensors are images; dtypes float32, float64, int64 and bool where the row has
them. Backward is forward and backward together. The limit is 1.1, for small ones 0.5.
"""


def reasons(results: list[Result]) -> list[str]:
    """The part of the page on what is above the limit and stays there."""
    lines = []
    for reason in REASONS:
        above = [r for r in results if r.reason is reason and r.ratio > r.limit]
        if above:
            rows = ", ".join(f"`{row}`" for row in sorted({r.row for r in above}))
            layouts = ", ".join(sorted({r.case.layout for r in above}))
            worst = max(r.ratio for r in above)
            lines.append(
                f"- {rows} ({layouts}; {len(above)} cases, at worst {worst:.2f}): {reason.text}"
            )
    if not lines:
        return []
    return [
        "",
        "## What stays above the limit, and why",
        "",
        "Not counted as above it.",
        "",
        *lines,
    ]


def page(results: list[Result]) -> str:
    """The page of benchmarks/, from everything that is stored."""
    from report import chip

    versions = f"PyTorch {importlib.metadata.version('torch')}"
    lines = [HEAD, f"{chip()}, {datetime.date.today()}, {versions}.", ""]
    lines += summary(results)
    threads = sorted({r.threads for r in results})
    lines += [
        "",
        "## Ratios",
        "",
        "| ratio | " + " | ".join(f"{t} threads" for t in threads) + " |",
    ]
    lines += ["|---|" + "--:|" * len(threads)]
    columns = [histogram([r for r in results if r.threads == t]) for t in threads]
    for row in zip(*columns, strict=True):
        lines.append(f"| {row[0][0]} | " + " | ".join(str(n) for _, n in row) + " |")
    lines += ["", "## The slowest", "", "The worst case of a row.", ""]
    lines += ["| row | | threads | arguments | layout, dtype | wengert | PyTorch | ratio |"]
    lines += ["|---|---|--:|---|---|--:|--:|--:|"]
    for r in [r for r in slowest(results) if r.ratio > r.limit][:SLOWEST]:
        lines.append(
            f"| {r.row} | {r.case.way} | {r.threads} | {r.arguments} "
            f"| {r.case.layout}, {r.case.dtype} | {time_text(r.ours)} | {time_text(r.torch)} "
            f"| {r.ratio:.2f} |"
        )
    lines += reasons(results)
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, help in (
        ("rows", "names of rows"),
        ("family", "conv, pool, norm, resample and other files of tests/rows/samples"),
        ("size", ", ".join(op_cases.SIZES)),
        ("layout", ", ".join(op_cases.LAYOUTS)),
        ("dtype", ", ".join(op_cases.SWEPT)),
        ("way", "forward, backward, or vmap, which is left out unless it is named"),
    ):
        parser.add_argument(f"--{name}", help=f"only these, separated by commas: {help}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", action="store_true", help="all kinds of samples of a row")
    parser.add_argument("--seconds", type=float, default=0.03, help="for a case")
    parser.add_argument("--again", action="store_true", help="also what is stored")
    parser.add_argument(
        "--stale", action="store_true", help="also what is stored of rows whose source has changed"
    )
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="time no more cases after so long"
    )
    parser.add_argument("--above", type=float, help="only what is stored with a ratio above this")
    parser.add_argument("--list", action="store_true", help="time nothing")
    parser.add_argument("--worst", type=int, default=40, help="how many of the slowest are shown")
    parser.add_argument("--verbose", action="store_true", help="show every case")
    parser.add_argument("--page", action="store_true", help="write op_sweep.md from what is stored")
    options = parser.parse_args()
    if options.page:
        PAGE.write_text(page(list(load().values())))
        print(f"wrote {PAGE}")
    else:
        report(sweep(options), options.worst)


if __name__ == "__main__":
    main()
