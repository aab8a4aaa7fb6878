"""The loader: batches out of a dataset.

Every pass first draws one int64 seed from the loader's generator (the base seed of the workers,
drawn without workers too), then whatever the sampler draws; see Note [index chunks].
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import repeat
from typing import Any, Generic, TypeVar, cast

from ... import _native, _order
from ..._functions import as_tensor
from ..._native import Tensor
from ..._typing import Generator
from ._utils.collate import default_collate, default_convert
from ._utils.worker import (
    END,
    Fetch,
    Fetcher,
    ReadAhead,
    Worker,
    WorkerInfo,
    get_worker_info,
    own_copy,
)
from .dataset import Dataset, IterableDataset, Subset, TensorDataset
from .sampler import (
    CHUNKED_SAMPLERS,
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
)

T_co = TypeVar("T_co", covariant=True)
_FIXED = frozenset(
    ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
)


class _EndlessSampler(Sampler[None]):
    """What an IterableDataset is "indexed" with."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


def _check_options(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; "
            "use num_workers=0 to disable multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if prefetch_factor is not None and num_workers == 0:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, "
            "otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_iterable(
    shuffle: bool | None, sampler: Iterable | None, batch_sampler: Iterable | None
) -> None:
    where = "DataLoader with IterableDataset: expected unspecified"
    if shuffle:
        raise ValueError(f"{where} shuffle option, but got shuffle={shuffle}")
    if sampler is not None:
        raise ValueError(f"{where} sampler option, but got sampler={sampler}")
    if batch_sampler is not None:
        raise ValueError(f"{where} batch_sampler option, but got batch_sampler={batch_sampler}")


def _check_batching(
    batch_size: int | None,
    shuffle: bool,
    sampler: Iterable | None,
    batch_sampler: Iterable | None,
    drop_last: bool,
) -> None:
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with "
                "batch_size, shuffle, sampler, and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )


