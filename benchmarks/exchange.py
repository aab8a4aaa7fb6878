"""The exchange of gradients against MPI's own Allreduce, and what it means for several machines.

    mpirun -n 2 python benchmarks/exchange.py [--bytes 4000000 500000000]
    python benchmarks/exchange.py --scaling     # arithmetic, for 10 and 100 Gb/s

The first times both on this machine, and counts the bytes that a rank sends. The second measures a
training step on a core of this machine, divides it by the cores of a node, and adds the time of the
exchange on a network of that rate and of 30 us for a message: measured compute, modelled network.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import wengert as wg
from wengert import nn


def fastest(do, repeat):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        do()
        times.append(time.perf_counter() - start)
    return min(times), sorted(times)[len(times) // 2]


def against_allreduce(sizes, repeat):
    import wengert.distributed as dist

    dist.init_process_group(timeout=300)
    from mpi4py import MPI

    world, group = MPI.COMM_WORLD, dist.group.WORLD
    rank, ranks = dist.get_rank(), dist.get_world_size()
    if rank == 0:
        print(MPI.Get_library_version().split("\n")[0][:60], f"{ranks} ranks; the best, the median")
    for size in sizes:
        x = wg.ones(size // 4)
        mine, theirs = x.numpy(), np.empty(size // 4, np.float32)
        dist.all_reduce(x)
        world.Allreduce(mine, theirs)
        both = (lambda: dist.all_reduce(x), lambda: world.Allreduce(mine, theirs))  # noqa: B023
        taken = [[], []]
        for _ in range(repeat):  # in turns, as other work on the machine comes and goes
            for do, row in zip(both, taken, strict=True):
                world.Barrier()
                row.append(fastest(do, 1)[0])
        times = []
        for row in taken:
            slowest = [max(column) for column in zip(*world.allgather(row), strict=True)]
            times.append((min(slowest), sorted(slowest)[len(slowest) // 2]))
        before = group.bytes_sent
        dist.all_reduce(x)
        sent = group.bytes_sent - before
        if rank == 0:
            ours, mpi = times
            print(
                f"{size / 1e6:6g} MB: exchange {ours[0] * 1e3:8.2f} {ours[1] * 1e3:8.2f} ms, "
                f"Allreduce {mpi[0] * 1e3:8.2f} {mpi[1] * 1e3:8.2f} ms, ratio "
                f"{ours[0] / mpi[0]:.2f} {ours[1] / mpi[1]:.2f}; sent {sent} bytes, 2 (N-1)/N of "
                f"the tensor is {2 * (ranks - 1) / ranks * size:.0f}"
            )


def measured_step(batch):
    """CPU seconds of a captured training step of an MLP of a million parameters, and its bytes."""
    wg.manual_seed(0)
    wg.set_num_threads(1)
    model = nn.Sequential(nn.Linear(512, 1024), nn.ReLU(), nn.Linear(1024, 512), nn.ReLU(),
                          nn.Linear(512, 10))  # fmt: skip
    opt = wg.optim.Adam(model.parameters())

    @wg.capture
    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss

    x, y = wg.randn(batch, 512), wg.randint(0, 10, (batch,))
    for _ in range(5):
        step(x, y)
    times = []
    for _ in range(15):
        start = time.process_time()  # so that other work on the machine does not count
        step(x, y)
        times.append(time.process_time() - start)
    return min(times), 4 * sum(p.numel() for p in model.parameters())


def scaling(cores):
    """Weak: a batch of 1024 rows on each machine; strong: one of 1024 rows for all of them."""
    measured = {batch: measured_step(batch) for batch in (1024, 512, 256, 128, 64)}
    size = measured[1024][1]
    taken = measured[1024][0] * 1e3
    print(f"MLP of {size / 4e6:.1f} M parameters, {taken:.1f} ms of a core for 1024 rows")
    rates = "weak 10 Gb/s | 100 Gb/s | strong 10 Gb/s | 100 Gb/s | weak 10 Gb/s, 8 steps in one"
    print(f"| cores | machines | {rates} |\n" + "| --- " * 7 + "|")
    for count in cores:
        seconds = {batch: taken / count for batch, (taken, _) in measured.items()}
        for n in (2, 4, 8, 16):
            row = []
            for batch in (1024, 1024 // n):
                ideal = seconds[1024] / (1 if batch == 1024 else n)
                row += [ideal / (seconds[batch] + network(n, size, rate)) for rate in (10e9, 100e9)]
            row.append(8 * seconds[1024] / (8 * seconds[1024] + network(n, size, 10e9)))
            print(f"| {count} | {n} | " + " | ".join(f"{share:.0%}" for share in row) + " |")


def network(machines, size, bits):
    """Seconds of an exchange: the bytes at the rate, and 30 us for each message."""
    return 2 * (machines - 1) * (size / machines / (bits / 8) + 30e-6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bytes", type=int, nargs="+", default=[4_000_000, 500_000_000])
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 32])
    args = parser.parse_args()
    if args.scaling:
        scaling(args.cores)
    else:
        against_allreduce(args.bytes, args.repeat)


if __name__ == "__main__":
    main()
