"""Training steps and single operations, from Python, against PyTorch where it is installed.

    python benchmarks/train_steps.py [--threads 2] [--only mlp] [--seconds 1] [--rounds 5]
    python benchmarks/train_steps.py --ratio

Prints one table: the median time of a step in each module, and wengert's share of torch's. With
--ratio it is the time of a backward pass in forward passes, in large networks instead. Every
module runs in a process of its own, so that neither disturbs the other's threads; the processes
take turns, so that a machine that slows down slows them all; and the same lines are run on both.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.util
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import conv_nets
import sequence_nets

Step = Callable[[], Any]
Timer = Callable[[float], list[float]]  # seconds to spend -> the median time of each part


def _dense(m: Any, widths: list[int]) -> Any:
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [m.nn.Linear(fan_in, fan_out), m.nn.ReLU()]
    return m.nn.Sequential(*layers[:-1])


def _mlp(m: Any, widths: list[int], batch: int, optimizer: str, **options: Any) -> Step:
    m.manual_seed(0)
    model = _dense(m, widths)
    x, y = m.randn(batch, widths[0]), m.randint(0, widths[-1], (batch,))
    optim = getattr(m.optim, optimizer)(model.parameters(), **options)
    loss_of = m.nn.functional.cross_entropy

    def step() -> None:
        optim.zero_grad()
        loss_of(model(x), y).backward()
        optim.step()

    return step


def _tanh_mlp(m: Any) -> Step:
    m.manual_seed(0)
    nn = m.nn
    model = nn.Sequential(
        nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2)
    )
    x, y = m.randn(32, 4), m.randint(0, 2, (32,))
    optim = m.optim.Adam(model.parameters())

    def step() -> None:
        optim.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optim.step()

    return step


def _scalar(m: Any) -> Step:
    p = m.nn.Parameter(m.tensor(0.5))
    optim = m.optim.SGD([p], lr=1e-6)

    def step() -> None:
        optim.zero_grad()
        z = p
        for _ in range(500):
            z = z * p + p
        z.backward()
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


# For _net: widths, batch, activation, loss, optimizer and its options, dtype, dropout.
NETS: list[dict[str, Any]] = [
    {"widths": [4, 16, 3], "batch": 1, "activation": "Tanh"},
    {"widths": [16, 128, 128, 1], "batch": 7, "activation": "SiLU", "loss": "mse_loss"},
    {
        "widths": [30, 200, 100, 1],
        "batch": 33,
        "activation": "GELU",
        "loss": "binary_cross_entropy_with_logits",
        "optimizer": "AdamW",
    },
    {
        "widths": [64] * 13,
        "batch": 33,
        "activation": "LeakyReLU",
        "loss": "smooth_l1_loss",
        "optimizer": "SGD",
        "options": {"momentum": 0.9, "nesterov": True},
    },
    {
        "widths": [784, 300, 100, 10],
        "batch": 100,
        "activation": "Sigmoid",
        "optimizer": "SGD",
        "options": {"momentum": 0.9, "nesterov": True},
    },
    {"widths": [13, 512, 512, 1], "batch": 256, "activation": "Softplus", "loss": "huber_loss"},
    {"widths": [2, 1024, 2], "batch": 1000, "activation": "Tanh", "optimizer": "SGD"},
    {
        "widths": [784, 1024, 512, 256, 10],
        "batch": 256,
        "activation": "GELU",
        "optimizer": "AdamW",
        "dropout": 0.2,
    },
    {"widths": [2048, 64, 2048], "batch": 100, "activation": "SiLU", "loss": "mse_loss"},
    {
        "widths": [4096, 1],
        "batch": 1000,
        "loss": "binary_cross_entropy_with_logits",
        "optimizer": "SGD",
    },
    {
        "widths": [512] * 5 + [20],
        "batch": 7,
        "loss": "binary_cross_entropy_with_logits",
        "optimizer": "AdamW",
        "dropout": 0.5,
    },
    {
        "widths": [1024, 1024, 1024, 100],
        "batch": 1000,
        "activation": "SiLU",
        "optimizer": "SGD",
        "options": {"momentum": 0.9, "nesterov": True},
    },
    {
        "widths": [8, 32, 32, 1],
        "batch": 1,
        "activation": "Softplus",
        "loss": "huber_loss",
        "optimizer": "AdamW",
        "dtype": "float64",
    },
    {
        "widths": [64, 256, 256, 5],
        "batch": 100,
        "activation": "Tanh",
        "optimizer": "SGD",
        "options": {"momentum": 0.9},
        "dtype": "float64",
    },
    {
        "widths": [10, 1000, 1],
        "batch": 1000,
        "activation": "LeakyReLU",
        "loss": "mse_loss",
        "dtype": "float64",
    },
]


def _net(
    m: Any,
    widths: list[int],
    batch: int,
    activation: str = "ReLU",
    loss: str = "cross_entropy",
    optimizer: str = "Adam",
    options: dict[str, Any] | None = None,
    dtype: str = "float32",
    dropout: float = 0.0,
) -> Step:
    m.manual_seed(0)
    kind = getattr(m, dtype)
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layers += [m.nn.Linear(fan_in, fan_out, dtype=kind), getattr(m.nn, activation)()]
        layers += [m.nn.Dropout(dropout)] if dropout else []
    model = m.nn.Sequential(*layers[: -2 if dropout else -1])
    x, y = m.randn(batch, widths[0], dtype=kind), m.randn(batch, widths[-1], dtype=kind)
    if loss == "cross_entropy":
        y = m.randint(0, widths[-1], (batch,))
    elif loss == "binary_cross_entropy_with_logits":
        y = (y > 0).to(kind)
    optim = getattr(m.optim, optimizer)(model.parameters(), lr=1e-3, **options or {})
    loss_of = getattr(m.nn.functional, loss)

    def step() -> None:
        optim.zero_grad()
        loss_of(model(x), y).backward()
        optim.step()

    return step


def _net_name(net: dict[str, Any]) -> str:
    widths = net["widths"]
    equal = len(widths) > 4 and len(set(widths)) == 1
    shape = f"{len(widths) - 1} layers of {widths[0]}" if equal else "-".join(map(str, widths))
    parts = [f"net {shape}", f"batch {net['batch']}"]
    if len(widths) > 2:
        parts.append(net.get("activation", "ReLU"))
    parts += [f"dropout {net['dropout']}"] if "dropout" in net else []
    parts += [net.get("loss", "cross_entropy"), net.get("optimizer", "Adam")]
    parts[-1] += "".join(f" {option}" for option in net.get("options", {}))
    return ", ".join(parts + ([net["dtype"]] if "dtype" in net else []))


# For --ratio: widths and batch.
LARGE: dict[str, tuple[list[int], int]] = {
    "784-2048-2048-2048-10, batch 512": ([784, 2048, 2048, 2048, 10], 512),
    "8 layers of 1024, batch 256": ([1024] * 9, 256),
    "2048-8192-2048, batch 256": ([2048, 8192, 2048], 256),
    "4096-4096-4096-10, batch 1024": ([4096, 4096, 4096, 10], 1024),
}

# What report.py shows: the builder, and widths and batch if it is a dense network.
Dense = tuple[Callable[[Any], Step], tuple[list[int], int] | None]
DENSE: dict[str, Dense] = {
    "tiny": (_tanh_mlp, ([4, 64, 64, 2], 32)),
    "scalar": (_scalar, None),
    "deep": (lambda m: _mlp(m, [64] * 65, 32, "SGD", lr=0.01), ([64] * 65, 32)),
    "small": (
        lambda m: _mlp(m, [784, 128, 10], 64, "SGD", lr=0.01, momentum=0.9),
        ([784, 128, 10], 64),
    ),
    "mid": (lambda m: _mlp(m, [784, 1024, 1024, 10], 256, "Adam"), ([784, 1024, 1024, 10], 256)),
    "large": (
        lambda m: _mlp(m, [4096, 4096, 4096, 10], 1024, "SGD", lr=0.01),
        ([4096, 4096, 4096, 10], 1024),
    ),
}

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
WORKLOADS |= {f"dense {name}": (builder, 1) for name, (builder, _) in DENSE.items()}
_MADE = conv_nets.NETS | conv_nets.SIZES | sequence_nets.NETS
WORKLOADS |= {f"net {name}": (builder, 1) for name, builder in _MADE.items()}
WORKLOADS |= {_net_name(net): (functools.partial(_net, **net), 1) for net in NETS}


def measure(step: Step, seconds: float) -> float:
    """The median time of a call, of as many as fit into `seconds`, and at least three."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _parts(m: Any, widths: list[int], batch: int) -> Timer:
    """Times the two passes of training, recorded forward and backward, without the optimizer."""
    m.manual_seed(0)
    model = _dense(m, widths)
    x, y = m.randn(batch, widths[0]), m.randint(0, widths[-1], (batch,))

    def times() -> tuple[float, float]:
        model.zero_grad()
        start = time.perf_counter()
        loss = m.nn.functional.cross_entropy(model(x), y)
        middle = time.perf_counter()
        loss.backward()
        return middle - start, time.perf_counter() - middle

    def timer(seconds: float) -> list[float]:
        end = time.perf_counter() + seconds
        runs = [times() for _ in range(3)]
        while time.perf_counter() < end:
            runs.append(times())
        return [statistics.median(part) for part in zip(*runs, strict=True)]

    return timer


