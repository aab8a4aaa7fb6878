"""A vision transformer on digits: patches, a class token, an encoder with its norms first."""

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class ViT(nn.Module):
    def __init__(self, width=32, heads=4, layers=2, classes=10):
        super().__init__()
        self.patches = nn.Conv2d(1, width, kernel_size=2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 17, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.1, activation="gelu", batch_first=True,
            norm_first=True,
        )  # fmt: skip
        self.encoder = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.size(0), -1, -1), x], dim=1) + self.positions
        return self.head(self.encoder(x)[:, 0])


def setup(images, labels):
    """Gives (modules, batches, step, between): what is trained, on what, and how."""
    torch.manual_seed(9)
    dtype = torch.get_default_dtype()
    data = TensorDataset(torch.from_numpy(images).to(dtype), torch.from_numpy(labels))
    loader = DataLoader(data, batch_size=16, shuffle=True, drop_last=True)
    model = ViT()
    optimizer = optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.05)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)

    def batches():
        while True:
            yield from loader

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return [model], batches(), step, lambda i: schedule.step()


def evaluate(modules, images):
    """The logits of images."""
    return modules[0](torch.from_numpy(images).to(torch.get_default_dtype())).flatten()
