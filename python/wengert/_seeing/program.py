"""A captured program as a tape: its steps, what they hand on, and how long they took."""

from __future__ import annotations

from .._capture.program import Program
from .nodes import Node
from .tape import Tape


def program_tape(program: Program, title: str = "") -> Tape:
    """The steps as entries, in the order in which a replay runs them."""
    tape = Tape()
    tape.title = title or "captured program"
    writer: dict[int, Node] = {}
    outside: dict[int, Node] = {}
    for i, line in enumerate(program.lines()):
        node = tape.add(Node(0, "entry", line["op"] or "step", i))
        tape.forward.append(node.id)
        node.seconds = line["seconds"]
        if line["way"]:
            node.attributes["way"] = line["way"]
        node.attributes["operands"] = line["operands"]
        node.attributes["group"] = line["group"]
        for k, slot in enumerate(line["reads"]):
            source = writer.get(slot)
            if source is None:
                source = outside.get(slot)
            if source is None:
                source = tape.add(Node(0, "given", "given", name=f"%{slot}"))
                outside[slot] = source
            if source is not node:
                tape.connect(source, 0, node, k)
        for slot in line["writes"]:
            writer[slot] = node
    _shapes(tape)
    tape.note = "a replay runs the steps in this order"
    return tape


def _shapes(tape: Tape) -> None:
    """The shapes of slots, out of the text of the operands."""
    import re

    known: dict[str, tuple[str, tuple[int, ...]]] = {}
    for node in tape.entries:
        text = str(node.attributes["operands"])
        for slot, dtype, sizes in re.findall(r"(%\d+): (\w+) [(\[]([\d, ]*)[)\]]", text):
            known[slot] = dtype, tuple(int(s) for s in sizes.split(",") if s.strip())
        made = re.findall(r"-> .*?(%\d+): \w+ [(\[]([\d, ]*)[)\]]", text)
        if made:
            node.shapes = [tuple(int(s) for s in made[-1][1].split(",") if s.strip())]
    for node in tape.nodes:
        if node.kind == "given" and node.name in known:
            node.dtype, sizes = known[node.name]
            node.shapes = [sizes]
