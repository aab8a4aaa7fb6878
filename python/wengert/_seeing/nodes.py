"""What a picture of the tape shows: nodes, edges, and numbers seen at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import _native
from .._native import Tensor

#: Values and gradients with more elements are shown by their root mean square only.
MOST_KEPT = 4096


@dataclass
class Seen:
    """Numbers at one moment: a copy of a small tensor, of a larger one its root mean square."""

    shape: tuple[int, ...]
    rms: float | None
    tensor: Tensor | None

    @staticmethod
    def of(x: object) -> Seen | None:
        """Of a tensor or a number; None for what is neither."""
        if isinstance(x, (bool, int, float)):
            return Seen((), abs(float(x)), _native.tensor(x))
        if not isinstance(x, Tensor):
            return None
        x = x.detach()
        number = x.dtype.is_floating_point
        rms = float(x.double().square().mean().sqrt()) if number and x.numel() else None
        return Seen(tuple(x.shape), rms, x.clone() if x.numel() <= MOST_KEPT else None)

    def number(self) -> float | None:
        """The value, if there is just one."""
        if self.tensor is None or self.tensor.numel() != 1:
            return None
        return float(self.tensor.reshape(()).item())


@dataclass
class Saved:
    """What an entry keeps until its gradient has been computed."""

    what: str
    shape: tuple[int, ...]
    bytes: int
    memory: int  # where it lies: what several entries keep is there once


@dataclass
class Edge:
    """The use of a node's output as an input of an entry."""

    source: int
    output: int
    target: int
    input: int
    #: What the entry adds to the gradient of its input: one term of the sum of the chain rule.
    term: Seen | None = None
    #: d output / d input where both are one number.
    local: float | None = None


@dataclass
class Node:
    """An entry of the tape, a leaf, or a value that needs no gradient."""

    id: int
    kind: str  # "entry", "parameter", "leaf", "given"
    op: str
    number: int = 0
    name: str = ""
    module: tuple[str, ...] = ()
    line: tuple[str, int, str] | None = None
    attributes: dict[str, object] = field(default_factory=dict)
    shapes: list[tuple[int, ...]] = field(default_factory=list)  # of the outputs
    dtype: str = ""
    values: dict[int, Seen] = field(default_factory=dict)  # by output
    grads: dict[int, Seen] = field(default_factory=dict)
    inputs: list[Edge] = field(default_factory=list)
    uses: list[Edge] = field(default_factory=list)
    saved: list[Saved] = field(default_factory=list)
    root: bool = False
    seconds: float = 0.0

    @property
    def value(self) -> Seen | None:
        return self.values.get(0)

    @property
    def grad(self) -> Seen | None:
        return self.grads.get(0)


class Graph:
    """The entries behind some results, oldest first, and the order in which backward read them."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        #: Entries in the order of a forward, and in that of the run of backward.
        self.forward: list[int] = []
        self.backward: list[int] = []
        self.title = ""
        self.note = ""
        #: Calls of modules that are one entry and nothing else: named in its box, without a frame.
        self.bare: set[str] = set()

    def add(self, node: Node) -> Node:
        node.id = len(self.nodes)
        self.nodes.append(node)
        return node

    def connect(self, source: Node, output: int, target: Node, at: int) -> None:
        edge = Edge(source.id, output, target.id, at)
        source.uses.append(edge)
        target.inputs.append(edge)

    @property
    def entries(self) -> list[Node]:
        """The entries, by number."""
        return [self.nodes[i] for i in self.forward]

    @property
    def saved_bytes(self) -> int:
        """Of all that is saved, counted once each."""
        memory = {s.memory: s.bytes for node in self.nodes for s in node.saved}
        return sum(memory.values())
