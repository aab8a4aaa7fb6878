"""The tape as data: what its entries hold, and what flows through them in a real backward.

Structure, shapes, attributes and saved tensors are read from the entries behind `grad_fn`.
Gradients are those of one real run of backward over them (`.grad` of no leaf changes), which a hook
at every entry watches: so their order is the order in which the tape is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .. import _native
from .._native import Tensor
from .._typing import Args
from .nodes import Graph, Node, Saved, Seen
from .table import html, text


class Tape(Graph):
    """A graph that prints as a table."""

    def __str__(self) -> str:
        return text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html(self)


@dataclass
class Recorded:
    """What was seen while a function ran, by the number of the entry."""

    values: dict[int, list[Tensor]] = field(default_factory=dict)
    inputs: dict[int, list[object]] = field(default_factory=dict)
    lines: dict[int, tuple[str, int, str]] = field(default_factory=dict)
    modules: dict[int, tuple[str, ...]] = field(default_factory=dict)


class Names:
    """What the caller calls tensors and parameters."""

    def __init__(self) -> None:
        self.by_id: dict[int, str] = {}
        self.parameters: dict[int, str] = {}
        self.outputs: dict[tuple[int, int], tuple[str, Tensor]] = {}  # by entry and output

    def tensor(self, name: str, t: Tensor) -> None:
        self.by_id.setdefault(id(t), name)
        if t.grad_fn is not None:
            self.outputs.setdefault((t.grad_fn._sequence_nr(), output_of(t)), (name, t))

    def module(self, module: object, prefix: str = "") -> None:
        """Names of its parameters and buffers."""
        for named in ("named_parameters", "named_buffers"):
            for name, p in getattr(module, named)():
                self.parameters.setdefault(id(p), f"{prefix}{name}")


class Reader:
    """Reads what is behind some tensors into a `Tape`."""

    def __init__(
        self,
        roots: Sequence[Tensor],
        names: Names,
        recorded: Recorded | None = None,
        given: Sequence[tuple[str, Tensor]] = (),
    ) -> None:
        self.roots = roots
        self.places = {(t.data_ptr(), tuple(t.shape)): name for name, t in reversed(given)}
        self.names = names
        self.recorded = recorded or Recorded()
        self.tape = Tape()
        self.handles: dict[int, _native.Node] = {}  # by entry number
        self.described: dict[int, dict] = {}
        self.made: dict[int, Node] = {}  # entries by number
        self.leaves: dict[int, tuple[Node, Tensor]] = {}
        self.given: dict[object, Node] = {}
        self.kept: list[tuple[Tensor, Tensor | None]] = []

    def read(self) -> Tape:
        """The tape, without gradients."""
        todo = [t.grad_fn for t in self.roots if t.grad_fn is not None]
        while todo:
            handle = todo.pop()
            number = handle._sequence_nr()
            if number in self.handles:
                continue
            self.handles[number] = handle
            self.described[number] = _native._entry(handle)
            todo += [
                node for node, _ in handle.next_functions
                if node is not None and not hasattr(node, "variable")
            ]  # fmt: skip
        for number in sorted(self.handles):
            self._entry(number)
        for root in self.roots:
            if root.grad_fn is None:
                self._leaf(root).root = True
            else:
                node = self.made[root.grad_fn._sequence_nr()]
                node.root = True
                node.values.setdefault(output_of(root), _seen(root))
        self._find_values()
        return self.tape

    def _entry(self, number: int) -> None:
        about, handle = self.described[number], self.handles[number]
        node = self.tape.add(Node(0, "entry", about["op"], number))
        self.made[number] = node
        self.tape.forward.append(node.id)
        node.attributes = about["attributes"]
        node.shapes = [tuple(out[0]) for out in about["outputs"]]
        node.dtype = str(about["outputs"][0][1]).removeprefix("wengert.") if node.shapes else ""
        node.module = self.recorded.modules.get(number, ())
        node.line = self.recorded.lines.get(number)
        given = self.recorded.inputs.get(number, [])
        for i, (source, output) in enumerate(handle.next_functions):
            shape, _, saved, changed = about["inputs"][i]
            if source is None:
                value = given[i] if i < len(given) else saved
                self._give(node, i, tuple(shape), value)
            elif hasattr(source, "variable"):
                self.tape.connect(self._leaf(source.variable), 0, node, i)
            else:
                maker = self.made[source._sequence_nr()]
                self.tape.connect(maker, output, node, i)
                if saved is not None and not changed:
                    maker.values.setdefault(output, _seen(saved))
            if isinstance(saved, Tensor):
                node.saved.append(_saved(f"input {i}", saved))
        for i, (_, _, saved, kept) in enumerate(about["outputs"]):
            if saved is not None:
                node.saved.append(_saved("output" if not i else f"output {i}", saved))
                node.values.setdefault(i, _seen(saved))
            if kept is not None:
                node.values[i] = _seen(kept)
                self.kept.append((kept, kept.grad))
        if about["custom"] and not about["freed"]:
            for i, t in enumerate(_saved_by_function(handle)):
                node.saved.append(_saved(f"saved {i}", t))
        for i, t in enumerate(self.recorded.values.get(number, ())):
            node.values[i] = _seen(t)
        for i in range(len(node.shapes)):
            name, t = self.names.outputs.get((number, i), ("", None))
            if t is not None:
                node.name = node.name or name
                node.values[i] = _seen(t)

    def _leaf(self, t: Tensor) -> Node:
        if id(t) in self.leaves:
            return self.leaves[id(t)][0]
        name = self.names.parameters.get(id(t)) or self.names.by_id.get(id(t), "")
        kind = "parameter" if id(t) in self.names.parameters or _is_parameter(t) else "leaf"
        node = self.tape.add(Node(0, kind, kind, name=name, shapes=[tuple(t.shape)]))
        node.dtype = str(t.dtype).removeprefix("wengert.")
        node.values[0] = _seen(t)
        self.leaves[id(t)] = node, t  # which keeps its id
        return node

    def _give(self, target: Node, at: int, shape: tuple[int, ...], value: object) -> None:
        """An input that no gradient goes to. Of one that was not seen only a tensor is shown."""
        if isinstance(value, Tensor):
            key: object = (value.data_ptr(), tuple(value.shape), tuple(value.stride()))
        elif value is not None or shape:
            key = (target.id, at)
        else:
            return  # a number that nobody keeps, or nothing
        node = self.given.get(key)
        if node is None:
            name = self._given_name(value)
            node = self.tape.add(Node(0, "given", "given", name=name, shapes=[shape]))
            if isinstance(value, Tensor):
                node.shapes = [tuple(value.shape)]
                node.dtype = str(value.dtype).removeprefix("wengert.")
            seen = Seen.of(value)
            if seen is not None:
                node.values[0] = seen
            self.given[key] = node
        self.tape.connect(node, 0, target, at)

    def _given_name(self, value: object) -> str:
        if not isinstance(value, Tensor):
            return ""
        place = (value.data_ptr(), tuple(value.shape))
        if id(value) in self.names.by_id:
            return self.names.by_id[id(value)]
        return self.places.get(place, "")

    def _find_values(self) -> None:
        """Values that nobody keeps are computed anew from those that are known, if what comes out
        at the end is what is there."""
        found: list[tuple[Node, int, Seen]] = []
        for number in sorted(self.made):
            node = self.made[number]
            missing = [i for i in range(len(node.shapes)) if i not in node.values]
            if not missing or self.described[number]["freed"]:
                continue
            values: list[object] = [None] * len(self.described[number]["inputs"])
            for edge in node.inputs:
                seen = self.tape.nodes[edge.source].values.get(edge.output)
                values[edge.input] = seen.tensor if seen else None
            for i, (shape, _, saved, _) in enumerate(self.described[number]["inputs"]):
                if values[i] is None and saved is not None:
                    values[i] = saved
                if values[i] is None and (shape or self._has_source(number, i)):
                    break
            else:
                found += self._compute(number, node, values, missing)
        for node, i, seen in found:
            node.values[i] = seen

    def _has_source(self, number: int, i: int) -> bool:
        return self.handles[number].next_functions[i][0] is not None

    def _compute(
        self, number: int, node: Node, values: list[object], missing: list[int]
    ) -> list[tuple[Node, int, Seen]]:
        unsaved = [
            i for i, x in enumerate(self.described[number]["inputs"])
            if values[i] is None and not x[0]
        ]  # fmt: skip
        if unsaved and node.op in NUMBERS_BESIDE:
            return []  # a number that was not kept
        try:
            made = _native._compute_again(self.handles[number], values)
        except (RuntimeError, TypeError, ValueError, IndexError):
            return []
        found = []
        for i in missing:
            if made is not None and i < len(made) and tuple(made[i].shape) == node.shapes[i]:
                node.values[i] = _seen(made[i])  # others are computed from it
                found.append((node, i, node.values[i]))
        return found

    # ---- the run of backward ------------------------------------------------------------------

    def run(self) -> None:
        """One real backward from the roots, ones at each, with a hook at every entry."""
        roots = [t for t in self.roots if t.requires_grad]
        chosen = [t for _, t in self.leaves.values() if t.requires_grad]
        if not roots or not self.handles:
            return
        if not chosen:
            self.tape.note = "no leaf asks for a gradient"
            return
        hooks = []
        for number, handle in self.handles.items():
            hooks.append((handle, _native._add_node_hook(handle, self._hook(number), False)))
        try:
            seeds = [_native.ones_like(t.detach()) for t in roots]
            grads = _native.run_backward(
                tuple(roots), tuple(seeds), True, False, tuple(chosen), True, False
            )
        except RuntimeError as error:
            freed = any(about["freed"] for about in self.described.values())
            if not freed:
                raise
            del error
            self.tape.note = (
                "this tape has been read already and let go of what it saved: draw before "
                "backward(), or call backward(retain_graph=True)"
            )
            self._from_leaves()
            return
        finally:
            for handle, hook in hooks:
                _native._remove_node_hook(handle, hook)
            for t, before in self.kept:
                t.grad = before
        for t, g in zip(chosen, grads, strict=True):
            if g is not None:
                self.leaves[id(t)][0].grads[0] = _seen(g)

    def _from_leaves(self) -> None:
        for node, t in self.leaves.values():
            if t.grad is not None:
                node.grads[0] = _seen(t.grad)

    def _hook(self, number: int):
        node = self.made[number]

        def hook(of_inputs: Args, of_outputs: Args) -> None:
            self.tape.backward.append(node.id)
            for i, g in enumerate(of_outputs):
                if g is not None:
                    node.grads[i] = _seen(g)
            for edge in node.inputs:
                g = of_inputs[edge.input] if edge.input < len(of_inputs) else None
                if g is None:
                    continue
                edge.term = _seen(g)
                edge.local = _local(edge.term, node)

        return hook


#: Rows whose inputs may be numbers, that are not kept where no gradient reads them.
NUMBERS_BESIDE = frozenset(
    (
        "add", "sub", "rsub", "mul", "div", "pow", "maximum", "minimum", "fmax", "fmin", "where",
        "lerp", "addcmul", "addcdiv", "fmod", "remainder", "atan2", "clamp", "hypot", "masked_fill",
        "xlogy", "copysign", "logaddexp",
    )
)  # fmt: skip


def output_of(t: Tensor) -> int:
    """Which output of its entry a tensor is: what an entry behind it would say."""
    if len(_native._entry(t.grad_fn)["outputs"]) == 1:  # type: ignore[arg-type]
        return 0
    before = _native.set_grad_enabled_(True)
    try:
        return t.view_as(t).grad_fn.next_functions[0][1]  # type: ignore[union-attr]
    finally:
        _native.set_grad_enabled_(before)


def _seen(t: Tensor) -> Seen:
    seen = Seen.of(t)
    assert seen is not None
    return seen


def _saved(what: str, t: Tensor) -> Saved:
    return Saved(what, tuple(t.shape), t.numel() * t.element_size(), t.data_ptr())


def _saved_by_function(handle: _native.Node) -> Args:
    try:
        saved = handle.saved_tensors
    except (AttributeError, RuntimeError):
        return ()
    return tuple(t for t in saved if isinstance(t, Tensor))


def _is_parameter(t: Tensor) -> bool:
    return type(t).__name__ == "Parameter"


def _local(term: Seen, node: Node) -> float | None:
    """The derivative, where one number is a function of one number."""
    to, of = term.number(), node.grad.number() if node.grad else None
    if len(node.shapes) != 1 or to is None or of is None or of == 0:
        return None
    return to / of
