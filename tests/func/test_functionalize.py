"""`functionalize`, against torch where it is installed."""

import pytest

import wengert as wg
from tests.conftest import torch


def through_a_view(x):
    y = x.view(2, 2)
    y.add_(1)
    return y


# By name: a function of a library and of x (4,), and whether its result shares memory with x, with
# remove='mutations' and with 'mutations_and_views'.
CASES = {
    "a view that is changed": (lambda t, x: through_a_view(x), False, False),
    "in place": (lambda t, x: x.add_(1), False, False),
    "itself": (lambda t, x: x, True, True),
    "a view": (lambda t, x: x[1:], True, False),
    "of its own": (lambda t, x: x.mul_(2) + 1, False, False),
    "a copy that is changed": (lambda t, x: x.clone().mul_(3), False, False),
    "transposed in place": (lambda t, x: x.unsqueeze_(0).t_().add_(1), False, False),
}
WAYS = ("mutations", "mutations_and_views")


def outcome(t, name, remove):
    x = t.arange(4.0)
    out = t.func.functionalize(lambda x: CASES[name][0](t, x), remove=remove)(x)
    shares = out.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    return out.tolist(), x.tolist(), shares


@pytest.mark.parametrize("remove", WAYS)
@pytest.mark.parametrize("name", CASES)
def test_results_and_what_is_written(name, remove):
    found = outcome(wg, name, remove)
    x = wg.arange(4.0)
    assert found[:2] == (CASES[name][0](wg, x).tolist(), x.tolist())
    assert found[2] == CASES[name][1 + WAYS.index(remove)]
    if torch is not None:
        assert found == outcome(torch, name, remove)


@pytest.mark.parametrize("remove", WAYS)
def test_with_other_transforms(remove):
    triple = wg.func.functionalize(lambda x: x.clone().mul_(3).sum(), remove=remove)
    x = wg.ones(3)
    assert wg.func.grad(triple)(x).tolist() == [3, 3, 3]
    assert wg.func.functionalize(wg.func.grad(triple), remove=remove)(x).tolist() == [3, 3, 3]
    assert wg.func.vmap(triple)(wg.ones(2, 3)).tolist() == [9, 9]
    y = wg.ones(2, 3)
    out = wg.func.vmap(wg.func.functionalize(lambda x: x.mul_(2), remove=remove))(y)
    assert out.tolist() == y.tolist() == [[2] * 3] * 2 and out.data_ptr() != y.data_ptr()


def test_containers_and_keywords():
    key = wg.ones(2)
    call = wg.func.functionalize(lambda d, *, k: {"sum": d["x"] + k.add_(1), "n": 3, "k": k})
    out = call({"x": wg.ones(2)}, k=key)
    assert (out["sum"].tolist(), out["n"], out["k"].tolist()) == ([3, 3], 3, [2, 2])
    assert key.tolist() == [2, 2] and out["k"] is not key
    assert wg.func.functionalize(through_a_view).__name__ == "through_a_view"


def test_gradients_and_captures():
    w = wg.ones(4, requires_grad=True)
    call = wg.func.functionalize(lambda w: through_a_view(w * 2).pow(2).sum())
    call(w).backward()
    assert w.grad.tolist() == [12] * 4
    step = wg.capture(wg.func.functionalize(lambda x: through_a_view(x) * 2))
    for _ in range(3):
        x = wg.ones(4)
        assert step(x).tolist() == [[4, 4], [4, 4]]


def test_refusals():
    with pytest.raises(RuntimeError, match="valid options"):
        wg.func.functionalize(through_a_view, remove="views")
    with pytest.raises(RuntimeError, match="leaf"):
        wg.func.functionalize(lambda x: x.add_(1))(wg.ones(2, requires_grad=True))
