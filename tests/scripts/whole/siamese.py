# run: --epochs 2 --classes-per-batch 4
"""Embeddings of digits by triplets that are mined in each batch, judged by nearest neighbours."""

import argparse
import collections
import itertools
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Sampler

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:
    SummaryWriter = None


class Digits(Dataset):
    def __init__(self, root, start, stop):
        with np.load(os.path.join(root, "digits.npz")) as data:
            images, labels = data["images"].reshape(-1, 8, 8), data["labels"]
        self.x = torch.tensor(images[start:stop], dtype=torch.uint8)
        self.targets = torch.tensor(labels[start:stop], dtype=torch.long)

    def __getitem__(self, i):
        return self.x[i].unsqueeze(0).float().div(16), self.targets[i].item()

    def __len__(self):
        return self.x.shape[0]


class BalancedBatchSampler(Sampler):
    """Batches of some examples of each of some classes."""

    def __init__(self, labels, n_classes, n_samples, generator=None):
        self.by_class = {int(c): torch.where(labels == c)[0] for c in torch.unique(labels)}
        self.n_classes, self.n_samples, self.generator = n_classes, n_samples, generator
        self.n = len(labels)

    def __iter__(self):
        classes = torch.tensor(list(self.by_class))
        for _ in range(len(self)):
            chosen = classes[torch.randperm(len(classes), generator=self.generator)]
            batch = []
            for c in chosen[: self.n_classes].tolist():
                index = self.by_class[c]
                batch.extend(
                    index[torch.randint(len(index), (self.n_samples,), generator=self.generator)]
                )
            yield [int(i) for i in batch]

    def __len__(self):
        return self.n // (self.n_classes * self.n_samples)


class EmbeddingNet(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.convnet = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.PReLU(),
            nn.MaxPool2d(2, stride=2),
            nn.Conv2d(8, 16, 3),
            nn.PReLU(num_parameters=16),
            nn.Dropout2d(0.1),
        )
        self.fc = nn.LazyLinear(dim)

    def forward(self, x):
        return F.normalize(self.fc(self.convnet(x).view(x.size(0), -1)), p=2, dim=1)


def batch_all_triplets(labels):
    """(anchors, positives, negatives) of a batch."""
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    different = ~same
    same.fill_diagonal_(False)
    anchors, positives = torch.nonzero(same, as_tuple=True)
    order = torch.arange(len(labels)).expand(len(anchors), -1)
    scores = order.masked_fill(~different[anchors], -1)
    return anchors, positives, scores.max(dim=1)[1]


def hardest(embedded, labels, margin):
    distance = torch.cdist(embedded, embedded)
    same = labels[:, None].eq(labels[None, :])
    furthest = distance.masked_fill(~same, float("-inf")).amax(dim=1)
    nearest = distance.masked_fill(same, float("inf")).amin(dim=1)
    return F.relu(furthest - nearest + margin).mean()


@torch.no_grad()
def embed(model, dataset):
    model.eval()
    pairs = [(model(x), y) for x, y in DataLoader(dataset, batch_size=128)]
    return torch.vstack([x for x, _ in pairs]), torch.hstack([y for _, y in pairs])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=os.environ.get("DATA", "."))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--classes-per-batch", type=int, default=5)
    parser.add_argument("--margin", type=float, default=0.5)
    args = parser.parse_args()
    torch.manual_seed(2)
    device = torch.device("cuda:0") if torch.cuda.is_available() else torch.device("cpu")
    train = ConcatDataset([Digits(args.root, 0, 120), Digits(args.root, 120, 240)])
    test = Digits(args.root, 640, 760)
    targets = torch.cat([d.targets for d in train.datasets])
    print(sorted(collections.Counter(targets.tolist()).items()))
    sampler = BalancedBatchSampler(targets, args.classes_per_batch, 6)
    loader = DataLoader(train, batch_sampler=sampler)
    model = EmbeddingNet().to(device)
    model(torch.zeros(1, 1, 8, 8, device=device))
    criterion = nn.TripletMarginLoss(margin=args.margin, p=2, swap=True)
    cosine = nn.CosineEmbeddingLoss(margin=0.2)
    optimizer = torch.optim.Adamax(model.parameters(), lr=5e-3)
    writer = SummaryWriter("runs/siamese") if SummaryWriter else None
    counter = itertools.count()
    for epoch in range(args.epochs):
        model.train()
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            e = model(x)
            a, p, n = batch_all_triplets(y)
            loss = criterion(e[a], e[p], e[n]) + hardest(e, y, args.margin)
            loss += 0.1 * cosine(e[a], e[n], torch.full((len(a),), -1.0))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step = next(counter)
            if writer:
                writer.add_scalar("train/loss", loss, step)
            print(f"epoch {epoch} triplets {len(a)} loss {loss.item():.6f}")
        if writer:
            writer.add_histogram("embedding", e, epoch)
    (known, labels), (asked, wanted) = embed(model, train), embed(model, test)
    near = torch.topk(asked @ known.t(), k=5, dim=1).indices
    found = torch.mode(labels[near], dim=1).values
    print(f"accuracy {(found == wanted).float().mean():.3f}")
    if writer:
        writer.close()


if __name__ == "__main__":
    main()
