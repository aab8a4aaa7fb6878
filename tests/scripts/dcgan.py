"""A DCGAN: transposed convolutions against convolutions, batch norm, two optimizers."""

import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

NOISE, WIDTH = 32, 8


def weights_init(m):
    name = type(m).__name__
    if "Conv" in name:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif "BatchNorm" in name:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(NOISE, WIDTH * 4, 4, 1, 0, bias=False),
            nn.BatchNorm2d(WIDTH * 4),
            nn.ReLU(True),  # 4x4
            nn.ConvTranspose2d(WIDTH * 4, WIDTH * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH * 2),
            nn.ReLU(True),  # 8x8
            nn.ConvTranspose2d(WIDTH * 2, WIDTH, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(True),  # 16x16
            nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1, bias=False),
            nn.Tanh(),  # 32x32
        )

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, WIDTH, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(WIDTH, WIDTH * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(WIDTH * 2, WIDTH * 4, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH * 4),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(WIDTH * 4, 1, 4, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.main(x)


def enlarged(images):
    images = torch.from_numpy(images).to(torch.get_default_dtype())
    return nn.functional.interpolate(images, scale_factor=4, mode="nearest") * 2 - 1


def setup(images, labels):
    """Gives (modules, batches, step, between): what is trained, on what, and how."""
    torch.manual_seed(3)
    real = enlarged(images[:320])
    real += 0.1 * torch.rand_like(real)  # no two pixels alike
    loader = DataLoader(TensorDataset(real), batch_size=32, shuffle=True)
    generator, discriminator = Generator(), Discriminator()
    generator.apply(weights_init)
    discriminator.apply(weights_init)
    criterion = nn.BCELoss()
    optimizer_d = optim.Adam(discriminator.parameters(), lr=0.00001, betas=(0.5, 0.999))
    optimizer_g = optim.Adam(generator.parameters(), lr=0.00001, betas=(0.5, 0.999))

    def batches():
        while True:
            yield from loader

    def step(real):
        discriminator.zero_grad()
        label = torch.full((real.size(0),), 1.0, dtype=real.dtype, device=real.device)
        loss_real = criterion(discriminator(real).view(-1), label)
        loss_real.backward()
        noise = torch.randn(real.size(0), NOISE, 1, 1, device=real.device)
        fake = generator(noise)
        label.fill_(0.0)
        loss_fake = criterion(discriminator(fake.detach()).view(-1), label)
        loss_fake.backward()
        optimizer_d.step()

        generator.zero_grad()
        label.fill_(1.0)
        loss_g = criterion(discriminator(fake).view(-1), label)
        loss_g.backward()
        optimizer_g.step()
        return loss_real + loss_fake, loss_g

    return [generator, discriminator], batches(), step, lambda i: None


def evaluate(modules, images):
    """What the trained discriminator says of images, and what the generator makes of a grid."""
    generator, discriminator = modules
    noise = torch.linspace(-2, 2, 8 * NOISE, dtype=torch.get_default_dtype())
    made = generator(noise.reshape(8, NOISE, 1, 1))
    return torch.cat([discriminator(enlarged(images)).flatten(), made.flatten()])
