"""Distributions that are given by probabilities or by log odds, whichever is at hand."""

from __future__ import annotations

from .. import _native
from .._native import Tensor
from .distribution import Distribution
from .utils import (
    Param,
    both_or_neither,
    broadcast_all,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["LogOdds"]


class LogOdds(Distribution):
    """`probs` or `logits` = log(probs / (1 - probs)); the other is computed when it is read."""

    def _give(self, probs: Param | None, logits: Param | None) -> None:
        """Takes the one that is given, as a tensor."""
        both_or_neither(probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
        elif logits is not None:
            (self.logits,) = broadcast_all(logits)

    def _give_with_count(
        self, total_count: Param, probs: Tensor | None, logits: Tensor | None
    ) -> Tensor:
        """The same of tensors beside `total_count`, which is returned in their shape and dtype."""
        both_or_neither(probs, logits)
        if probs is not None:
            count, self.probs = broadcast_all(total_count, probs)
        elif logits is not None:
            count, self.logits = broadcast_all(total_count, logits)
        return count.type_as(self._param)

    @property
    def _param(self) -> Tensor:
        return self.probs if "probs" in self.__dict__ else self.logits

    @lazy_property
    def logits(self) -> Tensor:
        """The log odds."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> _native.Size:
        """The shape of the parameter."""
        return self._param.size()
