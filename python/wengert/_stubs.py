"""Writes the type stubs from the op registry: ``python -m wengert._stubs [--check] [DIRECTORY]``.

The signatures of the ops come from their rows; what is not an op is in the templates of
`_stub_templates`. DIRECTORY is the package's source, by default the one that is imported. With
``--check`` nothing is written: the exit status is 1, after the first difference, if a stub is not
what would be written.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from . import _native
from . import _stub_functional as in_functional
from . import _stub_templates as templates
from ._stub_matrices import METHODS

_WIDTH = 100
_WORDS = {
    "Tensor": "Tensor",
    "Tensors": "Sequence[Tensor]",
    "Operand": "_Operand",
    "Number": "_Number",
    "int": "_int",
    "ints": "_ints",
    "sizes": "Sequence[_int]",
    "float": "_float",
    "floats": "_floats",
    "bool": "_bool",
    "dtype": "_dtype",
    "Generator": "Generator",
    "None": "None",
}

#: What every op that makes a tensor from nothing takes besides its own arguments.
_CREATION = (
    "device: _DeviceLike = None",
    "layout: _layout | None = None",
    "pin_memory: _bool = False",
    "requires_grad: _bool = False",
)

_Row = dict[str, Any]


# ---- one signature ---------------------------------------------------------------------------


def _annotation(text: str) -> str:
    """A type in the words of a signature, as a type of the stubs."""
    words = [word.strip() for word in text.split("|")]
    choices = [word.strip("'") for word in words if word.startswith("'")]
    if choices == ["None"]:  # single ones may be None
        return "_int | Sequence[_int | None]"
    types = [_WORDS[word] for word in words if word in _WORDS]
    if "_int" in types and "_ints" in types:
        types.remove("_int")
    if choices:
        types.insert(0, "Literal[" + ", ".join(f'"{choice}"' for choice in choices) + "]")
    return " | ".join(types)


def _default(text: str | None) -> str:
    return "" if text is None else " = " + text.replace("'", '"')


def _parameter(param: dict[str, Any]) -> str:
    return f"{param['name']}: {_annotation(param['annotation'])}{_default(param['default'])}"


def _parameters(row: _Row, method: bool, extras: Sequence[str]) -> Iterator[list[str]]:
    """The parameter lists of a row: two if it takes sizes one by one or as a sequence."""
    params = row["params"][1:] if method else row["params"]
    own = {param["name"] for param in params}
    extras = [extra for extra in extras if extra.partition(":")[0] not in own]
    variadic = any(param["variadic"] and param["annotation"] == "ints" for param in params)
    for sequence in (False, True) if variadic else (False,):
        out = ["self"] if method else []
        starred = False
        for param in params:
            if param["variadic"]:
                default = _default(param["default"])
                name = param["name"]
                one = "_int" if variadic else "Tensor | Sequence[Tensor]"
                out.append(f"{name}: Sequence[_int]{default}" if sequence else f"*{name}: {one}")
                starred = not sequence
                continue
            if param["keyword_only"] and not starred:
                out.append("*")
                starred = True
            out.append(_parameter(param))
        if extras and not starred:
            out.append("*")
        yield [*out, *extras]


def tuple_name(fields: Sequence[str]) -> str:
    """The name of the named tuple of several outputs."""
    return "_" + "".join(part.title() for field in fields for part in field.split("_"))


def _result(row: _Row, inplace: bool) -> str:
    if inplace:
        return "Self"
    if row["returns_list"]:
        return "tuple[Tensor, ...]"
    return tuple_name(row["outputs"]) if len(row["outputs"]) > 1 else "Tensor"


def _one_a_line(indent: str, param: str) -> list[str]:
    """A parameter in a line of its own; a long choice in three, one that is longer in more."""
    if len(indent + param) < _WIDTH or "Literal[" not in param:
        return [f"{indent}{param},"]
    head, _, rest = param.partition("Literal[")
    choices, _, tail = rest.partition("]")
    inner = f"{indent}    {choices}"
    each = [inner] if len(inner) <= _WIDTH else [f"{indent}    {c}," for c in choices.split(", ")]
    return [f"{indent}{head}Literal[", *each, f"{indent}]{tail},"]


def _format(name: str, params: list[str], result: str, indent: str) -> list[str]:
    """One definition, laid out as the formatter does."""
    line = f"{indent}def {name}({', '.join(params)}) -> {result}: ..."
    if len(line) <= _WIDTH:
        return [line]
    inner = f"{indent}    {', '.join(params)}"
    if len(inner) <= _WIDTH:
        return [f"{indent}def {name}(", inner, f"{indent}) -> {result}: ..."]
    lines = [line for param in params for line in _one_a_line(f"{indent}    ", param)]
    return [f"{indent}def {name}(", *lines, f"{indent}) -> {result}: ..."]


# ---- all signatures of one name --------------------------------------------------------------


def _extras(row: _Row, form: str) -> list[str]:
    extras: list[str] = []
    if form == "module":
        several = len(row["outputs"]) > 1
        if not row["returns_list"] and not row["mutates"]:
            kind = f"tuple[{', '.join(['Tensor'] * len(row['outputs']))}]" if several else "Tensor"
            extras.append(f"out: {kind} | None = None")
    if row["creation"] and form in ("module", "method"):
        extras += _CREATION
        if row["params"] and row["params"][0]["annotation"] == "Tensor":
            extras.append("memory_format: _memory_format | None = None")
    elif "memory_format" in row["doc"]:
        extras.append("memory_format: _memory_format | None = None")
    return extras


def _with_inplace(params: list[str]) -> list[str]:
    """`inplace`, which may be given by position: behind the last positional parameter."""
    if any(param.startswith("inplace:") for param in params):
        return params
    at = params.index("*") if "*" in params else len(params)
    return [*params[:at], "inplace: _bool = False", *params[at:]]


def _covers(wide: tuple[list[str], str], narrow: tuple[list[str], str]) -> bool:
    """Whether `wide` is `narrow` and optional parameters behind it."""
    more = wide[0][len(narrow[0]) :]
    same = wide[1] == narrow[1] and wide[0][: len(narrow[0])] == narrow[0]
    return same and all(param == "*" or " = " in param for param in more)


def _signatures(rows: Iterable[_Row], form: str) -> list[tuple[list[str], str]]:
    found: list[tuple[list[str], str]] = []
    for row in rows:
        method = form in ("method", "inplace method")
        inplace = method and (form == "inplace method" or row["mutates"])
        for params in _parameters(row, method, _extras(row, form)):
            if form == "functional" and row["inplace_functional"]:
                params = _with_inplace(params)
            signature = (params, _result(row, inplace))
            if form == "inplace function":
                signature = (params, "Tensor")
            if not any(_covers(other, signature) for other in found):
                found = [other for other in found if not _covers(signature, other)]
                found.append(signature)
    return found


def _definitions(name: str, rows: Iterable[_Row], form: str, indent: str = "") -> list[str]:
    signatures = _signatures(rows, form)
    lines: list[str] = []
    for i, (params, result) in enumerate(signatures):
        if len(signatures) > 1:
            lines.append(f"{indent}@overload")
        at = len(lines)
        lines += _format(name, params, result, indent)
        if any(after[0].startswith("*tensors") for after, _ in signatures[i + 1 :] if after):
            lines[at] += "  # type: ignore[overload-overlap]"  # one tensor is no list of one
    return lines


def _surface(flag: str, form: str, suffix: str = "") -> dict[str, tuple[str, list[_Row]]]:
    """The rows that have a form, by the names they have there."""
    more: dict[str, list[str]] = {}
    for alias, name in _native.aliases.items() if form != "functional" else ():
        more.setdefault(name, []).append(alias)
    names: dict[str, tuple[str, list[_Row]]] = {}
    for row in _native.registry:
        if row[flag]:
            for name in (row["name"], *more.get(row["name"], ())):
                names.setdefault(name + suffix, (form, []))[1].append(row)
    return names


def _section(*surfaces: dict[str, tuple[str, list[_Row]]], indent: str = "") -> str:
    merged: dict[str, tuple[str, list[_Row]]] = {}
    for surface in surfaces:
        for name, entry in surface.items():
            merged.setdefault(name, entry)
    lines = (
        _definitions(name, rows, form, indent) for name, (form, rows) in sorted(merged.items())
    )
    return "\n".join(itertools.chain.from_iterable(lines))


# ---- the files -------------------------------------------------------------------------------


def _named_tuples() -> str:
    shown = [row for row in _native.registry if row["method"] or row["module"] or row["functional"]]
    fields = {tuple(row["outputs"]) for row in shown if len(row["outputs"]) > 1}
    classes = []
    for names in sorted(fields):
        body = "\n".join(f"    {name}: Tensor" for name in names)
        classes.append(f"class {tuple_name(names)}(NamedTuple):\n{body}\n")
    return "\n".join(classes)


def native() -> str:
    """The stub of the extension module."""
    methods = _section(
        _surface("method", "method"), _surface("inplace", "inplace method", "_"), indent="    "
    )
    functions = _section(_surface("module", "module"), _surface("inplace", "inplace function", "_"))
    return templates.NATIVE.replace("    def equal(", METHODS + "    def equal(", 1).format(
        public="\n".join(f'    "{name}",' for name in _native.__all__),
        methods=methods,
        functions=functions,
        named_tuples=_named_tuples(),
        dtypes="\n".join(f"{name}: _dtype" for name in templates.DTYPES),
        casts="\n".join(
            f"    def {name}(self, memory_format: _memory_format | None = None) -> Tensor: ..."
            for name in templates.CASTS
        ),
    )


def _imports(words: dict[str, str], text: str) -> str:
    """Imports of those words that the text has, in the order of the linter."""
    used = [word for word in words if re.search(rf"(?<![\w\"']){word}\b", text)]
    lines = []
    for module in sorted({words[word] for word in used}, key=lambda m: (m.startswith("."), m)):
        names = [word for word in used if words[word] == module]
        names.sort(key=lambda name: (not name[0].isupper(), name.lower()))
        if not module.startswith("."):
            lines.append(f"from {module} import {', '.join(names)}")
            continue
        lines.append("")
        lines += [f"from {module} import {name} as {name}" for name in names]
    return "\n".join(lines)


def functional() -> str:
    """The stub of `nn.functional`."""
    own = _surface("functional", "functional")
    inplace = _surface("inplace_functional", "inplace function", "_")
    functions = _section(own, inplace) + "\n" + in_functional.FUNCTIONAL_PYTHON.rstrip()
    tuples = {tuple_name(row["outputs"]): ".._native" for _, rows in own.values() for row in rows}
    return in_functional.FUNCTIONAL.format(
        imports=_imports(templates.WORDS | tuples, functions), functions=functions
    )


def stubs() -> dict[str, str]:
    """Path below the package, and text, of every generated stub."""
    return {"_native.pyi": native(), "nn/functional.pyi": functional()}


def difference(directory: Path) -> str:
    """Empty if the stubs in `directory` are up to date, else a diff of what would change."""
    lines: list[str] = []
    for path, wanted in stubs().items():
        file = directory / path
        found = file.read_text("utf-8") if file.exists() else ""
        lines += difflib.unified_diff(
            found.splitlines(), wanted.splitlines(), path, f"{path} (registry)", lineterm="", n=1
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Writes or checks the stubs; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m wengert._stubs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("directory", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    args = parser.parse_args(argv)
    if args.check:
        changes = difference(args.directory)
        if changes:
            print(changes)
            print("stubs: not up to date; run python -m wengert._stubs", file=sys.stderr)
        return 1 if changes else 0
    for path, text in stubs().items():
        (args.directory / path).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
