"""Convolutions take what follows them into their tiles: programs give the bits of calls."""

import pytest

import wengert as wg
from tests.capture.captures import bits
from tests.capture.test_capture_passes import both_ways, ops
from wengert import nn

F = nn.functional

ACTIVATIONS = {
    "relu": F.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.2),
    "sigmoid": wg.sigmoid,
    "tanh": wg.tanh,
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "hardtanh": F.hardtanh,
    "relu6": F.relu6,
    "elu": F.elu,
    "softplus": F.softplus,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "relu_": lambda z: z.relu_(),
}
OF_THE_OUTPUT = {"relu", "sigmoid", "tanh", "relu_"}  # whose gradients read nothing else

# A function of an image's channels that makes the layer, and the image's size: what each kind of
# convolution stores its sums with.
LAYERS = {
    "whole rows": (lambda: nn.Conv2d(3, 20, 3, padding=1), (3, 3, 16, 16)),
    "ends of rows": (lambda: nn.Conv2d(5, 7, 3, bias=False), (3, 5, 9, 7)),
    "stride": (lambda: nn.Conv2d(6, 9, 3, 2, 1), (2, 6, 13, 11)),
    "deep": (lambda: nn.Conv2d(150, 20, 3, padding=1), (1, 150, 7, 7)),
    "groups": (lambda: nn.Conv2d(12, 24, 3, groups=3), (2, 12, 8, 8)),
    "one tap": (lambda: nn.Conv2d(16, 24, 1), (3, 16, 12, 12)),
    "one tap, small": (lambda: nn.Conv2d(16, 24, 1), (3, 16, 3, 3)),
    "depthwise": (lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8), (2, 8, 20, 21)),
    "depthwise, narrow": (lambda: nn.Conv2d(8, 16, 3, padding=1, groups=8), (2, 8, 6, 5)),
    "depthwise, stride": (lambda: nn.Conv2d(8, 8, 5, 2, 2, groups=8), (2, 8, 20, 21)),
    "transposed": (lambda: nn.ConvTranspose2d(6, 5, 3, 2, 1, 1), (2, 6, 7, 5)),
    "transposed, without stride": (lambda: nn.ConvTranspose2d(6, 5, 3), (2, 6, 7, 5)),
    "transposed, far apart": (lambda: nn.ConvTranspose2d(4, 3, 2, 4, 0, 1), (2, 4, 5, 5)),
    "transposed, depthwise": (lambda: nn.ConvTranspose2d(6, 6, 3, 2, groups=6), (2, 6, 7, 5)),
    "1d": (lambda: nn.Conv1d(4, 8, 5, padding=2), (2, 4, 700)),
    "3d": (lambda: nn.Conv3d(3, 6, 3, padding=1, dilation=2), (2, 3, 6, 7, 8)),
}


def norm_of(layer):
    """A batch norm for its results, as it is after training."""
    kind = {4: nn.BatchNorm2d, 3: nn.BatchNorm1d, 5: nn.BatchNorm3d}[layer.weight.ndim]
    norm = kind(layer.out_channels)
    with wg.no_grad():
        for t in (norm.weight, norm.bias, norm.running_mean):
            t.normal_()
        norm.running_var.uniform_(0.5, 2)
    return norm.eval()


def made(name, dtype=wg.float32):
    wg.manual_seed(0)
    layer, shape = LAYERS[name]
    return layer().to(dtype), wg.randn(*shape, dtype=dtype)


def fused(found, *names):
    """Whether one step is a convolution with these in its tiles, in this order."""
    return any(op.startswith("conv_") and op.split(" & ")[1:] == list(names) for op in found)


def step_of(parts, x, y):
    """Loss and gradients of one training step by functions one after the other."""
    leaves = [p for part in parts if isinstance(part, nn.Module) for p in part.parameters()]

    def step(x, y):
        h = x
        for part in parts:
            h = part(h)
        loss = (h * y).sum()
        return loss, h, wg.autograd.grad(loss, [*leaves, x])

    return step


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_every_kind_of_convolution(name, dtype):
    layer, x = made(name, dtype)
    norm = norm_of(layer).to(dtype)
    with wg.no_grad():
        y = wg.randn_like(layer(x))
        cases = {
            ("relu",): lambda x, y: layer(x).relu(),
            ("batch_norm_eval",): lambda x, y: norm(layer(x)),
            ("batch_norm_eval", "silu"): lambda x, y: F.silu(norm(layer(x))),
            ("batch_norm_eval", "add", "relu"): lambda x, y: norm(layer(x)).add_(y).relu_(),
            ("mul", "tanh"): lambda x, y: wg.tanh(layer(x) * y),
        }
        for names, f in cases.items():
            assert fused(both_ways(f, x, y), *names), names


