"""An LSTM learns to write like a text, character by character.

    python examples/char_lstm.py
    python examples/char_lstm.py --text input.txt --width 256 --layers 2 --steps 3000

The text is the user's, or the sonnets that come with wengert. Its state is carried from each piece
of the text to the next; gradients stay within a piece. The default run takes some seconds. The step
of training and the one that writes a character are captured: they run without Python.
"""

import argparse
import time
from pathlib import Path

import wengert as wg
from wengert import datasets, nn, optim, serialization
from wengert.nn import functional as F


class CharLSTM(nn.Module):
    def __init__(self, vocabulary, width, layers, dropout):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(width, width, layers, dropout=between, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, x, state):
        """(b, t), (h, c) -> logits (b, t, vocabulary), (h, c)"""
        y, state = self.lstm(self.embedding(x), state)
        return self.head(self.dropout(y)), state

    def zeros(self, batch):
        shape = (self.lstm.num_layers, batch, self.lstm.hidden_size)
        return wg.zeros(shape), wg.zeros(shape)


def carry(to, state):
    """The state, without its history, in the tensors that the next step begins with."""
    with wg.no_grad():
        for kept, new in zip(to, state, strict=True):
            kept.copy_(new)


def write(model, beginning, n, temperature):
    """Numbers of characters: those of the beginning, and n more."""
    model.eval()
    token, state = wg.zeros(1, 1, dtype=wg.int64), model.zeros(1)

    @wg.capture
    @wg.no_grad()
    def step():
        logits, new = model(token, state)
        carry(state, new)
        token.copy_(wg.multinomial(F.softmax(logits[0, -1] / temperature, -1), 1)[None])
        return token

    text = list(beginning)
    for character in text:
        token.fill_(character)
        following = step().item()
    for _ in range(n):
        text.append(following)
        following = step().item()
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", metavar="FILE", help="a text; without it, sonnets")
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--length", type=int, default=48, help="characters of a piece")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--lr", type=float, default=5e-3, help="learning rate")
    parser.add_argument("--every", type=int, default=100, help="steps between two validations")
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
    rows = cut // args.batch_size
    train, valid = data[: rows * args.batch_size].view(args.batch_size, rows), data[cut:]
    model = CharLSTM(len(letters), args.width, args.layers, args.dropout)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    state = model.zeros(args.batch_size)

    @wg.capture
    def step(x, y):
        optimizer.zero_grad()
        logits, new = model(x, state)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        carry(state, new)
        return loss

    @wg.no_grad()
    def validate():
        model.eval()
        logits, _ = model(valid[None, :-1], model.zeros(1))
        model.train()
        return F.cross_entropy(logits[0], valid[1:]).item()

    print(f"{len(text)} characters, {len(letters)} different; ", end="")
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    print(f"step    0  validation {validate():.4f}")
    at, spent = 0, 0.0
    for i in range(1, args.steps + 1):
        if at + args.length >= rows:  # the text begins anew
            at = 0
            for kept in state:
                kept.zero_()
        x, y = train[:, at : at + args.length], train[:, at + 1 : at + args.length + 1]
        at += args.length
        begun = time.perf_counter()
        loss = step(x, y)
        spent += time.perf_counter() - begun
        if i % args.every == 0 or i == args.steps:
            print(f"step {i:4d}  loss {loss.item():.4f}  validation {validate():.4f}")
    tokens = args.steps * args.batch_size * args.length
    print(f"trained in {spent:.1f} s: {tokens / spent:,.0f} tokens/s")

    begun = time.perf_counter()
    written = write(model, [numbers[text[0]]], args.letters, args.temperature)
    spent = time.perf_counter() - begun
    print(f"{args.letters / spent:,.0f} characters/s:\n")
    print("".join(letters[i] for i in written))
    if args.save:
        serialization.save_safetensors(model.state_dict(), args.save)
        print(f"\nweights saved to {args.save}")


if __name__ == "__main__":
    main()
