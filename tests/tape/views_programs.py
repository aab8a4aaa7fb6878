"""Random programs of views, changes in place through them, and uses of what has changed.

A program is drawn by a seed and run by any library that has PyTorch's names. What it does depends
on shapes only, so that the same seed is the same program everywhere.
"""

import random

import numpy as np

MADE, VIEW, LOOSE = range(3)  # a loose view was made while nothing was recorded
LEAVES = [(3, 4), (4,), ()]
# Torch's own errors: a view of a constant that has since become a result counts as a leaf until its
# history is asked for, and a retained gradient may be missed by an assertion.
OWN_WAY = ("INTERNAL ASSERT", "a leaf Variable that requires grad is being used")
BASES = [(3, 4), (12,), (2, 3, 2), (4,), (1, 4), (5, 3)]


class Program:
    """With `smooth`, nothing is done that hides a dependence from the tape."""

    def __init__(self, seed, library, values=None, smooth=False):
        self.seed, self.lib, self.smooth = seed, library, smooth
        self.rng = random.Random(seed)
        numbers = np.random.default_rng(seed)
        self.values = [numbers.uniform(0.3, 1.2, shape) for shape in LEAVES]
        self.leaves = [
            library.tensor(v, dtype=library.float64, requires_grad=True)
            for v in (self.values if values is None else values)
        ]
        self.weights = numbers.uniform(-1, 1, 64)
        self.pool = []  # of (tensor, the memory it is on, MADE with that, a VIEW, or LOOSE)
        self.own_way = False
        self.restricted = set()  # memories with views of a kind that may be refused
        self.bases = []  # of these
        self.memories = 0
        self.seen = []  # by hooks
        self.log = []  # of what was refused
        self.kept = []
        self.asked = []

    # ---- choices

    def put(self, t, memory=None, kind=MADE):
        if memory is None:
            self.memories += 1
            memory = self.memories
        if t.ndim <= 4:
            t = t.contiguous() if kind == MADE else t  # torch keeps the strides of what it reads
            self.pool.append((t, memory, kind))
        if len(self.pool) > 9:
            del self.pool[self.rng.randrange(len(self.pool) - 1)]

    def pick(self):
        return self.pool[-1 - int(len(self.pool) * self.rng.random() ** 1.5)]

    def other(self, t):
        """What fits into t: a number, or a tensor that is on another memory."""
        kind = self.rng.randrange(5)
        if kind == 0:
            return self.rng.choice([2.0, -0.5, 0.25])
        if kind == 1:
            return self.leaves[2]
        if kind == 2:
            w = self.leaves[1] * 1
            return w[: t.shape[-1]] if t.ndim and t.shape[-1] <= 4 else w.sum()
        found = [u for u, _, kind in self.pool if u.shape == t.shape and kind != LOOSE]
        u = self.rng.choice(found) if found else self.leaves[0].mean()
        return u.clone() if self.rng.random() < 0.8 else u * 0.5

    # ---- instructions

    def make(self):
        rng, lib = self.rng, self.lib
        shape = rng.choice(BASES)
        kind = rng.randrange(4 if self.pool else 3)
        if kind == 0:
            return self.put(lib.zeros(shape, dtype=lib.float64))
        if kind == 1:
            return self.put(lib.full(shape, 0.7, dtype=lib.float64) * self.leaves[2])
        if kind == 2:
            return self.put(self.leaves[0].sin())
        t, _, loose = self.pick()
        if loose != LOOSE:
            self.put(t.clone() if rng.random() < 0.5 else t * self.leaves[2])

    def view(self):
        rng = self.rng
        t, memory, loose = self.pick()
        loose = max(VIEW, loose)
        kind = rng.randrange(12)
        d = rng.randrange(t.ndim) if t.ndim else 0
        n = t.shape[d] if t.ndim else 1
        if kind == 0 and t.ndim and n:
            v = t.select(d, rng.randrange(n))
        elif kind == 1 and t.ndim and n:
            v = t[rng.randrange(n)] if d == 0 else t[..., rng.randrange(t.shape[-1])]
        elif kind == 2 and t.ndim and n:
            v = t.narrow(d, n // 3, max(1, n // 2))
        elif kind == 3 and t.ndim:
            v = t[:: rng.choice([1, 2])]
        elif kind == 4 and t.ndim > 1:
            v = t.transpose(0, -1)
        elif kind == 5:
            v = t.unsqueeze(rng.randrange(t.ndim + 1))
        elif kind == 6:
            v = t.squeeze()
        elif kind == 7 and t.is_contiguous():
            v = t.view(-1)
        elif kind == 8 and t.ndim > 1:
            v = t.diagonal()
        elif kind == 9 and t.ndim and self.restrict(memory):
            v = t.split(max(1, n // 2), d)[0]
        elif kind == 10 and not self.smooth and self.restrict(memory):
            loose = LOOSE
            with self.lib.no_grad():
                v = t.unsqueeze(0)
        elif kind == 11 and t.ndim < 3:
            v = t.expand(2, *t.shape)
        else:
            return
        self.put(v, memory, loose)

    def restrict(self, memory):
        """Whether the base is there still: views that torch calls out of date sooner need one."""
        self.bases += [u for u, m, kind in self.pool if m == memory and kind == MADE]
        found = any(m == memory and kind == MADE for _, m, kind in self.pool)
        if found:
            self.restricted.add(memory)
        return found

    def change(self):
        rng, lib = self.rng, self.lib
        t, memory, _ = self.pick()
        if any(n > 1 and not step for n, step in zip(t.shape, t.stride(), strict=True)):
            return  # torch writes to a part that is not repeated
        kind = rng.randrange(16 if memory not in self.restricted else 14)
        o = self.other(t) if kind < 7 else None
        if kind == 0:
            t.mul_(o)
        elif kind == 1:
            t.add_(o)
        elif kind == 2:
            t -= o
        elif kind == 3:
            t.copy_(o if isinstance(o, lib.Tensor) else lib.full((), o, dtype=lib.float64))
        elif kind == 4 and t.ndim and t.shape[0]:
            t[0] = o if not isinstance(o, lib.Tensor) or o.ndim == 0 else o.sum()
        elif kind == 5 and t.ndim and t.shape[-1]:
            t[..., -1] += o if not isinstance(o, lib.Tensor) or o.ndim == 0 else o.mean()
        elif kind == 6:
            t.addcmul_(o * lib.ones((), dtype=lib.float64), self.leaves[2], value=0.5)
        elif kind == 7:
            t.sin_()
        elif kind == 8:
            t.tanh_()
        elif kind == 9:
            t.square_()
        elif kind == 10:
            t.zero_()
        elif kind == 11:
            t.masked_fill_(t.detach() > 0.6, 0.3)
        elif kind == 12:
            t.mul_(2.0)
        elif kind == 13 and t.ndim:
            t.index_add_(0, lib.tensor([0]), (t[:1] * 0 + 0.5).clone())
        elif kind == 14 and not self.smooth and not self.kept:
            with lib.no_grad():
                t.mul_(1.5)
        elif kind == 15:
            self.reshape(t)

    def reshape(self, t):
        if any(t is kept for kept in self.kept):
            return  # the gradient that torch retains has the shape of before
        kind = self.rng.randrange(4)
        if kind == 0:
            t.unsqueeze_(0)
        elif kind == 1:
            t.squeeze_()
        elif kind == 2 and t.ndim == 2:
            t.t_()
        elif kind == 3 and t.ndim:
            t.transpose_(0, -1)

    def use(self):
        t, _, loose = self.pick()
        kind = self.rng.randrange(4)
        if loose != LOOSE:
            self.put([t.sin, lambda: t * 0.5 + 0.1, t.clone, lambda: t.sum() * t][kind]())

    def ask(self):
        """Hooks and retained gradients of results that are no views, where all agree."""
        t, _, kind = self.pick()
        if self.smooth or kind != MADE or not t.requires_grad or t.is_leaf:
            return
        if any(t is u for u in self.asked):
            return  # torch hangs a second hook to what the first one hangs to
        self.asked.append(t)
        if self.rng.random() < 0.5:
            number = len(self.seen)
            self.seen.append(None)

            def hook(g, number=number):
                self.seen[number] = np.array(g.detach().numpy())

            t.register_hook(hook)
        else:
            t.retain_grad()
            self.kept.append(t)

    # ---- all of it

    def run(self):
        """The loss of what is left."""
        steps = [self.make, self.view, self.view, self.change, self.change, self.use, self.ask]
        self.make()
        choices = random.Random(self.seed)
        for _ in range(choices.randrange(4, 22)):
            step = choices.choice(steps)
            self.rng = random.Random(choices.random())
            size = len(self.pool)
            try:
                step()
            except RuntimeError as error:
                del self.pool[size:]
                self.log.append(step.__name__)
                self.own_way |= any(text in str(error) for text in OWN_WAY)
        loss = self.leaves[0].sum()
        for k, (t, _, kind) in enumerate(self.pool):
            if kind == LOOSE or self.refused(t):
                continue
            loss = loss + (t * self.weights[k]).sum() + (t * t).sum() * 0.1
        return loss

    def refused(self, t):
        """Whether the history of what it views can't be told any more."""
        try:
            t * 1
        except RuntimeError:
            self.log.append("use")
            return True
        return False

    def outcome(self, second=True):
        """All there is to compare: arrays, and what was refused; beside them `kept`."""
        loss = self.run()
        out = [array(t) for t, *_ in self.pool] + [array(loss)]
        needs = [
            None if kind == LOOSE or self.refused(t) else t.requires_grad
            for t, _, kind in self.pool
        ]
        backward = None
        try:
            first = self.lib.autograd.grad(
                loss, self.leaves, create_graph=second, allow_unused=True, retain_graph=True
            )
            out += [array(g) for g in first]
            loss.backward(retain_graph=True)
            out += [array(x.grad) for x in self.leaves]
            self.kept = [array(t.grad) for t in self.kept]
            out += self.seen
            if second:
                total = sum((g * g).sum() for g in first if g is not None)
                if total.requires_grad:
                    again = self.lib.autograd.grad(total, self.leaves, allow_unused=True)
                    out += [array(g) for g in again]
        except RuntimeError as error:
            backward = error
        return out, needs, self.log, backward


def array(t):
    return None if t is None else np.array(t.detach().numpy())


def loss_at(seed, library, values):
    return float(Program(seed, library, values, smooth=True).run().detach())
