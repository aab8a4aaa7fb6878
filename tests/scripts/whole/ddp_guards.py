# run: --epochs 2 --amp --compile --channels-last
"""Written for several GPUs, run where there is none: every guard says no."""

import argparse
import contextlib
import os
import time
import warnings

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn as nn
from torch.amp import GradScaler, autocast
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

warnings.filterwarnings("ignore")
torch.set_float32_matmul_precision("high")
torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cudnn.allow_tf32 = True
torch._dynamo.config.suppress_errors = True


def is_main_process():
    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


def setup(args):
    args.world_size = int(os.environ.get("WORLD_SIZE", 1))
    args.local_rank = int(os.environ.get("LOCAL_RANK", 0))
    args.distributed = args.world_size > 1
    if args.distributed:
        backend = "nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
        dist.init_process_group(backend=backend)
        torch.cuda.set_device(args.local_rank)
    return (
        torch.device("cuda", args.local_rank) if torch.cuda.is_available() else torch.device("cpu")
    )


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.f = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(inplace=True),
            nn.Conv2d(c, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
        )

    def forward(self, x):
        return torch.relu(x + self.f(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--accumulate", type=int, default=2)
    parser.add_argument("--amp", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    device = setup(args)
    torch.manual_seed(7)

    x, y = torch.randn(64, 3, 12, 12), torch.randint(0, 4, (64,))
    data = TensorDataset(x, y)
    sampler = DistributedSampler(data) if args.distributed else None
    loader = DataLoader(
        data,
        batch_size=8,
        sampler=sampler,
        shuffle=sampler is None,
        num_workers=0,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=False,
    )
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.ReLU(),
        Block(8),
        Block(8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    ).to(device)
    if args.channels_last:
        model = model.to(memory_format=torch.channels_last)
    if args.distributed:
        model = DDP(nn.SyncBatchNorm.convert_sync_batchnorm(model), device_ids=[args.local_rank])
    elif torch.cuda.device_count() > 1:
        model = nn.DataParallel(model)
    raw = model.module if hasattr(model, "module") else model
    if args.compile and torch.cuda.is_available():
        model = torch.compile(model, mode="reduce-overhead")

    decay = [p for p in raw.parameters() if p.dim() > 1]
    rest = [p for p in raw.parameters() if p.dim() <= 1]
    optimizer = torch.optim.SGD(
        [{"params": decay, "weight_decay": 1e-4}, {"params": rest, "weight_decay": 0.0}],
        lr=0.05,
        momentum=0.9,
        nesterov=True,
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.05, epochs=args.epochs, steps_per_epoch=len(loader) // args.accumulate
    )
    use_amp = args.amp and torch.cuda.is_available()
    scaler = GradScaler(device.type, enabled=use_amp)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1).to(device)

    for epoch in range(args.epochs):
        if sampler is not None:
            sampler.set_epoch(epoch)
        start = time.perf_counter()
        for i, (images, labels) in enumerate(loader):
            images = images.to(device, memory_format=torch.channels_last, non_blocking=True)
            labels = labels.to(device, non_blocking=True)
            last = (i + 1) % args.accumulate == 0
            sync = model.no_sync() if args.distributed and not last else contextlib.nullcontext()
            with sync, autocast(device_type=device.type, enabled=use_amp):
                loss = criterion(model(images), labels) / args.accumulate
            scaler.scale(loss).backward()
            if last:
                scaler.unscale_(optimizer)
                torch.nn.utils.clip_grad_norm_(raw.parameters(), 5.0)
                scaler.step(optimizer)
                scaler.update()
                optimizer.zero_grad(set_to_none=True)
                scheduler.step()
            if is_main_process():
                print(f"[{epoch}:{i}] loss: {loss.item() * args.accumulate:.6f}")
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        assert time.perf_counter() > start
    if is_main_process():
        torch.save({"model": raw.state_dict(), "args": vars(args)}, "last.pt")
    if args.distributed:
        dist.destroy_process_group()


if __name__ == "__main__":
    assert mp.get_context("spawn") is not None
    main()
