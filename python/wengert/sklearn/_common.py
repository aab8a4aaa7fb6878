"""What the estimators share: arrays, seeds, weights of rows, folds of rows for validation."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.validation import _check_sample_weight

import wengert as wg

from .._native import Tensor
from ..tabular.prepare import split_off


def seed_of(random_state: object) -> int:
    """A seed of the library's generator, drawn from what scikit-learn takes for a random state."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def row_weights(
    sample_weight: object, class_weight: object, X: np.ndarray, y: np.ndarray
) -> np.ndarray | None:
    """The weights of rows, of mean 1 where they are not 0; None if all are alike."""
    if sample_weight is None and class_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if class_weight is not None:
        weights = weights * compute_sample_weight(class_weight, y)
    if not (weights > 0).any():
        raise ValueError("sample_weight: at least one must be above 0")
    return np.asarray(weights)


def without_zeros(
    weights: np.ndarray | None, *arrays: np.ndarray
) -> tuple[np.ndarray | None, tuple[np.ndarray, ...]]:
    """A row of weight 0 is no row; the others weigh 1 in the mean, and nothing if all are alike."""
    if weights is None:
        return None, arrays
    kept = np.flatnonzero(weights > 0)
    weights = weights[kept] / weights[kept].mean()
    if np.allclose(weights, 1.0):
        return None, tuple(array[kept] for array in arrays)
    return weights, tuple(array[kept] for array in arrays)


def tensor(values: np.ndarray, dtype: type = np.float32) -> Tensor:
    """A copy, so that what a caller keeps read-only or changes later is no matter."""
    return wg.from_numpy(np.array(values, dtype, order="C"))


def held_out(
    count: int, fraction: float, seed: int, classes: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """(train, valid) rows, with shares of each class; ValueError if none are left to train on."""
    if not 0 < fraction < 1:
        raise ValueError(f"validation_fraction must be between 0 and 1, got {fraction!r}")
    number = max(1, round(count * fraction))
    if count - number < 1:
        raise ValueError(f"{count} samples are too few to hold out {number} for validation")
    return split_off(count, number, seed, classes)
