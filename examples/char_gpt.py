"""A small GPT learns to write like a text, character by character.

    python examples/char_gpt.py
    python examples/char_gpt.py --text input.txt --layers 4 --width 128 --block 128 --steps 3000

The text is the user's, or the sonnets that come with wengert. The model and the loop are as they
are written for PyTorch (after Radford et al. 2019); the default run takes some seconds.
`wg.capture` replays the step of training without Python, and a second captured function writes: one
character at every call, with the keys and values of those before kept.
"""

import argparse
import math
import time
from pathlib import Path

import wengert as wg
from wengert import datasets, nn, optim, serialization
from wengert.nn import functional as F


class Attention(nn.Module):
    """Causal; with a cache it takes one position, and attends to all that were there before."""

    def __init__(self, width, heads, dropout):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.heads, self.p = heads, dropout
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, cache=None, at=None):
        b, t, c = x.shape
        q, k, v = (
            part.view(b, t, self.heads, c // self.heads).transpose(1, 2)
            for part in self.qkv(x).split(c, dim=2)
        )  # (b, heads, t, c / heads)
        if cache is None:
            p = self.p if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        else:
            keys, values = cache
            keys.index_copy_(2, at, k)
            values.index_copy_(2, at, v)
            seen = wg.arange(keys.shape[2]) <= at
            y = F.scaled_dot_product_attention(q, keys, values, attn_mask=seen[None])
        return self.dropout(self.proj(y.transpose(1, 2).reshape(b, t, c)))


class Block(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x, cache=None, at=None):
        x = x + self.attention(self.norm1(x), cache, at)
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary, width, heads, layers, block, dropout):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(block, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([Block(width, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight  # one table for reading and writing
        for name, p in self.named_parameters():
            if p.dim() == 2:
                scale = math.sqrt(2 * layers) if name.endswith(("proj.weight", "2.weight")) else 1
                nn.init.normal_(p, std=0.02 / scale)

    def forward(self, x, caches=None, at=None):
        """(b, t) -> logits (b, t, vocabulary)"""
        positions = wg.arange(x.shape[1]) if at is None else at
        h = self.dropout(self.tokens(x) + self.positions(positions))
        for i, block in enumerate(self.blocks):
            h = block(h, caches and caches[i], at)
        return self.head(self.norm(h))

    def caches(self, batch=1):
        """Zeros for the keys and values of every layer."""
        block, width = self.positions.weight.shape
        heads = self.blocks[0].attention.heads
        shape = (batch, heads, block, width // heads)
        return [(wg.zeros(shape), wg.zeros(shape)) for _ in self.blocks]


class Writer:
    """Writes behind a beginning: a captured function, called once for every character."""

    def __init__(self, model, temperature):
        self.model, self.caches = model, model.caches()
        self.block = model.positions.weight.shape[0]
        token, at = wg.zeros(1, 1, dtype=wg.int64), wg.zeros(1, dtype=wg.int64)

        @wg.capture
        def step():
            logits = model(token, self.caches, at)[0, -1]
            token.copy_(wg.multinomial(F.softmax(logits / temperature, -1), 1)[None])
            at.add_(1)
            return token

        self.step, self.token, self.at = step, token, at

    @wg.no_grad()
    def write(self, beginning, n):
        """Numbers of characters: those of the beginning, and n more."""
        self.model.eval()
        text, used = list(beginning), self.block
        for _ in range(n):
            if used == self.block:  # full: the second half of it is read again
                given = text[-(self.block // 2) :]
                self.at.zero_()
                for character in given:
                    self.token.fill_(character)
                    following = self.step().item()
                used = len(given)
            else:
                following = self.step().item()
                used += 1
            text.append(following)
        return text


def curve(losses, height=8, width=60):
    """A plot of letters: losses by step."""
    at = [losses[i * (len(losses) - 1) // max(width - 1, 1)] for i in range(width)]
    high, low = max(at), min(at)
    rows = [round((v - low) / (high - low or 1) * (height - 1)) for v in at]
    for row in range(height - 1, -1, -1):
        label = low + (high - low) * row / (height - 1)
        print(f"{label:6.3f} |" + "".join("*" if r == row else " " for r in rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", metavar="FILE", help="a text; without it, sonnets")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--block", type=int, default=64, help="how many characters it sees")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--lr", type=float, default=2e-3, help="learning rate")
    parser.add_argument("--every", type=int, default=50, help="steps between two validations")
    parser.add_argument("--letters", type=int, default=300, help="how many it writes in the end")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", metavar="FILE", help="write the weights (.safetensors)")
    args = parser.parse_args()

    wg.manual_seed(args.seed)
    text = Path(args.text).read_text(encoding="utf-8") if args.text else datasets.sonnets()
    letters = sorted(set(text))
    numbers = {c: i for i, c in enumerate(letters)}
    data = wg.tensor([numbers[c] for c in text])
    cut = len(data) * 9 // 10
    parts = {"train": data[:cut], "valid": data[cut:]}
    model = GPT(len(letters), args.width, args.heads, args.layers, args.block, args.dropout)
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    optimizer = optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.99), weight_decay=0.1)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, args.steps, pct_start=0.1)
    offsets = wg.arange(args.block + 1)

    def batch(part):
        starts = wg.randint(len(parts[part]) - args.block, (args.batch_size, 1))
        pieces = parts[part][starts + offsets]
        return pieces[:, :-1], pieces[:, 1:]

    def loss_of(x, y):
        return F.cross_entropy(model(x).flatten(0, 1), y.flatten())

    @wg.capture
    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        return loss

    @wg.no_grad()
    def validate():
        model.eval()
        found = sum(loss_of(*batch("valid")).item() for _ in range(8)) / 8
        model.train()
        return found

    print(f"{len(text)} characters, {len(letters)} different; ", end="")
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    losses, spent = [validate()], 0.0
    print(f"step    0  validation {losses[0]:.4f}")
    for i in range(1, args.steps + 1):
        x, y = batch("train")
        begun = time.perf_counter()
        loss = step(x, y)
        spent += time.perf_counter() - begun
        if i % args.every == 0 or i == args.steps:
            losses.append(validate())
            print(f"step {i:4d}  loss {loss.item():.4f}  validation {losses[-1]:.4f}")
    curve(losses)
    tokens = args.steps * args.batch_size * args.block
    print(f"trained in {spent:.1f} s: {tokens / spent:,.0f} tokens/s")

    writer = Writer(model, args.temperature)
    begun = time.perf_counter()
    written = writer.write([numbers[text[0]]], args.letters)
    spent = time.perf_counter() - begun
    print(f"{args.letters / spent:,.0f} characters/s:\n")
    print("".join(letters[i] for i in written))
    if args.save:
        serialization.save_safetensors(model.state_dict(), args.save)
        print(f"\nweights saved to {args.save}")


if __name__ == "__main__":
    main()
