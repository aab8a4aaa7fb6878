"""Recurrent layers."""

from __future__ import annotations

import math
import numbers
from typing import cast

from ... import _native
from ..._native import Tensor
from ..._typing import Device, Dtype, StateDict
from .. import init
from .._sequences import PackedSequence, count, with_data
from ..parameter import Parameter
from .module import Module
from .rnn_cell import GRUCell, LSTMCell, RNNCell, RNNCellBase

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

#: How many blocks of rows, one for each gate, the weights of a mode have.
_BLOCKS = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def apply_permutation(tensor: Tensor, permutation: Tensor, dim: int = 1) -> Tensor:
    """`tensor.index_select(dim, permutation)`, which should be used instead."""
    _native._warn(
        "`apply_permutation` is deprecated, please use `tensor.index_select(dim, permutation)` "
        "instead",
        FutureWarning,
    )
    return tensor.index_select(dim, permutation)


class RNNBase(Module):
    """What RNN, LSTM and GRU share: layers in one or both directions, and their parameters.

    For layer k, of inputs of `input_size` or of those below: weight_ih_lk (blocks * hidden_size,
    inputs), weight_hh_lk (blocks * hidden_size, hidden_size), bias_ih_lk and bias_hh_lk (blocks *
    hidden_size); those of the other direction end in _reverse. All are drawn from U(-a, a), a =
    1/sqrt(hidden_size). `dropout` is the probability with which outputs of all but the last layer
    become zeros in training. ValueError or TypeError for wrong sizes.
    """

    __constants__ = [
        "mode",
        "input_size",
        "hidden_size",
        "num_layers",
        "bias",
        "batch_first",
        "dropout",
        "bidirectional",
        "proj_size",
    ]
    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        _check_dropout(dropout, num_layers)
        _check_sizes(self)
        self._all_weights: list[list[str]] = []
        rows, directions = _BLOCKS[mode] * hidden_size, 2 if bidirectional else 1
        out = proj_size or hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[:directions]:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (rows, out * directions if layer else input_size),
                    "weight_hh": (rows, out),
                }
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes |= {"weight_hr": (proj_size, hidden_size)}
                names = {f"{name}_l{layer}{suffix}": shape for name, shape in shapes.items()}
                for name, shape in names.items():
                    setattr(self, name, Parameter(_native.empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(list(names))
        self.reset_parameters()

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Tensor | None]:
        return [getattr(self, name, None) for names in self._all_weights for name in names]

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing: it is for GPUs."""

    def reset_parameters(self) -> None:
        """Draws all parameters from U(-a, a), a = 1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """ValueError for another dtype, RuntimeError for another shape."""
        weight: Tensor = getattr(self, self._all_weights[0][0])
        if input.dtype != weight.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: "
                f"model.to({input.dtype})"
            )
        dims = 3 if batch_sizes is None else 2
        if input.dim() != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got {input.size(-1)}"
            )

    def _state_shape(self, batch: int, size: int) -> tuple[int, int, int]:
        return self.num_layers * (2 if self.bidirectional else 1), batch, size

    def _batch(self, input: Tensor, batch_sizes: Tensor | None) -> int:
        if batch_sizes is not None:
            return int(batch_sizes[0])
        return input.size(0 if self.batch_first else 1)

    def get_expected_hidden_size(
        self, input: Tensor, batch_sizes: Tensor | None
    ) -> tuple[int, int, int]:
        """(layers * directions, batch, what is handed on)"""
        size = self.proj_size or self.hidden_size
        return self._state_shape(self._batch(input, batch_sizes), size)

    def check_hidden_size(
        self,
        hx: Tensor,
        expected_hidden_size: tuple[int, int, int],
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:
        """RuntimeError for a state of another shape."""
        if hx.size() != expected_hidden_size:
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.size())))

    def permute_hidden(self, hx: Tensor, permutation: Tensor | None) -> Tensor:
        """The sequences of a state in another order."""
        return hx if permutation is None else hx.index_select(1, permutation)

    def extra_repr(self) -> str:
        s = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (
            ("proj_size", 0),
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0),
            ("bidirectional", False),
        ):
            value = getattr(self, name)
            if value != usual:
                s += f", {name}={value}"
        return s

    def __setstate__(self, state: StateDict) -> None:
        names = {"_flat_weights", "_flat_weights_names", "_flat_weight_refs"}
        super().__setstate__({k: v for k, v in state.items() if k not in names})
        self.__dict__.setdefault("proj_size", 0)

    def _run(
        self, input: Tensor | PackedSequence, states: tuple[Tensor, ...] | None
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, ...]]:
        """What `forward` gives, of one state or, for LSTMs, of two."""
        if isinstance(input, PackedSequence):
            return self._run_packed(input, states)
        if input.dim() not in (2, 3):
            kind = "RNN" if self.mode.startswith("RNN") else self.mode
            got = f"{input.dim()}D tensor" if kind == "RNN" else f"{input.dim()}D"
            raise ValueError(f"{kind}: Expected input to be 2D or 3D, got {got} instead")
        single, batch_dim = input.dim() == 2, 0 if self.batch_first else 1
        if states is not None:
            self._check_dims(states, single)
        if single:
            input = input.unsqueeze(batch_dim)
            states = None if states is None else tuple(h.unsqueeze(1) for h in states)
        output, *last = self._call(input, None, self._states(input, None, states))
        if single:
            return output.squeeze(batch_dim), tuple(h.squeeze(1) for h in last)
        return output, tuple(last)

    def _run_packed(
        self, packed: PackedSequence, states: tuple[Tensor, ...] | None
    ) -> tuple[PackedSequence, tuple[Tensor, ...]]:
        if states is not None and packed.sorted_indices is not None:
            states = tuple(h.index_select(1, packed.sorted_indices) for h in states)
        states = self._states(packed.data, packed, states)
        output, *last = self._call(packed.data, packed, states)
        order = packed.unsorted_indices
        if order is not None:
            last = [h.index_select(1, order) for h in last]
        return with_data(packed, output), tuple(last)

    def _states(
        self, x: Tensor, packed: PackedSequence | None, states: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, ...]:
        """The initial states, checked; zeros where none are given."""
        self.check_input(x, None if packed is None else packed.batch_sizes)
        if packed is None:
            batch = x.size(0 if self.batch_first else 1)
        else:
            batch = count(packed) if states is None else states[0].size(1)
        sizes = [self.proj_size or self.hidden_size, self.hidden_size]
        sizes = sizes if self.mode == "LSTM" else sizes[:1]
        if states is None:
            return tuple(_native.zeros(self._state_shape(batch, n), dtype=x.dtype) for n in sizes)
        for k, (h, n) in enumerate(zip(states, sizes, strict=True)):
            name = f"hidden[{k}]" if self.mode == "LSTM" else "hidden"
            self.check_hidden_size(
                h, self._state_shape(batch, n), f"Expected {name} size {{}}, got {{}}"
            )
        return states

    def _check_dims(self, states: tuple[Tensor, ...], single: bool) -> None:
        dims = 2 if single else 3
        if any(h.dim() != dims for h in states):
            kind = "unbatched 2-D" if single else "batched 3-D"
            if len(states) == 2:
                raise RuntimeError(
                    f"For {kind} input, hx and cx should also be {dims}-D but got "
                    f"({states[0].dim()}-D, {states[1].dim()}-D) tensors"
                )
            raise RuntimeError(
                f"For {kind} input, hx should also be {dims}-D but got {states[0].dim()}-D tensor"
            )

    def _call(
        self, x: Tensor, packed: PackedSequence | None, states: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        names = {
            "LSTM": "lstm_layers",
            "GRU": "gru",
            "RNN_TANH": "rnn_tanh",
            "RNN_RELU": "rnn_relu",
        }
        options = (
            self._flat_weights,
            self.bias,
            self.num_layers,
            self.dropout,
            self.training,
            self.bidirectional,
        )
        function = getattr(_native.ops, names[self.mode])
        if packed is not None:
            result = function(x, packed.batch_sizes, *states, *options)
        else:
            result = function(x, *states, *options, self.batch_first)
        return cast("tuple[Tensor, ...]", result)


def _check_dropout(dropout: float, num_layers: int) -> None:
    if (
        not isinstance(dropout, numbers.Number)
        or not 0 <= dropout <= 1
        or isinstance(dropout, bool)
    ):
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            "being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        _native._warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and "
            f"num_layers={num_layers}",
        )


