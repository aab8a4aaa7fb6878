"""Writes the C++ functions of rows that have none by hand: python -m tests.functions [--check]

For every public row that no header declares by hand, csrc/wengert/ops/<family>/functions.h declares
a function that calls it, with the names, the order and the defaults of its signature; for what runs
in place a second one, with `_` behind its name; for an alias another. functions.cpp beside it has
the calls. What is left out, and why, stands below. tests/cpp/calls.h calls them all, for the tests.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests import methods
from tests.methods import CSRC, ROOT

WRITTEN = "Written by `python -m tests.functions` from the signatures of the rows; do not edit."

# ---- what is decided by hand -----------------------------------------------------------------

# Public rows without a C++ function of their own, by the reason.
LEFT_OUT = {
    "a flag in the place of a dimension; `correction` says the same": (
        "var(Tensor, bool)",
        "var(Tensor, ints | None, bool, bool)",
        "std(Tensor, bool)",
        "std(Tensor, ints | None, bool, bool)",
        "var_mean(Tensor, bool)",
        "var_mean(Tensor, ints | None, bool, bool)",
        "std_mean(Tensor, bool)",
        "std_mean(Tensor, ints | None, bool, bool)",
    ),
    "the function of `nn.functional` has the name in C++": (
        "unfold(Tensor, int, int, int)",
        "embedding(Tensor, Tensor, int, bool, bool)",
        "layer_norm(Tensor, sizes, Tensor | None, Tensor | None, float, bool)",
        "group_norm(Tensor, int, Tensor | None, Tensor | None, float, bool)",
        "batch_norm(Tensor, Tensor | None, Tensor | None, Tensor | None, Tensor | None, bool, "
        "float, float, bool)",
        "instance_norm(Tensor, Tensor | None, Tensor | None, Tensor | None, Tensor | None, bool, "
        "float, float, bool)",
        "dropout(Tensor, float, bool)",
        "alpha_dropout(Tensor, float, bool)",
        "feature_alpha_dropout(Tensor, float, bool)",
        "adaptive_max_pool1d(Tensor, ints)",
    ),
    "a result of two kinds; the function `..._with_indices` gives both": (
        "max_pool1d(Tensor, ints, ints | None, ints, ints, bool, bool)",
        "max_pool2d(Tensor, ints, ints | None, ints, ints, bool, bool)",
        "max_pool3d(Tensor, ints, ints | None, ints, ints, bool, bool)",
    ),
    "a number in C++, which a word would be as well; `linalg::matrix_norm` takes both": (
        "norm(Tensor, 'fro' | 'nuc', ints | None, bool, dtype | None)",
    ),
    "the arguments in the other order, for the method": ("polygamma(Tensor, int)",),
}
# Rows whose name is declared by hand, but not with these arguments; what tells them apart has no
# default in C++.
MORE = {
    "add(Operand, Operand, Number)": "alpha",
    "sub(Operand, Operand, Number)": "alpha",
    "div(Operand, Operand, 'trunc' | 'floor' | None)": "rounding_mode",
    "round(Tensor, int)": "decimals",
    "max(Tensor, Tensor)": "other",
    "min(Tensor, Tensor)": "other",
    "median(Tensor, int, bool)": "dim",
    "scatter(Tensor, int, Tensor, Tensor, 'add' | 'multiply')": "reduce",
    "scatter(Tensor, int, Tensor, Operand, 'add' | 'multiply')": "reduce",
    "view(Tensor, dtype)": "dtype",
    "split(Tensor, ints, int)": "split_size_or_sections",
    "where(Tensor)": "condition",
    "conv1d(Tensor, Tensor, Tensor | None, ints, 'valid' | 'same', ints, int)": "padding",
    "conv2d(Tensor, Tensor, Tensor | None, ints, 'valid' | 'same', ints, int)": "padding",
    "conv3d(Tensor, Tensor, Tensor | None, ints, 'valid' | 'same', ints, int)": "padding",
    "softmax(Tensor, int, dtype | None)": "dtype",
    "log_softmax(Tensor, int, dtype | None)": "dtype",
    "mse_loss(Tensor, Tensor, bool | None, bool | None, 'none' | 'mean' | 'sum', Tensor | None)": (
        "weight"
    ),
    "l1_loss(Tensor, Tensor, bool | None, bool | None, 'none' | 'mean' | 'sum', Tensor | None)": (
        "weight"
    ),
    "huber_loss(Tensor, Tensor, 'none' | 'mean' | 'sum', float, Tensor | None)": "weight",
    "arange(Number, dtype | None)": "end",
}
# Would be taken for the repeats of a tensor.
FIXED_IN = {"repeat_interleave(Tensor, int | None)": "output_size"}
# Arguments that stay at their defaults: PyTorch's C++ functions have none of them either, or, as
# return_indices and inplace, a function of another name.
FIXED = {
    ("size_average", "bool | None"),
    ("reduce", "bool | None"),
    ("_stacklevel", "int"),
    ("return_indices", "bool"),
    ("inplace", "bool"),
    ("sparse", "bool"),
}


def reason_of(key: str) -> str | None:
    """Why C++ has no function of the row, if that is so."""
    return next((reason for reason, keys in LEFT_OUT.items() if key in keys), None)


# ---- from a signature to C++ -----------------------------------------------------------------


class Argument(NamedTuple):
    name: str  # in C++; empty if it has none there
    kind: str  # "input", "list" or "attribute"
    type: str
    default: str | None  # in C++
    passed: str  # what the row is given
    python: str  # its name in the row's signature
    words: tuple[str, ...] = ()

    @property
    def parameter(self) -> str:
        gap = "" if self.type.endswith(" ") else " "
        tail = "" if self.default is None else f" = {self.default}"
        return f"{self.type}{gap}{self.name}{tail}"


def default_of(text: str | None) -> str | None:
    """A default of Python's as C++ writes it."""
    if text is None:
        return None
    known = {"None": "{}", "True": "true", "False": "false"}
    if text.startswith(("(", "[")):
        return "{" + text[1:-1].rstrip(",") + "}"
    return known.get(text, text.replace("'", '"'))


