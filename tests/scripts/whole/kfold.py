# run: --folds 3 --epochs 8
"""Cross-validation with early stopping, class weights and metrics by hand."""

import argparse
import copy

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Subset, SubsetRandomSampler, TensorDataset


class EarlyStopping:
    def __init__(self, patience=2, delta=0.0):
        self.patience, self.delta = patience, delta
        self.counter, self.best, self.state, self.stop = 0, None, None, False

    def __call__(self, loss, model):
        if self.best is None or loss < self.best - self.delta:
            self.best, self.counter = loss, 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.counter += 1
            self.stop = self.counter >= self.patience


def metrics(logits, y):
    p = (logits.sigmoid() > 0.5).long()
    tp = int(((p == 1) & (y == 1)).sum())
    fp, fn = int(((p == 1) & (y == 0)).sum()), int(((p == 0) & (y == 1)).sum())
    precision, recall = tp / max(tp + fp, 1), tp / max(tp + fn, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-12)
    return {"acc": (p == y).float().mean().item(), "f1": f1}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--folds", type=int, default=5)
    ap.add_argument("--epochs", type=int, default=20)
    ap.add_argument("--seed", type=int, default=0)
    a = ap.parse_args()
    rng = np.random.default_rng(a.seed)
    torch.manual_seed(a.seed)
    x = rng.normal(size=(240, 10)).astype(np.float32)
    y = ((x[:, 0] + x[:, 1] ** 2 + 0.3 * rng.normal(size=240)) > 1).astype(np.int64)
    dataset = TensorDataset(torch.as_tensor(x), torch.as_tensor(y))
    folds = np.array_split(rng.permutation(len(dataset)), a.folds)
    results = []
    for k, test_index in enumerate(folds):
        train_index = np.concatenate([f for i, f in enumerate(folds) if i != k]).tolist()
        mean = dataset.tensors[0][train_index].mean(0, keepdim=True)
        std = dataset.tensors[0][train_index].std(0, keepdim=True)
        train = DataLoader(dataset, 32, sampler=SubsetRandomSampler(train_index))
        test = DataLoader(Subset(dataset, test_index.tolist()), batch_size=len(test_index))
        model = nn.Sequential(
            nn.Linear(10, 24),
            nn.LayerNorm(24),
            nn.LeakyReLU(0.1),
            nn.Dropout(0.1),
            nn.Linear(24, 24),
            nn.ELU(),
            nn.Linear(24, 1),
        )
        positive = dataset.tensors[1][train_index].float().mean()
        criterion = nn.BCEWithLogitsLoss(pos_weight=(1 - positive) / positive)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[3, 6], gamma=0.3)
        stopper = EarlyStopping()
        for epoch in range(a.epochs):
            model.train()
            running = []
            for xb, yb in train:
                optimizer.zero_grad()
                loss = criterion(model((xb - mean) / std).squeeze(1), yb.float())
                loss.backward()
                optimizer.step()
                running.append(loss.item())
            scheduler.step()
            model.eval()
            with torch.no_grad():
                xb, yb = next(iter(test))
                logits = model((xb - mean) / std).squeeze(1)
                held = criterion(logits, yb.float()).item()
            stopper(held, model)
            print(f"fold {k} epoch {epoch} loss {np.mean(running):.5f} held loss {held:.5f}")
            if stopper.stop:
                break
        model.load_state_dict(stopper.state)
        model.eval()
        with torch.no_grad():
            results.append(metrics(model((xb - mean) / std).squeeze(1), yb))
    table = {key: np.mean([r[key] for r in results]) for key in results[0]}
    print(" ".join(f"{key}={value:.3f}" for key, value in table.items()))
    assert table["acc"] > 0.6, table


if __name__ == "__main__":
    main()
