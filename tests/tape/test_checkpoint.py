"""utils.checkpoint: the same gradients from less memory."""

import contextlib
import dataclasses
import gc
import warnings
import weakref

import pytest

import wengert as wg
from wengert import nn
from wengert.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    detach_variable,
    get_device_states,
    set_checkpoint_debug_enabled,
    set_checkpoint_early_stop,
    set_device_states,
)

VARIANTS = pytest.mark.parametrize("use_reentrant", [True, False])


class Block(nn.Module):
    def __init__(self, width=8, p=0.5):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        return x + self.dropout(self.down(nn.functional.gelu(self.up(self.norm(x)))))


def through(blocks, x, **how):
    for block in blocks:
        x = checkpoint(block, x, **how) if how else block(x)
    return x


def gradients(blocks, x, loss, seed=1):
    wg.manual_seed(seed)
    x.grad = None
    for p in blocks.parameters():
        p.grad = None
    loss(x).backward()
    return [x.grad, *(p.grad for p in blocks.parameters())]


def same(a, b):
    return len(a) == len(b) and all(wg.equal(s, t) for s, t in zip(a, b, strict=True))


@pytest.fixture
def blocks():
    wg.manual_seed(0)
    return nn.ModuleList(Block() for _ in range(3))


@pytest.fixture
def x():
    return wg.randn(5, 8, requires_grad=True)


@VARIANTS
def test_gradients_and_random_numbers_are_the_same(blocks, x, use_reentrant):
    plain = gradients(blocks, x, lambda x: (through(blocks, x) ** 2).sum())
    after = wg.get_rng_state()
    again = gradients(
        blocks, x, lambda x: (through(blocks, x, use_reentrant=use_reentrant) ** 2).sum()
    )
    assert same(plain, again)
    assert wg.equal(wg.get_rng_state(), after)  # backward has drawn nothing, as it seems


@VARIANTS
def test_without_the_random_state_the_numbers_are_others(blocks, x, use_reentrant):
    how = {"use_reentrant": use_reentrant, "preserve_rng_state": False}
    plain = gradients(blocks, x, lambda x: through(blocks, x).sum())
    again = gradients(blocks, x, lambda x: through(blocks, x, **how).sum())
    assert not wg.equal(plain[1], again[1])


@VARIANTS
def test_kept_normals_too(x, use_reentrant):
    """A generator may hold half of a pair of normal numbers."""

    def noisy(x):
        return x * wg.randn(3).sum()

    wg.manual_seed(3)
    wg.randn(1)
    y = checkpoint(noisy, x, use_reentrant=use_reentrant)
    y.sum().backward()
    assert wg.allclose(x.grad, (y / x).detach())


@VARIANTS
def test_memory_falls(use_reentrant):
    blocks = nn.ModuleList(Block(64, 0.1) for _ in range(6))
    x = wg.randn(1024, 64, requires_grad=True)

    def kept(**how):
        gc.collect()
        before = wg.memory_stats()["current"]
        y = through(blocks, x, **how)
        gc.collect()
        held = wg.memory_stats()["current"] - before
        y.sum().backward()
        return held

    kept()
    plain, less = kept(), kept(use_reentrant=use_reentrant)
    activations = 6 * x.numel() * 4  # what goes from block to block
    assert less < 1.2 * activations
    assert plain > 6 * less


@VARIANTS
def test_what_a_call_holds_is_freed(blocks, x, use_reentrant):
    y = checkpoint(lambda x: blocks[0](x), x * 1, use_reentrant=use_reentrant)
    loss = y.sum()
    del y
    h = wg.randn(5, 8)
    seen = weakref.ref(h)
    z = checkpoint(lambda x, h=h: x * h, x, use_reentrant=use_reentrant).sum()
    del h
    z.backward()
    loss.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        z.backward()
    gc.collect()
    assert seen() is None


@VARIANTS
def test_retain_graph(blocks, x, use_reentrant):
    blocks.eval()
    loss = through(blocks, x, use_reentrant=use_reentrant).sum()
    loss.backward(retain_graph=True)
    once = x.grad.clone()
    loss.backward()
    assert wg.allclose(x.grad, 2 * once, rtol=1e-5, atol=1e-6)


