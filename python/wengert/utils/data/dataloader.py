"""The loader: batches out of a dataset.

Every pass first draws one int64 seed from the loader's generator (the base seed of the workers,
drawn without workers too), then whatever the sampler draws; see Note [index chunks].
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import repeat
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar, cast

from ... import _native, _order
from ..._functions import as_tensor
from ..._native import Tensor
from ..._typing import Generator, StateDict
from ._utils.ahead import Gather, ReadAhead
from ._utils.collate import default_collate, default_convert
from ._utils.process import Crew, Pass
from ._utils.progress import Progress, generators_of
from ._utils.states import random_state, set_random_state
from ._utils.worker import END, Fetch, Recipe, Resume, Task, get_worker_info
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


def _check_context(given: object, num_workers: int) -> None:
    if given is None:
        return
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading "
            f"(num_workers > 0), but got num_workers={num_workers}"
        )
    if isinstance(given, str):
        methods = multiprocessing.get_all_start_methods()
        if given not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{methods!r}, but got multiprocessing_context={given!r}"
            )
    elif not isinstance(given, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={given!r}"
        )


class DataLoader(Generic[T_co]):
    """Iterates over `dataset` in batches.

    Args:
      dataset: a map-style `Dataset` or an `IterableDataset`.
      batch_size: samples per batch (default 1); None hands out single samples.
      shuffle: visit in a new random order on each pass.
      sampler: the order of indices; excludes `shuffle`.
      batch_sampler: lists of indices; excludes batch_size, shuffle, sampler and drop_last.
      num_workers: above 0, that many processes make batches ahead of their use, each with random
        numbers of its own, Python's `random` and NumPy's global generator too: the batches that
        PyTorch makes for the same seed. Tensors come in shared memory (default 0).
      collate_fn: list of samples -> batch, default `default_collate` (`default_convert`
        when batch_size is None).
      drop_last: leave out a last batch that is short.
      generator: what the base seed and the shuffle are drawn from, default the global one.
      timeout: seconds to wait for a batch of a worker, then RuntimeError; 0 waits forever.
      multiprocessing_context: "fork", "spawn", "forkserver" or a context of `multiprocessing`;
        default Python's own. All but "fork" pickle the dataset and the functions given here.
      worker_init_fn: called with its number by each worker before its first batch; see
        `get_worker_info`.
      prefetch_factor: batches that are made ahead for each worker (default 2).
      persistent_workers: workers, with their random numbers and copies of the dataset, go on in the
        next pass; else each pass has new ones.
      pin_memory, pin_memory_device: accepted; they concern other devices and change nothing.
      in_order: False hands batches out as workers have made them, so that a slow one holds up
        none but its own; which comes when is then chance.

    Batches of a `TensorDataset` (or `Subset` of one) under the default collation are gathered with
    one `index_select` per tensor; with workers on a thread of this process, unless there is a
    `worker_init_fn` or a `multiprocessing_context`: no code of the caller's runs there, and nothing
    is to be sent.

    What a worker raises is raised here with its traceback, as the same class if that takes a
    message; a worker that is gone is a RuntimeError with its process's number. Raises ValueError
    for options that contradict each other.
    """

    _initialized = False
    _reported_length: int | None = None  # of an IterableDataset, when len() was asked
    _crew: Crew | None = None  # that persists
    _progress: Progress | None = None  # of the pass that was begun last
    _resumed: Progress | None = None  # where the next pass begins

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
        _check_context(multiprocessing_context, num_workers)
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
        return self._get_iterator()

    def _get_iterator(self) -> _BaseDataLoaderIter:
        return _ITERATORS[self.num_workers > 0](self)

    def __len__(self) -> int:
        """Batches per pass."""
        if not self._iterable:
            by = self.sampler if self.batch_sampler is None else self.batch_sampler
            return len(by)  # type: ignore[arg-type]
        count = self._reported_length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def state_dict(self) -> StateDict:
        """Where the pass that was begun last is, for `load_state_dict`.

        Numbers, bytes and lists of them: what `wengert.save` writes and `load` reads. It has the
        batches that were handed out, what the order was drawn with, and each worker's random
        numbers; of an `IterableDataset` with `state_dict` and `load_state_dict` of its own, what
        the former gives. The global generator is not in it: its state is the program's, see
        `wengert.get_rng_state`. RuntimeError within a pass of workers with `in_order=False`, of
        which nobody can say what is left.
        """
        progress = self._resumed or self._progress
        if progress is None:
            progress = Progress(self.num_workers)
        if progress.batches is not None and self.num_workers and not self.in_order:
            raise RuntimeError("DataLoader: a pass with in_order=False has no state to go on from")
        progress.generators = generators_of(self)
        return progress.state()

    def load_state_dict(self, state_dict: StateDict) -> None:
        """The next pass goes on where `state_dict` was called, with the batches that were left.

        They are those that would have come, bit by bit, for the same dataset and options, if the
        global generator is set to what it was. What was handed out is not made again, but for the
        samples of an `IterableDataset` that has no state of its own. ValueError for the state of a
        loader with another number of workers, or what is no state.
        """
        progress = Progress.of(state_dict)
        if progress.num_workers != self.num_workers:
            raise ValueError(
                f"DataLoader: the state is that of a loader with num_workers="
                f"{progress.num_workers}, this one has {self.num_workers}"
            )
        self._resumed = progress
        self._crew = None


class _BaseDataLoaderIter:
    """One pass. Without workers the base seed is drawn here, the sampler's with the first batch."""

    def __init__(self, loader: DataLoader) -> None:
        self._loader = loader
        self._batches: Iterator[object]
        resumed, loader._resumed = loader._resumed, None
        if resumed is None or resumed.batches is None:
            if resumed is not None:  # it was between two passes
                resumed.set_generators(loader, resumed.generators)
            self._progress = loader._progress = Progress(loader.num_workers, generators_of(loader))
            self._begin(None)
        else:
            self._progress = loader._progress = resumed
            with resumed.as_begun(loader):
                self._begin(resumed)
        length = loader._reported_length
        if length is not None:
            self._batches = _counted(self._batches, loader.dataset, length)

    def _begin(self, resumed: Progress | None) -> None:
        loader, progress = self._loader, self._progress
        indices, gather = _plan(loader)
        in_process = loader.num_workers == 0
        if in_process or loader._crew is None:
            if resumed is None or resumed.drawn:
                seed = _order.draw_seed(loader.generator)
                progress.base_seed = seed if resumed is None else resumed.base_seed
            progress.drawn = resumed is None or resumed.drawn
        else:
            progress.drawn = False
        if in_process and loader.timeout != 0:
            raise AssertionError(
                f"DataLoader: timeout is {loader.timeout}; without workers it must be 0"
            )
        done = (resumed.batches or 0) if resumed is not None else 0
        if not loader._iterable:
            for _ in range(done):
                next(indices, None)
        if gather is not None and in_process:
            self._batches = map(gather, indices)
        elif gather is not None:
            self._batches = ReadAhead(indices, gather, _ahead(loader))
        elif in_process:
            self._batches = _batches(indices, _fetcher(loader, resumed))
        else:
            self._batches = self._passing(indices, resumed)

    def _passing(self, indices: Iterator[object], resumed: Progress | None) -> Pass:
        loader, progress = self._loader, self._progress
        crew = loader._crew
        if crew is None:
            crew = Crew(loader.multiprocessing_context, _tasks(loader, progress, resumed))
        else:
            progress.base_seed = crew.base_seed
        made = Pass(
            crew, indices, loader.timeout, loader.persistent_workers, progress.remember,
            loader.in_order,
        )  # fmt: skip
        progress.crew_states, progress.turns = crew.states, made.turns
        if resumed is not None and resumed.asked is not None:
            made.go_on(resumed.asked, resumed.active, resumed.turn)
        else:
            made.begin(_ahead(loader))
        if loader.persistent_workers:
            loader._crew = crew
        return made

    def __iter__(self) -> _BaseDataLoaderIter:
        return self

    def __next__(self) -> Any:
        try:
            batch = next(self._batches)
        except StopIteration:
            self._progress.finish()
            raise
        self._progress.count()
        return batch

    def __len__(self) -> int:
        return len(self._loader)


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """A pass without workers."""


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """A pass with workers."""


