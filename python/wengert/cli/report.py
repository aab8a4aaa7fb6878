"""`wengert train --report DIR`: one HTML page with all that was found, pictures inside it."""

from __future__ import annotations

import base64
import html
import io
import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

import wengert as wg

from .._files import atomic_write
from ..tabular import TabularError
from ..tabular.errors import EXTRA, file_error
from ..tabular.scores import calibration, class_scores, confusion_matrix, mean_and_spread
from ..tabular.training import score_name
from ..tabular.validation import Outcome
from .honest import importance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "report.html"
_STYLE = """
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff; overflow-wrap: anywhere }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0; overflow-wrap: normal }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left; padding-left: 0 }
pre { background: #f5f5f5; padding: .7rem; white-space: pre-wrap; font-size: 13px }
img { width: 100%; max-width: 42rem; height: auto } .bad { color: #b00 }
@media (max-width: 30rem) {
  body { margin: 1rem auto } h1 { font-size: 1.5rem } h2 { font-size: 1.2rem }
  th, td { padding: .2rem .4rem; font-size: 14px } pre { padding: .4rem; font-size: 12px }
}
"""
_MOST = 30  # classes in a matrix, columns in a chart


def check_report(folder: str | None) -> None:
    """Before the work: whether a page can be drawn and written. The folder is made."""
    if folder is None:
        return
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise TabularError(f"--report needs the package matplotlib: {EXTRA}") from None
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise file_error(folder, error) from None


def write_report(folder: str, title: str, lines: list[str], outcome: Outcome) -> str:
    """Writes the page; its path. `lines` is what the command said."""
    parts = [_summary(outcome)]
    if outcome.shares is not None:
        parts += _class_parts(outcome)
    else:
        for name, wanted, predicted in outcome.numbers():
            of = f": {name}" if outcome.of_each else ""
            parts.append(_drawn(f"Predicted against true{of}", _drawn_numbers(wanted, predicted)))
    height = 1 + 0.22 * min(len(outcome.importance), _MOST)
    parts.append(_drawn("What a shuffled column costs", _drawn_importance(outcome), height))
    parts.append(_drawn("Training", _drawn_curves(outcome)))
    parts.append(_section("What the command said", f"<pre>{_text(chr(10).join(lines))}</pre>"))
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{_text(title)}</h1>\n{''.join(parts)}"
        f"<p>wengert {_text(wg.__version__)}</p></body></html>\n"
    )
    path = os.path.join(folder, NAME)
    try:
        with atomic_write(path) as file:
            file.write(page.encode("utf-8", "xmlcharrefreplace"))
    except OSError as error:
        raise file_error(path, error) from None
    return path


def _text(text: str) -> str:
    return html.escape(text.encode("utf-8", "backslashreplace").decode())


def _section(title: str, body: str) -> str:
    return f"<h2>{_text(title)}</h2>\n{body}\n"


def _table(header: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>'
        "</div>"
    )


def _summary(outcome: Outcome) -> str:
    name = score_name(outcome.regression)
    known = [
        ("the network", outcome.scores),
        *((f"... of {target}", scores) for target, scores in outcome.of_each.items()),
        (outcome.linear_name(), outcome.linear), (outcome.constant_name(), outcome.constant),
    ]  # fmt: skip
    rows = []
    for who, values in known:
        if values:
            mean, spread = mean_and_spread(values)
            rows.append([who, f"{mean:.4f}", *([f"{spread:.4f}"] if len(values) > 1 else [])])
    folds = len(outcome.scores) > 1
    better = outcome.loses()
    better = better[:1].upper() + better[1:]
    note = f'<p class="bad">{_text(better)} does better than the network.</p>' if better else ""
    count = f"{len(outcome.wanted)} rows that were not trained on"
    of = f", {len(outcome.scores)} folds" if folds else ""
    header = ["", name, "+-"] if folds else ["", name]
    return _section("Score", f"<p>{count}{of}</p>" + _table(header, rows) + note)


def _class_parts(outcome: Outcome) -> list[str]:
    assert outcome.shares is not None
    names = outcome.target.classes or []
    matrix = confusion_matrix(outcome.wanted, outcome.shares.argmax(1), len(names))
    rows = [[s.name, *s.shown(), str(s.rows)] for s in class_scores(matrix, names)]
    parts = [_section("Classes", _table(["class", "precision", "recall", "F1", "rows"], rows))]
    if len(names) <= _MOST:
        height = min(4.4, 1.6 + 0.2 * len(names))  # it is as wide as high
        parts.append(_drawn("Confusion", lambda axes: _draw_matrix(axes, matrix, names), height))
    found = calibration(outcome.shares, outcome.wanted)

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
        axes.plot(found.confidence, found.accuracy, marker="o")
        axes.set(xlabel="probability of the predicted class", ylabel="share that was right")

    text = f"<p>Calibration error {found.error:.4f}.</p>\n"
    return [*parts, _drawn("Calibration", draw, text=text)]


def _draw_matrix(axes: Axes, matrix: np.ndarray, names: list[str]) -> None:
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    short = [_plain(name) for name in names]
    axes.set_xticks(range(len(names)), short, rotation=90)
    axes.set_yticks(range(len(names)), short)
    axes.set(xlabel="taken for", ylabel="class")
    axes.tick_params(labelsize=9 if len(names) <= 8 else 7 if len(names) <= 14 else 5)
    if len(names) <= 12:
        for (row, column), count in np.ndenumerate(matrix):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)


def _drawn_numbers(wanted: np.ndarray, predicted: np.ndarray) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        low, high = float(wanted.min()), float(wanted.max())
        axes.plot([low, high], [low, high], color="grey", linestyle=":")
        axes.plot(wanted, predicted, ".", markersize=4, alpha=0.5)
        axes.set(xlabel="true", ylabel="predicted")

    return draw


def _drawn_importance(outcome: Outcome) -> Callable[[Axes], None]:
    costs = sorted(importance(outcome).items(), key=lambda pair: -pair[1])[:_MOST][::-1]

    def draw(axes: Axes) -> None:
        axes.barh([_plain(name) for name, _ in costs], [cost for _, cost in costs])
        axes.set(xlabel=f"loss of {score_name(outcome.regression)}")
        axes.locator_params(axis="x", nbins=6)

    return draw


def _drawn_curves(outcome: Outcome) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for index, history in enumerate(outcome.histories):
            epochs = range(1, len(history.train_loss) + 1)
            first = index == 0
            axes.plot(epochs, history.train_loss, color="C0", alpha=0.6,
                      label="training" if first else None)  # fmt: skip
            if history.valid:
                axes.plot(range(1, len(history.valid) + 1), [s.loss for s in history.valid],
                          color="C1", alpha=0.6, label="validation" if first else None)  # fmt: skip
        axes.set(xlabel="epoch", ylabel="loss")
        axes.legend()

    return draw


def _plain(name: str) -> str:
    """A name as matplotlib draws it: short, and no formula."""
    return (name if len(name) <= 24 else name[:21] + "...").replace("$", r"\$")


def _drawn(title: str, draw: Callable[[Axes], None], height: float = 0.0, text: str = "") -> str:
    """A section with a picture, in letters that can be read on the width of a phone.

    `height` is in inches, at least 3.2.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, max(3.2, height)), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.subplots())
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that its font does not have become boxes
        figure.savefig(stream, format="png", dpi=200)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    picture = f'<p><img alt="{_text(title)}" src="data:image/png;base64,{data}"></p>'
    return _section(title, text + picture)
