# run: --num-processes 2
"""Processes that train one model in shared memory, as PyTorch's example of Hogwild does."""

import argparse
import sys

import torch
import torch.multiprocessing as mp
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 16)
        self.fc2 = nn.Linear(16, 1)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


def data(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(256, 8, generator=generator)
    return x, x[:, :1] - 0.5 * x[:, 1:2]


def train(rank, args, model, losses):
    torch.manual_seed(args.seed + rank)
    torch.set_num_threads(1)
    x, y = data(rank)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        for xb, yb in zip(x.split(32), y.split(32)):  # noqa: B905
            optimizer.zero_grad()
            loss = F.mse_loss(model(xb), yb)
            loss.backward()
            optimizer.step()
        losses[rank, epoch] = loss.detach()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--num-processes", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    context = mp.get_context("fork" if sys.platform == "linux" else "spawn")
    model = Net()
    model.share_memory()
    x, y = data(100)
    with torch.no_grad():
        before = F.mse_loss(model(x), y)
    print(f"loss {before.item():.6f}")
    losses = torch.zeros(args.num_processes, args.epochs).share_memory_()
    processes = []
    for rank in range(args.num_processes):
        p = context.Process(target=train, args=(rank, args, model, losses))
        p.start()
        processes.append(p)
    for p in processes:
        p.join()
        assert p.exitcode == 0
    with torch.no_grad():
        after = F.mse_loss(model(x), y)
    assert after < 0.2 * before and (losses > 0).all(), (before, after, losses)
