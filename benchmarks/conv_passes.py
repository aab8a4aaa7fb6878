"""Passes of convolutions beside products of the same m, n and k, others beside the bytes they move.

    python benchmarks/conv_passes.py [--threads 1] [--only 3x3] [--every] [--seconds 0.1]

Prints two tables for benchmarks/README.md, case by case, so that it can be interrupted; `--only`
takes the cases whose name contains a text. In the first, a convolution's forward pass, dX and dW
stand as shares of the rate of wengert's own product that does as many multiplications, measured
beside it, and as ratios to PyTorch's time. In the second, depthwise convolutions, first layers,
pools, norms and resampled images stand as ratios to the time in which the triad
a = b + 1.5 c would move the bytes that they have to read and write.

Everything runs in one process, in turns; the least of several times counts, of one thread in CPU
time. Without torch its columns stay empty.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from report import chip
from train_steps import cpus

import wengert

Call = Callable[[], Any]
PASSES = ("forward", "dX", "dW")
MOST = 40e9  # operations of a pass; larger ones are left to --every
SIZES = [(32, 56), (64, 28), (128, 14), (256, 14), (512, 7)]  # channels, pixels
EVERY = list(itertools.product((32, 64, 128, 256, 512), (7, 14, 28, 56)))


class Conv(NamedTuple):
    """A square convolution, padded by half its kernel."""

    channels: int
    pixels: int
    batch: int
    kernel: int
    stride: int

    @property
    def name(self) -> str:
        k = self.kernel
        stride = f", stride {self.stride}" if self.stride > 1 else ""
        return f"{k}x{k}, {self.channels} channels, {self.pixels} px, batch {self.batch}{stride}"

    @property
    def places(self) -> int:
        return self.batch * math.ceil(self.pixels / self.stride) ** 2

    @property
    def flops(self) -> float:
        return 2.0 * self.places * (self.channels * self.kernel) ** 2

    def product(self, which: str) -> tuple[int, int, int]:
        """m, n and k of the matrix product that a pass is."""
        taps = self.channels * self.kernel**2
        return {
            "forward": (self.channels, self.places, taps),
            "dX": (self.channels, self.places, taps),
            "dW": (self.channels, taps, self.places),
        }[which]


def convs(every: bool) -> Iterator[Conv]:
    for kernel, stride in ((3, 1), (3, 2), (5, 1), (5, 2), (1, 1)):
        for (channels, pixels), batch in itertools.product(EVERY if every else SIZES, (1, 8, 64)):
            case = Conv(channels, pixels, batch, kernel, stride)
            if every or case.flops <= MOST:
                yield case


# ---- timing


def least(calls: list[Call], threads: int, seconds: float) -> list[float]:
    """The shortest time of each call, in turns, for so many seconds in all, at least three each."""
    clock = time.process_time if threads == 1 else time.perf_counter
    best, counts = [math.inf] * len(calls), []
    for call in calls:
        call()
        start = time.perf_counter()
        call()
        counts.append(max(1, int(1e-3 / max(time.perf_counter() - start, 1e-7))))
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < 3 or time.perf_counter() < end:
        for i, call in enumerate(calls):
            if threads > 1 and len(calls) > 1:
                time.sleep(0.003)  # until the other library's threads sleep
            start = clock()
            for _ in range(counts[i]):
                call()
            best[i] = min(best[i], (clock() - start) / counts[i])
        rounds += 1
    return best


def passes(m: Any, f: Callable[..., Any], leaves: dict[str, Any]) -> dict[str, Call]:
    """f's forward pass without a tape, and the gradient of each leaf alone."""

    def forward() -> Any:
        with m.no_grad():
            return f(**leaves)

    def backward(name: str) -> Call:
        mine = {k: v.detach().requires_grad_(k == name) for k, v in leaves.items()}
        y = f(**mine)
        g = m.randn(*y.shape)
        return lambda: m.autograd.grad(y, mine[name], g, retain_graph=True)

    return {"forward": forward, **{f"d{name}": backward(name) for name in leaves}}


# ---- convolutions beside products