_ITERATORS = (_SingleProcessDataLoaderIter, _MultiProcessingDataLoaderIter)


def _ahead(loader: DataLoader) -> int:
    factor = 2 if loader.prefetch_factor is None else max(loader.prefetch_factor, 1)
    return factor * loader.num_workers


def _tasks(loader: DataLoader, progress: Progress, resumed: Progress | None) -> list[Task]:
    n = loader.num_workers
    resumes: list[Resume | None] = [None] * n
    if resumed is not None:
        resumes = [resumed.resume(worker) for worker in range(n)]
    return [
        Task(loader.dataset, _recipe(loader), loader.worker_init_fn, progress.base_seed, w, n, at)
        for w, at in enumerate(resumes)
    ]


def _recipe(loader: DataLoader) -> Recipe:
    return Recipe(
        loader.collate_fn,
        loader._iterable,
        loader.batch_sampler is not None,
        loader.batch_size,
        loader.drop_last,
    )


def _fetcher(loader: DataLoader, resumed: Progress | None) -> Fetch:
    """Of a loader without workers."""
    recipe = _recipe(loader)
    if resumed is None or not loader._iterable:
        return recipe.fetcher(loader.dataset)
    at = resumed.resume(0)
    before = random_state()
    try:
        if at is not None and at.dataset is not None:
            getattr(loader.dataset, "load_state_dict")(at.dataset)  # noqa: B009
            return recipe.fetcher(loader.dataset)
        return recipe.fetcher(loader.dataset, resumed.batches or 0)
    finally:
        set_random_state(before)


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


def _plan(loader: DataLoader) -> tuple[Iterator, Gather | None]:
    """What to ask for, batch by batch; and what gathers it, if that is tensors in memory."""
    if loader._iterable:
        return repeat(None), None
    batch_sampler = loader.batch_sampler
    if batch_sampler is None:
        return iter(loader.sampler), None
    if (
        loader.collate_fn is default_collate
        and loader.worker_init_fn is None
        and loader.multiprocessing_context is None
        and type(batch_sampler) is BatchSampler
        and type(batch_sampler.sampler) in CHUNKED_SAMPLERS
    ):
        found = _in_memory(loader.dataset)
        if found is not None:
            return batch_sampler._tensors(), _gather(batch_sampler, *found)
    return iter(batch_sampler), None


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


def _gather(sampler: BatchSampler, tensors: tuple, through: list) -> Gather:
    outer = through[0] if through else tensors[0]
    given = type(sampler.sampler) is SubsetRandomSampler  # by the user, who may count from the end

    def fetch(index: Tensor) -> list:
        if given:
            index = _from_the_front(index, outer.shape[0])
        for indices in through:
            index = indices.index_select(0, index)
        return [tensor.index_select(0, index) for tensor in tensors]

    return fetch


__all__ = ["DataLoader", "get_worker_info"]
