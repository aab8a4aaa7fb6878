"""capture(verify=n): a replay that does not do what the function does is found."""

import numpy as np
import pytest

import wengert as wg
from tests.capture.captures import bits, leaf

F = wg.nn.functional


class Quiet:
    """Has a number that a program depends on, and says that there is none."""

    __capture_conditions__ = None

    def __init__(self, k=2.0):
        self.k = k


def step_lr(parameters):
    optimizer = wg.optim.SGD(parameters, 0.1, momentum=0.9)
    return optimizer, wg.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)


def one_cycle(parameters):
    """Changes the first of a pair of numbers as well."""
    optimizer = wg.optim.AdamW(parameters)
    return optimizer, wg.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 20)


def training(steps, made_by=step_lr, **options):
    """Everything that a step with momentum, dropout and a schedule leaves behind."""
    wg.manual_seed(3)
    model = wg.nn.Sequential(wg.nn.Linear(4, 8), wg.nn.Dropout(0.3), wg.nn.Linear(8, 3))
    optimizer, schedule = made_by(model.parameters())

    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss

    step = wg.capture(step, **options) if options else step
    seen = []
    for i in range(steps):
        x = wg.full((6, 4), 0.1 * i) + wg.eye(6, 4)
        seen.append(bits(step(x, wg.arange(6) % 3)))
        seen.append(bits([*model.state_dict().values(), *(p.grad for p in model.parameters())]))
        seen.append((schedule.last_epoch, schedule.get_last_lr()))
        seen.append({k: v for k, v in optimizer.param_groups[0].items() if k != "params"})
    seen.append(bits(wg.get_rng_state()))
    return seen, step


@pytest.mark.parametrize("made_by", [step_lr, one_cycle])
@pytest.mark.parametrize("n", [1, 3])
def test_verifying_changes_nothing(n, made_by):
    eager, _ = training(9, made_by)
    seen, step = training(9, made_by, verify=n)
    assert seen == eager
    assert step.cache_info().hits >= 6


def changed_unseen(cap):
    quiet = Quiet()

    def wrong_result(x):
        return {"y": [x, x * quiet.k]}

    def wrong_number(x):
        return x + 1, quiet.k

    weight = leaf(1, 2)

    def wrong_gradient(x):
        weight.grad = None
        (weight * x * quiet.k).sum().backward()

    buffer = wg.zeros(2)

    def wrong_tensor(x):
        buffer.add_(x * quiet.k)
        return x

    def wrong_argument(x):
        x.mul_(quiet.k)

    draws = wg.Generator()

    def wrong_draws(x):
        draws_now = int(quiet.k)
        wg.rand(draws_now, generator=draws)
        return x

    def change():
        quiet.k = 3.0

    functions = (
        (wrong_result, r"the result\['y'\]\[1\]"),
        (wrong_number, r"the result\[1\]"),
        (wrong_gradient, "the gradient of a tensor of shape"),
        (wrong_tensor, "a tensor from outside"),
        (wrong_argument, "argument 0"),
        (wrong_draws, "a random number generator"),
    )
    return [(cap(f), change, what) for f, what in functions]


@pytest.mark.parametrize("i", range(6))
@pytest.mark.parametrize("compiled", [False, True], ids=["capture", "compile"])
def test_what_differs_is_found(i, compiled, monkeypatch):
    monkeypatch.setenv("WENGERT_CAPTURE_VERIFY", "1")
    fn, change, what = changed_unseen(wg.compile if compiled else wg.capture)[i]
    for _ in range(4):
        fn(wg.tensor([1.0, 2.0]))
    if compiled and not fn.cache_info().hits:
        pytest.skip("compile does not replay this one")
    change()
    with pytest.raises(wg.CaptureError, match=what):
        fn(wg.tensor([1.0, 2.0]))


def test_only_every_nth_replay():
    quiet = Quiet()
    fn = wg.capture(lambda x: x * quiet.k, verify=3)
    x = wg.ones(1)
    for _ in range(3):
        assert fn(x).item() == 2
    quiet.k = 5.0
    with pytest.raises(wg.CaptureError, match="not the same"):
        for _ in range(3):
            fn(x)
    assert wg.capture(lambda x: x * quiet.k)(x).item() == 5


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_loop_verifies(n):
    x = wg.from_numpy(np.arange(20, dtype=np.float32).reshape(10, 2))

    def losses(**options):
        wg.manual_seed(1)
        w = leaf(1, -1)
        optimizer = wg.optim.Adam([w], 0.1)

        @wg.capture(**options)
        def step(x):
            optimizer.zero_grad()
            loss = ((x * w).sum(1) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        return bits([step.run(x, 3, epochs=2, shuffle=True), w])

    assert losses(verify=n) == losses()


def test_a_loop_finds_what_differs(monkeypatch):
    monkeypatch.setenv("WENGERT_CAPTURE_VERIFY", "2")
    quiet = Quiet()

    @wg.capture
    def step(x):
        return (x * quiet.k).sum()

    step.run(wg.ones(8, 2), 2)
    quiet.k = 3.0
    with pytest.raises(wg.CaptureError, match="the result"):
        step.run(wg.ones(8, 2), 2)


def test_wrong_numbers_are_refused(monkeypatch):
    with pytest.raises(ValueError, match="verify must not be negative, got -1"):
        wg.capture(lambda x: x, verify=-1)
    with pytest.raises(TypeError, match="verify must be an int, got float"):
        wg.capture(lambda x: x, verify=1.5)
    monkeypatch.setenv("WENGERT_CAPTURE_VERIFY", "often")
    with pytest.raises(ValueError, match="WENGERT_CAPTURE_VERIFY must be a number of calls"):
        wg.capture(lambda x: x)
