"""The transformer: stacks of attention and small networks (Vaswani et al., arXiv:1706.03762)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeAlias, cast

from ... import _native
from ..._native import Tensor
from ..._typing import Device, Dtype
from ...autograd.grad_mode import is_grad_enabled
from .. import functional as F
from .. import init
from .activation import GELU, MultiheadAttention, ReLU
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

#: "relu", "gelu", or a function of a tensor.
Activation: TypeAlias = "str | Callable[[Tensor], Tensor]"


class Transformer(Module):
    """An encoder and a decoder that attends to what the encoder gives.

    Sizes are those of TransformerEncoderLayer, of which there are `num_encoder_layers`, and of
    TransformerDecoderLayer; each stack ends in a LayerNorm. All weights of two and more dimensions
    are drawn from Glorot's uniform distribution. `custom_encoder` and `custom_decoder` take the
    places of the stacks.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__()

        def layer(cls: Callable[..., Module]) -> Module:
            return cls(
                d_model,
                nhead,
                dim_feedforward,
                dropout,
                activation,
                layer_norm_eps,
                batch_first,
                norm_first,
                bias,
                device,
                dtype,
            )

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, True, bias, device, dtype)

        def encoder() -> Module:
            layers = layer(TransformerEncoderLayer)
            return TransformerEncoder(layers, num_encoder_layers, norm())

        def decoder() -> Module:
            layers = layer(TransformerDecoderLayer)
            return TransformerDecoder(layers, num_decoder_layers, norm())

        self.encoder = encoder() if custom_encoder is None else custom_encoder
        self.decoder = decoder() if custom_decoder is None else custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """(S, N, E), (T, N, E) -> (T, N, E); with `batch_first` N comes first, or there is none.

        Masks are true where a position is left out, or numbers that are added to scores: (S, S),
        (T, T), (T, S), each also with N nhead before, and (N, S), (N, T), (N, S) of padding. A hint
        `is_causal` says that the mask leaves out all later positions. RuntimeError unless both have
        N samples of d_model features.
        """
        if src.dim() == 3 and src.size(1 - self.batch_first) != tgt.size(1 - self.batch_first):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src,
            mask=src_mask,
            src_key_padding_mask=src_key_padding_mask,
            is_causal=src_is_causal,
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: Device = None, dtype: Dtype = None
    ) -> Tensor:
        """(sz, sz): -inf above the diagonal, where a position would see later ones, else 0."""
        return _native.full((sz, sz), float("-inf"), dtype=dtype, device=device).triu(1)

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)


class TransformerEncoder(Module):
    """`num_layers` copies of `encoder_layer` one after the other, and `norm` if there is one.

    The copies begin with the values of `encoder_layer`. As in PyTorch, padded positions of the
    result are 0 before `norm` in evaluation without gradients where its layers would take the path
    of nested tensors: with `enable_nested_tensor`, layers of PyTorch's kind with `batch_first` and
    an even number of heads, no mask but one of padding, and that at the ends only.
    """

    __constants__ = ["norm"]

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _get_clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.use_nested_tensor = enable_nested_tensor and _may_be_nested(encoder_layer)
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """(S, N, E) -> (S, N, E), with `batch_first` (N, S, E), or without N.

        `mask` is (S, S) or (N nhead, S, S), `src_key_padding_mask` (N, S): true where a position is
        left out, or numbers that are added to scores. `is_causal` says that `mask` leaves out all
        later positions.
        """
        padding = _added(src_key_padding_mask, "src_key_padding_mask", src)
        mask = _added(mask, "mask", src)
        output = src
        for layer in self.layers:
            output = layer(
                output,
                src_mask=mask,
                is_causal=bool(is_causal),
                src_key_padding_mask=padding,
            )
        if padding is not None and mask is None and self._clears_padding(src):
            output = _cleared(output, padding, self.mask_check)
        return output if self.norm is None else self.norm(output)

    def _clears_padding(self, src: Tensor) -> bool:
        if not self.use_nested_tensor or self.layers[0].training or src.dim() != 3:
            return False
        return not is_grad_enabled() or not (
            src.requires_grad or any(p.requires_grad for p in self.layers[0].parameters())
        )


class TransformerDecoder(Module):
    """`num_layers` copies of `decoder_layer` one after the other, and `norm` if there is one.

    The copies begin with the values of `decoder_layer`.
    """

    __constants__ = ["norm"]

    def __init__(
        self,
        decoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
    ) -> None:
        super().__init__()
        self.layers = _get_clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """(T, N, E), (S, N, E) -> (T, N, E), with `batch_first` N first, or without N.

        Masks are (T, T), (T, S), each also with N nhead before, and (N, T), (N, S) of padding; the
        hints say that a mask leaves out all later positions.
        """
        output = tgt
        for layer in self.layers:
            output = layer(
                output,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=bool(tgt_is_causal),
                memory_is_causal=memory_is_causal,
            )
        return output if self.norm is None else self.norm(output)


