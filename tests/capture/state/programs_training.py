"""What a training step goes through: optimizers, schedules, Functions."""

import wengert as wg
from tests.capture.captures import leaf, ones
from tests.capture.state.programs import equal, refused, replayed

F = wg.nn.functional


def training(make):
    m = ones(wg.nn.Linear(2, 1))
    opt = make(m.parameters())

    def step(x):
        opt.zero_grad()
        m(x).sum().backward()
        opt.step()

    return m, opt, step


@replayed
def optimizer_pre_hook_reads(cap):
    m, opt, step = training(lambda ps: wg.optim.SGD(ps, lr=0.1))
    scale = 1.0

    def rescale(opt, args, kwargs):
        for p in m.parameters():
            p.grad.mul_(scale)

    opt.register_step_pre_hook(rescale)
    yield cap(step), lambda: (m.weight, m.bias)
    scale = 0.25
    yield


@replayed
def optimizer_post_hook_reads(cap):
    m, opt, step = training(lambda ps: wg.optim.Adam(ps, lr=0.1))
    bound = {"w": 0.9}

    @wg.no_grad()
    def project(opt, args, kwargs):
        for p in m.parameters():
            p.clamp_(max=bound["w"])

    opt.register_step_post_hook(project)
    yield cap(step), lambda: (m.weight, m.bias)
    bound["w"] = 0.5
    yield


@refused
def optimizer_hook_that_counts(cap):
    m, opt, step = training(lambda ps: wg.optim.SGD(ps, lr=0.1))
    count = [0]

    def hook(opt, args, kwargs):
        count[0] += 1

    opt.register_step_post_hook(hook)
    yield cap(step), lambda: (m.weight, count)


@replayed
def function_of_autograd_reads_a_global(cap):
    w, k = leaf(1, 2), 2.0

    class Scale(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * k

        @staticmethod
        def backward(ctx, g):
            return g * k

    def step(x):
        w.grad = None
        Scale.apply(w * x).sum().backward()

    yield cap(step), lambda: w
    k = 5.0
    yield


@replayed
def function_of_autograd_reads_itself(cap):
    w = leaf(1, 2)

    class Reverse(wg.autograd.Function):
        strength = 0.5

        @staticmethod
        def forward(ctx, x):
            ctx.strength = Reverse.strength
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return -g * ctx.strength

    def step(x):
        w.grad = None
        (Reverse.apply(w) * x).sum().backward()

    yield cap(step), lambda: w
    Reverse.strength = 2.0
    yield


@replayed
def backward_of_a_function_replaced(cap):
    w = leaf(1, 2)

    class Same(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g * 2

    def step(x):
        w.grad = None
        (Same.apply(w) * x).sum().backward()

    yield cap(step), lambda: w
    Same.backward = staticmethod(lambda ctx, g: g * 7)
    yield


@replayed
def only_backward_of_a_function_reads(cap):
    w, limit = leaf(1, 2), 0.5

    class Clip(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g.clamp(max=limit)

    def step(x):
        w.grad = None
        (Clip.apply(w) * x).sum().backward()

    yield cap(step), lambda: w
    limit = 1.5
    yield


class Lion(wg.optim.Optimizer):
    """An optimizer of the user's."""

    decay = 0.0

    def __init__(self, params, lr=0.1, beta=0.9):
        super().__init__(params, {"lr": lr, "beta": beta})

    @wg.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["m"] = wg.zeros_like(p)
                p.mul_(1 - self.decay * group["lr"])
                p.add_(self.direction(state["m"], p.grad, group["beta"]), alpha=-group["lr"])
                state["m"].mul_(group["beta"]).add_(p.grad, alpha=1 - group["beta"])

    def direction(self, m, g, beta):
        return (m * beta + g * (1 - beta)).sign()


@replayed
def own_optimizer_learning_rate(cap):
    m, opt, step = training(Lion)
    yield cap(step), lambda: (m.weight, m.bias)
    opt.param_groups[0]["lr"] = 0.5
    yield
    opt.param_groups[0]["beta"] = 0.5
    yield


@replayed
def own_optimizer_attribute(cap):
    m, opt, step = training(Lion)
    yield cap(step), lambda: (m.weight, m.bias)
    opt.decay = 0.3
    yield


@replayed
def own_optimizer_method_replaced(cap):
    class Mine(Lion):
        pass

    m, _, step = training(Mine)
    yield cap(step), lambda: (m.weight, m.bias)
    Mine.direction = lambda self, m, g, beta: g
    yield


@refused
def own_optimizer_counts_steps(cap):
    class Corrected(wg.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1})

        @wg.no_grad()
        def step(self):
            for p in self.param_groups[0]["params"]:
                state = self.state[p]
                state["step"] = state.get("step", 0) + 1
                p.add_(p.grad, alpha=-self.param_groups[0]["lr"] / state["step"])

    m, opt, step = training(Corrected)
    yield cap(step), lambda: (m.weight, m.bias, [s["step"] for s in opt.state.values()])


@replayed
def sgd_subclass_overrides_step(cap):
    class Clipped(wg.optim.SGD):
        limit = 0.5

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad.clamp_(-self.limit, self.limit)
            return super().step(closure)

    m, opt, step = training(lambda ps: Clipped(ps, lr=0.1))
    yield cap(step), lambda: (m.weight, m.bias)
    opt.limit = 0.1
    yield
    opt.param_groups[0]["lr"] = 1.0
    yield


@equal
def scheduler_inside(cap):
    m, opt, step = training(lambda ps: wg.optim.SGD(ps, lr=1.0))
    schedule = wg.optim.lr_scheduler.ExponentialLR(opt, 0.5)

    def both(x):
        step(x)
        schedule.step()

    yield cap(both), lambda: (m.weight, schedule.last_epoch, opt.param_groups[0]["lr"])


@replayed
def scheduler_outside(cap):
    m, opt, step = training(lambda ps: wg.optim.SGD(ps, lr=1.0))
    schedule = wg.optim.lr_scheduler.LambdaLR(opt, lambda epoch: 0.5**epoch)
    yield cap(step), lambda: (m.weight, opt.param_groups[0]["lr"])
    schedule.step()
    yield
    schedule.step()
    yield


@equal
def scheduler_of_the_users(cap):
    m, opt, step = training(lambda ps: wg.optim.SGD(ps, lr=1.0))

    class Warmup(wg.optim.lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base * min(1.0, (self.last_epoch + 1) / 3) for base in self.base_lrs]

    schedule = Warmup(opt)

    def both(x):
        step(x)
        schedule.step()

    yield cap(both), lambda: (m.weight, opt.param_groups[0]["lr"])
