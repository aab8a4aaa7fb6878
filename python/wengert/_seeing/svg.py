"""The picture itself: boxes, frames and edges as SVG, in colours for light and dark pages."""

from __future__ import annotations

from html import escape
from itertools import pairwise

from . import layout
from .folding import Group, edges, visible
from .nodes import Edge, Graph, Node
from .numbers import count_of_bytes, number, seconds, shape, short, title

_LINE = 15.0


class Drawing:
    """A tape, laid out."""

    def __init__(self, tape: Graph, root: Group) -> None:
        self.tape = tape
        self.shown = visible(root)
        self.edges = edges(tape, self.shown)
        self.groups: dict[object, Group] = {}
        self.lines: dict[object, list[tuple[str, str]]] = {}
        self.number: dict[object, int] = {}  # of a box, for the page
        self.root = self._frame(root)
        self.routes = layout.place(self.root, list(self.edges))
        for box in self.root.walk():
            if not box.inside and box is not self.root:
                self.number[box.key] = len(self.number)

    def _frame(self, group: Group) -> layout.Box:
        key: object = group.path if group.folded else ("frame", group.path)
        box = layout.Box(key, title=group.title)
        self.groups[key] = group
        if group.folded:
            return self._sized(box, _folded_lines(group))
        # In the order of the tape, so that a picture of the same tape is the same.
        parts: list[tuple[int, layout.Box]] = []
        for node in group.nodes:
            parts.append((_first(node), self._sized(layout.Box(node.id), _lines(self.tape, node))))
        for g in group.groups:
            parts.append((min((_first(n) for n in g.all()), default=0), self._frame(g)))
        box.inside = [part for _, part in sorted(parts, key=lambda p: p[0])]
        return box

    def _sized(self, box: layout.Box, lines: list[tuple[str, str]]) -> layout.Box:
        self.lines[box.key] = lines
        # The grad line changes nothing in width when it appears: it is measured too.
        box.width = max(58.0, 22 + max(_width(text, kind) for kind, text in lines))
        box.height = 14 + _LINE * len(lines)
        return box

    def svg(self, name: str) -> str:
        """The element; `name` is its id."""
        width, height = self.root.width + 32, self.root.height + 32
        parts = [
            f'<svg id="{name}" class="wgt-svg" xmlns="http://www.w3.org/2000/svg" role="img" '
            f'viewBox="-16 -16 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" style="min-width:{min(width, 460):.0f}px">'
            f"<title>{escape(self.tape.title or 'tape')}</title>",
            f'<defs><marker id="{name}-a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0.6 L7.4 4 L0 7.4 z" class="wgt-head"/>'
            "</marker></defs>",
        ]
        parts += [self._frame_of(b) for b in self.root.walk() if b.inside and b is not self.root]
        parts += [self._edge(name, pair, some) for pair, some in self.edges.items()]
        parts += [self._box(b) for b in self.root.walk() if not b.inside and b is not self.root]
        parts += [self._labels(pair, some) for pair, some in self.edges.items()]
        return "".join([*parts, "</svg>"])

    def _frame_of(self, box: layout.Box) -> str:
        return (
            f'<g class="wgt-frame"><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
            f'height="{box.height:.1f}" rx="12"/>'
            f'<text x="{box.x + 12:.1f}" y="{box.y + 17:.1f}">{escape(box.title)}</text></g>'
        )

    def _box(self, box: layout.Box) -> str:
        n = self.number[box.key]
        group = self.groups.get(box.key)
        kind = "folded" if group else self.tape.nodes[_id(box.key)].kind
        root = not group and self.tape.nodes[_id(box.key)].root
        radius = {"entry": 8, "folded": 12}.get(kind, box.height / 2 if box.height < 48 else 18)
        x, y = box.x + box.width / 2, box.y + 4
        out = [
            f'<g class="wgt-node wgt-{kind}{" wgt-root" if root else ""}" data-n="{n}" '
            f'tabindex="0"><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
            f'height="{box.height:.1f}" rx="{radius:.1f}"/>'
        ]
        for i, (what, text) in enumerate(self.lines[box.key]):
            out.append(
                f'<text class="wgt-{what}" x="{x:.1f}" y="{y + _LINE * (i + 1):.1f}">'
                f"{escape(text)}</text>"
            )
        return "".join([*out, "</g>"])

    def _edge(self, name: str, pair: tuple[object, object], some: list[Edge]) -> str:
        carries = any(
            e.term is not None
            or (not self.tape.backward and self.tape.nodes[e.source].kind == "entry")
            for e in some
        )
        a, b = self.number[pair[0]], self.number[pair[1]]
        plain = "" if carries else " wgt-plain"
        return (
            f'<path class="wgt-edge{plain}" data-a="{a}" data-b="{b}" '
            f'd="{_curve(self.routes[pair])}" marker-end="url(#{name}-a)"/>'
        )

    def _labels(self, pair: tuple[object, object], some: list[Edge]) -> str:
        local = [e.local for e in some if e.local is not None]
        if not local or len(some) > 3:
            return ""
        points = self.routes[pair]
        (x1, y1), (x2, y2) = points[-2], points[-1]
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        text = " + ".join(f"\u00d7{number(v)}" for v in local)
        wide = 6.3 * len(text) + 8
        a, b = self.number[pair[0]], self.number[pair[1]]
        return (
            f'<g class="wgt-local" data-a="{a}" data-b="{b}"><rect x="{x - wide / 2:.1f}" '
            f'y="{y - 9:.1f}" width="{wide:.1f}" height="17" rx="8.5"/>'
            f'<text x="{x:.1f}" y="{y + 3.5:.1f}">{escape(text)}</text></g>'
        )


