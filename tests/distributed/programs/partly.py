"""Trains a table on rank 0 alone, which is an error there, and no wait for the others.

mpirun -n 2 python partly.py train|shapes|shard
"""

import sys

import wengert as wg
import wengert.distributed as dist
from wengert import nn
from wengert.tabular import presets, training


def table(rows):
    return wg.randn(rows, 3), wg.randint(0, 2, (rows,))


def main():
    what = sys.argv[1]
    dist.init_process_group(timeout=2)
    rank, network = dist.get_rank(), nn.Linear(3, 2)
    recipe = presets.Recipe(1, [], 1e-2, 8, 0.0, 0.0)
    if what == "shapes":
        training.fit(network, table(20 + rank), None, recipe, False)
    elif what == "shard":
        kept_gradients(dist.get_world_size())
    elif rank == 0:
        training.fit(network, table(20), None, recipe, False)
    dist.barrier()


def kept_gradients(ranks):
    """A second exchange of sharded gradients on top of the first."""
    from wengert.distributed.optim import ZeroRedundancyOptimizer

    model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)))
    opt = ZeroRedundancyOptimizer(model.parameters(), wg.optim.SGD, shard_gradients=model, lr=0.1)
    model(wg.ones(2, 3)).sum().backward()
    owned = [p.grad is not None for p in model.parameters()]
    every = [None] * ranks
    dist.all_gather_object(every, owned)
    assert all(sum(column) == 1 for column in zip(*every, strict=True)), every
    opt.step()
    model(wg.ones(2, 3)).sum().backward()


if __name__ == "__main__":
    main()
