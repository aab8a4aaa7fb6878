# run: --steps 12 --timesteps 20
"""Denoising diffusion of points on a spiral, with an average of the weights, and samples."""

import argparse
import copy
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


@dataclass
class Config:
    dim: int = 32
    timesteps: int = 100
    schedule: str = "cosine"


def exists(x):
    return x is not None


def extract(a, t, x_shape):
    b, *_ = t.shape
    out = a.gather(-1, t)
    return out.reshape(b, *((1,) * (len(x_shape) - 1)))


def cosine_beta_schedule(timesteps, s=0.008):
    steps = timesteps + 1
    t = torch.linspace(0, timesteps, steps, dtype=torch.float64) / timesteps
    alphas_cumprod = torch.cos((t + s) / (1 + s) * math.pi * 0.5) ** 2
    alphas_cumprod = alphas_cumprod / alphas_cumprod[0]
    betas = 1 - (alphas_cumprod[1:] / alphas_cumprod[:-1])
    return torch.clip(betas, 0, 0.999)


class SinusoidalPosEmb(nn.Module):
    def __init__(self, dim, theta=10000):
        super().__init__()
        self.dim, self.theta = dim, theta

    def forward(self, x):
        half_dim = self.dim // 2
        emb = math.log(self.theta) / (half_dim - 1)
        emb = torch.exp(torch.arange(half_dim, device=x.device) * -emb)
        emb = x[:, None] * emb[None, :]
        return torch.cat((emb.sin(), emb.cos()), dim=-1)


class Block(nn.Module):
    def __init__(self, dim, time_dim):
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(time_dim, dim * 2))
        self.norm = nn.GroupNorm(4, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x, t):
        scale, shift = self.mlp(t).chunk(2, dim=1)
        h = self.norm(self.proj(x)) * (scale + 1) + shift
        return x + F.silu(h)


class Denoiser(nn.Module):
    def __init__(self, config):
        super().__init__()
        dim = config.dim
        self.time_mlp = nn.Sequential(
            SinusoidalPosEmb(dim), nn.Linear(dim, dim * 2), nn.GELU(), nn.Linear(dim * 2, dim * 2)
        )
        self.inp = nn.Linear(2, dim)
        self.blocks = nn.ModuleList(Block(dim, dim * 2) for _ in range(2))
        self.out = nn.Linear(dim, 2)
        nn.init.zeros_(self.out.weight)

    def forward(self, x, time):
        t = self.time_mlp(time)
        x = self.inp(x)
        for block in self.blocks:
            x = block(x, t)
        return self.out(x)


class GaussianDiffusion(nn.Module):
    def __init__(self, model, config):
        super().__init__()
        self.model, self.num_timesteps = model, config.timesteps
        betas = cosine_beta_schedule(config.timesteps)
        alphas = 1.0 - betas
        alphas_cumprod = torch.cumprod(alphas, dim=0)
        previous = F.pad(alphas_cumprod[:-1], (1, 0), value=1.0)
        register_buffer = lambda name, val: self.register_buffer(name, val.to(torch.float32))  # noqa: E731
        register_buffer("betas", betas)
        register_buffer("sqrt_alphas_cumprod", torch.sqrt(alphas_cumprod))
        register_buffer("sqrt_one_minus_alphas_cumprod", torch.sqrt(1.0 - alphas_cumprod))
        register_buffer("sqrt_recip_alphas", torch.sqrt(1.0 / alphas))
        posterior_variance = betas * (1.0 - previous) / (1.0 - alphas_cumprod)
        register_buffer("posterior_log_variance", torch.log(posterior_variance.clamp(min=1e-20)))

    @property
    def device(self):
        return self.betas.device

    def q_sample(self, x_start, t, noise=None):
        noise = noise if exists(noise) else torch.randn_like(x_start)
        return (
            extract(self.sqrt_alphas_cumprod, t, x_start.shape) * x_start
            + extract(self.sqrt_one_minus_alphas_cumprod, t, x_start.shape) * noise
        )

    def forward(self, x):
        t = torch.randint(0, self.num_timesteps, (x.shape[0],), device=self.device).long()
        noise = torch.randn_like(x)
        predicted = self.model(self.q_sample(x_start=x, t=t, noise=noise), t)
        loss = F.mse_loss(predicted, noise, reduction="none")
        return loss.flatten(1).mean(dim=-1).mean()

    @torch.no_grad()
    def sample(self, n):
        x = torch.randn((n, 2), device=self.device)
        for i in reversed(range(self.num_timesteps)):
            t = torch.full((n,), i, device=self.device, dtype=torch.long)
            beta = extract(self.betas, t, x.shape)
            sigma = extract(self.sqrt_one_minus_alphas_cumprod, t, x.shape)
            mean = extract(self.sqrt_recip_alphas, t, x.shape) * (
                x - beta * self.model(x, t) / sigma
            )
            if i > 0:
                log_variance = extract(self.posterior_log_variance, t, x.shape)
                x = mean + (0.5 * log_variance).exp() * torch.randn_like(x)
            else:
                x = mean
        return x


def cycle(data, batch):
    while True:
        order = torch.randperm(len(data))
        for index in order.split(batch):
            if len(index) == batch:
                yield data[index]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--timesteps", type=int, default=100)
    args = parser.parse_args()
    torch.manual_seed(11)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    angle = torch.sqrt(torch.rand(300)) * 3 * math.pi
    points = torch.stack((angle * torch.cos(angle), angle * torch.sin(angle)), 1) / 6

    config = Config(timesteps=args.timesteps)
    diffusion = GaussianDiffusion(Denoiser(config), config).to(device)
    opt = torch.optim.Adam(diffusion.model.parameters(), lr=3e-3, betas=(0.9, 0.99))
    ema = AveragedModel(diffusion.model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    data = cycle(points.to(device), 50)
    for step in range(args.steps):
        loss = diffusion(next(data)) / 2 + diffusion(next(data)) / 2
        loss.backward()
        opt.step()
        opt.zero_grad()
        ema.update_parameters(diffusion.model)
        print(f"step {step} loss: {loss.item():.6f}")
    averaged = copy.deepcopy(diffusion)
    averaged.model = ema.module
    samples = averaged.sample(64)
    distance = torch.cdist(samples, points.to(device)).min(dim=1).values
    print(f"samples {tuple(samples.shape)} loss {distance.mean().item():.4f}")


if __name__ == "__main__":
    main()
