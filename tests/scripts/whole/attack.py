# run: --steps 15
"""Adversarial pictures: gradients with respect to the input, by sign and by Adam."""

import argparse
import os

import numpy as np
import torch
import torch.nn.functional as F

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--epsilons", type=float, nargs="+", default=[0.0, 0.1, 0.2])
    args = parser.parse_args()
    print("CUDA Available: ", torch.cuda.is_available())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(2)
    raw = np.load(os.path.join(os.environ.get("DATA", "."), "digits.npz"))
    x = torch.tensor(raw["images"][:400].reshape(400, -1), dtype=torch.float32).div_(16).to(device)
    y = torch.tensor(raw["labels"][:400]).long().to(device)

    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(args.steps):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"trained, loss {loss.item():.6f}")
    model.eval()
    for p in model.parameters():
        p.requires_grad_(False)

    for eps in args.epsilons:
        data = x[:100].clone().requires_grad_(True)
        loss = F.cross_entropy(model(data), y[:100])
        (grad,) = torch.autograd.grad(loss, data)
        changed = torch.clamp(data.detach() + eps * grad.sign(), 0, 1)
        after = F.cross_entropy(model(changed), y[:100])
        print(f"epsilon {eps}: loss {after.item():.5f}")

    delta = torch.zeros_like(x[:20], requires_grad=True)
    attack = torch.optim.Adam([delta], lr=0.01)
    target = (y[:20] + 1) % 10
    for _ in range(args.steps):
        output = model((x[:20] + delta).clamp(0, 1))
        loss = F.cross_entropy(output, target) + 0.5 * delta.pow(2).sum(1).mean()
        attack.zero_grad()
        loss.backward()
        attack.step()
        with torch.no_grad():
            delta.clamp_(-0.3, 0.3)
    print(f"targeted loss {loss.item():.5f}")
    jacobian = torch.autograd.functional.jacobian(lambda v: model(v), x[0])
    print(f"largest derivative loss {jacobian.abs().max().item():.5f}")