def _check_sizes(layer: RNNBase) -> None:
    for name, kind in (
        ("bias", bool),
        ("batch_first", bool),
        ("input_size", int),
        ("hidden_size", int),
    ):
        value = getattr(layer, name)
        if not isinstance(value, kind):
            raise TypeError(
                f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
            )
        if kind is int and value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if layer.num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if layer.proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if layer.proj_size >= layer.hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if layer.mode not in _BLOCKS:
        raise ValueError("Unrecognized RNN mode: " + layer.mode)


class RNN(RNNBase):
    """Layers of h' = f(W_ih x + b_ih + W_hh h + b_hh), f tanh or relu (J. Elman, 1990).

    RNN(input_size, hidden_size, num_layers=1, nonlinearity='tanh', bias=True, batch_first=False,
    dropout=0.0, bidirectional=False); see RNNBase.
    """

    nonlinearity: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device = None,
        dtype: Dtype = None,
        **kwargs: object,
    ) -> None:
        _refuse(kwargs)
        modes = {"tanh": "RNN_TANH", "relu": "RNN_RELU"}
        if nonlinearity not in modes:
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            modes[nonlinearity],
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
        )
        self.nonlinearity = nonlinearity

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """(steps, batch, input_size) -> (steps, batch, directions * hidden_size), last states.

        With batch_first (batch, steps, *); without a batch (steps, *); or a PackedSequence. States
        are (layers * directions, batch, hidden_size), at first zeros unless given.
        """
        output, last = self._run(input, None if hx is None else (hx,))
        return output, last[0]


