# run: --meta-steps 8 --inner-steps 2
"""Meta-learning of sine waves by the functional transforms: vmap of grad in grad."""

import argparse
import math

import torch
from torch import nn
from torch.func import functional_call, grad, grad_and_value, vmap
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU())
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        return self.head(self.net(x))


def sample_tasks(tasks, k, generator):
    amplitude = torch.empty(tasks, 1, 1).uniform_(0.1, 5.0, generator=generator)
    phase = torch.empty(tasks, 1, 1).uniform_(0, math.pi, generator=generator)
    x = torch.empty(tasks, 2 * k, 1).uniform_(-5, 5, generator=generator)
    y = amplitude * torch.sin(x + phase)
    return x[:, :k], y[:, :k], x[:, k:], y[:, k:]


def main():
    parser = argparse.ArgumentParser(description="MAML on sinusoids")
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--shots", type=int, default=10)
    parser.add_argument("--inner-lr", type=float, default=0.05)
    parser.add_argument("--inner-steps", type=int, default=1)
    parser.add_argument("--meta-steps", type=int, default=1000)
    parser.add_argument("--no-cuda", action="store_true")
    args = parser.parse_args()
    device = torch.device("cuda" if not args.no_cuda and torch.cuda.is_available() else "cpu")
    torch.manual_seed(3)
    generator = torch.Generator().manual_seed(4)

    model = Net().to(device)
    params = {name: p for name, p in model.named_parameters()}
    opt = torch.optim.Adam(params.values(), lr=1e-3)

    def compute_loss(params, x, y):
        return F.mse_loss(functional_call(model, params, (x,)), y)

    def adapt(params, x, y):
        for _ in range(args.inner_steps):
            grads = grad(compute_loss)(params, x, y)
            params = {k: params[k] - args.inner_lr * grads[k] for k in params}
        return params

    def task_loss(params, x, y, x_query, y_query):
        return compute_loss(adapt(params, x, y), x_query, y_query)

    def meta_loss(params, *batch):
        losses = vmap(task_loss, in_dims=(None, 0, 0, 0, 0))(params, *batch)
        return losses.mean()

    for step in range(args.meta_steps):
        batch = [t.to(device) for t in sample_tasks(args.tasks, args.shots, generator)]
        if step % 2:
            opt.zero_grad()
            loss = meta_loss(params, *batch)
            loss.backward()
        else:
            grads, loss = grad_and_value(meta_loss)(
                {k: p.detach() for k, p in params.items()}, *batch
            )
            for name, p in params.items():
                p.grad = grads[name]
        opt.step()
        print(f"step {step} meta loss {loss.item():.6f}")

    batch = sample_tasks(3, args.shots, generator)
    per_sample = vmap(grad(compute_loss), in_dims=(None, 0, 0))
    detached = {k: p.detach() for k, p in model.named_parameters()}
    norms = per_sample(detached, batch[0][0], batch[1][0])["head.weight"].flatten(1).norm(dim=1)
    print(f"largest loss of a sample {norms.max().item():.5f}")


if __name__ == "__main__":
    main()
