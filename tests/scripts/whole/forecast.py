# run: --epochs 3 --horizon 4 --model gru
"""Quantiles of the next values of a series, by a GRU or an LSTM, with early stopping."""

import argparse
import copy
import logging
import math
import sys

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset, Subset

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(message)s")
log = logging.getLogger(__name__)
QUANTILES = [0.1, 0.5, 0.9]


def make_series(n: int = 400) -> pd.DataFrame:
    rng = np.random.RandomState(3)
    t = np.arange(n)
    value = 10 + 0.01 * t + 2 * np.sin(2 * math.pi * t / 24) + rng.normal(0, 0.3, n)
    frame = pd.DataFrame({"value": value}, index=pd.date_range("2024-01-01", periods=n, freq="h"))
    frame["hour"] = frame.index.hour / 23.0
    frame["weekend"] = (frame.index.weekday >= 5).astype(float)
    return frame


class Windows(Dataset):
    def __init__(self, frame: pd.DataFrame, lookback: int, horizon: int, mean=None, std=None):
        self.mean = frame["value"].mean() if mean is None else mean
        self.std = frame["value"].std() if std is None else std
        frame = frame.assign(value=(frame["value"] - self.mean) / self.std)
        self.data = torch.tensor(frame.values, dtype=torch.float32)
        self.lookback, self.horizon = lookback, horizon

    def __len__(self) -> int:
        return len(self.data) - self.lookback - self.horizon + 1

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        end = i + self.lookback
        return self.data[i:end], self.data[end : end + self.horizon, 0]


class Forecaster(nn.Module):
    def __init__(self, kind: str, features: int, hidden: int, horizon: int, quantiles: int):
        super().__init__()
        cell = {"gru": nn.GRU, "lstm": nn.LSTM}[kind]
        self.rnn = cell(features, hidden, num_layers=2, batch_first=True, dropout=0.1)
        self.norm = nn.LayerNorm(hidden)
        self.head = nn.Linear(hidden, horizon * quantiles)
        self.shape = (horizon, quantiles)
        for name, p in self.rnn.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(p)
            elif "weight_ih" in name:
                nn.init.xavier_uniform_(p)
            else:
                nn.init.zeros_(p)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(x)
        return self.head(self.norm(out[:, -1])).unflatten(-1, self.shape)


class PinballLoss(nn.Module):
    def __init__(self, quantiles):
        super().__init__()
        self.register_buffer("q", torch.tensor(quantiles))

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        error = target.unsqueeze(-1) - pred
        return torch.maximum(self.q * error, (self.q - 1) * error).mean()


class EarlyStopping:
    def __init__(self, patience=5, delta=0.0):
        self.patience, self.delta = patience, delta
        self.best, self.count, self.state = None, 0, None

    def __call__(self, loss, model):
        if self.best is None or loss < self.best - self.delta:
            self.best, self.count = loss, 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.count += 1
        return self.count >= self.patience


def run_epoch(model, loader, criterion, device, optimizer=None):
    train = optimizer is not None
    model.train(train)
    total = 0.0
    with torch.set_grad_enabled(train):
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            loss = criterion(model(x), y)
            if train:
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_value_(model.parameters(), 1.0)
                optimizer.step()
            total += loss.detach() * x.shape[0]
    return float(total) / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", choices=["gru", "lstm"], default="gru")
    parser.add_argument("--lookback", type=int, default=24)
    parser.add_argument("--horizon", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--lr", type=float, default=5e-3)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    frame = make_series()
    data = Windows(frame, args.lookback, args.horizon)
    cut = int(0.8 * len(data))
    train_set, valid_set = Subset(data, range(cut)), Subset(data, range(cut, len(data)))
    train_loader = DataLoader(train_set, 64, shuffle=True)
    valid_loader = DataLoader(valid_set, 128)
    model = Forecaster(args.model, 3, args.hidden, args.horizon, len(QUANTILES)).to(device)
    criterion = PinballLoss(QUANTILES).to(device)
    optimizer = torch.optim.NAdam(model.parameters(), lr=args.lr, weight_decay=1e-5)
    scheduler = ReduceLROnPlateau(optimizer, mode="min", factor=0.5, patience=0)
    stopper = EarlyStopping(patience=3)
    for epoch in range(args.epochs):
        train_loss = run_epoch(model, train_loader, criterion, device, optimizer)
        valid_loss = run_epoch(model, valid_loader, criterion, device)
        scheduler.step(valid_loss)
        lr = optimizer.param_groups[0]["lr"]
        log.info("epoch %d lr %g loss %.6f valid loss %.6f", epoch, lr, train_loss, valid_loss)
        if stopper(valid_loss, model):
            log.info("early stopping")
            break
    model.load_state_dict(stopper.state)
    model.eval()
    with torch.no_grad():
        p = torch.cat([model(x.to(device)) for x, _ in valid_loader]) * data.std + data.mean
    target = torch.cat([y for _, y in valid_loader]) * data.std + data.mean
    inside = (target >= p[..., 0]) & (target <= p[..., 2])
    table = pd.DataFrame(p[:, 0].cpu().numpy(), columns=[f"q{q}" for q in QUANTILES])
    log.info("median loss %.5f, %s", torch.nn.functional.l1_loss(p[..., 1], target), len(table))
    log.info("coverage %.2f", inside.float().mean().item())


if __name__ == "__main__":
    main()
