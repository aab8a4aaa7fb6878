# run: --epochs 6 --resume-at 3
"""A regression that logs for TensorBoard, keeps checkpoints and goes on from one."""

import argparse
import logging
import os
import random
import sys

import numpy as np
import torch
from torch import nn

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:
    SummaryWriter = None

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
log = logging.getLogger(__name__)


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    os.environ["PYTHONHASHSEED"] = str(seed)


class Regressor(nn.Module):
    def __init__(self, features, hidden=(32, 32)):
        super().__init__()
        layers = []
        for size in hidden:
            layers += [nn.Linear(features, size, bias=False), nn.BatchNorm1d(size), nn.SiLU()]
            features = size
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(features, 1)
        self.apply(self._init_weights)

    @staticmethod
    def _init_weights(module):
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(-1)


def save_checkpoint(path, model, optimizer, scheduler, epoch, best):
    torch.save(
        {
            "epoch": epoch,
            "model_state_dict": model.state_dict(),
            "optimizer_state_dict": optimizer.state_dict(),
            "scheduler_state_dict": scheduler.state_dict(),
            "rng": torch.get_rng_state(),
            "best": best,
        },
        path,
    )


def build(args, features, device):
    model = Regressor(features).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    return model, optimizer, scheduler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--resume-at", type=int, default=None)
    parser.add_argument("--checkpoint", default="checkpoint.pt")
    args = parser.parse_args()
    seed_everything(42)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    x = np.random.randn(500, 6).astype("float32")
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * np.random.randn(500).astype("float32")
    data = torch.utils.data.TensorDataset(
        torch.from_numpy(x), torch.from_numpy(y.astype("float32"))
    )
    train, valid = torch.utils.data.random_split(
        data, [400, 100], generator=torch.Generator().manual_seed(0)
    )
    loader = torch.utils.data.DataLoader(train, batch_size=50, shuffle=True, drop_last=True)
    held = torch.utils.data.DataLoader(valid, batch_size=100)

    model, optimizer, scheduler = build(args, 6, device)
    writer = SummaryWriter("runs/regression") if SummaryWriter else None
    criterion = nn.HuberLoss()
    best, epoch = float("inf"), 0
    while epoch < args.epochs:
        if args.resume_at == epoch:
            log.info("resuming from %s", args.checkpoint)
            model, optimizer, scheduler = build(args, 6, device)
            state = torch.load(args.checkpoint, map_location=device, weights_only=True)
            model.load_state_dict(state["model_state_dict"])
            optimizer.load_state_dict(state["optimizer_state_dict"])
            scheduler.load_state_dict(state["scheduler_state_dict"])
            torch.set_rng_state(state["rng"])
            best = state["best"]
        model.train()
        total = 0.0
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(model(inputs), targets)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
            optimizer.step()
            total += loss.detach().item() * len(inputs)
        model.eval()
        with torch.inference_mode():
            held_loss = sum(criterion(model(a), b).item() for a, b in held) / len(held)
        scheduler.step(held_loss)
        best = min(best, held_loss)
        log.info(f"epoch {epoch}: loss {total / len(train):.6f}, valid loss {held_loss:.6f}")
        if writer:
            writer.add_scalar("loss/train", total / len(train), epoch)
            writer.add_scalars("loss", {"valid": held_loss, "best": best}, epoch)
            for name, parameter in model.named_parameters():
                writer.add_histogram(name, parameter, epoch)
        epoch += 1
        save_checkpoint(args.checkpoint, model, optimizer, scheduler, epoch, best)
    if writer:
        writer.add_text("note", "done")
        writer.close()


if __name__ == "__main__":
    main()