def _built(m: Any, workload: str, captured: bool) -> Step:
    if m.__name__ == "jax":
        return importlib.import_module("jax_steps").build(workload.split(" ", 1)[1])
    step = WORKLOADS[workload][0](m)
    return m.capture(step) if captured else step


def _timer(m: Any, workload: str, captured: bool) -> Timer:
    if workload in LARGE:
        return _parts(m, *LARGE[workload])
    step, evaluations = _built(m, workload, captured), WORKLOADS[workload][1]
    return lambda seconds: [measure(step, seconds) / evaluations]


def _status(*names: str) -> int:
    """The sum of entries of Linux' /proc/self/status, in bytes."""
    text = Path("/proc/self/status").read_text()
    found = dict(re.findall(r"(\w+):\s+(\d+) kB", text))
    return sum(1024 * int(found[name]) for name in names)


def _peak_memory(m: Any, workload: str, captured: bool) -> int:
    """Bytes that parameters and three steps take at their peak, in a process that ran none.

    Pages of files, which is where code that runs for the first time comes from, do not count.
    """
    before = _status("RssAnon")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    step = _built(m, workload, captured)
    for _ in range(3):
        step()
    return _status("VmHWM") - _status("RssFile", "RssShmem") - before


def serve(module: str, threads: int) -> None:
    """Answers requests on stdin, a line of JSON each, until it is closed."""
    m = importlib.import_module(module.removesuffix("+capture"))
    if hasattr(m, "set_num_threads"):
        m.set_num_threads(threads)
    built: dict[str, Timer] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            name, captured = request["workload"], module.endswith("+capture")
            if request["seconds"] is None:
                print(json.dumps({"bytes": _peak_memory(m, name, captured)}), flush=True)
                continue
            if name not in built:
                built = {name: _timer(m, name, captured)}
                built[name](request["seconds"] / 4)
            answer: dict[str, Any] = {"s": built[name](request["seconds"])}
        except Exception as e:  # a workload that fails is reported; the others go on
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


