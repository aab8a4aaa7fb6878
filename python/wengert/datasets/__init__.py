"""Data that comes with the package: `digits`, `sonnets`."""

from __future__ import annotations

import numpy as np

from .. import _native
from .._native import Tensor

_SPLITS = {"train": 0, "valid": 1, "test": 2}


def digits(split: str | None = None) -> tuple[Tensor, Tensor]:
    """Handwritten digits: 1,797 images of 8x8 with their labels.

    Returns (images, labels): float32 of shape (n, 64), rows top to bottom, scaled from the
    original 0..16 to 0..1, and int64 of shape (n,), 0 to 9.

    `split` picks a part of a fixed partition, drawn at random within each digit: "train"
    (1,257), "valid" (180) or "test" (360); None gives all 1,797 in their original order.
    Raises ValueError for another name.

    Source: Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine
    Learning Repository, doi:10.24432/C50P49, CC BY 4.0 (see `digits.LICENSE.md`).
    """
    if split is not None and split not in _SPLITS:
        raise ValueError(f"digits: split is {split!r}, needed None, 'train', 'valid' or 'test'")
    from importlib import resources  # here, as importing the package should not pay for it

    where = resources.files(__package__).joinpath("digits.npz")
    with where.open("rb") as file, np.load(file) as stored:
        images, labels, part = stored["images"], stored["labels"], stored["split"]
    if split is not None:
        chosen = part == _SPLITS[split]
        images, labels = images[chosen], labels[chosen]
    scaled = images.astype(np.float32) / np.float32(16)
    return _native.from_numpy(scaled), _native.from_numpy(labels.astype(np.int64))


def sonnets() -> str:
    """Eighteen sonnets of William Shakespeare (1609), as a text of some 11,000 characters.

    A line for each verse and an empty one between two sonnets; in the public domain.
    """
    from importlib import resources

    return resources.files(__package__).joinpath("sonnets.txt").read_text("ascii")


__all__ = ["digits", "sonnets"]
