"""Mixed precision: which dtypes `autocast` gives, its gradients, captured steps, nesting."""

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from wengert.nn import functional as F

X, W = np.linspace(-2, 2, 12).astype(np.float32).reshape(3, 4), np.eye(4, dtype=np.float32)
IMAGE, TAPS = np.ones((1, 2, 5, 5), np.float32), np.ones((3, 2, 3, 3), np.float32)
# name: the call, of a library and its functional module.
CALLS = {
    "mm": lambda t, f: t.mm(t.from_numpy(X), t.from_numpy(W)),
    "matmul": lambda t, f: t.from_numpy(X) @ t.from_numpy(W),
    "bmm": lambda t, f: t.bmm(t.from_numpy(X)[None], t.from_numpy(W)[None]),
    "addmm": lambda t, f: t.addmm(t.from_numpy(X), t.from_numpy(X), t.from_numpy(W)),
    "linear": lambda t, f: f.linear(t.from_numpy(X), t.from_numpy(W)),
    "conv2d": lambda t, f: f.conv2d(t.from_numpy(IMAGE), t.from_numpy(TAPS)),
    "conv_transpose2d": lambda t, f: f.conv_transpose2d(
        t.from_numpy(IMAGE), t.from_numpy(TAPS.swapaxes(0, 1).copy())
    ),
    "attention": lambda t, f: f.scaled_dot_product_attention(*[t.from_numpy(X)[None]] * 3),
    "then relu": lambda t, f: f.relu(t.from_numpy(X) @ t.from_numpy(W)),
    "then add": lambda t, f: t.from_numpy(X) @ t.from_numpy(W) + t.from_numpy(X),
    "softmax": lambda t, f: f.softmax(t.from_numpy(X) @ t.from_numpy(W), -1),
    "layer_norm": lambda t, f: f.layer_norm(
        t.from_numpy(X) @ t.from_numpy(W), (4,), t.ones(4), t.zeros(4)
    ),
    "mse_loss": lambda t, f: f.mse_loss(t.from_numpy(X) @ t.from_numpy(W), t.from_numpy(X)),
    "cross_entropy": lambda t, f: f.cross_entropy(
        t.from_numpy(X) @ t.from_numpy(W), t.tensor([0, 1, 2])
    ),
    "prod": lambda t, f: t.prod(t.from_numpy(X) @ t.from_numpy(W)),
    "sum": lambda t, f: t.sum(t.from_numpy(X) @ t.from_numpy(W)),
    "cat": lambda t, f: t.cat([t.from_numpy(X) @ t.from_numpy(W), t.from_numpy(X)]),
    "stack": lambda t, f: t.stack([t.from_numpy(X) @ t.from_numpy(W)] * 2),
    "float64": lambda t, f: t.from_numpy(X).double() @ t.from_numpy(W).double(),
    "add": lambda t, f: t.from_numpy(X) + t.from_numpy(X),
}
# What torch 2.13 gives for them.
DTYPES = {
    **dict.fromkeys(CALLS, "bfloat16"),
    **dict.fromkeys(("then add", "mse_loss", "cross_entropy", "prod", "cat", "add"), "float32"),
    "float64": "float64",
}


@pytest.mark.parametrize("name", CALLS)
def test_dtypes(name):
    with wg.autocast("cpu", dtype=wg.bfloat16):
        y = CALLS[name](wg, F)
    assert str(y.dtype) == f"wengert.{DTYPES[name]}"
    if torch is not None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z = CALLS[name](torch, torch.nn.functional)
        assert str(z.dtype) == f"torch.{DTYPES[name]}"
        np.testing.assert_allclose(y.double(), z.double(), rtol=0.02, atol=0.02)
    with wg.autocast("cpu", enabled=False):
        assert CALLS[name](wg, F).dtype in (wg.float32, wg.float64)


def make():
    wg.manual_seed(0)
    net = wg.nn.Sequential(
        wg.nn.Linear(8, 16), wg.nn.LayerNorm(16), wg.nn.GELU(), wg.nn.Linear(16, 3)
    )
    return net, wg.optim.Adam(net.parameters(), 0.01)


def train(steps, capture=False):
    net, optimizer = make()

    def step(x, t):
        optimizer.zero_grad()
        with wg.autocast("cpu"):
            loss = F.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        return loss

    run = wg.capture(step) if capture else step
    wg.manual_seed(1)
    x, t = wg.randn(32, 8), wg.randint(3, (32,))
    losses = [run(x, t).item() for _ in range(steps)]
    return losses, net


def test_trains_in_float32_parameters():
    losses, net = train(60)
    assert losses[-1] < 0.3 * losses[0]
    assert all(p.dtype is wg.float32 and p.grad.dtype is wg.float32 for p in net.parameters())


def test_captured_is_eager():
    eager, net = train(20)
    captured, other = train(20, capture=True)
    assert eager == captured
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        assert wg.equal(a, b)


