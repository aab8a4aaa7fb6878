"""Training steps and single operations, from Python, against PyTorch where it is installed.

    python benchmarks/train_steps.py [--threads 2] [--only mlp] [--seconds 1] [--rounds 5]

Prints one table: the median time of a step in each module, and wengert's share of torch's. Every
module runs in a process of its own, so that neither disturbs the other's threads; the processes
take turns, so that a machine that slows down slows them all; and the same lines are run on both.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

Step = Callable[[], Any]


def _mlp(m: Any, widths: list[int], batch: int, optimizer: str, **options: Any) -> Step:
    m.manual_seed(0)
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [m.nn.Linear(fan_in, fan_out), m.nn.ReLU()]
    model = m.nn.Sequential(*layers[:-1])
    x, y = m.randn(batch, widths[0]), m.randint(0, widths[-1], (batch,))
    optim = getattr(m.optim, optimizer)(model.parameters(), **options)
    loss_of = m.nn.functional.cross_entropy

    def step() -> None:
        optim.zero_grad()
        loss_of(model(x), y).backward()
        optim.step()

    return step


def _regression(m: Any, features: int, width: int, batch: int) -> Step:
    m.manual_seed(0)
    model = m.nn.Sequential(
        m.nn.Linear(features, width), m.nn.Tanh(), m.nn.Dropout(0.1), m.nn.Linear(width, 1)
    )
    x, y = m.randn(batch, features), m.randn(batch, 1)
    optim = m.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> None:
        optim.zero_grad()
        m.nn.functional.mse_loss(model(x), y).backward()
        m.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()

    return step


def _op(m: Any, expression: str, recorded: bool, repeat: int = 100) -> Step:
    """`repeat` evaluations of an expression in x, w (8 by 8) and b (8)."""
    m.manual_seed(0)
    names = {"x": m.randn(8, 8), "w": m.randn(8, 8), "b": m.randn(8), "F": m.nn.functional}
    for name in "xwb":
        names[name].requires_grad_(recorded)
    body = "\n    ".join([expression] * repeat)
    scope: dict[str, Any] = {}
    exec(f"def step(x, w, b, F):\n    {body}", scope)
    return lambda: scope["step"](**names)


def _chain(m: Any, length: int) -> Step:
    p = m.tensor(0.5, requires_grad=True)

    def step() -> None:
        z = p
        for _ in range(length // 2):
            z = z * p + p
        z.backward()

    return step


# Name: (builder, evaluations in one call).
WORKLOADS: dict[str, tuple[Callable[[Any], Step], int]] = {
    "mlp 8-32-32-3, batch 16, Adam": (lambda m: _mlp(m, [8, 32, 32, 3], 16, "Adam"), 1),
    "mlp 64-256-10, batch 64, SGD momentum": (
        lambda m: _mlp(m, [64, 256, 10], 64, "SGD", lr=0.01, momentum=0.9),
        1,
    ),
    "mlp 256-512-512-16, batch 128, AdamW": (
        lambda m: _mlp(m, [256, 512, 512, 16], 128, "AdamW"),
        1,
    ),
    "mlp 1024-2048-2048-100, batch 512, SGD": (
        lambda m: _mlp(m, [1024, 2048, 2048, 100], 512, "SGD", lr=0.01),
        1,
    ),
    "mlp 32 layers of 48, batch 8, SGD": (lambda m: _mlp(m, [48] * 33, 8, "SGD", lr=0.01), 1),
    "regression 13-64-1, batch 32, dropout, clipping": (lambda m: _regression(m, 13, 64, 32), 1),
    "chain of 200 scalar ops, forward and backward": (lambda m: _chain(m, 200), 200),
    "op x + b": (lambda m: _op(m, "x + b", False), 100),
    "op x + b, recorded": (lambda m: _op(m, "x + b", True), 100),
    "op x * 2": (lambda m: _op(m, "x * 2", False), 100),
    "op x @ w": (lambda m: _op(m, "x @ w", False), 100),
    "op F.linear(x, w, b), recorded": (lambda m: _op(m, "F.linear(x, w, b)", True), 100),
    "op F.relu(x), recorded": (lambda m: _op(m, "F.relu(x)", True), 100),
    "op x.sum()": (lambda m: _op(m, "x.sum()", False), 100),
    "op x[0]": (lambda m: _op(m, "x[0]", False), 100),
    "op x.reshape(4, 16)": (lambda m: _op(m, "x.reshape(4, 16)", False), 100),
}


def measure(step: Step, seconds: float) -> float:
    """The median time of a call, of as many as fit into `seconds`, and at least three."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def serve(module: str, threads: int) -> None:
    """Answers requests on stdin, a line of JSON each, until it is closed."""
    m = importlib.import_module(module.removesuffix("+capture"))
    m.set_num_threads(threads)
    built: dict[str, Step] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            name = request["workload"]
            if name not in built:
                step = WORKLOADS[name][0](m)
                built = {name: m.capture(step) if module.endswith("+capture") else step}
                measure(built[name], request["seconds"] / 4)
            seconds = measure(built[name], request["seconds"]) / WORKLOADS[name][1]
            answer: dict[str, Any] = {"s": seconds}
        except Exception as e:  # a workload that fails is reported; the others go on
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


class Worker:
    """A process that measures for one module."""

    def __init__(self, module: str, threads: int) -> None:
        command = [sys.executable, __file__, "--serve", module, "--threads", str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, workload: str, seconds: float) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"workload": workload, "seconds": seconds}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "the process ended"}

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def in_turn(workers: list[Worker], workload: str, seconds: float, rounds: int) -> list[Any]:
    """For each worker the median over the rounds, or a text that says what went wrong."""
    times: list[list[float]] = [[] for _ in workers]
    for _ in range(rounds):
        for worker, into in zip(workers, times, strict=True):
            answer = worker.ask(workload, seconds / rounds)
            if "error" in answer:
                return [answer["error"] if w is worker else None for w in workers]
            into.append(answer["s"])
    return [statistics.median(t) for t in times]


def written(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds / 1e-6:.2f} us"


def report(modules: list[str], names: list[str], args: argparse.Namespace) -> bool:
    workers = [Worker(m, args.threads) for m in modules]
    heads = modules + (["ratio"] if len(modules) == 2 else [])
    print(f"| {args.threads} thread(s), median | " + " | ".join(heads) + " |")
    print("|---|" + "--:|" * len(heads))
    ok = True
    for name in names:
        results = in_turn(workers, name, args.seconds, args.rounds)
        failed = [f"{m}: {r}" for m, r in zip(modules, results, strict=True) if isinstance(r, str)]
        if failed:
            ok = False
            print(f"| {name} | " + "; ".join(failed) + " |" * len(heads), flush=True)
            continue
        cells = [written(r) for r in results]
        if len(results) == 2:
            cells.append(f"{results[0] / results[1]:.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    for worker in workers:
        worker.close()
    return ok


def cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--threads", type=int, default=cpus())
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--seconds", type=float, default=1.0, help="per workload and module")
    parser.add_argument("--rounds", type=int, default=5, help="turns these seconds are split into")
    parser.add_argument(
        "--modules",
        default="wengert,torch",
        help="one, or two to compare; wengert+capture for captured steps",
    )
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve, args.threads)
        return 0
    modules = [
        m for m in args.modules.split(",") if importlib.util.find_spec(m.removesuffix("+capture"))
    ]
    names = [n for n in WORKLOADS if args.only in n]
    if not modules or not names:
        parser.error("nothing to measure: no such module is installed, or no such workload")
    return 0 if report(modules, names, args) else 1


if __name__ == "__main__":
    sys.exit(main())
