"""Saves a run, or goes on from what another number of ranks has saved; prints the bits at the end.

mpirun -n 4 python checkpoint.py save FILE; mpirun -n 2 python checkpoint.py resume FILE
"""

import hashlib
import sys

import wengert as wg
import wengert.distributed as dist
from wengert import nn
from wengert.distributed.optim import ZeroRedundancyOptimizer


def main():
    what, path = sys.argv[1:]
    dist.init_process_group(timeout=60)
    rank, ranks = dist.get_rank(), dist.get_world_size()
    wg.manual_seed(3)
    module, x = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)), wg.randn(8, 6)
    model = nn.parallel.DistributedDataParallel(module, deterministic_microbatches=4)
    optimizer = ZeroRedundancyOptimizer(model.parameters(), wg.optim.AdamW, lr=1e-2)
    if what == "resume":
        saved = wg.load(path)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
    share = 8 // ranks
    for _ in range(6 if what == "whole" else 3):
        optimizer.zero_grad()
        model(x[rank * share : (rank + 1) * share]).square().mean().backward()
        optimizer.step()
    optimizer.consolidate_state_dict()
    if rank == 0:
        state = optimizer.state_dict()
        if what == "save":
            wg.save({"model": model.state_dict(), "optimizer": state}, path)
        values = [*model.state_dict().values()]
        values += [state["state"][i]["exp_avg"] for i in sorted(state["state"])]
        print(hashlib.sha256(b"".join(v.detach().numpy().tobytes() for v in values)).hexdigest())


if __name__ == "__main__":
    main()
