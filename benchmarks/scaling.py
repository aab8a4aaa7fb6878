"""What many cores would make of a training step, by arithmetic.

    cmake -S . -B build/trace -DWENGERT_PARALLEL=trace -DWENGERT_BUILD_PYTHON=ON \\
          -DCMAKE_BUILD_TYPE=Release && cmake --build build/trace
    PYTHONPATH=build/trace/python python benchmarks/scaling.py [--cores 2,4,8,16,32,64]
        [--join 1500] [--ops] [--only mid]

A library that is built this way does every job of a team on one thread and writes down how long
each of its chunks takes; what lies between jobs is done by one thread in any case. The chunks are
then dealt out to simulated cores by the rules of `Chunks` (csrc/wengert/base/parallel.h): each core
has a share that it takes first, then helps the others. A job costs `--join` nanoseconds beside its
work (`join` among the benchmarks in C++ measures it for the cores that there are), and each core
comes `WAKE` later than the one before.

Cores share nothing here: no memory bandwidth, no power. So the table says what the way in which
work is cut allows, not what a machine will do; what it names as the rest is true of any machine.
"""

from __future__ import annotations

import argparse
import heapq
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import train_steps

import wengert

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

WAKE = 60  # nanoseconds: a cache line that goes on to the next core
MOST_SHARES = 32  # kMostShares of parallel.h
RUNS = 12


class Job(NamedTuple):
    chunks: list[float]  # nanoseconds
    rest: float  # of the job itself, outside of its chunks


class Trace(NamedTuple):
    jobs: list[Job]
    between: list[float]  # nanoseconds before each job, and after the last

    @property
    def total(self) -> float:
        return sum(self.between) + sum(sum(job.chunks) + job.rest for job in self.jobs)


def spread(chunks: list[float], cores: int, join: float) -> float:
    """Nanoseconds that the chunks of one job take on so many cores."""
    members = min(len(chunks), cores)
    shares = min(members, MOST_SHARES)
    ends = [len(chunks) * (s + 1) // shares for s in range(shares)]
    next_of = [len(chunks) * s // shares for s in range(shares)]
    free = [(float(member * WAKE), member, 0) for member in range(members)]
    heapq.heapify(free)
    last = 0.0
    while free:
        at, member, turn = heapq.heappop(free)
        while turn < shares and next_of[(member + turn) % shares] == ends[(member + turn) % shares]:
            turn += 1
        if turn == shares:
            continue
        share = (member + turn) % shares
        at += chunks[next_of[share]]
        next_of[share] += 1
        last = max(last, at)
        heapq.heappush(free, (at, member, turn))
    return last + join


def simulated(trace: Trace, cores: int, join: float) -> float:
    total = sum(trace.between)
    for job in trace.jobs:
        total += job.rest + (spread(job.chunks, cores, join) if job.chunks else 0)
    return total


def _once(step: Callable[[], object]) -> Trace:
    take = getattr(wengert._native, "_take_traced_jobs")  # noqa: B009  no stub: one build has it
    take()
    start = time.perf_counter_ns()
    step()
    end = time.perf_counter_ns()
    jobs, between, at = [], [], start
    for begin, chunk_ends, done in take():
        between.append(begin - at)
        starts = [begin, *chunk_ends][: len(chunk_ends)]
        chunks = [b - a for a, b in zip(starts, chunk_ends, strict=True)]
        jobs.append(Job(chunks, done - (chunk_ends[-1] if chunk_ends else begin)))
        at = done
    return Trace(jobs, [*between, end - at])


def traced(step: Callable[[], object], runs: int = RUNS) -> Trace:
    """The least of several runs, chunk by chunk: what a disturbed machine hides."""
    traces = [_once(step) for _ in range(runs + 2)][2:]
    kinds = [tuple(len(j.chunks) for j in t.jobs) for t in traces]
    usual = max(set(kinds), key=kinds.count)
    same = [t for t, kind in zip(traces, kinds, strict=True) if kind == usual]
    jobs = []
    for of_one in zip(*(t.jobs for t in same), strict=True):
        chunks = [min(c) for c in zip(*(j.chunks for j in of_one), strict=True)]
        jobs.append(Job(chunks, min(j.rest for j in of_one)))
    between = [min(b) for b in zip(*(t.between for t in same), strict=True)]
    return Trace(jobs, between)


def what_stops(trace: Trace, cores: int, join: float) -> str:
    """The parts of the time on so many cores, largest first."""
    spent = {"between jobs": sum(trace.between)}
    for job in trace.jobs:
        n, work = len(job.chunks), sum(job.chunks)
        spent["joins"] = spent.get("joins", 0) + join
        uneven = spread(job.chunks, cores, 0) - work / cores if n else job.rest
        key = "jobs of fewer chunks than cores" if n < cores else "chunks left over"
        spent[key] = spent.get(key, 0) + uneven
        spent["work, evenly"] = spent.get("work, evenly", 0) + work / cores
    total = sum(spent.values())
    largest = sorted(spent.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {part / total:.0%}" for name, part in largest if part > 0.03 * total)


def steps(only: str, ops: bool) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, (builder, _) in train_steps.DENSE.items():
        if only in name:
            yield name, builder(wengert)
            yield f"{name}, captured", wengert.capture(builder(wengert))
    if not ops:
        return
    import op_cases  # with what the tests need

    from tests.rows import table

    for case in op_cases.cases(False):
        if case.size != "large" or case.layout != "contiguous" or only not in case.key:
            continue
        sample = op_cases.scaled(case.key, case.sample, case.size)
        if sample is None:
            continue
        function = table.in_wengert(table.ROWS[case.key])
        try:
            call = op_cases.call(case, sample, wengert, function)
            call()
        except (RuntimeError, TypeError, ValueError, NotImplementedError):
            continue  # the sweep says why
        yield f"{case.key}, {case.dtype}, {case.way}", call


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--cores", default="2,4,8,16,32,64")
    parser.add_argument("--join", type=float, default=1500, help="nanoseconds a job costs")
    parser.add_argument("--only", default="", help="part of a name")
    parser.add_argument("--ops", action="store_true", help="the sweep's large cases as well")
    options = parser.parse_args()
    if wengert._native.build_info()["parallel"] != "trace":
        parser.error("this needs a library built with WENGERT_PARALLEL=trace; see above")
    cores = [int(n) for n in options.cores.split(",")]
    print("| step | ms | " + " | ".join(map(str, cores)) + " | at 16: where the time is |")
    print("|---|--:|" + "--:|" * len(cores) + "---|")
    for name, step in steps(options.only, options.ops):
        wengert.set_num_threads(1)
        alone = traced(step).total
        row, reason = [], ""
        for n in cores:
            wengert.set_num_threads(n)
            trace = traced(step)
            row.append(f"{alone / simulated(trace, n, options.join):.2f}")
            if n == 16:
                reason = what_stops(trace, n, options.join)
        print(f"| {name} | {alone / 1e6:.3g} | " + " | ".join(row) + f" | {reason} |", flush=True)


if __name__ == "__main__":
    main()