def choices(annotation: str) -> tuple[str, ...]:
    return tuple(re.findall(r"'(\w[\w-]*)'", annotation))


# Annotation without None: type, type with None, what is passed, with None.
TYPES = {
    "int": ("int64_t", "std::optional<int64_t>", "{}", "{}"),
    "ints": ("Ints", "Ints", "{}", "calling::some({})"),
    "sizes": ("const Dims&", "", "{}", ""),
    "int | ints": ("Ints", "Ints", "calling::one_or_more({})", "calling::one_or_more({})"),
    "int | ints | 'None'": ("Ints", "Ints", "calling::one_or_more({})", "calling::one_or_more({})"),
    "float": ("double", "std::optional<double>", "{}", "{}"),
    "floats": ("Floats", "Floats", "{}", "{}"),
    "bool": ("bool", "std::optional<bool>", "{}", "{}"),
    "dtype": ("Dtype", "std::optional<Dtype>", "{}", "{}"),
    "Number": ("const Scalar&", "std::optional<Scalar>", "{}", "{}"),
    "Generator": ("", "Generator*", "", "{}"),
}
INPUTS = {"Tensor": "const Tensor&", "Operand": "const Operand&"}


def argument(row: dict, p: dict, required: str | None = None, fixed: str = "") -> Argument:
    """An argument of the row in C++."""
    python, annotation = p["name"], p["annotation"]
    word = annotation.removesuffix(" | None")
    optional = word != annotation
    default = None if python == required else default_of(p["default"])
    name = python.lstrip("_")
    if (python, annotation) in FIXED or python == fixed:
        value = default_of(p["default"])
        value = "nullptr" if value == "{}" else f"int64_t{{{value}}}" if word == "int" else value
        return Argument("", "attribute", "", None, value, python)
    if word in INPUTS:
        return Argument(name, "input", INPUTS[word], default, name, python)
    if word == "Tensors":
        return Argument(name, "list", "Tensors", default, name, python)
    words = choices(word)
    if word not in TYPES and words == ("none", "mean", "sum"):
        if default is not None:
            default = f"Reduction::k{default[1:-1].title()}"
        return Argument(name, "attribute", "Reduction", default, name, python, words)
    if word not in TYPES:
        passed = f'calling::choice(op, "{python}", {name})'
        return Argument(name, "attribute", "Word", default, passed, python, words)
    if p["variadic"] and row["creation"]:  # a whole shape
        word = "sizes"
    plain, with_none, passed, passed_with_none = TYPES[word]
    kind = with_none if optional else plain
    if kind == "Generator*" and default is not None:
        default = "nullptr"
    passed = (passed_with_none if optional else passed).format(name)
    return Argument(name, "attribute", kind, default, passed, python)


def required_before(found: list[Argument]) -> list[Argument]:
    """What stands before an argument without a default has none either."""
    last = max((i for i, a in enumerate(found) if a.name and a.default is None), default=-1)
    return [a._replace(default=None) if i < last else a for i, a in enumerate(found)]


