"""What the estimators share: parameters, targets, arrays, seeds, weights, rows for validation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_random_state, compute_sample_weight
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import _check_sample_weight, column_or_1d

import wengert as wg

from .._native import Tensor
from ..tabular.prepare import split_off


def keep_parameters(estimator: object, given: Mapping[str, object]) -> None:
    """Makes attributes of the `locals()` of an `__init__`, as scikit-learn wants of parameters.

    It reads their names and defaults from the signature, which each estimator has to have itself.
    """
    for name, value in given.items():
        if name != "self":
            setattr(estimator, name, value)


def class_numbers(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """int64 (rows,): the place of each label in `known`. ValueError for one that is not there."""
    if not np.isin(labels, known).all():
        raise ValueError(f"y has classes {unique_labels(labels)}, the network knows {known}")
    return np.searchsorted(known, labels).astype(np.int64)


def output_numbers(given: np.ndarray, known: int | None) -> tuple[np.ndarray, np.ndarray]:
    """(float64 (rows, outputs), y as it was given, or (rows,) if that is a single column).

    ValueError if there are not as many outputs as the network has, if there is one.
    """
    if given.ndim == 2 and given.shape[1] == 1:
        given = column_or_1d(given, warn=True)
    values = np.asarray(given, np.float64).reshape(len(given), -1)
    if known is not None and values.shape[1] != known:
        raise ValueError(f"y has {values.shape[1]} outputs, the network {known}")
    return values, given


class MultiOutputRegressor(RegressorMixin):
    """A regressor that learns several numbers a row."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


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
