"""Convolutional networks as training steps: what train_steps.py times under `net`.

`cnn` is the network of the usual MNIST tutorial; the residual network is the one for CIFAR of He et
al., "Deep Residual Learning for Image Recognition" (2016), section 4.2, with n = 3; the U-Net that
of Ronneberger et al. (2015) with three levels; the separable one is made of the blocks of Howard et
al., "MobileNets" (2017). Each is built from the module that is given, wengert or torch.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Step = Callable[[], Any]


def training_step(m: Any, model: Any, x: Any, y: Any, optimizer: Any) -> Step:
    """Forward, cross entropy, backward and the optimizer's step."""
    loss_of = m.nn.functional.cross_entropy

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def cnn(m: Any, batch: int = 64) -> Step:
    m.manual_seed(0)
    nn = m.nn
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU()),  # 26 x 26
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),  # 12 x 12
        *(nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10)),
    )
    x, y = m.randn(batch, 1, 28, 28), m.randint(0, 10, (batch,))
    return training_step(m, model, x, y, m.optim.Adam(model.parameters(), lr=1e-3))


def _normed(m: Any, c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1) -> Any:
    conv = m.nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return m.nn.Sequential(conv, m.nn.BatchNorm2d(c_out))


def _residual(m: Any, c_in: int, c_out: int, stride: int) -> Any:
    relu = m.nn.functional.relu

    class Block(m.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = _normed(m, c_in, c_out, 3, stride)
            self.second = _normed(m, c_out, c_out, 3)
            same = stride == 1 and c_in == c_out
            self.short = m.nn.Identity() if same else _normed(m, c_in, c_out, 1, stride)

        def forward(self, x: Any) -> Any:
            return relu(self.second(relu(self.first(x))) + self.short(x))

    return Block()


def resnet20(m: Any, batch: int = 32) -> Step:
    m.manual_seed(0)
    nn = m.nn
    layers: list[Any] = [_normed(m, 3, 16, 3), nn.ReLU()]
    c_in = 16
    for width in (16, 32, 64):
        for block in range(3):
            layers.append(_residual(m, c_in, width, 2 if width > 16 and block == 0 else 1))
            c_in = width
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    x, y = m.randn(batch, 3, 32, 32), m.randint(0, 10, (batch,))
    optimizer = m.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    return training_step(m, model, x, y, optimizer)


def _twice(m: Any, c_in: int, c_out: int) -> Any:
    relu = m.nn.ReLU
    return m.nn.Sequential(_normed(m, c_in, c_out, 3), relu(), _normed(m, c_out, c_out, 3), relu())


def unet(m: Any, batch: int = 8, pixels: int = 64, classes: int = 2) -> Step:
    m.manual_seed(0)
    nn = m.nn

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down1, self.down2 = _twice(m, 3, 16), _twice(m, 16, 32)
            self.bottom = _twice(m, 32, 64)
            self.up2, self.join2 = nn.ConvTranspose2d(64, 32, 2, 2), _twice(m, 64, 32)
            self.up1, self.join1 = nn.ConvTranspose2d(32, 16, 2, 2), _twice(m, 32, 16)
            self.pool, self.out = nn.MaxPool2d(2), nn.Conv2d(16, classes, 1)

        def forward(self, x: Any) -> Any:
            a = self.down1(x)
            b = self.down2(self.pool(a))
            z = self.up2(self.bottom(self.pool(b)))
            z = self.up1(self.join2(m.cat([b, z], 1)))
            return self.out(self.join1(m.cat([a, z], 1)))

    model = UNet()
    x = m.randn(batch, 3, pixels, pixels)
    y = m.randint(0, classes, (batch, pixels, pixels))
    return training_step(m, model, x, y, m.optim.Adam(model.parameters(), lr=1e-3))


def separable(m: Any, batch: int = 32) -> Step:
    """A depthwise 3 x 3 and a 1 x 1 convolution to a block, 32 x 32 pixels at first."""
    m.manual_seed(0)
    nn = m.nn
    layers: list[Any] = [_normed(m, 3, 32, 3), nn.ReLU()]
    c_in = 32
    for c_out, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        layers += [_normed(m, c_in, c_in, 3, stride, groups=c_in), nn.ReLU()]
        layers += [_normed(m, c_in, c_out, 1), nn.ReLU()]
        c_in = c_out
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, 10))
    x, y = m.randn(batch, 3, 32, 32), m.randint(0, 10, (batch,))
    return training_step(m, model, x, y, m.optim.SGD(model.parameters(), lr=0.05, momentum=0.9))


def series(m: Any, batch: int = 32, samples: int = 2000) -> Step:
    m.manual_seed(0)
    nn = m.nn
    layers: list[Any] = []
    for c_in, c_out, kernel in ((1, 32, 7), (32, 64, 5), (64, 64, 5)):
        layers += [nn.Conv1d(c_in, c_out, kernel, padding=kernel // 2), nn.BatchNorm1d(c_out)]
        layers += [nn.ReLU(), nn.MaxPool1d(4)]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 5))
    x, y = m.randn(batch, 1, samples), m.randint(0, 5, (batch,))
    return training_step(m, model, x, y, m.optim.Adam(model.parameters(), lr=1e-3))


def sizes(m: Any, changing: bool, batch: int = 8) -> Step:
    """Forward and backward of two convolutions of images whose size is another at every call.

    The sizes are 16 to 64 by 16 to 64, in an order that does not come again for long: more of them
    than a cache of compiled kernels keeps. Where they do not change they are 40 by 40, which has
    the same number of pixels in the mean.
    """
    m.manual_seed(0)
    nn = m.nn
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1)
    )
    draw = random.Random(0)
    image = m.randn(batch, 3, 64, 64)

    def step() -> None:
        height, width = (draw.randint(16, 64), draw.randint(16, 64)) if changing else (40, 40)
        x = image[:, :, :height, :width].contiguous()
        model.zero_grad()
        model(x).sum().backward()

    return step


NETS: dict[str, Callable[[Any], Step]] = {
    "cnn": cnn,
    "resnet20": resnet20,
    "unet": unet,
    "separable": separable,
    "series": series,
}
SIZES: dict[str, Callable[[Any], Step]] = {
    "one size": lambda m: sizes(m, False),
    "changing sizes": lambda m: sizes(m, True),
}
