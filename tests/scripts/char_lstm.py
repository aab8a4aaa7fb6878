"""A char-LSTM: two layers with dropout between, its state carried from one piece to the next."""

import torch
from torch import nn, optim
from torch.nn import functional as F

STEPS, BATCH, WIDTH = 24, 8, 32


class CharLSTM(nn.Module):
    def __init__(self, vocabulary, width=WIDTH, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 16)
        self.lstm = nn.LSTM(16, width, num_layers=layers, dropout=0.1, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, x, state=None):
        y, state = self.lstm(self.embedding(x), state)
        return self.head(y), state


def encoded(text):
    letters = sorted(set(text))
    return torch.tensor([letters.index(c) for c in text]), len(letters)


def setup(text):
    """Gives (modules, batches, step, between): what is trained, on what, and how."""
    torch.manual_seed(11)
    data, vocabulary = encoded(text)
    n = len(data) // BATCH
    rows = data[: n * BATCH].view(BATCH, n)
    model = CharLSTM(vocabulary)
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    h, c = torch.zeros(2, BATCH, WIDTH), torch.zeros(2, BATCH, WIDTH)

    def batches():
        while True:
            for i in range(0, n - STEPS - 1, STEPS):
                yield rows[:, i : i + STEPS], rows[:, i + 1 : i + STEPS + 1]

    def step(x, y):
        optimizer.zero_grad()
        logits, state = model(x, (h, c))
        loss = F.cross_entropy(logits.transpose(1, 2), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        with torch.no_grad():
            h.copy_(state[0])
            c.copy_(state[1])
        return loss

    return [model], batches(), step, lambda i: None


def evaluate(modules, text):
    """The logits behind every character of a beginning."""
    return modules[0](encoded(text)[0][None, :60])[0].flatten()
