"""Measures this machine and writes its table into benchmarks/README.md.

    python benchmarks/report.py [--quick] [--threads 2] [--ways] [--print]

The peak and the bandwidth are measured on the spot, by the C++ benchmarks, which are built in
build/bench; training steps of the six networks of train_steps.DENSE are timed in wengert, eager and
captured, in torch and JAX where they are installed, and by hand in C++ where that is written. There
is one table for each chip; a new one takes the place of that chip's last one. With --ways the table
compares the two ways of having threads, the pool and OpenMP, on idle cores and with one core busy;
both packages are built in build/ways-*.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import train_steps
from train_steps import DENSE, Worker, cpus, in_turn

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "benchmarks" / "README.md"


def run(*command: str, **environment: str) -> str:
    """The output of a command, which has to succeed."""
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment}
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def configured(folder: str, *options: str) -> Path:
    """A build directory, built."""
    run("cmake", "-S", ".", "-B", f"build/{folder}", "-DCMAKE_BUILD_TYPE=Release", *options)
    run("cmake", "--build", f"build/{folder}", "--parallel", str(cpus()))
    return ROOT / "build" / folder


def chip() -> str:
    """The CPU's name with its family and model: clouds give several chips one name."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "unknown CPU"
    facts = dict(re.findall(r"^([^\t:]+?)\s*: (.*)$", text, re.MULTILINE))
    name = facts.get("model name", "unknown CPU")
    return f"{name}, family {facts.get('cpu family')}, model {facts.get('model')}"


def native(threads: int, quick: bool) -> dict[str, float]:
    """GFLOP/s of a core and of all, GB/s, and milliseconds of the step written by hand."""
    build = configured("bench", "-DWENGERT_BUILD_BENCHMARKS=ON")
    bench = build / "benchmarks" / "wengert_bench"
    if not bench.exists():
        sys.exit("wengert_bench was not built: Google Benchmark is missing (libbenchmark-dev)")
    text = run(
        str(bench),
        "--benchmark_filter=^(fma_peak|fma_peak_together|triad|by_hand_step)(/.*)?$",
        "--benchmark_format=json",
        f"--benchmark_min_time={0.01 if quick else 1}",
        OMP_NUM_THREADS=str(threads),
    )
    rows = {row["name"].split("/")[0]: row for row in json.loads(text)["benchmarks"]}
    return {
        "peak": rows["fma_peak"]["GFLOP/s"],
        "together": rows["fma_peak_together"]["GFLOP/s"],
        "bandwidth": rows["triad"]["GB/s"],
        "by hand": rows["by_hand_step"]["real_time"] / 1e3,
    }


def flops(widths: list[int], batch: int) -> float:
    """Of the matrix products of a step: forward, dW, and dX but for the first layer."""
    products = [a * b for a, b in itertools.pairwise(widths)]
    return 2.0 * batch * (3 * sum(products) - products[0])


def version(module: str) -> str:
    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:
        return "of the source tree"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:.0f}"


def medians(
    workers: dict[str, Worker], name: str, args: argparse.Namespace
) -> dict[str, float | None]:
    """Seconds of a step in each; None where it cannot be run."""
    found: dict[str, float | None] = {}
    able = dict(workers)
    if DENSE[name][1] is None:
        able.pop("JAX", None)
    results = in_turn(list(able.values()), f"dense {name}", args.seconds, args.rounds)
    for key, result in zip(able, results, strict=True):
        if isinstance(result, str):
            print(f"{name}: {key}: {result}", file=sys.stderr)
        found[key] = result[0] if isinstance(result, list) else None
    return found


