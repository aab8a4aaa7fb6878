"""Where the boxes of a graph lie: a layered layout, with frames that are laid out on their own.

Layers by the longest path, points in between for edges over several layers, the order within a
layer by the mean of the neighbours (Sugiyama, Tagawa and Toda 1981), then places as near to the
neighbours as boxes allow. The inside of a frame is a graph of its own and then one box of the graph
around it, so frames never overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

GAP_X, GAP_Y = 22.0, 40.0
PAD, HEAD = 14.0, 26.0  # within a frame


@dataclass
class Box:
    """A box, of this size if it has nothing inside; x and y are of its left upper corner."""

    key: object
    width: float = 0.0
    height: float = 0.0
    inside: list[Box] = field(default_factory=list)
    title: str = ""
    x: float = 0.0
    y: float = 0.0
    #: Where edges between boxes inside pass layers, by the numbers of both.
    points: dict[tuple[int, int], list[Box]] = field(default_factory=dict)

    def walk(self) -> Iterable[Box]:
        """It and all inside of it."""
        yield self
        for box in self.inside:
            yield from box.walk()


Edge = tuple[object, object]


def place(root: Box, edges: list[Edge]) -> dict[Edge, list[tuple[float, float]]]:
    """Places all that is inside the box; the points that each edge passes, from box to box."""
    _Frame(root, list(dict.fromkeys(edges)), outer=True).place()
    _settle(root, 0.0, 0.0)
    return _routes(root, list(dict.fromkeys(edges)))


def _settle(box: Box, x: float, y: float) -> None:
    box.x, box.y = box.x + x, box.y + y
    for child in box.inside:
        _settle(child, box.x, box.y)
    for points in box.points.values():
        for point in points:
            point.x, point.y = point.x + box.x, point.y + box.y


class _Frame:
    """The boxes directly inside one frame."""

    def __init__(self, frame: Box, edges: list[Edge], outer: bool = False) -> None:
        self.frame, self.outer = frame, outer
        owner = {b.key: i for i, box in enumerate(frame.inside) for b in box.walk()}
        self.within: list[list[Edge]] = [[] for _ in frame.inside]
        pairs: dict[tuple[int, int], int] = {}
        for a, b in edges:
            i, j = owner.get(a), owner.get(b)
            if i is None or j is None:
                continue
            if i == j:
                self.within[i].append((a, b))
            else:
                pairs[i, j] = pairs.get((i, j), 0) + 1
        self.pairs = pairs

    def place(self) -> None:
        for box, edges in zip(self.frame.inside, self.within, strict=True):
            if box.inside:
                _Frame(box, edges).place()
        width, height = self._layers()
        if self.outer:
            self.frame.width, self.frame.height = width, height
            return
        wide = max(width + 2 * PAD, 7.2 * len(self.frame.title) + 2 * PAD)
        for box in self.frame.inside:
            box.x += (wide - width) / 2
            box.y += HEAD
        for points in self.frame.points.values():
            for point in points:
                point.x += (wide - width) / 2
                point.y += HEAD
        self.frame.width, self.frame.height = wide, height + HEAD + PAD

    def _layers(self) -> tuple[float, float]:
        boxes = self.frame.inside
        layer = _longest(len(boxes), list(self.pairs))
        sizes = [(b.width, b.height) for b in boxes]
        ups: list[list[int]] = [[] for _ in boxes]
        downs: list[list[int]] = [[] for _ in boxes]
        chains: dict[tuple[int, int], list[int]] = {}
        for a, b in self.pairs:  # through a point in every layer between
            before = a
            chains[a, b] = list(range(len(sizes), len(sizes) + layer[b] - layer[a] - 1))
            for step in range(layer[a] + 1, layer[b]):
                point = len(sizes)
                sizes.append((10.0, 0.0))
                layer.append(step)
                ups.append([before])
                downs.append([])
                downs[before].append(point)
                before = point
            downs[before].append(b)
            ups[b].append(before)
        rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
        for i, at in enumerate(layer):
            rows[at].append(i)
        _order(rows, ups, downs)
        centers = _centers(rows, ups, downs, [w for w, _ in sizes])
        y, right = 0.0, 0.0
        tops: dict[int, tuple[float, float]] = {}
        left = min((centers[i] - sizes[i][0] / 2 for i in range(len(sizes))), default=0.0)
        for row in rows:
            tall = max((sizes[i][1] for i in row), default=0.0)
            for i in row:
                tops[i] = y, tall
                if i < len(boxes):
                    boxes[i].x = centers[i] - sizes[i][0] / 2 - left
                    boxes[i].y = y + (tall - sizes[i][1]) / 2
                right = max(right, centers[i] + sizes[i][0] / 2 - left)
            y += tall + GAP_Y
        for pair, chain in chains.items():
            self.frame.points[pair] = [
                Box(None, x=centers[i] - left, y=tops[i][0] + part)
                for i in chain
                for part in (0.0, tops[i][1])
            ]
        return right, max(y - GAP_Y, 0.0)


def _longest(n: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The layer of each: the longest way from a source; sources near to their users."""
    downs: list[list[int]] = [[] for _ in range(n)]
    waits = [0] * n
    for a, b in pairs:
        downs[a].append(b)
        waits[b] += 1
    sources = [i for i in range(n) if not waits[i]]
    order, layer = list(sources), [0] * n
    for i in order:
        for j in downs[i]:
            layer[j] = max(layer[j], layer[i] + 1)
            waits[j] -= 1
            if not waits[j]:
                order.append(j)
    for i in sources:
        if downs[i]:
            layer[i] = min(layer[j] for j in downs[i]) - 1
    least = min(layer, default=0)
    return [x - least for x in layer]


