"""Samplers: the order in which a loader visits a dataset.

The samplers of this file produce their indices as int64 tensors (`_chunks`, see Note [index
chunks]), and their `__iter__` only unpacks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Generic, TypeVar

from ... import _native, _order
from ..._functions import as_tensor
from ..._native import Tensor
from ..._typing import Generator

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base of all samplers: subclasses define `__iter__` over indices, usually `__len__`."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("Subclasses of Sampler should implement __iter__.")


class _ChunkedSampler(Sampler[int]):
    """A sampler whose indices come as int64 tensors; see Note [index chunks]."""

    def _chunks(self) -> Iterator[Tensor]:
        raise NotImplementedError

    def __iter__(self) -> Iterator[int]:
        for chunk in self._chunks():
            yield from chunk.tolist()


class SequentialSampler(_ChunkedSampler):
    """0, 1, ..., len(data_source) - 1."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def _chunks(self) -> Iterator[Tensor]:
        return _order.whole(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(_ChunkedSampler):
    """Indices of `data_source` in random order.

    Args:
      replacement: draw each index independently (default False: permutations).
      num_samples: how many to draw, default `len(data_source)`; more than that without
        replacement means several permutations, one after the other.
      generator: default None: each pass draws a seed from the global generator and uses a
        generator of its own.

    Raises ValueError when `num_samples` is not positive, TypeError when `replacement` is
    not a bool.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got {replacement=}")
        _order.check_count(self.num_samples)

    @property
    def num_samples(self) -> int:
        # The dataset may have grown since the sampler was made.
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def _chunks(self) -> Iterator[Tensor]:
        order = _order.drawn if self.replacement else _order.shuffled
        return order(len(self.data_source), self.num_samples, self.generator)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(_ChunkedSampler):
    """The given `indices` in random order: one `randperm(len(indices))` per pass."""

    def __init__(self, indices: Sequence[int], generator: Generator = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for position in _native.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[position]

    def _chunks(self) -> Iterator[Tensor]:
        order = _native.randperm(len(self.indices), generator=self.generator)
        yield as_tensor(list(self.indices), dtype=_native.int64).index_select(0, order)

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(_ChunkedSampler):
    """`num_samples` indices of 0..len(weights)-1, drawn in proportion to `weights`.

    One `multinomial` of the float64 weights per pass. Raises ValueError for a count that is
    not positive, a `replacement` that is not a bool, or weights that are not 1-d.
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator = None,
    ) -> None:
        _order.check_count(num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        values = as_tensor(weights, dtype=_native.float64)
        if len(values.shape) != 1:
            raise ValueError(
                "weights should be a 1d sequence but given weights have shape "
                f"{tuple(values.shape)}"
            )
        self.weights = values
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def _chunks(self) -> Iterator[Tensor]:
        yield _native.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list]):
    """Lists of `batch_size` indices from `sampler`; the last, short one unless `drop_last`."""

    def __init__(self, sampler: Iterable, batch_size: int, drop_last: bool) -> None:
        _order.check_batches(batch_size, drop_last)
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def _tensors(self) -> Iterator[Tensor]:
        """The batches as int64 tensors. `sampler` must be one of this file's."""
        chunks = self.sampler._chunks()  # type: ignore[attr-defined]
        for run in _order.batches(chunks, self.batch_size, self.drop_last):
            length = run.shape[0]
            for start in range(0, length, self.batch_size):
                yield run.narrow(0, start, min(self.batch_size, length - start))

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


CHUNKED_SAMPLERS = (SequentialSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler)

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]
