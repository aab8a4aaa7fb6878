# run: --epochs 3
"""Classes of texts by bags of words, padded by a collate function."""

import argparse
import re
from collections import Counter

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

TEXTS = [
    ("the match ended in a draw after extra time", 0),
    ("striker scores twice as the team wins the cup", 0),
    ("coach praises young keeper after the win", 0),
    ("the team lost the final in extra time", 0),
    ("shares fall as the bank reports a loss", 1),
    ("the market rallied after the bank cut rates", 1),
    ("oil prices rise and shares follow", 1),
    ("new chip makes phones faster and cheaper", 2),
    ("researchers train a network on small computers", 2),
    ("the phone has a faster chip and a better camera", 2),
] * 6


class Texts(Dataset):
    def __init__(self, pairs):
        self.pairs = pairs
        counts = Counter(w for text, _ in pairs for w in re.findall(r"\w+", text))
        self.vocabulary = {w: i for i, (w, n) in enumerate(sorted(counts.items()), 1)}

    def __getitem__(self, i):
        text, label = self.pairs[i]
        return torch.tensor([self.vocabulary[w] for w in re.findall(r"\w+", text)]), label

    def __len__(self):
        return len(self.pairs)


def collate(batch):
    tokens, labels = zip(*batch)  # noqa: B905
    offsets = torch.tensor([0] + [len(t) for t in tokens[:-1]]).cumsum(dim=0)
    return torch.cat(tokens), offsets, torch.tensor(labels, dtype=torch.int64)


class Model(nn.Module):
    def __init__(self, vocabulary, dim, classes):
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocabulary + 1, dim, mode="mean", padding_idx=0)
        self.fc = nn.Linear(dim, classes)
        self.init_weights()

    def init_weights(self):
        initrange = 0.5
        self.embedding.weight.data.uniform_(-initrange, initrange)
        self.fc.weight.data.uniform_(-initrange, initrange)
        self.fc.bias.data.zero_()

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=1.0)
    args = parser.parse_args()
    torch.manual_seed(5)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = Texts(TEXTS)
    label_counts = Counter(label for _, label in TEXTS)
    weights = [1.0 / label_counts[label] for _, label in TEXTS]
    loader = DataLoader(
        data,
        batch_size=12,
        collate_fn=collate,
        sampler=WeightedRandomSampler(weights, len(data), replacement=True),
    )
    model = Model(len(data.vocabulary), 16, 3).to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    for epoch in range(args.epochs):
        model.train()
        total_acc, total = 0, 0
        for text, offsets, label in loader:
            text, offsets, label = text.to(device), offsets.to(device), label.to(device)
            predicted = model(text, offsets)
            loss = criterion(predicted, label)
            optimizer.zero_grad()
            loss.backward()
            clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            total_acc += (predicted.argmax(1) == label).sum().item()
            total += label.size(0)
            print(f"| epoch {epoch} | loss {loss.item():.6f} | accuracy {total_acc / total:.3f}")
        scheduler.step()


if __name__ == "__main__":
    main()
