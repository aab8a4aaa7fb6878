"""How a training goes, as the command line shows it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..tabular import Recipe, Scores
from ..tabular.training import score_name

if TYPE_CHECKING:
    from tqdm import tqdm


class Progress:
    """A tqdm bar on a terminal's stderr where tqdm is installed, and lines on stdout."""

    def __init__(self, recipe: Recipe, rows: int, regression: bool) -> None:
        self._epochs, self._score = recipe.epochs, score_name(regression)
        self._bar: tqdm | None = None
        try:
            from tqdm import tqdm
        except ImportError:
            return
        total = recipe.epochs * -(-rows // recipe.batch_size)
        self._bar = tqdm(total=total, unit="batch", disable=None, leave=False, file=sys.stderr)

    def batches(self, count: int) -> None:
        if self._bar is not None:
            self._bar.update(count)

    def epoch(self, number: int, loss: float, scores: Scores) -> None:
        text = (
            f"epoch {number:{len(str(self._epochs))}d}/{self._epochs}  "
            f"loss {loss:.4f}  validation loss {scores.loss:.4f}  "
            f"validation {self._score} {scores.score:.4f}"
        )
        if self._bar is None or self._bar.disable:
            print(text, flush=True)
        else:
            self._bar.write(text, file=sys.stdout)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
