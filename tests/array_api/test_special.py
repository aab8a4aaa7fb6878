"""The special cases of the standard: NaN, infinities and signed zeros."""

import math

import pytest

import wengert as wg
from tests.array_api import special
from wengert import array_api as xp

NAMES = {"inf": math.inf, "nan": math.nan, "pi": math.pi, "True": True, "False": False}


def number(text):
    negative_zero = text.strip() == "-0"
    value = eval(text, {"__builtins__": {}}, NAMES)
    return -0.0 if negative_zero else value


def as_expected(found, text, near):
    text = text.strip()
    if text in ("True", "False"):
        return found is (text == "True")
    expected = number(text.removeprefix("~"))
    if math.isnan(expected):
        return math.isnan(found)
    if text.startswith("~"):
        return math.isclose(found, expected, rel_tol=near)
    return found == expected and math.copysign(1, found) == math.copysign(1, expected)


def check(name, cases, dtype, size):
    """The cases that fail. With more elements than one, vectors of the CPU compute them."""
    wrong = []
    for case in cases.split(";"):
        given, expected = case.split("=>")
        x = [wg.full((size,), number(text), dtype=dtype) for text in given.split(",")]
        if given.strip().endswith("-nan"):
            x[-1] = -wg.full((size,), math.nan, dtype=dtype)
        found = getattr(xp, name)(*x)
        near = 1e-6 if dtype is wg.float32 else 1e-14
        for value in (found[0].item(), found[-1].item()):
            if not as_expected(value, expected, near):
                wrong.append(f"{name}({given.strip()}) is {value}, not{expected}")
    return wrong


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
@pytest.mark.parametrize("table", [special.UNARY, special.BINARY], ids=["unary", "binary"])
def test_elements(table, dtype):
    wrong = []
    for name, cases in table.items():
        for size in (1, 19):
            wrong += check(name, cases, dtype, size)
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_whole_arrays():
    wrong = []
    for text, expected in special.WHOLE.items():
        found = eval(text, {"xp": xp, "nan": math.nan, "inf": math.inf}).item()
        if not as_expected(found, str(expected), 0):
            wrong.append(f"{text} is {found}, not {expected}")
    assert not wrong, "\n".join(wrong)
