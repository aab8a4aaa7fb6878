"""What C++ is to call, and with what: tests/cpp/calls.h and the values for it.

Every function of `tests.functions` is called with that sample of its row that gives most arguments,
as a C++ user would write it. `tests/cpp/run_calls.cpp` runs them and compares the results with
Python's, which `save` leaves in a file.
"""

from __future__ import annotations

import math
import warnings
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import wengert as wg
from tests import functions
from tests.functions import ROOT, Function
from tests.rows.sample import SEED, Dtype, Sample, arrays, build
from tests.rows.table import SAMPLES, in_wengert, outputs
from wengert import _native
from wengert.serialization import save_safetensors

TARGET = ROOT / "tests" / "cpp" / "calls.h"
FAILURES = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError)


class Unsaid(Exception):
    """C++ has no words for the argument."""


class Call(NamedTuple):
    function: Function
    sample: Sample
    text: str  # the expression in C++

    @property
    def key(self) -> str:
        return f"{self.function.name} {self.function.nth}"


def given(row: dict, sample: Sample) -> dict[str, Any]:
    """The sample's arguments by their names."""
    found: dict[str, Any] = {}
    rest = list(sample.args)
    for p in row["params"]:
        if p["variadic"]:
            sequence = len(rest) == 1 and isinstance(rest[0], (list, tuple))
            found[p["name"]] = rest[0] if sequence else tuple(rest)
            rest = []
        elif rest and not p["keyword_only"]:
            found[p["name"]] = rest.pop(0)
    if rest:
        raise Unsaid
    return found | sample.kwargs


def number(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 2**31 else f"int64_t{{{value}}}"
    if not isinstance(value, float):
        raise Unsaid
    if math.isfinite(value):
        return repr(value)
    return "kNaN" if math.isnan(value) else "kInfinity" if value > 0 else "-kInfinity"


class Writer:
    """The arguments of one call, whose tensors are numbered as `arrays` meets them."""

    def __init__(self) -> None:
        self.count = 0

    def value(self, value: Any, type_: str) -> str:
        if value is None:
            return "nullptr" if type_ == "Generator*" else "{}"
        if isinstance(value, np.ndarray):
            self.count += 1
            return f"in({self.count - 1})"
        if isinstance(value, Dtype):
            name = value.name.replace("int", "Int").replace("float", "Float")
            return f"Dtype::k{name[0].upper()}{name[1:]}".replace("kUint", "kUInt")
        if isinstance(value, str):
            return f"Reduction::k{value.title()}" if type_ == "Reduction" else f'"{value}"'
        if isinstance(value, (list, tuple)):
            items = ", ".join(self.value(v, type_) for v in value)
            if type_ != "Tensors" and ("{}" in items or (not value and type_ != "const Dims&")):
                raise Unsaid  # None in a list; a list of nothing
            return f"Ints{{{items}}}" if type_ == "Ints" and len(value) == 1 else f"{{{items}}}"
        return number(value)


def text_of(f: Function, sample: Sample) -> str:
    """The call in C++."""
    values = given(f.row, sample)
    writer, texts = Writer(), {}
    fixed = {a.python: a for a in f.arguments if not a.name}
    types = {a.python: a.type for a in f.arguments}
    for name, value in values.items():
        if name in fixed:
            default = next(p["default"] for p in f.row["params"] if p["name"] == name)
            if repr(value) != default:
                raise Unsaid
            continue
        texts[name] = writer.value(value, types[name])
    if writer.count != len(arrays(sample)):
        raise Unsaid
    named = [a for a in f.arguments if a.name]
    last = max((i for i, a in enumerate(named) if a.python in texts), default=-1)
    defaults = {p["name"]: functions.argument(f.row, p).default for p in f.row["params"]}
    said = []
    for i, a in enumerate(named):
        default = defaults[a.python] if a.default is None else a.default
        if a.python not in texts and default is None:
            raise Unsaid
        if i <= last or a.default is None:
            said.append(texts.get(a.python, default))
    if f.changes:
        if said[0] != "in(0)":
            raise Unsaid
        said[0] = "x"
    return f"{f.name}({', '.join(said)})"


def in_python(f: Function, sample: Sample) -> list[wg.Tensor]:
    """What Python gives for it."""
    args, kwargs = build(sample, wg)
    called = in_wengert(f.row)
    if f.in_place:
        args = (args[0].clone(), *args[1:])
        where = wg.nn.functional if f.row["inplace_functional"] else wg.Tensor
        called = getattr(where if hasattr(where, f.name) else wg.Tensor, f.name)
    elif f.changes:
        args = (args[0].clone(), *args[1:])
    wg.manual_seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return outputs(called(*args, **kwargs))


def candidates(f: Function) -> list[Call]:
    """The samples that C++ can say, those with most arguments first."""
    found = []
    for sample in SAMPLES[f.key]:
        try:
            found.append(Call(f, sample, text_of(f, sample)))
        except Unsaid:
            continue
    return sorted(found, key=lambda call: -len(given(f.row, call.sample)))


def runs(call: Call) -> bool:
    try:
        in_python(call.function, call.sample)
    except FAILURES:
        return False
    return True


@cache
def calls() -> tuple[list[Call], list[str]]:
    """A call of every function but the aliases, and the names of those that no sample calls."""
    aliases = {f"{name}{tail}" for name in _native.aliases for tail in ("", "_")}
    found, without = [], []
    for f in (f for part in functions.functions().values() for f in part):
        if f.name in aliases:
            continue
        call = next(filter(runs, candidates(f)), None)
        if call is None:
            without.append(f.name)
        else:
            found.append(call)
    return found, without


def file() -> str:
    lines = []
    for call in calls()[0]:
        copy = "Tensor x = in.copy(); " if call.function.changes else ""
        taken = "in" if copy or "in(" in call.text else ""
        body = f"{copy}return given({call.text});"
        lines.append(f'{{"{call.key}", [](const In& {taken}) {{ {body} }}}},')
    return f"// {functions.WRITTEN}\n// clang-format off\n" + "\n".join(lines) + "\n"


def save(path: str | Path) -> int:
    """The arguments and the results of every call, for run_calls.cpp; how many calls there are."""
    data = {"seed": wg.tensor(SEED)}
    made, _ = calls()
    for call in made:
        args, kwargs = build(call.sample, wg)
        tensors = [t for v in [*args, *kwargs.values()] for t in flat(v)]
        for i, x in enumerate(tensors):
            data[f"{call.key}.in.{i}"] = x.contiguous()
        for i, y in enumerate(in_python(call.function, call.sample)):
            data[f"{call.key}.out.{i}"] = y.detach().contiguous().clone()
    save_safetensors(data, str(path))
    return len(made)


def flat(value: Any) -> list[wg.Tensor]:
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in flat(v)]
    return [value] if isinstance(value, wg.Tensor) else []
