"""The functions of LSTMs, whose states are pairs; those of other recurrent layers are native."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from . import _native
from ._native import Tensor

__all__ = ["lstm", "lstm_cell"]

_OPTIONS = ("params", "has_biases", "num_layers", "dropout", "train", "bidirectional")
_PADDED = ("input", "hx", *_OPTIONS, "batch_first")
_PACKED = ("data", "batch_sizes", "hx", *_OPTIONS)


def _arguments(
    name: str, words: tuple[str, ...], args: tuple[object, ...], given: dict[str, object]
) -> list[object]:
    if len(args) > len(words):
        raise TypeError(f"{name}() takes {len(words)} arguments, but {len(args)} were given")
    values = dict(zip(words, args, strict=False))
    for word, value in given.items():
        if word not in words:
            raise TypeError(f"{name}() got an unexpected keyword argument '{word}'")
        if word in values:
            raise TypeError(f"{name}() got multiple values for argument '{word}'")
        values[word] = value
    for word in words:
        if word not in values:
            raise TypeError(f"{name}() missing required argument '{word}'")
    return [values[word] for word in words]


def _pair(name: str, hx: object) -> tuple[Tensor, Tensor]:
    if not isinstance(hx, (tuple, list)):
        kind = type(hx).__name__
        raise TypeError(f"{name}(): argument 'hx' must be tuple of Tensors, not {kind}")
    if len(hx) != 2:
        raise RuntimeError(f"{name} expects two hidden states")
    return hx[0], hx[1]


def lstm(*args: object, **kwargs: object) -> tuple[Tensor, Tensor, Tensor]:
    """lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
    lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)

    Layers of LSTMs in one or both directions. Input (steps, batch, size), with `batch_first`
    (batch, steps, size), or packed rows (rows, size) of which `batch_sizes` (int64) belong to each
    step; hx = (h0, c0), each (layers * directions, batch, hidden). `params` are for each layer and
    direction w_ih, w_hh, if `has_biases` b_ih and b_hh, and w_hr if h is projected and smaller than
    c; `dropout` between layers if `train`. The outputs of the last layer, and the last h and c.

        i, f, g, o = s(a_i), s(a_f), tanh(a_g), s(a_o)   a = w_ih x + b_ih + w_hh h + b_hh
        c' = f c + i g,   h' = w_hr (o tanh(c'))

    Floating only. S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997.
    """
    packed = "batch_sizes" in kwargs or (len(args) > 1 and isinstance(args[1], Tensor))
    values = _arguments("lstm", _PACKED if packed else _PADDED, args, kwargs)
    at = 2 if packed else 1
    values[at : at + 1] = _pair("lstm", values[at])
    return cast("tuple[Tensor, Tensor, Tensor]", _native.ops.lstm_layers(*values))


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of lstm: input (batch, size), hx = (h, c), each (batch, hidden) -> the next h, c."""
    h, c = _pair("lstm_cell", hx)
    result = _native.ops.lstm_step(input, h, c, w_ih, w_hh, b_ih, b_hh)
    return cast("tuple[Tensor, Tensor]", result)
