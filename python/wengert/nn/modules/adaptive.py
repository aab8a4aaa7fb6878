"""The adaptive softmax, for many classes of very different frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, cast

from ... import _native
from ..._native import Tensor
from ..._typing import Device, Dtype
from .. import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class _ASMoutput(NamedTuple):
    """What AdaptiveLogSoftmaxWithLoss gives: log-probabilities of the targets, and the loss."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """The log-probabilities of targets, and minus their mean, by a softmax in two steps.

    Classes are ordered by their frequency, the commonest first. Those below `cutoffs[0]`, the
    shortlist, are outputs of the head; each range from there to the next cutoff, at last to
    `n_classes`, is a cluster i, which is one output of the head and has a softmax of its own, of
    in_features // div_value^(i + 1) features. What a target costs is the head and its cluster
    alone; as many rows as a cluster has decide what is computed, which a captured function
    refuses. `log_prob` can be captured.

    ValueError unless `cutoffs` are different integers in order, all in [1, n_classes - 1].
    Grave et al., "Efficient softmax approximation for GPUs", 2017.
    """

    in_features: int
    n_classes: int
    cutoffs: list[int]
    div_value: float
    head_bias: bool
    head: Linear
    tail: ModuleList

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Device = None,
        dtype: Dtype = None,
    ) -> None:
        super().__init__()
        cuts = list(cutoffs)
        if not cuts:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cuts != sorted(set(cuts))
            or cuts[0] <= 0
            or cuts[-1] > n_classes - 1
            or any(int(c) != c for c in cuts)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                f"order, where each value is between 1 and n_classes-1, got {cuts} of {n_classes}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cuts, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            width = int(in_features // div_value ** (i + 1))
            projection = Linear(in_features, width, False, device, dtype)
            self.tail.append(
                Sequential(projection, Linear(width, high - low, False, device, dtype))
            )

    def reset_parameters(self) -> None:
        """Draws all weights anew."""
        self.head.reset_parameters()
        for cluster in self.tail:
            for layer in cast("Sequential", cluster):
                cast("Linear", layer).reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """(n, in_features), (n) int64 -> (n), (); or (in_features), () -> (), ()

        RuntimeError for shapes that do not fit, and for targets that are no classes.
        """
        self._check(input_, target_)
        alone = target_.dim() == 0
        x = input_.unsqueeze(0) if alone else input_  # (n, in_features)
        target = target_.unsqueeze(0) if alone else target_  # (n)
        place = target  # of the head's outputs the one on the way to the target
        within = x.new_zeros(target.shape)  # what the target's cluster adds
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if not rows.numel():
                continue
            inner = F.log_softmax(self.tail[i](x.index_select(0, rows)), dim=1)
            own = target.index_select(0, rows) - low
            found = inner.gather(1, own.unsqueeze(1)).squeeze(1)
            within = within.index_copy(0, rows, found.to(within.dtype))
            place = place.index_fill(0, rows, self.shortlist_size + i)
        outer = F.log_softmax(self.head(x), dim=1)  # (n, head_size)
        output = within + outer.gather(1, place.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output.squeeze(0) if alone else output, loss)

    def _check(self, input: Tensor, target: Tensor) -> None:
        if target.dim() > 1:
            raise RuntimeError(
                "0D or 1D target tensor expected, multi-target not supported, got shape "
                f"{tuple(target.shape)}"
            )
        if input.dim() != target.dim() + 1:
            raise RuntimeError(
                f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but "
                f"found inputs with size {tuple(input.shape)}"
            )
        if target.dim() and input.size(0) != target.size(0):
            raise RuntimeError(
                "Input and target should have the same size in the batch dimension, got "
                f"{input.size(0)} and {target.size(0)}"
            )
        if not target.numel():
            return
        low, high = int(target.min()), int(target.max())
        if low < 0 or high >= self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{low}, {high}] were found"
            )

    def _all_log_prob(self, input: Tensor, head_output: Tensor) -> Tensor:
        outer = F.log_softmax(head_output, dim=1)  # (n, head_size)
        parts = [outer[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            inner = F.log_softmax(cluster(input), dim=1)
            parts.append(inner + outer[:, self.shortlist_size + i].unsqueeze(1))
        return _native.cat(parts, 1)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (n, in_features) -> (n, n_classes)"""
        return self._all_log_prob(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class: (n, in_features) -> (n) int64

        Clusters are computed only of the rows whose largest output of the head is a cluster.
        """
        head_output = self.head(input)
        output = head_output.argmax(dim=1)
        rows = (output >= self.shortlist_size).nonzero().squeeze(1)
        if not rows.numel():
            return output
        some = self._all_log_prob(input.index_select(0, rows), head_output.index_select(0, rows))
        return output.index_copy(0, rows, some.argmax(dim=1))
