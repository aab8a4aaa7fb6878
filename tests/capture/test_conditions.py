"""Objects that tell themselves what a program that used them depends on."""

import functools

import pytest

import wengert as wg
from tests.capture.captures import leaf


def hits_after(step, *changes):
    """Calls `step(x)` twice after each change, against the function it captures; hits in all."""
    x = wg.tensor([1.0, 2.0])
    for change in (lambda: None, *changes):
        change()
        for _ in range(2):
            assert step(x).tolist() == step.__wrapped__(x).tolist()
    return step.cache_info().hits


class Told:
    """An object of a user's that says what it depends on; the rest of it is its own affair."""

    def __init__(self):
        self.scale, self.parts, self.table = 1.0, [2.0, 3.0], {"k": 4.0}
        self.uses, self.asked = 0, 0

    def __call__(self, x):
        self.uses += 1
        return x * self.scale * self.parts[0] * self.table["k"] * self.table.get("none", 1.0)

    def __capture_conditions__(self, conditions):
        self.asked += 1
        conditions.attribute(self, "scale")
        conditions.item(self.parts, 0)
        conditions.item(self.table, "k")
        conditions.item(self.table, "none")


CHANGES = {
    "attribute": lambda told: setattr(told, "scale", 5.0),
    "item of a list": lambda told: told.parts.__setitem__(0, 7.0),
    "item of a dict": lambda told: told.table.update(k=8.0),
    "new item of a dict": lambda told: told.table.update(none=0.5),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("by", ["variable", "argument", "itself"])
def test_an_object_tells(change, by):
    told = Told()
    if by == "itself":
        step = wg.capture(told)
    elif by == "variable":
        step = wg.capture(lambda x: told(x))
    else:
        step = functools.partial(wg.capture(lambda told, x: told(x)), told)
        step.__wrapped__ = told
        step.cache_info = step.func.cache_info
    assert hits_after(step, functools.partial(CHANGES[change], told)) == 2
    assert told.asked == 2  # at each capture


def test_what_it_does_not_tell_may_change():
    told = Told()
    step = wg.capture(lambda x: told(x))
    x = wg.ones(2)
    first = step(x)
    told.uses, told.parts[1], told.new = 9, 99.0, 1
    assert step(x).tolist() == first.tolist() and step.cache_info().hits == 1


class Checked:
    """A table that knows its version, and looks at its tensors while it is asked."""

    def __init__(self):
        self.factor, self.version, self.wanted = 2.0, 0, []

    def __capture_conditions__(self, conditions):
        self.wanted.append(set(conditions.names))
        version = self.version
        assert bool((wg.ones(3) * 2).sum() == 6)  # no part of the program
        conditions.check(lambda: version == self.version)


def test_a_check_is_asked_before_every_replay():
    checked = Checked()
    step = wg.capture(lambda x: x * checked.factor)
    assert step(wg.ones(1)).item() == 2
    steps = len(step.program)
    checked.factor = 3.0
    assert step(wg.ones(1)).item() == 2  # as it has not said so
    checked.version = 1
    assert step(wg.ones(1)).item() == 3
    assert step.cache_info()[:2] == (1, 2) and len(step.program) == steps
    assert all({"factor"} <= names for names in checked.wanted)


class Holder:
    """Looks after its parts as a variable would be looked after."""

    def __init__(self, *parts):
        self.parts = parts

    def __capture_conditions__(self, conditions):
        for part in self.parts:
            conditions.look_at(part)


class Part:
    def __init__(self):
        self.rate, self.other = 1.0, 1.0


def test_looking_at_parts():
    part, told = Part(), Told()
    holder = Holder(part, told, [5.0])
    step = wg.capture(lambda x: holder.parts[1](x * holder.parts[0].rate) + holder.parts[2][0])
    changes = (
        lambda: setattr(part, "rate", 2.0),
        lambda: setattr(part, "other", 2.0),
        lambda: setattr(told, "scale", 3.0),
        lambda: holder.parts[2].__setitem__(0, 6.0),
    )
    assert hits_after(step, *changes) == 5


@pytest.mark.parametrize(
    ("error", "tell"),
    [
        (TypeError, lambda c: c.item((1, 2), 0)),
        (IndexError, lambda c: c.item([1, 2], 2)),
        (TypeError, lambda c: c.check(True)),
        (ZeroDivisionError, lambda c: 1 / 0),
    ],
)
def test_errors_of_an_object_are_those_of_the_call(error, tell):
    class Odd:
        scale = 2.0

        def __capture_conditions__(self, conditions):
            tell(conditions)

    odd = Odd()
    step = wg.capture(lambda x: x * odd.scale)
    for _ in range(2):
        with pytest.raises(error):
            step(wg.ones(1))
    Odd.__capture_conditions__ = lambda self, conditions: conditions.item([1, 2], -1)
    assert step(wg.ones(1)).item() == step(wg.ones(1)).item() == 2


def test_compiled_functions_take_objects_that_tell(recwarn):
    told = Told()
    step = wg.compile(lambda told, x: told(x))
    x = wg.ones(2)
    assert step(told, x).tolist() == step(told, x).tolist() == [8.0, 8.0]
    told.scale = 2.0
    assert step(told, x).tolist() == [16.0, 16.0]
    assert step.cache_info()[:2] == (1, 2) and not recwarn


def by_its_optimizer(schedule):
    return lambda x: x * schedule.optimizer.param_groups[0]["lr"]


def by_last_rates(schedule):
    return lambda x: x * schedule.get_last_lr()[0]


@pytest.mark.parametrize("function", [by_its_optimizer, by_last_rates])
def test_rates_read_by_way_of_a_schedule(function):
    opt = wg.optim.SGD([leaf(1.0)], lr=1.0)
    schedule = wg.optim.lr_scheduler.ExponentialLR(opt, 0.5)

    def move():
        opt.step()
        schedule.step()

    assert hits_after(wg.capture(function(schedule)), move, move) == 3


class Reading:
    """Reads its state through properties and other functions of its class."""

    def __init__(self):
        self._scale, self._shift, self._cached = 2.0, 1.0, 3.0

    @property
    def scale(self):
        return self._scale

    @functools.cached_property
    def cached(self):
        return self._cached

    @staticmethod
    def shift():
        return TABLE[None]


TABLE = {None: 1.0, "a": 2.0}


def test_what_properties_and_static_methods_read():
    reading = Reading()
    step = wg.capture(lambda x: x * reading.scale + reading.shift() * reading.cached)
    changes = (
        lambda: setattr(reading, "_scale", 3.0),
        lambda: TABLE.update({None: 4.0}),  # None is a key like others
        lambda: vars(reading).update(cached=5.0),
    )
    try:
        assert hits_after(step, *changes) == 3  # the first call has set up what is cached
    finally:
        TABLE[None] = 1.0


class Helped(wg.nn.Module):
    """A module whose forward reads through methods of its own and through its class."""

    shifts = [1.0]

    def forward(self, x):
        return self.scaled(x) + self.shift

    def scaled(self, x):
        return x * TABLE["a"]

    @property
    def shift(self):
        return self.shifts[0]


@pytest.mark.parametrize("make", [Helped, lambda: Helped().forward], ids=["called", "method"])
def test_what_methods_of_a_module_read(make):
    module = make()
    changes = (lambda: TABLE.update(a=5.0), lambda: Helped.shifts.__setitem__(0, 6.0))
    try:
        assert hits_after(wg.capture(lambda x: module(x)), *changes) == 3
    finally:
        TABLE["a"], Helped.shifts[0] = 2.0, 1.0


PART = Part()


def other_times(x):
    return x * PART.other


def test_two_functions_that_read_one_object():
    """Each reads an attribute of it that the other does not name."""
    changes = (lambda: setattr(PART, "rate", 3.0), lambda: setattr(PART, "other", 5.0))
    try:
        assert hits_after(wg.capture(lambda x: other_times(x * PART.rate)), *changes) == 3
    finally:
        PART.rate = PART.other = 1.0


def test_a_program_is_dropped_while_a_condition_prepares():
    class Dropping:
        def __call__(self, x):
            return x * 2

        def __capture_conditions__(self, conditions):
            conditions.unchanged(self.state)

        def state(self, objects):
            programs.clear()  # as another thread could here
            return lambda: [1.0]

    x = wg.ones(3)
    programs = [wg.capture(Dropping()) for _ in range(2)]
    for i in range(2):
        programs[i](x)
    wg._native._changed()
    assert not programs
