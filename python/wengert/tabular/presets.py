"""The settings of a training, and defaults that suit the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Recipe:
    """The settings of one training run.

    `model` is "mlp", a network of `hidden` layers, or "cnn", convolutions before them. `schedule`
    is what the learning rate follows: "cosine" falls from epoch to epoch, "one-cycle" rises to `lr`
    and falls to nothing from step to step. The optimizer is AdamW.
    """

    epochs: int
    hidden: list[int]
    lr: float
    batch_size: int
    dropout: float
    weight_decay: float
    label_smoothing: float = 0.0
    model: str = "mlp"
    schedule: str = "cosine"


_STEPS = 2400  # what a small table needs, however few batches it has


def preset(
    rows: int,
    digits: bool = False,
    linear: bool = False,
    batch_size: int | None = None,
    model: str = "mlp",
) -> Recipe:
    """Settings for a table of so many training rows, or for the digits.

    A small table is gone through more often, so that its few batches make enough steps; `linear` is
    for a network without hidden layers, which takes larger ones and needs no dropout. `model` "cnn"
    is for images.
    """
    if model == "cnn":
        return Recipe(30, [], 4e-3, batch_size or 64, 0.3, 1e-2, 0.1, "cnn", "one-cycle")
    batch = batch_size or (64 if digits or rows > 2000 else 32)
    if batch_size is None and rows > 50_000:
        batch = 256
    steps_per_epoch = -(-rows // batch)
    return Recipe(
        epochs=40 if digits else max(60, -(-_STEPS // steps_per_epoch)),
        hidden=[] if linear else [256, 128] if digits else [64, 64],
        lr=2e-2 if linear and not digits else 2e-3,
        batch_size=batch,
        dropout=0.3 if digits else 0.0 if linear else 0.1,
        weight_decay=1e-2,
        label_smoothing=0.1 if digits else 0.0,
    )
