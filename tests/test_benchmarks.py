"""The benchmarks' own parts: which sizes of a sample grow, and what a sweep keeps and shows; how
functions are gone through number by number."""

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from tests.rows.sample import arrays
from tests.rows.table import ROWS, SAMPLES, outputs, run

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))
import accuracy
import op_roles
import op_sweep

KEYS = [key for key in ROWS if SAMPLES.get(key) and op_roles.roles(key, 0)]


def elements(key, sample):
    sizes = [a.size for a in arrays(sample)]
    return sizes + [int(np.prod(y.shape)) for y in outputs(run(ROWS[key], sample))]


@pytest.mark.parametrize("key", KEYS)
def test_rows_run_at_any_size_of_each_letter(key):
    for number, sample in enumerate(SAMPLES[key]):
        plain, letters = elements(key, sample), set("".join(op_roles.roles(key, number).values()))
        for letter in letters - {"."}:
            grown = elements(key, op_roles.scale(key, number, {letter: 2}))
            assert sum(grown) > sum(plain) or 0 in plain, (number, letter)


def test_kernels_stay_and_channels_agree():
    key = next(key for key in KEYS if key.startswith("conv2d("))
    x, w, b = op_roles.scale(key, 0, {"n": 4, "c": 5, "o": 6, "p": 7}).args
    assert (x.shape, w.shape, b.shape) == ((8, 15, 42, 49), (24, 15, 3, 3), (24,))
    depthwise = next(i for i, s in enumerate(SAMPLES[key]) if s.args[3:] == (1, 1, 1, 4))
    x, w, *_, groups = op_roles.scale(key, depthwise, {"c": 5}).args
    assert (x.shape[1], w.shape[1], groups) == (20, 1, 20)


