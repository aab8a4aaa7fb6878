# run: --epochs 2 --sparse
"""Ratings by factors of users and films: sparse gradients, bags of genres, negative samples."""

import argparse
import json
import pathlib
import random
import warnings

import torch
import torch.nn as nn
import torch.utils.data as data

warnings.filterwarnings("ignore", category=UserWarning)


class Ratings(data.IterableDataset):
    def __init__(self, n_users, n_items, n, seed=0):
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        p, q = torch.randn(n_users, 3, generator=g), torch.randn(n_items, 3, generator=g)
        self.users = torch.randint(n_users, (n,), generator=g)
        self.items = torch.randint(n_items, (n,), generator=g)
        score = (p[self.users] * q[self.items]).sum(-1)
        self.ratings = (score.sigmoid() * 5).round().clamp(1, 5)
        self.genres = [
            torch.randperm(6, generator=g)[: 1 + i % 3].sort().values for i in range(n_items)
        ]

    def __iter__(self):
        info = data.get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        for i in range(start, len(self.users), step):
            item = int(self.items[i])
            yield int(self.users[i]), item, self.genres[item], self.ratings[i]

    def __len__(self):
        return len(self.users)


def collate(rows):
    users, items, genres, ratings = zip(*rows)  # noqa: B905
    offsets = torch.cumsum(torch.tensor([0, *map(len, genres[:-1])]), 0)
    return (
        torch.as_tensor(users),
        torch.as_tensor(items),
        (torch.cat(genres), offsets),
        torch.stack(ratings),
    )


class FactorModel(nn.Module):
    def __init__(self, n_users, n_items, n_genres, k=8, sparse=False):
        super().__init__()
        self.user = nn.Embedding(n_users, k, sparse=sparse)
        self.item = nn.Embedding(n_items, k, sparse=sparse)
        self.user_bias = nn.Embedding(n_users, 1)
        self.item_bias = nn.Embedding(n_items, 1)
        self.genre = nn.EmbeddingBag(n_genres, k, mode="sum")
        self.bilinear = nn.Bilinear(k, k, 1, bias=False)
        self.mean = nn.Parameter(torch.tensor(3.0))
        for e in (self.user, self.item):
            nn.init.normal_(e.weight, std=0.1)
        for e in (self.user_bias, self.item_bias):
            nn.init.zeros_(e.weight)

    def forward(self, user, item, genres):
        u, v = self.user(user), self.item(item) + self.genre(*genres)
        biases = self.user_bias(user) + self.item_bias(item)
        return self.mean + ((u * v).sum(1, keepdim=True) + self.bilinear(u, v) + biases).squeeze(1)


def bpr(model, user, item, genres, n_items):
    other = torch.tensor([random.randrange(n_items) for _ in user])
    margin = model(user, item, genres) - model(user, other, genres)
    return -nn.functional.logsigmoid(margin).mean()


def main():
    parser = argparse.ArgumentParser(fromfile_prefix_chars="@")
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--items", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--sparse", action=argparse.BooleanOptionalAction)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out"))
    args = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    args.out.mkdir(exist_ok=True)
    loader = data.DataLoader(
        Ratings(args.users, args.items, 500), args.batch_size, collate_fn=collate, num_workers=2
    )
    model = FactorModel(args.users, args.items, 6, sparse=bool(args.sparse)).to(device)
    factors = [model.user.weight, model.item.weight]
    rest = [p for p in model.parameters() if all(p is not f for f in factors)]
    optimizers = [
        torch.optim.SparseAdam(factors, lr=0.02)
        if args.sparse
        else torch.optim.Adam(factors, 0.02),
        torch.optim.Adagrad(rest, lr=0.05),
    ]
    history = []
    for epoch in range(args.epochs):
        for user, item, genres, rating in loader:
            for o in optimizers:
                o.zero_grad()
            predicted = model(user.to(device), item.to(device), genres)
            loss = nn.functional.huber_loss(predicted, rating.to(device))
            loss = loss + 0.1 * bpr(model, user, item, genres, args.items)
            loss.backward()
            for o in optimizers:
                o.step()
            history.append(loss.item())
        rmse = torch.sqrt(nn.functional.mse_loss(predicted, rating)).item()
        print(
            f"epoch {epoch} loss {sum(history[-8:]) / 8:.6f} last loss {loss:.6f} rmse {rmse:.4f}"
        )
    with torch.no_grad():
        u, v = model.user.weight, model.item.weight
        values, best = torch.topk(u @ v.T, 3, dim=1)
    print(f"best loss {values.mean():.5f} of {best.unique().numel()} films")
    (args.out / "history.json").write_text(json.dumps({"loss": history}))
    torch.save({"model": model.state_dict(), "args": args}, args.out / "model.pt")
    loaded = torch.load(args.out / "model.pt", weights_only=False)
    print(model.load_state_dict(loaded["model"], strict=True), loaded["args"].epochs)


if __name__ == "__main__":
    main()