class TransformerEncoderLayer(Module):
    """Attention of a sequence to itself, then two linear layers at every position.

    x = norm1(x + attention(x)), x = norm2(x + linear2(activation(linear1(x)))); with `norm_first`
    x = x + attention(norm1(x)), x = x + linear2(activation(linear1(norm2(x)))) (Xiong et al.,
    arXiv:2002.04745). Dropout of the attention's weights, behind the activation and of both
    summands. `dim_feedforward` are the features between the linear layers; without `bias` no linear
    layer and no norm has one.
    """

    __constants__ = ["norm_first"]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__()
        self.self_attn = MultiheadAttention(
            d_model,
            nhead,
            dropout=dropout,
            bias=bias,
            batch_first=batch_first,
            device=device,
            dtype=dtype,
        )
        self.linear1 = Linear(d_model, dim_feedforward, bias, device, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, device, dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, True, bias, device, dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, True, bias, device, dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = _get_activation_fn(activation)
        relu = self.activation is F.relu or isinstance(self.activation, ReLU)
        gelu = self.activation is F.gelu or isinstance(self.activation, GELU)
        self.activation_relu_or_gelu = 1 if relu else 2 if gelu else 0

    def __setstate__(self, state: dict[str, object]) -> None:
        super().__setstate__(state)
        if not hasattr(self, "activation"):
            self.activation = F.relu

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """(S, N, E) -> (S, N, E), with `batch_first` (N, S, E), or without N.

        `src_mask` is (S, S) or (N nhead, S, S), `src_key_padding_mask` (N, S); `is_causal` says
        that `src_mask`, which must be there, leaves out all later positions.
        """
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), src_mask, src_key_padding_mask, is_causal)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, src_mask, src_key_padding_mask, is_causal))
        return self.norm2(x + self._ff_block(x))

    def _sa_block(
        self,
        x: Tensor,
        attn_mask: Tensor | None,
        key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Tensor:
        y = self.self_attn(x, x, x, key_padding_mask, False, attn_mask, is_causal=is_causal)
        return self.dropout1(y[0])

    def _ff_block(self, x: Tensor) -> Tensor:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerDecoderLayer(Module):
    """Attention of a sequence to itself, to `memory`, then two linear layers at every position.

    As TransformerEncoderLayer, with norm3 and dropout3 for what is third.
    """

    __constants__ = ["norm_first"]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__()
        for name in ("self_attn", "multihead_attn"):
            attention = MultiheadAttention(
                d_model,
                nhead,
                dropout=dropout,
                bias=bias,
                batch_first=batch_first,
                device=device,
                dtype=dtype,
            )
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, device, dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, device, dtype)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, True, bias, device, dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, True, bias, device, dtype)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, True, bias, device, dtype)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self.activation = _get_activation_fn(activation)

    def __setstate__(self, state: dict[str, object]) -> None:
        super().__setstate__(state)
        if not hasattr(self, "activation"):
            self.activation = F.relu

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """(T, N, E), (S, N, E) -> (T, N, E), with `batch_first` N first, or without N.

        Masks are (T, T), (T, S), each also with N nhead before, and (N, T), (N, S) of padding; the
        hints say that a mask, which must be there, leaves out all later positions.
        """
        x = tgt
        own = tgt_mask, tgt_key_padding_mask, tgt_is_causal
        other = memory, memory_mask, memory_key_padding_mask, memory_is_causal
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), *own)
            x = x + self._mha_block(self.norm2(x), *other)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(x + self._sa_block(x, *own))
        x = self.norm2(x + self._mha_block(x, *other))
        return self.norm3(x + self._ff_block(x))

    def _sa_block(
        self,
        x: Tensor,
        attn_mask: Tensor | None,
        key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Tensor:
        y = self.self_attn(x, x, x, key_padding_mask, False, attn_mask, is_causal=is_causal)
        return self.dropout1(y[0])

    def _mha_block(
        self,
        x: Tensor,
        mem: Tensor,
        attn_mask: Tensor | None,
        key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Tensor:
        y = self.multihead_attn(
            x, mem, mem, key_padding_mask, False, attn_mask, is_causal=is_causal
        )
        return self.dropout2(y[0])

    def _ff_block(self, x: Tensor) -> Tensor:
        return self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))


def _get_clones(layer: Module, n: int) -> ModuleList:
    if not isinstance(layer, Module):
        raise TypeError(f"a layer must be a Module, got {type(layer).__name__}")
    return ModuleList([copy.deepcopy(layer) for _ in range(n)])


def _get_activation_fn(activation: Activation) -> Callable[[Tensor], Tensor]:
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return cast("Callable[[Tensor], Tensor]", getattr(F, activation))


def _added(mask: Tensor | None, name: str, x: Tensor) -> Tensor | None:
    """A mask of bools as what is added to scores, once for all layers."""
    if mask is None or mask.is_floating_point():
        return mask
    if mask.dtype != _native.bool:
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return _native.zeros(mask.shape, dtype=x.dtype).masked_fill_(mask, float("-inf"))


def _may_be_nested(layer: Module) -> bool:
    """Whether PyTorch's encoder would let such layers work on nested tensors."""
    if not isinstance(layer, TransformerEncoderLayer) or layer.norm_first:
        return False
    attention = layer.self_attn
    return bool(
        attention.batch_first
        and attention._qkv_same_embed_dim
        and attention.in_proj_bias is not None
        and layer.activation_relu_or_gelu
        and layer.norm1.eps == layer.norm2.eps
        and attention.num_heads % 2 == 0
    )


def _cleared(x: Tensor, padding: Tensor, check: bool) -> Tensor:
    """x (N, S, E), 0 where padding (N, S) is not; with `check` unless some of it is in between."""
    padded = padding != 0
    if check:
        between = (padded[:, :-1] & padded[:, 1:].logical_not()).any()
        padded = padded & between.logical_not()
    return x.masked_fill(padded.unsqueeze(-1), 0.0)