def _order(rows: list[list[int]], ups: list[list[int]], downs: list[list[int]]) -> None:
    """Fewer crossings: layers in the order of the means of their neighbours, down and up."""
    best, least = [list(r) for r in rows], _crossings(rows, downs)
    for turn in range(12):
        down = turn % 2 == 0
        for r in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            at = {i: k for k, i in enumerate(rows[r - 1 if down else r + 1])}
            near = ups if down else downs
            own = {i: float(k) for k, i in enumerate(rows[r])}

            def mean(i: int, at: dict[int, int] = at, own: dict[int, float] = own,
                     near: list[list[int]] = near) -> float:  # fmt: skip
                known = [at[j] for j in near[i] if j in at]
                return sum(known) / len(known) if known else own[i]

            rows[r].sort(key=mean)
        crossings = _crossings(rows, downs)
        if crossings < least:
            best, least = [list(r) for r in rows], crossings
        if not least:
            break
    rows[:] = best


def _crossings(rows: list[list[int]], downs: list[list[int]]) -> int:
    total = 0
    for upper, lower in pairwise(rows):
        at = {i: k for k, i in enumerate(lower)}
        ends = [sorted(at[j] for j in downs[i] if j in at) for i in upper]
        flat = [k for part in ends for k in part]
        if len(flat) > 400:
            continue
        total += sum(a > b for i, a in enumerate(flat) for b in flat[i + 1 :])
    return total


def _centers(
    rows: list[list[int]], ups: list[list[int]], downs: list[list[int]], widths: list[float]
) -> list[float]:
    """The middles: again and again as near to those of the neighbours as the order allows."""
    centers = [0.0] * len(widths)
    for row in rows:
        _spread(row, [0.0] * len(row), widths, centers)
    for turn in range(16):
        down = turn % 2 == 0
        for row in rows if down else reversed(rows):
            wanted = []
            for i in row:
                near = (ups[i] or downs[i]) if down else (downs[i] or ups[i])
                if turn > 11:
                    near = ups[i] + downs[i]
                wanted.append(_middle([centers[j] for j in near]) if near else centers[i])
            _spread(row, wanted, widths, centers)
    return centers


def _middle(values: list[float]) -> float:
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _spread(row: list[int], wanted: list[float], widths: list[float], centers: list[float]) -> None:
    """The least sum of squared distances to what is wanted, in this order and without overlap:
    neighbours that would overlap become one block, at the mean of what they want."""
    blocks: list[tuple[float, int, list[tuple[int, float]]]] = []  # sum, count, boxes with offsets
    ends: list[float] = []
    for i, at in zip(row, wanted, strict=True):
        members, total, count, size = [(i, 0.0)], at, 1, 0.0
        first = widths[i] / 2
        while blocks:
            b_total, b_count, b_members = blocks[-1]
            b_size = ends[-1]
            gap = widths[b_members[-1][0]] / 2 + GAP_X + first
            if b_total / b_count + b_size + gap <= total / count + 1e-9:
                break
            shift = b_size + gap
            members = b_members + [(j, off + shift) for j, off in members]
            total = b_total + total - shift * count
            count += b_count
            size += shift
            first = widths[members[0][0]] / 2
            blocks.pop()
            ends.pop()
        blocks.append((total, count, members))
        ends.append(size)
    for total, count, members in blocks:
        for i, off in members:
            centers[i] = total / count + off


