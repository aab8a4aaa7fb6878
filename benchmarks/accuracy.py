"""How many units in the last place the elementwise functions are off, over all numbers of float32.

    python benchmarks/accuracy.py --step 101               # every 101st number, in minutes
    python benchmarks/accuracy.py                          # all 2^32: minutes for each function
    python benchmarks/accuracy.py --rows exp,gelu --dtype float32 --again
    nohup nice python benchmarks/accuracy.py --minutes 60 >build/accuracy.log &    # a piece of it
    python benchmarks/accuracy.py --list                   # what is stored, nothing is run
    python benchmarks/accuracy.py --page                   # writes accuracy.md from what is stored

The functions are the elementwise rows of the registry, of one number or of two, with the true
values of tests/rows/true_values.py: NumPy's or SciPy's in float64, formulas, and mpmath's for
float64 where long double has no such function. Of two numbers and in float64 samples are taken.
What is stored in build/accuracy.json is not run again without --again or --stale, all numbers stand
for every N-th as well, and a function that is interrupted goes on where it was. It runs on one
thread.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from op_sweep import source_of  # noqa: E402  after the path
from report import chip  # noqa: E402

import wengert  # noqa: E402
from tests.rows import true_values, units  # noqa: E402
from tests.rows.true_values import LEFT_OUT, Function  # noqa: E402
from tests.rows.units import Found  # noqa: E402

STORE = ROOT / "build" / "accuracy.json"
PAGE = ROOT / "benchmarks" / "accuracy.md"
NUMBERS = 1 << 32
PIECE = 1 << 26  # numbers between two lines of the store
BLOCK = 1 << 15  # numbers that stay in a cache of a core with their results
SAMPLES = 1 << 20
BY_DIGITS = (512, 4096)  # times fewer samples, of one number and two, where mpmath is asked
LIMIT = 2.0  # units


class Run(NamedTuple):
    """A function over all numbers of float32, or every step-th; samples if `step` is 0. Which
    instructions the library used, and a digest of the row's source."""

    name: str
    dtype: str
    step: int
    isa: str
    source: str

    @property
    def pieces(self) -> int:
        return math.ceil(NUMBERS / (PIECE * self.step)) if self.step else 1


class Stored(NamedTuple):
    """The run that is shown of a function, and what it found."""

    run: Run
    found: Found


Store = dict[Run, dict[int, Found]]


# ---- running


