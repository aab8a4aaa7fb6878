"""Images whose channels lie last in memory: layouts as PyTorch's, values as ever, no copies."""

import itertools

import numpy as np
import pytest

import wengert as wg
from tests.capture.captures import bits
from tests.conftest import torch

F = wg.nn.functional
CHANNELS, OUTPUTS, PIXELS = 12, 8, 6

# Functions of an image, the weights (see `weights`) and the library's nn.functional.
CONVOLUTIONS = {
    "conv": lambda F, x, w: F.conv2d(x, w["full"], w["bias"], padding=1),
    "strided": lambda F, x, w: F.conv2d(x, w["full"], stride=2, padding=1),
    "dilated": lambda F, x, w: F.conv2d(x, w["full"], padding=2, dilation=2),
    "one tap": lambda F, x, w: F.conv2d(x, w["point"], w["bias"]),
    "groups": lambda F, x, w: F.conv2d(x, w["groups"], padding=1, groups=4),
    "depthwise": lambda F, x, w: F.conv2d(x, w["depthwise"], padding=1, groups=CHANNELS),
    "depthwise strided": lambda F, x, w: F.conv2d(x, w["depthwise"], None, 2, 1, groups=CHANNELS),
    "two of each": lambda F, x, w: F.conv2d(x, w["two"], padding=1, groups=CHANNELS),
    "transposed": lambda F, x, w: F.conv_transpose2d(x, w["transposed"], w["bias"], stride=2),
}
OTHERS = {
    "max_pool": lambda F, x, w: F.max_pool2d(x, 2),
    "max_pool overlapping": lambda F, x, w: F.max_pool2d(x, 3, 2, 1),
    "avg_pool": lambda F, x, w: F.avg_pool2d(x, 2),
    "avg_pool overlapping": lambda F, x, w: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "adaptive_avg_pool": lambda F, x, w: F.adaptive_avg_pool2d(x, (4, 3)),
    "batch_norm": lambda F, x, w: F.batch_norm(x, None, None, w["gain"], w["shift"], True),
    "batch_norm given": lambda F, x, w: F.batch_norm(
        x, w["shift"].detach(), w["gain"].detach() ** 2 + 1, w["gain"]
    ),
    "relu": lambda F, x, w: F.relu(x),
}
CASES = {**CONVOLUTIONS, **OTHERS}
SHAPES = {
    "full": (OUTPUTS, CHANNELS, 3, 3),
    "point": (OUTPUTS, CHANNELS, 1, 1),
    "groups": (OUTPUTS, CHANNELS // 4, 3, 3),
    "depthwise": (CHANNELS, 1, 3, 3),
    "two": (2 * CHANNELS, 1, 3, 3),
    "transposed": (CHANNELS, OUTPUTS, 3, 3),
    "bias": (OUTPUTS,),
    "gain": (CHANNELS,),
    "shift": (CHANNELS,),
}
DRAW = np.random.RandomState(0)
IMAGE = DRAW.randn(3, CHANNELS, PIXELS, PIXELS)
WEIGHTS = {name: DRAW.randn(*shape) for name, shape in SHAPES.items()}


def tensor(library, array, last, dtype="float32"):
    t = library.from_numpy(array.astype(dtype))
    return t.contiguous(memory_format=library.channels_last) if last else t


def weights(library, last, dtype="float32"):
    return {
        k: tensor(library, v, last and v.ndim == 4, dtype).requires_grad_()
        for k, v in WEIGHTS.items()
    }


def results(library, case, x_last, w_last, g_last, dtype="float32"):
    """The result, and the gradients of the image and of each weight that has one."""
    x = tensor(library, IMAGE, x_last, dtype).requires_grad_()
    w = weights(library, w_last, dtype)
    y = CASES[case](library.nn.functional, x, w)
    g = np.random.RandomState(1).randn(*y.shape)
    found = library.autograd.grad(
        y, [x, *w.values()], tensor(library, g, g_last, dtype), allow_unused=True
    )
    return [y.detach(), *(d for d in found if d is not None)]


def layout(library, t):
    if t.ndim != 4:
        return None
    last = t.is_contiguous(memory_format=library.channels_last)
    return t.is_contiguous(), last


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_the_same_in_either_layout(case, dtype):
    expected = results(wg, case, False, False, False, dtype)
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for x_last, w_last, g_last in itertools.product((False, True), repeat=3):
        for a, b in zip(results(wg, case, x_last, w_last, g_last, dtype), expected, strict=True):
            assert np.allclose(a.numpy(), b.numpy(), tolerance, 10 * tolerance)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("case", CASES)
def test_layouts_are_those_of_torch(case):
    for x_last, w_last in itertools.product((False, True), repeat=2):
        # A gradient lies as the result does, as what follows gives it; of convolutions it need not.
        result_last = x_last or (w_last and case in CONVOLUTIONS)
        g_last = result_last != (x_last and w_last and case in CONVOLUTIONS)
        ours = results(wg, case, x_last, w_last, g_last)
        theirs = results(torch, case, x_last, w_last, g_last)
        for a, b in zip(ours, theirs, strict=True):
            assert np.allclose(a.numpy(), b.numpy(), 1e-4, 1e-4)
            assert layout(wg, a) == layout(torch, b)


def test_indices_lie_as_the_values_do():
    x = tensor(wg, IMAGE, True)
    for pool in (F.max_pool2d, F.adaptive_max_pool2d):
        y, at = pool(x, 2, return_indices=True)
        flat, flat_at = pool(x.contiguous(), 2, return_indices=True)
        assert (y == flat).all() and (at == flat_at).all()
        assert (
            y.stride()
            == at.stride()
            == x[:, :, : y.shape[2], : y.shape[3]].clone(memory_format=wg.channels_last).stride()
        )


@pytest.mark.parametrize("case", sorted(CASES.keys() - {"relu"}))  # which is fused where contiguous
def test_no_copies(case):
    """A captured call and its gradients are the same steps in either layout."""

    def steps(last):
        x, w = tensor(wg, IMAGE, last), weights(wg, last)
        g = tensor(wg, np.ones(CASES[case](F, x, w).shape), last)

        def step(x, g):
            x.requires_grad_()
            y = CASES[case](F, x, w)
            return [y, *wg.autograd.grad(y, [x, *w.values()], g, allow_unused=True)]

        return [line["op"] for line in wg.explain(step, x, g).lines()]

    assert steps(True) == steps(False)


def test_threads_change_no_bits():
    before = wg.get_num_threads()
    try:
        for case in CASES:
            found = []
            for threads in (1, 2, 3):
                wg.set_num_threads(threads)
                found.append([bits(t.contiguous()) for t in results(wg, case, True, True, True)])
            assert found[0] == found[1] == found[2], case
    finally:
        wg.set_num_threads(before)


class Block(wg.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = wg.nn.Conv2d(CHANNELS, 16, 3, padding=1)
        self.norm = wg.nn.BatchNorm2d(16)
        self.second = wg.nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.pool = wg.nn.MaxPool2d(2)
        self.out = wg.nn.Linear(16, 3)

    def forward(self, x):
        y = F.relu(self.norm(self.first(x)))
        y = self.pool(y + self.second(y))
        assert y.is_contiguous(memory_format=wg.channels_last)
        return self.out(F.adaptive_avg_pool2d(y, 1).flatten(1))


def test_captured_training_is_the_eager_one():
    losses = []
    for capture in (False, True):
        wg.manual_seed(0)
        net = Block().to(memory_format=wg.channels_last)
        optimizer = wg.optim.SGD(net.parameters(), 0.1, momentum=0.9)

        def step(x, t, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), t)
            loss.backward()
            optimizer.step()
            return loss

        run = wg.capture(step) if capture else step
        x = tensor(wg, IMAGE, True)
        losses.append([bits(run(x, wg.tensor([0, 1, 2]))) for _ in range(5)])
        assert net.first.weight.grad.stride() == net.first.weight.stride()
    assert losses[0] == losses[1]


def test_a_saved_program_keeps_the_layout(tmp_path):
    net = Block().to(memory_format=wg.channels_last).eval()
    x = tensor(wg, IMAGE, True)
    with wg.no_grad():
        captured = wg.capture(lambda x: net.pool(F.relu(net.norm(net.first(x)))))
        expected = captured(x)
    captured.program.save(tmp_path / "step.safetensors")
    result = wg.load_program(tmp_path / "step.safetensors")(x)
    assert result.stride() == expected.stride() and bits(result) == bits(expected)


def test_second_gradients():
    w = {k: v.double() for k, v in weights(wg, True).items()}
    x = tensor(wg, IMAGE[:1, :, :4, :4], True, "float64").requires_grad_()
    for case in ("conv", "depthwise", "max_pool overlapping", "avg_pool", "batch_norm"):
        assert wg.autograd.gradgradcheck(lambda x, case=case: CASES[case](F, x, w), (x,)), case


def test_sequences_with_channels_last_take_no_copy():
    """(n, l, c), transposed, into a convolution of one dimension."""
    x, w = wg.randn(2, 9, CHANNELS).transpose(1, 2), wg.randn(OUTPUTS, CHANNELS, 3)
    assert bits(F.conv1d(x, w)) == bits(F.conv1d(x.contiguous(), w))
    assert [line["op"] for line in wg.explain(F.conv1d, x, w).lines()] == ["conv_output"]
