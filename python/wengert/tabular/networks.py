"""The networks of the presets "simple", "strong" and "ensemble".

Note [ntk]
~~~~~~~~~~
RealMLP draws weights from N(0, 1) and divides by the root of the fan-in in the forward pass. Adam's
steps do not depend on the size of gradients, so that is a plain linear layer whose weights are
drawn with the deviation 1 / sqrt(fan-in) and learn at the rate lr / sqrt(fan-in): the same network
after every step, and products at their usual speed. `parameter_groups` sets these rates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import wengert as wg

from .. import nn
from .._native import Tensor
from ..nn import functional as F
from .features import Feature, Json

ACTIVATIONS = ("relu", "selu", "mish", "gelu", "silu", "tanh")
FEW_CATEGORIES = 8  # so many become inputs of their own; more are embedded, where that is asked for
_FREQUENCIES, _PERIODIC_WIDTH = 16, 4


@dataclass(frozen=True)
class Parts:
    """What a network for tables is made of.

    ntk: weights and rates of the NTK parametrisation. front_scale: a learned factor for each input.
    activation: one of `ACTIVATIONS`. learned_activation: each unit learns how much of it to use.
    periodic: the deviation of the frequencies of periodic embeddings of numbers; 0 for none.
    category_embedding: the width of what columns of many categories become; 0 for one input each.
    members: networks that share their weights, with factors of their own. zero_head: the last
    layer begins with zeros. clamp: predicted numbers stay within those that were trained on.
    """

    ntk: bool = False
    front_scale: bool = False
    activation: str = "relu"
    learned_activation: bool = False
    periodic: float = 0.0
    category_embedding: int = 0
    members: int = 1
    zero_head: bool = False
    clamp: bool = False

    def to_json(self) -> Json:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Parts:
        """ValueError, KeyError or TypeError for what `to_json` does not write."""
        plain = cls()
        found = cls(**{f.name: type(getattr(plain, f.name))(data[f.name]) for f in fields(cls)})
        if found.activation not in ACTIVATIONS:
            raise ValueError(f"activation {found.activation!r}")
        if not (1 <= found.members <= 1024 and 0 <= found.category_embedding <= 1024):
            raise ValueError("sizes out of range")
        return found


class LearnedActivation(nn.Module):
    """x + a * (f(x) - x) with an `a` for each of `width` units, which begins as 1."""

    def __init__(self, name: str, width: int) -> None:
        super().__init__()
        self.name = name
        self.share = nn.Parameter(wg.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.share * (_activate(self.name, x) - x)

    def extra_repr(self) -> str:
        return self.name


class Activation(nn.Module):
    """One of `ACTIVATIONS`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return _activate(self.name, x)

    def extra_repr(self) -> str:
        return self.name


def _activate(name: str, x: Tensor) -> Tensor:
    return x.tanh() if name == "tanh" else getattr(F, name)(x)


