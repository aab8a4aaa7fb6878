"""The picture in a page: colours, a slider along the tape, and what a click tells.

All is in the text itself: no font, script or style is fetched.
"""

from __future__ import annotations

import hashlib
import json
from html import escape
from itertools import count

from .nodes import Edge, Node
from .numbers import attributes, count_of_bytes, full, number, seconds, shape, short, title
from .rules import RULES
from .svg import Drawing
from .table import summary
from .text import DARK, LIGHT, RULES_OF_PAGE, RULES_OF_PICTURE, SCRIPT

_counter = count()


def _colours(selectors: str, dark: bool) -> str:
    return f"{selectors}{{{DARK if dark else LIGHT}}}"


def _themes(own: str) -> str:
    """As the reader's system has it, unless the page around says otherwise."""
    light = ("[data-theme=light]", "[data-jp-theme-light=true]", ".vscode-light")
    dark = ("[data-theme=dark]", "[data-jp-theme-light=false]", ".vscode-dark")
    return (
        _colours(own, False)
        + f"@media (prefers-color-scheme: dark){{{_colours(own, True)}}}"
        + _colours(",".join(f"{s} {own}" for s in light), False)
        + _colours(",".join(f"{s} {own}" for s in dark), True)
    )


def standalone(drawing: Drawing) -> str:
    """An SVG file."""
    svg = drawing.svg("tape")
    style = (
        _colours(".wgt-svg", False)
        + f"@media (prefers-color-scheme: dark){{{_colours('.wgt-svg', True)}}}"
        + RULES_OF_PICTURE
        + ".wgt-svg{background:var(--bg)}"
    )
    head, middle, rest = svg.partition("<defs>")
    return f"{head}<style>{style}</style>{middle}{rest}\n"


def fragment(drawing: Drawing) -> str:
    """A piece of a page, as a notebook shows it."""
    data = json.dumps(_data(drawing), separators=(",", ":")).replace("</", "<\\/")
    digest = hashlib.sha1(data.encode(), usedforsecurity=False).hexdigest()[:8]
    name = f"wgt-{digest}-{next(_counter)}"
    tape = drawing.tape
    return (
        f'<div class="wgt" id="{name}"><style>{_themes(".wgt")}{RULES_OF_PICTURE}{RULES_OF_PAGE}'
        f'</style><div class="wgt-bar"><b>{escape(tape.title)}</b>'
        f'<span class="wgt-muted">{escape(summary(tape))}</span></div>'
        '<div class="wgt-bar"><button type="button" class="wgt-play" aria-label="play">'
        '\u25b6</button><input type="range" class="wgt-slider" min="0" aria-label="step">'
        '<span class="wgt-step"></span></div>'
        f'<div class="wgt-body"><div class="wgt-picture">{drawing.svg(f"{name}-svg")}</div>'
        '<div class="wgt-panel"><p class="wgt-muted">Click a box: what it computed, what it keeps, '
        "and the sum of the chain rule there.</p></div></div>"
        f'<script type="application/json" class="wgt-data">{data}</script>'
        f'<script>({SCRIPT})(document.getElementById("{name}"))</script></div>'
    )