@pytest.mark.parametrize("target", [1, 64, 60_000, 1_500_000])
def test_factors_reach_the_target_and_do_not_pass_it(target):
    tensors = ((252, {"n": 1.0, "c": 1.0, "p": 2.0}), (12, {"n": 0.0, "c": 1.0, "p": 0.0}))
    f = op_roles.factors_for(tensors, target)
    size = 252 * f["n"] * f["c"] * f["p"] ** 2
    assert size <= target or set(f.values()) == {1}
    assert all(size * (v + 1) / v > target for k, v in f.items() if k != "p")


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Results of a sweep, the last of which was being written when it was stopped."""
    lines = [
        '[["sort", 0, "middle", "column", "float32", "forward"], 1, "", 4.0, 1.0]',
        '[["sort", 0, "middle", "row", "float32", "forward"], 1, "", 4.0, 1.0, "abc"]',
        '[["sort", 0, "middle", "row", "float32", "forward"], 1, "", 3.0, 1.0, "abc"]',
        '[["sort", 0, "lar',
    ]
    path = tmp_path / "op_sweep.json"
    path.write_text("\n".join(lines))
    monkeypatch.setattr(op_sweep, "STORE", path)
    return list(op_sweep.load().values())


def test_a_stopped_sweep_is_read_and_the_last_time_of_a_case_counts(stored):
    assert [r.ratio for r in stored] == [4.0, 3.0]


def test_what_has_a_reason_is_shown_apart_and_not_counted(stored):
    assert [r.missed for r in stored] == [False, True]
    assert [r.case.layout for r in op_sweep.slowest(stored)] == ["row"]
    shown = "\n".join(op_sweep.reasons(stored))
    assert "`sort` (column; 1 cases, at worst 4.00)" in shown
    assert op_sweep.reasons(stored[1:]) == []


def test_a_case_is_timed_when_new_or_asked_for_or_its_source_changed(stored):
    options = argparse.Namespace(list=False, again=False, stale=False)
    assert op_sweep.wanted(options, None)
    assert not op_sweep.wanted(options, stored[1])
    options.stale = True
    assert op_sweep.wanted(options, stored[1])
    same = stored[1]._replace(source=op_sweep.source_of("sort"))
    assert not op_sweep.wanted(options, same)
    options.again = True
    assert op_sweep.wanted(options, same)
    options.list = True
    assert not op_sweep.wanted(options, None)


def test_rows_under_vmap():
    case = op_sweep.Case("softmax", 0, "small", "contiguous", "float32", "vmap")
    key = next(key for key in ROWS if key.startswith("softmax("))
    case = case._replace(key=key)
    assert op_sweep.op_cases.has_rule(key) and op_sweep.limit_of(case) == op_sweep.LIMIT
    sample = op_sweep.op_cases.scaled(key, 0, "small")
    plain, mapped = (
        op_sweep.op_cases.call(case._replace(way=way), sample, wg, wg.nn.functional.softmax)()
        for way in ("forward", "vmap")
    )
    assert len(mapped[0]) == op_sweep.op_cases.SLICES and wg.allclose(mapped[0][3], plain)
    options = argparse.Namespace(
        every=False, rows="softmax", family=None, size=None, layout=None, dtype=None, way=None
    )
    assert {c.way for c in op_sweep.chosen(options)} == {"forward", "backward"}
    options.way = "vmap"
    assert {c.size for c in op_sweep.chosen(options)} == {"small", "middle"}


# ---- accuracy


@pytest.fixture
def accuracy_store(tmp_path, monkeypatch):
    """An empty store, and pieces and blocks of a size for a test."""
    path = tmp_path / "accuracy.json"
    monkeypatch.setattr(accuracy, "STORE", path)
    monkeypatch.setattr(accuracy, "PIECE", 1 << 10)
    monkeypatch.setattr(accuracy, "BLOCK", 1 << 8)
    threads = wg.get_num_threads()
    yield path
    wg.set_num_threads(threads)


def run_of(words):
    return accuracy.go(accuracy.parsed(words.split()))


def test_every_nth_number_is_measured_in_pieces_that_go_on(accuracy_store):
    words = "--rows exp --dtype float32 --step 1000003"
    assert run_of(words + " --minutes 0") == [] == accuracy_store.read_text().splitlines()
    (whole,) = run_of(words)
    lines = accuracy_store.read_text().splitlines()
    assert len(lines) == whole.run.pieces == 5
    n = -(-accuracy.NUMBERS // 1000003) + len(accuracy.units.special("float32"))
    assert whole.found.count == n and 0.5 < whole.found.units < 2 and not whole.found.special
    # Stopped amid the third piece: the others are not made again.
    accuracy_store.write_text("\n".join([*lines[:2], lines[2][:20]]))
    assert run_of(words + " --list") == []
    assert run_of(words) == [whole]
    assert accuracy_store.read_text().splitlines() == [*lines[:2], lines[2][:20], *lines[2:]]
    # All of it stands for fewer numbers as well, unless the source has changed.
    assert run_of("--rows exp --dtype float32 --step 2000003") == [whole]
    run = whole.run._replace(source="before", step=500)
    options = accuracy.parsed(["--stale"])
    store = {run: dict.fromkeys(range(run.pieces), accuracy.Found())}
    assert accuracy.is_wanted(options, whole.run, store)
    options.stale = False
    assert not accuracy.is_wanted(options, whole.run, store)


def test_the_page_says_what_was_run_over_which_numbers(accuracy_store):
    run_of("--rows exp,floor --dtype float32 --step 1000003")
    run_of("--rows tanhshrink,hypot --samples 600 --step 2000003 --dtype float32")
    page = accuracy.page()
    assert "Over every 1000003rd bit pattern only, 2 functions: `exp`, `floor`." in page
    assert "Over every 2000003rd bit pattern only, 1 functions: `tanhshrink`." in page
    assert "| floor | every 1000003rd | exact |  | 100 % |  |" in page
    assert "- `tanhshrink`, float32" in page and "x - tanh x cancels" in page
    assert "| hypot | " in page and "polynomial_p`" in page


def test_wrong_words_are_refused(capsys):
    for words in ("--step 0", "--dtype float16", "--samples 0"):
        with pytest.raises(SystemExit):
            accuracy.parsed(words.split())
    assert "--dtype is float32, float64 or both: 'float16'" in capsys.readouterr().err
