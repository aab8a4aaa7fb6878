"""What scripts of training are made of: networks, batches and steps, to be captured or not."""

import itertools

import numpy as np

import wengert as wg

F = wg.nn.functional
nn = wg.nn
SCRIPTS = {}


class Script:
    """One run: `step` is what is captured, `batch(i)` its arguments, `between(i)` comes after it.

    `tensors` are watched with their gradients, and the states of the `optimizers`.
    """

    def __init__(self, step, tensors, optimizers=(), batch=None, between=None, captures=3):
        self.step, self.optimizers, self.captures = step, list(optimizers), captures
        self.tensors = list(tensors)
        self.batch = batch or classes()
        self.between = between or (lambda i: None)

    def state(self):
        """All that the script may change."""
        out = [(t, t.grad) for t in self.tensors]
        for o in self.optimizers:
            for group in o.param_groups:
                out += [group["lr"], *(sorted(o.state[p].items()) for p in group["params"])]
        return [*out, wg.get_rng_state()]


def script(f):
    SCRIPTS[f.__name__] = f
    return f


def classes(rows=16, features=6, outputs=3, dtype=np.float32):
    """Batches of inputs and classes."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((10, rows, features)).astype(dtype)
    y = rng.integers(0, outputs, (10, rows))
    return lambda i: (wg.from_numpy(x[i % 10]), wg.from_numpy(y[i % 10]))


def net(*sizes, act=nn.Tanh, extra=()):
    layers = []
    for m, n in itertools.pairwise(sizes):
        layers += [nn.Linear(m, n), act(), *(e() for e in extra)]
    return nn.Sequential(*layers[: -1 - len(extra)])


def small_net():
    return net(6, 16, 16, 3)


def training(m, o, after=None):
    """The usual step; `after` comes before the optimizer's."""

    def step(x, y):
        o.zero_grad()
        loss = F.cross_entropy(m(x), y)
        loss.backward()
        if after is not None:
            after()
        o.step()
        return loss

    return step


def usual(m, o, **options):
    return Script(training(m, o), m.parameters(), [o], **options)
