"""Ranks with different numbers of batches, against what one process computes of the same batches.

mpirun -n 2 python uneven.py
"""

import wengert as wg
import wengert.distributed as dist
from wengert import nn

FEATURES = 3


def batches(rank):
    generator = wg.Generator().manual_seed(rank)
    return [wg.randn(4, FEATURES, generator=generator) for _ in range(2 + rank)]


def made():
    wg.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 5), nn.Tanh(), nn.Linear(5, 1))


def expected(ranks, initial):
    """The gradients of the ranks that have a batch, over all ranks or over those."""
    module = made()
    optimizer = wg.optim.SGD(module.parameters(), lr=0.1)
    for i in range(1 + ranks):
        now = [batches(rank)[i] for rank in range(ranks) if i < 2 + rank]
        optimizer.zero_grad()
        loss = sum(module(x).square().mean() for x in now)
        (loss / (ranks if initial else len(now))).backward()
        optimizer.step()
    return list(module.parameters())


def trained(rank, ranks, initial, captured, parts):
    model = nn.parallel.DistributedDataParallel(made(), deterministic_microbatches=parts)
    optimizer = wg.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    if captured:
        step = wg.capture(step)
    with model.join(divide_by_initial_world_size=initial):
        for x in batches(rank):
            step(x)
    found = list(model.module.parameters())
    if captured:
        assert step.cache_info().hits == 1 + rank, step.cache_info()
        step(wg.ones(4, FEATURES))  # the program goes without a join too
    return found if not captured else None, model


def buffers(ranks, parts):
    """Running means stay numbers, and the same on all ranks."""
    module = nn.Sequential(nn.Linear(FEATURES, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    model = nn.parallel.DistributedDataParallel(module, deterministic_microbatches=parts)
    with model.join():
        for x in batches(dist.get_rank()):
            model(x).square().mean().backward()
    values = [b.float() for b in module.buffers()]
    assert all(bool(v.isfinite().all()) for v in values)
    every = [None] * ranks
    dist.all_gather_object(every, [v.tolist() for v in values])
    assert all(other == every[0] for other in every)


def main():
    dist.init_process_group(timeout=60)
    rank, ranks = dist.get_rank(), dist.get_world_size()
    for initial in (True, False):
        wanted = expected(ranks, initial)
        for parts in (None, 2 * ranks):
            for captured in (False, True):
                found, model = trained(rank, ranks, initial, captured, parts)
                for a, b in zip(found or (), wanted, strict=bool(found)):
                    assert (a - b).abs().max() < 1e-6, (initial, parts, a, b)
    for parts in (None, 2 * ranks):
        buffers(ranks, parts)
    model = nn.parallel.DistributedDataParallel(made())
    if ranks > 1:
        with model.no_sync():
            model(wg.full((2, FEATURES), float(rank))).mean().backward()
        every = [None] * ranks
        dist.all_gather_object(every, model.module[0].weight.grad.tolist())
        assert every[0] != every[1], "each rank has gradients of its own"
    if rank == 0:
        print("uneven batches as in one process")


if __name__ == "__main__":
    main()
