"""Writes the two pictures of the README: python docs/_book/pictures.py"""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")

import matplotlib.pyplot as plt  # noqa: E402  # reads its settings when it is imported

import wengert  # noqa: E402
from wengert import datasets, nn, optim  # noqa: E402
from wengert.utils.data import DataLoader, TensorDataset  # noqa: E402

FOLDER = HERE.parent / "pictures"


def tape():
    """Of a linear unit with a tanh, and its loss."""
    x = wengert.tensor(0.5)
    w = wengert.tensor(2.0, requires_grad=True)
    b = wengert.tensor(-0.5, requires_grad=True)
    loss = ((w * x + b).tanh() - 1.0).square()
    return wengert.draw(loss).svg()


def training():
    """The network in 15 lines of the README, looked at after each epoch."""
    wengert.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    loader = DataLoader(TensorDataset(*datasets.digits("train")), batch_size=64, shuffle=True)
    test_images, test_labels = datasets.digits("test")
    losses, found = [], []
    for _ in range(30):
        of_epoch = []
        for images, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            of_epoch.append(loss.item())
        losses.append(sum(of_epoch) / len(of_epoch))
        with wengert.no_grad():
            right = model(test_images).argmax(1) == test_labels
        found.append(100 * right.float().mean().item())
    figure, left = plt.subplots(figsize=(4.8, 3.2))
    left.plot(range(1, 31), losses, label="loss")
    left.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    right = left.twinx()
    right.plot(range(1, 31), found, color="#e07b39", label="test accuracy")
    right.set(ylabel="test accuracy, %", ylim=(0, 100))
    right.grid(False)
    figure.legend(loc="center")
    figure.savefig(FOLDER / "training.svg", metadata={"Date": None})


def main():
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "tape.svg").write_text(tape())  # first, as entries are numbered
    training()


if __name__ == "__main__":
    main()
