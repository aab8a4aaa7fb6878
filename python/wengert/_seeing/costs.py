"""`count`: what a function costs forward and backward, counted run by run, and measured."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from statistics import median
from typing import NamedTuple

from .. import _native
from .._native import Tensor
from .._typing import Args, Kwargs, UserFunction
from .numbers import count as count_text
from .numbers import count_of_bytes, number, seconds
from .observing import Modules, following

Shapes = Sequence[tuple[int, ...]]


def _first(i: Shapes, o: Shapes) -> int:
    return math.prod(o[0]) * i[0][-1]


def _attention(i: Shapes, o: Shapes) -> int:
    q, k, v = i[0], i[1], i[2]
    return math.prod(q[:-1]) * k[-2] * (q[-1] + v[-1])


def _attention_backward(i: Shapes, o: Shapes) -> int:  # scores again, dV, dP, dQ, dK
    q, k, v = i[1], i[2], i[3]
    return math.prod(q[:-1]) * k[-2] * (3 * q[-1] + 2 * v[-1])


def _recurrent(i: Shapes, o: Shapes) -> int:
    weights = [s for s in i[1:] if len(s) == 2]
    return math.prod(i[0][:-1]) * sum(math.prod(w) for w in weights[:2])


class Product(NamedTuple):
    said: str  # for readers
    of: Callable[[Shapes, Shapes], int]


#: Multiply-adds of a run, by the shapes of its tensors; the rest only moves or maps elements.
PRODUCTS = {
    "mm": Product("m n k of (m, k) @ (k, n)", _first),
    "bmm": Product("b m n k of (b, m, k) @ (b, k, n)", _first),
    "linear": Product("rows of input x elements of weight", _first),
    "linear_backward": Product(
        "twice those of linear", lambda i, o: 2 * math.prod(i[0]) * i[1][-1]
    ),
    "conv_output": Product(
        "elements of the output x elements of weight[0]",
        lambda i, o: math.prod(o[0]) * math.prod(i[1][1:]),
    ),
    "conv_input": Product(
        "elements of the first input x elements of weight[0]",
        lambda i, o: math.prod(i[0]) * math.prod(i[1][1:]),
    ),
    "conv_weight": Product(
        "elements of the second input x elements of the output's [0]",
        lambda i, o: math.prod(i[1]) * math.prod(o[0][1:]),
    ),
    "attention_forward": Product("heads x L S (E + V)", _attention),
    "attention_backward": Product("heads x L S (3 E + 2 V)", _attention_backward),
    "rnn_layer": Product("steps x batch x elements of both weights", _recurrent),
    "rnn_layer_backward": Product("twice those of rnn_layer", lambda i, o: 2 * _recurrent(i, o)),
    "linear_cross_entropy_indices": Product(
        "elements of input x classes", lambda i, o: math.prod(i[0]) * i[1][0]
    ),
    "linear_cross_entropy_backward": Product(
        "3 x elements of input x classes", lambda i, o: 3 * math.prod(i[0]) * i[1][0]
    ),
}


def multiply_adds(op: str, inputs: Shapes, outputs: Shapes) -> int:
    """Of one run."""
    rule = PRODUCTS.get(op)
    return rule.of(inputs, outputs) if rule and outputs else 0


@dataclass
class Cost:
    """Sums over some runs."""

    runs: int = 0
    multiply_adds: int = 0
    read: int = 0
    written: int = 0

    def add(self, op: str, inputs: list[object], outputs: list[Tensor]) -> None:
        given = [x for x in inputs if isinstance(x, Tensor)]
        shapes = [tuple(t.shape) for t in given]
        self.runs += 1
        self.multiply_adds += multiply_adds(op, shapes, [tuple(t.shape) for t in outputs])
        self.read += sum(t.numel() * t.element_size() for t in given)
        self.written += sum(t.numel() * t.element_size() for t in outputs)


@dataclass
class Times:
    """Seconds, medians of some calls."""

    forward: float = 0.0
    backward: float = 0.0
    #: A forward that records nothing, as finite differences need one for every weight.
    plain: float = 0.0

    @property
    def step(self) -> float:
        return self.forward + self.backward


@dataclass
class Costs:
    """What `count` returns; `print` shows it.

    `forward` and `backward` are sums, `ops` and `modules` the same by name: name to (forward,
    backward). `saved` are the bytes that the tape keeps between the two, `weights` the numbers that
    ask for a gradient, `times` what was measured.
    """

    forward: Cost = field(default_factory=Cost)
    backward: Cost = field(default_factory=Cost)
    ops: dict[str, tuple[Cost, Cost]] = field(default_factory=dict)
    modules: dict[str, tuple[Cost, Cost]] = field(default_factory=dict)
    saved: int = 0
    weights: int = 0
    times: Times = field(default_factory=Times)

    @property
    def ratio(self) -> float:
        """Multiply-adds of the backward over those of the forward."""
        ahead = self.forward.multiply_adds
        return self.backward.multiply_adds / ahead if ahead else math.nan

    @property
    def one_by_one(self) -> int:
        """Multiply-adds of one forward for every weight, and one more: finite differences."""
        return self.forward.multiply_adds * (self.weights + 1)

    def _tables(self) -> list[list[tuple[str, ...]]]:
        head = ("", "runs", "multiply-adds", "read", "written")
        tables: list[list[tuple[str, ...]]] = []
        for title, groups in (("module", self.modules), ("op", self.ops)):
            if title == "module" and len(groups) < 2:
                continue
            rows: list[tuple[str, ...]] = [(title, "forward", "backward", "read", "written")]
            for name, (ahead, back) in sorted(
                groups.items(), key=lambda x: -x[1][0].multiply_adds - x[1][1].multiply_adds
            ):
                rows.append(
                    (
                        name or "(outside)",
                        count_text(ahead.multiply_adds), count_text(back.multiply_adds),
                        count_of_bytes(ahead.read + back.read),
                        count_of_bytes(ahead.written + back.written),
                    )
                )  # fmt: skip
            tables.append(rows)
        total: list[tuple[str, ...]] = [head]
        for name, cost in (("forward", self.forward), ("backward", self.backward)):
            total.append(
                (
                    name, str(cost.runs), count_text(cost.multiply_adds),
                    count_of_bytes(cost.read), count_of_bytes(cost.written),
                )
            )  # fmt: skip
        return [*tables, total]

    def _lines(self) -> list[str]:
        t = self.times
        lines = [
            f"saved for the backward: {count_of_bytes(self.saved)}",
            f"backward / forward: {number(self.ratio)} in multiply-adds"
            + (f", {number(t.backward / t.forward)} in time" if t.forward else ""),
        ]
        if t.forward:
            lines.append(
                f"measured: forward {seconds(t.forward)}, backward {seconds(t.backward)}, both "
                f"{seconds(t.step)} = {number(t.step / t.plain)} forwards that record nothing"
            )
        lines.append(
            f"one forward per weight instead, {self.weights} of them: "
            f"{count_text(self.one_by_one)} multiply-adds"
            + (f", {seconds(t.plain * (self.weights + 1))}" if t.plain else "")
            + self._times_as_much()
        )
        return lines

    def _times_as_much(self) -> str:
        t = self.times
        if t.plain:
            return f": {number(round(t.plain * (self.weights + 1) / t.step))} times as long"
        both = self.forward.multiply_adds + self.backward.multiply_adds
        return f": {number(round(self.one_by_one / both))} times as many" if both else ""

    def __str__(self) -> str:
        parts = []
        for rows in self._tables():
            widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
            parts.append("\n".join("  ".join(_cells(row, widths)).rstrip() for row in rows))
        return "\n\n".join([*parts, "\n".join(self._lines())])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = []
        for rows in self._tables():
            cells = ["".join(f"<td>{escape(c)}</td>" for c in row) for row in rows[1:]]
            head = "".join(f"<th>{escape(c)}</th>" for c in rows[0])
            body = "".join(f"<tr>{row}</tr>" for row in cells)
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        return "".join(parts) + "".join(f"<p>{escape(line)}</p>" for line in self._lines())


def _cells(row: tuple[str, ...], widths: list[int]) -> list[str]:
    return [
        c.ljust(w) if k == 0 else c.rjust(w)
        for k, (c, w) in enumerate(zip(row, widths, strict=True))
    ]


def count(fn: UserFunction, *args: object, repeat: int = 5, **kwargs: object) -> Costs:
    """Counts what `fn(*args)` and the backward from its result cost, and measures both.

        print(wengert.count(lambda: criterion(model(x), y)))

    Counted are the runs of operations as they happen, those of derivative rules included: the
    multiply-adds of products, convolutions, attention and recurrent layers (a causal mask is not
    taken off), and the bytes of what every run reads and writes, whether from memory or from a
    cache. `fn` is called once to count and a few times to measure, and changes at each what it
    changes; no `.grad` does. The backward starts with ones.

    Args:
      fn: a function or module that returns a tensor with a history, or several.
      repeat: how often to measure; 0 for counts only.

    Returns `Costs`. Raises RuntimeError if nothing in the result has a history: `fn` must not call
    `backward()` itself.
    """
    counter = _Counter()
    roots = counter.run(fn, args, kwargs)
    leaves, saved = behind(roots)
    costs = counter.costs
    costs.saved = saved
    costs.weights = sum(t.numel() for t in leaves)
    _backward(roots, leaves, counter)
    if repeat > 0:
        costs.times = measured(fn, args, kwargs, leaves, repeat)
    return costs


class _Counter:
    """Adds up runs while a function and its backward run."""

    def __init__(self) -> None:
        self.costs = Costs()
        self.modules = Modules()
        self.homes: dict[int, str] = {}
        self.back = False

    def run(
        self, fn: UserFunction, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> list[Tensor]:
        key = _native._observe(self._ran, self._entry, False)
        try:
            with following(self.modules):
                result = fn(*args, **kwargs)
        finally:
            _native._stop_observing(key)
        roots = [t for t in _tensors(result) if t.grad_fn is not None]
        if not roots:
            raise RuntimeError(
                "count: the function returned no tensor with a history; it must return its loss, "
                "and not call backward() itself"
            )
        return roots

    def _entry(self, name: str, entry: int, outputs: list[Tensor], rule: int) -> None:
        self.homes[entry] = self._home()

    def _home(self) -> str:
        stack = self.modules.stack
        return stack[-1][1].partition(" (call")[0] if stack else ""

    def _ran(self, op: str, inputs: list[object], outputs: list[Tensor], rule: int) -> None:
        costs, back = self.costs, int(self.back)
        home = self.homes.get(rule, "") if self.back else self._home()
        for groups, name in ((costs.ops, op), (costs.modules, home)):
            pair = groups.setdefault(name, (Cost(), Cost()))
            pair[back].add(op, inputs, outputs)
        (costs.forward, costs.backward)[back].add(op, inputs, outputs)


def _tensors(x: object) -> list[Tensor]:
    if isinstance(x, Tensor):
        return [x]
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ()
    return [t for part in parts for t in _tensors(part)]


def behind(roots: list[Tensor]) -> tuple[list[Tensor], int]:
    """The leaves that ask for a gradient, and the bytes that the tape keeps, each once."""
    leaves: dict[int, Tensor] = {}
    saved: dict[int, int] = {}
    seen, todo = set(), [t.grad_fn for t in roots if t.grad_fn is not None]
    while todo:
        node = todo.pop()
        if node._sequence_nr() in seen:
            continue
        seen.add(node._sequence_nr())
        about = _native._entry(node)
        for _, _, kept, _ in (*about["inputs"], *about["outputs"]):
            if isinstance(kept, Tensor):
                saved[kept.data_ptr()] = kept.numel() * kept.element_size()
        for source, _ in node.next_functions:
            if source is not None and hasattr(source, "variable"):
                leaves[id(source.variable)] = source.variable
            elif source is not None:
                todo.append(source)
    return list(leaves.values()), sum(saved.values())


def _gradients(roots: list[Tensor], leaves: list[Tensor]) -> None:
    seeds = tuple(_native.ones_like(t.detach()) for t in roots)
    _native.run_backward(tuple(roots), seeds, False, False, tuple(leaves), True, False)


def _backward(roots: list[Tensor], leaves: list[Tensor], counter: _Counter) -> None:
    counter.back = True
    key = _native._observe(counter._ran, None, False)
    try:
        _gradients(roots, leaves)
    finally:
        _native._stop_observing(key)


def measured(
    fn: UserFunction, args: Args, kwargs: Kwargs, leaves: list[Tensor], repeat: int
) -> Times:
    """Medians, after a call to warm up."""
    ahead, back, plain = [], [], []
    for k in range(repeat + 1):
        begin = time.perf_counter()
        roots = [t for t in _tensors(fn(*args, **kwargs)) if t.grad_fn is not None]
        middle = time.perf_counter()
        _gradients(roots, leaves)
        end = time.perf_counter()
        before = _native.set_grad_enabled_(False)
        try:
            fn(*args, **kwargs)
        finally:
            _native.set_grad_enabled_(before)
        if k:
            ahead.append(middle - begin)
            back.append(end - middle)
            plain.append(time.perf_counter() - end)
    return Times(median(ahead), median(back), median(plain))
