"""`utils.benchmark`: what is measured, and the tables of it."""

import importlib

import pytest

import wengert as wg
from wengert.utils.benchmark import Compare, Measurement, TaskSpec, Timer


def test_a_statement_is_timed_with_its_setup_threads_and_names():
    wg.set_num_threads(2)
    seen = []
    timer = Timer(
        """
        seen.append(torch.get_num_threads())
        x + 1
        """,
        "x = torch.ones(2)",
        globals={"seen": seen},
        label="add",
    )
    m = timer.timeit(5)
    assert seen == [1] * 7 and wg.get_num_threads() == 2
    assert len(m.raw_times) == 1 and m.number_per_run == 5 and m.title == "add"
    calls = []
    m = Timer("pass").blocked_autorange(lambda n, t: calls.append(n), min_run_time=0.01)
    assert sum(m.raw_times) >= 0.01 and calls == [m.number_per_run] * len(m.raw_times)
    assert 1e-10 < m.median < 1e-5
    m = Timer("sum(range(100))").adaptive_autorange(10, max_run_time=0.2)
    assert len(m.raw_times) > 3 or sum(m.raw_times) >= 0.2
    for wrong in ({"stmt": len}, {"language": "c++"}, {"global_setup": "x"}):
        with pytest.raises(ValueError):
            Timer(**wrong)
    for method in ("autorange", "repeat", "collect_callgrind"):
        with pytest.raises(NotImplementedError):
            getattr(Timer(), method)()


def measurement(times, number=2, **spec):
    return Measurement(number, times, TaskSpec("f(x)", "pass", **spec))


@pytest.mark.parametrize("times", [[2.0], [1.0, 2.0, 4.0], [3e-6] * 8 + [5e-6], [1e-3, 1.1e-3]])
def test_what_is_said_of_times_is_what_torch_says(times, oracle):
    theirs = importlib.import_module("torch.utils.benchmark")
    expected = theirs.Measurement(2, times, theirs.TaskSpec("f(x)", "pass"))
    found = measurement(times)
    for name in ("times", "median", "mean", "iqr", "title", "as_row_name"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name
    assert found.has_warnings == expected.has_warnings or len(times) < 4
    ours, said = (str(m).splitlines()[1:] for m in (found, expected))
    assert ours[:3] == said[:3]


def test_times_that_are_not_there_and_times_that_are_noise():
    empty = measurement([])
    assert "No measurements" in repr(empty)
    with pytest.raises(ValueError):
        empty.median  # noqa: B018
    noisy = measurement([1.0, 2.0, 3.0, 9.0])
    assert noisy.has_warnings and "WARNING" in repr(noisy)
    assert noisy.significant_figures == 1 and measurement([1.0] * 100).significant_figures >= 3
    a, b = measurement([2.0]), measurement([4.0], 4)
    (merged,) = Measurement.merge([a, b])
    assert merged.times == [1.0, 1.0]


def test_tables():
    results = [
        measurement([t, t], label="add", sub_label=f"n = {n}", description=d, num_threads=k)
        for t, n, d, k in [
            (2e-6, 1, "eager", 1),
            (4e-6, 10, "eager", 1),
            (8e-6, 10, "captured", 1),
            (2.2e-6, 1, "eager", 2),
        ]
    ]
    table = Compare(results)
    lines = str(table).splitlines()
    assert lines[0].startswith("[---") and " add " in lines[0]
    assert lines[1].split() == ["|", "eager", "|", "captured"]
    assert lines[2].startswith("1 threads: ---") and lines[5].startswith("2 threads: ---")
    assert lines[3].split() == ["n", "=", "1", "|", "1.0", "|"]
    assert lines[4].split() == ["n", "=", "10", "|", "2.0", "|", "4.0"]
    assert lines[-1] == "Times are in microseconds (us)."
    assert len({len(line) for line in lines[:2]}) == 1
    table.trim_significant_figures()
    table.colorize(rowwise=True)
    table.highlight_warnings()
    assert "\033[92m" in str(table) and "\033[31m" not in str(table).splitlines()[3]
    table.extend_results([measurement([1.0, 3.0, 2.0], label="noise")])
    assert "IQR / median" in str(table)
    with pytest.raises(ValueError, match="Measurement"):
        table.extend_results([3])