@VARIANTS
def test_nested(blocks, x, use_reentrant):
    def both(x):
        x = checkpoint(blocks[0], x, use_reentrant=use_reentrant)
        return checkpoint(blocks[1], x, use_reentrant=use_reentrant)

    warnings.simplefilter("ignore")  # nothing requires a gradient in the first, unrecorded pass

    def whole(x):
        return blocks[2](checkpoint(both, x, use_reentrant=use_reentrant))

    plain = gradients(blocks, x, lambda x: through(blocks, x).sum())
    assert same(plain, gradients(blocks, x, lambda x: whole(x).sum()))


@VARIANTS
def test_sequential(x, use_reentrant):
    wg.manual_seed(0)
    blocks = nn.Sequential(*(Block() for _ in range(7)))
    plain = gradients(blocks, x, lambda x: blocks(x).sum())
    for functions in (blocks, list(blocks)):
        for segments in (1, 2, 3, 7):
            again = gradients(
                blocks,
                x,
                lambda x, f=functions, n=segments: checkpoint_sequential(
                    f, n, x, use_reentrant=use_reentrant
                ).sum(),
            )
            assert same(plain, again)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: odd"):
        checkpoint_sequential(blocks, 2, x, use_reentrant=use_reentrant, odd=1)


@VARIANTS
def test_several_results_some_of_which_are_no_tensors(x, use_reentrant):
    def several(x, scale, name):
        return x * scale, name, wg.arange(3), (x + 1).detach(), x.exp()

    y, name, integers, constant, z = checkpoint(several, x, 2.0, "a", use_reentrant=use_reentrant)
    assert name == "a" and integers.tolist() == [0, 1, 2] and not integers.requires_grad
    assert constant.requires_grad == use_reentrant  # as PyTorch has it
    (y.sum() + z.sum()).backward()
    assert wg.allclose(x.grad, 2 + x.exp().detach())


@VARIANTS
def test_a_result_nobody_uses(x, use_reentrant):
    y, _ = checkpoint(lambda x: (x * 2, x.exp()), x, use_reentrant=use_reentrant)
    y.sum().backward()
    assert x.grad.tolist() == wg.full_like(x, 2).tolist()


@VARIANTS
def test_without_recording(blocks, x, use_reentrant):
    with wg.no_grad():
        y = checkpoint(blocks[0], x, use_reentrant=use_reentrant)
    assert not y.requires_grad


@VARIANTS
def test_hooks_are_called_once(x, use_reentrant):
    w = wg.ones(8, requires_grad=True)
    seen = []
    for t in (x, w):
        t.register_hook(lambda g: seen.append(g.clone()))
    h = x * 1
    h.register_hook(lambda g: g * 3)
    checkpoint(lambda h: h * w, h, use_reentrant=use_reentrant).sum().backward()
    assert len(seen) == 2
    assert x.grad.tolist() == wg.full_like(x, 3).tolist()


@VARIANTS
def test_an_argument_changed_before_backward(x, use_reentrant):
    h = x * 1
    y = checkpoint(lambda h: h.exp(), h, use_reentrant=use_reentrant)
    with wg.no_grad():
        h.add_(1)
    with pytest.raises(RuntimeError, match="an argument of checkpoint of shape .5, 8. is at"):
        y.sum().backward()


@VARIANTS
def test_errors_of_the_function_pass(x, use_reentrant):
    def broken(x):
        raise KeyError("here")

    with pytest.raises(KeyError, match="here"):
        checkpoint(broken, x, use_reentrant=use_reentrant)
    calls = []

    def late(x):
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("there")
        return x * 2

    state = wg.get_rng_state()
    y = checkpoint(late, x, use_reentrant=use_reentrant)
    with pytest.raises(KeyError, match="there"):
        y.sum().backward()
    assert wg.equal(wg.get_rng_state(), state)
    assert wg.is_grad_enabled()


def test_the_variant_is_to_be_named(x):
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        y = checkpoint(lambda x: x * 2, x)
    y.sum().backward()
    with pytest.warns(UserWarning, match="checkpoint_sequential: the use_reentrant"):
        checkpoint_sequential([nn.Tanh(), nn.Tanh()], 2, x)