def parts(function: Function, run: Run, piece: int, samples: int) -> Iterator[tuple]:
    """The arguments, in blocks."""
    if run.step:
        begin = piece * PIECE * run.step
        end = min(begin + PIECE * run.step, NUMBERS)
        for x in units.patterns(begin, end, run.step, BLOCK):
            yield (x,)
        if piece == 0:
            yield (units.special(run.dtype),)
        return
    if run.dtype == "float64" and function.truth.digits:
        samples = max(60, samples // BY_DIGITS[len(function.tensors) - 1])
    for seed in range(math.ceil(samples / BLOCK)):
        count = min(samples, BLOCK)
        if len(function.tensors) == 1:
            yield (units.one(run.dtype, count, seed),)
        else:
            yield units.two(run.dtype, count, seed)


def measure(function: Function, run: Run, piece: int, samples: int) -> Found:
    found = Found()
    for x in parts(function, run, piece, samples):
        found = found.and_(units.measure(function, x))
    return found


def load() -> Store:
    """What is stored; the last of each piece counts."""
    found: Store = {}
    if STORE.exists():
        for line in STORE.read_text().splitlines():
            if not line.endswith("]"):
                continue  # what was being written when a run was stopped
            run, piece, numbers = json.loads(line)
            key = Run(*run)
            old = found.pop(key, {})  # the last to be written comes last
            found[key] = {**old, piece: Found(*map(_tuple, numbers))}
    return found


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def is_complete(run: Run, pieces: dict[int, Found]) -> bool:
    return len(pieces) == run.pieces


def best(store: Store) -> dict[tuple[str, str, str], Stored]:
    """For each function, dtype and level the complete run over most numbers, the last of those."""
    found: dict[tuple[str, str, str], Stored] = {}
    for run, pieces in store.items():
        key = (run.name, run.dtype, run.isa)
        if is_complete(run, pieces) and (key not in found or run.step <= found[key].run.step):
            whole = Found()
            for piece in pieces.values():
                whole = whole.and_(piece)
            found[key] = Stored(run, whole)
    return found


def chosen(options: argparse.Namespace) -> Iterator[tuple[Function, Run]]:
    """What the options name."""
    isa = str(wengert._native.build_info()["isa"])
    for name, function in true_values.functions()[0].items():
        key = function.truth.row
        names = {name, key, key.split("(")[0]}
        if options.rows and not names & set(options.rows.split(",")):
            continue
        for dtype in options.dtype.split(","):
            numbered = dtype == "float32" and len(function.tensors) == 1
            step = options.step if numbered else 0
            yield function, Run(name, dtype, step, isa, source_of(key))


def is_wanted(options: argparse.Namespace, run: Run, store: Store) -> bool:
    """Whether there is no such run yet, nor one over more numbers."""
    for other, pieces in store.items():
        same = (other.name, other.dtype, other.isa) == (run.name, run.dtype, run.isa)
        fresh = other.source == run.source or not options.stale
        if same and fresh and other.step <= run.step and is_complete(other, pieces):
            return False
    return True


def go(options: argparse.Namespace) -> list[Stored]:
    """Runs what is chosen and not stored; gives all that is chosen and complete."""
    wengert.set_num_threads(1)
    STORE.parent.mkdir(exist_ok=True)
    shown, start = [], time.perf_counter()
    with STORE.open("a") as file:
        if file.tell() and not STORE.read_text().endswith("\n"):
            file.write("\n")
        for function, run in list(chosen(options)):  # sources are looked at before
            store = load()
            if options.again and not options.list:
                store = {r: p for r, p in store.items() if r[:2] != run[:2] or r.isa != run.isa}
            if not options.list and is_wanted(options, run, store):
                pieces = store.setdefault(run, {})
                for piece in range(run.pieces):
                    if piece in pieces or time.perf_counter() - start > 60 * options.minutes:
                        continue
                    pieces[piece] = measure(function, run, piece, options.samples)
                    file.write(json.dumps([run, piece, pieces[piece]]) + "\n")
                    file.flush()
            stored = best(store).get((run.name, run.dtype, run.isa))
            if stored:
                print(line_of(stored), flush=True)
                shown.append(stored)
    return shown


# ---- reports


def number(x: float, dtype: str) -> str:
    return str(np.dtype(dtype).type(x))


def place(at: tuple[float, ...], dtype: str) -> str:
    return ", ".join(number(x, dtype) for x in at)


def units_text(stored: Stored) -> str:
    """Where all results are the true value rounded, how far that is from it was not looked at."""
    found = stored.found
    if not found.units:
        same = true_values.functions()[0][stored.run.name].truth.same
        return "exact" if same else "at most 0.5"
    return f"{found.units:.2f}" if found.units < 1000 else f"{found.units:.1e}"


def share(found: Found) -> str:
    return f"{math.floor(1e4 * found.rounded / found.count) / 100:g} %" if found.count else ""


def special_text(stored: Stored) -> str:
    found = stored.found
    if not found.special:
        return ""
    return f"{found.special:,}, as at {place(found.special_at, stored.run.dtype)}"


def nth(n: int) -> str:
    """101 as 101st."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{n}{'th' if n % 100 in (11, 12, 13) else ends.get(n % 10, 'th')}"


def over(run: Run, count: int) -> str:
    """The numbers of a run."""
    if not run.step:
        return f"{count:,} samples"
    return "all" if run.step == 1 else f"every {nth(run.step)}"


def line_of(stored: Stored) -> str:
    run, found = stored
    special = f"; special: {special_text(stored)}" if found.special else ""
    return (
        f"{run.name:28} {run.dtype} {over(run, found.count):>16}  {units_text(stored):>11} "
        f"at ({place(found.at, run.dtype)}), {share(found)} rounded{special}"
    )


HEAD = """\
# How accurate the elementwise functions are

Written by `python benchmarks/accuracy.py --page`; do not edit. `units` is the largest error in
units in the last place of the true value, `at` where it is, and `rounded` the share of results that
are the true value rounded; `exact` is what IEEE 754 says. `special` counts arguments at which
infinity, NaN, zero or the sign of a zero is not what it should be.

Kernels take numbers without a normal exponent for zeros, arguments and results: either is right
here, and an error below the least normal number is none where the true value is at most 16 times
that. Of two arguments, nonzero ones and true values within 26 powers of two of that number are left
out, within 110 in float64.
Functions with further arguments have them at their defaults unless the name says otherwise;
`clamp`, `clamp_min`, `clamp_max` and `threshold`, which have none, at 1/2 and -1/2.
"""


def names(runs: list[Stored]) -> str:
    return ", ".join(f"`{s.run.name}`" for s in runs) or "none"


def ranges(runs: list[Stored]) -> list[str]:
    """Which functions were run over all numbers, and which over every N-th."""
    lines = []
    for step in sorted({s.run.step for s in runs}):
        at_step = [s for s in runs if s.run.step == step]
        which = "all 2^32 bit patterns" if step == 1 else f"every {nth(step)} bit pattern only"
        lines += [f"Over {which}, {len(at_step)} functions: {names(at_step)}.", ""]
    return lines


def table(runs: list[Stored]) -> list[str]:
    lines = ["| function | over | units | at | rounded | special |", "|---|--:|--:|--:|--:|---|"]
    for s in runs:
        mark = "" if s.run.source == source_of(truth_row(s.run.name)) else " †"
        lines.append(
            f"| {s.run.name}{mark} | {over(s.run, s.found.count)} | {units_text(s)} "
            f"| {place(s.found.at, s.run.dtype)} | {share(s.found)} | {special_text(s)} |"
        )
    if any("†" in line for line in lines):
        lines += ["", "† before the last change of its source."]
    return lines


def truth_row(name: str) -> str:
    return true_values.functions()[0][name].truth.row


def above(runs: list[Stored]) -> list[str]:
    """What is off by more, or has another special value, with the reason."""
    lines = []
    for s in runs:
        if s.found.units <= LIMIT and not s.found.special:
            continue
        truth = true_values.functions()[0][s.run.name].truth
        special = f" and special values ({special_text(s)})" if s.found.special else ""
        why = f": {truth.why}" if truth.why else ""
        lines.append(f"- `{s.run.name}`, {s.run.dtype}, {units_text(s)}{special}{why}.")
    return lines


def page() -> str:
    """The page of benchmarks/, from everything that is stored."""
    functions, unknown = true_values.functions()
    runs = [s for key, s in best(load()).items() if key[0] in functions]
    order = list(functions)
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in ("numpy", "scipy"))
    lines = [HEAD]
    for isa in sorted({s.run.isa for s in runs}):
        lines += [f"Level `{isa}` on {chip()}, {datetime.date.today()}, {versions}.", ""]
        mine = sorted((s for s in runs if s.run.isa == isa), key=lambda s: order.index(s.run.name))
        for count, title in ((1, "One argument"), (2, "Two arguments")):
            for dtype in ("float32", "float64"):
                these = [
                    s
                    for s in mine
                    if s.run.dtype == dtype and len(functions[s.run.name].tensors) == count
                ]
                lines += [f"## {title}, {dtype}", ""]
                lines += ranges(these) if count == 1 and dtype == "float32" else []
                lines += [*table(these), ""]
        lines += ["## Above two units, or with other special values", "", *above(mine), ""]
    lines += ["## Left out", ""]
    lines += [
        f"- {', '.join(f'`{key}`' for key in keys)}: {why}." for why, keys in LEFT_OUT.items()
    ]
    if unknown:
        lines.append(f"- {', '.join(f'`{key}`' for key in unknown)}: no true value is known.")
    return "\n".join(lines) + "\n"


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", help="only these, separated by commas")
    parser.add_argument("--dtype", default="float32,float64", help="float32 or float64 only")
    parser.add_argument("--step", type=int, default=1, help="every so many numbers of float32")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of two numbers, of float64")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long")
    parser.add_argument("--again", action="store_true", help="also what is stored")
    parser.add_argument(
        "--stale", action="store_true", help="also what is stored of rows whose source has changed"
    )
    parser.add_argument("--list", action="store_true", help="run nothing")
    parser.add_argument("--page", action="store_true", help="write accuracy.md from what is stored")
    options = parser.parse_args(words)
    if options.step < 1 or options.samples < 1:
        parser.error("--step and --samples are at least 1")
    if not set(options.dtype.split(",")) <= {"float32", "float64"}:
        parser.error(f"--dtype is float32, float64 or both: {options.dtype!r}")
    return options


def main(words: list[str] | None = None) -> None:
    options = parsed(words)
    if options.page:
        PAGE.write_text(page())
        print(f"wrote {PAGE}")
        return
    shown = go(options)
    off = [s for s in shown if s.found.units > LIMIT or s.found.special]
    print(f"{len(shown)} functions; {len(off)} above {LIMIT:g} units or with other special values")


if __name__ == "__main__":
    main()
