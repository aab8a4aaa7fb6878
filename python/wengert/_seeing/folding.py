"""Which boxes a picture has: entries and leaves in frames, or a frame folded to one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .nodes import Edge, Graph, Node

#: Boxes that are still read with pleasure.
MOST_BOXES = 60


@dataclass
class Group:
    """A frame, or, folded, the box that stands for it."""

    path: tuple[str, ...]
    nodes: list[Node] = field(default_factory=list)  # directly inside
    groups: list[Group] = field(default_factory=list)
    folded: bool = False

    def all(self) -> list[Node]:
        """The nodes inside, at every depth."""
        return self.nodes + [n for g in self.groups for n in g.all()]

    @property
    def title(self) -> str:
        return self.path[-1] if self.path else ""

    def said(self) -> str:
        """Which entries a folded one has."""
        ops = Counter(n.op for n in self.all() if n.kind == "entry")
        words = [f"{n}\u00d7 {op}" if n > 1 else op for op, n in ops.most_common(4)]
        return ", ".join(words) + (" \u2026" if len(ops) > 4 else "")


def grouped(tape: Graph, depth: int | None) -> Group:
    """The frames of a tape. Deeper ones than `depth` are folded; by default as many as it takes."""
    root = _tree(tape)
    deepest = _depth(root)
    if depth is None:
        for depth in range(deepest, 0, -1):
            if _boxes(root, depth) <= MOST_BOXES:
                break
        else:
            depth = 1
    _fold(root, depth)
    if _boxes(root, deepest + 1) > 2 * MOST_BOXES:
        _chunk(root)
    return root


def _tree(tape: Graph) -> Group:
    root = Group(())
    groups: dict[tuple[str, ...], Group] = {(): root}

    def group(path: tuple[str, ...]) -> Group:
        if path not in groups:
            groups[path] = Group(path)
            group(path[:-1]).groups.append(groups[path])
        return groups[path]

    home: dict[int, tuple[str, ...]] = {}
    for node in tape.entries:
        home[node.id] = node.module
        group(node.module).nodes.append(node)
    for node in tape.nodes:
        if node.kind != "entry":
            users = [home[e.target] for e in node.uses if e.target in home]
            group(_common(users)).nodes.append(node)
    tape.bare = set()
    _without_bare(root, tape.bare)
    return root


def _without_bare(group: Group, bare: set[str]) -> None:
    """No frames around what is one entry and nothing else."""
    for g in list(group.groups):
        _without_bare(g, bare)
        if len(g.nodes) == 1 and not g.groups and g.nodes[0].kind == "entry":
            group.groups.remove(g)
            group.nodes.append(g.nodes[0])
            bare.add(g.title)


def _common(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    if not paths:
        return ()
    first, last = min(paths), max(paths)
    n = 0
    while n < min(len(first), len(last)) and first[n] == last[n]:
        n += 1
    return first[:n]


def _depth(group: Group) -> int:
    return 1 + max((_depth(g) for g in group.groups), default=0)


def _boxes(group: Group, depth: int) -> int:
    if group.folded or depth <= 0:
        return 1
    return len(group.nodes) + sum(_boxes(g, depth - 1) for g in group.groups)


def _fold(group: Group, depth: int) -> None:
    if depth <= 0:
        group.folded = True
    for g in group.groups:
        _fold(g, depth - 1)


def _chunk(root: Group) -> None:
    """Where modules do not make it small: runs of entries as one box each."""
    entries = sorted((n for n in root.nodes if n.kind == "entry"), key=lambda n: n.number)
    size = max(2, len(entries) // MOST_BOXES)
    home: dict[int, Group] = {}
    chunks = []
    for k in range(0, len(entries), size):
        part = entries[k : k + size]
        group = Group((f"entries #{part[0].number} to #{part[-1].number}",), list(part), [], True)
        chunks.append(group)
        home.update((n.id, group) for n in part)
    rest = []
    for node in root.nodes:
        if node.kind == "entry":
            continue
        users = {id(home[e.target]): home[e.target] for e in node.uses if e.target in home}
        if len(users) == 1:
            next(iter(users.values())).nodes.append(node)
        else:
            rest.append(node)
    root.nodes = rest
    root.groups += chunks


def visible(root: Group) -> dict[int, object]:
    """The key of the box that shows each node: its own number, or the path of a folded frame."""
    shown: dict[int, object] = {}

    def visit(group: Group) -> None:
        for node in group.all() if group.folded else group.nodes:
            shown[node.id] = group.path if group.folded else node.id
        if not group.folded:
            for g in group.groups:
                visit(g)

    visit(root)
    return shown


def edges(tape: Graph, shown: dict[int, object]) -> dict[tuple[object, object], list[Edge]]:
    """The edges between boxes."""
    out: dict[tuple[object, object], list[Edge]] = {}
    for node in tape.nodes:
        for e in node.uses:
            a, b = shown[e.source], shown[e.target]
            if a != b:
                out.setdefault((a, b), []).append(e)
    return out
