"""What a network must beat: the commonest class or the mean, and a linear model."""

from __future__ import annotations

import numpy as np

import wengert as wg

from .._native import Tensor
from ..nn import functional as F
from .prepare import Rows

_PENALTIES = (1e-4, 1e-2, 1.0)  # of the mean loss; the best on validation rows is taken


def constant_score(train: Rows, test: Rows, regression: bool) -> float:
    """Accuracy of the commonest class of `train`, or R squared of its mean, on `test`."""
    wanted, truth = train[1].numpy(), test[1].numpy()
    if not regression:
        return float((truth == np.bincount(wanted).argmax()).mean())
    spread = ((truth - truth.mean(0)) ** 2).sum()
    return 1 - float(((truth - wanted.mean(0)) ** 2).sum() / spread) if spread > 0 else 0.0


def linear_score(train: Rows, valid: Rows | None, test: Rows, classes: int | None) -> float:
    """Accuracy of logistic regression (`classes`), or R squared of ridge regression, on `test`."""
    fitted = [(_fit(train, penalty, classes), penalty) for penalty in _PENALTIES]
    best = max(fitted, key=lambda pair: _score(pair[0], valid or train, classes))[0]
    return _score(best, test, classes)


def _with_one(inputs: Tensor) -> np.ndarray:
    values = inputs.numpy().astype(np.float64)
    return np.concatenate([values, np.ones((len(values), 1))], 1)


def _fit(rows: Rows, penalty: float, classes: int | None) -> np.ndarray:
    """(inputs + 1, outputs); the last row, of the constant, is not held down."""
    x = _with_one(rows[0])
    wanted = rows[1].numpy()
    if classes is None:
        held = np.full(x.shape[1], penalty * len(x))
        held[-1] = 1e-9
        return np.linalg.solve(x.T @ x + np.diag(held), x.T @ wanted.reshape(len(x), -1))
    weights = wg.zeros(x.shape[1], classes, dtype=wg.float64, requires_grad=True)
    inputs = wg.from_numpy(x)
    optimizer = wg.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(inputs @ weights, rows[1])
        loss = loss + 0.5 * penalty * (weights[:-1] ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach().numpy()


def _score(weights: np.ndarray, rows: Rows, classes: int | None) -> float:
    outputs, wanted = _with_one(rows[0]) @ weights, rows[1].numpy()
    if classes is not None:
        return float((outputs.argmax(1) == wanted).mean())
    wanted = wanted.reshape(outputs.shape)
    spread = ((wanted - wanted.mean(0)) ** 2).sum()
    return 1 - float(((outputs - wanted) ** 2).sum() / spread) if spread > 0 else 0.0
