"""Distributions, divergences, transforms and constraints against what torch gives: stored, and
torch itself where it is installed."""

import warnings

import numpy as np
import pytest

import wengert as wg
from tests.distributions import table, transforms
from tests.distributions.stored import VALUES, assert_near

# PyTorch's bessel functions and gradients of gamma and Dirichlet samples are approximations with
# these errors; ours of samples are exact.
SAMPLED = 4e-3
# torch compares float64 with float32 there, which it refuses.
TORCH_FAILS = {"GeneralizedPareto": {"log_prob", "cdf"}}

every_case = pytest.mark.parametrize("c", table.CASES, ids=lambda c: c.key)


def tolerance(c):
    """Parameters that are all numbers become float32."""
    return 1e-8 if any(isinstance(v, list) for v in c.params.values()) else 5e-5


def check_case(c, answers, gradients, text):
    left_out = TORCH_FAILS.get(c.name, set())
    ours = table.answers(wg, table.make(wg, c))
    for name in left_out:
        assert ours.pop(name) != "RuntimeError" and answers.pop(name) == "RuntimeError"
    assert_near(ours, answers, tolerance(c))
    for name, value in table.gradients(wg, c).items():
        if name not in left_out:
            near = SAMPLED if name == "rsample" else max(tolerance(c), 1e-7)
            theirs = gradients[name]
            if (c.name, name) == ("Wishart", "log_prob") and "scale_tril" in c.params:
                # Above the diagonal, where nothing is read, torch's is not zero.
                at = list(c.params).index("scale_tril")
                theirs[at] = np.tril(theirs[at]).tolist()
            assert_near(value, theirs, near, name)
    assert repr(table.make(wg, c)).replace("wengert.", "") == text


@pytest.mark.quick
@every_case
def test_stored(c):
    theirs = dict(VALUES[c.key])
    check_case(c, theirs, theirs.pop("gradients"), theirs.pop("repr"))


@every_case
@pytest.mark.filterwarnings("ignore")
def test_torch(c, oracle):
    check_case(
        c,
        table.answers(oracle, table.make(oracle, c)),
        table.gradients(oracle, c),
        repr(table.make(oracle, c)).replace("torch.", ""),
    )


def test_composed():
    for name, d in table.composed(wg).items():
        assert_near(table.answers(wg, d), VALUES[name], 1e-8, name)


def test_divergences():
    assert_near(table.divergences(wg), VALUES["divergences"], 1e-7)


@pytest.mark.filterwarnings("ignore:Low df")
def test_refusals():
    assert table.refusals(wg) == VALUES["refusals"]


@pytest.mark.parametrize("name", transforms.TRANSFORMS)
def test_transforms(name):
    assert_near(transforms.answers(wg, name), VALUES["transforms"][name], 1e-8, name)


def test_constraints():
    assert_near(transforms.checks(wg), VALUES["constraints"], 0)


@pytest.mark.filterwarnings("ignore")
def test_the_rest_against_torch(oracle):
    for name, d in table.composed(oracle).items():
        assert_near(table.answers(oracle, d), VALUES[name], 1e-8, name)
    assert_near(table.divergences(oracle), VALUES["divergences"], 1e-7)
    assert table.refusals(oracle) == VALUES["refusals"]
    for name in transforms.TRANSFORMS:
        assert_near(transforms.answers(oracle, name), VALUES["transforms"][name], 1e-8, name)


def test_names(oracle):
    """What torch.distributions has, with its constructors' arguments."""
    import inspect

    ours, theirs = wg.distributions, oracle.distributions
    assert set(theirs.__all__) <= set(ours.__all__)
    for name in theirs.__all__:
        a, b = getattr(ours, name), getattr(theirs, name)
        if isinstance(b, type):
            arguments = [list(inspect.signature(f.__init__).parameters) for f in (a, b)]
            assert arguments[0] == arguments[1], name
    assert set(theirs.constraints.__all__) <= set(ours.constraints.__all__)


def test_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for c in table.CASES:
            table.make(wg, c)
