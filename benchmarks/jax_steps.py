"""Networks of train_steps.py as whole steps jitted by JAX; report.py and net_steps.py run them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sequence_nets import LETTERS
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


def _uniform(rng: Any, *shape: int) -> Any:
    return jnp.asarray(rng.uniform(-1, 1, shape) / np.sqrt(shape[0]), jnp.float32)


def _letters(rng: Any, batch: int, length: int) -> tuple[Any, Any]:
    x, y = (jnp.asarray(rng.integers(0, LETTERS, (batch, length))) for _ in range(2))
    return x, y.reshape(-1)


def _mean_loss(logits: Any, y: Any) -> Any:
    logits = jax.nn.log_softmax(logits.reshape(-1, LETTERS))
    return -jnp.take_along_axis(logits, y[:, None], 1).mean()


def _lstm(batch: int = 32, length: int = 64, width: int = 128) -> tuple[Any, Any, Any, Any]:
    """That of sequence_nets.py, the inputs of all steps in one product."""
    rng = np.random.default_rng(0)
    params = {
        "letters": _uniform(rng, LETTERS, width),
        "input": (_uniform(rng, width, 4 * width), jnp.zeros(4 * width, jnp.float32)),
        "state": (_uniform(rng, width, 4 * width), jnp.zeros(4 * width, jnp.float32)),
        "out": (_uniform(rng, width, LETTERS), jnp.zeros(LETTERS, jnp.float32)),
    }
    x, y = _letters(rng, batch, length)

    def loss(params: Any, x: Any, y: Any) -> Any:
        (w, b), (w_state, b_state) = params["input"], params["state"]

        def cell(state: Any, gates: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(gates + h @ w_state + b_state, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        gates = (params["letters"][x] @ w + b).transpose(1, 0, 2)
        zeros = jnp.zeros((batch, width), jnp.float32)
        _, hidden = jax.lax.scan(cell, (zeros, zeros), gates)
        w_out, b_out = params["out"]
        return _mean_loss(hidden.transpose(1, 0, 2) @ w_out + b_out, y)

    return params, x, y, loss


def _normed(x: Any, scale: Any, shift: Any) -> Any:
    x = x - x.mean(-1, keepdims=True)
    return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * scale + shift


def _gpt(
    batch: int = 12, length: int = 64, width: int = 128, heads: int = 4, layers: int = 4
) -> tuple[Any, Any, Any, Any]:
    """That of sequence_nets.py."""
    rng = np.random.default_rng(0)

    def linear(m: int, n: int) -> Any:
        return _uniform(rng, m, n), jnp.zeros(n, jnp.float32)

    def norm() -> Any:
        return jnp.ones(width, jnp.float32), jnp.zeros(width, jnp.float32)

    blocks = [
        {
            "norm1": norm(),
            "norm2": norm(),
            "qkv": linear(width, 3 * width),
            "out": linear(width, width),
            "up": linear(width, 4 * width),
            "down": linear(4 * width, width),
        }
        for _ in range(layers)
    ]
    params = {
        "tokens": _uniform(rng, LETTERS, width),
        "places": _uniform(rng, length, width),
        "blocks": blocks,
        "norm": norm(),
        "head": _uniform(rng, width, LETTERS),
    }
    x, y = _letters(rng, batch, length)

    def block(p: Any, x: Any) -> Any:
        w, b = p["qkv"]
        parts = jnp.split(_normed(x, *p["norm1"]) @ w + b, 3, -1)
        q, k, v = (part.reshape(batch, length, heads, width // heads) for part in parts)
        y = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape)
        x = x + y @ p["out"][0] + p["out"][1]
        up = _normed(x, *p["norm2"]) @ p["up"][0] + p["up"][1]
        return x + jax.nn.gelu(up, approximate=False) @ p["down"][0] + p["down"][1]

    def loss(params: Any, x: Any, y: Any) -> Any:
        z = params["tokens"][x] + params["places"]
        for p in params["blocks"]:
            z = block(p, z)
        return _mean_loss(_normed(z, *params["norm"]) @ params["head"], y)

    return params, x, y, loss


NETS = {"cnn": _cnn, "gpt": _gpt, "lstm": _lstm}


def _adam(p: Any, g: Any, m: Any, v: Any, t: Any) -> tuple[Any, Any, Any]:
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    return p - 1e-3 * m / (1 - 0.9**t) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def build(name: str) -> Callable[[], None]:
    """A step of one of DENSE or NETS; ValueError if it is no such network."""
    shape = DENSE[name][1] if name in DENSE else None
    if name not in NETS and shape is None:
        raise ValueError(f"{name} is not written for JAX")
    activation = jnp.tanh if name == "tiny" else jax.nn.relu
    params, x, y, loss = _network(*shape, activation) if shape else NETS[name]()
    zeros = jax.tree.map(jnp.zeros_like, params)
    adam, momentum = name in ("tiny", "mid", *NETS), 0.9 if name == "small" else 0.0
    decay = 0.01 if name == "gpt" else 0.0  # as AdamW

    def update(state: Any, x: Any, y: Any) -> Any:
        params, m, v, t = state
        _, grads = jax.value_and_grad(loss)(params, x, y)
        t = t + 1
        if not adam:
            m = jax.tree.map(lambda m, g: momentum * m + g, m, grads) if momentum else grads
            params = jax.tree.map(lambda p, m: p - 0.01 * m, params, m)
            return params, m, v, t
        params = jax.tree.map(lambda p: p * (1 - 1e-3 * decay), params) if decay else params
        leaves, tree = jax.tree.flatten(params)
        rest = [jax.tree.leaves(part) for part in (grads, m, v)]
        new = [_adam(*leaf, t) for leaf in zip(leaves, *rest, strict=True)]
        return (*(jax.tree.unflatten(tree, part) for part in zip(*new, strict=True)), t)

    jitted = jax.jit(update, donate_argnums=0)
    state = [(params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.zeros((), jnp.float32))]

    def step() -> None:
        state[0] = jax.block_until_ready(jitted(state[0], x, y))

    return step
