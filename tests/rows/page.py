"""Writes docs/operations.md, every row with its mathematics: python -m tests.rows.page [--check]

Names, signatures and places are the registry's; `y` and `dx` are read from the comments above the
rows in csrc; the dtypes are those in which the first sample of a row runs.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

from tests.rows.table import DTYPES, FAMILIES, ROWS, SAMPLES, run
from wengert._seeing.costs import PRODUCTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operations.md"
ROW = re.compile(r"\s*(?:constinit const|constexpr|const) (?:Op|UpdateRow) (\w+)_op(?: =|\{)")
SECTION = re.compile(r"---- (\w+)\s")
# Where the gradient begins: behind a gap, at its name or at words about it.
GRADIENT = re.compile(
    r"\s{2,}(?=d[a-zA-Z]{1,2}[\w^]*(?:\{[^}]*\}|\([^)]*\))? = |(?:with|its|linear) )"
)

HEAD = """\
# Every operation and its mathematics

Written by `python -m tests.rows.page` from the rows in `csrc/wengert/ops`; do not edit.

`x` is the input, further inputs are named after it, `y` (or `z`, `l`) is the output; `g` is the
gradient that comes in, `h` that of a gradient, `'` transposes. A row without a gradient of its own
is made of other rows, whose gradients it has; or it has none. The cost are multiply-adds and what
the tape keeps until the backward; an input is kept only if a gradient that reads it is wanted.
"""


class Mathematics(NamedTuple):
    value: str
    gradient: str


def split(text: str) -> Mathematics | None:
    """The two parts of a comment; None for one without a formula."""
    text = SECTION.sub("", text + " ").strip()
    if " = " not in text:
        return None
    value, *gradients = GRADIENT.split(text)
    return Mathematics(re.sub(r"\s{2,}", " ", value), "; ".join(g.strip() for g in gradients))


def statement(lines: list[str]) -> str:
    """The beginning of a row, where its name is, unless a function makes it."""
    taken = []
    for line in lines[:8]:
        taken.append(line)
        if line.endswith(";"):
            break
    return "\n".join(taken)


def mathematics() -> dict[str, list[Mathematics | None]]:
    """By the name of a row, what is said of each row of that name, in the order of the files."""
    found: dict[str, list[Mathematics | None]] = {}
    sections: dict[str, Mathematics | None] = {}
    names = {row["name"] for row in ROWS.values()}
    for path in sorted((ROOT / "csrc/wengert/ops").rglob("*.cpp")):
        lines, comment = path.read_text().split("\n"), []
        for i, line in enumerate(lines):
            if line.lstrip().startswith("//"):
                comment.append(line.strip().lstrip("/ "))
                continue
            text, comment = "   ".join(comment), []
            section = SECTION.match(text)
            if section and section[1] in names:
                sections[section[1]] = split(text)
                text = ""
            if row := ROW.match(line):
                literal = re.search(r'"(\w+)"', statement(lines[i:]))
                found.setdefault(literal[1] if literal else row[1], []).append(split(text))
    for name, formula in sections.items():
        if formula is None:
            continue
        if name in found:
            found[name] = [said or formula for said in found[name]]
        if f"{name}_backward" in found:
            gradient = formula.gradient.replace("dx", "d", 1)
            found[f"{name}_backward"] = [Mathematics(gradient, f"that of the gradient of {name}")]
    return found


def of_rows() -> dict[str, Mathematics | None]:
    """By the key of a row. Overloads that share a comment have it once in the files."""
    found, seen, result = mathematics(), {}, {}
    for key, row in ROWS.items():
        name = row["name"]
        said = found.get(name, [None])
        at = seen[name] = seen.get(name, -1) + 1
        result[key] = said[min(at, len(said) - 1)] or next((s for s in said if s), None)
    return result


def places(row: dict) -> str:
    """Where users find it: `wengert.f`, `x.f`, `F.f`, and the forms in place."""
    name, found = row["name"], []
    if row["module"]:
        found.append(f"`wengert.{name}`")
    if row["method"]:
        found.append(f"`x.{name}`")
    if row["functional"]:
        found.append(f"`F.{name}`")
    if row["inplace"]:
        found.append(f"`x.{name}_`")
    if row["inplace_functional"]:
        found.append(f"`F.{name}_`")
    return ", ".join(found) or "hidden"


def dtypes(key: str) -> str:
    """The dtypes in which the first sample runs."""
    row, sample = ROWS[key], SAMPLES[key][0]
    taken = []
    # Hidden rows trust their callers.
    asked = DTYPES if places(row) != "hidden" or sample.only is None else sample.only
    for dtype in asked:
        try:
            run(row, sample, dtype=dtype)
        except (RuntimeError, TypeError, ValueError, NotImplementedError):
            continue
        taken.append(dtype)
    ordered = [dtype for dtype in DTYPES if dtype in taken]
    return "all" if ordered == list(DTYPES) else ", ".join(ordered)


def gradient(row: dict, said: Mathematics) -> str:
    if said.gradient:
        return f"`{said.gradient}`" if " = " in said.gradient else said.gradient
    return "that of the rows it is made of" if row["composite"] else "none"


def cost(row: dict) -> str:
    """Multiply-adds, or that there are none, and what the tape keeps for the gradient."""
    if row["composite"]:
        return "that of the rows it is made of"
    if rule := PRODUCTS.get(row["name"]):
        work = f"{rule.said} multiply-adds"
    elif row["view"]:
        work = "none, a view"
    else:
        work = "a pass over the elements" if row["pointwise"] else "no product"
    tensors = [p["name"] for p in row["params"] if p["annotation"].startswith("Tensor")]
    outputs = row["outputs"] or ["the output"]
    kept = [name for i, name in enumerate(tensors) if row["reads"] >> min(i, 15) & 1]
    kept += [name for i, name in enumerate(outputs) if row["reads"] >> 16 + min(i, 15) & 1]
    if not row["differentiable"]:
        return work
    return f"{work}; kept for the gradient: {', '.join(kept) or 'nothing'}"


def page() -> str:
    lines, said = [HEAD], of_rows()
    for family, keys in FAMILIES.items():
        lines.append(f"## {family}\n")
        for key in keys:
            row, formula = ROWS[key], said[key]
            if formula is None:
                raise SystemExit(f"{key}: the comment above the row says no y = ...")
            lines += [
                f"### {row['name']}\n",
                f"`{row['name']}{row['signature']}`\n",
                f"{row['doc']}\n",
                f"- `{formula.value}`",
                f"- gradient: {gradient(row, formula)}",
                f"- cost: {cost(row)}",
                f"- {places(row)}; dtypes: {dtypes(key)}\n",
            ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    text = page()
    if arguments == ["--check"]:
        if PAGE.read_text() == text:
            return 0
        print("docs/operations.md: not up to date; run python -m tests.rows.page", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
