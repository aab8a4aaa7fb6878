"""Subclasses of tensors, and `__torch_function__`."""

import pickle

import pytest

import wengert as wg
from tests.test_as_torch import start


class Named(wg.Tensor):
    pass


def test_methods_and_operators_keep_the_class():
    x = wg.arange(6.0).reshape(2, 3).as_subclass(Named)
    assert type(x) is Named and isinstance(x, wg.Tensor)
    for y in (
        x + 1, 1 + x, x * x, -x, x @ x.t(), x[0], x.sum(), x.exp(), x.to(wg.float64), x.view(6),
        x > 2, x.clone(), x.detach(), wg.ones(2, 3) - x, x.reshape(-1), x.float(), *x.unbind(),
        *x.max(0), *x.split(1),
    ):  # fmt: skip
        assert type(y) is Named, y
    assert type(x.max(0)).__name__ == type(wg.ones(2, 3).max(0)).__name__
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]] and x.sum().item() == 15 and x.numel() == 6
    assert type(x.numpy()).__name__ == "ndarray" and len(x) == 2 and bool((x >= 0).all())
    assert type(x.size()) is wg.Size and str(x) == str(wg.arange(6.0).reshape(2, 3))
    plain = wg.zeros(2, 3)
    assert type(plain.add_(x)) is wg.Tensor and type(x.add_(1)) is Named
    assert wg.equal(x, plain + 1)


def test_gradients_flow_through_them():
    leaf = wg.ones(3, requires_grad=True)
    x = leaf.as_subclass(Named)
    (x * 2).exp().sum().backward()
    assert type(leaf.grad) is wg.Tensor and wg.allclose(leaf.grad, 2 * (leaf * 2).exp())
    own = wg.Tensor._make_subclass(Named, wg.ones(2), True)
    assert type(own) is Named and own.is_leaf and own.requires_grad
    (own * 3).sum().backward()
    assert own.grad.tolist() == [3, 3]
    for wrong in (int, 3, None):
        with pytest.raises(TypeError, match="subclass"):
            leaf.as_subclass(wrong)


def test_they_are_made_copied_and_pickled():
    x = Named([1.0, 2.0])
    assert type(x) is Named
    again = pickle.loads(pickle.dumps(x))
    assert type(again) is Named and again.tolist() == [1, 2]


def test_parameters_have_no_say():
    class Mine(wg.nn.Parameter):
        pass

    for p in (wg.nn.Parameter(wg.ones(2)), Mine(wg.ones(2)), wg.nn.Buffer(wg.ones(2))):
        assert type(p + 1) is wg.Tensor and type(p.exp()) is wg.Tensor
    layer = wg.nn.Linear(2, 2)
    assert type(layer(wg.ones(1, 2))) is wg.Tensor


def test_functions_of_classes_without_a_method_of_their_own_are_left_alone():
    assert type(wg.add).__name__ == "builtin_function"


SCRIPT = """
import torch
import torch.nn.functional as F
from torch.overrides import has_torch_function, handle_torch_function, is_tensor_like

before = torch.mean

class Logging(torch.Tensor):
    seen = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.seen.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs)

class Scalar:
    handled = {}

    def __init__(self, value):
        self.value = value

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func not in cls.handled or not all(issubclass(t, (torch.Tensor, Scalar)) for t in types):
            return NotImplemented
        return cls.handled[func](*args, **(kwargs or {}))

Scalar.handled[torch.mean] = lambda x: x.value
Scalar.handled[torch.add] = lambda a, b: Scalar(getattr(a, "value", a) + getattr(b, "value", b))
assert before == torch.mean and hash(before) == hash(torch.mean)

x = torch.arange(4.0).as_subclass(Logging)
y = torch.add(x, 1)
z = F.softmax(torch.cat([x, y]), dim=0)
assert type(y) is type(z) is Logging, (type(y), type(z))
w = torch.nn.Linear(4, 2)(x)
assert type(w) is Logging and w.requires_grad
w.sum().backward()
for name in ("add", "cat", "softmax", "linear", "sum"):
    assert name in Logging.seen, (name, Logging.seen)
torch.add(torch.ones(2), 1)  # plain
Logging.seen.clear()
torch.ones(2) + x[:2]
assert Logging.seen, "reflected"

assert torch.mean(Scalar(3)) == 3 and torch.add(Scalar(3), 2).value == 5
try:
    torch.exp(Scalar(3))
except TypeError as error:
    assert "__torch_function__" in str(error) and "exp" in str(error)
else:
    raise AssertionError

class Deeper(Logging):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return "deeper"

assert torch.add(x, torch.ones(4).as_subclass(Deeper)) == "deeper"
assert has_torch_function((1, x)) and not has_torch_function((1, torch.ones(2)))
assert is_tensor_like(Scalar(1)) and is_tensor_like(x) and not is_tensor_like(3)

def mine(a):
    if has_torch_function((a,)):
        return handle_torch_function(mine, (a,), a)
    return a

Scalar.handled[mine] = lambda a: "mine"
assert mine(Scalar(1)) == "mine" and mine(2) == 2
print("done")
"""


