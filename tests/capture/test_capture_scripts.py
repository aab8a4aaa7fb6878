"""Whole training scripts: captured, they do bit by bit what they do without."""

import numpy as np
import pytest

import wengert as wg
from tests.capture.captures import bits, differing, leaf
from tests.capture.training import SCRIPTS, Script, classes, net, script, small_net, training, usual

F = wg.nn.functional
nn, optim = wg.nn, wg.optim
STEPS = 200


def run(name, captured):
    """The losses, states after some of the steps, and the script."""
    wg.manual_seed(7)
    s = SCRIPTS[name]()
    s.step = wg.capture(s.step) if captured else s.step
    losses, states = [], []
    for i in range(STEPS):
        losses.append(s.step(*s.batch(i)))
        s.between(i)
        if i % 20 in (0, 1, 19):
            states.append(bits(s.state()))
    return [bits(loss) for loss in losses], states, s


@pytest.mark.parametrize("threads", [1, 2])
def test_scripts(name, threads):
    wg.set_num_threads(threads)
    losses, states, _ = run(name, False)
    found, reached, s = run(name, True)
    wrong = differing(losses, found)
    assert not wrong, f"losses differ from step {wrong[0]}"
    assert not differing(states, reached)
    hits, misses, _, _ = s.step.cache_info()
    assert hits + misses == STEPS
    assert misses <= s.captures


# ---- optimizers, learning rates ------------------------------------------------------------------


@script
def dropout():
    m = net(6, 16, 16, 3, extra=[lambda: nn.Dropout(0.3)])
    return usual(m, optim.Adam(m.parameters(), lr=1e-2))


@script
def adamw_and_clipping():
    m = small_net()
    o = optim.AdamW(m.parameters(), lr=1e-2, weight_decay=0.1)
    norms = wg.zeros(2)

    def clip():
        norms[0] = nn.utils.clip_grad_norm_(m.parameters(), 0.1)
        nn.utils.clip_grad_value_(m.parameters(), 0.01)

    return Script(training(m, o, clip), [*m.parameters(), norms], [o])


@script
def schedules_inside():
    m = small_net()
    o = optim.SGD(m.parameters(), lr=0.1, momentum=0.9)
    warm = optim.lr_scheduler.LinearLR(o, 0.1, total_iters=20)
    schedule = optim.lr_scheduler.CosineAnnealingLR(o, 100)
    step = training(m, o)

    def scheduled(x, y):
        loss = step(x, y)
        warm.step()
        schedule.step()
        return loss

    return Script(scheduled, m.parameters(), [o])


@script
def cycles_inside():
    m = small_net()
    o = optim.NAdam(m.parameters())
    schedule = optim.lr_scheduler.CyclicLR(o, 1e-3, 1e-2, 5)
    step = training(m, o)

    def scheduled(x, y):
        loss = step(x, y)
        schedule.step()
        return loss

    return Script(scheduled, m.parameters(), [o])


@script
def two_optimizers_and_chained_schedules():
    """One in operations for the matrices, which reads its rate at every replay."""
    m = small_net()
    muon = optim.Muon([p for p in m.parameters() if p.dim() == 2], lr=0.02)
    rest = optim.RAdam([p for p in m.parameters() if p.dim() != 2])
    at = optim.lr_scheduler
    chained = [
        at.ChainedScheduler([at.ConstantLR(o, 0.1, 9), at.ExponentialLR(o, 0.99)])
        for o in (muon, rest)
    ]

    def step(x, y):
        for o in (muon, rest):
            o.zero_grad()
        loss = F.cross_entropy(m(x), y)
        loss.backward()
        for o, schedule in zip((muon, rest), chained, strict=True):
            o.step()
            schedule.step()
        return loss

    return Script(step, m.parameters(), [muon, rest])


@script
def average_outside():
    m = small_net()
    o = optim.Adagrad(m.parameters())
    average = optim.swa_utils.AveragedModel(
        m, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.9)
    )
    watched = [*m.parameters(), *average.parameters()]
    return Script(training(m, o), watched, [o], between=lambda i: average.update_parameters(m))


@script
def schedule_outside():
    m = small_net()
    o = optim.Adam(m.parameters(), lr=1e-2)
    schedule = optim.lr_scheduler.StepLR(o, 7, 0.9)
    return usual(m, o, between=lambda i: schedule.step())


@script
def plateau_outside():
    m = small_net()
    o = optim.SGD(m.parameters(), lr=0.5)
    schedule = optim.lr_scheduler.ReduceLROnPlateau(o, patience=2)
    return usual(m, o, between=lambda i: schedule.step(m[0].weight.square().sum().item()))


