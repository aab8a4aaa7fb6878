"""Anomaly mode: the first operation whose gradient has a NaN, and the line that called it."""

import gc
import warnings

import pytest

import wengert as wg
from tests.conftest import torch
from wengert import autograd

LIBRARIES = [wg] if torch is None else [wg, torch]
every_library = pytest.mark.parametrize("T", LIBRARIES, ids=lambda T: T.__name__)


def root(x):
    return x.sqrt() * 0


def zero(T):
    return T.zeros(2, requires_grad=True)


def line_of(function, offset):
    return f"line {function.__code__.co_firstlineno + offset}, in {function.__name__}\n"


def failing(T, y):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError) as error:
            y.sum().backward()
    return str(error.value), [str(w.message) for w in told], told


@every_library
def test_it_names_the_operation_and_its_line(T):
    with T.autograd.set_detect_anomaly(True):
        message, told, _ = failing(T, root(zero(T)).exp() + 1)
    assert message == "Function 'SqrtBackward0' returned nan values in its 0th output."
    assert len(told) == 1
    head, _, stack = told[0].partition("\n")
    assert head == (
        "Error detected in SqrtBackward0. Traceback of forward call that caused the error:"
    )
    assert line_of(root, 1) in stack
    assert line_of(test_it_names_the_operation_and_its_line, 3) in stack
    assert stack.index("in test_it_names") < stack.index("in root")  # outermost first


@every_library
def test_layers_and_other_inputs(T):
    x, y = zero(T), T.ones(2, requires_grad=True)

    def norm(x, y):
        return y * 2 + T.nn.Sequential(Root(T))(x)

    with T.autograd.set_detect_anomaly(True):
        message, told, _ = failing(T, norm(x, y))
    assert "'SqrtBackward0' returned nan values in its 0th" in message
    assert line_of(norm, 1) in told[0]


def Root(T):
    class Layer(T.nn.Module):
        def forward(self, x):
            return root(x)

    return Layer()


@every_library
def test_a_forward_outside_has_no_line(T):
    y = root(zero(T))
    with T.autograd.set_detect_anomaly(True):
        message, told, _ = failing(T, y)
    assert "SqrtBackward0" in message
    assert "No forward pass information available" in told[0]


def test_the_warning_is_at_the_line_of_backward():
    with autograd.set_detect_anomaly(True):
        _, _, told = failing(wg, root(zero(wg)))
    assert told[0].filename == __file__


@every_library
def test_without_check_nan_only_errors_are_told_of(T):
    class Fails(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise RuntimeError("of the function's own")

    with T.autograd.set_detect_anomaly(True, check_nan=False):
        x = zero(T)
        root(x).sum().backward()
        assert x.grad.isnan().all()
        message, told, _ = failing(T, Fails.apply(x))
    assert message == "of the function's own"
    assert told[0].startswith("Error detected in FailsBackward. Traceback of forward call")
    assert "in test_without_check_nan_only_errors_are_told_of\n" in told[0]


@every_library
def test_a_custom_function_is_named(T):
    class Bad(T.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g, g * float("nan")

    with T.autograd.set_detect_anomaly(True):
        message, _, _ = failing(T, Bad.apply(zero(T), zero(T)))
    assert message == "Function 'BadBackward' returned nan values in its 1th output."


@every_library
def test_the_switch_is_for_its_extent(T):
    x = zero(T)
    with T.autograd.set_detect_anomaly(True), T.autograd.set_detect_anomaly(False):
        root(x).sum().backward()
    root(x).sum().backward()
    with pytest.warns(UserWarning, match="Anomaly Detection"), T.autograd.detect_anomaly():
        failing(T, root(zero(T)))
        with T.autograd.set_detect_anomaly(False):
            root(x).sum().backward()
    root(x).sum().backward()


def test_grad_and_a_second_order():
    with autograd.set_detect_anomaly(True):
        x = zero(wg)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(RuntimeError, match="SqrtBackward0"):
                autograd.grad(root(x).sum(), x)
        x = wg.ones(2, requires_grad=True)
        (g,) = autograd.grad((x**3).sum(), x, create_graph=True)
        g.sum().backward()
        assert x.grad.tolist() == [6.0, 6.0]


def test_a_warning_made_an_error_leaves_nothing_behind():
    def once():
        with warnings.catch_warnings(), autograd.set_detect_anomaly(True):
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match="Error detected in SqrtBackward0"):
                root(zero(wg)).sum().backward()

    once()
    gc.collect()
    before = wg._native.memory_stats()["current"]
    for _ in range(3):
        once()
    gc.collect()
    assert wg._native.memory_stats()["current"] == before


def test_a_captured_function_is_called_as_it_is():
    @wg.capture
    def step(x):
        (g,) = autograd.grad(root(x.requires_grad_()).sum(), x)
        return g

    x = wg.zeros(2)
    assert step(x).isnan().all() and step(x).isnan().all()
    assert step.cache_info()[:2] == (1, 1)
    with (
        autograd.set_detect_anomaly(True),
        pytest.warns(UserWarning, match="Error detected"),
        pytest.raises(RuntimeError, match="SqrtBackward0"),
    ):
        step(x.clone())
    assert step(x).isnan().all()
    assert step.cache_info()[:2] == (2, 1)


def test_a_loop_is_called_as_it_is():
    weight = wg.ones(2, requires_grad=True)

    @wg.capture
    def step(x):
        weight.grad = None
        loss = (weight * x).sqrt().sum()
        loss.backward()
        return loss.detach()

    assert step.run(wg.ones(6, 2), 2).shape == (3,)
    with (
        autograd.set_detect_anomaly(True),
        pytest.warns(UserWarning, match="Error detected"),
        pytest.raises(RuntimeError, match="MulBackward0|SqrtBackward0"),
    ):
        step.run(wg.zeros(6, 2), 2)
