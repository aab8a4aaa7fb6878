"""Words spelt backwards: a recurrent encoder, and a decoder that attends to what it gives."""

import re

import torch
from torch import nn, optim
from torch.nn import functional as F

PAD, START, END, BATCH = 0, 1, 2, 16


class Encoder(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PAD)
        self.gru = nn.GRU(width, width, batch_first=True)

    def forward(self, x):
        return self.gru(self.embedding(x))


class Attention(nn.Module):
    """Bahdanau, Cho, Bengio, arXiv:1409.0473."""

    def __init__(self, width):
        super().__init__()
        self.of_query = nn.Linear(width, width)
        self.of_key = nn.Linear(width, width)
        self.score = nn.Linear(width, 1)

    def forward(self, query, keys, padded):
        scores = self.score(torch.tanh(self.of_query(query).unsqueeze(1) + self.of_key(keys)))
        weights = F.softmax(scores.squeeze(2).masked_fill(padded, float("-inf")), dim=1)
        return torch.bmm(weights.unsqueeze(1), keys).squeeze(1)


class Decoder(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=PAD)
        self.attention = Attention(width)
        self.cell = nn.GRUCell(2 * width, width)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(2 * width, vocabulary)

    def forward(self, targets, h, keys, padded):
        logits = []
        for x in self.embedding(targets).unbind(1):
            context = self.attention(h, keys, padded)
            h = self.cell(torch.cat([x, context], dim=1), h)
            logits.append(self.head(self.dropout(torch.cat([h, context], dim=1))))
        return torch.stack(logits, dim=1)


def encoded(words, letters):
    """(n, longest): the numbers of letters, then END and PAD."""
    rows = [[letters.index(c) + 3 for c in word] + [END] for word in words]
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


def setup(text):
    """Gives (modules, batches, step, between): what is trained, on what, and how."""
    torch.manual_seed(15)
    words = [w for w in re.findall("[a-z]+", text) if 3 <= len(w) <= 7]
    letters = sorted(set("".join(words)))
    source, target = encoded(words, letters), encoded([w[::-1] for w in words], letters)
    begun = torch.cat([torch.full((len(words), 1), START), target[:, :-1]], dim=1)
    encoder, decoder = Encoder(len(letters) + 3, 24), Decoder(len(letters) + 3, 24)
    optimizer = optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=2e-3)

    def batches():
        while True:
            at = torch.randint(len(words), (BATCH,))
            yield source[at], begun[at], target[at]

    def step(x, begun, y):
        optimizer.zero_grad()
        keys, h = encoder(x)
        logits = decoder(begun, h[0], keys, x == PAD)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=PAD)
        loss.backward()
        optimizer.step()
        return loss

    return [encoder, decoder], batches(), step, lambda i: None


def evaluate(modules, text):
    """The logits of the words of a beginning, spelt backwards."""
    words = [w for w in re.findall("[a-z]+", text) if 3 <= len(w) <= 7]
    letters = sorted(set("".join(words)))
    x, y = encoded(words[:20], letters), encoded([w[::-1] for w in words[:20]], letters)
    keys, h = modules[0](x)
    return modules[1](y, h[0], keys, x == PAD).flatten()