def conv_calls(m: Any, case: Conv) -> dict[str, Call]:
    m.manual_seed(0)
    c, k = case.channels, case.kernel
    leaves = {"X": m.randn(case.batch, c, case.pixels, case.pixels), "W": m.randn(c, c, k, k)}
    conv = m.nn.functional.conv2d
    return passes(m, lambda X, W: conv(X, W, None, case.stride, k // 2), leaves)


def conv_row(case: Conv, modules: list[Any], args: argparse.Namespace) -> list[str]:
    calls = [conv_calls(m, case) for m in modules]
    shares, ratios = [], []
    for which in PASSES:
        m, n, k = case.product(which)
        a, b = wengert.randn(m, k), wengert.randn(k, n)
        timed = [c[which] for c in calls]
        ours, *others = least([*timed, lambda a=a, b=b: a @ b], args.threads, args.seconds)
        *theirs, product = others
        shares.append(f"{product / ours:.2f}")
        ratios += [f"{ours / t:.2f}" for t in theirs] or [""]
    return [case.name, *shares, *ratios]


# ---- what moves memory


class Mover(NamedTuple):
    """Something whose time is that of the memory it moves."""

    name: str
    shape: tuple[int, ...]
    make: Callable[[Any], Callable[..., Any]]  # of the module -> of X and, if there is one, W
    weight: tuple[int, ...] | None = None
    again: bool = False  # whether backward has to read x

    def bytes_of(self, which: str, y: int) -> float:
        """Those of a pass, the result having y elements: each tensor is moved once."""
        x = math.prod(self.shape)
        return 4.0 * (x + y + (x if which == "dX" and self.again else 0))


def _conv(stride: int, groups: int) -> Callable[[Any], Callable[..., Any]]:
    return lambda m: lambda X, W: m.nn.functional.conv2d(X, W, None, stride, 1, 1, groups)


def _functional(name: str, *rest: Any, **options: Any) -> Callable[[Any], Callable[..., Any]]:
    return lambda m: lambda X: getattr(m.nn.functional, name)(X, *rest, **options)


def _batch_norm(m: Any) -> Callable[..., Any]:
    return lambda X: m.nn.functional.batch_norm(X, None, None, training=True)


IMAGES = (32, 64, 112, 112)  # 98 MiB
# What a norm passes over twice, the 1.5 MiB of a channel at most, stays in a cache in between.
MOVERS = [
    Mover("depthwise 3x3", IMAGES, _conv(1, 64), (64, 1, 3, 3)),
    Mover("depthwise 3x3, stride 2", IMAGES, _conv(2, 64), (64, 1, 3, 3)),
    Mover("first layer 3x3, 3 to 32", (64, 3, 112, 112), _conv(1, 1), (32, 3, 3, 3)),
    Mover("first layer 3x3, 3 to 32, stride 2", (64, 3, 224, 224), _conv(2, 1), (32, 3, 3, 3)),
    Mover("max_pool2d 2", IMAGES, _functional("max_pool2d", 2)),
    Mover("max_pool2d 3, stride 2", IMAGES, _functional("max_pool2d", 3, 2, 1)),
    Mover("avg_pool2d 2", IMAGES, _functional("avg_pool2d", 2)),
    Mover("adaptive_avg_pool2d 1", IMAGES, _functional("adaptive_avg_pool2d", 1)),
    Mover("batch_norm", IMAGES, _batch_norm, again=True),
    Mover("instance_norm", IMAGES, _functional("instance_norm"), again=True),
    Mover("group_norm 32", IMAGES, _functional("group_norm", 32), again=True),
    Mover("layer_norm 512", (50_000, 512), _functional("layer_norm", (512,)), again=True),
    Mover("rms_norm 512", (50_000, 512), _functional("rms_norm", (512,)), again=True),
    Mover(
        "bilinear, twice as large",
        (32, 32, 112, 112),
        _functional("interpolate", scale_factor=2, mode="bilinear"),
    ),
    Mover(
        "bilinear, half as large",
        IMAGES,
        _functional("interpolate", size=(56, 56), mode="bilinear"),
    ),
]


def triad(threads: int, seconds: float) -> float:
    """Bytes per second of a = b + 1.5 c over arrays beyond the caches."""
    a, b, c = (wengert.ones(1 << 24) for _ in range(3))
    (best,) = least([lambda: wengert.add(b, c, alpha=1.5, out=a)], threads, seconds)
    return 3 * 4 * (1 << 24) / best


def mover_rows(
    case: Mover, modules: list[Any], bandwidth: float, args: argparse.Namespace
) -> Iterator[list[str]]:
    calls, y = [], 0
    for m in modules:
        m.manual_seed(0)
        leaves = {"X": m.randn(*case.shape)}
        if case.weight:
            leaves["W"] = m.randn(*case.weight)
        calls.append(passes(m, case.make(m), leaves))
        y = math.prod(calls[-1]["forward"]().shape)
    first = case.name.startswith("first")
    for which in calls[0]:
        if first and which == "dX":
            continue  # nobody asks for the gradient of an image
        ours, *theirs = least([c[which] for c in calls], args.threads, args.seconds)
        bound = case.bytes_of(which, y) / bandwidth
        ratios = [f"{ours / t:.2f}" for t in theirs] or [""]
        yield [case.name, which, f"{ours * 1e3:.3g}", f"{ours / bound:.2f}", *ratios]


# ---- tables


def line(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def head(*cells: str, texts: int = 1) -> None:
    line(list(cells))
    print("|" + "---|" * texts + "--:|" * (len(cells) - texts))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--only", default="", help="cases whose name contains this, such as 3x3")
    parser.add_argument("--threads", type=int, default=1, help=f"1 to {cpus()}")
    parser.add_argument("--seconds", type=float, default=0.1, help="for a pass")
    parser.add_argument("--every", action="store_true", help="all sizes, also the largest")
    args = parser.parse_args()
    modules = [wengert]
    if importlib.util.find_spec("torch"):
        modules.append(importlib.import_module("torch"))
    for m in modules:
        m.set_num_threads(args.threads)
    print(f"{chip()}, {args.threads} thread(s).\n")
    cases = [case for case in convs(args.every) if args.only in case.name]
    movers = [case for case in MOVERS if args.only in case.name]
    if not cases and not movers:
        parser.error(f"--only {args.only}: there is no such case")
    if cases:
        others = [f"{which} / PyTorch" for which in PASSES]
        head("convolution", *(f"{which}, of the product" for which in PASSES), *others)
        for case in cases:
            line(conv_row(case, modules, args))
    if movers:
        bandwidth = triad(args.threads, max(args.seconds, 0.2))
        print(f"\nTriad {bandwidth / 1e9:.1f} GB/s.\n")
        head("", "pass", "ms", "by the triad's time", "by PyTorch's", texts=2)
        for mover in movers:
            for row in mover_rows(mover, modules, bandwidth, args):
                line(row)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
