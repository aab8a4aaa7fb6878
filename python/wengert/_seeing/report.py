"""What `watch` has seen: a table, plots, files for TensorBoard."""

from __future__ import annotations

import io
import os
from html import escape
from typing import TYPE_CHECKING

from .numbers import number

if TYPE_CHECKING:
    from ..utils.tensorboard import SummaryWriter
    from .training import Numbers, Step, Watch

_HEAD = ("parameter", "weight", "gradient", "update", "update/weight")


def _norm(x: Numbers | None) -> str:
    return number(x.norm) if x is not None else ""


def _tables(watch: Watch) -> list[list[tuple[str, ...]]]:
    if not watch.steps:
        return []
    step = watch.steps[-1]
    rows: list[tuple[str, ...]] = [_HEAD]
    for name, w in step.weights.items():
        ratio = number(w.ratio) if w.ratio is not None else ""
        rows.append((name, _norm(w.weight), _norm(w.grad), _norm(w.update), ratio))
    acts: list[tuple[str, ...]] = [("activation", "rms", "dead units", "saturated", "line")]
    for name, a in step.activations.items():
        dead = f"{a.dead:.0%}" if a.dead is not None else ""
        saturated = f"{a.saturated:.0%}" if a.saturated is not None else ""
        line = f"{a.line[0].rpartition('/')[2]}:{a.line[1]}" if a.line else ""
        acts.append((name, number(a.rms), dead, saturated, line))
    return [rows, acts] if len(acts) > 1 else [rows]


def _heading(watch: Watch) -> str:
    if not watch.steps:
        return f"{watch.count} steps, none looked at yet"
    n = len(watch.steps)
    looks = f"{n} of them looked at" if n > 1 else "one of them looked at"
    return f"{watch.count} steps, {looks}; norms at step {watch.steps[-1].number}"


def text(watch: Watch) -> str:
    """For a terminal."""
    parts = [_heading(watch)]
    for rows in _tables(watch):
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        parts.append(
            "\n".join(
                "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
                for row in rows
            )
        )
    found = watch.findings
    parts.append("\n".join(str(f) for f in found) if found else "nothing that looks like a fault")
    return "\n\n".join(parts)


def html(watch: Watch) -> str:
    """For a notebook."""
    parts = [f"<p>{escape(_heading(watch))}</p>"]
    for rows in _tables(watch):
        head = "".join(f"<th>{escape(c)}</th>" for c in rows[0])
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows[1:]
        )
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    items = "".join(f"<li>{escape(str(f))}</li>" for f in watch.findings)
    parts.append(f"<ul>{items}</ul>" if items else "<p>nothing that looks like a fault</p>")
    return "".join(parts)


def log(writer: SummaryWriter, step: Step) -> None:
    """One look, for TensorBoard."""
    for name, w in step.weights.items():
        for kind, x in (("weight", w.weight), ("gradient", w.grad), ("update", w.update)):
            if x is None:
                continue
            writer.add_scalar(f"{kind} norm/{name}", x.norm, step.number)
            if x.counts:
                _histogram(writer, f"{kind}/{name}", x, step.number)
        if w.ratio is not None:
            writer.add_scalar(f"update over weight/{name}", w.ratio, step.number)
    for name, a in step.activations.items():
        for kind, share in (("dead units", a.dead), ("saturated", a.saturated)):
            if share is not None:
                writer.add_scalar(f"{kind}/{name}", share, step.number)
    writer.flush()


def _histogram(writer: SummaryWriter, tag: str, x: Numbers, step: int) -> None:
    bins = len(x.counts)
    width = (x.most - x.least) / bins
    limits = [x.least + width * (k + 1) for k in range(bins)]
    count = sum(x.counts)
    total = sum(c * (limit - width / 2) for c, limit in zip(x.counts, limits, strict=True))
    writer.add_histogram_raw(
        tag, x.least, x.most, count, total, x.norm * x.norm, limits, x.counts, step
    )


def plot(watch: Watch, path: str | os.PathLike[str] | None) -> object:
    """A figure of three rows."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Watch.plot needs matplotlib: pip install 'wengert[demo]'") from error

    class Plot(Figure):
        """A figure that a notebook shows, whether pyplot is imported there or not."""

        def _repr_png_(self) -> bytes:
            picture = io.BytesIO()
            self.savefig(picture, format="png")
            return picture.getvalue()

    figure = Plot(figsize=(9, 9), layout="constrained")
    axes = figure.subplots(3, 1, sharex=True)
    at = [s.number for s in watch.steps]
    names = list(watch.parameters)
    for name in names:
        seen = [s.weights.get(name) for s in watch.steps]
        grads = [w.grad.norm if w and w.grad else float("nan") for w in seen]
        ratios = [w.ratio if w and w.ratio is not None else float("nan") for w in seen]
        axes[0].plot(at, grads, marker=".", label=name)
        axes[1].plot(at, ratios, marker=".")
    axes[1].axhline(1e-3, color="0.6", linestyle=":", linewidth=1)
    shown = False
    for name in dict.fromkeys(n for s in watch.steps for n in s.activations):
        acts = [s.activations.get(name) for s in watch.steps]
        for kind in ("dead", "saturated"):
            shares = [getattr(a, kind) if a else None for a in acts]
            if any(x is not None for x in shares):
                values = [float("nan") if x is None else x for x in shares]
                axes[2].plot(at, values, marker=".", label=f"{name}: {kind}")
                shown = True
    titles = ("norm of the gradient", "update / weight", "share of dead or saturated units")
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, loc="left", fontsize=10)
        axis.grid(alpha=0.25)
    for axis in axes[:2]:
        axis.set_yscale("log")
    axes[2].set_ylim(-0.03, 1.03)
    axes[2].set_xlabel("step")
    if len(names) <= 12:
        axes[0].legend(fontsize=8, ncols=2)
    if shown:
        axes[2].legend(fontsize=8, ncols=2)
    if path is not None:
        figure.savefig(os.fspath(path), dpi=120)
    return figure
