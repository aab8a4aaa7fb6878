"""The same script under PyTorch's gloo and under MPI: the same batches, and losses within 1e-5.

By hand: python -m tests.distributed.rival PYTHON_WITH_TORCH [RANKS]
"""

import json
import os
import subprocess
import sys

import numpy as np

from tests.distributed.launch import free_port, run


def script(torch, dist, ddp, sampler_class, gloo):
    """What both run."""
    dist.init_process_group("gloo" if gloo else None)
    rank, ranks = dist.get_rank(), dist.get_world_size()
    rng = np.random.default_rng(0)
    nn, rows = torch.nn, 203
    x = torch.from_numpy(rng.standard_normal((rows, 1, 8, 8)).astype(np.float32))
    y = torch.from_numpy(rng.integers(0, 5, rows))
    module = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(54, 32), nn.GELU(), nn.Linear(32, 5),
    )  # fmt: skip
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.from_numpy(rng.standard_normal(p.shape).astype(np.float32) * 0.2))
    model = ddp(module)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    data = torch.utils.data.TensorDataset(x, y, torch.arange(rows))
    sampler = sampler_class(data, ranks, rank, seed=3)
    loader = torch.utils.data.DataLoader(data, batch_size=16, sampler=sampler)
    for epoch in range(4):
        sampler.set_epoch(epoch)
        for images, labels, numbers in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            every = [torch.zeros(1) for _ in range(ranks)]
            dist.all_gather(every, loss.detach().reshape(1))
            if rank == 0:
                print(json.dumps([numbers.tolist(), [e.item() for e in every]]), flush=True)
    dist.destroy_process_group()


def main():
    if sys.argv[1] in ("gloo", "mpi"):
        if sys.argv[1] == "gloo":
            import torch
            import torch.distributed as dist
            from torch.nn.parallel import DistributedDataParallel as Ddp
            from torch.utils.data.distributed import DistributedSampler
        else:
            import wengert as torch
            import wengert.distributed as dist
            from wengert.nn.parallel import DistributedDataParallel as Ddp
            from wengert.utils.data.distributed import DistributedSampler
        return script(torch, dist, Ddp, DistributedSampler, sys.argv[1] == "gloo")
    python, ranks = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2
    status, mine, err = run(ranks, "-m", "tests.distributed.rival", "mpi")
    assert status == 0, err
    own = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
           "WORLD_SIZE": str(ranks), "OMP_NUM_THREADS": "1"}  # fmt: skip
    started = [
        subprocess.Popen(
            [python, "-m", "tests.distributed.rival", "gloo"], env=own | {"RANK": str(rank)},
            stdout=subprocess.PIPE, text=True,
        )
        for rank in range(ranks)
    ]  # fmt: skip
    theirs, *_ = [process.communicate()[0] for process in started]
    a, b = ([json.loads(line) for line in text.splitlines() if line[0] == "["]
            for text in (mine, theirs))  # fmt: skip
    assert [step[0] for step in a] == [step[0] for step in b], "other batches"
    largest = max(abs(x - y) for p, q in zip(a, b, strict=True)
                  for x, y in zip(p[1], q[1], strict=True))  # fmt: skip
    print(f"{len(a)} steps of {ranks} ranks: the same batches, losses within {largest:.2g}")
    return largest > 1e-5


if __name__ == "__main__":
    sys.exit(main())
