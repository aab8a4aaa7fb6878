"""What PyTorch warns of is warned of, once, at the line of the caller, and can be made an error."""

import gc
import warnings

import pytest

import wengert as wg
from tests.conftest import torch
from tests.errors import warned
from tests.errors.warned import SILENT, WARNED

every_warning = pytest.mark.parametrize("row", WARNED, ids=[row.name for row in WARNED])


def caught(do, library):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        do(library)
    return found


@every_warning
def test_it_is_told_once_and_where(row):
    found = caught(row.do, wg)
    assert [w.category for w in found] == [row.category], [str(w.message) for w in found]
    assert row.words in str(found[0].message)
    assert "torch" not in str(found[0].message).lower().replace("pytorch", "")
    assert found[0].filename == warned.__file__


@pytest.mark.parametrize(("name", "do"), SILENT, ids=[name for name, _ in SILENT])
def test_what_is_right_is_not_warned_of(name, do):
    assert not caught(do, wg)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@every_warning
def test_torch_warns_too(row):
    if not row.torch:
        pytest.skip("torch does not warn")
    torch.set_warn_always(True)
    try:
        found = caught(row.do, torch)
    finally:
        torch.set_warn_always(False)
    assert [w.category for w in found] == [row.category]


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize(("name", "do"), SILENT, ids=[name for name, _ in SILENT])
def test_nor_by_torch(name, do):
    assert not caught(do, torch)


@every_warning
def test_it_can_be_an_error_that_leaves_nothing_behind(row):
    def once():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(row.category):
                row.do(wg)

    once()
    gc.collect()
    before = wg._native.memory_stats()["current"]
    for _ in range(3):
        once()
    gc.collect()
    assert wg._native.memory_stats()["current"] == before
    assert wg.ones(2).add(1).tolist() == [2, 2]


def test_a_filter_by_line_shows_each_line_once():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(3):
            wg.ones(1).std()
        wg.ones(1).std()
    lines = [w.lineno for w in found]
    assert len(lines) == 2 and lines[1] == lines[0] + 1


class Layer(wg.nn.Module):
    def forward(self, x):
        return wg.nn.functional.softmax(x)


def test_the_line_is_the_users_wherever_that_is():
    model = wg.nn.Sequential(wg.nn.Linear(2, 2), Layer())
    found = caught(lambda T: model(T.ones(1, 2)), wg)
    assert [w.filename for w in found] == [__file__]
    assert found[0].lineno == Layer.forward.__code__.co_firstlineno + 1
    found = caught(lambda T: T.autograd.functional.vjp(model, T.ones(1, 2), T.ones(1, 2)), wg)
    assert [w.filename for w in found] == [__file__]


def test_a_capture_warns_when_it_records():
    x, y = wg.ones(3), wg.ones(3, 1)

    @wg.capture
    def step(x, y):
        return wg.nn.functional.mse_loss(x, y) + x.std(correction=3)

    found = caught(lambda T: step(x, y), wg)
    assert [w.filename for w in found] == [__file__] * 2
    for _ in range(3):
        assert not caught(lambda T: step(x, y), wg)
    assert step.cache_info()[:2] == (3, 1)


def test_a_capture_whose_warning_is_an_error_raises_it():
    @wg.capture
    def step(x):
        return wg.nn.functional.softmax(x)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="Implicit dimension"):
            step(wg.ones(2, 2))
    with pytest.warns(UserWarning, match="Implicit dimension"):
        assert step(wg.ones(2, 2)).tolist() == [[0.5, 0.5]] * 2


def test_loading_a_program_warns_of_nothing(tmp_path):
    @wg.capture
    def step(x):
        return x.std(1)

    with pytest.warns(UserWarning, match="degrees of freedom"):
        step(wg.ones(3, 1))
    step.program.save(tmp_path / "p.safetensors")

    def run(T):
        return T.load_program(tmp_path / "p.safetensors")(T.ones(3, 1))

    assert not caught(run, wg)


def test_a_backward_warns_at_its_own_line():
    x = wg.ones(2, 1, requires_grad=True)

    class Std(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * wg.ones(1).std()

    found = caught(lambda T: Std.apply(x).sum().backward(), wg)
    assert [w.filename for w in found] == [__file__]
    assert found[0].lineno == Std.backward.__code__.co_firstlineno + 2
