"""Networks of train_steps.py as whole steps jitted by JAX; report.py and conv_steps.py run them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from train_steps import DENSE


def _network(widths: list[int], batch: int, activation: Any) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(0)
    params = [
        (
            jnp.asarray(rng.uniform(-1, 1, (i, o)) / np.sqrt(i), jnp.float32),
            jnp.zeros(o, jnp.float32),
        )
        for i, o in itertools.pairwise(widths)
    ]
    x = jnp.asarray(rng.standard_normal((batch, widths[0])), jnp.float32)
    y = jnp.asarray(rng.integers(0, widths[-1], batch))

    def loss(params: Any, x: Any, y: Any) -> Any:
        for w, b in params[:-1]:
            x = activation(x @ w + b)
        w, b = params[-1]
        logits = jax.nn.log_softmax(x @ w + b)
        return -jnp.take_along_axis(logits, y[:, None], 1).mean()

    return params, x, y, loss


def _cnn(batch: int = 64) -> tuple[Any, Any, Any, Any]:
    """That of conv_nets.py, in the layout that XLA prefers on CPUs."""
    rng = np.random.default_rng(0)

    def uniform(*shape: int) -> Any:
        return jnp.asarray(rng.uniform(-1, 1, shape) / np.sqrt(np.prod(shape[:-1])), jnp.float32)

    shapes = [(3, 3, 1, 32), (3, 3, 32, 64), (9216, 128), (128, 10)]
    params = [(uniform(*shape), jnp.zeros(shape[-1], jnp.float32)) for shape in shapes]
    x = jnp.asarray(rng.standard_normal((batch, 28, 28, 1)), jnp.float32)
    y = jnp.asarray(rng.integers(0, 10, batch))
    layout, window = ("NHWC", "HWIO", "NHWC"), (1, 2, 2, 1)

    def loss(params: Any, x: Any, y: Any) -> Any:
        for w, b in params[:2]:
            x = jax.lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=layout)
            x = jax.nn.relu(x + b)
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
        (w, b), (w_out, b_out) = params[2:]
        x = jax.nn.relu(x.reshape(batch, -1) @ w + b)
        logits = jax.nn.log_softmax(x @ w_out + b_out)
        return -jnp.take_along_axis(logits, y[:, None], 1).mean()

    return params, x, y, loss


def _adam(p: Any, g: Any, m: Any, v: Any, t: Any) -> tuple[Any, Any, Any]:
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    return p - 1e-3 * m / (1 - 0.9**t) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def build(name: str) -> Callable[[], None]:
    """A step of one of DENSE, or of `cnn`; ValueError if it is no such network."""
    shape = DENSE[name][1] if name in DENSE else None
    if name != "cnn" and shape is None:
        raise ValueError(f"{name} is not written for JAX")
    activation = jnp.tanh if name == "tiny" else jax.nn.relu
    params, x, y, loss = _network(*shape, activation) if shape else _cnn()
    zeros = jax.tree.map(jnp.zeros_like, params)
    adam, momentum = name in ("tiny", "mid", "cnn"), 0.9 if name == "small" else 0.0

    def update(state: Any, x: Any, y: Any) -> Any:
        params, m, v, t = state
        _, grads = jax.value_and_grad(loss)(params, x, y)
        t = t + 1
        if not adam:
            m = jax.tree.map(lambda m, g: momentum * m + g, m, grads) if momentum else grads
            params = jax.tree.map(lambda p, m: p - 0.01 * m, params, m)
            return params, m, v, t
        leaves, tree = jax.tree.flatten(params)
        rest = [jax.tree.leaves(part) for part in (grads, m, v)]
        new = [_adam(*leaf, t) for leaf in zip(leaves, *rest, strict=True)]
        return (*(jax.tree.unflatten(tree, part) for part in zip(*new, strict=True)), t)

    jitted = jax.jit(update, donate_argnums=0)
    state = [(params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.zeros((), jnp.float32))]

    def step() -> None:
        state[0] = jax.block_until_ready(jitted(state[0], x, y))

    return step
