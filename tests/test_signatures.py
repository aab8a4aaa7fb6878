"""Signatures are read while compiling: what is misspelt, or is no signature, does not compile."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parent.parent / "csrc"
COMPILER = shutil.which(os.environ.get("CXX", "c++"))

pytestmark = pytest.mark.skipif(
    not CSRC.is_dir() or COMPILER is None, reason="only in a source tree, with a compiler"
)

HEAD = """#include "wengert/tape/signature.h"
using namespace wengert;
constexpr Signature kCall =
    "(input: Tensor, dim: ints | None = None, *, how: 'a' | 'b' = 'b') -> Tensor";
constexpr Signature kOther = "(how: op, dim: int)";
"""
RIGHT = [
    'static_assert(kCall["dim"] == 0 && kCall["how"] == 1 && kCall.attributes() == 2);',
    'constexpr Signature kThird = "(dim: int, how: op)";',
    'static_assert(attribute("how", kCall, kThird) == 1);',
]
# A line, and the reason that the compiler shows.
WRONG = [
    ('int a = kCall["dims"];', "the signature has no argument of that name"),
    ('int b = kCall["input"];', "a tensor is no attribute"),
    ('int c = attribute("how", kCall, kOther);', "the signatures differ in that argument"),
    ('constexpr Signature d = "(dim: integer) -> Tensor";', "not in the vocabulary"),
    ('constexpr Signature e = "(dim) -> Tensor";', "an argument without a type"),
    ("constexpr Signature f = \"(how: 'a' = 'c') -> Tensor\";", "not among the choices"),
    ('constexpr Signature g = "dim: int -> Tensor";', "a signature begins with its arguments"),
    ("Signature named(const char* text) { return text; }", "text"),
]


def errors(tmp_path, lines):
    """What the compiler says of the lines, and the numbers of those it takes exception to."""
    source = tmp_path / "row.cpp"
    source.write_text(HEAD + "\n".join(lines) + "\n")
    command = [COMPILER, "-std=c++20", "-fsyntax-only", "-I", str(CSRC), str(source)]
    said = subprocess.run(command, capture_output=True, text=True).stderr
    first = HEAD.count("\n") + 1
    return said, {int(n) - first for n in re.findall(r"row\.cpp:(\d+):", said)}


def test_what_is_right_compiles(tmp_path):
    assert errors(tmp_path, RIGHT) == ("", set())


def test_what_is_wrong_does_not_compile(tmp_path):
    said, wrong = errors(tmp_path, [line for line, _ in WRONG])
    assert wrong >= set(range(len(WRONG))), said
    for _, reason in WRONG:
        assert reason in said


# `c.attrs.integer(0)`, `a.add_from(b, 1)`: what stands where by number.
NUMBER = re.compile(
    r"\b(?:attrs(?:\(\))?|a)\.(?:integer|real|flag|dtype_or|dtype|generator|ints|dims|scalar|has"
    r"|kind|op|set)\(\d|\badd_from\([\w.]+, \d|\breduced_mask\([\w.()]+, \d|\bDrawing\(c, \d"
)


def test_attributes_are_read_by_name():
    wrong = [
        f"{path.relative_to(CSRC)}: {line.strip()}"
        for path in sorted(CSRC.rglob("*.cpp")) + sorted(CSRC.rglob("*.h"))
        for line in path.read_text().splitlines()
        if NUMBER.search(line)
    ]
    assert not wrong
