"""Names, signatures and dtypes of the standard; what is not there says why."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
from tests.array_api import page, special, standard
from tests.array_api.expressions import GROUPS
from wengert import array_api as xp


def written(signature):
    """It without annotations."""
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    bare = signature.replace(parameters=parameters, return_annotation=signature.empty)
    return str(bare)[1:-1]


@pytest.mark.parametrize("part", [part for part in standard.FUNCTIONS if part != "fft"])
def test_signatures(part):
    where = xp.linalg if part == "linalg" else xp
    for name, signature in standard.FUNCTIONS[part].items():
        function = getattr(where, name)
        expected = standard.DEVIATIONS.get(name, signature)
        assert written(inspect.signature(function)) == expected, name
        assert function.__doc__ and function.__name__ == name


def test_missing():
    assert standard.missing().keys() == {"dtypes", "fft"}
    for name in ("complex64", "uint16", "fft", "no_such_name"):
        with pytest.raises(AttributeError, match=name):
            getattr(xp, name)


def test_every_function_is_tried():
    texts = "\n".join(text for group in GROUPS.values() for text in group)
    tried = [*special.UNARY, *special.BINARY]
    apart = {"can_cast", "finfo", "iinfo", "isdtype", "result_type", "__array_namespace_info__"}
    for part, functions in standard.FUNCTIONS.items():
        prefix = "xp.linalg." if part == "linalg" else "xp."
        for name in functions if part != "fft" else ():
            found = f"{prefix}{name}(" in texts or name in tried or name in {"conj", "real", "imag"}
            assert found or name in apart, name


def test_the_page_is_current():
    assert page.PAGE.read_text() == page.text(), "run python -m tests.array_api.page"


def test_real_numbers_have_complex_functions():
    x = wg.tensor([1.0, -2.0])
    assert xp.conj(x) is x and xp.real(x) is x and xp.imag(x).tolist() == [0.0, 0.0]


# ---- the namespace -----------------------------------------------------------------------------


def test_namespace():
    x = wg.ones(2)
    assert x.__array_namespace__() is xp
    assert x.__array_namespace__(api_version="2024.12") is xp
    assert xp.__array_api_version__ == "2024.12"
    assert xp.newaxis is None and (xp.pi, xp.inf) == (np.pi, np.inf) and xp.nan != xp.nan
    with pytest.raises(ValueError, match="1999"):
        x.__array_namespace__(api_version="1999.12")


def test_imported_when_it_is_asked_for():
    code = (
        "import sys, wengert; a = 'wengert.array_api' in sys.modules; "
        "wengert.ones(1).__array_namespace__(); print(a, 'wengert.array_api' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]


def test_info():
    info = xp.__array_namespace_info__()
    assert info.capabilities() == {
        "boolean indexing": True,
        "data-dependent shapes": True,
        "max dimensions": 16,
    }
    assert info.devices() == [info.default_device()] == [wg.device("cpu")]
    defaults = {"real floating": wg.float32, "integral": wg.int64, "indexing": wg.int64}
    assert info.default_dtypes(device="cpu") == defaults
    assert set(info.dtypes(kind="signed integer")) == {"int8", "int16", "int32", "int64"}
    assert set(info.dtypes(kind=("bool", "real floating"))) == {"bool", "float32", "float64"}
    assert info.dtypes(kind="complex floating") == {} and len(info.dtypes()) == 8
    with pytest.raises(RuntimeError, match="CPU only"):
        info.dtypes(device="cuda")


# ---- dtypes ------------------------------------------------------------------------------------

NAMES = ("bool", "int8", "int16", "int32", "int64", "uint8", "float32", "float64", "float16")


def test_promotion():
    mixed = {("int", "float"), ("float", "int")}
    for one in NAMES:
        for other in NAMES:
            expected = np.result_type(np.dtype(one), np.dtype(other))
            if (one.strip("u")[:3], other[:5]) in mixed or ("float" in one) != ("float" in other):
                continue  # which the standard leaves open
            found = xp.result_type(getattr(xp, one), wg.ones(2, dtype=getattr(xp, other)))
            assert str(found) == f"wengert.{expected}", (one, other)
    assert xp.result_type(wg.ones(2), wg.tensor(1.0, dtype=wg.float64)) is wg.float64
    assert xp.result_type(wg.int8, 3) is wg.int8 and xp.result_type(3, wg.float64) is wg.float64
    assert xp.result_type(wg.float32, 2.5, True) is wg.float32
    assert xp.result_type(wg.int8, 2.5) is wg.float32  # the default dtype, as in PyTorch
    assert xp.result_type(wg.bool, True) is wg.bool and xp.result_type(wg.bool, 2) is wg.int64
    for wrong, error in (((1, 2), ValueError), (("f4",), ValueError), ((wg.int8, "f4"), TypeError)):
        with pytest.raises(error):
            xp.result_type(*wrong)
    with pytest.raises(TypeError, match="complex"):
        xp.result_type(wg.float32, 1j)


def test_casting():
    for one in NAMES:
        for other in NAMES:
            found = xp.can_cast(getattr(xp, one), getattr(xp, other))
            assert found == np.can_cast(np.dtype(one), np.dtype(other)), (one, other)
    assert xp.can_cast(wg.ones(1), xp.float64) and not xp.can_cast(xp.float64, xp.float32)
    assert xp.can_cast(xp.bfloat16, xp.float32) and not xp.can_cast(xp.bfloat16, xp.float16)
    assert xp.can_cast(xp.int8, xp.bfloat16) and not xp.can_cast(xp.int16, xp.bfloat16)
    with pytest.raises(TypeError):
        xp.can_cast("f4", xp.float32)


def test_kinds():
    kinds = ("bool", "signed integer", "unsigned integer", "integral", "real floating", "numeric")
    for name in NAMES:
        for kind in (*kinds, "complex floating", ("bool", "integral")):
            expected = np.isdtype(np.dtype(name), kind)
            assert xp.isdtype(getattr(xp, name), kind) == expected, (name, kind)
    assert xp.isdtype(xp.int8, xp.int8) and xp.isdtype(xp.int8, (xp.int16, "integral"))
    with pytest.raises(ValueError, match="whole"):
        xp.isdtype(xp.int8, "whole")
    for wrong in ((np.int8, "bool"), (xp.int8, 3)):
        with pytest.raises(TypeError):
            xp.isdtype(*wrong)


def test_limits():
    for name in ("float32", "float64"):
        found, expected = xp.finfo(getattr(xp, name)), np.finfo(name)
        for field in ("bits", "eps", "max", "min", "smallest_normal"):
            assert getattr(found, field) == getattr(expected, field), (name, field)
        assert found.dtype is getattr(xp, name) and type(found.eps) is float
    for name in ("int8", "int16", "int32", "int64", "uint8"):
        found, expected = xp.iinfo(wg.zeros(2, dtype=getattr(xp, name))), np.iinfo(name)
        assert (found.bits, found.max, found.min) == (expected.bits, expected.max, expected.min)
        assert found.dtype is getattr(xp, name)
    for wrong in (
        lambda: xp.finfo(xp.int8),
        lambda: xp.iinfo(xp.float32),
        lambda: xp.iinfo(xp.bool),
    ):
        with pytest.raises(TypeError):
            wrong()
