"""Trains small modules on all ranks and prints, as JSON, their losses and the bits they end with.

mpirun -n 2 python training.py KIND:PARTS:CAPTURE:OPTIMIZER ...
"""

import hashlib
import json
import sys

import wengert as wg
import wengert.distributed as dist
import wengert.nn.functional as F
from wengert import nn
from wengert.distributed.optim import ZeroRedundancyOptimizer
from wengert.nn.parallel import DistributedDataParallel

BATCH = 16


class Gpt(nn.Module):
    def __init__(self, dropout, words=20, width=16, length=8):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Parameter(wg.randn(length, width) * 0.1)
        self.block = nn.TransformerEncoderLayer(
            width, 2, 32, dropout=dropout, batch_first=True, norm_first=True
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        self.head.weight = self.words.weight

    def forward(self, x):
        return self.head(self.norm(self.block(self.words(x) + self.places)))


def made(kind):
    """A module and its data."""
    if kind == "mlp":
        module = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4))
        return module, wg.randn(64, 10), wg.randint(0, 4, (64,))
    if kind in ("cnn", "norm"):
        norm = [nn.BatchNorm2d(8)] if kind == "norm" else []
        module = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), *norm, nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3),
            nn.ReLU(), nn.Flatten(), nn.Linear(32, 4),
        )  # fmt: skip
        return module, wg.randn(64, 1, 8, 8), wg.randint(0, 4, (64,))
    module = Gpt(0.1 if kind == "dropout" else 0.0)
    return module, wg.randint(0, 20, (64, 8)), wg.randint(0, 20, (64, 8))


def trained(kind, parts, captured, optimizer, steps=8):
    """The losses of the whole batches, and what the module ends with."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    wg.manual_seed(1)
    module, x, y = made(kind)
    if rank:
        for p in module.parameters():
            p.data.add_(1.0)  # rank 0's are taken
    model = DistributedDataParallel(module, deterministic_microbatches=parts or None)
    if optimizer == "shard":
        opt = ZeroRedundancyOptimizer(
            model.parameters(), wg.optim.AdamW, shard_gradients=model, lr=1e-2
        )
    elif optimizer == "zero":
        opt = ZeroRedundancyOptimizer(model.parameters(), wg.optim.AdamW, lr=1e-2)
    else:
        opt = wg.optim.AdamW(model.parameters(), lr=1e-2)

    def step(images, labels):
        out = model(images)
        rows = F.cross_entropy(out.reshape(-1, out.shape[-1]), labels.reshape(-1), reduction="none")
        opt.zero_grad()
        rows.mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        opt.step()
        return rows

    if captured:
        step = wg.capture(step)
    losses, share = [], BATCH // ranks
    for i in range(steps):
        start = i % 4 * BATCH + rank * share
        rows = step(x[start : start + share], y[start : start + share]).detach().contiguous()
        every = wg.empty(rows.numel() * ranks)
        dist.all_gather_into_tensor(every, rows)
        losses.append(every.mean().item())
    if captured:
        assert step.cache_info().hits == steps - 1, step.cache_info()
    values = [*model.state_dict().values()]
    if optimizer in ("zero", "shard"):
        opt.consolidate_state_dict()
        if rank == 0:
            state = opt.state_dict()["state"]
            assert sorted(state) == list(range(len(list(model.parameters()))))
            values += [state[i]["exp_avg_sq"] for i in sorted(state)]
    bits = hashlib.sha256(b"".join(v.detach().numpy().tobytes() for v in values)).hexdigest()
    return losses, bits[:16]


def main():
    dist.init_process_group(timeout=60)
    for words in sys.argv[1:]:
        kind, parts, captured, optimizer = words.split(":")
        before = dist.group.WORLD.bytes_sent
        losses, bits = trained(kind, int(parts), captured == "1", optimizer)
        sent = dist.group.WORLD.bytes_sent - before
        if dist.get_rank() == 0:
            print(json.dumps({"what": words, "losses": losses, "bits": bits}), flush=True)
            print(f"{words}: rank 0 has sent {sent} bytes", file=sys.stderr)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
