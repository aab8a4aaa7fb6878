"""A small GPT of characters: causal attention with dropout, tied embedding, decay in groups."""

import torch
from torch import nn, optim
from torch.nn import functional as F

BLOCK, BATCH = 32, 8


class Attention(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width, bias=False)
        self.heads, self.dropout = heads, dropout
        self.after = nn.Dropout(dropout)

    def forward(self, x):
        b, t, c = x.size()
        q, k, v = self.qkv(x).split(c, dim=2)
        q, k, v = (y.view(b, t, self.heads, c // self.heads).transpose(1, 2) for y in (q, k, v))
        p = self.dropout if self.training else 0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        return self.after(self.proj(y.transpose(1, 2).contiguous().view(b, t, c)))


class Block(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary, width=32, heads=4, layers=2, dropout=0.1):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(BLOCK, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([Block(width, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight
        self.apply(self.init)

    def init(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, x, targets=None):
        positions = torch.arange(x.size(1))
        h = self.dropout(self.tokens(x) + self.positions(positions))
        for block in self.blocks:
            h = block(h)
        logits = self.head(self.norm(h))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


def encoded(text):
    letters = sorted(set(text))
    return torch.tensor([letters.index(c) for c in text]), len(letters)


def setup(text):
    """Gives (modules, batches, step, between): what is trained, on what, and how."""
    torch.manual_seed(7)
    data, vocabulary = encoded(text)
    model = GPT(vocabulary)
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95))

    def batches():
        while True:
            at = torch.randint(len(data) - BLOCK, (BATCH,))
            yield (
                torch.stack([data[i : i + BLOCK] for i in at]),
                torch.stack([data[i + 1 : i + 1 + BLOCK] for i in at]),
            )

    def step(x, y):
        _, loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    def between(i):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, (i + 2) / 20)

    return [model], batches(), step, between


def evaluate(modules, text):
    """The logits behind every character of a beginning."""
    return modules[0](encoded(text)[0][None, :BLOCK])[0].flatten()
