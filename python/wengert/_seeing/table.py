"""The tape as a table: one line an entry, in the order of the forward."""

from __future__ import annotations

from html import escape

from .nodes import Graph
from .numbers import attributes, count_of_bytes, seconds, shape, short, title

_HEAD = ("entry", "op", "inputs", "shape", "value", "gradient", "saved", "read", "module")


def _name(tape: Graph, i: int) -> str:
    node = tape.nodes[i]
    return f"#{node.number}" if node.kind == "entry" else title(node)


def rows(tape: Graph) -> list[tuple[str, ...]]:
    """The cells of the table."""
    place = {id: k + 1 for k, id in enumerate(tape.backward)}
    timed = any(node.seconds for node in tape.nodes)
    out: list[tuple[str, ...]] = []
    for node in tape.entries:
        inputs = ", ".join(_name(tape, e.source) for e in sorted(node.inputs, key=_by_input))
        said = attributes(node)
        op = title(node) + (f" ({said})" if said else "")
        saved = sum({s.memory: s.bytes for s in node.saved}.values())
        out.append(
            (
                f"#{node.number}", op, inputs,
                ", ".join(shape(s) for s in node.shapes),
                short(node.value), seconds(node.seconds) if timed else short(node.grad),
                count_of_bytes(saved) if saved else "",
                str(place.get(node.id, "")), node.module[-1] if node.module else "",
            )
        )  # fmt: skip
    return out


def _by_input(edge: object) -> int:
    return edge.input  # type: ignore[attr-defined]


def leaves(tape: Graph) -> list[tuple[str, ...]]:
    """The cells of the leaves that asked for gradients."""
    return [
        ("leaf", title(n), "", shape(n.shapes[0]), short(n.value), short(n.grad), "", "", "")
        for n in tape.nodes
        if n.kind in ("leaf", "parameter")
    ]


def _head(tape: Graph) -> tuple[str, ...]:
    timed = any(node.seconds for node in tape.nodes)
    return tuple("time" if timed and h == "gradient" else h for h in _HEAD)


def text(tape: Graph) -> str:
    """For a terminal."""
    table = [_head(tape), *leaves(tape), *rows(tape)]
    used = [k for k in range(len(_HEAD)) if any(row[k] for row in table[1:])]
    widths = {k: min(44, max(len(row[k]) for row in table)) for k in used}
    lines = [
        "  ".join(_cut(row[k], widths[k]).ljust(widths[k]) for k in used).rstrip() for row in table
    ]
    return "\n".join([*lines, summary(tape)])


def _cut(s: str, width: int) -> str:
    return s if len(s) <= width else s[: width - 1] + "\u2026"


def summary(tape: Graph) -> str:
    """One line under the table or picture."""
    n = len(tape.forward)
    said = f"{n} entr{'y' if n == 1 else 'ies'}, {count_of_bytes(tape.saved_bytes)} saved"
    total = sum(node.seconds for node in tape.nodes)
    if total:
        said = f"{n} steps, {seconds(total)}"
    return f"{said}; {tape.note}" if tape.note else said


def html(tape: Graph) -> str:
    """For a notebook."""
    head = "".join(f"<th>{escape(h)}</th>" for h in _head(tape))
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>"
        for row in [*leaves(tape), *rows(tape)]
    )
    return (
        '<div style="overflow-x:auto"><table class="wengert-tape"><thead><tr>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div><p>{escape(summary(tape))}</p>"
    )
