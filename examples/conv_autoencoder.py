"""A convolutional autoencoder mends digits that noise has spoilt.

    python examples/conv_autoencoder.py
    python examples/conv_autoencoder.py --epochs 60 --code 32 --noise 0.5

Convolutions with stride 2 squeeze an image of 8x8 into a few numbers, its code; transposed
convolutions draw it again. What the code has no room for, above all the noise, is lost: the network
learns to return the clean image for the noisy one. The default run takes a few seconds; at its end
some images are shown: noisy, mended, and as they were.
"""

import argparse
import time

import wengert as wg
from wengert import datasets, nn, optim
from wengert.nn import functional as F
from wengert.utils.data import DataLoader, TensorDataset

SHADES = " .:-=+*#%@"


class Autoencoder(nn.Module):
    def __init__(self, code, width=16):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),  # (n, 2 width, 4, 4)
            nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1),  # (n, 2 width, 2, 2)
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * 2 * 2, code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, 2 * width * 2 * 2),
            nn.ReLU(),
            nn.Unflatten(1, (2 * width, 2, 2)),
            nn.ConvTranspose2d(2 * width, 2 * width, 4, stride=2, padding=1),  # 4x4
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),  # 8x8
            nn.ReLU(),
            nn.Conv2d(width, 1, 3, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def load(split):
    return datasets.digits(split)[0].reshape(-1, 1, 8, 8)


def spoil(images, noise):
    return (images + noise * wg.randn_like(images)).clamp(0, 1)


def show(*rows):
    """Rows of images (n, 1, 8, 8), drawn with letters."""
    for images in rows:
        for y in range(8):
            lines = (images[:, 0, y] * 9).round().long().tolist()
            print("   ".join("".join(SHADES[i] * 2 for i in line) for line in lines))
        print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--code", type=int, default=16, help="how many numbers stand for an image")
    parser.add_argument("--noise", type=float, default=0.3, help="its standard deviation")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-3, help="learning rate")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    wg.manual_seed(args.seed)
    model = Autoencoder(args.code)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    loader = DataLoader(TensorDataset(load("train")), args.batch_size, shuffle=True)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)

    @wg.capture
    def step(images):
        optimizer.zero_grad()
        loss = F.mse_loss(model(spoil(images, args.noise)), images)  # other noise at every call
        loss.backward()
        optimizer.step()
        return loss

    started = time.perf_counter()
    for epoch in range(1, args.epochs + 1):
        losses = [step(images).item() for (images,) in loader]
        schedule.step()
        if epoch % 5 == 0 or epoch == 1:
            print(f"epoch {epoch:3d}  loss {sum(losses) / len(losses):.4f}")
    print(f"trained in {time.perf_counter() - started:.1f} s")

    images = load("test")
    with wg.no_grad():
        noisy = spoil(images, args.noise)
        mended = model(noisy)
    show(noisy[:6], mended[:6], images[:6])
    before, after = (F.mse_loss(x, images).item() for x in (noisy, mended))
    print(f"squared error of the test images: {before:.4f} with noise, {after:.4f} mended")


if __name__ == "__main__":
    main()
