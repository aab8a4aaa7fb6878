# run: --n-iterations 30
"""A mixture density network and a planar flow, by torch.distributions."""

import argparse

import torch
import torch.distributions as D
import torch.nn as nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters


class MDN(nn.Module):
    def __init__(self, n_hidden, n_components):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, n_hidden), nn.Softplus(), nn.Dropout(0.05))
        self.heads = nn.ModuleDict(
            {k: nn.Linear(n_hidden, n_components) for k in ("logits", "loc", "scale")}
        )

    def forward(self, x):
        h = self.body(x)
        mix = D.Categorical(logits=self.heads["logits"](h))
        scale = nn.functional.softplus(self.heads["scale"](h)) + 1e-3
        return D.MixtureSameFamily(mix, D.Normal(self.heads["loc"](h), scale))


class Planar(D.transforms.Transform):
    """y = x + u tanh(w x + b), elementwise."""

    domain = codomain = D.constraints.real
    bijective = True
    sign = +1

    def __init__(self, u, w, b):
        super().__init__(cache_size=1)
        self.u, self.w, self.b = u, w, b

    def _call(self, x):
        return x + self.u * torch.tanh(self.w * x + self.b)

    def log_abs_det_jacobian(self, x, y):
        return torch.log1p(self.u * self.w * (1 - torch.tanh(self.w * x + self.b) ** 2))


def main(args):
    device = torch.device("cuda" if torch.cuda.is_available() and not args.cpu else "cpu")
    torch.manual_seed(args.seed)
    t = torch.linspace(-1, 1, 200, device=device).unsqueeze(1)
    y = t + 0.3 * torch.sin(2 * torch.pi * t) + 0.05 * torch.randn_like(t)
    x, y = y, t.squeeze(1)  # the inverse has several values

    model = MDN(16, 4).to(device)
    optimizer = torch.optim.RAdam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.n_iterations - 5),
        ],
        milestones=[5],
    )
    for i in range(args.n_iterations):
        optimizer.zero_grad()
        loss = -model(x).log_prob(y).mean()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if i % 5 == 0:
            print(f"Iter: {i}\tLoss: {loss.data:.6f}")
    model.eval()
    with torch.no_grad():
        mixture = model(x[::20])
        samples = mixture.sample((100,))
        print(f"mean loss {(mixture.mean - samples.mean(0)).abs().mean():.4f}")

    # Variational: a normal that is bent, and a prior of several.
    loc, log_scale = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(3))
    u, w, b = (nn.Parameter(torch.full((3,), v)) for v in (0.1, 0.5, 0.0))
    opt = torch.optim.Adam([loc, log_scale, u, w, b], lr=0.02)
    prior = D.Independent(D.StudentT(torch.tensor([3.0, 4.0, 5.0]), 1.0, 0.5), 1)
    for i in range(10):
        base = D.Normal(loc, log_scale.exp())
        q = D.TransformedDistribution(base, [Planar(u, nn.functional.softplus(w), b)])
        z = q.rsample((64,))
        elbo = prior.log_prob(z) - q.log_prob(z).sum(-1)
        loss = -elbo.mean() + 0.1 * D.kl_divergence(base, D.Normal(0.0, 1.0)).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        if i % 3 == 0:
            print(f"flow {i}: loss {loss.item():.6f}")
    gamma = D.Gamma(torch.tensor([2.0, 3.0], requires_grad=True), torch.tensor([1.0, 2.0]))
    grad = torch.autograd.grad(gamma.rsample((50,)).pow(2).mean(), gamma.concentration)[0]
    print(f"gamma loss {grad.sum():.5f}")
    vector = parameters_to_vector(model.parameters())
    vector_to_parameters(vector * 0.5, model.parameters())
    print(f"halved loss {-model(x).log_prob(y).mean():.6f}")
    torch.save(model, "mdn.pt") if args.save else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-iterations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--save", action="store_true")
    main(parser.parse_args())
