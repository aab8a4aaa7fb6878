"""Profiles: every operation is there, with its times; schedules, tables, traces."""

import gzip
import json
import time

import pytest

import wengert as wg
from wengert import profiler
from wengert.autograd.profiler_util import EventList, FunctionEvent
from wengert.profiler import ProfilerAction, profile, record_function


def train(steps=1, prof=None):
    model = wg.nn.Sequential(wg.nn.Linear(20, 30), wg.nn.Tanh(), wg.nn.Linear(30, 2))
    optimizer = wg.optim.Adam(model.parameters())
    for _ in range(steps):
        with record_function("forward"):
            loss = wg.nn.functional.mse_loss(model(wg.ones(64, 20)), wg.ones(64, 2))
        loss.backward()
        optimizer.step()
        if prof is not None:
            prof.step()


def names(events):
    return [event.key for event in events]


def test_every_operation_is_noted_within_the_block_it_runs_in():
    with profile(record_shapes=True, profile_memory=True) as prof:
        train()
    events = prof.events()
    by_name = {event.key: event for event in events}
    assert {"wengert::linear", "wengert::tanh", "wengert::mse_loss", "forward"} <= set(by_name)
    assert "Optimizer.step#Adam.step" in by_name
    forward = by_name["forward"]
    inside = [e for e in events if e.cpu_parent is forward]
    assert names(inside)[:1] == ["wengert::ones"] and "wengert::linear" in names(inside)
    assert any(e.cpu_parent is by_name["Optimizer.step#Adam.step"] for e in events)
    for event in events:
        assert 0 <= event.time_range.start <= event.time_range.end
        assert event.self_cpu_time_total >= -1e-6
        if event.cpu_parent is not None:
            assert event.cpu_parent.time_range.start <= event.time_range.start
    linear = next(e for e in events if e.key == "wengert::linear")
    assert linear.input_shapes[0] == [64, 20] and linear.cpu_memory_usage >= 64 * 30 * 4
    assert forward.cpu_memory_usage > linear.cpu_memory_usage
    assert sum(e.self_cpu_time_total for e in events) == pytest.approx(
        sum(e.cpu_time_total for e in events if e.cpu_parent is None)
    )


def test_nothing_is_noted_outside():
    with profile() as prof:
        pass
    wg.ones(3) + 1
    with record_function("outside"):
        wg.ones(3)
    assert prof.events() == []
    with profile() as prof:
        x = wg.ones(1000, 1000)
        x @ x
    assert len(prof.events()) == 2 and names(prof.events())[0] == "wengert::ones"
    assert prof.events()[1].cpu_time_total > prof.events()[0].cpu_time_total / 10


def test_replays_and_other_threads_are_noted():
    import threading

    step = wg.capture(lambda x: (x @ x).exp())
    step(wg.ones(5, 5))
    with profile() as prof:
        step(wg.ones(5, 5))
        thread = threading.Thread(target=lambda: wg.ones(3).exp())
        thread.start()
        thread.join()
    assert "wengert::replay" in names(prof.events())
    assert len({event.thread for event in prof.events()}) == 2


def test_there_is_one_profile_at_a_time():
    second = wg.autograd.profiler.profile()
    with profile() as prof, pytest.raises(RuntimeError, match="one at a time"):
        second.__enter__()
    with pytest.raises(RuntimeError, match="nothing has been recorded"):
        profile().events()
    assert prof.events() == []


SCHEDULES = [
    {"wait": 1, "warmup": 1, "active": 2},
    {"wait": 1, "warmup": 1, "active": 2, "repeat": 2, "skip_first": 3},
    {"wait": 0, "warmup": 0, "active": 1, "repeat": 1},
    {"wait": 2, "warmup": 0, "active": 1, "skip_first": 2, "skip_first_wait": 1},
]


@pytest.mark.parametrize("how", SCHEDULES)
def test_schedules_are_those_of_torch(how, oracle):
    ours, theirs = profiler.schedule(**how), oracle.profiler.schedule(**how)
    assert [ours(i).name for i in range(20)] == [theirs(i).name for i in range(20)]


