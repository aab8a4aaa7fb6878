"""A convolutional variational autoencoder: strided convolutions, draws, transposed convolutions."""

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

SIZE = 16


class VAE(nn.Module):
    def __init__(self, latent=8):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.mean = nn.Linear(512, latent)
        self.logvar = nn.Linear(512, latent)
        self.expand = nn.Linear(latent, 512)
        self.decoder = nn.Sequential(
            nn.ReLU(),
            nn.Unflatten(1, (32, 4, 4)),
            nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def encode(self, x):
        h = self.encoder(x)
        return self.mean(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return self.decoder(self.expand(z))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(again, x, mu, logvar):
    """Of an image: what it takes to write it, and how far its code is from a standard normal."""
    bce = F.binary_cross_entropy(again, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (bce + kld) / x.numel()


def enlarged(images):
    images = torch.from_numpy(images).to(torch.get_default_dtype())
    return F.interpolate(images, size=(SIZE, SIZE), mode="bilinear", align_corners=True)


def setup(images, labels):
    """Gives (modules, batches, step, between): what is trained, on what, and how."""
    torch.manual_seed(4)
    data = TensorDataset(enlarged(images[:640]).clamp(0, 1))
    loader = DataLoader(data, batch_size=32, shuffle=True)
    model = VAE()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

    def batches():
        while True:
            yield from loader

    def step(x):
        optimizer.zero_grad()
        again, mu, logvar = model(x)
        loss = loss_function(again, x, mu, logvar)
        loss.backward()
        optimizer.step()
        return loss

    return [model], batches(), step, lambda i: None


def evaluate(modules, images):
    """The codes of images, and what is made of them without a draw."""
    mean, logvar = modules[0].encode(enlarged(images))
    return torch.cat([mean.flatten(), logvar.flatten(), modules[0].decode(mean).flatten()])
