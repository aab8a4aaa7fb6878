"""`watch`: what happens to the layers of a model while it is trained."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from .. import _native
from .._native import Tensor
from ..nn.modules.module import Module
from ..optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from .numerics import Site, is_bad, where
from .observing import Line, Modules, callers_frame, following, line_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from .findings import Finding

#: Of the time of a training, what looking may take where `every` is not said.
SHARE = 0.03

#: Steps that are looked at whatever it takes, so that a short training shows a course too.
EARLY = (0, 8, 64, 512)

#: Steps in a row, at most, at whose ends the clock is not read.
STRETCH = 1000

#: Activations whose units can die, and those that saturate, with where.
RECTIFIERS = frozenset(("relu", "relu6", "leaky_relu", "threshold", "hardtanh"))
BOUNDED = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}


@dataclass
class Numbers:
    """Of one tensor at one step: norm, root mean square, extremes and counts between them."""

    norm: float
    rms: float
    least: float
    most: float
    counts: list[float]

    @staticmethod
    def of(t: Tensor, bins: int) -> Numbers:
        t = t.detach()
        if not t.numel():
            return Numbers(0.0, 0.0, 0.0, 0.0, [])
        norm = float(t.norm())
        low, high = float(t.min()), float(t.max())
        finite = low - low == 0 and high - high == 0  # not of NaN or infinity
        counts = t.histc(bins, low, high).tolist() if finite and high > low and bins else []
        return Numbers(norm, norm / t.numel() ** 0.5, low, high, counts)


@dataclass
class Weight:
    """A parameter at one step."""

    weight: Numbers
    grad: Numbers | None = None
    update: Numbers | None = None
    #: Of the square blocks of a recurrent weight: the largest singular value.
    stretch: float | None = None

    @property
    def ratio(self) -> float | None:
        """How much of the weight one update is."""
        if self.update is None or not self.weight.norm:
            return None
        return self.update.norm / self.weight.norm


@dataclass
class Activation:
    """Results of an activation at one step."""

    rms: float
    dead: float | None  # share of units that give 0 for the whole batch
    saturated: float | None  # share of values within 0.01 of a bound
    line: Line | None


@dataclass
class Step:
    """What was seen at one step."""

    number: int
    weights: dict[str, Weight] = field(default_factory=dict)
    activations: dict[str, Activation] = field(default_factory=dict)


@dataclass
class NonFinite:
    """The first value that was not finite."""

    step: int
    text: str
    op: str
    module: str
    line: Line | None
    backward: bool


class Watch:
    """A model under watch; what `watch` returns. `print` shows a table and what was found."""

    def __init__(self, model: Module, every: int | None, bins: int, log_dir: str | None) -> None:
        self.model, self.every, self.bins = model, every, bins
        self.parameters = dict(model.named_parameters())
        self.steps: list[Step] = []
        self.non_finite: NonFinite | None = None
        self._ids = {id(p) for p in self.parameters.values()}
        self._optimizers: WeakKeyDictionary[Optimizer, bool] = WeakKeyDictionary()
        self._optimizer: Callable[[], Optimizer | None] = _none  # the last one that was ours
        self._by_hand = False
        self._due = False
        self._began = self._stretch_began = time.perf_counter()
        self._stretch = 1  # steps between two looks at the clock
        self._left = 0  # of them, after this one
        self._until = 0  # steps that will have ended then
        self._spent = 0.0  # by looking
        self._plain = 0.0  # the shortest of the other steps
        self._last = 0.0  # what the last look took
        self._now: Step | None = None
        self._before: dict[str, Tensor] = {}
        self._modules = Modules()
        self._base = 0  # the entry before the step's first
        self._sites: dict[int, Site] = {}  # by the place in a step
        self._open, self._look = ExitStack(), ExitStack()
        self._writer = _writer(log_dir) if log_dir else None
        self._open.callback(register_optimizer_step_post_hook(self._ends).remove)
        self._scan: int | None = _native._observe(self._not_finite, None, True)
        self._next()

    @property
    def count(self) -> int:
        """Steps that have ended."""
        return self._until - self._left - 1

    # ---- the course of a training -------------------------------------------------------------

    def step(self) -> None:
        """Says that a step has ended, for one that is captured: replays call no hooks.

        The step that is looked at then runs as plain calls.
        """
        by_itself = not self._by_hand and self.count > 0  # the first one, which was plain
        self._by_hand = True
        if not by_itself:
            self._ended()

    def close(self) -> None:
        """Watches no more; what was seen stays."""
        self._look.close()
        self._open.close()
        self._stop_scan()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _stop_scan(self) -> None:
        if self._scan is not None:
            _native._stop_observing(self._scan)
            self._scan = None

    def _next(self) -> None:
        """Makes ready for a stretch of steps, one if it is looked at."""
        self._base = _native._newest_entry()
        wait = self._steps_to_wait()
        self._due = not wait
        self._stretch = max(wait, 1)
        self._left = self._stretch - 1
        self._until += self._stretch
        self._stretch_began = time.perf_counter()
        if not self._due:
            return
        self._now = Step(self._until - 1)
        self._modules = Modules()
        self._sites = {}
        # A hook before each step would cost small ones more than all else here but the search.
        self._look.callback(register_optimizer_step_pre_hook(self._begins).remove)
        key = _native._observe(self._ran, self._entry, False)
        self._look.callback(_native._stop_observing, key)
        self._look.enter_context(following(self._modules))

    def _steps_to_wait(self) -> int:
        """Until one is looked at; less where the clock will tell, which costs what it measures."""
        if self.every is not None:
            return -self._until % self.every
        if self._until in EARLY:
            return 0
        early = min((n - self._until for n in EARLY if n > self._until), default=STRETCH)
        if not self._plain:
            return 1
        due = self._began + (self._spent + self._last) / SHARE
        left = (due - time.perf_counter()) / self._plain
        if left <= 0:
            return 0
        return max(1, min(int(left / 2), 2 * self._stretch, early))

    def _timed(self) -> None:
        taken = (time.perf_counter() - self._stretch_began) / self._stretch
        if self._due:
            if self._until > 1:  # the very first step does what is done once
                self._last = max(0.0, taken - self._plain)
                self._spent += self._last
        elif not self._plain or taken < self._plain:
            self._plain = taken

    def _ours(self, optimizer: Optimizer) -> bool:
        if self._optimizer() is optimizer:
            return True
        known = self._optimizers.get(optimizer)
        if known is None:
            known = any(id(p) in self._ids for g in optimizer.param_groups for p in g["params"])
            self._optimizers[optimizer] = known
        if known:
            self._optimizer = ref(optimizer)
        return known

    def _begins(self, optimizer: Optimizer, args: object, kwargs: object) -> None:
        if self._now is None or _native._is_capturing() or not self._ours(optimizer):
            return
        self._look.close()
        self._before = {n: p.detach().clone() for n, p in self.parameters.items()}
        for name, p in self.parameters.items():
            seen = Weight(Numbers.of(p, self.bins))
            if p.grad is not None:
                seen.grad = Numbers.of(p.grad, self.bins)
            if "weight_hh" in name and p.dim() == 2:
                seen.stretch = stretch(p.detach())
            self._now.weights[name] = seen

    def _ends(self, optimizer: Optimizer, args: object, kwargs: object) -> None:
        if _native._is_capturing() or not self._ours(optimizer):
            return
        if self._now is not None:
            for name, before in self._before.items():
                change = self.parameters[name].detach() - before
                self._now.weights[name].update = Numbers.of(change, self.bins)
            self._before = {}
            self.steps.append(self._now)
            self._write(self._now)
            self._now = None
        if not self._by_hand:
            self._ended()

    def _ended(self) -> None:
        if self._left:
            self._left -= 1
            self._base = _native._newest_entry()
            return
        self._timed()
        self._look.close()
        self._next()

    # ---- what the observer tells ----------------------------------------------------------------

    def _entry(self, name: str, number: int, outputs: list[Tensor], rule: int) -> None:
        line = line_of(callers_frame())
        self._sites[number - self._base] = Site(name, self._modules.name, line)

    def _ran(self, op: str, inputs: list[object], outputs: list[Tensor], rule: int) -> None:
        if rule or self._now is None or not outputs:
            return
        if op not in RECTIFIERS and op not in BOUNDED:
            return
        out = outputs[0].detach()
        line = line_of(callers_frame())
        name = self._modules.name or "(outside)"
        name = name if op in name.lower() else f"{name}.{op}" if self._modules.name else op
        if name in self._now.activations:
            name += f" ({line[1]})" if line else ""
        dead = saturated = None
        if op in RECTIFIERS and out.dim() > 1:
            dims = [0, *range(2, out.dim())] if out.dim() != 3 else [0, 1]
            dead = float((out <= 0).all(0).double().mean()) if out.dim() == 2 else float(
                (out <= 0).movedim(dims, list(range(len(dims)))).flatten(0, len(dims) - 1)
                .all(0).double().mean()
            )  # fmt: skip
        if op in BOUNDED:
            low, high = BOUNDED[op]
            saturated = float(((out < low + 0.01) | (out > high - 0.01)).double().mean())
        rms = float(out.norm()) / max(out.numel(), 1) ** 0.5
        self._now.activations[name] = Activation(rms, dead, saturated, line)

    def _not_finite(self, op: str, inputs: list[object], outputs: list[Tensor], rule: int) -> None:
        given = [x for x in inputs if isinstance(x, Tensor)]
        bad = next((t for t in outputs if is_bad(t, given, False, rule > 0)), None)
        if bad is None or self.non_finite is not None:
            return
        at = (rule or _native._newest_entry() + 1) - self._base
        site = self._sites.get(at, Site("", "", None))
        live = None if rule else line_of(callers_frame())
        if live is not None and site.line is not None and live[:2] != site.line[:2]:
            site = Site(op, "", live)
        line = live or site.line
        module = self._modules.name if self._due and not rule else site.module
        head = f"the gradient of {site.op or 'an entry'}: {op}" if rule else op
        text = f"{head} gives {where(bad)}"
        self.non_finite = NonFinite(self.count, text, op, module, line, rule > 0)

    # ---- what was seen ------------------------------------------------------------------------

    @property
    def findings(self) -> list[Finding]:
        """What looks like a fault, the worst first; see `Finding`."""
        from .findings import findings

        return findings(self)

    def __str__(self) -> str:
        from .report import text

        return text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .report import html

        return html(self)

    def plot(self, path: str | os.PathLike[str] | None = None) -> object:
        """A matplotlib figure of gradients, updates and activations over the steps.

        Written to `path` if given. ImportError without matplotlib.
        """
        from .report import plot

        return plot(self, path)

    def _write(self, step: Step) -> None:
        if self._writer is not None:
            from .report import log

            log(self._writer, step)


def _none() -> None:
    """A reference to nothing."""


def _writer(log_dir: str):
    from ..utils.tensorboard import SummaryWriter

    return SummaryWriter(log_dir)


def stretch(weight: Tensor) -> float:
    """The largest singular value of the square blocks, by ten steps of the power method."""
    most, size = 0.0, weight.shape[1]
    for block in weight.split(size):
        if block.shape[0] != size:
            continue
        x = _native.ones(size, dtype=weight.dtype)
        length = 0.0
        for _ in range(10):
            x = block.T.mv(block.mv(x))
            length = float(x.norm())
            if not length or length - length != 0:
                break
            x = x / length
        most = max(most, length**0.5)
    return most


def watch(
    model: Module,
    *,
    every: int | None = None,
    bins: int = 30,
    log_dir: str | os.PathLike[str] | None = None,
) -> Watch:
    """Watches the training of a model: norms, histograms, dead units, updates, the first NaN.

        w = wengert.watch(model)
        ...                          # the training loop, as it is
        print(w)                     # a table, and what looks like a fault
        w.findings                   # the faults, with layer and line
        w.plot("training.png")

    A step ends with the `step()` of an optimizer that has parameters of the model. At a few of
    the first, then as often as a thirtieth of the time allows, or at every `every`-th, norm,
    extremes and `bins` counts of each weight, its gradient and its update are kept, and of
    activations the share of units that are dead or saturated. At all steps of this thread each
    result is looked at until the first NaN or infinity, which is kept with its operation, module
    and line; `check_numerics` raises there. With captured steps call `w.step()` after each: those
    that are looked at run as plain calls, and only they are.

    Args:
      model: its parameters are watched.
      every: steps from one look to the next. A look takes several times as long as a small step, so
        a small number slows a training down; by default looks take about 3 % of its time.
      bins: counts of histograms; 0 for none.
      log_dir: where to write files for TensorBoard as well.

    Returns a `Watch`; `close()` ends it. ValueError for a model without parameters or `every`
    below 1, TypeError for what is no module.
    """
    if not isinstance(model, Module):
        raise TypeError(f"watch: a module is expected, got {type(model).__name__}")
    if every is not None and every < 1:
        raise ValueError(f"watch: every must be at least 1, got {every}")
    if not any(True for _ in model.parameters()):
        raise ValueError("watch: the module has no parameters")
    return Watch(model, every, bins, os.fspath(log_dir) if log_dir is not None else None)