class DataLoader(Generic[T_co]):
    """Iterates over `dataset` in batches.

    Args:
      dataset: a map-style `Dataset` or an `IterableDataset`.
      batch_size: samples per batch (default 1); None hands out single samples.
      shuffle: visit in a new random order on each pass.
      sampler: the order of indices; excludes `shuffle`.
      batch_sampler: lists of indices; excludes batch_size, shuffle, sampler and drop_last.
      num_workers: above 0, a thread makes batches ahead of their use, as that many workers in
        turn, each with random numbers of its own: the batches that PyTorch makes for the same seed.
        Python's `random` and NumPy's global generator are not seeded for them (default 0).
      collate_fn: list of samples -> batch, default `default_collate` (`default_convert`
        when batch_size is None).
      drop_last: leave out a last batch that is short.
      generator: what the base seed and the shuffle are drawn from, default the global one.
      timeout: seconds to wait for a batch of a worker, then RuntimeError; 0 waits forever.
      worker_init_fn: called with its number by each worker before its first batch; see
        `get_worker_info`.
      prefetch_factor: batches that are made ahead for each worker (default 2).
      persistent_workers: workers, with their random numbers and copies of the dataset, go on in the
        next pass; else each pass has new ones.
      pin_memory, multiprocessing_context, pin_memory_device, in_order: accepted; they concern
        processes or other devices and change nothing.

    Batches of a `TensorDataset` (or `Subset` of one) under the default collation are
    gathered with one `index_select` per tensor.

    Raises ValueError for options that contradict each other.
    """

    _initialized = False
    _reported_length: int | None = None  # of an IterableDataset, when len() was asked
    _workers: list[Worker] | None = None  # that persist
    _pass: weakref.ref | None = None  # theirs that was begun last

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable | None = None,
        batch_sampler: Sampler[list] | Iterable[list] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: object = None,
        generator: Generator = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_options(num_workers, timeout, prefetch_factor, persistent_workers)
        if multiprocessing_context is not None and num_workers == 0:
            raise ValueError(
                "multiprocessing_context can only be used with multi-process loading "
                f"(num_workers > 0), but got num_workers={num_workers}"
            )
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.timeout, self.worker_init_fn = timeout, worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            _check_iterable(shuffle, sampler, batch_sampler)
        _check_batching(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        if sampler is None:  # an empty list is a sampler too
            sampler = self._default_sampler(bool(shuffle), generator)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._initialized = True

    def _default_sampler(self, shuffle: bool, generator: Generator) -> Sampler:
        if self._iterable:
            return _EndlessSampler()
        dataset = cast("Sized", self.dataset)
        if shuffle:
            return RandomSampler(dataset, generator=generator)
        return SequentialSampler(dataset)

    def __setattr__(self, name: str, value: object) -> None:
        if self._initialized and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after DataLoader is initialized")
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        return _LoaderIterator(self)

    def __len__(self) -> int:
        """Batches per pass."""
        if not self._iterable:
            by = self.sampler if self.batch_sampler is None else self.batch_sampler
            return len(by)  # type: ignore[arg-type]
        count = self._reported_length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


class _LoaderIterator:
    """One pass. Without workers the base seed is drawn here, the sampler's with the first batch."""

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader
        indices, fetcher = _plan(loader)
        if loader.num_workers == 0:
            self._base_seed = _order.draw_seed(loader.generator)
            if loader.timeout != 0:
                raise AssertionError(
                    f"DataLoader: timeout is {loader.timeout}; without workers it must be 0"
                )
            self._batches = _batches(indices, fetcher(loader.dataset))
        else:
            self._batches = self._ahead(indices, fetcher)
        length = loader._reported_length
        if length is not None:
            self._batches = _counted(self._batches, loader.dataset, length)

    def _ahead(self, indices: Iterator[object], fetcher: Fetcher) -> ReadAhead:
        loader, n = self._loader, self._loader.num_workers
        workers = loader._workers
        if workers is None:
            seed = self._base_seed = _order.draw_seed(loader.generator)
            infos = [WorkerInfo(w, n, seed + w, own_copy(loader.dataset)) for w in range(n)]
            workers = [Worker(info, fetcher, loader.worker_init_fn) for info in infos]
        elif loader._pass is not None and (last := loader._pass()) is not None:
            last.close()
        factor = 2 if loader.prefetch_factor is None else max(loader.prefetch_factor, 1)
        made = ReadAhead(indices, workers, factor * n, loader.timeout)
        if loader.persistent_workers:
            loader._workers, loader._pass = workers, weakref.ref(made)
        return made

    def __iter__(self) -> _LoaderIterator:
        return self

    def __next__(self) -> Any:
        return next(self._batches)

    def __len__(self) -> int:
        return len(self._loader)


def _counted(batches: Iterator[object], dataset: object, length: int) -> Iterator[object]:
    """Warns when there are more than the dataset has said."""
    for count, batch in enumerate(batches, 1):
        if count > length:
            _native._warn(
                f"Length of IterableDataset {dataset} was reported to be {length} (when accessing "
                f"len(dataloader)), but {count} samples have been fetched. "
            )
        yield batch


def _batches(indices: Iterator[object], fetch: Fetch) -> Iterator[object]:
    for index in indices:
        batch = fetch(index)
        if batch is END:
            return
        yield batch


def _plan(loader: DataLoader) -> tuple[Iterator, Fetcher]:
    """What to ask for, batch by batch, and how a worker makes the batch out of its dataset."""
    collate = loader.collate_fn
    if loader._iterable:
        return repeat(None), lambda dataset: _next_of(_stream(loader, iter(dataset)))
    batch_sampler = loader.batch_sampler
    if batch_sampler is None:
        return iter(loader.sampler), lambda dataset: lambda index: collate(dataset[index])
    if (
        collate is default_collate
        and type(batch_sampler) is BatchSampler
        and type(batch_sampler.sampler) in CHUNKED_SAMPLERS
    ):
        found = _in_memory(loader.dataset)
        if found is not None:
            return batch_sampler._tensors(), lambda _: _gather(batch_sampler, *found)
    return iter(batch_sampler), lambda dataset: _fetch(dataset, collate)


def _in_memory(dataset: Any) -> tuple[tuple, list] | None:
    """The tensors behind `dataset` and the index tensors to go through, outermost first.

    None when it is something else than a TensorDataset under any number of Subsets.
    """
    through = []
    while type(dataset) is Subset:
        indices = as_tensor(list(dataset.indices), dtype=_native.int64)
        dataset = dataset.dataset
        if len(indices.shape) != 1 or type(dataset) not in (Subset, TensorDataset):
            return None
        through.append(_from_the_front(indices, len(dataset)))
    if type(dataset) is not TensorDataset or not dataset.tensors:
        return None
    if not all(isinstance(tensor, _native.Tensor) for tensor in dataset.tensors):
        return None
    return dataset.tensors, through


def _from_the_front(indices: Tensor, size: int) -> Tensor:
    """The indices of a dataset of `size`, of which negative ones count from the end."""
    if indices.shape[0] and int(indices.min().item()) < 0:
        return _native.where(indices < 0, indices + size, indices)
    return indices


def _gather(sampler: BatchSampler, tensors: tuple, through: list) -> Fetch:
    outer = through[0] if through else tensors[0]
    given = type(sampler.sampler) is SubsetRandomSampler  # by the user, who may count from the end

    def fetch(index: Tensor) -> list:
        if given:
            index = _from_the_front(index, outer.shape[0])
        for indices in through:
            index = indices.index_select(0, index)
        return [tensor.index_select(0, index) for tensor in tensors]

    return fetch


def _fetch(dataset: Any, collate: Callable[[list], object]) -> Fetch:
    many = getattr(dataset, "__getitems__", None)
    if many:
        return lambda indices: collate(many(indices))
    return lambda indices: collate([dataset[index] for index in indices])


def _next_of(batches: Iterator[object]) -> Fetch:
    return lambda _: next(batches, END)


def _stream(loader: DataLoader, samples: Iterator) -> Iterator[object]:
    size, collate = loader.batch_size, loader.collate_fn
    if size is None:
        for sample in samples:
            yield collate(sample)
        return
    batch: list = []
    for sample in samples:
        batch.append(sample)
        if len(batch) == size:
            yield collate(batch)
            batch = []
    if batch and not loader.drop_last:
        yield collate(batch)


__all__ = ["DataLoader", "get_worker_info"]