def test_as_a_submodule():
    assert wg.utils.checkpoint.checkpoint is checkpoint
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wg.utils.nothing


# ---- reentrant


def test_reentrant_needs_backward(x):
    y = checkpoint(lambda x: x * 2, x, use_reentrant=True).sum()
    with pytest.raises(RuntimeError, match="incompatible with .grad"):
        wg.autograd.grad(y, x)
    y = checkpoint(lambda x: x * 2, x, use_reentrant=True).sum()
    with pytest.raises(RuntimeError, match="passing an `inputs` parameter"):
        y.backward(inputs=[x])


def test_reentrant_needs_an_argument_with_a_gradient(blocks):
    x = wg.randn(5, 8)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        y = checkpoint(blocks[0], x, use_reentrant=True)
    assert not y.requires_grad


def test_reentrant_needs_a_result_with_a_gradient(x):
    y = checkpoint(lambda x: x.detach() * 2, x, use_reentrant=True)
    with pytest.raises(RuntimeError, match="none of output has requires_grad=True"):
        y.sum().backward()


def test_reentrant_refuses(x):
    with pytest.raises(ValueError, match="Unexpected keyword arguments: scale"):
        checkpoint(lambda x, scale: x * scale, x, use_reentrant=True, scale=2)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(lambda x: x, x, use_reentrant=True, debug=True)


def test_reentrant_returns_an_argument(x):
    y, z = checkpoint(lambda x: (x, x), x, use_reentrant=True)
    (y * 2 + z).sum().backward()
    assert x.grad.tolist() == wg.full_like(x, 3).tolist()


# ---- without


def test_every_way_of_backward(blocks, x):
    blocks.eval()
    how = {"use_reentrant": False}
    chosen = [x, blocks[1].up.weight]
    plain = wg.autograd.grad(through(blocks, x).sum(), chosen)
    assert same(plain, wg.autograd.grad(through(blocks, x, **how).sum(), chosen))
    through(blocks, x, **how).sum().backward(inputs=chosen)
    assert same(plain, [t.grad for t in chosen]) and blocks[0].up.weight.grad is None
    # Of the second order too, through what the graph is made of anew.
    second = []
    for kind in ({}, how):
        (g,) = wg.autograd.grad(through(blocks, x, **kind).exp().sum(), x, create_graph=True)
        second.append(wg.autograd.grad((g**2).sum(), chosen))
    for a, b in zip(*second, strict=True):
        assert wg.allclose(a, b, rtol=1e-4, atol=1e-5)


def test_gradients_reach_what_is_closed_over(blocks):
    """Leaves and what was made of them, with no argument that requires a gradient."""
    w = wg.randn(8, requires_grad=True)
    h = w * 2
    y = checkpoint(lambda x: x * h + w, wg.ones(8), use_reentrant=False)
    y.sum().backward()
    assert w.grad.tolist() == [3.0] * 8


def test_keywords_and_nested_structures(x):
    @dataclasses.dataclass
    class Result:
        y: wg.Tensor
        more: dict

    def f(inputs, *, scale):
        return Result(inputs["x"] * scale, {"z": [inputs["x"].exp(), 3]})

    r = checkpoint(f, {"x": x}, use_reentrant=False, scale=2.0)
    assert r.y.grad_fn.name() == "Checkpoint" == r.more["z"][0].grad_fn.name()
    (r.y.sum() + r.more["z"][0].sum()).backward()
    assert wg.allclose(x.grad, 2 + x.exp().detach())


def test_views_and_arguments_as_results(x):
    h = x * 1
    a, b, c = checkpoint(lambda h: (h, h.t(), h.exp().t()), h, use_reentrant=False)
    assert a is h
    (a.sum() + b.sum() + c.sum()).backward()
    assert wg.allclose(x.grad, 2 + x.exp().detach())


def test_a_result_may_be_changed_in_place(x):
    y = checkpoint(lambda x: x.exp(), x, use_reentrant=False)
    y.mul_(2)
    z = checkpoint(lambda x: (x * 3).view(-1), x, use_reentrant=False)
    z += 1
    (y.sum() + z.sum()).backward()
    assert wg.allclose(x.grad, 2 * x.exp().detach() + 3)


