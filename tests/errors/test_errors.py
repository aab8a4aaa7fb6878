"""Bad inputs are Python exceptions of PyTorch's types that say what was found; none is a crash."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import wengert as wg
from tests.conftest import torch
from tests.errors.table import ROWS
from wengert import _native

ROOT = Path(__file__).resolve().parents[2]

every_row = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


def raised(row, library):
    try:
        row.do(library)
    except Exception as error:
        return error
    return None


@every_row
def test_type_and_message(row):
    error = raised(row, wg)
    assert error is not None, "no exception"
    assert isinstance(error, row.error), f"{type(error).__name__}: {error}"
    assert re.search(row.contains, str(error), re.DOTALL), str(error)
    # What a module says of its attributes are PyTorch's words, which scripts look for.
    words = re.sub(r"torch\.(nn\.\w+|Tensor)", "", str(error))
    assert "torch" not in words.replace("PyTorch", "")


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", [r for r in ROWS if r.torch], ids=[r.name for r in ROWS if r.torch])
def test_the_type_is_torchs(row):
    error = raised(row, torch)
    assert error is not None, "torch raises nothing"
    # Ours may be a kind of torch's; NotImplementedError is one of RuntimeErrors.
    kind = RuntimeError if isinstance(error, NotImplementedError) else type(error)
    assert isinstance(raised(row, wg), kind), f"{type(error).__name__}: {error}"


LISTS = [row for row in _native.registry if row["params"][0]["annotation"] == "Tensors"]


@pytest.mark.parametrize("row", LISTS, ids=[row["name"] for row in LISTS])
@pytest.mark.parametrize("element", [None, 1, "a"])
def test_an_element_that_is_no_tensor_is_named(row, element):
    """Of every row that takes a list."""
    function = getattr(_native.ops, row["name"])
    kind = type(element).__name__
    for i in range(3):
        given = [wg.ones(2, 2)] * 3
        given[i] = element
        wanted = (
            f"{row['name']}: expected Tensor as element {i} in argument 'tensors', but got {kind}"
        )
        with pytest.raises(TypeError, match=re.escape(wanted)):
            function(given)


IN_PLACE = [n for n in dir(_native) if n.endswith("_") and callable(getattr(wg.Tensor, n, None))]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_forms_take_a_tensor_first(name):
    """As functions of the module, where nothing else says so."""
    for first in (2, 0.5, None):
        for more in ((), (1,), (wg.ones(2, 2),), (wg.ones(2, 2), wg.ones(2, 2))):
            with pytest.raises(TypeError):
                getattr(wg, name)(first, *more)


def test_names_are_unique_and_many():
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names) >= 80


def test_a_process_survives_all_of_them():
    done = subprocess.run(
        [sys.executable, "-m", "tests.errors.table"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{len(ROWS)} bad inputs")
