# run: --iters 12
"""A custom autograd function, checked, in a module with hooks, profiled."""

import argparse

import torch
from torch.autograd import Function, gradcheck
from torch.profiler import ProfilerActivity, profile, record_function, schedule


class Swish(Function):
    @staticmethod
    def forward(ctx, x, beta):
        s = torch.sigmoid(beta * x)
        ctx.save_for_backward(x, s)
        ctx.beta = beta
        return x * s

    @staticmethod
    def backward(ctx, grad_output):
        x, s = ctx.saved_tensors
        return grad_output * (s + ctx.beta * x * s * (1 - s)), None


class Net(torch.nn.Module):
    __constants__ = ["beta"]

    def __init__(self, beta=1.5):
        super().__init__()
        self.beta = beta
        self.fc = torch.nn.ModuleList([torch.nn.Linear(5, 16), torch.nn.Linear(16, 16)])
        self.out = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(16, 2))
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        for layer in self.fc:
            with record_function("layer"):
                x = Swish.apply(layer(x), self.beta)
        return self.scale * self.out(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--iters", type=int, default=100)
    args = parser.parse_args()
    torch.manual_seed(0)
    assert gradcheck(Swish.apply, (torch.randn(4, 3, dtype=torch.double, requires_grad=True), 1.5))

    net = Net()
    norms = []
    net.out.register_full_backward_hook(lambda m, gi, go: norms.append(go[0].norm().item()))
    net.scale.register_hook(lambda g: g.clamp(-0.1, 0.1))
    opt = torch.optim.RMSprop(net.parameters(), lr=1e-3, momentum=0.5, centered=True)
    x, y = torch.randn(32, 5), torch.randn(32, 2)
    how = schedule(wait=1, warmup=1, active=2, repeat=1)
    tables = []

    def ready(p):
        tables.append(p.key_averages().table(sort_by="self_cpu_time_total", row_limit=10))

    with profile(activities=[ProfilerActivity.CPU], schedule=how, on_trace_ready=ready) as prof:
        for i in range(args.iters):
            opt.zero_grad()
            loss = torch.nn.functional.smooth_l1_loss(net(x), y)
            loss.backward()
            opt.step()
            prof.step()
            print(f"iter {i} loss {loss.item():.6f}")
    assert len(tables) == 1 and "Self CPU time total" in tables[0]
    assert len(norms) == args.iters
    grads = torch.autograd.grad(net(x).pow(2).sum(), list(net.parameters()), create_graph=True)
    penalty = sum(g.pow(2).sum() for g in grads)
    penalty.backward()
    print(f"penalty loss {penalty.item():.4f}")


if __name__ == "__main__":
    main()