def steps_table(args: argparse.Namespace) -> list[str]:
    measured = native(args.threads, args.quick)
    modules = {"eager": "wengert", "captured": "wengert+capture", "PyTorch": "torch", "JAX": "jax"}
    modules = {
        key: module
        for key, module in modules.items()
        if importlib.util.find_spec(module.removesuffix("+capture"))
    }
    workers = {key: Worker(module, args.threads) for key, module in modules.items()}
    versions = ", ".join(
        f"{module} {version(module)}"
        for module in ("wengert", "torch", "jax")
        if module in modules.values()
    )
    lines = [
        f"{datetime.date.today()}, {args.threads} threads, {versions}. Peak {measured['peak']:.0f} "
        f"GFLOP/s on one core, {measured['together']:.0f} on all; triad "
        f"{measured['bandwidth']:.1f} GB/s. Milliseconds per step, medians:",
        "",
        "| network | captured | eager | PyTorch | JAX | by hand | captured / PyTorch | "
        "captured / JAX | products, share of the peak |",
        "|---|" + "--:|" * 8,
    ]
    for name in args.names:
        t = medians(workers, name, args)
        hand = measured["by hand"] / 1e3 if name == "tiny" else None
        captured, shape = t.get("captured"), DENSE[name][1]
        cells = [
            milliseconds(x) if x else ""
            for x in (*(t.get(k) for k in ("captured", "eager", "PyTorch", "JAX")), hand)
        ]
        for other in ("PyTorch", "JAX"):
            theirs = t.get(other)
            cells.append(f"{captured / theirs:.2g}" if captured and theirs else "")
        peak = measured["together"] * 1e9
        cells.append(f"{flops(*shape) / captured / peak:.2f}" if captured and shape else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    for worker in workers.values():
        worker.close()
    return lines


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Another program computes on the last of our CPUs."""
    code = "import os\nif hasattr(os, 'sched_setaffinity'):\n    os.sched_setaffinity(0, "
    code += "{max(os.sched_getaffinity(0))})\nwhile True: pass"
    other = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield
    finally:
        other.kill()
        other.wait()


def ways_table(args: argparse.Namespace) -> list[str]:
    workers = {}
    for way in ("pool", "openmp"):
        build = configured(
            f"ways-{way}",
            "-DWENGERT_BUILD_PYTHON=ON",
            f"-DWENGERT_PARALLEL={way}",
            f"-DPython_EXECUTABLE={sys.executable}",
        )
        for kind in ("eager", "captured"):
            module = "wengert" if kind == "eager" else "wengert+capture"
            workers[way, kind] = Worker(module, args.threads, PYTHONPATH=str(build / "python"))
    lines = [
        f"{datetime.date.today()}, {args.threads} threads. Milliseconds per step with the pool and "
        "with OpenMP, on idle cores and with another program on one of them:",
        "",
        "| network | idle: pool | OpenMP | captured: pool | OpenMP | busy: pool | OpenMP | "
        "captured: pool | OpenMP |",
        "|---|" + "--:|" * 8,
    ]
    order = [(way, kind) for kind in ("eager", "captured") for way in ("pool", "openmp")]
    for name in args.names:
        cells = []
        for place in (contextlib.nullcontext, busy_core):
            with place():
                found = medians({str(k): w for k, w in workers.items()}, name, args)
            times = [found[str(k)] for k in order]
            cells += [milliseconds(t) if t else "" for t in times]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    for worker in workers.values():
        worker.close()
    return lines


def put(text: str, mark: str, title: str, lines: list[str]) -> str:
    """The text with the part between two marks replaced, or added before the end of the tables."""
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    part = "\n".join([begin, "", f"#### {title}", "", *lines, "", end])
    if begin in text:
        return text[: text.index(begin)] + part + text[text.index(end) + len(end) :]
    last = f"<!-- further {mark.split(':')[0]} -->"
    return text.replace(last, part + "\n\n" + last, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--threads", type=int, default=cpus())
    parser.add_argument("--quick", action="store_true", help="only to see that it works")
    parser.add_argument("--ways", action="store_true", help="compare the pool and OpenMP")
    parser.add_argument("--print", action="store_true", help="leave benchmarks/README.md alone")
    args = parser.parse_args()
    args.names = list(DENSE)[:4] if args.quick else list(DENSE)
    args.seconds, args.rounds = (0.1, 2) if args.quick else (10.0, 20)
    lines = (ways_table if args.ways else steps_table)(args)
    if args.print:
        print("\n".join(lines))
    else:
        kind = "threads" if args.ways else "chip"
        README.write_text(put(README.read_text(), f"{kind}: {chip()}", chip(), lines))
    return 0


if __name__ == "__main__":
    assert train_steps.__file__  # its processes run that file
    sys.exit(main())
