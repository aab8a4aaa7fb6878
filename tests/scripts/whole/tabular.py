# run: --epochs 3 --hidden 32 16
"""Rows of a table: scikit-learn prepares the columns, a network with embeddings classifies."""

import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import classification_report, f1_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.utils.class_weight import compute_class_weight
from torch.utils.data import DataLoader, TensorDataset

device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


def make_table(n, seed):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 5)) * [1, 10, 0.1, 5, 2] + [0, 3, 0, -1, 7]
    cities = rng.choice(["berlin", "lima", "oslo", "paris"], size=n, p=[0.4, 0.3, 0.2, 0.1])
    kinds = rng.choice(["a", "b", "c"], size=n)
    score = numbers[:, 0] + 0.2 * (numbers[:, 1] - 3) + (cities == "oslo") * 1.5
    target = np.where(score > 2.5, "high", np.where(score < -1, "low", "middle"))
    return numbers, cities, kinds, target


class TabularNet(nn.Module):
    def __init__(self, n_numeric, cardinalities, hidden, n_classes, p=0.2):
        super().__init__()
        sizes = [(c, min(50, (c + 1) // 2)) for c in cardinalities]
        self.embeds = nn.ModuleList([nn.Embedding(c, s) for c, s in sizes])
        self.emb_drop = nn.Dropout(p)
        self.bn = nn.BatchNorm1d(n_numeric, affine=False)
        layers, width = [], n_numeric + sum(s for _, s in sizes)
        for h in hidden:
            layers += [nn.Linear(width, h, bias=False), nn.BatchNorm1d(h), nn.ReLU(inplace=True)]
            layers += [nn.Dropout(p)]
            width = h
        self.layers = nn.Sequential(*layers, nn.Linear(width, n_classes))
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
            elif isinstance(m, nn.Embedding):
                nn.init.trunc_normal_(m.weight, std=0.01)

    def forward(self, x_cat, x_num):
        x = [e(x_cat[:, i]) for i, e in enumerate(self.embeds)]
        x = self.emb_drop(torch.cat(x, 1))
        return self.layers(torch.cat([x, self.bn(x_num)], 1))


def evaluate(model, loader, criterion):
    model.eval()
    total, probabilities, labels = 0.0, [], []
    with torch.inference_mode():
        for x_cat, x_num, y in loader:
            out = model(x_cat.to(device), x_num.to(device))
            total += criterion(out, y.to(device)).item() * len(y)
            probabilities.append(F.softmax(out, dim=1).cpu().numpy())
            labels.append(y.numpy())
    return total / len(loader.dataset), np.concatenate(probabilities), np.concatenate(labels)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 32])
    parser.add_argument("--lr", type=float, default=5e-3)
    args = parser.parse_args()
    torch.manual_seed(42)
    np.random.seed(42)

    numbers, cities, kinds, target = make_table(600, 0)
    encoders = [LabelEncoder().fit(column) for column in (cities, kinds)]
    x_cat = np.stack([e.transform(c) for e, c in zip(encoders, (cities, kinds))], 1)  # noqa: B905
    y = (label_encoder := LabelEncoder()).fit_transform(target)
    train, test = train_test_split(np.arange(len(y)), test_size=0.25, stratify=y, random_state=0)
    scaler = StandardScaler().fit(numbers[train])
    weights = compute_class_weight("balanced", classes=np.unique(y), y=y[train])

    def dataset(rows):
        return TensorDataset(
            torch.from_numpy(x_cat[rows]).long(),
            torch.FloatTensor(scaler.transform(numbers[rows])),
            torch.LongTensor(y[rows]),
        )

    train_dl = DataLoader(dataset(train), args.batch_size, shuffle=True, drop_last=True)
    test_dl = DataLoader(dataset(test), batch_size=256)
    cardinalities = [len(e.classes_) for e in encoders]
    model = TabularNet(numbers.shape[1], cardinalities, args.hidden, len(weights)).to(device)
    criterion = nn.CrossEntropyLoss(weight=torch.tensor(weights, dtype=torch.float, device=device))
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)
    n_params = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f"{n_params:,} trainable parameters on {device}")
    best = float("inf")
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for x_cat_b, x_num_b, y_b in train_dl:
            optimizer.zero_grad()
            loss = criterion(model(x_cat_b.to(device), x_num_b.to(device)), y_b.to(device))
            loss.backward()
            optimizer.step()
            running += loss.item()
        scheduler.step()
        valid_loss, p, labels = evaluate(model, test_dl, criterion)
        auc = roc_auc_score(labels, p, multi_class="ovr")
        print(f"epoch {epoch} train loss {running / len(train_dl):.6f} valid loss {valid_loss:.6f}")
        print(f"  auc {auc:.4f} f1 {f1_score(labels, p.argmax(1), average='macro'):.4f}")
        if valid_loss < best:
            best = valid_loss
            torch.save(model.state_dict(), "best.pth")
    model.load_state_dict(torch.load("best.pth", map_location=device))
    best_loss, p, labels = evaluate(model, test_dl, criterion)
    print(f"best loss {best_loss:.6f}")
    names = label_encoder.classes_
    print(classification_report(labels, p.argmax(1), target_names=names, zero_division=0))


if __name__ == "__main__":
    main()
