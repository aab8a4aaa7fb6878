"""The recurrent layers of ONNX."""

from __future__ import annotations

from .. import _native
from .._native import Tensor
from .._recurrent import lstm
from ._call import Call, Results, operator

# Where our gates are among those of ONNX: i, f, g, o of i, o, f, c; r, z, n of z, r, h.
_ORDER = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}
_ACTIVATIONS = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}


def _by_gates(rows: Tensor, order: list[int]) -> Tensor:
    """(D, gates H, ...) with the rows of the gates in another order."""
    parts = rows.unflatten(1, (len(order), -1))
    if order == list(range(len(order))):
        return rows
    return parts.index_select(1, _native.tensor(order)).flatten(1, 2)


def _checked(call: Call, x: Tensor, lengths: Tensor | None, peephole: Tensor | None) -> str:
    """The activation of an RNN; refuses what our layers do not compute."""
    kind = call.node.op
    if lengths is not None and any(n != x.shape[0] for n in call.sizes(4, lengths) or []):
        raise call.refuse("sequences of several lengths")
    if peephole is not None or call.has("clip") or call.number("input_forget"):
        raise call.refuse("peepholes, clip and input_forget")
    if call.number("layout"):
        raise call.refuse("layout 1")
    if call.text("direction", "forward") not in ("forward", "reverse", "bidirectional"):
        raise call.refuse(f"direction {call.text('direction')!r}")
    given = [name.lower() for name in call.texts("activations")]
    usual = _ACTIVATIONS[kind]
    directions = len(given) // len(usual)
    if given and given == ["relu"] * len(given) and kind == "RNN":
        return "relu"
    if given and given != usual * directions:
        raise call.refuse(f"activations {given}")
    return "tanh"


def _states(first: Tensor | None, x: Tensor, weights: Tensor) -> Tensor:
    sizes = (weights.shape[0], x.shape[1], weights.shape[2])
    return x.new_zeros(sizes) if first is None else first


def _layer(
    call: Call, x: Tensor, states: list[Tensor], params: list[Tensor], activation: str
) -> tuple[Tensor, list[Tensor]]:
    """(y, last states) of one layer of one direction or two."""
    both = call.text("direction", "forward") == "bidirectional"
    biases = len(params) == 4 * (1 + both)
    rest = (params, biases, 1, 0.0, False, both, False)
    if call.node.op == "LSTM":
        y, *last = lstm(x, states, *rest)
        return y, last
    kinds = {"GRU": _native.gru, "tanh": _native.rnn_tanh, "relu": _native.rnn_relu}
    function = kinds["GRU" if call.node.op == "GRU" else activation]
    y, h = function(x, states[0], *rest)
    return y, [h]


@operator("LSTM", "GRU", "RNN", settings=(4,))
def _recurrent(
    call: Call,
    x: Tensor,
    w: Tensor,
    r: Tensor,
    b: Tensor | None = None,
    lengths: Tensor | None = None,
    h0: Tensor | None = None,
    c0: Tensor | None = None,
    peephole: Tensor | None = None,
) -> Results:
    """(T, B, in) -> y of (T, D, B, H), and the last states of (D, B, H)"""
    order = _ORDER[call.node.op]
    activation = _checked(call, x, lengths, peephole)
    directions = w.shape[0]
    states = [_states(h, x, r) for h in ([h0, c0] if call.node.op == "LSTM" else [h0])]
    back = call.text("direction", "forward") == "reverse"
    x = x.flip(0) if back else x
    if call.node.op == "GRU" and not call.number("linear_before_reset"):
        y, last = _gru_reset_first(x, w, r, b, states[0])
    else:
        parts = [_by_gates(w, order), _by_gates(r, order)]
        if b is not None:
            parts += [_by_gates(half, order) for half in b.chunk(2, 1)]
        params = [part[d] for d in range(directions) for part in parts]
        y, last = _layer(call, x, states, params, activation)
        y = y.unflatten(2, (directions, -1)).transpose(1, 2)
    return (y.flip(0) if back else y, *last)


def _gru_reset_first(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None, h0: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """n = tanh(W x + R (r * h) + b), where ours resets R h."""
    outputs, last = [], []
    for d in range(w.shape[0]):
        bias = b[d] if b is not None else w.new_zeros(2 * w.shape[1])
        here = (x.flip(0) if d else x) @ w[d].t() + bias.chunk(2)[0]
        rz, rr, rn = r[d].chunk(3)
        bz, br, bn = bias.chunk(2)[1].chunk(3)
        h, found = h0[d], []
        for step in here.unbind(0):
            xz, xr, xn = step.chunk(3, -1)
            z = (xz + h @ rz.t() + bz).sigmoid()
            reset = (xr + h @ rr.t() + br).sigmoid()
            n = (xn + (reset * h) @ rn.t() + bn).tanh()
            h = (1 - z) * n + z * h
            found.append(h)
        y = _native.stack(found)
        outputs.append(y.flip(0) if d else y)
        last.append(h)
    return _native.stack(outputs, 1), [_native.stack(last)]