def test_a_region_outside_is_a_condition_of_a_captured_function():
    step = wg.capture(lambda x, w: x @ w)
    x, w = wg.from_numpy(X), wg.from_numpy(W)
    for _ in range(2):
        assert step(x, w).dtype is wg.float32
        with wg.autocast("cpu"):
            assert step(x, w).dtype is wg.bfloat16
        with wg.autocast("cpu", dtype=wg.float16):
            assert step(x, w).dtype is wg.float16


def test_a_program_casts_its_parameters_anew():
    w = wg.from_numpy(W.copy()).requires_grad_()
    x = wg.from_numpy(X)
    step = wg.capture(lambda x: (x @ w).sum())
    with wg.autocast("cpu"):
        for scale in (1.0, 3.0):
            with wg.no_grad():
                w.copy_(wg.from_numpy(W) * scale)
            assert step(x).item() == pytest.approx(scale * X.sum(), abs=0.1)


def test_parameters_are_cast_once_in_a_region():
    w = wg.ones(4, 4, requires_grad=True)
    x = wg.from_numpy(X)
    with wg.autocast("cpu"):
        one, two = x @ w, x @ w
        with wg.no_grad():
            w.mul_(2)  # the cast is of what was
        three = x @ w
    assert wg.equal(one, two) and not wg.equal(one, three)
    (one + two).sum().backward()
    assert w.grad.dtype is wg.float32


def test_regions_nest_and_come_back_after_errors():
    assert not wg.is_autocast_enabled("cpu")
    with wg.autocast("cpu", dtype=wg.float16):
        with wg.autocast("cpu", enabled=False):
            assert not wg.is_autocast_enabled()
        assert wg.is_autocast_enabled() and wg.get_autocast_dtype("cpu") is wg.float16
    with pytest.raises(ZeroDivisionError), wg.autocast("cpu"):
        raise ZeroDivisionError
    assert not wg.is_autocast_enabled("cpu")
    assert wg.get_autocast_dtype("cpu") is wg.bfloat16
    with pytest.warns(UserWarning, match="only supports"), wg.autocast("cpu", dtype=wg.float32):
        assert not wg.is_autocast_enabled("cpu")
    with wg.autocast("cuda"):
        assert not wg.is_autocast_enabled("cpu")


@wg.autocast("cpu")
def decorated(x, w):
    return x @ w


def test_decorator():
    assert decorated(wg.from_numpy(X), wg.from_numpy(W)).dtype is wg.bfloat16
    assert not wg.is_autocast_enabled("cpu")


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_is_computed_again_as_it_was(reentrant):
    w = wg.from_numpy(W.copy()).requires_grad_()
    x = wg.from_numpy(X).requires_grad_()
    seen = []

    def part(x):
        y = x @ w
        seen.append(y.dtype)
        return y.float().sin()

    with wg.autocast("cpu"):
        y = wg.utils.checkpoint.checkpoint(part, x, use_reentrant=reentrant)
    y.sum().backward()
    assert seen == [wg.bfloat16] * 2 and w.grad.dtype is wg.float32


def products(t, cast_inputs, seen):
    """A product whose methods note what they are given and what they compute in."""

    class Product(t.autograd.Function):
        @staticmethod
        @t.amp.custom_fwd(device_type="cpu", cast_inputs=cast_inputs)
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            seen.extend([x.dtype, w.dtype, (x @ w).dtype, t.is_autocast_enabled("cpu")])
            return x @ w

        @staticmethod
        @t.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            seen.extend([g.dtype, (g.float() @ w.float().T).dtype, t.is_autocast_enabled("cpu")])
            return g @ w.T.to(g.dtype), x.T.to(g.dtype) @ g

    return Product.apply


def noted(t, cast_inputs, enabled):
    seen = []
    x = t.ones(2, 3, requires_grad=True)
    w = t.ones(3, 4, requires_grad=True)
    given = None if cast_inputs is None else getattr(t, cast_inputs)
    with t.amp.autocast("cpu", dtype=t.bfloat16, enabled=enabled):
        y = products(t, given, seen)(x, w)
    y.sum().backward()
    return [str(s).rpartition(".")[2] for s in [*seen, y.dtype, x.grad.dtype]]


@pytest.mark.parametrize("cast_inputs", [None, "float32", "float16"])
@pytest.mark.parametrize("enabled", [True, False])
def test_functions_of_a_user(cast_inputs, enabled, oracle):
    assert noted(wg, cast_inputs, enabled) == noted(oracle, cast_inputs, enabled)


def test_functions_refuse():
    with pytest.raises(ValueError, match="device_type"):
        wg.amp.custom_fwd(device_type=3)
    with pytest.raises(ValueError, match="device_type"):
        wg.amp.custom_bwd(lambda ctx, g: g, device_type=None)