def test_a_schedule_decides_which_steps_are_recorded():
    traces = []
    how = profiler.schedule(wait=1, warmup=1, active=2, repeat=2)
    with profile(schedule=how, on_trace_ready=lambda p: traces.append(p.events())) as prof:
        assert prof.current_action is ProfilerAction.NONE
        train(9, prof)
    marks = [[n for n in names(events) if n.startswith("Prof")] for events in traces]
    assert marks == [["ProfilerStep#2", "ProfilerStep#3"], ["ProfilerStep#6", "ProfilerStep#7"]]
    assert all(names(events).count("wengert::mse_loss") == 2 for events in traces)
    for wrong in ({"wait": -1, "warmup": 0, "active": 1}, {"wait": 0, "warmup": 0, "active": 0}):
        with pytest.raises(AssertionError):
            profiler.schedule(**wrong)


def test_tables():
    with profile(profile_memory=True, record_shapes=True) as prof:
        train(3)
    averages = prof.key_averages()
    assert isinstance(averages, EventList) and len(set(names(averages))) == len(averages)
    assert {e.key: e.count for e in averages}["wengert::linear"] == 6
    assert len(prof.key_averages(group_by_input_shape=True)) > len(averages)
    table = averages.table(sort_by="self_cpu_time_total", row_limit=3)
    rule, head, _, *rows, last, total = table.splitlines()
    assert set(rule) == {"-", " "} and last == rule and len(rows) == 3
    assert head.split("  ")[-1] == "# of Calls" and "Self CPU Mem" in head
    assert total.startswith("Self CPU time total: ")
    times = [e.cpu_time_total for e in sorted(averages, key=lambda e: -e.self_cpu_time_total)]
    assert len(times) == len(averages)
    for key in ("cpu_time", "cpu_time_total", "count", "cpu_memory_usage", "cuda_time_total"):
        assert len(averages.table(sort_by=key, row_limit=-1).splitlines()) == len(averages) + 5
    assert "Input Shapes" in prof.events().table() and "us" in str(averages)
    with pytest.raises(ValueError, match="sort_by"):
        averages.table(sort_by="colour")
    assert prof.events().total_average().count == len(prof.events())


@pytest.mark.parametrize("packed", [False, True])
def test_traces_are_read_by_chrome(tmp_path, packed):
    handler = profiler.tensorboard_trace_handler(str(tmp_path / "log"), "me", use_gzip=packed)
    with profile(on_trace_ready=handler, record_shapes=True) as prof:
        prof.add_metadata("a", "b")
        prof.add_metadata_json("c", "[1]")
        train()
    (path,) = (tmp_path / "log").iterdir()
    assert path.name.startswith("me.") and path.name.endswith(".gz") == packed
    data = path.read_bytes()
    whole = json.loads(gzip.decompress(data) if packed else data)
    assert (whole["a"], whole["c"]) == ("b", [1])
    assert len(whole["traceEvents"]) == len(prof.events())
    for traced, event in zip(whole["traceEvents"], prof.events(), strict=True):
        assert traced["ph"] == "X" and traced["name"] == event.name
        assert traced["ts"] == event.time_range.start and traced["dur"] == event.cpu_time_total


def test_the_older_profile_and_decorators():
    @record_function("mine")
    def function(x):
        time.sleep(0.002)
        return x + 1

    with wg.autograd.profiler.profile() as prof:
        function(wg.ones(2))
    assert {"mine", "wengert::add"} <= set(names(prof.key_averages()))
    assert prof.self_cpu_time_total >= 2000 and "mine" in prof.table(sort_by="cpu_time_total")
    with wg.autograd.profiler.profile(enabled=False) as off:
        wg.ones(2)
    with pytest.raises(RuntimeError, match="didn't finish"):
        off.table()
    assert isinstance(prof.function_events[0], FunctionEvent)


def test_profiling_changes_no_bit_and_costs_nothing_when_off():
    def losses():
        wg.manual_seed(0)
        model = wg.nn.Linear(5, 1)
        x = wg.randn(10, 5)
        return (model(x) ** 2).mean().item()

    plain = losses()
    with profile():
        assert losses() == plain
    assert profiler.supported_activities() == {profiler.ProfilerActivity.CPU}
    assert not profiler.kineto_available()
