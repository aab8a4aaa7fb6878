"""Modules that find the shapes of their parameters at their first call."""

import copy
import io
import pickle

import pytest

import wengert as wg
from tests.capture.captures import bits
from tests.conftest import torch
from wengert import nn
from wengert.nn.modules.lazy import LazyModuleMixin

NAMES = [name for name in nn.__all__ if name.startswith("Lazy")]


def shape_of(name):
    return (2, 4, *(() if name == "LazyLinear" else (5, 4, 3)[: int(name[-2])]))


def lazy(name, library=wg):
    args = () if "Norm" in name else (3,) if name == "LazyLinear" else (3, 2)
    library.manual_seed(4)
    return getattr(library.nn, name)(*args)


def net(library=wg):
    library.manual_seed(4)
    n = library.nn
    return n.Sequential(
        n.LazyConv2d(4, 3), n.LazyBatchNorm2d(), n.Flatten(), n.LazyLinear(5), n.Linear(5, 2)
    )


IMAGES = wg.linspace(-1, 2, 2 * 3 * 25).reshape(2, 3, 5, 5)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_call_makes_the_class_it_becomes(name):
    module = lazy(name)
    assert isinstance(module, LazyModuleMixin) and module.has_uninitialized_params()
    held = [*module.parameters(), *module.buffers()]
    assert repr(held[0]) == "<UninitializedParameter>"
    module(wg.ones(shape_of(name)))
    assert type(module).__name__ == name.removeprefix("Lazy")
    assert not hasattr(module, "_initialize_hook") and not module._forward_pre_hooks
    now = [*module.parameters(), *module.buffers()]
    assert all(a is b for a, b in zip(held, now, strict=True))  # what an optimizer holds
    assert {type(t) for t in now} <= {nn.Parameter, wg.Tensor}


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_initial_values_are_those_of_the_seed(name):
    ours, theirs = lazy(name), lazy(name, torch)
    ours(wg.ones(shape_of(name)))
    theirs(torch.ones(shape_of(name)))
    assert repr(ours) == repr(theirs)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()


def uses():
    F = nn.functional
    return {
        "add": lambda p: p + 1,
        "radd": lambda p: wg.ones(1) + p,
        "iadd": lambda p: wg.ones(2).add_(p),
        "function": lambda p: wg.add(p, 1),
        "layer": lambda p: F.linear(wg.ones(2, 3), p),
        "list": lambda p: wg.cat([wg.ones(2), p]),
        "index": lambda p: p[0],
        "equal": lambda p: p == p,
        "truth": bool,
        "length": len,
        "method": lambda p: p.detach(),
        "numbers": lambda p: p.tolist(),
        "in place": lambda p: p.mul_(2),
        "initialiser": nn.init.ones_,
        "parameter": nn.Parameter,
        "vector": lambda p: nn.utils.parameters_to_vector([p]),
        "freeze": lambda p: p.requires_grad_(False),
    }


@pytest.mark.parametrize("kind", [nn.UninitializedParameter, nn.UninitializedBuffer])
@pytest.mark.parametrize("use", uses())
def test_functions_refuse_what_has_no_shape(use, kind):
    with pytest.raises(ValueError, match=rf"uninitialized parameter in .*{kind.__name__}"):
        uses()[use](kind())


def test_what_may_be_asked_of_it():
    p = nn.UninitializedParameter(dtype=wg.float64)
    assert p.dtype == wg.float64 and p.requires_grad and p.is_leaf and p.grad is None
    assert nn.parameter.is_lazy(p) and not nn.parameter.is_lazy(wg.ones(1))
    assert p in {p} and p.to(wg.float64) is p
    assert p.float().dtype == wg.float32 and nn.parameter.is_lazy(p.float())
    with pytest.raises(RuntimeError, match="shape of an uninitialized"):
        p.shape  # noqa: B018 - raises
    with pytest.raises(RuntimeError, match="share memory"):
        p.share_memory_()
    for other in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert nn.parameter.is_lazy(other) and other.dtype == wg.float64 and other is not p
    p.materialize((2, 3))
    assert type(p) is nn.Parameter and p.shape == (2, 3) and p.dtype == wg.float64
    b = nn.UninitializedBuffer(persistent=False)
    assert not b.requires_grad and not copy.deepcopy(b).persistent
    b.materialize((2,), dtype=wg.int64)
    assert type(b) is wg.Tensor and b.dtype == wg.int64


@pytest.mark.parametrize("copied", ["copy", "pickle", "file"])
def test_copies_before_the_first_call(copied):
    module = net()
    if copied == "copy":
        other = copy.deepcopy(module)
    elif copied == "pickle":
        other = pickle.loads(pickle.dumps(module))
    else:
        file = io.BytesIO()
        wg.save(module, file)
        file.seek(0)
        other = wg.load(file, weights_only=False)
    results = []
    for m in (module, other):
        wg.manual_seed(6)
        results.append(bits((m(IMAGES).detach(), m.state_dict())))
    assert results[0] == results[1] and repr(module) == repr(other)


def test_states_before_and_after():
    called, fresh, third = net(), net(), net()
    called(IMAGES)
    with pytest.raises(RuntimeError, match="shape of an uninitialized"):
        called.load_state_dict(fresh.state_dict())
    file = io.BytesIO()
    wg.save(fresh.state_dict(), file)
    file.seek(0)
    fresh.load_state_dict(wg.load(file))
    assert fresh[0].has_uninitialized_params()
    third.load_state_dict(called.state_dict())
    assert not third[0].has_uninitialized_params() and type(third[0]) is nn.LazyConv2d
    assert bits(third.eval()(IMAGES).detach()) == bits(called.eval()(IMAGES).detach())
    assert type(third[0]) is nn.Conv2d


def test_errors():
    with pytest.raises(ValueError, match="divisible by groups"):
        nn.LazyConv2d(4, 3, groups=2)(IMAGES)
    with pytest.raises(RuntimeError, match="Expected 3D .* or 4D .* LazyConv2d"):
        nn.LazyConv2d(4, 3)(wg.ones(3, 5))

    class Forgetful(LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.UninitializedParameter()

        def forward(self, x):
            return x

    with pytest.raises(NotImplementedError, match="Forgetful"):
        Forgetful()(IMAGES)
    Forgetful.initialize_parameters = lambda self, x: None
    with pytest.raises(RuntimeError, match="Forgetful has not been fully initialized"):
        Forgetful()(IMAGES)


def test_an_optimizer_made_before_the_first_call():
    module = net()
    optimizer = wg.optim.SGD(module.parameters(), lr=0.1)
    optimizer.step()  # there are no gradients
    before = bits(module(IMAGES).detach())
    module(IMAGES).sum().backward()
    optimizer.step()
    assert bits(module(IMAGES).detach()) != before


def test_a_captured_first_call():
    def run(wrap):
        module = net()
        step = wrap(lambda x: (module(x).square().sum(), *module.buffers()))
        wg.manual_seed(7)
        return [bits([t.detach().clone() for t in step(IMAGES * k)]) for k in (1, 2, 3)]

    assert run(wg.capture) == run(lambda f: f)


def test_hooks_and_casts_before_the_first_call():
    module = net().double().train(False)
    seen = []
    module[0].register_forward_hook(lambda m, args, y: seen.append((type(m), y.dtype)))
    module(IMAGES.double())
    assert seen == [(nn.Conv2d, wg.float64)]
    assert {p.dtype for p in module.parameters()} == {wg.float64}
