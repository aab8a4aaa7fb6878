"""A convolutional network learns to read handwritten digits.

    python examples/cnn_digits.py
    python examples/cnn_digits.py --epochs 30 --width 32 --save digits.safetensors

The 1,797 images of 8x8 come with wengert, so nothing is downloaded; the default run takes a few
seconds. The network, the optimizer and the loop are as they are written for PyTorch. `wg.capture`
is wengert's own: it records the step once and replays it without Python, with the same numbers.
"""

import argparse
import time

import wengert as wg
from wengert import datasets, nn, optim, serialization
from wengert.nn import functional as F
from wengert.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    """Two convolutions at 8x8, two at 4x4, and a linear layer that tells ten classes apart."""

    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.conv4 = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(2 * width)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(2 * width * 2 * 2, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))  # (n, width, 8, 8)
        x = F.max_pool2d(F.relu(self.norm1(self.conv2(x))), 2)  # (n, width, 4, 4)
        x = F.relu(self.conv3(x))  # (n, 2 width, 4, 4)
        x = F.max_pool2d(F.relu(self.norm2(self.conv4(x))), 2)  # (n, 2 width, 2, 2)
        return self.head(self.dropout(x.flatten(1)))  # (n, 10)


def load(split):
    """Images as a convolution wants them, (n, 1, 8, 8), and their labels."""
    images, labels = datasets.digits(split)
    return images.reshape(-1, 1, 8, 8), labels


@wg.no_grad()
def accuracy(model, images, labels):
    model.eval()
    return (model(images).argmax(1) == labels).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15, help="passes over the training images")
    parser.add_argument("--width", type=int, default=16, help="channels of the first convolutions")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=3e-3, help="learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", metavar="FILE", help="write the weights (.safetensors)")
    args = parser.parse_args()

    wg.manual_seed(args.seed)
    model = Net(args.width)
    optimizer = optim.AdamW(model.parameters(), lr=args.lr)
    loader = DataLoader(TensorDataset(*load("train")), args.batch_size, shuffle=True)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, args.epochs * len(loader))

    @wg.capture
    def step(images, labels):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss

    started = time.perf_counter()
    for epoch in range(1, args.epochs + 1):
        model.train()
        losses = [step(images, labels).item() for images, labels in loader]
        found = accuracy(model, *load("valid"))
        print(f"epoch {epoch:2d}  loss {sum(losses) / len(losses):.4f}  validation {found:.1%}")
    print(f"trained in {time.perf_counter() - started:.1f} s")
    print(f"test accuracy: {accuracy(model, *load('test')):.1%}")

    if args.save:
        serialization.save_safetensors(model.state_dict(), args.save)
        again = Net(args.width)
        again.load_state_dict(serialization.load_safetensors(args.save)[0])
        assert accuracy(again, *load("test")) == accuracy(model, *load("test"))
        print(f"weights saved to {args.save}")


if __name__ == "__main__":
    main()
