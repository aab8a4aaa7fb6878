"""The order in which the rows of a dataset are visited, as tensors of indices.

Note [index chunks]
An order comes as int64 tensors, in chunks, and batches are slices of them: a loader over in-memory
tensors and a captured training loop never make a Python object of an index. A chunk is drawn when
its first index is needed and not before: the state that a generator is left in after any number of
batches is part of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import _native
from ._typing import Generator

_SEQUENTIAL_CHUNK = 1 << 16  # indices
_REPLACEMENT_CHUNK = 32  # draws; part of the contract, as each chunk is one randint call


def check_count(num_samples: object) -> None:
    """ValueError unless it is a positive int."""
    if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
        raise ValueError(
            f"num_samples should be a positive integer value, but got num_samples={num_samples}"
        )


def check_batches(batch_size: object, drop_last: object) -> None:
    """ValueError unless they are a positive int and a bool."""
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
        raise ValueError(
            f"batch_size should be a positive integer value, but got batch_size={batch_size}"
        )
    if not isinstance(drop_last, bool):
        raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")


def draw_seed(generator: Generator) -> int:
    """One int64 `random_()` from `generator` (None: the global one), as a seed."""
    return int(_native.empty((), dtype=_native.int64).random_(generator=generator).item())


def whole(size: int) -> Iterator[_native.Tensor]:
    """0, 1, ..., size - 1."""
    for start in range(0, size, _SEQUENTIAL_CHUNK):
        yield _native.arange(start, min(start + _SEQUENTIAL_CHUNK, size), dtype=_native.int64)


def _own(generator: Generator) -> _native.Generator:
    """Without a generator an order is drawn from one of its own, seeded by the global one."""
    if generator is None:
        generator = _native.Generator()
        generator.manual_seed(draw_seed(None))
    return generator


def shuffled(size: int, count: int, generator: Generator) -> Iterator[_native.Tensor]:
    """`count` indices below `size`: permutations, one after the other, the last cut short."""
    generator = _own(generator)
    for _ in range(count // size):
        yield _native.randperm(size, generator=generator)
    # Drawn even when nothing of it is used: the generator's state depends on it.
    yield _native.randperm(size, generator=generator)[: count % size]


def drawn(size: int, count: int, generator: Generator) -> Iterator[_native.Tensor]:
    """`count` indices below `size`, each drawn independently."""
    generator = _own(generator)
    for _ in range(count // _REPLACEMENT_CHUNK):
        yield _randint(size, _REPLACEMENT_CHUNK, generator)
    yield _randint(size, count % _REPLACEMENT_CHUNK, generator)


def _randint(high: int, count: int, generator: Generator) -> _native.Tensor:
    return _native.randint(0, high, (count,), dtype=_native.int64, generator=generator)


def batches(
    chunks: Iterable[_native.Tensor], size: int, drop_last: bool
) -> Iterator[_native.Tensor]:
    """Tensors of one batch of `size` indices after the other, as many as are drawn at once.

    A short batch, the last, comes alone, or not at all.
    """
    held: list[_native.Tensor] = []
    missing = size
    for chunk in chunks:
        start, length = 0, chunk.shape[0]
        if held:
            start = min(missing, length)
            held.append(chunk.narrow(0, 0, start))
            missing -= start
            if missing:
                continue
            yield _native.cat(held)
            held, missing = [], size
        if whole_batches := (length - start) // size * size:
            yield chunk.narrow(0, start, whole_batches)
            start += whole_batches
        if start < length:
            held, missing = [chunk.narrow(0, start, length - start)], size - (length - start)
    if held and not drop_last:
        yield _native.cat(held)
