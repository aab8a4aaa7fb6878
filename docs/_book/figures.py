"""Writes docs/numbers.md: python docs/_book/figures.py [SECONDS [THREADS]]

SECONDS is for each row. On the machine at hand, with its chip and the date. Every figure is the
fastest of many runs, as whatever else runs on the machine only makes it slower. Where torch is
installed it is measured in the same way, step by step in turn with wengert.
"""

import datetime
import itertools
import os
import platform
import sys
import time
from pathlib import Path

import wengert
from wengert import version

try:
    import torch
except ImportError:
    torch = None

PAGE = Path(__file__).resolve().parents[1] / "numbers.md"

HEAD = """\
# Numbers

Written by `python docs/_book/figures.py` on {date}, on {chip}, threads: {threads}, with wengert
{version}{torch}. Milliseconds of a training step (forward, backward, optimizer), the fastest of the
runs of {budget:g} seconds; *captured* is `wengert.capture` around the step. Another machine has
other numbers: run the command there. The tables that the README quotes, with other libraries and
several chips, are on the page of [benchmarks](benchmarks.md).{busy}

"""
BUSY = """

**The machine was busy meanwhile** (others kept {load:.1f} of {cores} cores busy), so these figures
are rough, and mostly too large: make them again on an idle one."""


def chip():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def network(T, sizes, activation):
    layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [T.nn.Linear(inputs, outputs), getattr(T.nn, activation)()]
    return T.nn.Sequential(*layers[:-1])


def dense(T, sizes, batch, activation="ReLU"):
    return network(T, sizes, activation), T.randn(batch, sizes[0])


def images(T, batch):
    model = T.nn.Sequential(
        T.nn.Conv2d(1, 16, 3), T.nn.ReLU(), T.nn.Conv2d(16, 32, 3), T.nn.ReLU(),
        T.nn.MaxPool2d(2), T.nn.Flatten(), T.nn.Linear(32 * 36, 10),
    )  # fmt: skip
    return model, T.randn(batch, 1, 16, 16)


def encoder(T, batch):
    layer = T.nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True)
    return T.nn.Sequential(layer, T.nn.Linear(64, 64)), T.randn(batch, 32, 64)


NETWORKS = {
    "4-64-64-2, tanh, batch 32": lambda T: dense(T, (4, 64, 64, 2), 32, "Tanh"),
    "784-128-10, relu, batch 64": lambda T: dense(T, (784, 128, 10), 64),
    "512-512-512-10, relu, batch 256": lambda T: dense(T, (512, 512, 512, 10), 256),
    "two convolutions on 16x16, batch 32": lambda T: images(T, 32),
    "a transformer's layer, 32 places of 64, batch 8": lambda T: encoder(T, 8),
}


def step_of(T, make):
    T.manual_seed(0)
    model, x = make(T)
    optimizer = T.optim.Adam(model.parameters(), lr=1e-3)

    def step():
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def fastest(steps, budget):
    """Of each, in turn."""
    best = [float("inf")] * len(steps)
    for step in steps:
        for _ in range(20):
            step()
    begin = time.perf_counter()
    while time.perf_counter() - begin < budget:
        for i, step in enumerate(steps):
            start = time.perf_counter()
            step()
            best[i] = min(best[i], time.perf_counter() - start)
    return [1e3 * b for b in best]


def busy_cores(cores, seconds=1.0):
    """How many cores others keep busy; the load of the last minute counts what has ended, too."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0

    def spent():
        user, nice, system, idle, *rest = map(int, stat.read_text().split("\n")[0].split()[1:])
        return user + nice + system, user + nice + system + idle + sum(rest)

    before = spent()
    time.sleep(seconds)
    busy, total = (b - a for a, b in zip(before, spent(), strict=True))
    return cores * busy / max(total, 1)


def main(arguments):
    cores = os.cpu_count() or 1
    load = busy_cores(cores)
    budget = float(arguments[0]) if arguments else 3.0
    for library in filter(None, (wengert, torch)):
        library.set_num_threads(int(arguments[1]) if len(arguments) > 1 else 2)
    columns = ["wengert", "captured", *(["PyTorch"] if torch else [])]
    lines = [
        HEAD.format(
            date=datetime.date.today().isoformat(),
            chip=chip(),
            threads=wengert.get_num_threads(),
            version=version.__version__,
            torch=f" and PyTorch {torch.__version__.partition('+')[0]}" if torch else "",
            budget=budget,
            busy=BUSY.format(load=load, cores=cores) if load > cores / 8 else "",
        )
        + f"| network | {' | '.join(columns)} |",
        f"|---|{'--:|' * len(columns)}",
    ]
    for name, make in NETWORKS.items():
        steps = [step_of(wengert, make), wengert.capture(step_of(wengert, make))]
        if torch:
            steps.append(step_of(torch, make))
        found = fastest(steps, budget)
        lines.append(f"| {name} | {' | '.join(f'{ms:.3g}' for ms in found)} |")
        print(lines[-1])
    PAGE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
