"""Activation functions as modules; the formulas are those of `nn.functional`."""

from __future__ import annotations

from typing import Literal, cast

from ... import _native
from ..._native import Tensor
from ..._typing import Device, Dtype
from .. import functional as F
from .. import init as _init
from ..parameter import Parameter
from .linear import NonDynamicallyQuantizableLinear
from .module import Module

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "MultiheadAttention",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class _InplaceActivation(Module):
    """An activation whose only option is to work in place."""

    __constants__ = ["inplace"]

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class ReLU(_InplaceActivation):
    """max(x, 0)"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.relu(input, self.inplace)


class SiLU(_InplaceActivation):
    """x * sigmoid(x)"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.silu(input, self.inplace)


class Mish(_InplaceActivation):
    """x * tanh(softplus(x))"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.mish(input, self.inplace)


class SELU(_InplaceActivation):
    """scale * (max(0, x) + min(0, alpha * (exp(x) - 1))) (Klambauer et al. 2017)"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.selu(input, self.inplace)


class Hardsigmoid(_InplaceActivation):
    """clamp(x / 6 + 1 / 2, 0, 1)"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class Hardswish(_InplaceActivation):
    """x * clamp(x / 6 + 1 / 2, 0, 1)"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class Sigmoid(Module):
    """1 / (1 + exp(-x))"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return input.sigmoid()


class Tanh(Module):
    """tanh(x)"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return input.tanh()


class LogSigmoid(Module):
    """log(1 / (1 + exp(-x)))"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.logsigmoid(input)


class Softsign(Module):
    """x / (1 + |x|)"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.softsign(input)


