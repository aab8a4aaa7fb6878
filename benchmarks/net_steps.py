"""Training steps of networks against PyTorch and JAX: time, and memory at the peak.

    python benchmarks/net_steps.py [--only cnn] [--threads 2] [--seconds 10] [--rounds 20]

Prints tables for benchmarks/README.md: of the networks of conv_nets.py, of those of
sequence_nets.py, and of images whose size is another at every call. Every library has a process of
its own, the processes take turns, and PyTorch is taken on one thread and on all: what counts is the
better of the two. JAX runs those that are written for it, as whole steps under jit. Interrupted, it
has printed what it has.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

import conv_nets
import sequence_nets
from report import chip, milliseconds, version
from train_steps import Worker, cpus, in_turn

NETS = [list(conv_nets.NETS), list(sequence_nets.NETS)]  # a table each
JAX = ("cnn", "gpt", "lstm")

# What is timed: the column, the module, on all threads or one.
KINDS = {
    "captured": ("wengert+capture", "all"),
    "eager": ("wengert", "all"),
    "PyTorch": ("torch", "all"),
    "PyTorch, one thread": ("torch", "one"),
    "JAX": ("jax", "all"),
}
HEADS = ["network", "captured", "eager", "PyTorch", "its threads", "JAX", "captured / PyTorch"]
HEADS += ["eager / PyTorch", "captured / JAX"]
MEMORY = ["MiB: captured", "eager", "PyTorch", "eager / PyTorch"]


def installed(module: str) -> bool:
    return importlib.util.find_spec(module.removesuffix("+capture")) is not None


def times_of(name: str, args: argparse.Namespace, kinds: list[str]) -> dict[str, float]:
    """The median seconds of a step in each kind that can run it."""
    threads = {"all": args.threads, "one": 1}
    kinds = [kind for kind in kinds if installed(KINDS[kind][0])]
    workers = [Worker(KINDS[kind][0], threads[KINDS[kind][1]]) for kind in kinds]
    try:
        results = in_turn(workers, f"net {name}", args.seconds, args.rounds)
    finally:
        for worker in workers:
            worker.close()
    for kind, result in zip(kinds, results, strict=True):
        if isinstance(result, str):
            print(f"{name}: {kind}: {result}", file=sys.stderr)
    return {k: r[0] for k, r in zip(kinds, results, strict=True) if isinstance(r, list)}


def memory_of(name: str, kind: str, args: argparse.Namespace) -> int | None:
    """Bytes at the peak, in a process of its own; None where it cannot be told."""
    if not installed(KINDS[kind][0]) or not Path("/proc/self/clear_refs").exists():
        return None
    worker = Worker(KINDS[kind][0], args.threads)
    try:
        answer = worker.ask(f"net {name}", None)
    finally:
        worker.close()
    if "error" in answer:
        print(f"{name}: {kind}: {answer['error']}", file=sys.stderr)
    return answer.get("bytes")


def better(t: dict[str, float], args: argparse.Namespace) -> tuple[float | None, str]:
    """PyTorch's time at its better number of threads, and that number."""
    found = [
        (t[k], n) for k, n in (("PyTorch", args.threads), ("PyTorch, one thread", 1)) if k in t
    ]
    return (min(found)[0], str(min(found)[1])) if found else (None, "")


def ratio(a: float | None, b: float | None) -> str:
    return f"{a / b:.2f}" if a and b else ""


def number(seconds: float | None) -> str:
    return milliseconds(seconds) if seconds else ""


def steps_row(name: str, args: argparse.Namespace) -> list[str]:
    kinds = [kind for kind in KINDS if kind != "JAX" or name in JAX]
    t = times_of(name, args, kinds)
    torch, threads = better(t, args)
    captured, eager, jax = t.get("captured"), t.get("eager"), t.get("JAX")
    cells = [name, number(captured), number(eager), number(torch), threads, number(jax)]
    cells += [ratio(captured, torch), ratio(eager, torch), ratio(captured, jax)]
    sizes = [memory_of(name, kind, args) for kind in ("captured", "eager", "PyTorch")]
    cells += [f"{size / 2**20:.0f}" if size else "" for size in sizes]
    return [*cells, ratio(sizes[1], sizes[2])]


def sizes_row(kind: str, module: list[str], args: argparse.Namespace) -> list[str]:
    """A library's time with one size and with changing ones."""
    found = []
    for name in ("one size", "changing sizes"):
        t = times_of(name, args, module)
        found.append(min(t.values()) if t else None)
    return [kind, number(found[0]), number(found[1]), ratio(found[1], found[0])]


def line(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", default="", help="a part of a network's name, or sizes")
    parser.add_argument("--threads", type=int, default=cpus())
    parser.add_argument("--seconds", type=float, default=2.0, help="for each library and network")
    parser.add_argument("--rounds", type=int, default=5, help="turns these seconds are split into")
    args = parser.parse_args()
    tables = [[name for name in names if args.only in name] for names in NETS]
    with_sizes = args.only in "changing sizes"
    if not any(tables) and not with_sizes:
        known = ", ".join(name for names in NETS for name in names)
        parser.error(f"--only {args.only}: not in {known}, sizes")
    versions = ", ".join(f"{m} {version(m)}" for m in ("torch", "jax") if installed(m))
    print(f"{chip()}, {args.threads} threads, {versions}. Milliseconds per step, medians:\n")
    for names in filter(None, tables):
        line(HEADS + MEMORY)
        print("|---|" + "--:|" * (len(HEADS + MEMORY) - 1))
        for name in names:
            line(steps_row(name, args))
        print()
    if with_sizes:
        line(["forward and backward", "one size", "changing sizes", "ratio"])
        print("|---|" + "--:|" * 3)
        line(sizes_row("wengert", ["eager"], args))
        line(sizes_row("PyTorch", ["PyTorch", "PyTorch, one thread"], args))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