def _id(key: object) -> int:
    assert isinstance(key, int)
    return key


def _first(node: Node) -> int:
    if node.kind == "entry":
        return 2 * node.id
    return min((2 * e.target - 1 for e in node.uses), default=0)


def _width(text: str, kind: str) -> float:
    return len(text) * {"name": 8.2, "value": 6.7, "grad": 6.7}.get(kind, 6.2)


def _lines(tape: Graph, node: Node) -> list[tuple[str, str]]:
    """Kind and text of the lines in the box of a node."""
    name = title(node)
    out = [("name", name if len(name) < 30 else "\u2026" + name[-28:])]
    value, grad = short(node.value), short(node.grad)
    about = shape(node.shapes[0]) if node.shapes and node.shapes[0] else ""
    if node.kind == "entry":
        number = f"#{node.number}" if not node.seconds else f"{node.number}"
        about = f"{number}  {about}".rstrip()
    if about:
        out.append(("about", about))
    if node.module and node.module[-1] in tape.bare:
        out.append(("about", node.module[-1]))
    if value and value != name:
        out.append(("value", value))
    if node.seconds:
        out.append(("value", seconds(node.seconds)))
    if grad:
        out.append(("grad", f"\u2202 {grad}"))
    saved = sum({s.memory: s.bytes for s in node.saved}.values())
    if saved:
        out.append(("saved", f"keeps {count_of_bytes(saved)}"))
    return out


def _folded_lines(group: Group) -> list[tuple[str, str]]:
    nodes = group.all()
    entries = sum(n.kind == "entry" for n in nodes)
    saved = sum({s.memory: s.bytes for n in nodes for s in n.saved}.values())
    out = [("name", group.title), ("about", f"{entries} entries: {group.said()}"[:48])]
    weights = [n for n in nodes if n.kind == "parameter"]
    if weights:
        total = sum(_numel(n.shapes[0]) for n in weights)
        out.append(("about", f"{len(weights)} parameters, {total} numbers"))
    taken = sum(n.seconds for n in nodes)
    if taken:
        out.append(("value", seconds(taken)))
    if saved:
        out.append(("saved", f"keeps {count_of_bytes(saved)}"))
    return out


def _numel(sizes: tuple[int, ...]) -> int:
    n = 1
    for size in sizes:
        n *= size
    return n


def _curve(points: list[tuple[float, float]]) -> str:
    """Vertical where it leaves and arrives, smooth between."""
    out = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = max(12.0, abs(y2 - y1) * 0.45) if y2 > y1 else 24.0
        if abs(x2 - x1) < 1:
            out.append(f"L{x2:.1f} {y2:.1f}")
        else:
            out.append(f"C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}")
    return "".join(out)
