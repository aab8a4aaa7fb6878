"""A residual network, as for CIFAR but smaller, on handwritten digits.

    python examples/resnet.py
    python examples/resnet.py --blocks 3 --width 16 --size 32 --channels-last

K. He et al., "Deep residual learning for image recognition", 2016: a block adds what it computes to
what it is given, so that gradients reach the first layers of a deep network unhindered. `--blocks 3
--width 16 --size 32` is the paper's ResNet-20. The default, ResNet-8 on the 8x8 images as they are,
takes a few seconds.
"""

import argparse
import time

import wengert as wg
from wengert import datasets, nn, optim
from wengert.nn import functional as F
from wengert.utils.data import DataLoader, TensorDataset


def conv3x3(inputs, outputs, stride=1):
    # Batch norm follows, which has a bias of its own.
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


class Block(nn.Module):
    """relu(x + f(x)): two convolutions, and a shortcut that is resized where f(x) is."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv3x3(outputs, outputs), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    """Three stages of `blocks` blocks; the later ones halve the sides and double the width."""

    def __init__(self, blocks, width, classes=10):
        super().__init__()
        self.stem = nn.Sequential(conv3x3(1, width), nn.BatchNorm2d(width), nn.ReLU())
        layers, inputs = [], width
        for stage in range(3):
            outputs = width << stage
            for i in range(blocks):
                layers.append(Block(inputs, outputs, 2 if stage and i == 0 else 1))
                inputs = outputs
        self.stages = nn.Sequential(*layers)
        self.head = nn.Linear(inputs, classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = self.stages(self.stem(x))
        return self.head(x.mean((2, 3)))  # the average over the image


def load(split, size):
    images, labels = datasets.digits(split)
    images = images.reshape(-1, 1, 8, 8)
    return F.interpolate(images, size=(size, size), mode="bilinear"), labels


@wg.no_grad()
def accuracy(model, images, labels):
    model.eval()
    return (model(images).argmax(1) == labels).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=1, help="blocks a stage: 6 n + 2 layers")
    parser.add_argument("--width", type=int, default=8, help="channels of the first stage")
    parser.add_argument("--size", type=int, default=8, help="pixels of a side, made of 8")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.1, help="the highest learning rate")
    parser.add_argument("--channels-last", action="store_true", help="the layout of images")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    wg.manual_seed(args.seed)
    layout = wg.channels_last if args.channels_last else wg.contiguous_format
    model = ResNet(args.blocks, args.width).to(memory_format=layout)
    count = sum(p.numel() for p in model.parameters())
    print(f"ResNet-{6 * args.blocks + 2}: {count} parameters")
    optimizer = optim.SGD(
        model.parameters(), args.lr, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    loader = DataLoader(TensorDataset(*load("train", args.size)), args.batch_size, shuffle=True)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, args.epochs * len(loader))

    @wg.capture
    def step(images, labels):
        optimizer.zero_grad()
        images = images.contiguous(memory_format=layout)
        loss = F.cross_entropy(model(images), labels, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss

    started = time.perf_counter()
    for epoch in range(1, args.epochs + 1):
        model.train()
        losses = [step(images, labels).item() for images, labels in loader]
        found = accuracy(model, *load("valid", args.size))
        print(f"epoch {epoch:2d}  loss {sum(losses) / len(losses):.4f}  validation {found:.1%}")
    print(f"trained in {time.perf_counter() - started:.1f} s")
    print(f"test accuracy: {accuracy(model, *load('test', args.size)):.1%}")


if __name__ == "__main__":
    main()
