# run: --epochs 3
"""A backbone from a local hub directory, frozen but for its head, with an average of weights."""

import argparse
import copy
import tempfile
import textwrap
from pathlib import Path

import torch
from torch import nn

HUBCONF = """
dependencies = ["torch"]
import torch
from torch import nn


def backbone(pretrained=False, width=16, **kwargs):
    "A small network."
    net = nn.Sequential()
    net.add_module("stem", nn.Conv1d(2, width, 5, padding=2))
    net.add_module("norm", nn.GroupNorm(4, width))
    net.add_module("act", nn.Hardswish())
    net.add_module("pool", nn.AdaptiveMaxPool1d(4))
    net.add_module("flat", nn.Flatten())
    net.add_module("fc", nn.Linear(4 * width, 10))
    if pretrained:
        net.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/w.pt"))
    return net
"""


class EMA:
    def __init__(self, model, decay=0.9):
        self.module = copy.deepcopy(model).eval()
        self.decay = decay
        for p in self.module.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for ours, theirs in zip(self.module.state_dict().values(), model.state_dict().values()):  # noqa: B905
            if ours.dtype.is_floating_point:
                ours.mul_(self.decay).add_(theirs.detach(), alpha=1 - self.decay)


def main(args):
    torch.manual_seed(11)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "hubconf.py").write_text(textwrap.dedent(HUBCONF))
        torch.hub.set_dir(str(root / "cache"))
        (root / "cache" / "checkpoints").mkdir(parents=True)
        first = torch.hub.load(folder, "backbone", source="local", verbose=False)
        torch.save(first.state_dict(), root / "cache" / "checkpoints" / "w.pt")
        model = torch.hub.load(folder, "backbone", source="local", pretrained=True)
    for a, b in zip(first.parameters(), model.parameters()):  # noqa: B905
        assert torch.equal(a, b)

    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith(("fc", "norm"))
    model.fc = nn.Linear(model.fc.in_features, args.classes)
    missing, unexpected = model.load_state_dict({"stem.bias": torch.zeros(16)}, strict=False)
    assert "fc.weight" in missing and not unexpected
    trainable = [p for p in model.parameters() if p.requires_grad]
    print(
        f"training {sum(p.numel() for p in trainable)} of "
        f"{sum(p.numel() for p in model.parameters())} parameters"
    )

    activations = {}
    handle = model.stem.register_forward_hook(
        lambda module, inputs, output: activations.update(stem=output.detach())
    )
    optimizer = torch.optim.Adam(trainable, lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs * 4)
    ema = EMA(model)
    x, y = torch.randn(64, 2, 20), torch.randint(0, args.classes, (64,))
    weight = torch.bincount(y, minlength=args.classes).float().reciprocal()
    criterion = nn.CrossEntropyLoss(weight=weight)
    for epoch in range(args.epochs):
        model.train()
        for xb, yb in zip(x.split(16), y.split(16)):  # noqa: B905
            loss = criterion(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            assert model.stem.weight.grad is None
            optimizer.step()
            scheduler.step()
            ema.update(model)
        model.eval()
        with torch.no_grad():
            averaged = criterion(ema.module(x), y)
        print(
            f"epoch {epoch} loss {loss.item():.6f} averaged loss {averaged.item():.6f} "
            f"lr {scheduler.get_last_lr()[0]:.2e}"
        )
    assert activations["stem"].shape[1:] == (16, 20)
    handle.remove()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--classes", type=int, default=3)
    main(parser.parse_args())