class Tanhshrink(Module):
    """x - tanh(x)"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.tanhshrink(input)


def _option(text: str, inplace: bool) -> str:
    return text + (", inplace=True" if inplace else "")


class Threshold(Module):
    """x where x > threshold, else value"""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.threshold(input, self.threshold, self.value, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _option(f"threshold={self.threshold}, value={self.value}", self.inplace)


class Hardtanh(Module):
    """clamp(x, min_val, max_val)"""

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        if min_value is not None:
            _native._warn(
                "keyword argument `min_value` is deprecated and renamed to `min_val`", FutureWarning
            )
            min_val = min_value
        if max_value is not None:
            _native._warn(
                "keyword argument `max_value` is deprecated and renamed to `max_val`", FutureWarning
            )
            max_val = max_value
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(
                f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})"
            )

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.hardtanh(input, self.min_val, self.max_val, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _option(f"min_val={self.min_val}, max_val={self.max_val}", self.inplace)


class ReLU6(Hardtanh):
    """min(max(x, 0), 6)"""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x"""

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.leaky_relu(input, self.negative_slope, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _option(f"negative_slope={self.negative_slope}", self.inplace)


class ELU(Module):
    """x where x > 0, else alpha * (exp(x) - 1)"""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.elu(input, self.alpha, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _option(f"alpha={self.alpha}", self.inplace)


class CELU(Module):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))"""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.celu(input, self.alpha, inplace=self.inplace)

    def extra_repr(self) -> str:
        return _option(f"alpha={self.alpha}", self.inplace)


class GELU(Module):
    """x * Phi(x), Phi the normal distribution; or its tanh approximation (`approximate="tanh"`)"""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = cast('Literal["none", "tanh"]', approximate)  # checked by the function

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """a * sigmoid(b), a and b the halves of x along dim"""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """(*, 2n, *) -> (*, n, *)"""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class MultiheadAttention(Module):
    """softmax(q k^T / sqrt(d) + mask) v in each of several heads, between two projections.

    Every head sees d = embed_dim / num_heads features of q = query W_q^T + b_q, of k and of v; what
    the heads give, side by side, goes through `out_proj`. Vaswani et al., arXiv:1706.03762.

    `kdim` and `vdim` are the features of keys and values (default embed_dim); `dropout` is the
    probability with which a weight is zeroed in training; `add_bias_kv` appends a learned key and
    value to every sequence, `add_zero_attn` ones of zeros. The weights of the projections are drawn
    from Glorot's uniform distribution, all biases begin as 0. ValueError for sizes that are not
    positive, AssertionError unless num_heads divides embed_dim.
    """

    __constants__ = ["batch_first"]
    in_proj_weight: Parameter  # None with other features of keys or values, as PyTorch has it
    q_proj_weight: Parameter  # these three are there then
    k_proj_weight: Parameter
    v_proj_weight: Parameter
    in_proj_bias: Parameter
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        def parameter(*shape: int) -> Parameter:
            return Parameter(_native.empty(shape, device=device, dtype=dtype))

        same = self._qkv_same_embed_dim
        features = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
        for name, n in features.items():
            made = None if same else parameter(embed_dim, n)
            self.register_parameter(f"{name}_proj_weight", made)
        packed = parameter(3 * embed_dim, embed_dim) if same else None
        self.register_parameter("in_proj_weight", packed)
        self.register_parameter("in_proj_bias", parameter(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, device, dtype)
        if add_bias_kv:
            self.bias_k = parameter(1, 1, embed_dim)
            self.bias_v = parameter(1, 1, embed_dim)
        else:
            self.bias_k = self.bias_v = None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        if self._qkv_same_embed_dim:
            _init.xavier_uniform_(self.in_proj_weight)
        else:
            for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
                _init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            _init.zeros_(self.in_proj_bias)
            _init.zeros_(self.out_proj.bias)
        for more in (self.bias_k, self.bias_v):
            if more is not None:
                _init.xavier_normal_(more)

    def __setstate__(self, state: dict[str, object]) -> None:
        state.setdefault("_qkv_same_embed_dim", True)
        super().__setstate__(state)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(L, N, E), (S, N, kdim), (S, N, vdim) -> (L, N, E), and weights (N, L, S) or None.

        With `batch_first` N comes first; or there is no N. `key_padding_mask` (N, S) and
        `attn_mask` (L, S) or (N num_heads, L, S) are true where a key is left out, or numbers that
        are added to the scores. Without `average_attn_weights` weights are (N, num_heads, L, S);
        without `need_weights` they are None, which takes less time and memory. `is_causal` says
        that attn_mask, which must be there, leaves out all keys behind the query. AssertionError
        and RuntimeError for other shapes.
        """
        turned = self.batch_first and query.dim() == 3
        if turned:  # one tensor for several stays one, to be multiplied once
            given = query, key
            query = query.transpose(0, 1)
            key = query if key is given[0] else key.transpose(0, 1)
            value = key if value is given[1] else value.transpose(0, 1)
        y, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            not self._qkv_same_embed_dim,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return y.transpose(0, 1) if turned else y, weights

    def merge_masks(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, query: Tensor
    ) -> tuple[Tensor | None, int | None]:
        """None; 1 with a padding mask (n, l) alone; 2 with one mask (n, heads, l, l) of both."""
        if attn_mask is None:
            return key_padding_mask, None if key_padding_mask is None else 1
        batch, length, _ = query.shape
        if attn_mask.dim() == 3:
            merged = attn_mask.view(batch, -1, length, length)
        else:
            shape = (batch, self.num_heads, length, length)
            merged = attn_mask.view(1, 1, length, length).expand(shape)
        pad = key_padding_mask
        return merged if pad is None else merged + pad.view(batch, 1, 1, length), 2


class PReLU(Module):
    """x where x > 0, else a * x, with a learned: one for all or one per channel (dimension 1)"""

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(_native.empty((num_parameters,), device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Sets every a to `init`."""
        _init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """x where x > 0, else a * x, with a drawn from [lower, upper) while training, or their mean"""

    __constants__ = ["inplace", "lower", "upper"]

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        inplace = ", inplace=True" if self.inplace else ""
        return f"lower={self.lower}, upper={self.upper}{inplace}"


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta, and x where beta * x > threshold"""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class _Shrink(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """x where |x| > lambd, else 0"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x moved by lambd towards 0, and 0 where |x| <= lambd"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.softshrink(input, self.lambd)


class _AlongDim(Module):
    """A normalisation along one dimension; without `dim` it is chosen from the rank."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """exp(x_i) / sum_j exp(x_j) along dim"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.softmax(input, self.dim)


class Softmin(_AlongDim):
    """softmax(-x) along dim"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.softmin(input, self.dim)


class LogSoftmax(_AlongDim):
    """x_i - log sum_j exp(x_j) along dim"""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)"""
        return F.log_softmax(input, self.dim)


class Softmax2d(Module):
    """Softmax over the channels of each location of an image"""

    def forward(self, input: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, h, w), or without n"""
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead"
            )
        return F.softmax(input, -3)
