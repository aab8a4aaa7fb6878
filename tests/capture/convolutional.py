"""Convolutional networks whose programs are saved: tests/capture and tests/cpp run them."""

import wengert as wg
from wengert import nn


class Residual(nn.Module):
    def __init__(self, channels, **options):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, **options)
        self.mix = nn.Conv2d(channels, 2 * channels, 1, bias=False, **options)
        self.norm = nn.BatchNorm2d(2 * channels, **options)
        self.skip = nn.Conv2d(channels, 2 * channels, 1, **options)

    def forward(self, x):
        return (self.norm(self.mix(self.conv(x).relu())) + self.skip(x)).relu()


def classifier(**options):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, **options),
        nn.BatchNorm2d(8, **options),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Residual(8, **options),
        nn.Dropout2d(0.2),
        nn.AvgPool2d(2),
        nn.GroupNorm(4, 16, **options),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64, 5, **options),
    )


def autoencoder(**options):
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2, padding=1, padding_mode="reflect", **options),
        nn.InstanceNorm2d(6, affine=True, **options),
        nn.LeakyReLU(0.1),
        nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1, **options),
        nn.BatchNorm2d(4, momentum=None, **options),
        nn.Upsample(scale_factor=0.5, mode="bilinear"),
        nn.PixelShuffle(2),
        nn.Sigmoid(),
    )


def sequence(**options):
    return nn.Sequential(
        nn.Flatten(2),
        nn.Conv1d(3, 8, 5, dilation=2, **options),
        nn.BatchNorm1d(8, affine=False, **options),
        nn.ELU(),
        nn.Dropout1d(0.3),
        nn.MaxPool1d(3, stride=2),
        nn.Conv1d(8, 4, 3, stride=2, padding=1, bias=False, **options),
        nn.AdaptiveMaxPool1d(7),
        nn.LayerNorm(7, **options),
    )


NETWORKS = [classifier, autoencoder, sequence]


def images(rows, dtype=wg.float32):
    return wg.randn(rows, 3, 8, 12, dtype=dtype)


def trained(network, dtype=wg.float32):
    """In evaluation; its running statistics are those of some batches."""
    model = network(dtype=dtype)
    for _ in range(3):
        model(images(5, dtype) * 2 + 1)
    return model.eval()


def drawing(network):
    """As `trained`, but that dropouts draw."""
    model = trained(network)
    for module in model.modules():
        if "Dropout" in type(module).__name__:
            module.train()
    return model
