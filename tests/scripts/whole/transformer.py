# run: --epochs 2 --nhead 2 --warmup 6
"""A transformer encoder that classifies sequences of unequal lengths, with padding masks."""

import argparse
import math
import random
from functools import partial

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, random_split

PAD, CLS = 0, 1


class PositionalEncoding(nn.Module):
    def __init__(self, d_model: int, dropout: float = 0.1, max_len: int = 128):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(1, max_len, d_model)
        pe[0, :, 0::2] = torch.sin(position * div_term)
        pe[0, :, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return self.dropout(x + self.pe[:, : x.size(1)])


class Classifier(nn.Module):
    def __init__(self, ntoken, d_model, nhead, d_hid, nlayers, nclasses, dropout=0.1):
        super().__init__()
        self.d_model = d_model
        self.embedding = nn.Embedding(ntoken, d_model, padding_idx=PAD)
        self.pos_encoder = PositionalEncoding(d_model, dropout)
        layer = nn.TransformerEncoderLayer(
            d_model, nhead, d_hid, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(
            layer, nlayers, norm=nn.LayerNorm(d_model), enable_nested_tensor=False
        )
        self.fc = nn.Linear(d_model, nclasses)
        self._init_weights()

    def _init_weights(self):
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def forward(self, src, key_padding_mask):
        x = self.pos_encoder(self.embedding(src) * math.sqrt(self.d_model))
        x = self.encoder(x, src_key_padding_mask=key_padding_mask)
        keep = (~key_padding_mask).unsqueeze(-1)
        pooled = x.masked_fill(~keep, 0.0).sum(dim=1) / keep.sum(dim=1).clamp(min=1)
        return self.fc(torch.cat((x[:, 0].unsqueeze(1), pooled[:, None]), dim=1).mean(dim=1))


def make_data(n, ntoken, rng):
    """Sequences whose class is which of two tokens is met more often."""
    data = []
    for _ in range(n):
        tokens = [rng.randrange(2, ntoken) for _ in range(rng.randint(4, 14))]
        label = int(sum(t % 2 for t in tokens) * 2 > len(tokens))
        data.append((torch.tensor([CLS] + tokens), label))  # noqa: RUF005
    return data


def collate_fn(batch, device):
    sequences, labels = zip(*batch)  # noqa: B905
    src = pad_sequence(sequences, batch_first=True, padding_value=PAD).to(device)
    return src, src == PAD, torch.tensor(labels, device=device)


@torch.no_grad()
def evaluate(model, loader, criterion):
    model.eval()
    losses, correct, n = [], 0, 0
    for src, mask, y in loader:
        logits = model(src, mask)
        losses.append(criterion(logits, y))
        correct += torch.sum(torch.argmax(logits, -1) == y).item()
        n += y.numel()
    return torch.stack(losses).mean().item(), correct / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--d-model", type=int, default=16)
    parser.add_argument("--nhead", type=int, default=4)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--fp16", action="store_true")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_built() and (
        torch.backends.mps.is_available()
    ) else "cpu"  # fmt: skip
    torch.manual_seed(1234)
    rng = random.Random(1234)

    data = make_data(120, 20, rng)
    train_set, valid_set = random_split(
        data, [0.8, 0.2], generator=torch.Generator().manual_seed(0)
    )
    make = partial(
        DataLoader, batch_size=args.batch_size, collate_fn=partial(collate_fn, device=device)
    )
    train_loader, valid_loader = make(train_set, shuffle=True), make(valid_set)
    model = Classifier(20, args.d_model, args.nhead, 32, 2, 2).to(device)
    no_decay = ("bias", "norm")
    groups = [
        {
            "params": [p for n, p in model.named_parameters() if not any(k in n for k in no_decay)],
            "weight_decay": 0.01,
        },
        {
            "params": [p for n, p in model.named_parameters() if any(k in n for k in no_decay)],
            "weight_decay": 0.0,
        },
    ]
    optimizer = torch.optim.AdamW(groups, lr=2e-3, betas=(0.9, 0.98), eps=1e-9)
    total = args.epochs * len(train_loader)

    def lr_lambda(step):
        if step < args.warmup:
            return step / max(1, args.warmup)
        return max(0.0, (total - step) / max(1, total - args.warmup))

    scheduler = LambdaLR(optimizer, lr_lambda)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        for step, (src, mask, y) in enumerate(train_loader):
            with torch.autocast(device_type=device, dtype=torch.bfloat16, enabled=args.fp16):
                loss = criterion(model(src, mask), y)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            if step % 2 == 0:
                lr = scheduler.get_last_lr()[0]
                print(f"{epoch} {step} | loss {loss.item():.6f} | norm {norm:.3f} | lr {lr:.2e}")
        valid_loss, accuracy = evaluate(model, valid_loader, criterion)
        ppl = math.exp(valid_loss)
        print(f"end of epoch {epoch} | valid loss {valid_loss:.6f} | {accuracy:.2f} | {ppl:.2f}")


if __name__ == "__main__":
    main()
