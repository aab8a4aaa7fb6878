"""Function by function: what NumPy gives."""

import math

import numpy as np
import pytest

import wengert as wg
from tests.array_api import expressions

if np.lib.NumpyVersion(np.__version__) < "2.1.0":
    pytest.skip("follows an older standard", allow_module_level=True)

ARRAYS = expressions.arrays()
TENSORS = {name: wg.from_numpy(array.copy()) for name, array in ARRAYS.items()}
TIGHT = {"float32": 2e-6, "float64": 1e-12}


@pytest.fixture(autouse=True)
def double():
    """NumPy's default dtype."""
    wg.set_default_dtype(wg.float64)
    yield
    wg.set_default_dtype(wg.float32)


def same(found, expected, text):
    if isinstance(expected, (tuple, list)):
        assert len(found) == len(expected), text
        for one, other in zip(found, expected, strict=True):
            same(one, other, text)
    elif isinstance(expected, (np.ndarray, np.generic)):
        assert isinstance(found, wg.Tensor), text
        expected = np.asarray(expected)
        assert str(found.dtype) == f"wengert.{expected.dtype}", text
        assert tuple(found.shape) == expected.shape, text
        tolerance = TIGHT.get(str(expected.dtype), 0)
        np.testing.assert_allclose(
            found.numpy(), expected, rtol=tolerance, atol=tolerance, err_msg=text
        )
    else:
        assert found == expected and type(found) is type(expected), text


def evaluate(text, xp, values):
    with np.errstate(all="ignore"):
        return eval(text, {"np": np, "math": math}, {**values, "xp": xp})


@pytest.mark.parametrize("group", expressions.GROUPS)
def test_values(group):
    xp = TENSORS["f64"].__array_namespace__()
    wrong = []
    for text in expressions.GROUPS[group]:
        expected = evaluate(text, np, ARRAYS)
        try:
            same(evaluate(text, xp, TENSORS), expected, text)
        except Exception as error:  # all of them are wanted
            wrong.append(f"{text}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(wrong)