@script
def learning_rate_by_hand():
    m = small_net()
    o = optim.SGD([{"params": m[0].parameters()}, {"params": m[2:].parameters()}], lr=0.1)

    def between(i):
        o.param_groups[i % 2]["lr"] *= 0.99
        o.param_groups[0]["weight_decay"] = 0.01 * (i // 50)

    return usual(m, o, between=between, captures=6)


@script
def learning_rate_in_a_tensor():
    m, lr = small_net(), wg.tensor(0.05)
    o = optim.Adam(m.parameters(), lr=lr)
    return usual(m, o, between=lambda i: lr.mul_(0.99))


@script
def amsgrad_and_maximize():
    m = small_net()
    o = optim.Adam(m.parameters(), lr=1e-3, amsgrad=True, maximize=True, betas=(0.5, 0.9))
    return usual(m, o)


def sgd(**options):
    m = small_net()
    return usual(m, optim.SGD(m.parameters(), lr=0.05, **options))


SCRIPTS["sgd"] = sgd
SCRIPTS["momentum"] = lambda: sgd(momentum=0.9)
SCRIPTS["dampening"] = lambda: sgd(momentum=0.8, dampening=0.3, weight_decay=0.01)
SCRIPTS["nesterov"] = lambda: sgd(momentum=0.9, nesterov=True)


@script
def two_optimizers():
    """A generator and a discriminator, trained in turn."""
    g, d = net(4, 16, 6), net(6, 16, 1)
    og, od = optim.Adam(g.parameters(), lr=1e-3), optim.SGD(d.parameters(), lr=1e-2, momentum=0.5)
    loss_of = nn.BCEWithLogitsLoss()

    def step(x, y):
        fake = g(wg.randn(x.shape[0], 4))
        od.zero_grad()
        real = loss_of(d(x), wg.ones(x.shape[0], 1))
        loss_d = real + loss_of(d(fake.detach()), wg.zeros(x.shape[0], 1))
        loss_d.backward()
        od.step()
        og.zero_grad()
        loss_g = loss_of(d(fake), wg.ones(x.shape[0], 1))
        loss_g.backward()
        og.step()
        return {"d": loss_d, "g": loss_g}

    return Script(step, [*g.parameters(), *d.parameters()], [og, od])


def accumulation(**options):
    m = small_net()
    o = optim.AdamW(m.parameters(), lr=1e-2)

    def step(x, y):
        loss = F.cross_entropy(m(x), y) / 4
        loss.backward()
        return loss

    def between(i):
        if i % 4 == 3:
            o.step()
            o.zero_grad(**options)

    return Script(step, m.parameters(), [o], between=between, captures=4)


SCRIPTS["accumulation"] = accumulation
SCRIPTS["accumulation_into_zeros"] = lambda: accumulation(set_to_none=False)


@script
def accumulation_inside():
    m = small_net()
    o = optim.Adam(m.parameters(), lr=1e-2)

    def step(x, y):
        o.zero_grad(set_to_none=False)
        losses = []
        for xs, ys in zip(x.chunk(4), y.chunk(4), strict=True):
            losses.append(F.cross_entropy(m(xs), ys))
            (losses[-1] / 4).backward()
        o.step()
        return losses

    return Script(step, m.parameters(), [o])


@script
def descent_by_hand():
    m = small_net()
    velocity = [wg.zeros_like(p) for p in m.parameters()]

    def step(x, y):
        m.zero_grad(set_to_none=False)
        loss = F.cross_entropy(m(x), y)
        loss.backward()
        with wg.no_grad():
            for p, v in zip(m.parameters(), velocity, strict=True):
                v.mul_(0.9).add_(p.grad)
                p -= 0.05 * v
        return loss

    return Script(step, [*m.parameters(), *velocity])


# ---- gradients -----------------------------------------------------------------------------------


@script
def gradient_penalty():
    m = small_net()
    o = optim.Adam(m.parameters(), lr=1e-2)

    def step(x, y):
        o.zero_grad()
        x.requires_grad_()
        loss = F.cross_entropy(m(x), y)
        (g,) = wg.autograd.grad(loss, x, create_graph=True)
        penalty = (g.square().sum(1) + 1e-6).sqrt().mean()
        (loss + 10 * penalty).backward()
        o.step()
        return loss, penalty, g

    return Script(step, m.parameters(), [o])


@script
def double_precision():
    m = small_net().double()
    o = optim.Adam(m.parameters(), lr=1e-2)
    return usual(m, o, batch=classes(dtype=np.float64))


class Cube(wg.autograd.Function):
    """x ** 3, with a gradient of its own."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x**3 * scale

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 3 * x * x * grad * ctx.scale, None


@script
def own_function():
    m, last = net(6, 16, 16), nn.Linear(16, 3)
    o = optim.Adam([*m.parameters(), *last.parameters()], lr=1e-2)
    both = training(lambda x: last(Cube.apply(m(x), 0.5)), o)
    return Script(both, [*m.parameters(), *last.parameters()], [o])


@script
def tied_weights():
    head = nn.Linear(8, 11, bias=False)
    o = optim.AdamW(head.parameters(), lr=1e-2)
    tokens = np.random.default_rng(3).integers(0, 11, (10, 4, 7))

    def step(t):
        o.zero_grad()
        h, losses = wg.zeros(4, 8), []
        for i in range(6):
            h = wg.tanh(h * 0.5 + head.weight[t[:, i]])
            losses.append(F.cross_entropy(head(h), t[:, i + 1]))
        loss = sum(losses) / 6
        loss.backward()
        o.step()
        return loss

    return Script(step, [head.weight], [o], batch=lambda i: (wg.from_numpy(tokens[i % 10]),))


@script
def hooks():
    m = small_net()
    o = optim.SGD(m.parameters(), lr=0.1)
    means = wg.zeros(2)
    m[0].register_forward_hook(lambda m, args, y: y * 0.9 + 0.1)
    m[2].register_forward_pre_hook(lambda m, args: (args[0] + wg.randn(16, 16) * 0.1,))
    m[1].register_forward_hook(lambda m, args, y: means.__setitem__(0, y.detach().mean()))
    m[2].register_full_backward_hook(lambda m, gi, go: (gi[0] * 0.5,))
    m[4].weight.register_hook(lambda g: g.clamp(-0.01, 0.01))
    m[4].bias.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(2) is None or None)
    return Script(training(m, o), [*m.parameters(), means], [o])


@script
def frozen_and_replaced():
    m = small_net()
    o = optim.Adam(m.parameters(), lr=1e-2)
    kept = {}

    def between(i):
        if i == 40:
            m[0].requires_grad_(False)
        if i == 80:
            kept.update({k: v.clone() for k, v in m.state_dict().items()})
        if i == 120:
            m.load_state_dict(kept)
            m[0].requires_grad_(True)
        if i == 160:
            m[4] = nn.Linear(16, 3)
            o.add_param_group({"params": m[4].parameters()})

    return Script(training(m, o), [*m[:3].parameters()], [o], between=between, captures=10)


# ---- state beside parameters ---------------------------------------------------------------------


class Normalized(nn.Module):
    """A layer with running statistics that it changes in place, and an average of its weight."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.register_buffer("mean", wg.zeros(outputs))
        self.register_buffer("count", wg.zeros(1, dtype=wg.int64))
        self.register_buffer("average", self.linear.weight.detach().clone())

    def forward(self, x):
        y = self.linear(x)
        if not self.training:
            return (y - self.mean) / self.count.clamp(1, 100)
        with wg.no_grad():
            self.mean.mul_(0.9).add_(y.detach().mean(0), alpha=0.1)
            self.average.lerp_(self.linear.weight, 0.1)
            self.count += 1
        return y - y.mean(0)


@script
def buffers_in_place():
    m = nn.Sequential(Normalized(6, 16), nn.ReLU(inplace=True), Normalized(16, 3))
    o = optim.SGD(m.parameters(), lr=0.1)
    return Script(training(m, o), [*m.parameters(), *m.buffers()], [o])


@script
def training_and_evaluation_in_turn():
    m = nn.Sequential(Normalized(6, 16), nn.Dropout(0.5), Normalized(16, 3))
    o = optim.Adam(m.parameters(), lr=1e-2)

    def step(x, y):
        if not m.training:
            with wg.no_grad():
                return m(x).argmax(1).eq(y).float().mean()
        o.zero_grad()
        loss = F.cross_entropy(m(x), y)
        loss.backward()
        o.step()
        return loss

    def between(i):
        m.train(i % 10 < 7)

    return Script(step, [*m.parameters(), *m.buffers()], [o], between=between, captures=5)


@script
def forward_only():
    m = net(6, 16, 16, 3, extra=[lambda: nn.Dropout(0.5)])

    @wg.no_grad()
    def step(x, y):
        logits = m(x)
        return logits.log_softmax(1), logits.topk(2, 1), logits.argmax(1).eq(y).float().mean()

    def between(i):
        with wg.no_grad():
            m[0].weight.mul_(0.99)

    return Script(step, m.parameters(), between=between)


@script
def containers_and_arrays():
    m = small_net()
    o = optim.SGD(m.parameters(), lr=0.1)
    rng = np.random.default_rng(2)

    def batch(i):
        rows = 16 if i % 10 < 9 else 5
        x, y = rng.standard_normal((rows, 6)), rng.integers(0, 3, rows)
        weights = wg.from_numpy(rng.random(3).astype(np.float32))
        return {"x": x.astype(np.float32), "targets": [y, (weights, None)]}, i % 2 == 0

    def step(batch, smooth):
        o.zero_grad()
        y, (weights, _) = batch["targets"]
        logits = m(wg.as_tensor(batch["x"]))
        smoothing = 0.1 if smooth else 0.0
        y = wg.as_tensor(y)
        loss = F.cross_entropy(logits, y, weights, label_smoothing=smoothing)
        loss.backward()
        o.step()
        return {"loss": loss, "logits": [logits, (y, smooth)]}

    return Script(step, m.parameters(), [o], batch=batch, captures=6)


@script
def state_made_when_needed():
    w, state = leaf(1, 2, 3, 4, 5, 6), {}

    def step(x, y):
        loss = (x @ w - y).square().mean()
        w.grad = None
        loss.backward()
        if "m" not in state:
            state["m"], state["n"] = wg.zeros_like(w), wg.zeros(())
        state["n"].add_(1)
        state["m"].mul_(0.9).add_(w.grad.detach(), alpha=0.1)
        with wg.no_grad():
            w.sub_(state["m"] / (1 - 0.9 ** state["n"]) * 0.01)
        return loss, state["m"]

    return Script(step, [w])


@script
def memory_written_at_indices():
    m = small_net()
    o = optim.SGD(m.parameters(), lr=0.1)
    memory, seen = wg.zeros(20, 6), wg.zeros(20, dtype=wg.int64)

    def step(x, y):
        at = wg.randperm(20)[:8]
        memory[at] = x[:8]
        memory[0, 1:3] = 0.25
        seen[at] += 1
        mixed = x.clone()
        mixed[:8] = memory[at.flip(0)] * 0.5
        mixed[mixed > 2] = 2.0
        o.zero_grad()
        loss = F.cross_entropy(m(mixed), y)
        loss.backward()
        o.step()
        return loss, at

    return Script(step, [*m.parameters(), memory, seen], [o])


@script
def own_generators():
    m = small_net()
    o = optim.SGD(m.parameters(), lr=0.1)
    one, two = wg.Generator().manual_seed(1), wg.Generator().manual_seed(2)

    def step(x, y):
        order = wg.randperm(x.shape[0], generator=one)
        noise = wg.randn(*x.shape, generator=two) * wg.rand(1)
        o.zero_grad()
        loss = F.cross_entropy(m(x[order] + noise), y[order])
        loss.backward()
        o.step()
        return loss, order

    def between(i):
        if i == 100:
            one.manual_seed(5)
        wg.randn(2, generator=two)

    return Script(step, m.parameters(), [o], between=between)


# ---- the workloads of the benchmarks, smaller ----------------------------------------------------


@script
def tiny():
    m = net(4, 64, 64, 2)
    return usual(m, optim.Adam(m.parameters(), lr=1e-3), batch=classes(32, 4, 2))


@script
def small():
    m = net(784, 128, 10, act=nn.ReLU)
    o = optim.SGD(m.parameters(), lr=1e-2, momentum=0.9)
    return usual(m, o, batch=classes(64, 784, 10))


@script
def mid():
    m = net(196, 256, 256, 10, act=nn.ReLU)
    return usual(m, optim.Adam(m.parameters(), lr=1e-3), batch=classes(128, 196, 10))


@script
def deep():
    m = net(*[32] * 65, act=nn.ReLU)
    return usual(m, optim.SGD(m.parameters(), lr=1e-3), batch=classes(16, 32, 32))


@script
def scalar():
    p = wg.tensor(0.5, requires_grad=True)
    o = optim.SGD([p], lr=1e-3)

    def step():
        o.zero_grad()
        z = p
        for _ in range(150):
            z = z * p + p
        z.backward()
        o.step()
        return z

    return Script(step, [p], [o], batch=lambda i: ())


test_scripts = pytest.mark.parametrize("name", SCRIPTS)(test_scripts)