class PeriodicEmbedding(nn.Module):
    """Numbers (n, columns) as (n, columns * 4): each x as x and 3 sums of cos(2 pi (w x + b)).

    The "PBLD" embedding of RealMLP (Holzmueller et al., 2024): 16 frequencies a column, w drawn
    from N(0, sigma^2), b from U(-pi, pi) / 2 pi.
    """

    def __init__(self, columns: int, sigma: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(sigma * wg.randn(columns, _FREQUENCIES))
        self.phase = nn.Parameter(wg.rand(columns, _FREQUENCIES) - 0.5)
        width = _PERIODIC_WIDTH - 1
        self.mix = nn.Parameter(wg.randn(columns, _FREQUENCIES, width) / math.sqrt(_FREQUENCIES))
        self.bias = nn.Parameter(wg.zeros(columns, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        columns = x.shape[1]
        waves = (2 * math.pi * (x.unsqueeze(2) * self.weight + self.phase)).cos()
        sums = wg.matmul(waves.transpose(0, 1), self.mix) + self.bias  # (columns, n, 3)
        joined = wg.cat([x.unsqueeze(2), sums.transpose(0, 1)], 2)
        return joined.reshape(x.shape[0], columns * _PERIODIC_WIDTH)


class Front(nn.Module):
    """What happens to the inputs before the first layer; `width` is how many numbers it gives.

    `shapes` has one entry for each column: how many inputs are a number and whether it was missing,
    or the number of categories.
    """

    def __init__(self, shapes: Sequence[tuple[bool, int]], parts: Parts) -> None:
        super().__init__()
        numbers, others, self._tables = [], [], []
        self.tables = nn.ParameterList()
        at = 0
        for numeric, width in shapes:
            columns = list(range(at, at + width))
            if numeric and parts.periodic:
                numbers.append(columns[0])
                others += columns[1:]
            elif not numeric and parts.category_embedding and width > FEW_CATEGORIES:
                self._tables.append((at, at + width))
                self.tables.append(nn.Parameter(wg.randn(width, parts.category_embedding)))
            else:
                others += columns
            at += width
        self._plain = len(others) == at
        self.register_buffer("_others", wg.tensor(others, dtype=wg.int64), persistent=False)
        self.register_buffer("_numbers", wg.tensor(numbers, dtype=wg.int64), persistent=False)
        self.periodic = PeriodicEmbedding(len(numbers), parts.periodic) if numbers else None
        self.width = (
            len(others) + _PERIODIC_WIDTH * len(numbers)
            + parts.category_embedding * len(self._tables)
        )  # fmt: skip
        self.scale = nn.Parameter(wg.ones(self.width)) if parts.front_scale else None

    def forward(self, x: Tensor) -> Tensor:
        if not self._plain:
            pieces = [x.index_select(1, self._others)] if len(self._others) else []
            if self.periodic is not None:
                pieces.append(self.periodic(x.index_select(1, self._numbers)))
            for (start, end), table in zip(self._tables, self.tables, strict=True):
                pieces.append(wg.matmul(x[:, start:end], table))  # one-hot rows choose its rows
            x = wg.cat(pieces, 1)
        return x if self.scale is None else x * self.scale


class Members(nn.Module):
    """A linear layer that `members` networks share: y = (x * r) W' * s + b; r, s, b are their own.

    x is (members, n, inputs). The "BatchEnsemble" layer as TabM has it (Gorishniy et al., 2024):
    in the first layer r is of random signs, so that the members begin differently.
    """

    def __init__(self, inputs: int, outputs: int, members: int, first: bool) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(bound * (2 * wg.rand(outputs, inputs) - 1))
        signs = 2.0 * wg.randint(0, 2, (members, 1, inputs)).float() - 1
        self.before = nn.Parameter(signs if first else wg.ones(members, 1, inputs))
        self.after = nn.Parameter(wg.ones(members, 1, outputs))
        self.bias = nn.Parameter((bound * (2 * wg.rand(1, 1, outputs) - 1)).repeat(members, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x * self.before, self.weight) * self.after + self.bias


class Heads(nn.Module):
    """A linear layer for each member: (members, n, inputs) -> (members, n, outputs)."""

    def __init__(self, inputs: int, outputs: int, members: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(bound * (2 * wg.rand(members, inputs, outputs) - 1))
        self.bias = nn.Parameter(bound * (2 * wg.rand(members, 1, outputs) - 1))

    def forward(self, x: Tensor) -> Tensor:
        return wg.matmul(x, self.weight) + self.bias


class TabularNetwork(nn.Module):
    """(n, inputs) -> (n, outputs): logits of classes, or standardised numbers.

    With members, training gives (members * n, outputs), member by member; evaluation gives what
    they say together: the logarithm of their mean probabilities, or their mean number.
    """

    def __init__(
        self,
        shapes: Sequence[tuple[bool, int]],
        hidden: Sequence[int],
        outputs: int,
        dropout: float,
        parts: Parts,
        regression: bool,
    ) -> None:
        super().__init__()
        self.parts, self.regression = parts, regression
        self.front = Front(shapes, parts)
        width, layers = self.front.width, nn.ModuleList()
        for index, size in enumerate(hidden):
            layers.append(self._linear(width, size, index == 0))
            layers.append(
                LearnedActivation(parts.activation, size)
                if parts.learned_activation
                else Activation(parts.activation)
            )
            if dropout > 0:
                layers.append(nn.Dropout(dropout))
            width = size
        self.layers = layers
        self.head = (
            Heads(width, outputs, parts.members)
            if parts.members > 1
            else self._linear(width, outputs, False)
        )
        if parts.zero_head:
            for value in self.head.parameters():
                nn.init.zeros_(value)
        if regression and parts.clamp:
            self.register_buffer("low", wg.full((outputs,), -math.inf))
            self.register_buffer("high", wg.full((outputs,), math.inf))

    def _linear(self, width: int, size: int, first: bool) -> nn.Module:
        if self.parts.members > 1:
            return Members(width, size, self.parts.members, first)
        layer = nn.Linear(width, size)
        if self.parts.ntk:
            nn.init.normal_(layer.weight, 0.0, 1 / math.sqrt(width))
            assert layer.bias is not None
            nn.init.normal_(layer.bias)
        return layer

    def keep_within(self, wanted: Tensor) -> None:
        """Takes the range of `wanted`, (n,) or (n, outputs), for that of predictions."""
        if self.regression and self.parts.clamp:
            values = wanted.reshape(wanted.shape[0], -1)
            self.low.copy_(values.amin(0))
            self.high.copy_(values.amax(0))

    def forward(self, x: Tensor) -> Tensor:
        x = self.front(x)
        members = self.parts.members
        if members > 1:
            x = x.unsqueeze(0).expand(members, *x.shape)
        for layer in self.layers:
            x = layer(x)
        x = self.head(x)
        if members > 1:
            x = x.flatten(0, 1) if self.training else self._together(x)
        if not self.training and self.regression and self.parts.clamp:
            x = wg.minimum(wg.maximum(x, self.low), self.high)
        return x

    def _together(self, x: Tensor) -> Tensor:
        if self.regression:
            return x.mean(0)
        return F.log_softmax(x, 2).logsumexp(0) - math.log(self.parts.members)


def input_shapes(features: Sequence[Feature]) -> list[tuple[bool, int]]:
    """Of each column whether it is of numbers, and its inputs."""
    return [(feature.categories is None, feature.width) for feature in features]


def parameter_groups(network: nn.Module, lr: float, weight_decay: float) -> list[dict[str, object]]:
    """The parameters with their rates: see Note [ntk].

    RealMLP's factors: 6 for the scale in front, 0.1 for biases and periodic embeddings. Biases,
    scales and embeddings do not decay.
    """
    if not isinstance(network, TabularNetwork):
        return [{"params": list(network.parameters()), "lr": lr, "weight_decay": weight_decay}]
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, value in network.named_parameters():
        factor, decay = 1.0, 0.0
        if name == "front.scale":
            factor = 6.0
        elif name.startswith("front.periodic"):
            factor = 0.1
        elif network.parts.members > 1:
            decay = weight_decay if name.endswith("weight") else 0.0
        elif name.endswith("bias"):
            factor = 0.1 if network.parts.ntk else 1.0
        elif name.endswith("weight"):
            factor = 1 / math.sqrt(value.shape[1]) if network.parts.ntk else 1.0
            decay = weight_decay / factor
        groups.setdefault((factor, decay), []).append(value)
    return [
        {"params": values, "lr": lr * factor, "weight_decay": decay}
        for (factor, decay), values in groups.items()
    ]
