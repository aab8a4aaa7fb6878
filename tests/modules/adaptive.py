"""The cases of AdaptiveLogSoftmaxWithLoss, each of one part of the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.rows.sample import real

TARGETS = np.array([0, 11, 3, 5, 19, 9])


def cases(M: Callable) -> dict[str, list[Any]]:
    def forward(m: Any, x: Any, target: Any) -> Any:
        return m(x, target).output

    def loss(m: Any, x: Any, target: Any) -> Any:
        return m(x, target).loss

    def log_prob(m: Any, x: Any) -> Any:
        return m.log_prob(x)

    def case(*args: Any, target: np.ndarray = TARGETS, **kwargs: Any) -> Any:
        return M(*args, **kwargs).on(real(*target.shape, 16), target).not_replayed()

    return {
        "AdaptiveLogSoftmaxWithLoss": [
            case(16, 20, [4, 10]).called(forward),
            case(16, 21, [4, 11]).called(loss),
            case(16, 20, (3, 5, 9), 2.0, True).called(forward),
            case(16, 20, [4, 10], div_value=1.5, head_bias=True).called(loss),
            case(16, 20, [12], target=np.array([2, 0, 5, 5, 1, 3])).called(loss),  # the head alone
            case(16, 20, [1, 19], target=np.array(19)).called(forward),
            case(16, 20, [4, 9], target=np.array(2)).called(loss),
            M(16, 20, [4, 10]).on(real(6, 16)).called(log_prob),
            M(16, 20, [4, 10], 2.0, head_bias=True).on(real(6, 16)).called(log_prob),
            M(16, 20, [4, 10]).on(real(0, 16)).called(log_prob),
        ]
    }
