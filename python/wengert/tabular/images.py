"""The network for rows that are the pixels of a small square image."""

from __future__ import annotations

import wengert as wg

from .. import nn
from .._native import Tensor
from ..nn import functional as F
from .errors import TabularError

_CHANNELS = (32, 64)


class RandomAffine(nn.Module):
    """In training, turns, shears, scales and shifts each image (n, 1, h, w) by its own amounts.

    Each amount is uniform up to these: `turn` in radians, `shear` and `scale` as parts of 1,
    `shift` as a part of half a side. What comes from outside an image is as its nearest pixel.
    The numbers are drawn from the library's generator, so captured steps draw anew as well. In
    evaluation an image stays as it is.
    """

    def __init__(
        self, turn: float = 0.2, shear: float = 0.15, scale: float = 0.12, shift: float = 0.15
    ) -> None:
        super().__init__()
        self.turn, self.shear, self.scale, self.shift = turn, shear, scale, shift

    def forward(self, images: Tensor) -> Tensor:
        if not self.training:
            return images
        count = images.shape[0]
        drawn = 2 * wg.rand(count, 6) - 1
        angle, shear = self.turn * drawn[:, 0], self.shear * drawn[:, 1]
        wide, high = 1 + self.scale * drawn[:, 2], 1 + self.scale * drawn[:, 3]
        right, down = self.shift * drawn[:, 4], self.shift * drawn[:, 5]
        cos, sin = angle.cos(), angle.sin()
        rows = [cos * wide, (shear - sin) * high, right, sin * wide, cos * high, down]
        matrix = wg.stack(rows, 1).reshape(count, 2, 3)
        grid = F.affine_grid(matrix, images.shape, align_corners=False)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def extra_repr(self) -> str:
        return f"turn={self.turn}, shear={self.shear}, scale={self.scale}, shift={self.shift}"


def image_side(inputs: int) -> int:
    """The side of a square image of so many pixels. TabularError if it is none, or below 4."""
    side = round(inputs**0.5)
    if side * side != inputs or side < 4:
        raise TabularError(
            f"{inputs} inputs are not the pixels of a square image of at least 4x4", "model", "mlp"
        )
    return side


def convolutions(inputs: int, dropout: float) -> tuple[list[nn.Module], int]:
    """The layers before the linear ones, and how many numbers they give.

    Twice two convolutions of 3x3 with batch norm and ReLU, and a pooling that halves the sides.
    """
    side = image_side(inputs)
    layers: list[nn.Module] = [nn.Unflatten(1, (1, side, side)), RandomAffine()]
    before = 1
    for channels in _CHANNELS:
        for _ in range(2):
            layers += [
                nn.Conv2d(before, channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            before = channels
        layers.append(nn.MaxPool2d(2))
        side //= 2
    return [*layers, nn.Flatten(), nn.Dropout(dropout)], before * side * side
