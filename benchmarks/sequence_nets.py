"""Networks over sequences as training steps: what train_steps.py times under `net`.

`gpt` is a decoder of four blocks over characters, in the form of Radford et al., "Language Models
are Unsupervised Multitask Learners" (2019), with norms before what they are for; `gpt2` has that
paper's smallest size, 124 million parameters. `lstm`, `gru` and `packed` are recurrent networks
over characters. Each is built from the module that is given, wengert or torch.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from conv_nets import Step, training_step

LETTERS = 65


def _block(m: Any, width: int, heads: int, dropout: float) -> Any:
    nn = m.nn
    attend = nn.functional.scaled_dot_product_attention

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.gelu = nn.GELU()

        def forward(self, x: Any) -> Any:
            batch, length, _ = x.shape
            parts = self.qkv(self.norm1(x)).split(width, dim=2)
            q, k, v = (p.view(batch, length, heads, width // heads).transpose(1, 2) for p in parts)
            y = attend(q, k, v, dropout_p=dropout, is_causal=True)
            x = x + self.out(y.transpose(1, 2).contiguous().view(batch, length, width))
            return x + self.down(self.gelu(self.up(self.norm2(x))))

    return Block()


def _gpt(
    m: Any,
    *,
    batch: int,
    length: int,
    letters: int,
    width: int,
    heads: int,
    layers: int,
    **opt: Any,
) -> Step:
    m.manual_seed(0)
    nn = m.nn

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(letters, width), nn.Embedding(length, width)
            dropout = opt.get("dropout", 0.0)
            self.blocks = nn.Sequential(*(_block(m, width, heads, dropout) for _ in range(layers)))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, letters, bias=False)
            if opt.get("tied"):
                self.head.weight = self.tokens.weight
            self.at = m.arange(length)

        def forward(self, x: Any) -> Any:
            y = self.norm(self.blocks(self.tokens(x) + self.places(self.at)))
            return self.head(y).view(-1, letters)

    model = GPT()
    x, y = m.randint(0, letters, (batch, length)), m.randint(0, letters, (batch * length,))
    return training_step(m, model, x, y, m.optim.AdamW(model.parameters(), lr=1e-3))


def gpt(m: Any, dropout: float = 0.0) -> Step:
    size = {"batch": 12, "length": 64, "letters": LETTERS, "width": 128, "heads": 4, "layers": 4}
    return _gpt(m, **size, dropout=dropout)


def gpt2(m: Any) -> Step:
    """Random weights; the head is the embedding's matrix."""
    size = {"batch": 4, "length": 64, "letters": 50257, "width": 768, "heads": 12, "layers": 12}
    return _gpt(m, **size, tied=True)


def _recurrent(m: Any, kind: str, *, layers: int = 1, batch: int = 32, length: int = 64) -> Step:
    m.manual_seed(0)
    nn, width = m.nn, 128

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.letters = nn.Embedding(LETTERS, width)
            self.net = getattr(nn, kind)(width, width, layers, batch_first=True)
            self.out = nn.Linear(width, LETTERS)

        def forward(self, x: Any) -> Any:
            return self.out(self.net(self.letters(x))[0]).view(-1, LETTERS)

    model = Recurrent()
    x, y = m.randint(0, LETTERS, (batch, length)), m.randint(0, LETTERS, (batch * length,))
    return training_step(m, model, x, y, m.optim.Adam(model.parameters(), lr=1e-3))


def packed(m: Any, batch: int = 32, longest: int = 64) -> Step:
    """Forward and backward of a bidirectional LSTM over sequences of 8 to 64 steps."""
    m.manual_seed(0)
    net = m.nn.LSTM(128, 128, batch_first=True, bidirectional=True)
    draw = random.Random(0)
    lengths = [draw.randint(8, longest) for _ in range(batch)]
    x, rnn = m.randn(batch, longest, 128), m.nn.utils.rnn

    def step() -> None:
        net.zero_grad()
        of_packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, _ = rnn.pad_packed_sequence(net(of_packed)[0], batch_first=True)
        y.sum().backward()

    return step


def encoder(m: Any, batch: int = 16, length: int = 64) -> Step:
    m.manual_seed(0)
    nn = m.nn
    layer = nn.TransformerEncoderLayer(192, 3, 768, dropout=0.0, batch_first=True)
    model = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
    x = m.randn(batch, length, 192)
    optimizer = m.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> Any:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def attention(
    m: Any, dropout: float, batch: int = 4, heads: int = 8, length: int = 512, width: int = 64
) -> Step:
    """Forward and backward of causal attention alone."""
    m.manual_seed(0)
    parts = [m.randn(batch, heads, length, width).requires_grad_() for _ in range(3)]
    attend = m.nn.functional.scaled_dot_product_attention

    def step() -> None:
        for part in parts:
            part.grad = None
        attend(*parts, dropout_p=dropout, is_causal=True).sum().backward()

    return step


def embedding(m: Any, rows: int = 30_000, width: int = 64, batch: int = 4096) -> Step:
    """Forward and backward of a table that is large beside the batch."""
    m.manual_seed(0)
    table = m.nn.Embedding(rows, width)
    x, g = m.randint(0, rows, (batch,)), m.randn(batch, width)

    def step() -> None:
        table.weight.grad = None
        table(x).backward(g)

    return step


NETS: dict[str, Callable[[Any], Step]] = {
    "gpt": gpt,
    "gpt, dropout 0.1": lambda m: gpt(m, 0.1),
    "gpt2": gpt2,
    "lstm": lambda m: _recurrent(m, "LSTM"),
    "gru": lambda m: _recurrent(m, "GRU", layers=2),
    "packed": packed,
    "encoder": encoder,
    "attention": lambda m: attention(m, 0.0),
    "attention, dropout 0.1": lambda m: attention(m, 0.1),
    "embedding": embedding,
}