def test_torch_function(tmp_path):
    """In a process of its own, as functions ask from the first such class on."""
    (tmp_path / "script.py").write_text(SCRIPT)
    status, out, err = start("-m", "wengert", "run", tmp_path / "script.py")
    assert (status, out) == (0, "done\n"), err


def test_torch_itself_does_so(tmp_path, oracle):
    (tmp_path / "script.py").write_text(SCRIPT)
    status, out, err = start(tmp_path / "script.py")
    assert (status, out) == (0, "done\n"), err


MODES = """
import threading
import torch
import torch.nn.functional as F
from torch.overrides import BaseTorchFunctionMode, TorchFunctionMode

class Logging(TorchFunctionMode):
    def __init__(self):
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))

x, taken = torch.ones(2, 3), torch.exp
with Logging() as outer, Logging() as inner:
    taken(x), x.sum(), x + 1, 2 - x, x @ x.t(), -x, x[0], torch.zeros(3), torch.cat([x, x])
    torch.einsum("ij->i", x), F.softmax(x, 1), F.linear(x, x)
    x[0] = 3
    x += 1
    thread = threading.Thread(target=torch.relu, args=(x,))
    thread.start(), thread.join()
assert inner.seen == [
    "exp", "sum", "add", "__rsub__", "t", "matmul", "neg", "__getitem__", "zeros", "cat", "einsum",
    "softmax", "linear", "__setitem__", "add_",
], inner.seen
assert outer.seen == inner.seen
torch.exp(x)
assert len(inner.seen) == 15

class Negative(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return -func(*args, **(kwargs or {}))

with Negative(), BaseTorchFunctionMode():
    below = F.relu(x)
assert below.max() < 0 < F.relu(x).max()

class Refusing(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return NotImplemented

for mode, error in ((Refusing(), TypeError), (TorchFunctionMode(), NotImplementedError)):
    try:
        with mode:
            torch.exp(x)
    except error:
        assert torch.exp(x).shape == (2, 3)
    else:
        raise AssertionError(error)
linear = torch.nn.Linear(3, 2)
with Logging() as mode:
    linear(x).sum().backward()
assert mode.seen[:2] == ["linear", "sum"] and linear.weight.grad is not None
print("done")
"""


def test_modes(tmp_path):
    (tmp_path / "script.py").write_text(MODES)
    status, out, err = start("-m", "wengert", "run", tmp_path / "script.py")
    assert (status, out) == (0, "done\n"), err


def test_modes_of_torch_itself(tmp_path, oracle):
    (tmp_path / "script.py").write_text(MODES)
    status, out, err = start(tmp_path / "script.py")
    assert (status, out) == (0, "done\n"), err


CAPTURED = """
import wengert as wg
class Mine(wg.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs)
step = wg.capture(lambda x: wg.exp(x) + wg.nn.functional.relu(x))
x = wg.randn(3)
for _ in range(3):
    assert wg.equal(step(x), wg.exp(x) + wg.nn.functional.relu(x))
assert step.cache_info()[:2] == (2, 1)
print("done")
"""


def test_functions_that_ask_can_be_captured():
    status, out, err = start("-c", CAPTURED)
    assert (status, out) == (0, "done\n"), err
