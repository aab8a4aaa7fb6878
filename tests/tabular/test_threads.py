"""How many threads a training of a table uses."""

import numpy as np
import pytest

import wengert as wg
from wengert import tabular
from wengert.tabular import threads, tuning
from wengert.tabular.threads import FEW, MANY, Threads


@pytest.fixture
def clock(monkeypatch):
    """A clock that is moved by hand."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

    found = Clock()
    monkeypatch.setattr(threads, "time", found)
    return found


def used(chooser: Threads, clock, costs: dict[int, float], epochs: int) -> list[int]:
    """The threads of so many epochs, which take `costs` by their number."""
    found = []
    for _ in range(epochs):
        with chooser.epoch():
            found.append(wg.get_num_threads())
            clock.now += costs[found[-1]]
        assert wg.get_num_threads() == 2
    return found


def test_the_faster_is_chosen_and_chosen_again(clock):
    wg.set_num_threads(2)
    chooser = Threads(FEW)
    assert used(chooser, clock, {1: 2.0, 2: 1.0}, 32) == [2] + 3 * [1] + 3 * [2] + 25 * [2]
    assert used(chooser, clock, {1: 1.0, 2: 2.0}, 32) == [2] + 3 * [1] + 3 * [2] + 25 * [1]
    assert used(chooser, clock, {1: 2.0, 2: 1.0}, 32) == [1] + 3 * [1] + 3 * [2] + 25 * [2]


def test_without_doubt_one_or_all_are_used(clock):
    wg.set_num_threads(2)
    assert used(Threads(FEW - 1), clock, {1: 9.0, 2: 1.0}, 40) == 40 * [1]
    assert used(Threads(MANY), clock, {1: 1.0, 2: 9.0}, 40) == 40 * [2]


def test_an_epoch_that_fails_gives_the_threads_back(clock):
    wg.set_num_threads(2)
    chooser = Threads(FEW)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt), chooser.epoch():
            raise KeyboardInterrupt
    assert wg.get_num_threads() == 2


def test_the_same_bits(monkeypatch):
    rng = np.random.RandomState(0)
    columns = {f"x{i}": rng.randn(300).tolist() for i in range(4)}
    columns["y"] = ["ab"[int(v > 0)] for v in columns["x0"]]
    data = tabular.prepare_table(tabular.table_of(columns), "y", seed=0)
    recipe = tabular.preset(len(data.train[1]), name="simple")
    recipe.epochs = 9
    found = []
    for count in (1, 2):
        wg.set_num_threads(count)
        wg.manual_seed(0)
        network = tabular.build_from_recipe(data.features, data.target, recipe)
        assert FEW < threads.multiplications(network, 200) < MANY
        history = tabular.fit(network, data.train, data.valid, recipe, False)
        found.append((history.train_loss, [s.loss for s in history.valid]))
    assert found[0] == found[1]


def test_a_search_finds_the_same_with_several_processes(monkeypatch, tmp_path):
    rng = np.random.RandomState(0)
    columns = {f"x{i}": rng.randn(120).tolist() for i in range(3)}
    columns["y"] = ["ab"[int(v > 0)] for v in columns["x0"]]
    data = tabular.prepare_table(tabular.table_of(columns), "y", seed=0)
    recipe = tabular.preset(len(data.train[1]), name="simple")
    recipe.epochs = 12

    class Enough(Exception):
        pass

    found = []
    for count in (1, 2):
        monkeypatch.setattr(tuning, "_at_a_time", lambda data, recipe, count=count: count)
        seen: list[tuple[int, int, float]] = []

        def told(trial, chosen, seen=seen):
            seen.append((trial.number, trial.rung, trial.score))
            if len(seen) == 14:  # the preset, and nine settings, three and one of them
                raise Enough

        with pytest.raises(Enough):
            tuning.tune(data, recipe, 0, 600, None, told)
        found.append(seen)
    assert found[0] == found[1] and found[0][:2] == [(0, 2, found[0][0][2]), (1, 0, found[0][1][2])]


def test_a_search_survives_settings_that_diverge(monkeypatch):
    columns = {"x": [float(i) for i in range(60)], "y": ["ab"[i % 2] for i in range(60)]}
    data = tabular.prepare_table(tabular.table_of(columns), "y", seed=0)
    recipe = tabular.preset(len(data.train[1]), name="simple")
    recipe.epochs, whole = 4, tuning.train_on

    def train_on(data, recipe, seed):
        if recipe.lr != tabular.preset(len(data.train[1]), name="simple").lr:
            raise tabular.DivergedError("the loss became nan in epoch 1")
        return whole(data, recipe, seed)

    monkeypatch.setattr(tuning, "train_on", train_on)
    monkeypatch.setattr(tuning, "_at_a_time", lambda data, recipe: 1)
    found = tuning.tune(data, recipe, 0, 0.2)
    assert found.recipe.lr == recipe.lr and found.network is not None and found.trials > 1
