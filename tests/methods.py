"""Writes what follows from the declarations of ops.h: python -m tests.methods [--check]

A function whose first argument is called `x` is a method as well if Python's Tensor has a method of
that name. tests/cpp/functions.h names every function, for tests of all of them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CSRC = ROOT / "csrc" / "wengert"
DECLARATION = re.compile(
    r"^(Tensor&?|std::vector<Tensor>|std::pair<Tensor, Tensor>) (\w+)\(([^;]*?)\);", re.MULTILINE
)
WRITTEN = "Written by `python -m tests.methods` from the declarations of ops.h; do not edit."
WIDTH = 100


class Function(NamedTuple):
    result: str
    name: str
    parameters: list[str]

    @property
    def first(self) -> str:
        return self.parameters[0]

    @property
    def in_place(self) -> bool:
        return self.result == "Tensor&"


def split(parameters: str) -> list[str]:
    """At the commas outside brackets."""
    parts, depth = [""], 0
    for c in " ".join(parameters.split()):
        depth += (c in "<({") - (c in ">)}")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


def headers() -> list[Path]:
    families = sorted(p for p in (CSRC / "ops").iterdir() if (p / f"{p.name}.h").is_file())
    return [
        CSRC / "tape" / "tape.h",
        CSRC / "ops" / "basic.h",
        *(family / f"{family.name}.h" for family in families if family.name != "optim"),
    ]


def functions() -> list[Function]:
    found = [
        Function(result, name, split(parameters))
        for header in headers()
        for result, name, parameters in DECLARATION.findall(header.read_text())
    ]
    own = ("apply", "grad", "from_blob")  # of the tape, of memory: no operations
    return sorted((f for f in found if f.name not in own), key=lambda f: (f.name, f.parameters))


# The method of that name in Python is another operation than the function in C++.
OTHERS = {"unfold"}


def methods() -> list[Function]:
    from wengert import Tensor

    return [
        f
        for f in functions()
        if re.search(r"\bx$", f.first) and hasattr(Tensor, f.name) and f.name not in OTHERS
    ]


def wrapped(head: str, parameters: list[str], tail: str, indent: int) -> str:
    """A declaration as clang-format writes it."""
    line = " " * indent + f"{head}({', '.join(parameters)}){tail}"
    if len(line) <= WIDTH:
        return line
    lines = [" " * indent + f"{head}("]
    under = len(lines[0])
    for i, parameter in enumerate(parameters):
        last = i + 1 == len(parameters)
        piece = parameter + (f"){tail}" if last else ",")
        gap = "" if lines[-1].endswith("(") else " "
        if len(lines[-1]) + len(gap) + len(piece) > WIDTH:
            lines.append(" " * under + piece)
        else:
            lines[-1] += gap + piece
    return "\n".join(lines)


def result_of(f: Function) -> str:
    return "Tensor" if f.in_place else f.result


def declared() -> str:
    lines = [wrapped(f"{result_of(f)} {f.name}", f.parameters[1:], " const;", 0) for f in methods()]
    return (
        f"// {WRITTEN}\n"
        "#pragma once\n"
        "// Inside of class Tensor. What changes the tensor returns another handle of it.\n"
        "// clang-format off\n" + "\n".join(lines) + "\n"
    )


def defined() -> str:
    lines = []
    for f in methods():
        parameters = [p.split(" = ")[0] for p in f.parameters[1:]]
        names = ", ".join(["self" if f.in_place else "*this", *(p.split()[-1] for p in parameters)])
        names = names.replace("&", "")
        lines.append(wrapped(f"{result_of(f)} Tensor::{f.name}", parameters, " const {", 0))
        if f.in_place:
            lines.append("  Tensor self(*this);")
        lines += [f"  return wengert::{f.name}({names});", "}"]
    return (
        f"// {WRITTEN}\n"
        + "".join(f'#include "{header.relative_to(CSRC.parent)}"\n' for header in headers()[2:])
        + "\n"
        "// clang-format off\n"
        "namespace wengert {\n\n" + "\n".join(lines) + "\n\n}  // namespace wengert\n"
    )


def named() -> str:
    lines = []
    for f in functions():
        types = [re.sub(r" ?\b\w+$", "", p.split(" = ")[0]) for p in f.parameters]
        if any("Tensor" in t or "Operand" in t for t in types):
            lines.append(f"FUNCTION({f.name}, {f.result} (*)({', '.join(types)}))")
    return f"// {WRITTEN}\n// clang-format off\n" + "\n".join(lines) + "\n"


def files() -> dict[Path, str]:
    return {
        CSRC / "tensor" / "methods.h": declared(),
        CSRC / "ops" / "methods.cpp": defined(),
        ROOT / "tests" / "cpp" / "functions.h": named(),
    }


def outdated() -> list[str]:
    return [
        str(path.relative_to(ROOT))
        for path, text in files().items()
        if not path.is_file() or path.read_text() != text
    ]


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if wrong := outdated():
            sys.exit(
                f"not as the declarations say: {', '.join(wrong)}; run python -m tests.methods"
            )
    else:
        for path, text in files().items():
            path.write_text(text)