def filled(head: str, items: list[str], tail: str) -> list[str]:
    """The items behind the head, with commas, in lines that begin below each other."""
    lines, under = [head], " " * len(head)
    for i, item in enumerate(items):
        piece = item + (tail if i + 1 == len(items) else ",")
        gap = "" if lines[-1] in (head, under) else " "
        if len(lines[-1]) + len(gap) + len(piece) > methods.WIDTH and gap:
            lines.append(under + piece)
        else:
            lines[-1] += gap + piece
    if not items:
        lines[-1] += tail
    return lines


class Function(NamedTuple):
    key: str
    row: dict
    nth: int  # among the rows of that name
    name: str
    in_place: bool
    arguments: tuple[Argument, ...]

    @property
    def changes(self) -> bool:
        """Whether it gives its first argument back."""
        return self.name.endswith("_")

    @property
    def ways(self) -> tuple[str, str]:
        """The result in C++, and what of `calling` makes it."""
        returns = self.row["signature"].split("->")[1].strip()
        if self.changes:
            return "Tensor&", "in_place"
        if self.row["returns_list"] and returns.startswith("list"):
            return "std::vector<Tensor>", "many"
        count = returns.count("Tensor")
        if returns.startswith(("tuple", "(")) and count == 2:
            return "std::pair<Tensor, Tensor>", "two"
        if returns.startswith(("tuple", "(")):
            assert count == 3, f"{self.key} returns {returns}"
            return "std::tuple<Tensor, Tensor, Tensor>", "three"
        return "Tensor", "one"

    @property
    def parameters(self) -> list[Argument]:
        """Those that C++ has."""
        named = [a for a in self.arguments if a.name]
        if self.changes:
            named[0] = named[0]._replace(type="Tensor&", default=None)
        return named

    def head(self, parameters: list[str], tail: str) -> list[str]:
        head = f"{self.ways[0]} {self.name}("
        lines = filled(head, parameters, tail)
        if any(len(line) > methods.WIDTH for line in lines):
            lines = [head, *(line[3:] for line in filled(" " * 7, parameters, tail))]
        return lines

    def declared(self) -> str:
        says = re.match(r"[^\n]+?\.(?=\s|$)", self.row["doc"])
        own = self.name == self.row["name"] and says and len(says[0]) + 3 <= methods.WIDTH
        note = [f"// {says[0].removesuffix('.')}"] if own else []
        return "\n".join([*note, *self.head([a.parameter for a in self.parameters], ");")])

    def defined(self) -> str:
        plain = [a._replace(default=None).parameter for a in self.parameters]
        lines = self.head(plain, ") {")
        which = f", {self.nth}" if self.nth else ""
        lines.append(f'  static const Op& op = calling::row("{self.row["name"]}"{which});')
        inputs = [a.passed for a in self.arguments if a.kind == "input"]
        lists = [a.passed for a in self.arguments if a.kind == "list"]
        attributes = [a.passed for a in self.arguments if a.kind == "attribute"]
        given = ["op"]
        if self.changes:
            given.append(inputs.pop(0))
        call = f"  return calling::{self.ways[1]}("
        blocks = []
        if not self.changes or inputs or attributes:
            blocks.append(inputs)
        if attributes or lists:
            blocks.append(attributes)
        one = ", ".join([*given, *("{" + ", ".join(b) + "}" for b in blocks), *lists])
        if len(call) + len(one) + 2 <= methods.WIDTH:
            lines.append(f"{call}{one});")
        else:
            lines.append(f"{call}{', '.join(given)},")
            for i, block in enumerate(blocks):
                end = "}," if i + 1 < len(blocks) else "}" + "".join(f", {n}" for n in lists) + ");"
                lines += filled(" " * len(call) + "{", block, end)
        return "\n".join([*lines, "}"])


def function(key: str, row: dict, nth: int, name: str, in_place: bool) -> Function:
    fixed = FIXED_IN.get(key, "")
    found = [argument(row, p, MORE.get(key), fixed) for p in row["params"]]
    return Function(key, row, nth, name, in_place, tuple(required_before(found)))


# ---- which there are -------------------------------------------------------------------------


def names_in(header: Path) -> set[str]:
    """The functions that a header declares."""
    text = header.read_text()
    return set(re.findall(r"^[\w:]\S*(?: \S+>)?&? (\w+)\(", text, re.MULTILINE))


