"""How good predictions are, in numbers; all in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class ClassScore:
    """Of one class: of those predicted the right share, of those there are the found share."""

    name: str
    precision: float
    recall: float
    f1: float
    rows: int

    def shown(self) -> list[str]:
        """Precision, recall and F1 in digits; "-" for what a class without rows does not have."""
        if not self.rows:
            return ["-", "-", "-"]
        return [f"{value:.4f}" for value in (self.precision, self.recall, self.f1)]


def confusion_matrix(wanted: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """int64 (classes, classes): how many rows of each class (first) were taken for which."""
    pairs = np.bincount(wanted * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes)


def class_scores(matrix: np.ndarray, names: list[str]) -> list[ClassScore]:
    """One entry for each class; a share of nothing is 0."""
    hits = np.diagonal(matrix).astype(np.float64)
    there, said = matrix.sum(1), matrix.sum(0)
    precision = hits / np.maximum(said, 1)
    recall = hits / np.maximum(there, 1)
    f1 = 2 * hits / np.maximum(there + said, 1)
    columns = zip(names, precision, recall, f1, there, strict=True)
    return [ClassScore(n, float(p), float(r), float(f), int(c)) for n, p, r, f, c in columns]


@dataclass
class Calibration:
    """Bins of rows by the probability of the class that was predicted.

    `error` is the mean distance between that and the share of right ones, weighted by rows.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    rows: np.ndarray
    error: float


def calibration(shares: np.ndarray, wanted: np.ndarray, bins: int = 10) -> Calibration:
    """Of probabilities (rows, classes). Empty bins are left out."""
    confidence, right = shares.max(1), shares.argmax(1) == wanted
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    rows = np.bincount(place, minlength=bins)
    filled = rows > 0
    rows = rows[filled]
    means = np.bincount(place, confidence, bins)[filled] / rows
    hits = np.bincount(place, right, bins)[filled] / rows
    return Calibration(means, hits, rows, float(np.abs(means - hits) @ rows / rows.sum()))


def log_loss(shares: np.ndarray, wanted: np.ndarray) -> float:
    """The mean of minus the logarithm of the right class's probability."""
    right = shares[np.arange(len(wanted)), wanted].astype(np.float64)
    return float(-np.log(np.maximum(right, 1e-15)).mean())


def r_squared(
    wanted: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """1 for perfect predictions, 0 for those of the mean; 0 where there is no spread."""
    each = np.ones(len(wanted)) if weights is None else weights
    centre = float(np.average(wanted, weights=each))
    spread = float(((wanted - centre) ** 2 * each).sum())
    return 1 - float(((wanted - predicted) ** 2 * each).sum()) / spread if spread > 0 else 0.0


def root_mean_square(wanted: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.sqrt(((wanted - predicted) ** 2).mean()))


def mean_and_spread(values: list[float]) -> tuple[float, float]:
    """The mean, and the deviation of one value from it."""
    found = np.array(values, np.float64)
    return float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else 0.0