@pytest.mark.parametrize("name", LAYERS)
def test_every_kind_of_convolution_in_training(name):
    """What the backward reads is kept, and its own convolutions take what follows them."""
    layer, x = made(name)
    x.requires_grad_()
    norm = norm_of(layer)
    y = wg.randn_like(layer(x)).detach()
    for parts, names in (
        ([layer, wg.tanh], ("tanh",)),
        ([layer, F.silu], ("silu",)),
        ([layer, norm], ("batch_norm_eval",)),
        ([layer, norm, F.silu], ("batch_norm_eval", "silu")),
        ([wg.tanh, layer, norm.train(), F.relu], ("tanh_backward",)),
    ):
        norm.train(parts[0] is wg.tanh)
        assert fused(both_ways(step_of(parts, x, y), x, y), *names), names


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name):
    activation = ACTIVATIONS[name]
    op = name.split("_tanh")[0].rstrip("_")
    layer, x = made("whole rows")
    with wg.no_grad():
        found = both_ways(lambda x: activation(layer(x)), x)
    assert len(found) == 1 and found[0].split(" & ")[0] == "conv_output"
    assert name == "relu6" or fused(found, op)
    y = wg.randn_like(layer(x)).detach()
    step = wg.capture(step_of([layer, activation], x, y))
    x.requires_grad_()
    expected = step_of([layer, activation], x, y)(x, y)
    for _ in range(3):
        assert bits(step(x, y)) == bits(expected)
    line = next(n for n in step.program.lines() if n["op"].startswith("conv_output &"))
    kept = line["operands"].split(" -> ")[1].count("%")
    assert kept == 1 if name in OF_THE_OUTPUT else kept == 2


def returned_sum(layer, norm, x):
    z = layer(x)
    return z, norm(z).relu()


def returned_norm(layer, norm, x):
    h = norm(layer(x))
    return h, h.relu()


def returned_all(layer, norm, x):
    z = layer(x)
    h = norm(z)
    return z, h, h.relu()


@pytest.mark.parametrize("f", [returned_sum, returned_norm, returned_all])
@pytest.mark.parametrize("name", ["whole rows", "deep", "transposed", "depthwise, narrow"])
def test_what_is_read_between_is_kept(f, name):
    layer, x = made(name)
    norm = norm_of(layer)
    with wg.no_grad():
        found = both_ways(lambda x: f(layer, norm, x), x)
    assert fused(found, "batch_norm_eval", "relu") and len(found) == 1


def changed_between(layer, norm, x):
    z = layer(x)
    norm.running_mean.add_(1)
    return norm(z)


def changed_sum(layer, norm, x):
    z = layer(x)
    z.add_(1)
    return norm(z) * z


def row_of_sum(layer, norm, x):
    return norm(layer(x)[:1])


def other_from_later(layer, norm, x):
    z = layer(x)
    return z * (layer(x + 1) + 2)


def read_between(layer, norm, x):
    z = layer(x)
    total = z.sum()
    z.add_(x.mean().expand(z.shape).contiguous())
    return z.relu_(), total


@pytest.mark.parametrize(
    "f", [changed_between, changed_sum, row_of_sum, other_from_later, read_between]
)
def test_what_stays_apart(f):
    layer, x = made("whole rows")
    norm, same = norm_of(layer), norm_of(layer)
    same.load_state_dict(norm.state_dict())
    with wg.no_grad():
        step = wg.capture(lambda x: f(layer, norm, x))
        for _ in range(3):
            assert bits(step(x)) == bits(f(layer, same, x))
    assert not fused(ops(step), "batch_norm_eval") and not fused(ops(step), "add", "relu")


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.c2, self.b2 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)

    def forward(self, x):
        h = F.relu(self.b1(self.c1(x)), inplace=True)
        h = self.b2(self.c2(h))
        h += x
        return F.relu(h, inplace=True)


def test_a_residual_network_and_its_file(tmp_path):
    wg.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), Block(8), Block(8)).train()
    xs = [wg.randn(2, 3, 9, 9) for _ in range(3)]
    for x in xs:
        net(x)
    net.eval()
    with wg.no_grad():
        step = wg.capture(net)
        expected = [bits(net(x)) for x in xs]
        assert [bits(step(x)) for x in xs] == expected
        assert [bits(step(x)) for x in xs] == expected
        found = ops(step)
        assert len(found) == 5  # one for each convolution
        assert fused(found, "batch_norm_eval", "add", "relu")
        step.program.save(str(tmp_path / "net.safetensors"))
        program = wg.load_program(str(tmp_path / "net.safetensors"))
        assert [bits(program(x)) for x in xs] == expected
