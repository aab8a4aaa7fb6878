# run: --n_epochs 2 --n_critic 3
"""A Wasserstein GAN of points on a ring, with a gradient penalty and spectral norm."""

import argparse
import math
import os

import torch
import torch.autograd as autograd
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

os.makedirs("images", exist_ok=True)

parser = argparse.ArgumentParser()
parser.add_argument("--n_epochs", type=int, default=200, help="number of epochs of training")
parser.add_argument("--batch_size", type=int, default=32, help="size of the batches")
parser.add_argument("--lr", type=float, default=0.0002, help="adam: learning rate")
parser.add_argument("--b1", type=float, default=0.5, help="adam: decay of first order momentum")
parser.add_argument("--b2", type=float, default=0.999, help="adam: decay of second order momentum")
parser.add_argument("--n_cpu", type=int, default=2, help="number of cpu threads")
parser.add_argument("--latent_dim", type=int, default=8, help="dimensionality of the latent space")
parser.add_argument("--n_critic", type=int, default=5, help="steps of the critic per iter")
parser.add_argument("--lambda_gp", type=float, default=10)
opt = parser.parse_args()
print(opt)

cuda = True if torch.cuda.is_available() else False  # noqa: SIM210
Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor
torch.manual_seed(0)


class Ring(Dataset):
    def __init__(self, n=256):
        g = torch.Generator().manual_seed(1)
        angle = torch.rand(n, generator=g) * 2 * math.pi
        radius = 1 + 0.05 * torch.randn(n, generator=g)
        self.points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)

    def __len__(self):
        return len(self.points)

    def __getitem__(self, i):
        return self.points[i]


class Generator(nn.Module):
    def __init__(self):
        super(Generator, self).__init__()  # noqa: UP008

        def block(in_feat, out_feat, normalize=True):
            layers = [nn.Linear(in_feat, out_feat, bias=not normalize)]
            if normalize:
                layers.append(nn.BatchNorm1d(out_feat, 0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(
            *block(opt.latent_dim, 32, normalize=False), *block(32, 32), nn.Linear(32, 2)
        )

    def forward(self, z):
        return self.model(z)


class Discriminator(nn.Module):
    def __init__(self):
        super(Discriminator, self).__init__()  # noqa: UP008
        self.model = nn.Sequential(
            nn.utils.parametrizations.spectral_norm(nn.Linear(2, 32)),
            nn.LeakyReLU(0.2),
            nn.utils.spectral_norm(nn.Linear(32, 32)),
            nn.LeakyReLU(0.2),
            nn.Linear(32, 1),
        )

    def forward(self, x):
        return self.model(x)


def weights_init_normal(m):
    classname = m.__class__.__name__
    if classname.find("BatchNorm") != -1:
        torch.nn.init.normal_(m.weight.data, 1.0, 0.02)
        torch.nn.init.constant_(m.bias.data, 0.0)


generator = Generator()
discriminator = Discriminator()
generator.apply(weights_init_normal)
if cuda:
    generator.cuda()
    discriminator.cuda()

optimizer_G = torch.optim.Adam(generator.parameters(), lr=opt.lr, betas=(opt.b1, opt.b2))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=opt.lr, betas=(opt.b1, opt.b2))


def compute_gradient_penalty(D, real_samples, fake_samples):
    alpha = torch.rand(real_samples.size(0), 1)
    interpolates = (alpha * real_samples + ((1 - alpha) * fake_samples)).requires_grad_(True)
    d_interpolates = D(interpolates)
    fake = Tensor(real_samples.shape[0], 1).fill_(1.0)
    fake.requires_grad = False
    gradients = autograd.grad(
        outputs=d_interpolates,
        inputs=interpolates,
        grad_outputs=fake,
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


if __name__ == "__main__":
    dataloader = DataLoader(Ring(), batch_size=opt.batch_size, shuffle=True)
    batches_done = 0
    for epoch in range(opt.n_epochs):
        for i, points in enumerate(dataloader):
            real = points.type(Tensor)
            optimizer_D.zero_grad()
            z = torch.randn(real.shape[0], opt.latent_dim)
            fake_points = generator(z)
            real_validity = discriminator(real)
            fake_validity = discriminator(fake_points)
            penalty = compute_gradient_penalty(discriminator, real.data, fake_points.data)
            d_loss = -torch.mean(real_validity) + torch.mean(fake_validity)
            d_loss = d_loss + opt.lambda_gp * penalty
            d_loss.backward()
            optimizer_D.step()
            optimizer_G.zero_grad()
            if i % opt.n_critic == 0:
                fake_points = generator(z)
                g_loss = -torch.mean(discriminator(fake_points))
                g_loss.backward()
                optimizer_G.step()
                print(
                    "[Epoch %d/%d] [Batch %d/%d] [D loss: %f] [G loss: %f]"  # noqa: UP031
                    % (epoch, opt.n_epochs, i, len(dataloader), d_loss.item(), g_loss.item())
                )
                batches_done += opt.n_critic
        torch.save(generator.state_dict(), f"images/generator_{epoch}.pth")
