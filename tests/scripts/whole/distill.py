# run: --epochs 3
"""A small network learns from a larger one; written with type hints, dataclasses and functools."""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset


@dataclass
class Config:
    epochs: int = 5
    temperature: float = 3.0
    alpha: float = 0.7
    lr: float = 0.02

    @classmethod
    def from_args(cls) -> Config:
        parser = argparse.ArgumentParser()
        for name, value in asdict(cls()).items():
            parser.add_argument(f"--{name}", type=type(value), default=value)
        return cls(**vars(parser.parse_args()))


class Stream(IterableDataset):
    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = torch.utils.data.get_worker_info()
        assert info is None or info.num_workers == 1
        generator = torch.Generator().manual_seed(self.seed)
        for _ in range(self.size):
            x = torch.randn(12, generator=generator)
            yield x, (x[:4].sum() > 0).long() + (x[4:8].sum() > 0).long()


def mlp(*sizes: int, act: type[nn.Module] = nn.Mish) -> nn.Sequential:
    pairs = list(itertools.pairwise(sizes))
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairs):
        layers.append(nn.Linear(a, b))
        if i < len(pairs) - 1:
            layers.append(act())
    return nn.Sequential(*layers)


def distillation_loss(
    student: Tensor, teacher: Tensor, y: Tensor, t: float, alpha: float
) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student / t, dim=-1),
        F.log_softmax(teacher / t, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    return alpha * t**2 * soft + (1 - alpha) * F.cross_entropy(student, y)


def run(model: nn.Module, loader: DataLoader, loss_fn, cfg: Config, tag: str) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.9)
    warm = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.2, total_iters=3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, cosine], milestones=[3])
    for epoch in range(cfg.epochs):
        for x, y in loader:
            loss = loss_fn(model(x), x, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        print(
            f"{tag} epoch {epoch} loss {loss.item():.6f} lr {optimizer.param_groups[0]['lr']:.4f}"
        )


def main() -> None:
    cfg = Config.from_args()
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    loader = DataLoader(Stream(160, 9), batch_size=32, num_workers=1, prefetch_factor=2)
    teacher, student = mlp(12, 64, 64, 3), mlp(12, 8, 3, act=functools.partial(nn.Softplus, beta=2))
    run(teacher, loader, lambda out, x, y: F.cross_entropy(out, y), cfg, "teacher")
    teacher.eval().requires_grad_(False)

    def student_loss(out: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return distillation_loss(out, teacher(x), y, cfg.temperature, cfg.alpha)

    run(student, loader, student_loss, cfg, "student")
    assert not any(p.requires_grad for p in teacher.parameters())


if __name__ == "__main__":
    main()
