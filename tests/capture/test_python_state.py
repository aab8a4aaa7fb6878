"""Programs that read and change Python state: a replay is right, or there is none."""

import importlib
import os
import pathlib
import re
import warnings

import pytest

import wengert as wg
from tests.capture.state.programs import REFUSED, REPLAYED, TABLE, run

FILES = sorted(p.stem for p in (pathlib.Path(__file__).parent / "state").glob("programs_*.py"))
for file in FILES:
    importlib.import_module(f"tests.capture.state.{file}")
#: Calls between changes. Each program has one of them here, all with WENGERT_STATE_RHYTHMS set.
RHYTHMS = (1, 2, 3)


def rhythms(name):
    if "WENGERT_STATE_RHYTHMS" in os.environ:
        return RHYTHMS
    return (RHYTHMS[list(TABLE).index(name) % len(RHYTHMS)],)


def plain(fn, **_):
    return fn


def run_eagerly(script, rhythm):
    *_, stages = run(script, plain, rhythm)
    return run(script, plain, rhythm, stages)[0], stages


def check_captured(name, rhythm):
    script, expected = TABLE[name]
    eager, stages = run_eagerly(script, rhythm)
    captured, error, replays, _ = run(script, wg.capture, rhythm, stages)
    assert captured == eager[: len(captured)], "silently wrong"
    if expected == REFUSED:
        assert error is not None, "not refused"
        assert re.search(r":\d+, in ", str(error)), "the line is missing"
    elif expected == REPLAYED:
        assert error is None, f"refused: {error}"
        assert replays, "never replayed"


def check_compiled(name, rhythm):
    script, _ = TABLE[name]
    eager, stages = run_eagerly(script, rhythm)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled, error, *_ = run(script, wg.compile, rhythm, stages)
    assert error is None, f"refused: {error}"
    assert compiled == eager, "silently wrong"


@pytest.mark.parametrize("name", TABLE)
def test_captured(name):
    for rhythm in rhythms(name):
        check_captured(name, rhythm)


@pytest.mark.parametrize("name", TABLE)
def test_compiled(name):
    for rhythm in rhythms(name):
        check_compiled(name, rhythm)


def test_table_is_large_and_differs():
    assert len(TABLE) >= 180
    for script, _ in TABLE.values():  # a program whose changes do nothing tests nothing
        seen, _ = run_eagerly(script, 1)
        assert len({str(s) for s in seen}) > 3 or len(seen) <= 6
