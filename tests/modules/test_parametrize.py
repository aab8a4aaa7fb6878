"""Parametrized tensors: weight norm, spectral norm, one's own."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import wengert as wg
from tests.capture.captures import bits
from tests.conftest import torch

LAYERS = {
    "linear": (lambda nn: nn.Linear(5, 4), (2, 5)),
    "conv": (lambda nn: nn.Conv2d(3, 4, 3), (2, 3, 5, 5)),
    "transposed": (lambda nn: nn.ConvTranspose1d(3, 4, 2), (2, 3, 4)),
}
OLD = {
    "weight_norm": lambda u, m: u.weight_norm(m),
    "weight_norm of all": lambda u, m: u.weight_norm(m, dim=None),
    "spectral_norm": lambda u, m: u.spectral_norm(m, n_power_iterations=2),
}
NEW = {
    "new weight_norm": lambda u, m: u.parametrizations.weight_norm(m, dim=1),
    "new weight_norm of all": lambda u, m: u.parametrizations.weight_norm(m, dim=None),
    "new spectral_norm": lambda u, m: u.parametrizations.spectral_norm(m),
    "of a vector": lambda u, m: u.parametrizations.spectral_norm(m, "bias", dim=0),
    "both": lambda u, m: u.parametrizations.spectral_norm(u.parametrizations.weight_norm(m)),
}
KINDS = OLD | NEW
every_kind = pytest.mark.parametrize("kind", KINDS)
every_layer = pytest.mark.parametrize("layer", LAYERS)
pytestmark = pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")


def make(kind, layer, library=wg):
    library.manual_seed(2)
    return KINDS[kind](library.nn.utils, LAYERS[layer][0](library.nn))


def inputs(layer, step, library=wg):
    array = np.random.RandomState(step).standard_normal(LAYERS[layer][1])
    return library.from_numpy(array.astype("float32"))


def trained(module, layer, library=wg, wrap=lambda f: f, steps=4):
    """The outputs of some steps, and of one evaluation after them."""
    optimizer = library.optim.SGD(module.parameters(), lr=0.05)

    def step(x):
        optimizer.zero_grad()
        y = module(x)
        (y * y).mean().backward()
        optimizer.step()
        return y.detach()

    step = wrap(step)
    results = [step(inputs(layer, k, library)) for k in range(steps)]
    return [*results, module.eval()(inputs(layer, steps, library)).detach()], step


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@every_layer
@every_kind
def test_torch(kind, layer):
    """Draws, training, names, and states that either takes from the other."""
    ours, theirs = make(kind, layer), make(kind, layer, torch)
    assert repr(ours) == repr(theirs)
    for names in ("state_dict", "named_parameters", "named_buffers"):
        a, b = (dict(getattr(m, names)()) for m in (ours, theirs))
        assert list(a) == list(b)
        for x, y in zip(a.values(), b.values(), strict=True):
            np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), atol=2e-6)
    for x, y in zip(trained(ours, layer)[0], trained(theirs, layer, torch)[0], strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), atol=2e-5)
    fresh = make(kind, layer).eval()
    fresh.load_state_dict({k: wg.from_numpy(t.numpy()) for k, t in theirs.state_dict().items()})
    theirs.load_state_dict({k: torch.from_numpy(t.numpy()) for k, t in fresh.state_dict().items()})
    x, y = fresh(inputs(layer, 9)), theirs(inputs(layer, 9, torch))
    np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), atol=2e-6)


@every_layer
@every_kind
def test_a_replay_is_the_call(kind, layer):
    runs = []
    for wrap in (lambda f: f, wg.capture):
        module = make(kind, layer)
        results, step = trained(module, layer, wrap=wrap, steps=6)
        runs.append(bits([*results, *module.state_dict().values()]))
    assert runs[0] == runs[1] and step.cache_info().hits >= 4


@every_kind
def test_removal_keeps_the_value(kind):
    module = make(kind, "linear").eval()
    x = inputs("linear", 1)
    name = "bias" if kind == "of a vector" else "weight"
    y = module(x).detach()
    utils = wg.nn.utils
    if kind in NEW:
        utils.parametrize.remove_parametrizations(module, name)
    else:
        getattr(utils, "remove_" + kind.split()[0])(module)
    assert type(module) is wg.nn.Linear and sorted(module.state_dict()) == ["bias", "weight"]
    assert not module._forward_pre_hooks and not module._state_dict_hooks
    assert isinstance(module.weight, wg.nn.Parameter) and module.weight.requires_grad
    np.testing.assert_allclose(module(x).detach().numpy(), y.numpy(), atol=1e-6)
    with pytest.raises(ValueError, match="not found|does not have a parametrization"):
        if kind in NEW:
            utils.parametrize.remove_parametrizations(module, name)
        else:
            getattr(utils, "remove_" + kind.split()[0])(module)


@pytest.mark.parametrize("kind", NEW)
def test_copies(kind):
    """A deep copy is apart, also in what is parametrized; pickling is refused, as in PyTorch."""
    module = make(kind, "linear")
    other = copy.deepcopy(module)
    x = inputs("linear", 1)
    assert type(other) is type(module) and bits(other(x).detach()) == bits(module(x).detach())
    P = wg.nn.utils.parametrize
    name = "bias" if kind == "of a vector" else "weight"
    with wg.no_grad():
        for p in other.parameters():
            p.zero_()
    P.remove_parametrizations(other, name)
    assert P.is_parametrized(module, name) and module(x).abs().sum() > 0
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(module)


@pytest.mark.parametrize("kind", OLD)
def test_pickles_of_hooks(kind):
    module = make(kind, "linear").eval()
    other = pickle.loads(pickle.dumps(module))
    x = inputs("linear", 1)
    assert bits(other(x).detach()) == bits(module(x).detach())
    assert list(other.state_dict()) == list(module.state_dict())


def test_states_of_older_versions():
    old, new = make("weight_norm", "linear"), wg.nn.Linear(5, 4)
    wg.nn.utils.parametrizations.weight_norm(new).load_state_dict(old.state_dict())
    assert bits(new(inputs("linear", 1)).detach()) == bits(old(inputs("linear", 1)).detach())
    spectral = make("spectral_norm", "linear")
    spectral(inputs("linear", 1))
    state = spectral.state_dict()
    assert state._metadata[""]["spectral_norm"] == {"weight.version": 1}
    expected = spectral.weight.detach().clone()
    # Before version 1 the weight was saved and v was not.
    older = {k: v for k, v in state.items() if k != "weight_v"} | {"weight": expected}
    fresh = make("spectral_norm", "linear").eval()
    fresh.load_state_dict(older)
    fresh(inputs("linear", 1))
    np.testing.assert_allclose(fresh.weight.detach().numpy(), expected.numpy(), rtol=1e-4)
    with pytest.raises(RuntimeError, match="weight_orig"):
        fresh.load_state_dict({"weight": expected, "bias": state["bias"]})


def scenario(t):
    """What happens in one library: values, names, and kinds of errors."""
    nn, P = t.nn, t.nn.utils.parametrize
    seen = []

    def note(what):
        try:
            result = what()
        except Exception as error:
            result = type(error)
        seen.append(result.tolist() if isinstance(result, t.Tensor) else result)

    class Symmetric(nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).T

        def right_inverse(self, x):
            return x.triu()

    class Double(nn.Module):
        def forward(self, x):
            return 2 * x

    class Outer(nn.Module):
        def forward(self, a, b):
            return a.unsqueeze(1) * b

        def right_inverse(self, x):
            return x[:, 0], x[0]

    class Wrong(nn.Module):
        def __init__(self, give):
            super().__init__()
            self.forward = give

    def layer():
        module = nn.Linear(3, 3)
        module.weight.data = t.arange(9.0).reshape(3, 3)
        module.bias.data = t.ones(3)
        return module

    m = layer()
    note(lambda: P.type_before_parametrizations(m).__name__)
    P.register_parametrization(m, "weight", Symmetric())
    note(lambda: m.weight)
    note(lambda: m.parametrizations.weight.original)
    P.register_parametrization(m, "weight", Double())
    P.register_parametrization(m, "bias", Double())
    note(lambda: repr(m))
    note(lambda: list(m.state_dict()))
    note(lambda: m(t.ones(1, 3)))
    note(lambda: (P.is_parametrized(m), P.is_parametrized(m, "bias"), P.is_parametrized(m, "x")))
    note(lambda: P.type_before_parametrizations(m).__name__)

    def assign(value):
        m.weight = value
        return m.weight

    note(lambda: assign(t.ones(3, 3)))  # Double has no inverse
    P.remove_parametrizations(m, "weight", leave_parametrized=False)
    note(lambda: m.weight)
    P.register_parametrization(m, "weight", Symmetric())
    note(lambda: assign(t.eye(3)))
    note(lambda: assign(t.eye(3, dtype=t.float64)))
    note(lambda: m.__setattr__("weight", nn.Parameter(t.eye(3))))
    other = nn.Linear(3, 3)
    P.transfer_parametrizations_and_params(m, other)
    note(lambda: repr(other))
    note(lambda: other.weight)
    note(lambda: other.parametrizations.bias.original is m.parametrizations.bias.original)
    calls = []
    n = layer()

    class Counting(nn.Module):
        def forward(self, x):
            calls.append(1)
            return x * 1

    P.register_parametrization(n, "weight", Counting())
    with P.cached():
        n(t.ones(1, 3)), n.weight, n.weight
        with P.cached():
            note(lambda: n.weight is n.weight)
        note(lambda: n.weight is n.weight)
    note(lambda: n.weight is n.weight)
    note(lambda: len(calls))
    outer = P.register_parametrization(layer(), "weight", Outer())
    note(lambda: list(outer.state_dict()))
    note(lambda: P.remove_parametrizations(outer, "weight", leave_parametrized=False))
    outer.weight = t.ones(3, 3)
    note(lambda: P.remove_parametrizations(outer, "weight").weight)
    note(lambda: isinstance(outer.weight, nn.Parameter))
    for give in (
        lambda x: None,
        lambda x: x.double(),
        lambda x: x[0],
    ):
        note(lambda give=give: P.register_parametrization(layer(), "weight", Wrong(give)))
        note(lambda give=give: P.register_parametrization(m, "weight", Wrong(give)))
        note(
            lambda give=give: (
                type(
                    P.register_parametrization(layer(), "weight", Wrong(give), unsafe=True)
                ).__name__
            )
        )
    note(lambda: P.register_parametrization(layer(), "nothing", Double()))
    note(lambda: P.ParametrizationList([], t.ones(1)))
    note(lambda: P.remove_parametrizations(layer(), "weight"))
    note(lambda: t.nn.utils.parametrizations.spectral_norm(layer(), "nothing"))
    note(lambda: t.nn.utils.parametrizations.spectral_norm(layer(), dim=2))
    note(lambda: t.nn.utils.parametrizations.spectral_norm(layer(), n_power_iterations=0))
    note(lambda: t.nn.utils.spectral_norm(t.nn.utils.spectral_norm(layer())))
    note(lambda: t.nn.utils.spectral_norm(nn.LazyLinear(3)))
    note(lambda: t.nn.utils.spectral_norm(nn.Linear(3, 3, bias=False), "bias"))
    note(lambda: t.nn.utils.spectral_norm(layer(), n_power_iterations=0))
    note(lambda: t.nn.utils.weight_norm(t.nn.utils.weight_norm(layer())))
    note(lambda: t.nn.utils.weight_norm(nn.LazyLinear(3)))
    b = layer()
    b.register_buffer("scale", t.ones(2))
    P.register_parametrization(b, "scale", Double())
    note(lambda: [k for k, _ in b.named_buffers()])
    note(lambda: P.remove_parametrizations(b, "scale").scale)
    return seen


def test_parametrize():
    ours = scenario(wg)
    assert ours[0] == ours[7] == "Linear" and ours[1] == [[0, 1, 2], [1, 4, 5], [2, 5, 8]]
    assert ours[2] == [[0, 1, 2], [0, 4, 5], [0, 0, 8]] and ours[6] == (True, True, False)
    if torch is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = scenario(torch)
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert a == b, i
