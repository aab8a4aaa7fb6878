# run: --adam 10 --lbfgs 3
"""A network that solves the heat equation: derivatives by autograd, Adam and then L-BFGS."""

import argparse
from collections import OrderedDict

import numpy as np
import torch

device = torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")
torch.set_default_dtype(torch.float64)
np.random.seed(1234)
torch.manual_seed(1234)


class DNN(torch.nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.depth = len(layers) - 1
        self.activation = torch.nn.Tanh
        layer_list = []
        for i in range(self.depth - 1):
            layer_list.append((f"layer_{i}", torch.nn.Linear(layers[i], layers[i + 1])))
            layer_list.append((f"activation_{i}", self.activation()))
        layer_list.append((f"layer_{self.depth - 1}", torch.nn.Linear(layers[-2], layers[-1])))
        self.layers = torch.nn.Sequential(OrderedDict(layer_list))

    def forward(self, x):
        return self.layers(x)


def latin_hypercube(n, lower, upper):
    cut = (np.arange(n)[:, None] + np.random.rand(n, len(lower))) / n
    for column in cut.T:
        np.random.shuffle(column)
    return lower + (upper - lower) * cut


class PhysicsInformedNN:
    def __init__(self, x_u, u, x_f, layers, lb, ub):
        self.lb = torch.tensor(lb).to(device)
        self.ub = torch.tensor(ub).to(device)
        self.x_u = torch.tensor(x_u[:, 0:1], requires_grad=True).to(device)
        self.t_u = torch.tensor(x_u[:, 1:2], requires_grad=True).to(device)
        self.x_f = torch.tensor(x_f[:, 0:1], requires_grad=True).to(device)
        self.t_f = torch.tensor(x_f[:, 1:2], requires_grad=True).to(device)
        self.u = torch.tensor(u).to(device)
        self.nu = torch.nn.Parameter(torch.tensor([0.3], requires_grad=True).to(device))
        self.dnn = DNN(layers).to(device)
        self.dnn.register_parameter("nu", self.nu)
        self.adam = torch.optim.Adam(self.dnn.parameters(), lr=2e-3)
        self.optimizer = torch.optim.LBFGS(
            self.dnn.parameters(),
            lr=1.0,
            max_iter=3,
            max_eval=50,
            history_size=50,
            tolerance_grad=1e-7,
            tolerance_change=1.0 * np.finfo(float).eps,
            line_search_fn="strong_wolfe",
        )
        self.iter = 0

    def net_u(self, x, t):
        h = 2.0 * (torch.cat([x, t], dim=1) - self.lb) / (self.ub - self.lb) - 1.0
        return self.dnn(h)

    def net_f(self, x, t):
        u = self.net_u(x, t)
        ones = torch.ones_like(u)
        u_t = torch.autograd.grad(u, t, grad_outputs=ones, retain_graph=True, create_graph=True)[0]
        u_x = torch.autograd.grad(u, x, grad_outputs=ones, retain_graph=True, create_graph=True)[0]
        u_xx = torch.autograd.grad(
            u_x, x, grad_outputs=torch.ones_like(u_x), retain_graph=True, create_graph=True
        )[0]
        return u_t - self.nu * u_xx

    def loss_func(self):
        if torch.is_grad_enabled():
            self.optimizer.zero_grad()
        loss_u = torch.mean((self.u - self.net_u(self.x_u, self.t_u)) ** 2)
        loss_f = torch.mean(self.net_f(self.x_f, self.t_f) ** 2)
        loss = loss_u + loss_f
        if loss.requires_grad:
            loss.backward()
        self.iter += 1
        if self.iter % 5 == 0:
            print(f"Iter {self.iter}, Loss: {loss.item():.5e}, nu {self.nu.item():.5f}")
        return loss

    def train(self, adam, lbfgs):
        self.dnn.train()
        for _ in range(adam):
            self.loss_func()
            self.adam.step()
        for _ in range(lbfgs):
            self.optimizer.step(self.loss_func)

    def predict(self, x):
        x_ = torch.tensor(x[:, 0:1], requires_grad=True).to(device)
        t_ = torch.tensor(x[:, 1:2], requires_grad=True).to(device)
        self.dnn.eval()
        u, f = self.net_u(x_, t_), self.net_f(x_, t_)
        return u.detach().cpu().numpy(), f.detach().cpu().numpy()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--adam", type=int, default=500)
    parser.add_argument("--lbfgs", type=int, default=100)
    parser.add_argument("--layers", type=int, nargs="*", default=[2, 16, 16, 1])
    args = parser.parse_args()
    lb, ub, nu = np.array([0.0, 0.0]), np.array([1.0, 0.5]), 0.1
    exact = lambda p: np.exp(-nu * np.pi**2 * p[:, 1:2]) * np.sin(np.pi * p[:, 0:1])  # noqa: E731
    x_u, x_f = latin_hypercube(40, lb, ub), latin_hypercube(80, lb, ub)
    model = PhysicsInformedNN(x_u, exact(x_u), x_f, args.layers, lb, ub)
    model.train(args.adam, args.lbfgs)
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 11), np.linspace(0, 0.5, 6)), -1).reshape(-1, 2)
    u_pred, f_pred = model.predict(grid)
    error = np.linalg.norm(exact(grid) - u_pred, 2) / np.linalg.norm(exact(grid), 2)
    print(f"Error u, loss {error:.6e}; residual loss {np.abs(f_pred).mean():.6e}")
