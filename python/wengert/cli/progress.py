"""How a training goes, as the command line shows it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..tabular import Recipe, Scores
from ..tabular.training import score_name
from .outputs import Output

if TYPE_CHECKING:
    from tqdm import tqdm

_MOST_LINES = 100


class Progress:
    """A tqdm bar on a terminal's stderr where tqdm is installed, and lines on stdout."""

    def __init__(
        self, recipe: Recipe, epochs: int, rows: int, regression: bool, output: Output
    ) -> None:
        self._epochs, self._score, self._output = epochs, score_name(regression), output
        self._every = -(-epochs // _MOST_LINES)
        self._bar: tqdm | None = None
        if sys.stderr is None:
            return
        try:
            from tqdm import tqdm
        except ImportError:
            return
        total = epochs * -(-rows // recipe.batch_size)
        self._bar = tqdm(total=total, unit="batch", disable=None, leave=False, file=sys.stderr)

    def batches(self, count: int) -> None:
        if self._bar is not None:
            self._bar.update(count)

    def epoch(self, number: int, loss: float, scores: Scores | None) -> None:
        if number % self._every and number not in (1, self._epochs):
            return
        text = f"epoch {number:{len(str(self._epochs))}d}/{self._epochs}  loss {loss:.4f}"
        if scores is not None:
            text += (
                f"  validation loss {scores.loss:.4f}  validation {self._score} {scores.score:.4f}"
            )
        if self._bar is None or self._bar.disable:
            self._output.line(text)
        else:
            with self._bar.external_write_mode(file=sys.stdout):
                self._output.line(text)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
