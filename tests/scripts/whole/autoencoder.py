# run: --steps 40
"""A variational autoencoder whose pictures are drawn by matplotlib."""

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class VAE(nn.Module):
    def __init__(self, latent: int = 4):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Flatten(),
        )
        self.mu, self.logvar = nn.Linear(64, latent), nn.Linear(64, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, 64),
            nn.Unflatten(1, (16, 2, 2)),
            nn.GELU(),
            nn.ConvTranspose2d(16, 8, 2, stride=2),
            nn.GELU(),
            nn.ConvTranspose2d(8, 1, 2, stride=2),
        )
        self.register_buffer("seen", torch.zeros(1, dtype=torch.long))

    def reparameterize(self, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def forward(self, x: torch.Tensor):
        h = self.encoder(x)
        mu, logvar = self.mu(h), self.logvar(h)
        self.seen += len(x)
        return self.decoder(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(logits, x, mu, logvar, beta=1.0):
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=(1, 2, 3)).mean()
    kld = (-0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)).mean()
    return bce + beta * kld, bce, kld


def infinite(loader):
    while True:
        yield from loader


def draw(images, path):
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return
    fig, axes = plt.subplots(1, len(images), figsize=(len(images), 1.2))
    for ax, image in zip(axes, images):  # noqa: B905
        ax.imshow(image.squeeze().cpu().numpy(), cmap="gray")
        ax.axis("off")
    fig.savefig(path)
    plt.close(fig)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("out"))
    opt = parser.parse_args()
    opt.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(3)

    raw = np.load(os.path.join(os.environ.get("DATA", "."), "digits.npz"))["images"]
    images = torch.tensor(raw.reshape(-1, 1, 8, 8)[:512] / 16.0, dtype=torch.float32)
    loader = torch.utils.data.DataLoader(images, batch_size=64, shuffle=True)
    model = VAE().to(device)
    n_params = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f"{n_params:,} parameters")
    optim = torch.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
    warmup = torch.optim.lr_scheduler.LambdaLR(optim, lambda step: min(1.0, (step + 1) / 10))
    batches = infinite(loader)
    for step in range(opt.steps):
        x = next(batches).to(device)
        logits, mu, logvar = model(x)
        loss, bce, kld = loss_function(logits, x, mu, logvar, beta=min(1.0, step / 20))
        optim.zero_grad()
        loss.backward()
        optim.step()
        warmup.step()
        if step % 5 == 0:
            print(f"step {step:4d} loss {loss.item():.5f} (bce loss {bce:.5f}, kld loss {kld:.5f})")
    model.eval()
    with torch.no_grad():
        z = torch.randn(6, 4, device=device)
        draw(torch.sigmoid(model.decoder(z)), opt.out / "samples.png")
    assert model.seen.item() == 64 * opt.steps, model.seen
