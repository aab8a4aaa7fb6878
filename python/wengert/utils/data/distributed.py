"""The sampler that deals a dataset out to several replicas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

from ... import _native, distributed
from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """The share of `dataset` that replica `rank` of `num_replicas` sees.

    Every replica draws the same permutation, seeded with `seed + epoch` (`set_epoch`), and
    takes each `num_replicas`-th index. The indices are repeated from the start until all
    shares are equal, or with `drop_last` cut short. `num_replicas` and `rank` default to those of
    the process group, or to 1 and 0 where there is none. Raises ValueError for a rank out of range.
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.dataset = dataset
        group = distributed.is_initialized()
        if num_replicas is None:
            num_replicas = distributed.get_world_size() if group else 1
        if rank is None:
            rank = distributed.get_rank() if group else 0
        self.num_replicas, self.rank = num_replicas, rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(
                f"Invalid rank {self.rank}, rank should be in the interval "
                f"[0, {self.num_replicas - 1}]"
            )
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.epoch = 0
        size = len(dataset)
        shares = size / self.num_replicas
        self.num_samples = math.floor(shares) if drop_last else math.ceil(shares)
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        size = len(self.dataset)
        if self.shuffle:
            generator = _native.Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = _native.randperm(size, generator=generator).tolist()
        else:
            indices = list(range(size))
        if indices:
            indices *= math.ceil(self.total_size / size) or 1
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Gives the next pass another order; call it at the start of each epoch."""
        self.epoch = epoch


__all__ = ["DistributedSampler"]
