"""The settings of a training, and defaults that suit the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Recipe:
    """The settings of one training run: a network of `hidden` layers, AdamW, a cosine schedule."""

    epochs: int
    hidden: list[int]
    lr: float
    batch_size: int
    dropout: float
    weight_decay: float
    label_smoothing: float = 0.0


def preset(rows: int, digits: bool = False) -> Recipe:
    """Settings for a table of so many training rows, or for the digits."""
    batch = 64 if digits or rows > 2000 else 32
    return Recipe(
        epochs=40 if digits else 60,
        hidden=[256, 128] if digits else [64, 64],
        lr=2e-3,
        batch_size=batch if rows <= 50_000 else 256,
        dropout=0.3 if digits else 0.1,
        weight_decay=1e-2,
        label_smoothing=0.1 if digits else 0.0,
    )
