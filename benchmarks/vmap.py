"""What `vmap` costs: gradients of each sample, and many networks as one.

    python benchmarks/vmap.py [--rounds 7]

Seconds of one thread, the fewest of the rounds, in which all ways take turns. `plain` is the
gradient of the mean loss, which gradients of each sample are compared with, and `apart` a training
step of each of 16 networks; both eager, and captured. PyTorch's figures are given where it is
installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import time
from collections.abc import Callable
from typing import Any

SAMPLES = {"16-32-32-10": 256, "64-64-64-10": 256, "784-256-256-10": 256}
NETWORKS = {"16-32-32-10": 32, "64-64-64-10": 64, "20-128-128-10": 128}
COUNT = 16


def network(m: Any, sizes: list[int]) -> Any:
    layers: list[Any] = []
    for i, o in itertools.pairwise(sizes):
        layers += [m.nn.Linear(i, o), m.nn.ReLU()]
    return m.nn.Sequential(*layers[:-1])


def data(m: Any, sizes: list[int], batch: int) -> tuple[Any, Any]:
    return m.randn(batch, sizes[0]), m.randint(0, sizes[-1], (batch,))


def of_each_sample(m: Any, sizes: list[int], batch: int) -> dict[str, Callable[..., Any]]:
    net, inputs = network(m, sizes), data(m, sizes, batch)
    loss, func = m.nn.functional.cross_entropy, m.func
    params = {name: p.detach() for name, p in net.named_parameters()}

    def loss_of_one(p: Any, x: Any, y: Any) -> Any:
        return loss(func.functional_call(net, p, (x[None],)), y[None])

    each = func.vmap(func.grad(loss_of_one), in_dims=(None, 0, 0))
    own = list(net.parameters())
    return {
        "plain": lambda: m.autograd.grad(loss(net(inputs[0]), inputs[1]), own),
        "each sample": lambda: each(params, *inputs),
    }


def of_networks(m: Any, sizes: list[int], batch: int) -> dict[str, Callable[..., Any]]:
    nets, (x, y) = [network(m, sizes) for _ in range(COUNT)], data(m, sizes, batch)
    loss, func = m.nn.functional.cross_entropy, m.func
    optimizers = [m.optim.SGD(net.parameters(), lr=0.01) for net in nets]
    params, buffers = func.stack_module_state(nets)
    one = m.optim.SGD(list(params.values()), lr=0.01)
    output = func.vmap(
        lambda p, b, x: func.functional_call(nets[0], (p, b), (x,)), in_dims=(0, 0, None)
    )
    labels = y.repeat(COUNT)

    def apart() -> None:
        for net, optimizer in zip(nets, optimizers, strict=True):
            optimizer.zero_grad()
            loss(net(x), y).backward()
            optimizer.step()

    def stacked() -> None:
        one.zero_grad()
        (loss(output(params, buffers, x).flatten(0, 1), labels) * COUNT).backward()
        one.step()

    return {"apart": apart, "stacked": stacked}


def fewest(ways: dict[str, Callable[..., Any]], rounds: int) -> dict[str, float]:
    """Microseconds of a call, each way called for some 50 ms in every round."""
    calls, found = {}, dict.fromkeys(ways, float("inf"))
    for name, way in ways.items():
        way(), way()  # a capture records twice where it has to
        begin = time.process_time()
        way()
        calls[name] = max(1, int(0.05 / max(time.process_time() - begin, 1e-6)))
    for _ in range(rounds):
        for name, way in ways.items():
            begin = time.process_time()
            for _ in range(calls[name]):
                way()
            found[name] = min(found[name], (time.process_time() - begin) / calls[name] * 1e6)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    modules = {"wengert": importlib.import_module("wengert")}
    if importlib.util.find_spec("torch"):
        modules["torch"] = importlib.import_module("torch")
        importlib.import_module("torch.func")
    for title, make, cases in (
        ("gradients of each sample", of_each_sample, SAMPLES),
        (f"{COUNT} networks", of_networks, NETWORKS),
    ):
        print(title)
        for shape, batch in cases.items():
            ways: dict[str, Callable[..., Any]] = {}
            for library, m in modules.items():
                m.set_num_threads(1)
                for name, way in make(m, [int(n) for n in shape.split("-")], batch).items():
                    ways[f"{library} {name}"] = way
                    if library == "wengert":
                        ways[f"captured {name}"] = m.capture(way)
            found = fewest(ways, rounds)
            print(
                f"  {shape}, batch {batch}: " + ", ".join(f"{k} {v:.0f}" for k, v in found.items())
            )


if __name__ == "__main__":
    main()
