"""Samplers: the order in which a loader visits a dataset.

Note [index chunks]. The samplers of this file produce their indices as int64 tensors, in
chunks (`_chunks`), and their `__iter__` only unpacks them. A loader over in-memory tensors
takes the chunks as they are and slices them, so no index ever becomes a Python object.
A chunk is drawn when its first index is needed and not before: the state that a generator
is left in after any number of batches is part of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

from ... import _native
from ..._functions import as_tensor

T_co = TypeVar("T_co", covariant=True)
_SEQUENTIAL_CHUNK = 1 << 16  # indices
_REPLACEMENT_CHUNK = 32  # draws; part of the contract, as each chunk is one randint call


class Sampler(Generic[T_co]):
    """Base of all samplers: subclasses define `__iter__` over indices, usually `__len__`."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("Subclasses of Sampler should implement __iter__.")


class _ChunkedSampler(Sampler[int]):
    """A sampler whose indices come as int64 tensors; see Note [index chunks]."""

    def _chunks(self) -> Iterator[Any]:
        raise NotImplementedError

    def __iter__(self) -> Iterator[int]:
        for chunk in self._chunks():
            yield from chunk.tolist()


class SequentialSampler(_ChunkedSampler):
    """0, 1, ..., len(data_source) - 1."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def _chunks(self) -> Iterator[Any]:
        size = len(self.data_source)
        for start in range(0, size, _SEQUENTIAL_CHUNK):
            yield _native.arange(start, min(start + _SEQUENTIAL_CHUNK, size), dtype=_native.int64)

    def __len__(self) -> int:
        return len(self.data_source)


def _check_count(num_samples: Any) -> None:
    if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
        raise ValueError(
            f"num_samples should be a positive integer value, but got num_samples={num_samples}"
        )


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
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got {replacement=}")
        _check_count(self.num_samples)

    @property
    def num_samples(self) -> int:
        # The dataset may have grown since the sampler was made.
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def _chunks(self) -> Iterator[Any]:
        size, count, generator = len(self.data_source), self.num_samples, self.generator
        if generator is None:
            generator = _native.Generator()
            generator.manual_seed(draw_seed(None))
        if self.replacement:
            for _ in range(count // _REPLACEMENT_CHUNK):
                yield _randint(size, _REPLACEMENT_CHUNK, generator)
            yield _randint(size, count % _REPLACEMENT_CHUNK, generator)
            return
        for _ in range(count // size):
            yield _native.randperm(size, generator=generator)
        # Drawn even when nothing of it is used: the generator's state depends on it.
        yield _native.randperm(size, generator=generator)[: count % size]

    def __len__(self) -> int:
        return self.num_samples


def draw_seed(generator: Any) -> int:
    """One int64 `random_()` from `generator` (None: the global one), as a seed."""
    return int(_native.empty((), dtype=_native.int64).random_(generator=generator).item())


def _randint(high: int, count: int, generator: Any) -> Any:
    return _native.randint(0, high, (count,), dtype=_native.int64, generator=generator)


class SubsetRandomSampler(_ChunkedSampler):
    """The given `indices` in random order: one `randperm(len(indices))` per pass."""

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for position in _native.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[position]

    def _chunks(self) -> Iterator[Any]:
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
        generator: Any = None,
    ) -> None:
        _check_count(num_samples)
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

    def _chunks(self) -> Iterator[Any]:
        yield _native.multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list]):
    """Lists of `batch_size` indices from `sampler`; the last, short one unless `drop_last`."""

    def __init__(self, sampler: Iterable, batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield batch

    def _runs(self) -> Iterator[Any]:
        """The batches as int64 tensors of one batch after the other, as many as are drawn at once.

        A short batch comes alone. `sampler` must be one of this file's.
        """
        size = self.batch_size
        held: list[Any] = []
        missing = size
        for chunk in self.sampler._chunks():  # type: ignore[attr-defined]
            start, length = 0, chunk.shape[0]
            if held:
                start = min(missing, length)
                held.append(chunk.narrow(0, 0, start))
                missing -= start
                if missing:
                    continue
                yield _native.cat(held)
                held, missing = [], size
            if whole := (length - start) // size * size:
                yield chunk.narrow(0, start, whole)
                start += whole
            if start < length:
                held, missing = [chunk.narrow(0, start, length - start)], size - (length - start)
        if held and not self.drop_last:
            yield _native.cat(held)

    def _tensors(self) -> Iterator[Any]:
        """The batches one by one."""
        for run in self._runs():
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