class Worker:
    """A process that measures for one module."""

    def __init__(self, module: str, threads: int, **environment: str) -> None:
        command = [sys.executable, __file__, "--serve", module, "--threads", str(threads)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def ask(self, workload: str, seconds: float | None) -> dict[str, Any]:
        """The time of the workload's parts; without seconds, its peak memory."""
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
    """For each worker the median of each part, or a text that says what went wrong."""
    times: list[list[list[float]]] = [[] for _ in workers]
    for _ in range(rounds):
        for worker, into in zip(workers, times, strict=True):
            answer = worker.ask(workload, seconds / rounds)
            if "error" in answer:
                return [answer["error"] if w is worker else None for w in workers]
            into.append(answer["s"])
    return [[statistics.median(part) for part in zip(*t, strict=True)] for t in times]


def written(seconds: float) -> str:
    for unit, size in (("years", 365.25 * 86400), ("days", 86400.0), ("s", 1.0), ("ms", 1e-3)):
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
        cells = [written(r[0]) for r in results]
        if len(results) == 2:
            cells.append(f"{results[0][0] / results[1][0]:.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    for worker in workers:
        worker.close()
    return ok


def report_ratio(modules: list[str], names: list[str], args: argparse.Namespace) -> bool:
    """Prints backward / forward of large networks, beside what the matrix products alone give.

    Backward has two products for each of forward's, dX and dW, and no dX of the first layer.
    Finite differences ("naive") take a forward pass for each parameter.
    """
    workers = [Worker(m, args.threads) for m in modules]
    print(f"| {args.threads} thread(s), median | module | forward | backward | ratio | ", end="")
    print("of the products | naive |\n|---|---|" + "--:|" * 5)
    ok = True
    for name in names:
        widths = LARGE[name][0]
        products = [fan_in * fan_out for fan_in, fan_out in itertools.pairwise(widths)]
        expected = 2 - products[0] / sum(products)
        parameters = sum(products) + sum(widths[1:])
        results = in_turn(workers, name, args.seconds, args.rounds)
        for module, result in zip(modules, results, strict=True):
            if not isinstance(result, list):
                ok = ok and result is None
                print(f"| {name} | {module} | {result or ''} |" + " |" * 4, flush=True)
                continue
            forward, backward = result
            cells = [name, module, written(forward), written(backward)]
            cells += [f"{backward / forward:.2f}", f"{expected:.2f}", written(forward * parameters)]
            print(f"| {' | '.join(cells)} |", flush=True)
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
    parser.add_argument(
        "--ratio", action="store_true", help="time backward against forward in large networks"
    )
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve, args.threads)
        return 0
    modules = [
        m for m in args.modules.split(",") if importlib.util.find_spec(m.removesuffix("+capture"))
    ]
    if args.ratio and any(m.endswith("+capture") for m in modules):
        parser.error("--ratio: a captured step is one piece; its passes cannot be timed alone")
    names = [n for n in (LARGE if args.ratio else WORKLOADS) if args.only in n]
    if not modules or not names:
        parser.error("nothing to measure: no such module is installed, or no such workload")
    return 0 if (report_ratio if args.ratio else report)(modules, names, args) else 1


if __name__ == "__main__":
    sys.exit(main())
