"""A GRU of two layers and both directions over the lit pixels of digits, as many as there are."""

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

BATCH = 16


class Reader(nn.Module):
    def __init__(self, width=16, classes=10):
        super().__init__()
        self.gru = nn.GRU(3, width, num_layers=2, bidirectional=True, dropout=0.2)
        self.head = nn.Linear(4 * width, classes)

    def forward(self, padded, lengths):
        packed = pack_padded_sequence(padded, lengths, enforce_sorted=False)
        out, h = self.gru(packed)
        y, lengths = pad_packed_sequence(out)
        mean = y.sum(0) / lengths.to(y.dtype).unsqueeze(1)
        return self.head(torch.cat([mean, h[-2], h[-1]], dim=1))


def lit(images):
    """Of each image (1, 8, 8) rows (n, 3): where light is, and how much."""
    found = []
    for image in torch.from_numpy(images).to(torch.get_default_dtype())[:, 0]:
        y, x = torch.where(image > 0.3)
        found.append(torch.stack([y / 8, x / 8, image[y, x]], dim=1).to(image.dtype))
    return found


def setup(images, labels):
    """Gives (modules, batches, step, between): what is trained, on what, and how."""
    torch.manual_seed(13)
    pixels, labels = lit(images[: 5 * BATCH]), torch.from_numpy(labels[: 5 * BATCH])
    groups = [slice(i, i + BATCH) for i in range(0, 5 * BATCH, BATCH)]
    model = Reader()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

    def batches():
        while True:
            for group in groups:
                lengths = [len(p) for p in pixels[group]]
                yield pad_sequence(pixels[group]), lengths, labels[group]

    def step(x, lengths, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x, lengths), y)
        loss.backward()
        optimizer.step()
        return loss

    return [model], batches(), step, lambda i: None


def evaluate(modules, images):
    """The logits of images."""
    pixels = lit(images)
    return modules[0](pad_sequence(pixels), [len(p) for p in pixels]).flatten()