class GRU(RNNBase):
    """Layers of gated recurrent units (K. Cho et al., arXiv:1406.1078).

        r, z = s(W_i x + b_i + W_h h + b_h),   n = tanh(W_in x + b_in + r (W_hn h + b_hn))
        h' = (1 - z) n + z h

    GRU(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
    bidirectional=False); see RNNBase. The blocks of rows of the weights are those of r, z, n.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Device = None,
        dtype: Dtype = None,
        **kwargs: object,
    ) -> None:
        _refuse(kwargs)
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
        )

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """(steps, batch, input_size) -> (steps, batch, directions * hidden_size), last states.

        With batch_first (batch, steps, *); without a batch (steps, *); or a PackedSequence. States
        are (layers * directions, batch, hidden_size), at first zeros unless given.
        """
        output, last = self._run(input, None if hx is None else (hx,))
        return output, last[0]


def _refuse(more: dict[str, object]) -> None:
    if "proj_size" in more:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    for name in more:
        raise TypeError(f"__init__() got an unexpected keyword argument '{name}'")


class LSTM(RNNBase):
    """Layers of long short-term memory (S. Hochreiter, J. Schmidhuber, 1997).

        i, f, o = s(W_i x + b_i + W_h h + b_h),   g = tanh(W_ig x + b_ig + W_hg h + b_hg)
        c' = f c + i g,   h' = o tanh(c'), with proj_size W_hr (o tanh(c'))

    LSTM(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, proj_size=0); see RNNBase. The blocks of rows of the weights are those of
    i, f, g, o; weight_hr_lk is (proj_size, hidden_size).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )

    def get_expected_cell_size(
        self, input: Tensor, batch_sizes: Tensor | None
    ) -> tuple[int, int, int]:
        """(layers * directions, batch, hidden_size)"""
        return self._state_shape(self._batch(input, batch_sizes), self.hidden_size)

    def forward(
        self, input: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """(steps, batch, input_size) -> (steps, batch, directions * out), (last h, last c).

        With batch_first (batch, steps, *); without a batch (steps, *); or a PackedSequence. out is
        proj_size or, without it, hidden_size; h is (layers * directions, batch, out), c likewise of
        hidden_size, at first zeros unless hx = (h, c) is given.
        """
        output, last = self._run(input, None if hx is None else (hx[0], hx[1]))
        return output, (last[0], last[1])