def _routes(root: Box, edges: list[Edge]) -> dict[Edge, list[tuple[float, float]]]:
    """From the lower side of a box to the upper side of another, around those that lie between."""
    boxes = {b.key: b for b in root.walk()}
    solid = [b for b in root.walk() if not b.inside and b is not root]
    outs: dict[object, list[Edge]] = {}
    ins: dict[object, list[Edge]] = {}
    for edge in edges:
        outs.setdefault(edge[0], []).append(edge)
        ins.setdefault(edge[1], []).append(edge)

    def middle(key: object) -> float:
        return boxes[key].x + boxes[key].width / 2

    ports: dict[tuple[Edge, bool], float] = {}
    for lists, end in ((outs, 1), (ins, 0)):
        for key, some in lists.items():
            some.sort(key=lambda e: middle(e[end]))
            span = min(boxes[key].width * 0.6, 26.0 * (len(some) - 1))
            for k, edge in enumerate(some):
                at = k / (len(some) - 1) - 0.5 if len(some) > 1 else 0.0
                ports[edge, end == 1] = middle(key) + span * at
    routes = {}
    passed = _passed(root, edges)
    for edge in edges:
        a, b = boxes[edge[0]], boxes[edge[1]]
        start, stop = (ports[edge, True], a.y + a.height), (ports[edge, False], b.y)
        route = [start]
        for point in [*passed.get(edge, ()), stop]:
            route += [*_around(route[-1], point, solid, (a, b)), point]
        routes[edge] = _straightened(route)
    return routes


def _passed(root: Box, edges: list[Edge]) -> dict[Edge, list[tuple[float, float]]]:
    """The points between layers that edges pass, in the innermost frame that has both ends."""
    found = {}
    for frame in root.walk():
        owner = {b.key: i for i, box in enumerate(frame.inside) for b in box.walk()}
        for edge in edges:
            points = frame.points.get((owner.get(edge[0], -1), owner.get(edge[1], -1)))
            if points:
                found[edge] = [(p.x, p.y) for p in points]
    return found


def _straightened(route: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without points on the way straight down from one to the next."""
    out = [route[0]]
    for before, at, after in zip(route, route[1:], route[2:], strict=False):
        if not (abs(before[0] - at[0]) < 1 and abs(at[0] - after[0]) < 1):
            out.append(at)
    return [*out, route[-1]]


def _around(
    start: tuple[float, float], stop: tuple[float, float], solid: list[Box], ends: tuple[Box, Box]
) -> list[tuple[float, float]]:
    """Points beside the boxes that the straight line would cross."""
    points: list[tuple[float, float]] = []
    at = start
    between = [b for b in solid if b not in ends and b.y > start[1] and b.y + b.height < stop[1]]
    for row in _rows(between):
        top, bottom = min(b.y for b in row), max(b.y + b.height for b in row)

        def line(y: float, at: tuple[float, float] = at) -> float:
            return at[0] + (y - at[1]) / max(stop[1] - at[1], 1e-9) * (stop[0] - at[0])

        if not any(_is_near(line(y), b) for b in row for y in (b.y, b.y + b.height)):
            continue
        sides = [x for b in row for x in (b.x - GAP_X / 2, b.x + b.width + GAP_X / 2)]
        free = [x for x in sides if not any(_is_near(x, b) for b in row)]
        side = min((abs(x - at[0]) + 0.2 * abs(x - stop[0]), x) for x in free)[1]
        points += [(side, top - 4), (side, bottom + 4)]
        at = points[-1]
    return points


def _is_near(x: float, box: Box) -> bool:
    return box.x - 8 < x < box.x + box.width + 8


def _rows(boxes: list[Box]) -> list[list[Box]]:
    """Boxes side by side, from above."""
    rows: list[list[Box]] = []
    bottom = 0.0
    for box in sorted(boxes, key=lambda b: b.y):
        if not rows or box.y >= bottom:
            rows.append([])
        rows[-1].append(box)
        bottom = max(bottom, box.y + box.height)
    return rows
