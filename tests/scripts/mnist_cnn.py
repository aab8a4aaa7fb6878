"""A classifier as PyTorch's first example for MNIST has it: two convolutions, dropout, StepLR."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))  # (n, 32, 26, 26)
        x = F.relu(self.conv2(x))  # (n, 64, 24, 24)
        x = F.max_pool2d(x, 2)
        x = torch.flatten(self.dropout1(x), 1)  # (n, 9216)
        x = self.dropout2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def normalized(images):
    images = torch.from_numpy(images).to(torch.get_default_dtype())
    images = F.interpolate(images, size=28, mode="bilinear")
    return (images - 0.1307) / 0.3081


def setup(images, labels):
    """Gives (modules, batches, step, between): what is trained, on what, and how."""
    torch.manual_seed(1)
    images = normalized(images[:256])
    images += 0.1 * torch.randn_like(images)  # no two pixels alike
    loader = DataLoader(TensorDataset(images, torch.from_numpy(labels)[:256]), 8, shuffle=True)
    model = Net()
    optimizer = optim.SGD(model.parameters(), lr=0.001, momentum=0.5)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)

    def batches():
        while True:
            yield from loader

    def step(x, y):
        optimizer.zero_grad()
        loss = F.nll_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def between(i):
        if (i + 1) % len(loader) == 0:
            scheduler.step()

    return [model], batches(), step, between


def evaluate(modules, images):
    """What the trained network says of some images."""
    return modules[0](normalized(images))