def test_retained_gradients(x):
    y = checkpoint(lambda x: x * 2, x, use_reentrant=False)
    y.retain_grad()
    (y * 5).sum().backward()
    assert y.grad.tolist() == wg.full_like(x, 5).tolist()


def test_contexts(x):
    seen = []

    @contextlib.contextmanager
    def context(name):
        seen.append(name)
        yield
        seen.append("end of " + name)

    def contexts():
        return context("forward"), context("again")

    y = checkpoint(lambda x: x * 2, x, use_reentrant=False, context_fn=contexts)
    assert seen == ["forward", "end of forward"]
    y.sum().backward()
    assert seen[2:] == ["again", "end of again"]
    with pytest.raises(ValueError, match="debug=True is incompatible"):
        checkpoint(lambda x: x, x, use_reentrant=False, context_fn=contexts, debug=True)

    def swallowing():
        return contextlib.suppress(KeyError), contextlib.nullcontext()

    def broken(x):
        raise KeyError

    with pytest.raises(RuntimeError, match="suppressed an exception"):
        checkpoint(broken, x, use_reentrant=False, context_fn=swallowing)


def changing(*results):
    """A function that does another thing at each call."""
    left = list(results)
    return lambda x: left.pop(0)(x)


def test_a_function_that_does_something_else(x):
    def backward(f, **how):
        checkpoint(f, x, use_reentrant=False, **how).sum().backward()

    with pytest.raises(CheckpointError, match="a different number of operations .* 1 and 2"):
        backward(changing(lambda x: x.exp(), lambda x: x.exp() * 2))
    with pytest.raises(CheckpointError, match="different metadata .* exp of .* is tanh of"):
        backward(changing(lambda x: x.exp(), lambda x: x.tanh()))
    with pytest.raises(CheckpointError, match="Forward: exp\nAgain: exp, mul"):
        backward(changing(lambda x: x.exp(), lambda x: x.exp() * 2), debug=True)
    with (
        set_checkpoint_debug_enabled(True),
        pytest.raises(CheckpointError, match="Forward: exp"),
    ):
        backward(changing(lambda x: x.exp(), lambda x: x.tanh()))
    with pytest.raises(CheckpointError, match="returned 1 tensors, and 2"):
        backward(changing(lambda x: x * 2, lambda x: (x * 2, x * 3)))
    x.grad = None
    backward(changing(lambda x: x * 2, lambda x: x * 3), determinism_check="none")
    assert x.grad.tolist() == wg.full_like(x, 3).tolist()
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        backward(lambda x: x * 2, determinism_check="some")


def test_early_stop_is_accepted(x):
    with set_checkpoint_early_stop(False):
        checkpoint(lambda x: x * 2, x, use_reentrant=False, early_stop=False).sum().backward()
    assert x.grad is not None


def test_small_names(x):
    a, b = detach_variable((x, 3))
    assert a.requires_grad and a.grad_fn is None and b == 3
    with pytest.raises(RuntimeError, match="Only tuple of tensors is supported"):
        detach_variable([x])
    assert get_device_states(x) == ([], [])
    set_device_states([], [])
    with pytest.raises(RuntimeError, match="there are no devices"):
        set_device_states([0], [x])


# ---- captured


@VARIANTS
@pytest.mark.parametrize("p", [0.0, 0.5])
def test_a_captured_step_is_the_same(use_reentrant, p):
    def step(model, opt, x):
        opt.zero_grad()
        x = (x * 1).requires_grad_()
        loss = (through(model, x, use_reentrant=use_reentrant) ** 2).mean()
        loss.backward()
        opt.step()
        return loss

    results = []
    for captured in (False, True):
        wg.manual_seed(0)
        model = nn.ModuleList(Block(p=p) for _ in range(2))
        opt = wg.optim.SGD(model.parameters(), lr=0.1)

        def run(x, model=model, opt=opt):
            return step(model, opt, x)

        f = wg.capture(run) if captured else run
        losses = [f(wg.randn(5, 8)).item() for _ in range(5)]
        results.append((losses, [q.detach().clone() for q in model.parameters()]))
        if captured:
            assert f.cache_info().hits == 4
    assert results[0][0] == results[1][0]
    assert same(results[0][1], results[1][1])