@cache
def by_hand() -> frozenset[str]:
    """The names that installed headers declare otherwise."""
    return frozenset(name for header in methods.headers() for name in names_in(header))


def is_public(row: dict) -> bool:
    import wengert as wg

    return row["module"] or row["method"] or row["functional"] or row["name"] in wg.special.__all__


def declared() -> set[str]:
    """The names of all functions that C++ users have."""
    written = [p for p in files() if p.name == "functions.h" and p.is_file()]
    return set(by_hand()).union(*map(names_in, written))


@cache
def functions() -> dict[str, list[Function]]:
    """All of them, by family, in the order of the registry."""
    from tests.rows.table import FAMILIES, ROWS
    from wengert import _native

    family_of = {key: family for family, keys in FAMILIES.items() for key in keys}
    found: dict[str, list[Function]] = {}
    seen: dict[str, int] = {}
    for key, row in ROWS.items():
        nth = seen.get(row["name"], 0)
        seen[row["name"]] = nth + 1
        if not is_public(row) or reason_of(key) is not None:
            continue
        twin = row["inplace"] or row["inplace_functional"]
        names = [row["name"], *(n for n, of in _native.aliases.items() if of == row["name"])]
        for name in names:
            more = key in MORE or name != row["name"]
            part = []
            if more or name not in by_hand():
                part.append(function(key, row, nth, name, False))
            if twin and (more or f"{name}_" not in by_hand()):
                part.append(function(key, row, nth, f"{name}_", True))
            if part:
                found.setdefault(family_of[key], []).extend(part)
    return dict(sorted(found.items()))


# ---- the files -------------------------------------------------------------------------------


def special_names() -> str:
    """`namespace special` with the names of Python's module."""
    import wengert as wg

    lines = ["// The names of PyTorch's torch::special.", "namespace special {"]
    for name in wg.special.__all__:
        of = getattr(wg.special, name).__name__
        lines.append(
            f"using wengert::{name};"
            if of == name
            else f"inline constexpr auto& {name} = wengert::{of};"
        )
    return "\n".join([*lines, "}  // namespace special", ""])


# What `namespace special` names beside its own family.
NEEDED = {
    "special": [
        "loss/loss",
        "pointwise/functions",
        "pointwise/pointwise",
        "reduce/reduce",
        "special/special",
    ],
}
SPLIT = {"pointwise"}  # so many that those in place have a file of their own


def header(family: str, part: list[Function]) -> str:
    more = ["", special_names()] if family == "special" else []
    includes = ["argument", *NEEDED.get(family, ())]
    title = "Functions for C++ users of the rows of this family that no other header declares."
    return "\n".join(
        [
            f"// {title}",
            f"// {WRITTEN}",
            "#pragma once",
            "",
            *(f'#include "wengert/ops/{name}.h"' for name in includes),
            "",
            "// clang-format off",
            "namespace wengert {",
            "",
            *(f.declared() for f in part),
            *more,
            "",
            "}  // namespace wengert",
            "",
        ]
    )


def source(family: str, part: list[Function]) -> str:
    return "\n".join(
        [
            f"// {WRITTEN}",
            "// clang-format off",
            f'#include "wengert/ops/{family}/functions.h"',
            "",
            '#include "wengert/ops/calling.h"',
            "",
            "namespace wengert {",
            "",
            *(f.defined() for f in part),
            "",
            "}  // namespace wengert",
            "",
        ]
    )


def files() -> dict[Path, str]:
    from tests import function_calls

    found = {function_calls.TARGET: function_calls.file()}
    for family, part in functions().items():
        folder = CSRC / "ops" / family
        found[folder / "functions.h"] = header(family, part)
        if family in SPLIT:
            found[folder / "in_place.cpp"] = source(family, [f for f in part if f.in_place])
            part = [f for f in part if not f.in_place]
        found[folder / "functions.cpp"] = source(family, part)
    return found


def outdated() -> list[str]:
    """The files that are not what they should be, or should not be there."""
    wanted = files()
    found = {
        p for name in ("functions.*", "in_place.cpp") for p in (CSRC / "ops").glob(f"*/{name}")
    }
    wrong = [p for p, text in wanted.items() if not p.is_file() or p.read_text() != text]
    return [str(p.relative_to(ROOT)) for p in [*wrong, *sorted(found - wanted.keys())]]


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if wrong := outdated():
            sys.exit(
                f"not as the signatures say: {', '.join(wrong)}; run python -m tests.functions"
            )
    else:
        for path, text in files().items():
            path.write_text(text)
