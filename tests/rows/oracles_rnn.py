"""What the rows of recurrent layers compute, from their formulas, a step at a time."""

import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


UNIT = 16  # what is saved of a row is padded to so many numbers


class Layer:
    """The arguments of rnn_layer, and its steps in the order in which they are made."""

    def __init__(self, x, sizes, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, mode, batch_first, reverse):
        self.x, self.w_ih, self.w_hh, self.w_hr, self.mode = x, w_ih, w_hh, w_hr, mode
        self.single = x.ndim == 2 and sizes is None
        self.blocks = {"lstm": 4, "gru": 3}.get(mode, 1)
        self.hidden, self.out = w_hh.shape[0] // self.blocks, w_hh.shape[1]
        self.b_ih = np.zeros(w_hh.shape[0]) if b_ih is None else b_ih
        self.b_hh = np.zeros(w_hh.shape[0]) if b_hh is None else b_hh
        places = np.arange(math.prod(x.shape[:-1]))
        if sizes is not None:
            steps = np.split(places, np.cumsum(sizes)[:-1])
        elif self.single:
            steps = [places]
        else:
            steps = list(
                places.reshape(x.shape[:-1]).T if batch_first else places.reshape(x.shape[:-1])
            )
        self.steps = steps[::-1] if reverse else steps
        batch = max(len(rows) for rows in steps)
        self.h0 = np.zeros((batch, self.out)) if h0 is None else h0.reshape(batch, -1)
        self.c0 = np.zeros((batch, self.hidden)) if c0 is None else c0.reshape(batch, -1)
        self.run()

    def parts(self, a):
        return np.split(a, self.blocks, axis=1)

    def run(self):
        flat = self.x.reshape(-1, self.x.shape[-1])
        h, c = self.h0.copy(), self.c0.copy()
        self.y = np.zeros((len(flat), self.out))
        self.width = -(-self.hidden // UNIT) * UNIT
        slices = 4 if self.blocks > 1 else 1
        self.gates = np.zeros((len(flat), slices, self.width))
        self.cells = np.zeros((len(flat), self.width))
        for rows in self.steps:
            n = len(rows)
            a = flat[rows] @ self.w_ih.T + self.b_ih
            b = h[:n] @ self.w_hh.T + self.b_hh
            gates, m = self.step(a, b, h[:n], c)
            h[:n] = m if self.w_hr is None else m @ self.w_hr.T
            self.y[rows] = h[:n]
            for k, gate in enumerate(gates):
                self.gates[rows, k, : self.hidden] = gate
            self.cells[rows, : self.hidden] = c[:n]
        # Of nothing, sigmoids are one half.
        halves = {"lstm": (0, 1, 3), "gru": (1, 2)}.get(self.mode, ())
        for k in halves:
            self.gates[:, k, self.hidden :] = 0.5
        self.h, self.c = h, c

    def step(self, a, b, h, c):
        if self.mode == "lstm":
            i, f, g, o = self.parts(a + b)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c[: len(a)] = f * c[: len(a)] + i * g
            return (i, f, g, o), o * np.tanh(c[: len(a)])
        if self.mode == "gru":
            r, z = (sigmoid(v) for v in self.parts(a + b)[:2])
            n = np.tanh(self.parts(a)[2] + r * self.parts(b)[2])
            return (self.parts(b)[2], r, z, n), n + z * (h - n)
        y = np.tanh(a + b) if self.mode == "tanh" else np.maximum(a + b, 0)
        return (y,), y

    def results(self):
        none, batch, lstm = np.zeros(0), len(self.h), self.mode == "lstm"
        h = none if self.single else self.h[None]
        c = self.c if self.single else self.c[None]
        rows = len(self.gates)
        return [
            self.y.reshape(*self.x.shape[:-1], self.out),
            h.reshape((0,) if self.single else (1, batch, self.out)),
            c if lstm else none,
            self.gates.reshape(rows, -1),
            self.cells if lstm else none,
        ]

    def backward(self, gy, gh, gc):
        """Of x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr."""
        flat, n_in = self.x.reshape(-1, self.x.shape[-1]), self.x.shape[-1]
        dh = np.zeros_like(self.h0) if gh is None else gh.reshape(self.h0.shape).copy()
        dc = np.zeros_like(self.c0) if gc is None else gc.reshape(self.c0.shape).copy()
        dx, w_hr = np.zeros_like(flat), np.zeros((self.out, self.hidden))
        w_ih, w_hh, b_ih, b_hh = (
            np.zeros_like(v) for v in (self.w_ih, self.w_hh, self.b_ih, self.b_hh)
        )
        for i in reversed(range(len(self.steps))):
            rows = self.steps[i]
            n = len(rows)
            before = self.steps[i - 1] if i else rows[:0]
            h, c = self.h0[:n].copy(), self.c0[:n].copy()
            k = min(n, len(before))
            h[:k], c[:k] = self.y[before[:k]], self.cells[before[:k], : self.hidden]
            d = dh[:n] + (0 if gy is None else gy.reshape(-1, self.out)[rows])
            if self.w_hr is not None:
                o, cell = self.gates[rows, 3, : self.hidden], self.cells[rows, : self.hidden]
                w_hr += d.T @ (o * np.tanh(cell))
                d = d @ self.w_hr
            da, db, past = self.step_backward(rows, h, c, d, dc)
            dx[rows] = da @ self.w_ih
            dh[:n] = past + db @ self.w_hh
            w_ih += da.T @ flat[rows]
            w_hh += db.T @ h
            b_ih += da.sum(0)
            b_hh += db.sum(0)
        return [dx.reshape(*self.x.shape[:-1], n_in), dh, dc, w_ih, w_hh, b_ih, b_hh, w_hr]

    def step_backward(self, rows, h, c, d, dc):
        s = [self.gates[rows, k, : self.hidden] for k in range(self.gates.shape[1])]
        n = len(rows)
        if self.mode == "lstm":
            i, f, g, o = s
            t = np.tanh(self.cells[rows, : self.hidden])
            e = dc[:n] + d * o * (1 - t * t)
            dc[:n] = e * f
            parts = (e * g * i * (1 - i), e * c * f * (1 - f), e * i * (1 - g * g))
            da = np.concatenate([*parts, d * t * o * (1 - o)], 1)
            return da, da, 0
        if self.mode == "gru":
            b, r, z, new = s
            dn = d * (1 - z) * (1 - new * new)
            both = [dn * b * r * (1 - r), d * (h - new) * z * (1 - z)]
            return np.concatenate([*both, dn], 1), np.concatenate([*both, dn * r], 1), d * z
        da = d * (1 - s[0] * s[0]) if self.mode == "tanh" else d * (s[0] > 0)
        return da, da, 0


def rnn_layer(*args):
    return Layer(*args).results()


def rnn_layer_backward(*args):
    inputs, (gy, gh, gc), (mode, batch_first, reverse, wanted) = args[:9], args[12:15], args[15:]
    found = Layer(*inputs, mode, batch_first, reverse).backward(gy, gh, gc)
    given = [inputs[k] for k in (0, 2, 3, 4, 5, 6, 7, 8)]
    return [
        d.reshape(x.shape) if wanted >> k & 1 and x is not None else np.zeros(0)
        for k, (d, x) in enumerate(zip(found, given, strict=True))
    ]


def lstm(
    x,
    h0,
    c0,
    params,
    has_biases,
    layers,
    dropout,
    train,
    bidirectional,
    batch_first=False,
    sizes=None,
):
    directions = 2 if bidirectional else 1
    each, hs, cs = len(params) // (layers * directions), [], []
    for layer in range(layers):
        ys = []
        for direction in range(directions):
            k = layer * directions + direction
            p = list(params[k * each : (k + 1) * each])
            w_hr = p.pop() if each % 2 else None
            biases = p[2:] if has_biases else (None, None)
            made = Layer(
                x,
                sizes,
                h0[k],
                c0[k],
                p[0],
                p[1],
                *biases,
                w_hr,
                "lstm",
                batch_first,
                direction == 1,
            )
            ys.append(made.results()[0])
            hs.append(made.h)
            cs.append(made.c)
        x = np.concatenate(ys, -1)
    return [x, np.stack(hs), np.stack(cs)]


def lstm_packed(x, sizes, h0, c0, *args):
    return lstm(x, h0, c0, *args, sizes=sizes)


def lstm_cell(x, h, c, w_ih, w_hh, b_ih=None, b_hh=None):
    made = Layer(x, None, h, c, w_ih, w_hh, b_ih, b_hh, None, "lstm", False, False)
    return [made.h, made.c]


# ---- sequences of mixed lengths


def batch_sizes_of(lengths):
    return np.array([sum(n > t for n in lengths) for t in range(max(lengths))])


def pack_rows(x, sizes, rows, batch_first):
    x = x.swapaxes(0, 1) if batch_first else x
    return np.concatenate([x[t, :n] for t, n in enumerate(sizes)])


def pad_rows(x, sizes, batch, steps, batch_first, value):
    padded = np.full((steps, batch, *x.shape[1:]), np.asarray(value, x.dtype))
    for t, rows in enumerate(np.split(x, np.cumsum(sizes)[:-1])):
        padded[t, : len(rows)] = rows
    return padded.swapaxes(0, 1) if batch_first else padded


def pack_padded(x, lengths, batch_first):
    sizes = batch_sizes_of(list(lengths))
    return [pack_rows(x, sizes, sizes.sum(), batch_first), sizes]


def pad_packed(x, sizes, batch_first, value, total, batch=None):
    lengths = np.array([(sizes > b).sum() for b in range(sizes[0])])
    return [pad_rows(x, sizes, sizes[0], max(total, len(sizes)), batch_first, value), lengths]


def pad_sequence(xs, batch_first=False, padding_value=0.0, side="right"):
    longest = max(len(x) for x in xs)
    padded = np.full((longest, len(xs), *xs[0].shape[1:]), np.asarray(padding_value, xs[0].dtype))
    for b, x in enumerate(xs):
        padded[longest - len(x) if side == "left" else 0 :, b][: len(x)] = x
    return padded.swapaxes(0, 1) if batch_first else padded


OPTIONS = "Tensors, bool, int, float, bool, bool"
RECURRENT = {
    "rnn_layer": rnn_layer,
    "rnn_layer_backward": rnn_layer_backward,
    f"lstm_layers(Tensor, Tensor, Tensor, {OPTIONS}, bool)": lstm,
    f"lstm_layers(Tensor, Tensor, Tensor, Tensor, {OPTIONS})": lstm_packed,
    "lstm_step": lstm_cell,
    "batch_sizes_of": batch_sizes_of,
    "pack_rows": pack_rows,
    "pad_rows": pad_rows,
    "pack_padded(Tensor, Tensor, bool)": pack_padded,
    "pack_padded(Tensor, ints, bool)": pack_padded,
    "pad_packed": pad_packed,
    "pad_sequences": pad_sequence,
}
