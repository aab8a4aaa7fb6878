"""`gradcheck` and `gradgradcheck` with all their switches: what passes and what does not, against
torch where it is installed."""

import itertools

import pytest

import wengert as wg
from tests.conftest import torch

pytestmark = pytest.mark.filterwarnings("ignore")


def custom(t, forward=lambda x: x * 2, backward=lambda g: g * 2, jvp=None):
    """y = 2 x, or what the arguments make of it."""

    class Doubled(t.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return forward(x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.set_materialize_grads(False)

    Doubled.backward = staticmethod(lambda ctx, g: backward(g))
    if jvp is not None:
        Doubled.jvp = staticmethod(lambda ctx, v: jvp(v))
    return Doubled.apply


class State:
    calls = 0


def changing(g):
    State.calls += 1
    return g * 2 + 1e-4 * State.calls


# By name: of a library, a function of x (2, 3).
FUNCTIONS = {
    "right": lambda t: lambda x: (x * x).sin(),
    "two outputs": lambda t: lambda x: (x.exp(), x.sum(1)),
    "an output without gradient": lambda t: lambda x: (x.detach().ceil(), x * x),
    "nothing to differentiate": lambda t: lambda x: x.detach().ceil(),
    "a constant that moves": lambda t: lambda x: x.detach() * 2,
    "a right function": lambda t: custom(t, backward=lambda g: None if g is None else g * 2),
    "a wrong gradient": lambda t: custom(t, backward=lambda g: None if g is None else g * 3),
    "a gradient that does not look": lambda t: custom(
        t, backward=lambda g: t.full((2, 3), 2.0, dtype=t.float64)
    ),
    "another gradient each time": lambda t: custom(
        t, backward=lambda g: None if g is None else changing(g)
    ),
    "a right tangent": lambda t: custom(
        t, backward=lambda g: None if g is None else g * 2, jvp=lambda v: v * 2
    ),
    "a wrong tangent": lambda t: custom(
        t, backward=lambda g: None if g is None else g * 2, jvp=lambda v: v * 3
    ),
    "a detour": lambda t: lambda x: (x[0] * x[1]).cumsum(0).softmax(0),
    "parts": lambda t: lambda x: x[:, 1:].exp().sum(),
}
FORWARD = {"check_forward_ad": True}
SWITCHES = {
    "plain": {},
    "fast": {"fast_mode": True},
    "forward": FORWARD,
    "forward, fast": {**FORWARD, "fast_mode": True},
    "forward alone": {**FORWARD, "check_backward_ad": False},
    "forward alone, fast": {**FORWARD, "check_backward_ad": False, "fast_mode": True},
    "batched": {"check_batched_grad": True},
    "batched forward": {**FORWARD, "check_batched_forward_grad": True},
    "undefined or not": {"check_undefined_grad": False},
    "tolerant": {"nondet_tol": 0.1},
    "dtypes": {"check_grad_dtypes": True},
    "masked": {"masked": True},
    "neither": {"check_backward_ad": False},
    "batched without": {**FORWARD, "check_backward_ad": False, "check_batched_grad": True},
    "batched forward without": {"check_batched_forward_grad": True},
    "no exception": {"raise_exception": False},
}
# Their own functions of torch have no forward mode unless they have a jvp; here all have.
NEEDS_JVP = {"a right function", "a wrong gradient", "a gradient that does not look",
             "another gradient each time"}  # fmt: skip
# Where torch compares the wrong outputs, or looks for one that is not there.
WRONG_THERE = {("a constant that moves", "forward alone, fast")} | {
    ("an output without gradient", how) for how in SWITCHES if "fast" in how or "forward" in how
}


def outcome(t, check, name, switches):
    x = (t.arange(6, dtype=t.float64).reshape(2, 3) / 7 + 0.2).requires_grad_()
    State.calls = 0
    try:
        return getattr(t.autograd, check)(FUNCTIONS[name](t), (x,), **switches)
    except Exception as error:
        return type(error).__name__


@pytest.mark.skipif(torch is None, reason="torch is the oracle")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_torch(name):
    for how, switches in SWITCHES.items():
        needs_jvp = switches.get("check_forward_ad") and name in NEEDS_JVP
        if needs_jvp or (name, how) in WRONG_THERE:
            continue
        found, expected = (outcome(t, "gradcheck", name, switches) for t in (wg, torch))
        assert found == expected, how


SECOND = {
    "plain": {},
    "fast": {"fast_mode": True},
    "forward": {"check_fwd_over_rev": True},
    "forward, fast": {"check_fwd_over_rev": True, "fast_mode": True},
    "forward alone": {
        "check_fwd_over_rev": True, "check_rev_over_rev": False, "check_undefined_grad": False
    },
    "batched": {"check_batched_grad": True},
    "apart": {"gen_non_contig_grad_outputs": True},
    "neither": {"check_rev_over_rev": False},
    "undefined without": {"check_fwd_over_rev": True, "check_rev_over_rev": False},
    "no exception": {"raise_exception": False},
}  # fmt: skip


@pytest.mark.skipif(torch is None, reason="torch is the oracle")
@pytest.mark.parametrize("name", ["right", "two outputs", "a detour", "an output without gradient"])
def test_second_as_torch(name):
    for how, switches in SECOND.items():
        found, expected = (outcome(t, "gradgradcheck", name, switches) for t in (wg, torch))
        assert found == expected, how


def test_forward_mode_finds_what_backward_does_not():
    wrong = FUNCTIONS["a wrong tangent"](wg)
    x = wg.ones(2, dtype=wg.float64, requires_grad=True)
    assert wg.autograd.gradcheck(wrong, x)
    with pytest.raises(wg.autograd.GradcheckError, match="forward mode"):
        wg.autograd.gradcheck(wrong, x, check_forward_ad=True)
    assert not wg.autograd.gradcheck(wrong, x, check_forward_ad=True, raise_exception=False)


def test_messages():
    x = wg.ones(2, 3, dtype=wg.float64, requires_grad=True)
    for name, said in (
        ("a wrong gradient", "output 0 with respect to input 0"),
        ("a gradient that does not look", "Jacobian mismatch"),
        ("another gradient each time", "not reentrant"),
        ("a constant that moves", "expected to be zero"),
    ):
        State.calls = 0
        with pytest.raises(wg.autograd.GradcheckError, match=said):
            wg.autograd.gradcheck(FUNCTIONS[name](wg), x)


def test_vectors_of_a_vmap():
    """autograd.grad of a recorded graph, of vectors that vmap maps over."""
    x = wg.linspace(0, 1, 3, dtype=wg.float64).requires_grad_()
    y, unused = x.sin() * x, wg.ones(1, requires_grad=True)
    eye = wg.eye(3, dtype=wg.float64)
    rows = wg.vmap(lambda v: wg.autograd.grad(y, x, v, retain_graph=True))(eye)[0]
    assert wg.allclose(rows, wg.autograd.functional.jacobian(lambda x: x.sin() * x, x))
    twice = wg.vmap(
        lambda v: wg.vmap(lambda w: wg.autograd.grad(y, (x,), v * w, retain_graph=True))(eye)
    )(eye)[0]
    for i, j in itertools.product(range(3), range(3)):
        assert wg.equal(twice[i, j], rows[i] * (i == j))
    found = wg.vmap(
        lambda v: wg.autograd.grad(y, (x, unused), v, retain_graph=True, materialize_grads=True)
    )(eye)
    assert wg.equal(found[0], rows) and found[1].tolist() == [[0]] * 3
