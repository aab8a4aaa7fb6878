"""docs/coverage.md is what the command writes, and its list of what is missing is complete."""

import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows import coverage
from tests.rows.missing import MISSING

pytestmark = pytest.mark.skipif(
    not (coverage.ROOT / "csrc").is_dir(), reason="only in a source tree"
)
OF_TORCH_ITSELF = {"assert_int_or_pair", "boolean_dispatch", "grouped_mm", "handle_torch_function"}


def listed(place: str) -> set[str]:
    return {name for places in MISSING.values() for name in places.get(place, "").split()}


def test_the_page_is_up_to_date():
    assert coverage.PAGE.read_text() == coverage.page(), "run python -m tests.rows.coverage"


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("place", coverage.PLACES)
def test_what_is_missing_is_there_in_torch(place):
    theirs = coverage.PLACES[place](torch)
    unknown = sorted(name for name in listed(place) if not hasattr(theirs, name))
    assert not unknown, f"not in torch: {unknown}"


def _functions() -> list[str]:
    """Of nn.functional, without what only the library itself calls, or other dtypes need."""
    found = []
    for name in dir(torch.nn.functional):
        function = getattr(torch.nn.functional, name)
        own = getattr(function, "__module__", "") in ("torch.nn.functional", None, "torch._C._nn")
        helper = name in OF_TORCH_ITSELF or "torch_function" in name or name.startswith("scaled_")
        if callable(function) and own and not helper and name[0].islower():
            found.append(name)
    return found


def _public(module) -> list[str]:
    """The functions and classes that a module has."""
    return [name for name, x in vars(module).items() if callable(x) and not name.startswith("_")]


@pytest.mark.skipif(torch is None, reason="torch is not installed")
def test_nothing_else_is_missing():
    wanted = {
        "torch.nn": torch.nn.modules.__all__,
        "torch.nn.functional": _functions(),
        "torch.nn.init": [n for n in dir(torch.nn.init) if n.endswith("_") and n[0].islower()],
        "torch.signal.windows": torch.signal.windows.__all__,
        "torch.special": torch.special.__all__,
        "torch.linalg": _public(torch.linalg),
        "torch.fft": torch.fft.__all__,
        "torch.masked": torch.masked.__all__,
        "torch.autograd": torch.autograd.__all__,
        "torch.func": torch.func.__all__,
        "torch.optim": torch.optim.__all__,
        "torch.optim.lr_scheduler": torch.optim.lr_scheduler.__all__,
        "torch.utils.data": torch.utils.data.__all__,
        "torch.distributions": torch.distributions.__all__,
        "torch.testing": _public(torch.testing),
    }
    for place, names in wanted.items():
        ours = coverage.PLACES[place](wg)
        known = listed(place)
        missing = sorted(
            n for n in names if n[0] != "_" and not hasattr(ours, n) and n not in known
        )
        assert not missing, f"{place}: {missing}"
