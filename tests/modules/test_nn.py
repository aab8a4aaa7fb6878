"""Modules, containers, layers, losses, initialisers and nn.utils."""

import copy
import gc
import pickle
import warnings
import weakref
from collections import OrderedDict

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from wengert import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.head = nn.Linear(4, 2, bias=False)
        self.scale = nn.Parameter(wg.ones(1))
        self.register_buffer("count", wg.zeros(2))
        self.register_buffer("scratch", wg.zeros(1), persistent=False)

    def forward(self, x):
        return self.head(self.body(x)) * self.scale


def outcome(f, *args):
    """The result, or type and text of the exception."""
    try:
        return f(*args)
    except Exception as error:
        return type(error).__name__, str(error).replace("wengert", "torch")


def same_in_torch(f):
    """f(namespace) gives the same value, or the same error, with torch and with wengert."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert outcome(f, wg) == outcome(f, torch)


# ---- registration


def test_registration_and_names():
    net = Net()
    names = ["scale", "body.0.weight", "body.0.bias", "head.weight"]
    assert [n for n, _ in net.named_parameters()] == names
    assert [n for n, _ in net.named_parameters(prefix="p", recurse=False)] == ["p.scale"]
    assert [n for n, _ in net.named_buffers()] == ["count", "scratch"]
    assert [n for n, _ in net.named_modules()] == ["", "body", "body.0", "body.1", "head"]
    assert [n for n, _ in net.named_children()] == ["body", "head"]
    assert net.get_submodule("body.0") is net.body[0]
    assert net.get_parameter("head.weight") is net.head.weight
    assert net.get_buffer("count") is net.count
    net.alias = net.head
    assert len(list(net.parameters())) == 4
    assert len(list(net.named_parameters(remove_duplicate=False))) == 5
    assert net.head.bias is None and "bias" in net.head._parameters
    assert "weight" in dir(net.head)


def test_tables_and_attributes_agree():
    layer = nn.Linear(2, 2)
    other = nn.Parameter(wg.zeros(2, 2))
    layer._parameters["weight"] = other
    assert layer.weight is other
    del layer._parameters["weight"]
    assert not hasattr(layer, "weight")
    layer.weight = other
    assert layer._parameters["weight"] is other
    layer._parameters.pop("weight")
    with pytest.raises(AttributeError):
        _ = layer.weight
    layer.register_buffer("weight", wg.ones(2, 2))
    assert layer.weight is layer._buffers["weight"]
    layer.weight = other  # a Parameter takes the place of a buffer
    assert "weight" not in layer._buffers and layer._parameters["weight"] is other
    layer.bias = None
    assert layer.bias is None and layer._parameters["bias"] is None
    layer._modules = OrderedDict(a=nn.ReLU())
    assert isinstance(layer.a, nn.ReLU)
    layer._modules.clear()
    assert not hasattr(layer, "a")
    del layer.bias
    assert "bias" not in layer._parameters
    net = Net()
    del net.head
    assert [n for n, _ in net.named_children()] == ["body"]


def test_property_wins_over_parameter():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self._parameters["weight"] = nn.Parameter(wg.zeros(1))

        @property
        def weight(self):
            return "computed"

    assert Tied().weight == "computed"


def test_module_is_freed_at_once():
    net = Net()
    gone = weakref.ref(net)
    gc.disable()
    try:
        del net
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "f",
    [
        lambda t: t.nn.Module().register_parameter("a.b", None),
        lambda t: t.nn.Module().register_parameter("", None),
        lambda t: t.nn.Module().register_parameter(1, None),
        lambda t: t.nn.Module().register_buffer("a.b", None),
        lambda t: t.nn.Module().register_buffer("", None),
        lambda t: t.nn.Module().register_buffer("train", None),
        lambda t: t.nn.Module().register_buffer("x", 3),
        lambda t: t.nn.Module().register_parameter("x", 3),
        lambda t: t.nn.Module().add_module("a.b", t.nn.ReLU()),
        lambda t: t.nn.Module().add_module("", t.nn.ReLU()),
        lambda t: t.nn.Module().add_module("x", 3),
        lambda t: t.nn.Module().add_module("eval", None),
        lambda t: t.nn.Module()(1),
        lambda t: t.nn.Module(3),
        lambda t: t.nn.Module(a=3),
        lambda t: t.nn.Linear(2, 2).nothing,
        lambda t: setattr(t.nn.Linear(2, 2), "weight", 3),
        lambda t: setattr(t.nn.Sequential(t.nn.ReLU()), "0", 3),
        lambda t: t.nn.Linear(2, 2).get_submodule("x"),
        lambda t: t.nn.Linear(2, 2).get_parameter("x"),
        lambda t: t.nn.Linear(2, 2).get_parameter("in_features"),
        lambda t: t.nn.Linear(2, 2).get_buffer("weight"),
        lambda t: t.nn.Linear(2, 2).to(t.int64),
        lambda t: t.nn.Linear(2, 2).train(1),
        lambda t: t.nn.Linear(2, 2).load_state_dict(3),
        lambda t: t.nn.Sequential(t.nn.ReLU())[1],
        lambda t: t.nn.Sequential(t.nn.ReLU()) * 0,
        lambda t: t.nn.ModuleList([t.nn.ReLU()])[2],
        lambda t: t.nn.ModuleList().extend(3),
        lambda t: t.nn.ModuleDict().update(3),
        lambda t: t.nn.ModuleDict().update([3]),
        lambda t: t.nn.ModuleDict().update([(1, 2, 3)]),
        lambda t: t.nn.ParameterList()(),
        lambda t: t.nn.ParameterList().extend(3),
        lambda t: t.nn.Unflatten(1, 3),
        lambda t: t.nn.Dropout(2.0),
        lambda t: t.nn.Hardtanh(1, 0),
        lambda t: t.nn.HuberLoss(delta="x"),
        lambda t: t.nn.init.calculate_gain("x"),
        lambda t: t.nn.init.calculate_gain("leaky_relu", True),
        lambda t: t.nn.init.xavier_uniform_(t.zeros(3)),
        lambda t: t.nn.init.kaiming_uniform_(t.zeros(3, 3), mode="x"),
        lambda t: t.nn.init.eye_(t.zeros(3)),
        lambda t: t.nn.init.dirac_(t.zeros(3, 3)),
        lambda t: t.nn.init.sparse_(t.zeros(3), 0.5),
        lambda t: t.nn.init.orthogonal_(t.zeros(3)),
        lambda t: t.nn.utils.vector_to_parameters(3, []),
    ],
)
def test_errors_are_those_of_torch(f):
    same_in_torch(f)


def test_before_init():
    class Early(nn.Module):
        def __init__(self, value):
            self.x = value
            super().__init__()

    with pytest.raises(AttributeError, match="cannot assign module before"):
        Early(nn.ReLU())
    with pytest.raises(AttributeError, match="cannot assign parameters before"):
        Early(nn.Parameter(wg.zeros(1)))
    assert Early(3).x == 3


# ---- state_dict


def test_state_dict_round_trip():
    net, other = Net(), Net()
    state = net.state_dict()
    keys = ["scale", "count", "body.0.weight", "body.0.bias", "head.weight"]
    assert list(state) == keys
    assert state._metadata[""] == {"version": 1}
    assert not state["scale"].requires_grad
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    result = other.load_state_dict(state)
    assert repr(result) == "<All keys matched successfully>"
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        assert (a == b).all()
    part = {"scale": state["scale"]}
    result = other.load_state_dict(part, strict=False)
    assert result.missing_keys == keys[1:] and result.unexpected_keys == []
    assert repr(result).startswith("_IncompatibleKeys(missing_keys=['count'")


def test_assign():
    net = Net()
    state = {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(state, assign=True)
    assert isinstance(net.scale, nn.Parameter) and net.scale.requires_grad
    assert net.count is state["count"]


def test_load_errors_are_those_of_torch():
    def load(t):
        model = t.nn.Sequential(t.nn.Linear(2, 3), t.nn.Sequential(t.nn.Linear(3, 1)))
        state = model.state_dict()
        state["0.weight"] = t.zeros(5, 2)
        del state["1.0.bias"]
        state["2.x"] = state["y"] = t.zeros(1)
        model.load_state_dict(state)

    same_in_torch(load)


def test_state_dict_hooks():
    layer = nn.Linear(1, 1)
    seen = []
    handles = [
        layer.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append("pre")),
        layer.register_state_dict_post_hook(lambda m, d, prefix, meta: seen.append("post")),
        layer.register_load_state_dict_pre_hook(lambda m, *a: seen.append(m is layer)),
        layer.register_load_state_dict_post_hook(lambda m, keys: seen.append(keys.missing_keys)),
    ]
    layer.load_state_dict(layer.state_dict())
    assert seen == ["pre", "post", True, []]
    for handle in handles:
        handle.remove()
    layer.load_state_dict(layer.state_dict())
    assert len(seen) == 4


def test_extra_state():
    class Extra(nn.Module):
        value = 1

        def get_extra_state(self):
            return self.value

        def set_extra_state(self, state):
            self.value = state

    a, b = Extra(), Extra()
    a.value = 7
    b.load_state_dict(a.state_dict())
    assert b.value == 7
    with pytest.raises(RuntimeError, match=r'Missing key.*"_extra_state"'):
        b.load_state_dict({})


def test_copies_and_pickles():
    net = Net()
    net.body[0].register_forward_hook(lambda *a: None)
    deep = copy.deepcopy(net)
    assert deep.head.weight is not net.head.weight
    assert deep.head.weight is deep.head._parameters["weight"]
    deep.head._parameters["weight"] = other = nn.Parameter(wg.zeros(2, 4))
    assert deep.head.weight is other
    shallow = copy.copy(net)
    shallow.head = nn.Linear(4, 1)
    assert net.head is shallow.head  # as torch: the tables are shared
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    again = pickle.loads(pickle.dumps(net))
    assert (again[0].weight == net[0].weight).all() and again[0].weight.requires_grad
    assert again[0].weight is again[0]._parameters["weight"]
    assert "weight" not in net[0].__getstate__()


def test_deepcopy_keeps_sharing():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    twin = copy.deepcopy(net)
    assert twin[0].weight is twin[1].weight


# ---- whole-module operations


def test_train_eval_apply_and_casts():
    net = Net()
    assert net.training and net.eval() is net and not net.body[0].training
    net.train()
    seen = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "ReLU", "Sequential", "Linear", "Net"]
    net(wg.ones(1, 3)).sum().backward()
    weight = net.head.weight
    assert net.double() is net and net.head.weight is weight
    assert weight.dtype == wg.float64 and weight.grad.dtype == wg.float64
    assert net.count.dtype == wg.float64
    assert net.to("cpu").to(dtype=wg.float32).scale.dtype == wg.float32
    net.zero_grad()
    assert weight.grad is None
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    with pytest.raises(RuntimeError):
        net.cuda()


# ---- hooks


def test_forward_hooks():
    layer = nn.Linear(2, 2)
    seen = []
    first = layer.register_forward_hook(lambda m, args, out: seen.append("a"))
    layer.register_forward_hook(lambda m, args, out: seen.append("b") or out * 0, prepend=True)
    layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    layer.register_forward_hook(
        lambda m, args, kwargs, out: seen.append(len(kwargs)), with_kwargs=True
    )
    assert float(layer(wg.ones(1, 2)).abs().sum()) == 0
    assert seen == ["b", "a", 0]
    first.remove()
    layer(wg.ones(1, 2))
    assert seen[3:] == ["b", 0]
    layer._forward_hooks.clear()
    layer._forward_pre_hooks.clear()
    layer(wg.ones(1, 2))
    assert len(seen) == 5 and "_has_hooks" not in vars(layer)


def test_always_called_hook():
    layer = nn.Linear(2, 2)
    seen = []
    layer.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(RuntimeError):
        layer(wg.ones(1, 3))
    assert seen == [None]


def test_global_hook():
    from wengert.nn.modules.module import register_module_forward_hook

    seen = []
    with register_module_forward_hook(lambda m, args, out: seen.append(type(m).__name__)):
        nn.Sequential(nn.ReLU())(wg.ones(1))
    nn.ReLU()(wg.ones(1))
    assert seen == ["ReLU", "Sequential"] and not nn.Module._has_hooks


def test_full_backward_hooks():
    layer = nn.Linear(2, 1, bias=False)
    seen = {}

    def hook(module, grad_input, grad_output):
        seen["in"], seen["out"] = grad_input, grad_output
        return None if grad_input[0] is None else (grad_input[0] * 10,)

    layer.register_full_backward_hook(hook)
    layer.register_full_backward_pre_hook(lambda m, g: (g[0] * 2,))
    x = wg.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert float(seen["out"][0]) == 2
    np.testing.assert_allclose(x.grad.numpy(), layer.weight.detach().numpy() * 20, rtol=1e-6)
    seen.clear()
    layer(wg.ones(1, 2)).sum().backward()  # no input needs a gradient
    assert seen["in"] == (None,)


# ---- printing


def test_repr_of_parameters():
    torch = pytest.importorskip("torch")

    def texts(t):
        p = t.nn.Parameter(t.ones(2))
        both = t.nn.ParameterList([p, t.zeros(2, 3)]), t.nn.ParameterDict({"a": p})
        return [repr(p), *map(repr, both)]

    ours = [text.replace("wengert.", "torch.") for text in texts(wg)]
    assert ours == texts(torch)


# ---- containers


def test_sequential_is_a_list():
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
    s = nn.Sequential(a, b, c)
    assert len(s) == 3 and s[-1] is c and list(s[1:]) == [b, c]
    s.insert(1, c)
    assert list(s) == [a, c, b, c] and list(s._modules) == ["0", "1", "2", "3"]
    del s[0]
    assert list(s) == [c, b, c] and s.pop(1) is b
    s[0] = a
    assert list(s + nn.Sequential(b)) == [a, c, b]
    s += nn.Sequential(b)
    assert list(s * 2) == [a, c, b] * 2 and list(2 * s) == [a, c, b] * 2
    s *= 2
    assert len(s) == 6
    assert list(s.append(a).extend([b]))[-2:] == [a, b]
    assert list(nn.Sequential(OrderedDict(x=a, y=b))[:1]._modules) == ["x"]
    del s[1:]
    assert len(s) == 1
    assert nn.Sequential()(5) == 5


def test_module_list_and_dict():
    a, b = nn.ReLU(), nn.Tanh()
    items = nn.ModuleList([a])
    items.append(b)
    items.insert(0, b)
    items += [a]
    assert list(items) == [b, a, b, a] and items[-1] is a and list(items[:2]) == [b, a]
    items[0] = a
    assert items.pop(0) is a and len(items) == 3
    assert len(items + nn.ModuleList([a])) == 4
    d = nn.ModuleDict({"x": a})
    d["y"] = b
    d.update([("z", a)])
    assert list(d) == ["x", "y", "z"] and "x" in d and d.pop("x") is a and len(d) == 2
    d.clear()
    assert len(d) == 0


def test_parameter_list_and_dict():
    items = nn.ParameterList([wg.zeros(1), nn.Parameter(wg.ones(2))])
    items.append(wg.ones(3))
    assert [n for n, _ in items.named_parameters()] == ["0", "1", "2"]
    assert len(items[1:]) == 2 and items[-1].shape == (3,)
    items[0] = nn.Parameter(wg.ones(4))
    assert items[0].shape == (4,)
    d = nn.ParameterDict({"b": wg.zeros(1), "a": wg.ones(1)})
    assert list(d) == ["a", "b"] and "a" in d and d.get("c") is None
    d.setdefault("c", wg.zeros(2))
    assert list(dict(d.named_parameters())) == ["a", "b", "c"]
    assert d.popitem()[0] == "c" and list(d | nn.ParameterDict({"z": wg.ones(1)}))[-1] == "z"
    assert list(d.copy().keys()) == ["a", "b"]


def test_parameter_and_buffer():
    p = nn.Parameter(wg.ones(2))
    assert isinstance(p, wg.Tensor) and p.requires_grad and p.is_leaf
    assert not isinstance(p * 2, nn.Parameter)
    q = copy.deepcopy(p)
    assert isinstance(q, nn.Parameter) and (q == p).all() and q is not p
    q = pickle.loads(pickle.dumps(nn.Parameter(wg.ones(2), requires_grad=False)))
    assert isinstance(q, nn.Parameter) and not q.requires_grad
    m = nn.Module()
    m.b = nn.Buffer(wg.ones(1), persistent=False)
    assert list(dict(m.named_buffers())) == ["b"] and len(m.state_dict()) == 0
    m.b = wg.zeros(3)
    assert m.b.shape == (3,) and "b" in m._buffers


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("size", range(1, 6))
def test_channel_0_counts_for_all_in_the_older_norm_as_in_torch(size):
    x = np.cos(np.arange(2 * 7 * 6.0)).reshape(2, 7, 2, 3)
    y = nn.CrossMapLRN2d(size, 0.5, 0.6, 2)(wg.from_numpy(x))
    expected = torch.nn.CrossMapLRN2d(size, 0.5, 0.6, 2)(torch.from_numpy(x))
    np.testing.assert_allclose(y.numpy(), expected.numpy(), rtol=1e-12)
    with pytest.raises(ValueError, match="4D"):
        nn.CrossMapLRN2d(size)(wg.ones(3, 4, 5))


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("dims", [2, 3])
def test_windows_at_random_places_are_torchs(dims, dtype):
    x = np.random.RandomState(0).standard_normal((2, 3, 9, 8, 7)[: dims + 2]).astype(dtype)
    for shape in (x, x[0]):
        results = []
        for library in (wg, torch):
            library.manual_seed(1)
            cls = getattr(library.nn, f"FractionalMaxPool{dims}d")
            module = cls(2, output_ratio=0.6, return_indices=True)
            results.append([t.numpy() for t in module(library.from_numpy(shape))])
        for a, b in zip(*results, strict=True):
            np.testing.assert_array_equal(a, b)
