"""What in a training looks like a fault, by rules of thumb that are said with their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from .numbers import number
from .observing import Line

if TYPE_CHECKING:
    from .training import Step, Watch

#: An update is usually about 1e-3 of the weight; from here on a rate is far too large.
LARGE_RATIO = 0.1
#: Share of units that are dead, of values that are saturated, from which on it is said.
MANY_DEAD, MANY_SATURATED = 0.5, 0.5
#: A recurrent weight that stretches more, with gradients above this norm.
STRETCH, LARGE_GRADIENT = 1.5, 10.0
#: Largest over least gradient norm of weights from which on the least counts as vanishing.
VANISHING = 1e5


@dataclass
class Finding:
    """A fault: its kind, the layer, parameter or module where it is, the line, and in words."""

    kind: str
    place: str
    text: str
    line: Line | None = None

    def __str__(self) -> str:
        at = f" ({self.line[0]}:{self.line[1]}: {self.line[2]})" if self.line else ""
        return f"{self.kind}: {self.place}: {self.text}{at}"


def findings(watch: Watch) -> list[Finding]:
    """The worst first."""
    found: list[Finding] = []
    bad = watch.non_finite
    if bad is not None:
        text = f"at step {bad.step} {bad.text}"
        found.append(Finding("not finite", bad.module or bad.op, text, bad.line))
    if not watch.steps:
        return found
    last = watch.steps[-1]
    found += _rate(watch.steps)
    found += _recurrent(watch.steps)
    found += _units(last)
    found += _frozen(watch.steps)
    found += _vanishing(last)
    return found


def _matrices(step: Step) -> list[str]:
    """The names of weights whose norm means something: not those of biases, which begin at 0."""
    return [n for n, w in step.weights.items() if not n.endswith("bias") and w.weight.norm]


def _rate(steps: list[Step]) -> list[Finding]:
    ratios = [
        (r, name)
        for step in steps
        for name in _matrices(step)
        if (r := step.weights[name].ratio) is not None and r > 0
    ]
    if not ratios or median(r for r, _ in ratios) < LARGE_RATIO:
        return []
    middle = median(r for r, _ in ratios)
    return [
        Finding(
            "learning rate", max(ratios)[1],
            f"an update is {number(middle)} of the weight (median of all layers; about 0.001 is "
            f"usual): the rate is some {number(float(f'{middle / 1e-3:.1g}'))} times too large",
        )
    ]  # fmt: skip


def _recurrent(steps: list[Step]) -> list[Finding]:
    found = []
    for name, weight in steps[-1].weights.items():
        seen = [s.weights[name] for s in steps if name in s.weights]
        norm = max((w.grad.norm for w in seen if w.grad is not None), default=0.0)
        stretch = max((w.stretch or 0.0) for w in seen)
        if weight.stretch is None or stretch < STRETCH or norm < LARGE_GRADIENT:
            continue
        found.append(
            Finding(
                "exploding", name,
                f"the recurrent weight stretches by up to {number(stretch)} at every time step and "
                f"its gradient has a norm of {number(norm)}: scale it down, or clip the gradient",
            )
        )  # fmt: skip
    return found


def _units(step: Step) -> list[Finding]:
    found = []
    for name, a in step.activations.items():
        if a.dead is not None and a.dead >= MANY_DEAD:
            text = f"{a.dead:.0%} of the units give 0 for the whole batch"
            found.append(Finding("dead units", name, text, a.line))
        if a.saturated is not None and a.saturated >= MANY_SATURATED:
            text = f"{a.saturated:.0%} of the values are within 0.01 of a bound, where slopes are 0"
            found.append(Finding("saturated", name, text, a.line))
    return found


def _frozen(steps: list[Step]) -> list[Finding]:
    found = []
    for name in steps[-1].weights:
        seen = [s.weights[name] for s in steps if name in s.weights]
        if any(w.update is not None and w.update.norm != 0 for w in seen):
            continue
        if all(w.grad is None for w in seen):
            why = "it has no gradient: it asks for none, or the loss does not depend on it"
        elif all(w.grad is None or w.grad.norm == 0 for w in seen):
            why = "its gradient is 0"
        else:
            why = "it has a gradient: it is not among the optimizer's parameters, or its rate is 0"
        found.append(Finding("frozen", name, f"does not change; {why}"))
    return found


def _vanishing(step: Step) -> list[Finding]:
    norms = {
        n: w.grad.rms
        for n in _matrices(step)
        if (w := step.weights[n]).grad is not None and w.grad.norm
    }
    if len(norms) < 2:
        return []
    least = min(norms, key=lambda n: norms[n])
    most = max(norms.values())
    if most / norms[least] < VANISHING:
        return []
    text = f"its gradient is {number(most / norms[least])} times smaller than the largest"
    return [Finding("vanishing", least, text)]