def page(drawing: Drawing) -> str:
    """A page of its own."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(drawing.tape.title)}</title>"
        "<style>html{color-scheme:light dark}body{margin:0;background:#fff}"
        ".wgt{min-height:100vh;box-sizing:border-box;padding:14px;border:0!important;"
        "border-radius:0!important;margin:0!important}.wgt-picture{max-height:none!important}"
        "@media (prefers-color-scheme: dark){body{background:#12161d}}"
        f"</style></head><body>{fragment(drawing)}</body></html>\n"
    )


# ---- what the script reads ---------------------------------------------------------------------


def _data(drawing: Drawing) -> dict[str, object]:
    tape = drawing.tape
    of = {node.id: drawing.number[drawing.shown[node.id]] for node in tape.nodes}
    walk: list[list[object]] = []
    when: dict[int, int] = {}
    reached: dict[int, int] = {}
    for way, order in (("f", tape.forward), ("b", tape.backward)):
        for id in order:
            if not walk or walk[-1][:2] != [way, of[id]]:
                walk.append([way, of[id], _said(tape.nodes[id])])
            at = len(walk)
            if way == "f":
                reached.setdefault(of[id], at)
                for e in tape.nodes[id].inputs:
                    reached.setdefault(of[e.source], at)
                continue
            when[of[id]] = max(when.get(of[id], 0), at)
            for e in tape.nodes[id].inputs:
                if e.term is not None and tape.nodes[e.source].kind != "entry":
                    when[of[e.source]] = at
    boxes: list[dict[str, object]] = [{} for _ in drawing.number]
    for key, n in drawing.number.items():
        group = drawing.groups.get(key)
        if group is not None:
            boxes[n] = {"t": group.title, "k": drawing.lines[key][1][1], "rows": _rows(group.all())}
        else:
            assert isinstance(key, int)
            boxes[n] = _about(drawing, tape.nodes[key], of)
        boxes[n]["f"] = reached.get(n, 0)
        boxes[n]["b"] = when.get(n, 0)
    return {"boxes": boxes, "walk": walk, "forward": sum(step[0] == "f" for step in walk)}


def _said(node: Node) -> str:
    return f"#{node.number} {title(node)}" + (f" in {node.module[-1]}" if node.module else "")


def _rows(nodes: list[Node]) -> list[list[str]]:
    """Of a folded frame."""
    return [[title(n), _shape(n), short(n.grad)] for n in nodes if n.kind != "given"][:60]


def _shape(node: Node) -> str:
    return ", ".join(shape(s) for s in node.shapes)


def _about(drawing: Drawing, node: Node, of: dict[int, int]) -> dict[str, object]:
    tape = drawing.tape
    kind = {
        "entry": f"entry #{node.number} of the tape",
        "parameter": "a parameter: a leaf of the tape",
        "leaf": "a leaf of the tape, which asks for a gradient",
        "given": "given: no gradient goes here",
    }[node.kind]
    out: dict[str, object] = {"t": title(node), "k": kind, "s": f"{_shape(node)} {node.dtype}"}
    if node.module:
        out["m"] = " \u203a ".join(node.module)
    if node.line:
        file, line, text = node.line
        out["l"] = f"{file.rpartition('/')[2]}:{line}   {text}"
    if node.attributes:
        out["a"] = attributes(node)
    if node.op in RULES and node.kind == "entry":
        out["r"] = RULES[node.op]
    if node.seconds:
        out["time"] = seconds(node.seconds)
    elif node.values:
        out["v"] = full(node.value)
    if node.grads:
        out["g"] = full(node.grad)
        out["sum"] = [_term(drawing, e, of) for e in node.uses if e.term is not None]
        if node.root:
            out["sum"] = [["seed", -1, "the backward starts here, with ones"], *out["sum"]]  # type: ignore[misc]
    out["in"] = [
        [
            title(tape.nodes[e.source]),
            of[e.source],
            short(tape.nodes[e.source].values.get(e.output)),
        ]
        for e in sorted(node.inputs, key=lambda e: e.input)
    ]
    out["kept"] = [f"{s.what}: {shape(s.shape)}, {count_of_bytes(s.bytes)}" for s in node.saved]
    return out


def _term(drawing: Drawing, e: Edge, of: dict[int, int]) -> list[object]:
    """One term of the sum: by which use, and as numbers."""
    user = drawing.tape.nodes[e.target]
    assert e.term is not None
    by = f"#{user.number} {user.op}"
    term, g = e.term.number(), user.grad.number() if user.grad else None
    if e.local is not None and term is not None and g is not None:
        text = f"{number(g)} \u00b7 {number(e.local)} = {number(term)}"
    else:
        text = full(e.term, 16)
    return [by, of[e.target], text]
